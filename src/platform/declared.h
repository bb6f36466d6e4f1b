/* A declared stream as a document: read strictly, written whole. What is wrong is named where it stands. */
#ifndef PLATFORM_DECLARED_H
#define PLATFORM_DECLARED_H

#include "platform/registry.h"

struct declared_wrong {
    const struct doc *at;   /* for its line; NULL: nowhere in particular */
    char text[200];
};

/* wrong may be NULL. E_MALFORMED, E_RANGE, E_TOO_LARGE. */
MUST outcome declared_read(const struct doc *d, struct stream *ret, struct declared_wrong *wrong);
const char *form_type_word(enum form_type t);

#endif
