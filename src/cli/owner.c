/* Whose files a site's are. The folder itself goes last: until then it is the caller's alone, and nobody can put a link into it. */
#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <unistd.h>

#include "cli/owner.h"

int owner_named(struct cli *c, struct owner *ret)
{
    const char *name = flag(c, "user");
    *ret = (struct owner) { geteuid(), getegid() };
    if (!name) return EXIT_OK;
    const struct passwd *p = getpwnam(name);
    if (!p) return complain(c, EXIT_NOT_FOUND, "SK-1084", cli_say(c, W_NO_USER), name, NULL);
    *ret = (struct owner) { p->pw_uid, p->pw_gid };
    return EXIT_OK;
}

outcome owner_give(struct owner o, const char *path)
{
    return o.uid != geteuid() && lchown(path, o.uid, o.gid) != 0 ? REFUSE_SYS(E_IO, errno) : DONE;
}

static struct owner walking; /* nftw hands nothing through */

static int give_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s, (void)type, (void)at;
    return ok(owner_give(walking, path)) ? 0 : errno ? errno : EIO;
}

outcome owner_give_tree(struct owner o, const char *dir)
{
    enum { FOLDERS_OPEN = 16 };
    if (o.uid == geteuid()) return DONE;
    walking = o;
    int failed = nftw(dir, give_one, FOLDERS_OPEN, FTW_PHYS | FTW_DEPTH | FTW_MOUNT);
    return failed == 0 ? DONE : REFUSE_SYS(E_IO, failed > 0 ? failed : errno);
}
