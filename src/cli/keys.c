#include "cli/keys.h"

#include <stdio.h>
#include <sys/stat.h>

#include "cli/owner.h"

void keys_path(const struct cli *c, const char *name, char ret[KEYS_PATH])
{
    snprintf(ret, KEYS_PATH, "%s/keys/%s", c->state, name);
}

outcome keys_store(const struct cli *c, const char *name, struct bytes b, int mode)
{
    char path[KEYS_PATH], dir[KEYS_PATH];
    struct stat s;
    keys_path(c, name, path);
    keys_path(c, "", dir);
    if (stat(dir, &s) != 0) return REFUSE(E_MISSING);
    TRY(port_file_store(path, b, mode));
    return owner_give((struct owner) { s.st_uid, s.st_gid }, path);
}

outcome keys_load(const struct cli *c, const char *name, struct buffer *ret)
{
    char path[KEYS_PATH];
    keys_path(c, name, path);
    return port_file_load(path, KEYS_PEM_MAX, ret);
}
