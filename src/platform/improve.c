#include "platform/improve.h"
#include "platform/member.h"

#include <stdio.h>

#include "base/mem.h"

static const struct { const char *word, *ja, *en; } states[ACTION_STATES] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    ACTION_STATES_(X)
#undef X
};
static const struct { const char *word, *ja, *en; } sources[ACTION_SOURCES] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    ACTION_SOURCES_(X)
#undef X
};

static outcome refuse(enum code code, const char *text, const char **ret_why)
{
    if (ret_why) *ret_why = text;
    return REFUSE(code);
}

const struct corrective *action_find(const struct improvement *all, const char *id)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->at[i].id, id) == 0) return &all->at[i];
    return NULL;
}

const struct corrective *action_about(const struct improvement *all, const char *ref)
{
    for (size_t i = all->n; i-- > 0;)
        if (all->at[i].state != ACTION_EFFECTIVE && ref[0] && strcmp(all->at[i].ref, ref) == 0) return &all->at[i];
    return NULL;
}

bool action_late(const struct corrective *a, int64_t now_ms)
{
    return a->state == ACTION_OPEN && now_ms > a->due_ms;
}

void improve_next_id(const struct improvement *all, bool review, char id[ACTION_ID])
{
    snprintf(id, ACTION_ID, "%s-%zu", review ? "MR" : "CA", (review ? all->n_reviews : all->n) + 1);
}

static bool source_parse(const char *word, enum action_source *ret)
{
    for (unsigned i = 0; i < ACTION_SOURCES; i++) {
        if (strcmp(word, sources[i].word) != 0) continue;
        *ret = (enum action_source)i;
        return true;
    }
    return false;
}

/* ---- steps ---- */

static MUST outcome due_of(const struct doc *d, int64_t at_ms, int64_t *ret, const char **ret_why)
{
    if (!ok(time_parse(bytes_str(doc_text(d, "due", "")), ret))) return refuse(E_MALFORMED, "due: expected a time", ret_why);
    bool good = *ret > at_ms && *ret - at_ms <= ACTION_DAYS_MAX * MS_DAY;
    return good ? DONE : refuse(E_RANGE, "due: expected within the next 730 days", ret_why);
}

static MUST outcome judge_open(const struct improvement *all, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    char next[ACTION_ID];
    enum action_source source;
    int64_t due;
    improve_next_id(all, false, next);
    if (all->n == ACTIONS_MAX) return refuse(E_FULL, "no room for another", ret_why);
    if (strcmp(doc_text(d, "id", ""), next) != 0) return refuse(E_CONFLICT, "id: not the next number", ret_why);
    if (!member_words(doc_text(d, "finding", ""), ACTION_TEXT)) return refuse(E_MALFORMED, "finding: expected 1 to 319 bytes", ret_why);
    if (!source_parse(doc_text(d, "source", ""), &source)) return refuse(E_MALFORMED, "source: expected evidence, incident, audit, drill, decision or review", ret_why);
    if (*doc_text(d, "ref", "") && !member_words(doc_text(d, "ref", ""), sizeof all->at->ref)) return refuse(E_MALFORMED, "ref", ret_why);
    if (!member_words(doc_text(d, "owner", ""), sizeof all->at->owner)) return refuse(E_MALFORMED, "owner", ret_why);
    return due_of(d, at_ms, &due, ret_why);
}

static MUST outcome judge_effect(const struct corrective *a, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    const char *by = doc_text(d, "by", "");
    int64_t due;
    if (a->state != ACTION_DONE) return refuse(E_CONFLICT, "not its turn: it is not done", ret_why);
    if (strcmp(by, a->done_by) == 0 || strcmp(by, a->owner) == 0) return refuse(E_CONFLICT, "who did it does not judge it", ret_why);
    const struct doc *effective = doc_get(d, "effective");
    if (!effective || effective->kind != DOC_BOOL) return refuse(E_MALFORMED, "effective: expected true or false", ret_why);
    return effective->truth ? DONE : due_of(d, at_ms, &due, ret_why);
}

static MUST outcome judge_step(const struct corrective *a, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    const char *what = doc_text(d, "what", "");
    int64_t due;
    if (!member_words(doc_text(d, "text", ""), ACTION_TEXT)) return refuse(E_MALFORMED, "text: expected 1 to 319 bytes", ret_why);
    if (strcmp(what, "judge") == 0) return judge_effect(a, d, at_ms, ret_why);
    if (a->state != ACTION_OPEN) return refuse(E_CONFLICT, "not its turn: it is not open", ret_why);
    if (strcmp(what, "done") == 0) return DONE;
    if (strcmp(what, "move") != 0) return refuse(E_MALFORMED, "what", ret_why);
    if (!member_words(doc_text(d, "owner", ""), sizeof a->owner)) return refuse(E_MALFORMED, "owner", ret_why);
    return due_of(d, at_ms, &due, ret_why);
}

static MUST outcome judge_review(const struct improvement *all, const struct doc *d, const char **ret_why)
{
    char next[ACTION_ID];
    improve_next_id(all, true, next);
    if (all->n_reviews == REVIEWS_MAX) return refuse(E_FULL, "no room for another", ret_why);
    if (strcmp(doc_text(d, "id", ""), next) != 0) return refuse(E_CONFLICT, "id: not the next number", ret_why);
    return member_words(doc_text(d, "text", ""), ACTION_TEXT) ? DONE : refuse(E_MALFORMED, "text: expected 1 to 319 bytes", ret_why);
}

