/* Which user a site's files belong to (--user NAME): whoever the daemon runs as. */
#ifndef CLI_OWNER_H
#define CLI_OWNER_H

#include <sys/types.h>

#include "cli/cli.h"

struct owner {
    uid_t uid;
    gid_t gid;
};

/* The user of --user, else the caller's; complains itself: EXIT_NOT_FOUND when this machine has no such user. */
int owner_named(struct cli *c, struct owner *ret);
/* Hands over one file or folder, never what a link points to. E_IO. */
MUST outcome owner_give(struct owner o, const char *path);
/* The whole folder, itself last. */
MUST outcome owner_give_tree(struct owner o, const char *dir);

#endif
