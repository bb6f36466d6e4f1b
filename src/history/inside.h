/* The index's own state, shared by its few files only. */
#ifndef HISTORY_INSIDE_H
#define HISTORY_INSIDE_H

#include "base/map.h"
#include "history/history.h"

enum { SERIES_MAX = 1 << 18, SERIES_OF_SUBJECT = 4096, PARTS_MAX = 1 << 16 };

struct series {
    struct history_series is;
    char *text;          /* owned: what `is` points to */
    bool dead;           /* its key is gone */
    struct point *at;    /* not in a part yet, rising */
    size_t n, cap;
};
struct subject { uint32_t series, other; }; /* how many it has; number + 1 of its READING_OTHER */

struct history {
    struct ledger *ledger;
    char dir[PART_PATH - 64];
    struct part_seal seal;

    struct series **series;
    size_t n, cap, saved; /* saved: rows in the file */
    uint64_t file_bytes;
    struct map by_key;    /* -> series number + 1 */
    struct map subjects;  /* -> struct subject, owned */

    struct { struct part part; int64_t ms_min, ms_max; } *parts;
    size_t n_parts, parts_cap;

    uint64_t first, end;  /* the entries whose points wait in memory */
    size_t points;        /* of them */
    size_t part_least;    /* points that make a part */
    uint64_t given_up;
    int64_t retry_ms;     /* mono: nothing is tried before; 0: now */
    int64_t since_ms;     /* mono: the oldest entry not looked at yet was seen; 0: none */

    struct part_maker maker;
    bool making;
    size_t made;          /* series already in it */
    struct said reading;
};

void history_path(const struct history *h, uint64_t first, char path[PART_PATH]);
/* series.c */
MUST outcome series_load(struct history *h);
/* The rows that the file lacks. */
MUST outcome series_save(struct history *h);
/* Number of the series, made when there is none; READING_OTHER when its subject has too many. */
MUST outcome series_for(struct history *h, const struct history_series *s, uint32_t *ret);
/* No name leads to the subject's series any more. */
void series_forget(struct history *h, const char *subject);
void series_free(struct series *s);
MUST outcome series_add(struct series *s, const struct point *p);
/* A part that is whole and lies behind the others. Its rows are the history's then. */
MUST outcome history_keep(struct history *h, const struct part *p);
/* Removes part i and all behind it: they are made again from the record. */
void history_drop(struct history *h, size_t i);

#endif