outcome improve_judge(const struct improvement *all, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    if (!d || d->kind != DOC_MAP || !member_words(doc_text(d, "by", ""), sizeof all->at->opened_by)) return refuse(E_MALFORMED, "by", ret_why);
    const char *what = doc_text(d, "what", "");
    if (strcmp(what, "open") == 0) return judge_open(all, d, at_ms, ret_why);
    if (strcmp(what, "review") == 0) return judge_review(all, d, ret_why);
    const struct corrective *a = action_find(all, doc_text(d, "id", ""));
    return a ? judge_step(a, d, at_ms, ret_why) : refuse(E_UNKNOWN, "no such corrective action", ret_why);
}

static MUST outcome room(void **at, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return DONE;
    size_t more = *cap ? 2 * *cap : 16;
    void *p = mem_grow(*at, more * size);
    if (!p) return REFUSE(E_MEMORY);
    *at = p;
    *cap = more;
    return DONE;
}

#define KEEP(field, text) ((void)snprintf((field), sizeof(field), "%s", (text)))

static MUST outcome open_one(struct improvement *all, const struct doc *d, int64_t at_ms)
{
    void *at = all->at;
    TRY(room(&at, all->n, &all->cap, sizeof *all->at));
    all->at = at;
    struct corrective *a = &all->at[all->n++];
    *a = (struct corrective) { .opened_ms = at_ms };
    KEEP(a->id, doc_text(d, "id", ""));
    KEEP(a->finding, doc_text(d, "finding", ""));
    KEEP(a->ref, doc_text(d, "ref", ""));
    KEEP(a->owner, doc_text(d, "owner", ""));
    KEEP(a->opened_by, doc_text(d, "by", ""));
    (void)source_parse(doc_text(d, "source", ""), &a->source);
    return due_of(d, at_ms, &a->due_ms, NULL);
}

static MUST outcome review_one(struct improvement *all, const struct doc *d, int64_t at_ms)
{
    void *at = all->reviews;
    TRY(room(&at, all->n_reviews, &all->cap_reviews, sizeof *all->reviews));
    all->reviews = at;
    struct review *r = &all->reviews[all->n_reviews++];
    *r = (struct review) { .at_ms = at_ms };
    KEEP(r->id, doc_text(d, "id", ""));
    KEEP(r->text, doc_text(d, "text", ""));
    KEEP(r->by, doc_text(d, "by", ""));
    for (size_t i = 0; i < all->n; i++) {
        r->open += all->at[i].state != ACTION_EFFECTIVE;
        r->late += action_late(&all->at[i], at_ms);
        r->effective += all->at[i].state == ACTION_EFFECTIVE;
    }
    return DONE;
}

static MUST outcome step(struct corrective *a, const struct doc *d, int64_t at_ms)
{
    const char *what = doc_text(d, "what", ""), *by = doc_text(d, "by", ""), *text = doc_text(d, "text", "");
    if (strcmp(what, "done") == 0) {
        a->state = ACTION_DONE;
        a->done_ms = at_ms;
        KEEP(a->done_by, by);
        KEEP(a->did, text);
        return DONE;
    }
    if (strcmp(what, "move") == 0) {
        KEEP(a->owner, doc_text(d, "owner", ""));
        return due_of(d, at_ms, &a->due_ms, NULL);
    }
    bool good = doc_bool(d, "effective", false);
    KEEP(a->judged_by, by);
    KEEP(a->judgement, text);
    a->judged_ms = at_ms;
    a->state = good ? ACTION_EFFECTIVE : ACTION_OPEN;
    a->reopened += !good;
    return good ? DONE : due_of(d, at_ms, &a->due_ms, NULL);
}

outcome improve_apply(struct improvement *all, const struct doc *d, int64_t at_ms)
{
    TRY(improve_judge(all, d, at_ms, NULL));
    const char *what = doc_text(d, "what", "");
    if (strcmp(what, "open") == 0) return open_one(all, d, at_ms);
    if (strcmp(what, "review") == 0) return review_one(all, d, at_ms);
    return step((struct corrective *)action_find(all, doc_text(d, "id", "")), d, at_ms);
}

void improve_deinit(struct improvement *all)
{
    mem_free(all->at);
    mem_free(all->reviews);
    *all = (struct improvement) { 0 };
}

/* ---- shown ---- */

struct doc *action_doc(struct arena *a, const struct corrective *x, int64_t now_ms)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "finding", x->finding);
    doc_set_text(a, d, "ref", x->ref);
    doc_set_text(a, d, "source", sources[x->source].word);
    doc_set_text(a, d, "source_ja", sources[x->source].ja);
    doc_set_text(a, d, "source_en", sources[x->source].en);
    doc_set_text(a, d, "state", states[x->state].word);
    doc_set_text(a, d, "state_ja", states[x->state].ja);
    doc_set_text(a, d, "state_en", states[x->state].en);
    doc_set_text(a, d, "owner", x->owner);
    doc_set_text(a, d, "opened_by", x->opened_by);
    doc_set_text(a, d, "done_by", x->done_by);
    doc_set_text(a, d, "did", x->did);
    doc_set_text(a, d, "judged_by", x->judged_by);
    doc_set_text(a, d, "judgement", x->judgement);
    doc_set_time(a, d, "opened", x->opened_ms);
    doc_set_time(a, d, "due", x->due_ms);
    doc_set_time(a, d, "done", x->done_ms);
    doc_set_time(a, d, "judged", x->judged_ms);
    doc_set_int(a, d, "reopened", x->reopened);
    doc_set_bool(a, d, "late", action_late(x, now_ms));
    return d;
}

struct doc *review_doc(struct arena *a, const struct review *x)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "text", x->text);
    doc_set_text(a, d, "by", x->by);
    doc_set_time(a, d, "at", x->at_ms);
    doc_set_int(a, d, "open", x->open);
    doc_set_int(a, d, "late", x->late);
    doc_set_int(a, d, "effective", x->effective);
    return d;
}
