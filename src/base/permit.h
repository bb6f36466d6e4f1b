/* Work permits as the data's path knows them: who may work where, from when to when. Made by whoever grants and closes
 * permits, handed over by node, asked by a grant's "when: { permit: true }". A permit allows nothing by itself. */
#ifndef BASE_PERMIT_H
#define BASE_PERMIT_H

#include "base/outcome.h"

#define PERMIT_ID_MAX 24
#define PERMIT_STREAM_MAX 128

struct permit {
    char id[PERMIT_ID_MAX];          /* "WP-7" */
    char subject[64];                /* the identity or person it names */
    char stream[PERMIT_STREAM_MAX];  /* MQTT filter over topics */
    int64_t from_ms, until_ms;       /* wall; until is not part of it */
    bool emergency;                  /* no work permit but an emergency access: asked for by "when: { emergency: true }" */
};

/* The open ones; swapped in one step. Owned by whoever made them. epoch rises with every change. */
struct permits {
    const struct permit *rows;
    size_t n;
    uint64_t epoch;
};

#endif
