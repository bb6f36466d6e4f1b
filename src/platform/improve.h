/* Organisational improvement (IEC 62443-2-1, CSMS): a finding becomes a corrective action with an owner and a due date, is done, is looked at
 * by another person as to whether it helped, and the management review looks at all of it. A fold over ENTRY_ACTION; here is no clock. */
#ifndef PLATFORM_IMPROVE_H
#define PLATFORM_IMPROVE_H

#include "base/time.h"
#include "wire/doc.h"

enum { ACTIONS_MAX = 4096, REVIEWS_MAX = 256, ACTION_ID = 16, ACTION_TEXT = 320 };
#define ACTION_DAYS_MAX 730

/* state, word, 日本語, English */
#define ACTION_STATES_(X)                                                                          \
    X(ACTION_OPEN, "open", "対応中", "under way")                                                  \
    X(ACTION_DONE, "done", "実施済み・効果の確認待ち", "done, effect to be looked at")             \
    X(ACTION_EFFECTIVE, "effective", "効果を確認", "found effective")
enum action_state {
#define X(name, word, ja, en) name,
    ACTION_STATES_(X)
#undef X
        ACTION_STATES
};
/* where a finding came from: word, 日本語, English */
#define ACTION_SOURCES_(X)                                                                         \
    X(ACTION_FROM_EVIDENCE, "evidence", "確認結果", "evidence")                                    \
    X(ACTION_FROM_INCIDENT, "incident", "事案", "incident")                                        \
    X(ACTION_FROM_AUDIT, "audit", "監査", "audit")                                                 \
    X(ACTION_FROM_DRILL, "drill", "訓練", "drill")                                                 \
    X(ACTION_FROM_DECISION, "decision", "判断（決裁）", "decision")                                \
    X(ACTION_FROM_REVIEW, "review", "経営層による見直し", "management review")
enum action_source {
#define X(name, word, ja, en) name,
    ACTION_SOURCES_(X)
#undef X
        ACTION_SOURCES
};

struct corrective {
    char id[ACTION_ID];          /* "CA-3" */
    char finding[ACTION_TEXT];
    char ref[64];                /* what it is about: a control, a decision, an emergency; "" = nothing named */
    char owner[64], opened_by[64], done_by[64], judged_by[64];
    char did[ACTION_TEXT], judgement[ACTION_TEXT];
    enum action_source source;
    enum action_state state;
    unsigned reopened;           /* how often it did not help */
    int64_t opened_ms, due_ms, done_ms, judged_ms;
};
struct review { /* マネジメントレビュー: what was looked at, and what was said */
    char id[ACTION_ID];          /* "MR-1" */
    char text[ACTION_TEXT], by[64];
    int64_t at_ms;
    int64_t open, late, effective; /* as they stood then */
};
struct improvement {
    struct corrective *at;
    size_t n, cap;
    struct review *reviews;
    size_t n_reviews, cap_reviews;
};

/* {"what":"open","id","finding","source","ref","owner","due","by"}, {"what":"done","id","by","text"}, {"what":"judge","id","by","text",
 * "effective":bool,"due"} (not effective: it is open again until due), {"what":"move","id","by","owner","due","text"},
 * {"what":"review","id","by","text"}. E_MALFORMED, E_UNKNOWN, E_RANGE, E_FULL; E_CONFLICT: not its turn, or who did it judges it. */
MUST outcome improve_judge(const struct improvement *all, const struct doc *d, int64_t at_ms, const char **ret_why);
MUST outcome improve_apply(struct improvement *all, const struct doc *d, int64_t at_ms);
void improve_deinit(struct improvement *all);

const struct corrective *action_find(const struct improvement *all, const char *id);
bool action_late(const struct corrective *a, int64_t now_ms);
void improve_next_id(const struct improvement *all, bool review, char id[ACTION_ID]);
/* One under way (or done and not judged) about this; NULL: none. */
const struct corrective *action_about(const struct improvement *all, const char *ref);

struct doc *action_doc(struct arena *a, const struct corrective *x, int64_t now_ms);
struct doc *review_doc(struct arena *a, const struct review *x);

#endif
