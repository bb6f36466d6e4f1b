/* Single-producer single-consumer ring of length-prefixed records in shared memory, with one
 * eventfd wake a turn. The two ends do not trust each other: the consumer copies a record out
 * before looking at it, and every length is checked against the ring. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "base/bytes.h"

#define RING_RECORD_MAX (4u << 20)

struct ring_shared; /* what both ends map */

struct ring {
    struct ring_shared *shared;
    uint8_t *data;
    uint64_t cap;     /* power of two */
    uint64_t mine;    /* this end's own position, never read back from shared memory */
    uint64_t theirs;  /* last seen position of the other end */
    int wake_fd;      /* eventfd */
    bool dirty;       /* something was put since the last flush */
};

/* Bytes of shared memory for a ring of cap data bytes. */
size_t ring_size(uint64_t cap);
/* memory is zeroed by whoever made it (memfd). */
void ring_attach_producer(struct ring *r, void *memory, uint64_t cap, int wake_fd);
void ring_attach_consumer(struct ring *r, void *memory, uint64_t cap, int wake_fd);

/* E_FULL when there is no room now, E_TOO_LARGE when there never will be. Parts are concatenated. */
MUST outcome ring_put(struct ring *r, const struct bytes *parts, size_t n_parts);
/* Bytes that could be put as one record now. */
size_t ring_room(struct ring *r);
/* Makes everything put visible and wakes the consumer once. */
void ring_flush(struct ring *r);
/* Copies the next record into to (cap RING_RECORD_MAX or more). E_AGAIN when empty, E_MALFORMED
 * when the other end broke the ring: drop it then. */
MUST outcome ring_take(struct ring *r, struct out *to);

#endif
