/* History: the recorded readings, by series and time, in compressed blocks beside the record. Made from the record alone and
 * never believed before it: whatever is missing, damaged or of another record is removed and made again; deleting the folder
 * loses nothing. A series is sealed under its subject's data key: when that key is destroyed the series is gone too.
 * What is not indexed yet (history_end) is read from the record by whoever asks. On the core's loop, in bounded pieces; nothing
 * of it is synced, and no acknowledgement waits for it. */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include "history/part.h"
#include "history/reading.h"

struct history;

struct history_series { /* texts are the history's */
    const char *subject, *topic, *field, *unit;
    enum reading_kind kind;
};

/* Makes the folder. Reads directories, no points; what does not fit this record is removed. */
MUST outcome history_open(struct ledger *l, const char *dir, struct history **ret);
void history_close(struct history *h);
/* Indexes a bounded piece, or writes one of a part. Milliseconds until it wants to be called again; -1: when more is durable.
 * now: does not wait until a piece is worth while. */
int history_turn(struct history *h, bool now);
/* The subject's data key is about to be destroyed (or was): nothing of it is shown or written any more. */
void history_erase(struct history *h, const char *subject);
/* Every entry before this is in the index. */
uint64_t history_end(const struct history *h);

/* ---- asking (ask.c) ---- */

#define HISTORY_BY_ENTRY (1u << 31) /* in a number: HISTORY_READ */
struct history_want {
    const uint32_t *series; /* history_match */
    size_t n;
    int64_t from_ms, to_ms; /* measured, both included */
    uint64_t after, before; /* entries from this on, to the one before that */
    int64_t until_ms;       /* mono: give up between two parts then */
};
/* Numbers of all series of the filter and field ("": what a message says first) and of these kinds that may() allows; it is asked
 * once for each subject and topic. HISTORY_READ: not as it is here; like READING_OTHER, which meets every filter, unasked, it is
 * handed out as READING_OTHER: read the entry, and judge what you read. */
enum history_form { HISTORY_NOT, HISTORY_READ, HISTORY_WHOLE };
struct history_ask {
    struct bytes filter;
    const char *field;
    unsigned kinds; /* bits 1 << reading_kind */
    void *ctx;
    enum history_form (*may)(void *ctx, const struct history_series *s);
};
MUST outcome history_match(struct history *h, const struct history_ask *a, struct buffer *ret_series);
/* At most `most` points, by rising entry. ret_next: where to go on; history_end when all was looked at. */
MUST outcome history_points(struct history *h, const struct history_want *w, size_t most,
    outcome (*fn)(void *ctx, const struct history_series *s, const struct point *p), void *ctx, uint64_t *ret_next);

struct history_sum { int64_t n, min, max; __int128 sum; uint64_t first, last; }; /* thousandths; entries */
void history_count(struct history_sum *s, int64_t milli, uint64_t entry);
/* Interval i is [from + i * every, from + (i + 1) * every); want's to lies in the last of them. Series of numbers only. E_CHANGED:
 * something damaged was met and removed; ask again, with empty sums. */
MUST outcome history_sums(struct history *h, const struct history_want *w, int64_t every_ms, struct history_sum *sums, uint64_t *ret_next);
/* Data entries known of that time that were given up (erased), of whatever topic. */
uint64_t history_given_up(const struct history *h, int64_t from_ms, int64_t to_ms);

struct history_size { uint64_t points, bytes, parts, series; };
MUST outcome history_size(const struct history *h, struct history_size *ret);

#endif
