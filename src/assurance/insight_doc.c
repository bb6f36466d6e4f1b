/* What a figure hangs on, as a document in both languages. */
#include <stdio.h>

#include "assurance/insight.h"
#include "assurance/sentence.h"
#include "risk/words.h"

struct writing {
    const struct model *m;
    struct arena *a;
};

static void set_pair(const struct writing *w, struct doc *d, const char *key, const char *ja, const char *en)
{
    char name[64];
    snprintf(name, sizeof name, "%s_ja", key);
    doc_set_text(w->a, d, name, ja);
    snprintf(name, sizeof name, "%s_en", key);
    doc_set_text(w->a, d, name, en);
}

static void set_yen(const struct writing *w, struct doc *d, const char *key, int64_t yen)
{
    struct sentence s;
    char name[64];
    snprintf(name, sizeof name, "%s_yen", key);
    doc_set_int(w->a, d, name, yen);
    sentence_yen(yen, &s);
    snprintf(name, sizeof name, "%s_text", key);
    set_pair(w, d, name, s.ja, s.en);
}

static void set_rate(const struct writing *w, struct doc *d, const char *key, int64_t rate_ppb)
{
    struct sentence s;
    char name[64];
    snprintf(name, sizeof name, "%s_text", key);
    sentence_rate(rate_ppb, &s);
    set_pair(w, d, name, s.ja, s.en);
}

static const struct model_text *name_of(const struct model *m, enum insight_kind kind, size_t at, const char **ret_id)
{
    if (kind == INSIGHT_CONTROL) return *ret_id = m->controls[at].id, &m->controls[at].name;
    if (kind == INSIGHT_ALTERNATIVE) return *ret_id = m->alternatives[at].id, &m->alternatives[at].name;
    return *ret_id = m->threats[at].id, &m->threats[at].name;
}

static const char *const kinds_ja[INSIGHT_KINDS] = { "対策の働き", "代替手段", "頻度", "損失" };

static struct doc *subject(const struct writing *w, enum insight_kind kind, size_t at)
{
    struct doc *d = doc_map(w->a);
    const char *id;
    const struct model_text *name = name_of(w->m, kind, at, &id);
    doc_set_text(w->a, d, "kind", insight_kind_word(kind));
    set_pair(w, d, "kind", kinds_ja[kind], insight_kind_word(kind));
    doc_set_text(w->a, d, "id", id);
    set_pair(w, d, "name", name->ja, name->en);
    return d;
}

static struct doc *steps_doc(const struct writing *w, const struct insight_step *rows, size_t n)
{
    struct doc *list = doc_list(w->a);
    for (size_t i = 0; i < n; i++) {
        struct doc *d = subject(w, rows[i].kind, rows[i].at);
        set_yen(w, d, "change", rows[i].yen < 0 ? -rows[i].yen : rows[i].yen);
        doc_set_int(w->a, d, "change_yen", rows[i].yen);
        doc_set_int(w->a, d, "change_outages_ppb", rows[i].outage_ppb);
        doc_add(list, d);
    }
    return list;
}

static struct doc *swings_doc(const struct writing *w, const struct insight_swing *rows, size_t n)
{
    struct doc *list = doc_list(w->a);
    for (size_t i = 0; i < n; i++) {
        struct doc *d = subject(w, rows[i].kind, rows[i].at);
        set_yen(w, d, "good", rows[i].good_yen);
        set_yen(w, d, "bad", rows[i].bad_yen);
        if (rows[i].good_outage_ppb != rows[i].bad_outage_ppb) {
            set_rate(w, d, "good_outages", rows[i].good_outage_ppb);
            set_rate(w, d, "bad_outages", rows[i].bad_outage_ppb);
        }
        doc_add(list, d);
    }
    return list;
}

static void set_ids(const struct writing *w, struct doc *d, const char *key, uint64_t options)
{
    struct doc *list = doc_list(w->a);
    for (size_t i = 0; i < w->m->n_options; i++)
        if (options >> i & 1) doc_add(list, doc_text_new(w->a, w->m->options[i].id));
    doc_set(w->a, d, key, list);
}

