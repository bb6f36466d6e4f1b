/* Which declared stream a topic is of, without asking them all: streams by their first four levels where those are
 * plain, and the few others. Inside the registry only. */
#ifndef PLATFORM_STREAM_INDEX_H
#define PLATFORM_STREAM_INDEX_H

#include "platform/registry.h"

struct stream_index {
    uint32_t *heads, *next; /* place + 1 in the order of specificity; heads: size of them, by hash */
    size_t size, n;
    uint32_t loose;         /* chain of those with a wildcard in the first levels, or fewer levels */
    uint64_t seed;
};

/* rows: the most specific first. E_MEMORY leaves an index that knows nothing (n = 0). */
MUST outcome stream_index_build(struct stream_index *x, void *const *rows, size_t n);
void stream_index_deinit(struct stream_index *x);
/* The first row that meets the topic; NULL if none. rows as they were built from. */
const struct stream *stream_index_find(const struct stream_index *x, void *const *rows, struct bytes topic);

#endif
