/* Emergency access (break-glass): asked for by one with a reason, opened by another, at most four hours, over by itself, and
 * afterwards looked at by a third. A fold over ENTRY_EMERGENCY; here is no clock. It allows nothing by itself: grants
 * ask for it ("when: { emergency: true }"), deny rows and limits of signed decisions stand. */
#ifndef PLATFORM_EMERGENCY_H
#define PLATFORM_EMERGENCY_H

#include "base/permit.h"
#include "base/time.h"
#include "wire/doc.h"

enum { EMERGENCY_MAX = 1024, EMERGENCY_TEXT = 160, EMERGENCY_MINUTES_MAX = 240 };
#define EMERGENCY_OPEN_WITHIN (15 * MS_MINUTE) /* of asking; later it is asked for anew */
#define EMERGENCY_REVIEW_WITHIN (72 * MS_HOUR) /* of its end */

/* state, word, 日本語, English */
#define EMERGENCY_STATES_(X)                                                                       \
    X(EMERGENCY_ASKED, "asked", "二人目の確認待ち", "waits for the second person")                 \
    X(EMERGENCY_OPEN, "open", "実施中", "open")                                                    \
    X(EMERGENCY_ENDED, "ended", "終了・事後確認待ち", "ended, to be reviewed")                     \
    X(EMERGENCY_REVIEWED, "reviewed", "事後確認済み", "reviewed")                                  \
    X(EMERGENCY_LAPSED, "lapsed", "開始されず終了", "never opened")
enum emergency_state {
#define X(name, word, ja, en) name,
    EMERGENCY_STATES_(X)
#undef X
        EMERGENCY_STATES
};

struct emergency {
    char id[PERMIT_ID_MAX];      /* "BG-7" */
    char subject[64];            /* whose access it opens: a person or a person's tool */
    char reason[EMERGENCY_TEXT], finding[EMERGENCY_TEXT];
    char by[EMERGENCY_STATES][64]; /* who brought it into each state */
    int64_t at_ms[EMERGENCY_STATES];
    int64_t minutes, until_ms;   /* until: of an open one */
    enum emergency_state state;
};

struct emergencies {
    struct emergency *at;        /* BG-1 is at[0] */
    size_t n, cap;
};

/* {"what": "ask", "id", "subject", "by", "reason", "minutes"}, {"what": "open"|"end"|"review", "id", "by", "why"}. E_MALFORMED,
 * E_UNKNOWN, E_RANGE, E_FULL; E_CONFLICT: not its turn, or the same person twice. why, where not NULL, says it. */
MUST outcome emergency_judge(const struct emergencies *all, const struct doc *d, int64_t at_ms, const char **ret_why);
MUST outcome emergency_apply(struct emergencies *all, const struct doc *d, int64_t at_ms);
void emergencies_deinit(struct emergencies *all);

const struct emergency *emergency_find(const struct emergencies *all, const char *id);
void emergency_next_id(const struct emergencies *all, char id[PERMIT_ID_MAX]);
bool emergency_is_open(const struct emergency *e, int64_t now_ms);
/* The open one of this subject; NULL: none. */
const struct emergency *emergency_of(const struct emergencies *all, const char *subject, int64_t now_ms);
/* Open past its end, or asked for and not opened in time: wants an "end". */
bool emergency_overdue(const struct emergency *e, int64_t now_ms);

struct doc *emergency_doc(struct arena *a, const struct emergency *e, int64_t now_ms);

#endif
