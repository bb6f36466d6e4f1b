/* Files of catalogue/ that travel inside the program (tools/embed.py). */
#ifndef CLI_EMBEDDED_H
#define CLI_EMBEDDED_H

#include <stddef.h>

struct embedded {
    const char *name;           /* below catalogue/; NULL ends the table */
    const unsigned char *at;
    size_t n;
};
extern const struct embedded embedded_files[];

#endif