static struct doc *offer_doc(const struct writing *w, const struct insight_offer *o)
{
    struct doc *d = doc_map(w->a), *list = doc_list(w->a);
    for (size_t i = 0; i < w->m->n_options; i++) {
        const struct model_option *x = &w->m->options[i];
        struct doc *row = doc_map(w->a);
        doc_set_text(w->a, row, "id", x->id);
        set_pair(w, row, "name", x->name.ja, x->name.en);
        doc_set_text(w->a, row, "control", x->control);
        doc_set_bool(w->a, row, "duty", x->duty);
        set_yen(w, row, "cost", x->cost_yen);
        set_yen(w, row, "saved", o->options[i].saved_yen);
        doc_set_int(w->a, row, "rosi_percent", o->options[i].rosi_percent);
        set_yen(w, row, "left", o->options[i].decision_yen);
        doc_set_int(w->a, row, "outages_ppb", o->options[i].outage_ppb);
        set_rate(w, row, "outages", o->options[i].outage_ppb);
        doc_set_int(w->a, row, "hours_mille", o->options[i].hours_ppb / 1000000);
        doc_add(list, row);
    }
    doc_set(w->a, d, "alone", list);
    if (o->net_found) set_ids(w, d, "net", o->net);
    if (o->net_found) set_yen(w, d, "net_cost", o->net_cost_yen);
    if (o->reach_found) set_ids(w, d, "reach", o->reach);
    if (o->reach_found) set_yen(w, d, "reach_cost", o->reach_cost_yen);
    return d;
}

/* NIST SP 800-30's words from the same three levels as our ranks: 1..3 stand for low, moderate, high. */
static int nist_of(const struct model_threat *t, const struct assess_term *x, int64_t tolerance_yen)
{
    int threat = t->rate_ppb[1] >= RISK_PPB ? 3 : t->rate_ppb[1] >= RISK_PPB / 10 ? 2 : 1;
    int open = x->bypass_ppb[RISK_DECISION] >= RISK_PPB / 2 ? 3 : x->bypass_ppb[RISK_DECISION] >= RISK_PPB / 10 ? 2 : 1;
    int64_t impact = risk_mul(t->loss_mean_yen, x->effect_ppb[RISK_DECISION]);
    int harm = impact >= tolerance_yen ? 3 : impact >= tolerance_yen / 10 ? 2 : 1;
    return risk_nist_level((threat + open + 1) / 2, harm);
}

static struct doc *threats_doc(const struct writing *w, const struct assess_mission *s, int64_t tolerance_yen)
{
    static const struct { const char *ja, *en; } levels[] = { { "非常に低い", "very low" }, { "低い", "low" }, { "中", "moderate" },
        { "高い", "high" }, { "非常に高い", "very high" } };
    struct doc *list = doc_list(w->a);
    for (size_t i = 0; i < s->n_terms; i++) {
        const struct assess_term *t = &s->terms[i];
        const struct model_threat *x = &w->m->threats[t->threat];
        char rank[3] = { 'R', (char)('0' + t->rank), 0 };
        struct doc *d = subject(w, INSIGHT_RATE, t->threat);
        doc_set_text(w->a, d, "rank", rank);
        int level = nist_of(x, t, tolerance_yen);
        set_pair(w, d, "nist_800_30_i2", levels[level].ja, levels[level].en);
        doc_set_int(w->a, d, "bypass_ppb", t->bypass_ppb[RISK_DECISION]);
        doc_set_int(w->a, d, "effect_ppb", t->effect_ppb[RISK_DECISION]);
        set_yen(w, d, "decision", t->yen[RISK_DECISION]);
        set_yen(w, d, "expected", t->yen[RISK_EXPECTED]);
        doc_set_int(w->a, d, "events_counted", x->seen_days ? (int64_t)x->seen_events : -1);
        doc_add(list, d);
    }
    return list;
}

static struct doc *functions_doc(const struct writing *w, const struct model_mission *x, const struct assess_mission *s)
{
    struct doc *list = doc_list(w->a);
    for (size_t i = 0; i < x->n_functions; i++) {
        const struct model_function *f = &w->m->functions[model_function(w->m, x->functions[i])];
        struct doc *d = doc_map(w->a);
        struct sentence low, high;
        sentence_rate(s->function_outage_ppb[i][RISK_EXPECTED], &low);
        sentence_rate(s->function_outage_ppb[i][RISK_DECISION], &high);
        doc_set_text(w->a, d, "id", f->id);
        set_pair(w, d, "name", f->name.ja, f->name.en);
        doc_set_int(w->a, d, "households", f->customers);
        set_pair(w, d, "expects", f->expects.ja, f->expects.en);
        set_pair(w, d, "outage_expected", low.ja, low.en);
        set_pair(w, d, "outage_decision", high.ja, high.en);
        doc_set_int(w->a, d, "hours_expected_mille", s->function_hours_ppb[i][RISK_EXPECTED] / 1000000);
        doc_set_int(w->a, d, "hours_decision_mille", s->function_hours_ppb[i][RISK_DECISION] / 1000000);
        doc_add(list, d);
    }
    return list;
}

