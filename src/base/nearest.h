/* "Did you mean": the candidate nearest to what was written, for errors in reviewed files. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/bytes.h"

/* The candidate nearest to got by edit distance, if near enough to be what was meant; else NULL. candidate
 * returns NULL behind the last. */
const char *text_nearest(const char *got, const char *(*candidate)(const void *ctx, size_t i), const void *ctx);

#endif
