/* Decisions, the charter, assessments and the model as people see them. */
#include "assurance/state.h"

#include <stdio.h>

static const struct { const char *word, *ja, *en; } reopening_rows[REOPENING_COUNT] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    REOPENINGS(X)
#undef X
};

const char *case_state(const struct assurance *a, const struct case_file *c, int64_t now_ms)
{
    if (c->draft) return "draft";
    if (c->superseded_by[0]) return "superseded";
    if (c->decision.accept == DECISION_SEND_BACK) return "sent-back";
    if (c->expired || now_ms >= c->decision.expires_ms) return "expired";
    return reopenings(a, c) ? "reopened" : "in-force";
}

static const struct { const char *word, *ja, *en; } state_rows[] = {
    { "in-force", "有効", "in force" },          { "reopened", "見直しが必要", "to be reviewed" },
    { "expired", "期限切れ", "expired" },        { "superseded", "新しい判断に置き換え", "superseded" },
    { "sent-back", "差し戻し", "sent back" },    { "draft", "起案中・未決裁", "drafted, not decided" },
};
static const struct { const char *ja, *en; } accept_rows[DECISION_ACCEPTS] = {
    [DECISION_ACCEPT] = { "残存リスクを受け入れる", "accepts the residual risk" },
    [DECISION_CONDITIONS] = { "条件つきで残存リスクを受け入れる", "accepts the residual risk under conditions" },
    [DECISION_SEND_BACK] = { "差し戻す", "sends the case back" },
};

static struct doc *signers_doc(const struct signed_by *by, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    for (unsigned r = 0; r < CHARTER_ROLES; r++) {
        if (!(by->roles & 1u << r)) continue;
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "role", charter_role_word((enum charter_role)r));
        set_both(arena, d, "role", charter_role_ja((enum charter_role)r), charter_role_en((enum charter_role)r));
        doc_set_text(arena, d, "key_id", by->key_ids[r]);
        doc_set_bool(arena, d, "deputy", by->deputies & 1u << r);
        doc_add(list, d);
    }
    return list;
}

static struct doc *causes_doc(const struct assurance *a, const struct case_file *c, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    unsigned mask = c->draft || c->superseded_by[0] || c->decision.accept == DECISION_SEND_BACK ? 0 : reopenings(a, c);
    for (unsigned i = 0; i < REOPENING_COUNT; i++) {
        if (!(mask & 1u << i)) continue;
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "cause", reopening_rows[i].word);
        set_both(arena, d, "text", reopening_rows[i].ja, reopening_rows[i].en);
        doc_add(list, d);
    }
    return list;
}

static void case_text(const struct case_file *c, size_t state, struct arena *arena, struct doc *d)
{
    char until[TIME_TEXT], ja[400], en[400];
    time_text(c->decision.expires_ms, until);
    (void)snprintf(ja, sizeof ja, "判断 %s：%s（%.10s まで、%s）", c->decision.id, accept_rows[c->decision.accept].ja,
        until, state_rows[state].ja);
    (void)snprintf(en, sizeof en, "decision %s %s (until %.10s, %s)", c->decision.id,
        accept_rows[c->decision.accept].en, until, state_rows[state].en);
    set_both(arena, d, "text", ja, en);
}

struct doc *view_case(struct assurance *a, const struct case_file *c, struct arena *arena, int64_t now_ms)
{
    struct doc *d = doc_map(arena);
    const char *word = case_state(a, c, now_ms);
    char rank[3] = { 'R', (char)('0' + c->decision.rank), 0 };
    size_t state = 0;
    while (strcmp(state_rows[state].word, word) != 0) state++;
    doc_set_text(arena, d, "id", c->decision.id);
    doc_set_text(arena, d, "mission", c->decision.mission);
    doc_set_text(arena, d, "state", word);
    set_both(arena, d, "state", state_rows[state].ja, state_rows[state].en);
    doc_set_text(arena, d, "accept", decision_accept_word(c->decision.accept));
    doc_set_text(arena, d, "rank", rank);
    doc_set_time(arena, d, "at", c->decision.at_ms);
    doc_set_time(arena, d, "expires", c->decision.expires_ms);
    doc_set(arena, d, "signers", signers_doc(&c->by, arena));
    doc_set(arena, d, "causes", causes_doc(a, c, arena));
    case_text(c, state, arena, d);
    return d;
}

static struct doc *enforce_doc(const struct assurance *a, const struct decision *in, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    for (size_t i = 0; i < in->n_rules; i++) {
        const struct decision_rule *r = &in->rules[i];
        size_t at = a->model ? model_condition(a->model, r->condition) : SIZE_MAX;
        const struct model_condition *m = at != SIZE_MAX ? &a->model->conditions[at] : NULL;
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "condition", r->condition);
        doc_set_text(arena, d, "text", m ? m->text : "");
        set_both(arena, d, "name", m ? m->name.ja : r->condition, m ? m->name.en : r->condition);
        doc_set_text(arena, d, "stream", r->stream);
        doc_set_text(arena, d, "mode", decision_mode_word(r->mode));
        doc_set_bool(arena, d, "enforced", r->enforced);
        doc_add(list, d);
    }
    return list;
}

