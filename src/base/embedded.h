/* Files of catalogue/ that travel inside the program (tools/embed.py). */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

struct embedded {
    const char *name;           /* below catalogue/; NULL ends the table */
    const unsigned char *at;
    size_t n;
};

#endif
