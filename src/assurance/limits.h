/* The limits in force and what is known of each: rows for the data's path, notes for people. A table with
 * one row per (condition, stream, device); the life of each is written as ENTRY_LIMIT documents and
 * replayed from them alone. Knows no rule: who applies or ends a limit is judge.c. */
#ifndef ASSURANCE_LIMITS_H
#define ASSURANCE_LIMITS_H

#include "assurance/decision.h"
#include "base/map.h"

#define LIMITS_WIDE_ROWS 128 /* kept for limits over a whole stream, when single devices fill the table */

struct limit_cause { /* the check that broke the condition; control "" = none (expiry, figures) */
    char control[FACT_CONTROL_MAX], asset[FACT_ASSET_MAX], detail[FACT_DETAIL_MAX];
    enum evidence_state result;
    enum fact_method method;
    int64_t at_ms;
};
/* enum, word: what happened to a limit */
#define LIMIT_EVENTS(X)                                                                            \
    X(LIMIT_APPLIED, "applied")    /* made: enforced or observed, as the row says */               \
    X(LIMIT_CHANGED, "changed")    /* another decision, mode or end */                             \
    X(LIMIT_WAITING, "waiting")    /* the condition is good again */                               \
    X(LIMIT_BROKEN, "broken")      /* and broken once more, before the limit was loosened */       \
    X(LIMIT_LOOSENED, "loosened")  /* by the decision's rule */                                    \
    X(LIMIT_ENDED, "ended")        /* nothing asks for it any more */
enum limit_event {
#define X(name, word) name,
    LIMIT_EVENTS(X)
#undef X
        LIMIT_EVENT_COUNT
};
const char *limit_event_word(enum limit_event e);

struct limit_note {
    char condition_id[MODEL_ID];  /* in the model; LIMITS_EXPIRED for a decision's fallback */
    struct limit_cause cause;
    int64_t good_since_ms;        /* 0 = still broken */
    enum decision_loosen loosen;
    int64_t dwell_ms;
    bool unwritten;               /* the record has not taken `pending` yet: tried again */
    enum limit_event pending;
};
#define LIMITS_EXPIRED "decision-in-force"

struct limit_table {
    struct limit *rows;           /* LIMIT_MAX, what the data's path sees; rows[i] belongs to notes[i] */
    struct limit_note *notes;
    size_t n;
    struct map index;             /* key -> 1-based position */
    uint64_t epoch;
    uint64_t last_id;             /* "L-<n>" */
    uint64_t observed_total;      /* limits ever made that withheld nothing (observe mode) */
};

MUST outcome limits_init(struct limit_table *t);
void limits_deinit(struct limit_table *t);
/* SIZE_MAX when absent. */
size_t limits_find(const struct limit_table *t, const char *condition_id, const char *stream, const char *device);
size_t limits_find_id(const struct limit_table *t, const char *id);
/* Adds a row; its id is given here when it has none. E_FULL: no room (device rows leave the last
 * LIMITS_WIDE_ROWS free). */
MUST outcome limits_add(struct limit_table *t, const struct limit *row, const struct limit_note *note, size_t *ret_at);
/* The last row takes its place. */
void limits_remove(struct limit_table *t, size_t at);
struct limits limits_view(struct limit_table *t);

/* The payload of an ENTRY_LIMIT. NULL = out of memory. */
struct doc *limits_entry(const struct limit_table *t, size_t at, enum limit_event e, int64_t now_ms, struct arena *a);
/* Applies one. E_MALFORMED. *ret_at: the row, SIZE_MAX when it is gone. */
MUST outcome limits_replay(struct limit_table *t, const struct doc *d, size_t *ret_at);

const char *fact_method_word(enum fact_method m);

#endif
