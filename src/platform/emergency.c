#include "platform/emergency.h"
#include "platform/member.h"

#include <stdio.h>

#include "base/mem.h"

static const struct { const char *word, *ja, *en; } states[EMERGENCY_STATES] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    EMERGENCY_STATES_(X)
#undef X
};

static outcome refuse(enum code code, const char *text, const char **ret_why)
{
    if (ret_why) *ret_why = text;
    return REFUSE(code);
}

static struct emergency *find(const struct emergencies *all, const char *id)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->at[i].id, id) == 0) return &all->at[i];
    return NULL;
}

const struct emergency *emergency_find(const struct emergencies *all, const char *id)
{
    return find(all, id);
}

void emergency_next_id(const struct emergencies *all, char id[PERMIT_ID_MAX])
{
    snprintf(id, PERMIT_ID_MAX, "BG-%zu", all->n + 1);
}

bool emergency_is_open(const struct emergency *e, int64_t now_ms)
{
    return e->state == EMERGENCY_OPEN && now_ms < e->until_ms;
}

const struct emergency *emergency_of(const struct emergencies *all, const char *subject, int64_t now_ms)
{
    for (size_t i = all->n; i-- > 0;)
        if (emergency_is_open(&all->at[i], now_ms) && strcmp(all->at[i].subject, subject) == 0) return &all->at[i];
    return NULL;
}

bool emergency_overdue(const struct emergency *e, int64_t now_ms)
{
    if (e->state == EMERGENCY_OPEN) return now_ms >= e->until_ms;
    return e->state == EMERGENCY_ASKED && now_ms >= e->at_ms[EMERGENCY_ASKED] + EMERGENCY_OPEN_WITHIN;
}

/* ---- steps ---- */

static MUST outcome judge_ask(const struct emergencies *all, const struct doc *d, const char **ret_why)
{
    char next[PERMIT_ID_MAX];
    const char *subject = doc_text(d, "subject", "");
    int64_t minutes = doc_int(d, "minutes", 0);
    emergency_next_id(all, next);
    if (all->n == EMERGENCY_MAX) return refuse(E_FULL, "no room for another", ret_why);
    if (strcmp(doc_text(d, "id", ""), next) != 0) return refuse(E_CONFLICT, "id: not the next number", ret_why);
    if (!member_words(subject, sizeof all->at->subject)) return refuse(E_MALFORMED, "subject", ret_why);
    if (!member_words(doc_text(d, "reason", ""), EMERGENCY_TEXT)) return refuse(E_MALFORMED, "reason: expected 1 to 159 bytes", ret_why);
    if (minutes < 1 || minutes > EMERGENCY_MINUTES_MAX) return refuse(E_RANGE, "minutes: expected 1 to 240", ret_why);
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].state <= EMERGENCY_OPEN && strcmp(all->at[i].subject, subject) == 0) return refuse(E_CONFLICT, "one of this subject is under way", ret_why);
    return DONE;
}

/* Nobody is two of the three: who asks (or acts), who opens, who looks at it afterwards. */
static bool another(const struct emergency *e, const char *by, bool review)
{
    bool first = strcmp(by, e->by[EMERGENCY_ASKED]) == 0 || strcmp(by, e->subject) == 0;
    return !first && !(review && strcmp(by, e->by[EMERGENCY_OPEN]) == 0);
}

static MUST outcome judge_step(const struct emergency *e, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    const char *what = doc_text(d, "what", ""), *by = doc_text(d, "by", "");
    bool open = strcmp(what, "open") == 0, review = strcmp(what, "review") == 0;
    if (!open && !review && strcmp(what, "end") != 0) return refuse(E_MALFORMED, "what", ret_why);
    enum emergency_state from = open ? EMERGENCY_ASKED : EMERGENCY_ENDED;
    bool turn = open || review ? e->state == from : e->state <= EMERGENCY_OPEN;
    if (!turn) return refuse(E_CONFLICT, "not its turn", ret_why);
    if (open && at_ms >= e->at_ms[EMERGENCY_ASKED] + EMERGENCY_OPEN_WITHIN) return refuse(E_CONFLICT, "asked for too long ago: ask anew", ret_why);
    if ((open || review) && !another(e, by, review)) return refuse(E_CONFLICT, "this step is another person's", ret_why);
    if (review && !member_words(doc_text(d, "why", ""), EMERGENCY_TEXT)) return refuse(E_MALFORMED, "reason: expected what was found", ret_why);
    return DONE;
}