static struct doc *head_doc(const struct writing *w, size_t mission, const struct assess_mission *s)
{
    const struct model_mission *x = &w->m->missions[mission];
    struct doc *d = doc_map(w->a);
    struct sentence text;
    char rank[3] = { 'R', (char)('0' + s->rank), 0 };
    sentence_outage(w->m, mission, s, &text);
    doc_set_text(w->a, d, "id", x->id);
    set_pair(w, d, "name", x->name.ja, x->name.en);
    set_pair(w, d, "sentence", text.ja, text.en);
    doc_set_text(w->a, d, "rank", rank);
    doc_set_bool(w->a, d, "within", s->within);
    doc_set_int(w->a, d, "used_mille", s->used_mille);
    doc_set_int(w->a, d, "measured_mille", s->measured_mille);
    doc_set_int(w->a, d, "declared_mille", s->declared_mille);
    doc_set_int(w->a, d, "default_mille", s->default_mille);
    set_yen(w, d, "tolerance", x->tolerance_yen);
    doc_set_int(w->a, d, "tolerance_outages_mille", x->tolerance_outages_mille);
    set_yen(w, d, "inherent", s->figure[RISK_DECISION].inherent_yen);
    set_yen(w, d, "residual", s->figure[RISK_DECISION].residual_yen);
    set_yen(w, d, "potential", s->figure[RISK_DECISION].potential_yen);
    set_yen(w, d, "expected", s->figure[RISK_EXPECTED].residual_yen);
    set_yen(w, d, "spend_at_most", risk_spend_hint(s->figure[RISK_EXPECTED].inherent_yen));
    doc_set_int(w->a, d, "outages_expected_ppb", s->figure[RISK_EXPECTED].outage_ppb);
    doc_set_int(w->a, d, "outages_decision_ppb", s->figure[RISK_DECISION].outage_ppb);
    set_rate(w, d, "outages", s->figure[RISK_DECISION].outage_ppb);
    doc_set(w->a, d, "functions", functions_doc(w, x, s));
    doc_set(w->a, d, "threats", threats_doc(w, s, x->tolerance_yen));
    return d;
}

struct parts { /* too large for the stack together */
    struct insight_step steps[INSIGHT_ROWS];
    struct insight_swing swings[INSIGHT_ROWS];
    struct insight_offer offer;
    struct assess_inputs nothing;
};

struct doc *insight_doc(struct insight *x, size_t mission, const struct assess_inputs *in, const struct assess_inputs *before,
    struct arena *a)
{
    struct writing w = { assess_live_model(insight_live(x)), a };
    struct parts *p = arena_new(a, sizeof *p);
    if (!p) return NULL;
    struct doc *d = head_doc(&w, mission, &insight_of(x, in)->missions[mission]);
    insight_nothing(w.m, &p->nothing);
    doc_set(a, d, "steps", steps_doc(&w, p->steps, insight_steps(x, mission, &p->nothing, in, p->steps)));
    if (before) doc_set(a, d, "moved", steps_doc(&w, p->steps, insight_steps(x, mission, before, in, p->steps)));
    doc_set(a, d, "hangs_on", swings_doc(&w, p->swings, insight_swings(x, mission, in, p->swings)));
    insight_options(x, mission, in, &p->offer);
    if (w.m->n_options) doc_set(a, d, "options", offer_doc(&w, &p->offer));
    return d;
}

/* --- what a page shows --- */

#define OPTIONS_SEARCHED 6u /* the best sets are searched for up to so many: 64 figures at most */

/* Figures computed: at most two for each step and each end of a swing, one for each option; each over the whole model. */
bool insight_brief_fits(const struct model *m)
{
    size_t sets = (size_t)1 << (m->n_options < OPTIONS_SEARCHED ? m->n_options : OPTIONS_SEARCHED);
    size_t figures = 6 * m->n_controls + 4 * m->n_alternatives + m->n_options + sets;
    return figures * (m->n_threats * m->n_missions + m->n_groups + m->n_flows) <= INSIGHT_BRIEF_WORK;
}

