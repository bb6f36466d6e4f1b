/* Work permits (作業申請): a named person may work on named streams within a window, asked for by one, approved by another's
 * signature, begun and ended under supervision, and over by itself when the window is. A fold over ENTRY_WORK. Here is no
 * clock and no signature: the caller checks both before an entry is written. A permit allows nothing by itself. */
#ifndef PLATFORM_WORK_H
#define PLATFORM_WORK_H

#include "base/permit.h"
#include "base/time.h"
#include "wire/doc.h"

enum { WORK_MAX = 4096, WORK_TEXT_MAX = 160, WORK_WHY = 160 };
#define WORK_WINDOW_MAX (14 * MS_DAY)

/* state, word, 日本語, English */
#define WORK_STATES_(X)                                                                            \
    X(WORK_REQUESTED, "requested", "申請中", "asked for")                                          \
    X(WORK_APPROVED, "approved", "承認済み（開始前）", "approved, not begun")                      \
    X(WORK_STARTED, "started", "作業中", "under way")                                              \
    X(WORK_STOPPED, "stopped", "終了", "ended")                                                    \
    X(WORK_CLOSED, "closed", "時間切れで自動終了", "closed at the window's end")                   \
    X(WORK_REFUSED, "refused", "却下・取下げ", "refused or withdrawn")
enum work_state {
#define X(name, word, ja, en) name,
    WORK_STATES_(X)
#undef X
        WORK_STATES
};
const char *work_state_word(enum work_state s);
const char *work_state_ja(enum work_state s);
const char *work_state_en(enum work_state s);

/* What is asked for; key in documents. */
#define WORK_TEXTS(X) X(subject) X(person) X(company) X(stream) X(number) X(supervisor) X(purpose) X(requester)

struct work {
    char id[PERMIT_ID_MAX];    /* "WP-7" */
#define X(key) char key[WORK_TEXT_MAX];
    WORK_TEXTS(X)
#undef X
    int64_t from_ms, until_ms; /* wall; until is not part of it */
    char sha256[65];           /* of the request's canonical form: what an approval is a signature on */
    enum work_state state;
    struct { char by[64]; char why[WORK_WHY]; int64_t at_ms; } step[WORK_STATES]; /* at_ms 0: never was */
    uint32_t unusual;          /* what profiles would have alarmed about, had it not been planned */
};

struct works {
    struct work **at;          /* in order of their numbers: WP-1 is at[0] */
    size_t n, cap;
};
#define WORKS ((struct works) { .at = 0 })

/* Would this entry be taken: {"what":"request",...} or {"what":"approve"|"start"|"stop"|"close"|"refuse","id","by","why"}
 * or {"what":"unusual","id",...}. E_MALFORMED, E_UNKNOWN, E_CONFLICT (a step that the table does not have, one credential for two
 * persons at once, the worker as his own supervisor), E_RANGE (a window that ends before it begins, or is too long), E_FULL.
 * why, where not NULL, says it. */
MUST outcome work_judge(const struct works *w, const struct doc *d, char why[WORK_WHY]);
/* Whole or not at all; what work_judge refuses is refused, E_MEMORY besides. */
MUST outcome work_apply(struct works *w, const struct doc *d, int64_t at_ms);
void works_deinit(struct works *w);

const struct work *work_find(const struct works *w, const char *id);
/* The number the next request gets. */
void work_next_id(const struct works *w, char id[PERMIT_ID_MAX]);
/* Started and within its window: what struct permits holds. */
bool work_open(const struct work *w, int64_t now_ms);
/* Neither ended nor refused, and its window is over: wants a "close". */
bool work_overdue(const struct work *w, int64_t now_ms);
/* When the next one begins to be overdue; INT64_MAX for none. */
int64_t works_next_end(const struct works *w);

struct doc *work_doc(struct arena *a, const struct work *w);
/* The document of a step. NULL: out of memory. */
struct work_step { const char *what, *id, *by, *why; };
struct doc *work_step_doc(struct arena *a, const struct work_step *s);

#endif