outcome emergency_judge(const struct emergencies *all, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    if (!d || d->kind != DOC_MAP || !member_words(doc_text(d, "by", ""), sizeof all->at->by[0])) return refuse(E_MALFORMED, "by", ret_why);
    if (strcmp(doc_text(d, "what", ""), "ask") == 0) return judge_ask(all, d, ret_why);
    const struct emergency *e = find(all, doc_text(d, "id", ""));
    return e ? judge_step(e, d, at_ms, ret_why) : refuse(E_UNKNOWN, "no such emergency access", ret_why);
}

static MUST outcome room(struct emergencies *all)
{
    if (all->n < all->cap) return DONE;
    size_t cap = all->cap ? 2 * all->cap : 8;
    struct emergency *more = mem_grow(all->at, cap * sizeof *more);
    if (!more) return REFUSE(E_MEMORY);
    all->at = more;
    all->cap = cap;
    return DONE;
}

static void enter(struct emergency *e, enum emergency_state s, const char *by, int64_t at_ms)
{
    e->state = s;
    e->at_ms[s] = at_ms;
    snprintf(e->by[s], sizeof e->by[s], "%s", by);
}

outcome emergency_apply(struct emergencies *all, const struct doc *d, int64_t at_ms)
{
    TRY(emergency_judge(all, d, at_ms, NULL));
    const char *what = doc_text(d, "what", ""), *by = doc_text(d, "by", "");
    if (strcmp(what, "ask") == 0) {
        TRY(room(all));
        struct emergency *e = &all->at[all->n++];
        *e = (struct emergency) { .minutes = doc_int(d, "minutes", 0) };
        snprintf(e->id, sizeof e->id, "%s", doc_text(d, "id", ""));
        snprintf(e->subject, sizeof e->subject, "%s", doc_text(d, "subject", ""));
        snprintf(e->reason, sizeof e->reason, "%s", doc_text(d, "reason", ""));
        enter(e, EMERGENCY_ASKED, by, at_ms);
        return DONE;
    }
    struct emergency *e = find(all, doc_text(d, "id", ""));
    bool review = strcmp(what, "review") == 0;
    if (strcmp(what, "open") == 0) {
        e->until_ms = at_ms + e->minutes * MS_MINUTE;
        enter(e, EMERGENCY_OPEN, by, at_ms);
    } else {
        enter(e, review ? EMERGENCY_REVIEWED : e->state == EMERGENCY_ASKED ? EMERGENCY_LAPSED : EMERGENCY_ENDED, by, at_ms);
    }
    if (review) snprintf(e->finding, sizeof e->finding, "%s", doc_text(d, "why", ""));
    return DONE;
}

void emergencies_deinit(struct emergencies *all)
{
    mem_free(all->at);
    *all = (struct emergencies) { 0 };
}

/* ---- shown ---- */

struct doc *emergency_doc(struct arena *a, const struct emergency *e, int64_t now_ms)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", e->id);
    doc_set_text(a, d, "subject", e->subject);
    doc_set_text(a, d, "reason", e->reason);
    doc_set_text(a, d, "state", states[e->state].word);
    doc_set_text(a, d, "state_ja", states[e->state].ja);
    doc_set_text(a, d, "state_en", states[e->state].en);
    doc_set_int(a, d, "minutes", e->minutes);
    doc_set_text(a, d, "asked_by", e->by[EMERGENCY_ASKED]);
    doc_set_text(a, d, "opened_by", e->by[EMERGENCY_OPEN]);
    doc_set_text(a, d, "ended_by", e->by[EMERGENCY_ENDED]);
    doc_set_text(a, d, "reviewed_by", e->by[EMERGENCY_REVIEWED]);
    doc_set_text(a, d, "finding", e->finding);
    doc_set_time(a, d, "asked", e->at_ms[EMERGENCY_ASKED]);
    doc_set_time(a, d, "opened", e->at_ms[EMERGENCY_OPEN]);
    doc_set_time(a, d, "until", e->until_ms);
    doc_set_time(a, d, "ended", e->at_ms[EMERGENCY_ENDED]);
    int64_t due = e->state == EMERGENCY_ENDED ? e->at_ms[EMERGENCY_ENDED] + EMERGENCY_REVIEW_WITHIN : 0;
    doc_set_time(a, d, "review_due", due);
    doc_set_bool(a, d, "review_late", due && now_ms > due);
    return d;
}
