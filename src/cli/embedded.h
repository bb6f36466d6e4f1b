/* Files of catalogue/ that travel inside the command line (tools/embed.py). */
#ifndef CLI_EMBEDDED_H
#define CLI_EMBEDDED_H

#include "base/embedded.h"

extern const struct embedded embedded_files[];
/* NULL: there is none of this name. report.c */
const struct embedded *embedded_find(const char *name);

#endif
