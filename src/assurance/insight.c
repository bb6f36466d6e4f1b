#include "assurance/insight.h"

#include <stdlib.h>

#include "risk/options.h"
#include "risk/require.h"

struct insight {
    const struct model *model;
    struct assess_live *live;
    struct assessment *now;
    struct assess_inputs *work;
    uint64_t duties;
};

outcome insight_new(const struct model *m, struct insight **ret)
{
    struct insight *x = mem_new(sizeof *x);
    if (!x) return REFUSE(E_MEMORY);
    x->model = m;
    x->now = mem_new(sizeof *x->now);
    x->work = mem_new(sizeof *x->work);
    outcome o = x->now && x->work ? assess_live_new(m, &x->live) : REFUSE(E_MEMORY);
    if (!ok(o)) {
        insight_free(x);
        return o;
    }
    for (size_t i = 0; i < m->n_options; i++) x->duties |= (uint64_t)m->options[i].duty << i;
    *ret = x;
    return DONE;
}

void insight_free(struct insight *x)
{
    if (!x) return;
    assess_live_free(x->live);
    mem_free(x->now);
    mem_free(x->work);
    mem_free(x);
}

struct assess_live *insight_live(struct insight *x)
{
    return x->live;
}

const struct assessment *insight_of(struct insight *x, const struct assess_inputs *in)
{
    assess_live_figures(x->live, in, x->now);
    return x->now;
}

const char *insight_kind_word(enum insight_kind k)
{
    static const char *const words[INSIGHT_KINDS] = { "control", "alternative", "rate", "loss" };
    assert(k < INSIGHT_KINDS);
    return words[k];
}

/* --- inputs --- */

void insight_nothing(const struct model *m, struct assess_inputs *ret)
{
    (void)m;
    memset(ret, 0, sizeof *ret);
}

static void cover(struct evidence_coverage *c, int64_t p, int64_t f)
{
    struct risk_coverage v = risk_cover(p, f);
    if (v.proven > c->proven_ppb) c->proven_ppb = v.proven;
    if (v.expected > c->expected_ppb) c->expected_ppb = v.expected;
    if (p > c->p_ppb) c->p_ppb = p;
}

static void vouch(const struct model *m, size_t control, struct assess_inputs *in, int64_t proven, int64_t expected)
{
    for (size_t k = 0; k < m->controls[control].n_scope; k++) {
        size_t at = model_alternative(m, m->controls[control].scope[k]);
        if (at == SIZE_MAX) continue;
        if (expected > in->alternatives[at][RISK_EXPECTED]) in->alternatives[at][RISK_EXPECTED] = expected;
        if (proven > in->alternatives[at][RISK_DECISION]) in->alternatives[at][RISK_DECISION] = proven;
    }
}

void insight_design(const struct model *m, uint64_t controls, struct assess_inputs *ret)
{
    insight_nothing(m, ret);
    for (size_t i = 0; i < m->n_controls; i++) {
        if (!(controls >> i & 1)) continue;
        cover(&ret->coverage[i], RISK_PPB, 0);
        vouch(m, i, ret, RISK_PPB, RISK_PPB);
    }
}

void insight_buy(const struct model *m, uint64_t options, struct assess_inputs *in)
{
    for (size_t i = 0; i < m->n_options; i++) {
        const struct model_option *o = &m->options[i];
        if (!(options >> i & 1)) continue;
        size_t at = model_control(m, o->control);
        cover(&in->coverage[at], (int64_t)o->reaches_mille * 1000000, (int64_t)o->fails_mille * 1000000);
        vouch(m, at, in, in->coverage[at].proven_ppb, in->coverage[at].expected_ppb);
    }
}

/* --- steps --- */

struct value {
    int64_t yen, outage_ppb;
};

static struct value value_of(struct insight *x, size_t mission, const struct assess_inputs *in)
{
    const struct assess_figure *f = &insight_of(x, in)->missions[mission].figure[RISK_DECISION];
    return (struct value) { f->residual_yen, f->outage_ppb };
}