/* What a control's evidence was and is: why a step is there. */
static void steps_explain(const struct writing *w, struct doc *list, const struct assess_inputs *from, const struct insight_ask *ask)
{
    for (struct doc *d = list->first; d; d = d->next) {
        size_t at = model_control(w->m, doc_text(d, "id", ""));
        struct sentence s;
        if (at == SIZE_MAX || strcmp(doc_text(d, "kind", ""), insight_kind_word(INSIGHT_CONTROL)) != 0) continue;
        doc_set_int(w->a, d, "was_mille", from->coverage[at].proven_ppb / 1000000);
        doc_set_int(w->a, d, "now_mille", ask->now->coverage[at].proven_ppb / 1000000);
        sentence_coverage(&ask->now->coverage[at], ask->now_ms, &s);
        set_pair(w, d, "now_text", s.ja, s.en);
    }
}

static void set_range(const struct writing *w, struct doc *d, const int64_t low_now_high[3], void (*say)(int64_t v, struct sentence *ret))
{
    static const char *const keys[] = { "low", "now", "high" };
    for (size_t i = 0; i < 3; i++) {
        struct sentence s;
        char name[16];
        say(low_now_high[i], &s);
        doc_set_int(w->a, d, keys[i], low_now_high[i]);
        snprintf(name, sizeof name, "%s_text", keys[i]);
        set_pair(w, d, name, s.ja, s.en);
    }
}

static void say_mille(int64_t mille, struct sentence *ret)
{
    snprintf(ret->ja, sizeof ret->ja, "対象の %lld %% で裏づけ", (long long)mille / 10);
    snprintf(ret->en, sizeof ret->en, "proven on %lld %% of its scope", (long long)mille / 10);
}

/* Between which ends a person may try it, and where it is: in the units of insight_try. */
static void set_slider(const struct writing *w, struct doc *d, const struct insight_swing *s, const struct assess_inputs *in)
{
    const struct model_threat *t = s->kind == INSIGHT_CONTROL ? NULL : &w->m->threats[s->at];
    if (!t) set_range(w, d, (int64_t[]) { 0, in->coverage[s->at].proven_ppb / 1000000, 1000 }, say_mille);
    else if (s->kind == INSIGHT_RATE) set_range(w, d, (int64_t[]) { t->rate_ppb[0], t->rate_ppb[2], t->rate_ppb[2] }, sentence_rate);
    else set_range(w, d, (int64_t[]) { t->loss_yen[0], t->loss_mean_yen, t->loss_yen[1] }, sentence_money);
    if (!t) return;
    doc_set_text(w->a, d, "author", t->author);
    doc_set_text(w->a, d, "source", t->source);
    doc_set_text(w->a, d, "reviewed", t->reviewed);
}

static struct doc *changes_doc(struct insight *x, const struct writing *w, struct parts *p, const struct insight_ask *ask,
    const struct assess_inputs *from)
{
    struct doc *list = steps_doc(w, p->steps, insight_steps(x, ask->mission, from, ask->now, p->steps));
    if (list) steps_explain(w, list, from, ask);
    return list;
}

struct doc *insight_brief(struct insight *x, const struct insight_ask *ask, struct arena *a)
{
    struct writing w = { assess_live_model(insight_live(x)), a };
    struct parts *p = insight_brief_fits(w.m) ? arena_new(a, sizeof *p) : NULL;
    if (!p) return NULL;
    struct doc *d = head_doc(&w, ask->mission, &insight_of(x, ask->now)->missions[ask->mission]);
    insight_nothing(w.m, &p->nothing);
    doc_set(a, d, "steps", changes_doc(x, &w, p, ask, &p->nothing));
    if (ask->before) doc_set(a, d, "moved", changes_doc(x, &w, p, ask, ask->before));
    if (ask->decided) doc_set(a, d, "decided", changes_doc(x, &w, p, ask, ask->decided));
    size_t n = insight_swings(x, ask->mission, ask->now, p->swings);
    struct doc *list = swings_doc(&w, p->swings, n < 2 ? n : 2);
    size_t i = 0;
    for (struct doc *s = list ? list->first : NULL; s; s = s->next) set_slider(&w, s, &p->swings[i++], ask->now);
    doc_set(a, d, "hangs_on", list);
    memset(&p->offer, 0, sizeof p->offer);
    if (w.m->n_options <= OPTIONS_SEARCHED) insight_options(x, ask->mission, ask->now, &p->offer);
    else insight_alone(x, ask->mission, ask->now, &p->offer);
    if (w.m->n_options) doc_set(a, d, "options", offer_doc(&w, &p->offer));
    return d;
}
