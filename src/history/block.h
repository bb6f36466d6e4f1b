/* A block: up to BLOCK_POINTS points of one series, in the order of their entries, as four columns of differences of
 * differences (a run of zeros is one number), and its head: what is known of it without opening it. Pure. */
#ifndef HISTORY_BLOCK_H
#define HISTORY_BLOCK_H

#include "base/bytes.h"

enum { BLOCK_POINTS = 1024, BLOCK_HEAD = 13 * 8 + 4 + 4, BLOCK_BYTES_MAX = BLOCK_POINTS * 42 };
#define POINT_FLAGGED ((uint64_t)1 << 63)

struct point {
    int64_t ms;          /* measured */
    int64_t recorded_ms;
    int64_t milli;       /* 0 where the value is a text: read it from the entry */
    uint64_t entry;      /* of the record, rising; POINT_FLAGGED is set in it where trust was low */
};
static inline uint64_t point_entry(const struct point *p)
{
    return p->entry & ~POINT_FLAGGED;
}

struct block {
    uint32_t n, bytes;                        /* points; length of its stored form */
    uint64_t at, seal, check;                 /* where it is stored, under what number sealed, its stored form's hash (8 bytes) */
    struct point first;
    uint64_t last_entry;
    int64_t ms_min, ms_max, min, max, sum;    /* sum: |milli| <= 9e15 (wire/flat.h) times BLOCK_POINTS fits */
};

/* n from 1 to BLOCK_POINTS, entries rising. Fills the head (but at, bytes, seal, check) and writes the columns. */
void block_write(const struct point *p, size_t n, struct block *ret, struct out *o);
/* The points again; E_MALFORMED, E_SHORT. */
MUST outcome block_read(const struct block *b, struct bytes in, struct point ret[BLOCK_POINTS]);
void block_head_write(const struct block *b, struct out *o);
MUST outcome block_head_read(struct bytes *in, struct block *ret);

#endif
