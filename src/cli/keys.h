/* Files of the site's own keys (STATE/keys), for the commands that bring some. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli/cli.h"

enum { KEYS_PATH = 700, KEYS_PEM_MAX = 16000 };

/* name "": the folder. */
void keys_path(const struct cli *c, const char *name, char ret[KEYS_PATH]);
/* Its reader's: whoever owns the folder of keys. E_MISSING: there is no such folder; E_IO. */
MUST outcome keys_store(const struct cli *c, const char *name, struct bytes b, int mode);
MUST outcome keys_load(const struct cli *c, const char *name, struct buffer *ret);

#endif
