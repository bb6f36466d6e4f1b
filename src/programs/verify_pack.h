/* `sekimori-verify pack`: an audit pack against the signed head it carries. */
#ifndef PROGRAMS_VERIFY_PACK_H
#define PROGRAMS_VERIFY_PACK_H

#include <stdbool.h>

/* key "": the pack's own. The exit code of sekimori-verify. */
int verify_pack(const char *path, const char *key, bool ja);

#endif