/* With finished words beside the numbers. */
static struct doc *options_said(const struct decision *in, struct arena *arena)
{
    struct doc *list = decision_options_doc(in, arena);
    size_t i = 0;
    for (struct doc *o = list ? list->first : NULL; o; o = o->next, i++) {
        struct sentence cost, left, rate;
        sentence_yen(in->options[i].cost_yen, &cost);
        sentence_yen(in->options[i].left_yen, &left);
        sentence_rate(in->options[i].outages_ppb, &rate);
        set_both(arena, o, "name", in->options[i].name.ja, in->options[i].name.en);
        set_both(arena, o, "cost_text", cost.ja, cost.en);
        set_both(arena, o, "left_text", left.ja, left.en);
        set_both(arena, o, "outages_text", rate.ja, rate.en);
    }
    return list;
}

static struct doc *differences_said(const struct decision *in, struct arena *arena)
{
    struct doc *list = decision_differences_doc(in, arena);
    size_t i = 0;
    for (struct doc *o = list ? list->first : NULL; o; o = o->next, i++)
        set_both(arena, o, "role", charter_role_ja(in->differences[i].role), charter_role_en(in->differences[i].role));
    return list;
}

struct doc *view_case_whole(struct assurance *a, const struct case_file *c, struct arena *arena, int64_t now_ms)
{
    const struct decision *in = &c->decision;
    struct doc *d = view_case(a, c, arena, now_ms);
    struct doc *s = doc_map(arena), *t = doc_map(arena), *l = doc_map(arena);
    doc_set_text(arena, s, "id", in->assessment_id);
    doc_set_text(arena, s, "hash", in->assessment_hash);
    doc_set_int(arena, s, "decision_yen", in->decision_yen);
    doc_set_int(arena, s, "expected_yen", in->expected_yen);
    doc_set(arena, d, "assessment", s);
    doc_set_int(arena, t, "yen", in->tolerance_yen);
    doc_set_int(arena, t, "margin_mille", in->margin_mille);
    doc_set(arena, d, "tolerance", t);
    doc_set_text(arena, d, "fallback", decision_mode_word(in->fallback));
    doc_set_text(arena, l, "by", in->loosen == DECISION_LOOSEN_AUTO ? "auto" : "two");
    doc_set_int(arena, l, "dwell_s", in->dwell_ms / MS_S);
    doc_set(arena, d, "loosen", l);
    set_both(arena, d, "reason", in->reason.ja, in->reason.en);
    doc_set(arena, d, "enforce", enforce_doc(a, in, arena));
    doc_set(arena, d, "options", options_said(in, arena));
    doc_set_text(arena, d, "chosen", in->chosen);
    doc_set(arena, d, "differences", differences_said(in, arena));
    doc_set_text(arena, d, "superseded_by", c->superseded_by);
    return d;
}

struct doc *assurance_decisions(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    struct doc *list = doc_list(arena);
    for (size_t i = a->n_cases; i-- > 0;) doc_add(list, view_case_whole(a, a->cases[i], arena, now_ms));
    return list;
}

struct doc *assurance_charter(struct assurance *a, struct arena *arena)
{
    return a->charter.roles[0].key ? charter_view(&a->charter, arena) : doc_map(arena);
}

struct doc *assurance_model_doc(struct assurance *a, struct arena *arena)
{
    struct doc *d = doc_map(arena);
    if (!a->model_doc) return d;
    for (const struct doc *m = a->model_doc->first; m; m = m->next) {
        struct doc *own = arena_new(arena, sizeof *own);
        if (own) {
            *own = *m;
            own->next = NULL;
        }
        doc_set(arena, d, m->key, own);
    }
    doc_set_text(arena, d, "hash", a->model_hash);
    doc_set_time(arena, d, "at", a->model_at_ms);
    doc_set(arena, d, "signers", signers_doc(&a->model_by, arena));
    return d;
}

static const struct figure_line *worst_line(const struct figure_note *n)
{
    static const int badness[PICTURES] = { [PICTURE_WITHIN] = 0, [PICTURE_UNKNOWN] = 1, [PICTURE_NEAR] = 2,
        [PICTURE_OVER] = 3 };
    const struct figure_line *worst = NULL;
    for (size_t i = 0; i < n->n_missions; i++)
        if (!worst || badness[n->missions[i].picture] > badness[worst->picture]) worst = &n->missions[i];
    return worst;
}

struct doc *assurance_assessments(struct assurance *a, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    for (size_t i = a->n_notes; i-- > 0 && a->n_notes - i <= ASSESSMENTS_SHOWN;) {
        const struct figure_note *n = &a->notes[i];
        const struct figure_line *l = worst_line(n);
        char rank[3] = { 'R', (char)('0' + (l ? l->rank : 0)), 0 };
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "id", n->id);
        doc_set_text(arena, d, "hash", n->hash);
        doc_set_time(arena, d, "at", n->at_ms);
        doc_set_text(arena, d, "cause", n->cause);
        doc_set_text(arena, d, "mission", l ? l->id : "");
        doc_set_int(arena, d, "decision_yen", l ? l->decision_yen : 0);
        doc_set_int(arena, d, "expected_yen", l ? l->expected_yen : 0);
        doc_set_int(arena, d, "outages_decision_ppb", l ? l->outage_ppb : 0);
        doc_set_text(arena, d, "rank", l ? rank : "");
        doc_set_text(arena, d, "state", picture_word(l ? l->picture : PICTURE_UNKNOWN));
        doc_add(list, d);
    }
    return list;
}