static int by_change(const void *a, const void *b)
{
    const struct insight_step *p = a, *q = b;
    int64_t x = p->yen < 0 ? -p->yen : p->yen, y = q->yen < 0 ? -q->yen : q->yen;
    if (x != y) return x > y ? -1 : 1;
    int64_t u = p->outage_ppb < 0 ? -p->outage_ppb : p->outage_ppb, v = q->outage_ppb < 0 ? -q->outage_ppb : q->outage_ppb;
    if (u != v) return u > v ? -1 : 1;
    if (p->kind != q->kind) return p->kind < q->kind ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

static void step(struct insight *x, size_t mission, struct insight_step s, struct value *last, struct insight_step *ret,
    size_t *n)
{
    struct value v = value_of(x, mission, x->work);
    s.yen = v.yen - last->yen;
    s.outage_ppb = v.outage_ppb - last->outage_ppb;
    *last = v;
    if (s.yen || s.outage_ppb) ret[(*n)++] = s;
}

static bool coverage_same(const struct evidence_coverage *a, const struct evidence_coverage *b)
{
    return a->proven_ppb == b->proven_ppb && a->expected_ppb == b->expected_ppb && a->p_ppb == b->p_ppb;
}

size_t insight_steps(struct insight *x, size_t mission, const struct assess_inputs *from, const struct assess_inputs *to,
    struct insight_step ret[INSIGHT_ROWS])
{
    size_t n = 0, order[64];
    *x->work = *from;
    struct value last = value_of(x, mission, x->work);
    for (size_t i = 0; i < x->model->n_controls; i++) { /* by id, whatever the file's order */
        size_t at = i;
        const char *id = x->model->controls[i].id;
        for (; at > 0 && strcmp(x->model->controls[order[at - 1]].id, id) > 0; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t i = 0; i < x->model->n_controls; i++) {
        size_t at = order[i];
        if (coverage_same(&from->coverage[at], &to->coverage[at])) continue;
        x->work->coverage[at] = to->coverage[at];
        step(x, mission, (struct insight_step) { INSIGHT_CONTROL, at, 0, 0 }, &last, ret, &n);
    }
    for (size_t i = 0; i < x->model->n_alternatives; i++) {
        if (memcmp(from->alternatives[i], to->alternatives[i], sizeof to->alternatives[i]) == 0) continue;
        memcpy(x->work->alternatives[i], to->alternatives[i], sizeof to->alternatives[i]);
        step(x, mission, (struct insight_step) { INSIGHT_ALTERNATIVE, i, 0, 0 }, &last, ret, &n);
    }
    qsort(ret, n, sizeof *ret, by_change);
    return n;
}

/* --- swings --- */

static int by_width(const void *a, const void *b)
{
    const struct insight_swing *p = a, *q = b;
    int64_t x = p->bad_yen - p->good_yen, y = q->bad_yen - q->good_yen;
    if (x != y) return x > y ? -1 : 1;
    if (p->kind != q->kind) return p->kind < q->kind ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

static int64_t term_yen(const struct assess_term *t, int64_t rate_ppb, int64_t loss_yen)
{
    int64_t rate = risk_mul(risk_mul(rate_ppb, t->bypass_ppb[RISK_DECISION]), t->effect_ppb[RISK_DECISION]);
    return risk_mul(rate, loss_yen);
}

static size_t swings_of_terms(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_swing *ret)
{
    const struct assess_mission *s = &insight_of(x, in)->missions[mission];
    int64_t total = s->figure[RISK_DECISION].residual_yen;
    size_t n = 0;
    for (size_t i = 0; i < s->n_terms && total < RISK_MAX; i++) {
        const struct assess_term *term = &s->terms[i];
        const struct model_threat *t = &x->model->threats[term->threat];
        int64_t rest = total - term->yen[RISK_DECISION];
        ret[n++] = (struct insight_swing) { INSIGHT_RATE, term->threat,
            risk_add(rest, term_yen(term, t->rate_ppb[0], t->loss_mean_yen)), total, 0, 0 };
        if (t->loss_yen[0] == 0) continue; /* a replayed model has the mean only */
        ret[n++] = (struct insight_swing) { INSIGHT_LOSS, term->threat,
            risk_add(rest, term_yen(term, t->rate_ppb[2], t->loss_yen[0])),
            risk_add(rest, term_yen(term, t->rate_ppb[2], t->loss_yen[1])), 0, 0 };
    }
    return n;
}

static struct value with_control(struct insight *x, size_t mission, const struct assess_inputs *in, size_t control, bool works)
{
    int64_t all = works ? RISK_PPB : 0;
    *x->work = *in;
    struct evidence_coverage *c = &x->work->coverage[control];
    c->proven_ppb = c->expected_ppb = c->p_ppb = all;
    for (size_t k = 0; k < x->model->controls[control].n_scope; k++) {
        size_t at = model_alternative(x->model, x->model->controls[control].scope[k]);
        if (at != SIZE_MAX) x->work->alternatives[at][0] = x->work->alternatives[at][1] = all;
    }
    return value_of(x, mission, x->work);
}

size_t insight_swings(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_swing ret[INSIGHT_ROWS])
{
    size_t n = swings_of_terms(x, mission, in, ret);
    for (size_t i = 0; i < x->model->n_controls && n < INSIGHT_ROWS; i++) {
        struct value good = with_control(x, mission, in, i, true), bad = with_control(x, mission, in, i, false);
        struct insight_swing s = { INSIGHT_CONTROL, i, good.yen, bad.yen, good.outage_ppb, bad.outage_ppb };
        if (s.bad_yen > s.good_yen) ret[n++] = s;
    }
    qsort(ret, n, sizeof *ret, by_width);
    return n;
}

/* --- options --- */

static uint64_t set_of(const struct risk_choice *c, const size_t *which)
{
    uint64_t set = 0;
    for (size_t i = 0; i < c->n; i++) set |= (uint64_t)1 << which[c->order[i]];
    return set;
}

static int64_t cost_of(const struct model *m, uint64_t options)
{
    int64_t sum = 0;
    for (size_t i = 0; i < m->n_options; i++)
        if (options >> i & 1) sum = risk_add(sum, m->options[i].cost_yen);
    return sum;
}

void insight_alone(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_offer *ret)
{
    const struct model *m = x->model;
    int64_t base = insight_of(x, in)->missions[mission].figure[RISK_EXPECTED].residual_yen;
    for (size_t i = 0; i < m->n_options; i++) {
        *x->work = *in;
        insight_buy(m, (uint64_t)1 << i, x->work);
        const struct assess_mission *s = &insight_of(x, x->work)->missions[mission];
        int64_t saved = base - s->figure[RISK_EXPECTED].residual_yen;
        ret->options[i] = (struct insight_option) { saved, risk_rosi_percent(saved, m->options[i].cost_yen),
            s->figure[RISK_DECISION].residual_yen, s->figure[RISK_DECISION].outage_ppb, s->function_hours_ppb[0][RISK_DECISION] };
    }
}

struct reaching {
    struct insight *x;
    size_t mission;
    const struct assess_inputs *in;
};

static bool tolerable(void *ctx, uint64_t set)
{
    struct reaching *r = ctx;
    *r->x->work = *r->in;
    insight_buy(r->x->model, set | r->x->duties, r->x->work);
    return insight_of(r->x, r->x->work)->missions[r->mission].within;
}

/* Greatest net benefit on the engine's own arrays, with duties done: what flows gain besides is not counted. */
static void best_net(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_offer *ret)
{
    const struct model *m = x->model;
    struct risk_option options[64];
    size_t which[64], n = 0;
    struct risk_model risk;
    struct risk_choice choice;
    for (size_t i = 0; i < m->n_options; i++) {
        const struct model_option *o = &m->options[i];
        if (o->duty) continue;
        which[n] = i;
        options[n++] = (struct risk_option) { assess_live_place(x->live, model_control(m, o->control)),
            (int64_t)o->reaches_mille * 1000000, (int64_t)o->fails_mille * 1000000, o->cost_yen };
    }
    *x->work = *in;
    insight_buy(m, x->duties, x->work);
    insight_of(x, x->work);
    assess_live_risk(x->live, mission, &risk);
    struct risk_question q = { &risk, RISK_EXPECTED, options, n };
    ret->net_found = ok(risk_options_net(&q, &choice));
    if (ret->net_found) ret->net = set_of(&choice, which) | x->duties;
    ret->net_cost_yen = cost_of(m, ret->net);
}

void insight_options(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_offer *ret)
{
    int64_t cost[64];
    struct reaching r = { x, mission, in };
    bool exact;
    *ret = (struct insight_offer) { 0 };
    if (x->model->n_options == 0) return;
    insight_alone(x, mission, in, ret);
    best_net(x, mission, in, ret);
    for (size_t i = 0; i < x->model->n_options; i++) cost[i] = x->model->options[i].duty ? 0 : x->model->options[i].cost_yen;
    struct risk_requirement want = { x->model->n_options, cost, tolerable, &r };
    ret->reach_found = ok(risk_require(&want, &ret->reach, &exact));
    if (ret->reach_found) ret->reach |= x->duties;
    ret->reach_cost_yen = cost_of(x->model, ret->reach);
}

static struct insight_plan plan_of(struct insight *x, size_t mission, const struct assess_inputs *in, uint64_t set)
{
    *x->work = *in;
    insight_buy(x->model, set, x->work);
    const struct assess_mission *s = &insight_of(x, x->work)->missions[mission];
    return (struct insight_plan) { set, cost_of(x->model, set), s->figure[RISK_EXPECTED].residual_yen, s->figure[RISK_DECISION].residual_yen, s->figure[RISK_DECISION].outage_ppb,
        s->function_hours_ppb[0][RISK_DECISION] };
}

outcome insight_budget(struct insight *x, size_t mission, const struct assess_inputs *in, int64_t budget_yen, struct insight_plan *ret)
{
    size_t n = x->model->n_options;
    if (n > INSIGHT_BUDGET_OPTIONS) return REFUSE(E_TOO_LARGE);
    if (cost_of(x->model, x->duties) > budget_yen) return REFUSE(E_RANGE);
    *ret = plan_of(x, mission, in, x->duties);
    for (uint64_t set = 0; set < (uint64_t)1 << n; set++) {
        if ((set & x->duties) != x->duties || cost_of(x->model, set) > budget_yen) continue;
        struct insight_plan p = plan_of(x, mission, in, set);
        if (p.expected_yen < ret->expected_yen || (p.expected_yen == ret->expected_yen && p.cost_yen < ret->cost_yen)) *ret = p;
    }
    return DONE;
}

/* --- required controls --- */

static bool all_within(void *ctx, uint64_t controls)
{
    struct insight *x = ctx;
    insight_design(x->model, controls, x->work);
    const struct assessment *s = insight_of(x, x->work);
    for (size_t i = 0; i < s->n_missions; i++)
        if (!s->missions[i].within) return false;
    return true;
}

outcome insight_required(struct insight *x, uint64_t *ret_controls, bool *ret_exact)
{
    int64_t cost[64];
    for (size_t i = 0; i < x->model->n_controls; i++) {
        cost[i] = 0;
        for (size_t k = 0; k < x->model->n_options; k++) {
            const struct model_option *o = &x->model->options[k];
            if (strcmp(o->control, x->model->controls[i].id) != 0) continue;
            if (cost[i] == 0 || o->cost_yen < cost[i]) cost[i] = o->cost_yen;
        }
        if (cost[i] == 0) cost[i] = 1;
    }
    struct risk_requirement r = { x->model->n_controls, cost, all_within, x };
    return risk_require(&r, ret_controls, ret_exact);
}
