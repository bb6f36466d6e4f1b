/* A part: the points of all series within one range of the record's entries, in one file that is written once and never
 * changed. Derived data: a part that is not whole, or not of this record, is removed and made again from the record.
 *
 *   file   head 88: "SKH1" | first u64 | end u64 | root 32 (RFC 6962, over the first `end` entries) | rows u32 | directory u64 |
 *                   given up u64 | check 16 (SHA-256 of the head before it and the directory)
 *          blobs, sealed under the data key of the series' subject: blocks, and for each series the heads of its blocks
 *          directory: a row for each series, by rising number */
#ifndef HISTORY_PART_H
#define HISTORY_PART_H

#include "crypto/hash.h"
#include "history/block.h"
#include "ledger/ledger.h"

enum { PART_HEAD = 88, PART_ROW = 4 + 4 + 4 + 4 + 5 * 8, PART_SERIES_MAX = 1 << 20, PART_PATH = 640 };

struct part_row {
    uint32_t series, blocks, points, bytes; /* bytes: of the stored heads */
    uint64_t at, seal, check;
    int64_t ms_min, ms_max;
};
struct part {
    uint64_t first, end, given_up; /* entries; given_up: data entries of it that could not be read when it was made */
    struct hash root;
    struct part_row *rows;         /* owned */
    size_t n;
};

/* How a blob is sealed: under a subject's key, "" not at all. */
struct part_seal {
    struct ledger *ledger;
    uint64_t next; /* numbers no entry of the record has (bit 63), none twice */
};

/* ---- writing ---- */
struct part_maker {
    int fd;
    uint64_t at;
    struct part part;
    size_t cap;
    struct buffer plain, sealed, heads;
    struct part_seal *seal;
};
/* path: of the file until it is whole. */
MUST outcome part_make(struct part_maker *m, const char *path, struct part_seal *seal);
/* All points of one series, entries rising; series rise from call to call. */
MUST outcome part_add(struct part_maker *m, uint32_t series, const char *subject, const struct point *p, size_t n);
/* Directory and head, then the name. The part is the caller's (part_deinit). */
MUST outcome part_finish(struct part_maker *m, const char *from, const char *to, struct part *ret);
void part_maker_deinit(struct part_maker *m);

/* What is stored beside sealed bytes to tell that they are the same. */
uint64_t history_check(struct bytes b);

/* ---- reading ---- */
/* Head and directory. E_CHANGED, E_SHORT, E_MALFORMED: not a whole part. */
MUST outcome part_open(const char *path, struct part *ret);
void part_deinit(struct part *p);
/* NULL: nothing of that series. */
const struct part_row *part_row(const struct part *p, uint32_t series);
/* Heads of a row's blocks: clears and fills b with struct block. E_UNKNOWN: its key is no more. */
MUST outcome part_heads(int fd, struct ledger *l, const struct part_row *r, struct buffer *b);
MUST outcome part_points(int fd, struct ledger *l, const struct block *k, struct point ret[BLOCK_POINTS]);

#endif
