#include "assurance/assess.h"

#include "assurance/assess_effects.h"
#include "risk/words.h"

/* Why effects are computed here: an alternative (local loop, reservoir) is a measure like any other, so it
 * counts only as far as its own evidence goes. */

static int64_t by_figure(const struct evidence_coverage *c, int figure)
{
    return figure == RISK_DECISION ? c->proven_ppb : c->expected_ppb;
}

/* The best evidence any control has about an alternative. */
static void prove_alternative(const struct model *m, const struct evidence *e, size_t alternative, int64_t now_ms,
    int64_t ret[RISK_FIGURES])
{
    ret[RISK_EXPECTED] = ret[RISK_DECISION] = 0;
    for (size_t i = 0; i < m->n_controls; i++) {
        const struct model_control *c = &m->controls[i];
        bool mine = false;
        for (size_t k = 0; k < c->n_scope; k++) mine |= strcmp(c->scope[k], m->alternatives[alternative].id) == 0;
        if (!mine) continue;
        struct evidence_coverage cover;
        evidence_cover(e, m, c, m->alternatives[alternative].id, now_ms, &cover);
        for (int f = 0; f < RISK_FIGURES; f++)
            if (by_figure(&cover, f) > ret[f]) ret[f] = by_figure(&cover, f);
    }
}

/* Controls that prove alternatives: their evidence moves effects. */
static uint64_t alternative_controls(const struct model *m)
{
    uint64_t set = 0;
    for (size_t i = 0; i < m->n_controls; i++)
        for (size_t k = 0; k < m->controls[i].n_scope; k++)
            if (model_alternative(m, m->controls[i].scope[k]) != SIZE_MAX) set |= (uint64_t)1 << i;
    return set;
}

/* --- one picture after another: only what moved is computed again, with the same functions --- */

struct assess_live {
    const struct model *model;
    struct plan *plan;
    /* evidence -> coverage */
    struct assess_inputs in;
    bool gathered;
    int64_t gathered_ms;
    const struct evidence *from;
    uint64_t turns[64], proves_alternatives;
    /* coverage -> figures */
    struct assess_inputs done;   /* what the parts below were computed from */
    bool has_done;
    struct risk_control controls[RISK_CONTROLS_MAX];
    struct risk_threat threats[RISK_THREATS_MAX];
    struct risk_bypasses v[RISK_THREATS_MAX];
    struct effects on[RISK_THREATS_MAX][64]; /* by threat, by function of the model */
    struct spreading spreading;
    struct risk_figure figure[RISK_FIGURES];
};

outcome assess_live_new(const struct model *m, struct assess_live **ret)
{
    struct assess_live *l = mem_new(sizeof *l);
    if (!l) return REFUSE(E_MEMORY);
    l->model = m;
    l->proves_alternatives = alternative_controls(m);
    outcome o = plan_new(m, &l->plan);
    if (ok(o)) o = spreading_new(l->plan, &l->spreading);
    if (!ok(o)) {
        assess_live_free(l);
        return o;
    }
    *ret = l;
    return DONE;
}

void assess_live_free(struct assess_live *l)
{
    if (!l) return;
    spreading_free(&l->spreading);
    plan_free(l->plan);
    mem_free(l);
}

const struct model *assess_live_model(const struct assess_live *l)
{
    return l->model;
}

static bool still_holds(const struct assess_live *l, size_t control, const struct evidence *e, int64_t as_of_ms)
{
    const struct evidence_coverage *c = &l->in.coverage[control];
    if (!l->gathered || l->from != e || as_of_ms < l->gathered_ms) return false;
    if (evidence_turn(e, l->model->controls[control].id) != l->turns[control]) return false;
    if (as_of_ms == l->gathered_ms) return true;
    return !c->falling && (c->changes_ms == 0 || as_of_ms < c->changes_ms);
}

const struct assess_inputs *assess_live_gather(struct assess_live *l, const struct evidence *e, int64_t as_of_ms)
{
    const struct model *m = l->model;
    bool alternatives = false;
    for (size_t i = 0; i < m->n_controls; i++) {
        if (still_holds(l, i, e, as_of_ms)) continue;
        evidence_cover(e, m, &m->controls[i], NULL, as_of_ms, &l->in.coverage[i]);
        l->turns[i] = evidence_turn(e, m->controls[i].id);
        alternatives |= l->proves_alternatives >> i & 1;
    }
    for (size_t i = 0; alternatives && i < m->n_alternatives; i++)
        prove_alternative(m, e, i, as_of_ms, l->in.alternatives[i]);
    l->gathered = true;
    l->gathered_ms = as_of_ms;
    l->from = e;
    return &l->in;
}

/* Also whether all views moved: at first, and when something is owned that was not, or no longer. */
static struct moved controls_moved(const struct assess_live *l, const struct assess_inputs *in)
{
    struct moved moved = { l->has_done ? 0 : UINT64_MAX, l->has_done ? VIEWS_MOVING : VIEWS };
    for (size_t i = 0; i < l->model->n_controls; i++) {
        const struct evidence_coverage *a = &l->done.coverage[i], *b = &in->coverage[i];
        bool owned = (a->p_ppb > 0) == (b->p_ppb > 0);
        if (owned && a->expected_ppb == b->expected_ppb && a->proven_ppb == b->proven_ppb) continue;
        moved.controls |= (uint64_t)1 << i;
        if (!owned) moved.views = VIEWS;
    }
    return moved;
}

static void fill_controls(struct assess_live *l, const struct assess_inputs *in)
{
    for (size_t i = 0; i < l->model->n_controls; i++) {
        const struct evidence_coverage *c = &in->coverage[l->plan->control[i]];
        l->controls[i] = (struct risk_control) { l->plan->root[i], { c->expected_ppb, c->proven_ppb }, c->p_ppb > 0 };
    }
}

static void fill_threat(struct assess_live *l, size_t i)
{
    const struct model_threat *t = &l->model->threats[l->plan->threat[i]];
    l->threats[i] = (struct risk_threat) { .rate = { t->rate_ppb[1], t->rate_ppb[2] }, .loss_yen = t->loss_mean_yen,
        .budget = t->budget };
    for (size_t k = 0; k < l->model->n_controls; k++)
        l->threats[i].strength[k] = l->model->controls[l->plan->control[k]].strength_ppb[l->plan->threat[i]];
}

/* V of the threats that a moved control stands against; effects when flows or alternatives moved. */
static void refresh(struct assess_live *l, const struct assess_inputs *in)
{
    const struct model *m = l->model;
    struct moved moved = controls_moved(l, in);
    bool first = !l->has_done;
    bool elsewhere = memcmp(l->done.alternatives, in->alternatives, sizeof in->alternatives) != 0;
    bool flows = first || (moved.controls & l->plan->flow_controls), spread = flows || elsewhere;
    struct risk_model risk = { l->controls, m->n_controls, l->threats, m->n_threats };
    fill_controls(l, in);
    if (flows) spreading_flows(&l->spreading, l->plan, in, moved);
    for (size_t i = 0; i < m->n_threats; i++) {
        bool touched = first;
        if (first) fill_threat(l, i);
        for (size_t k = 0; k < m->n_controls && !touched; k++)
            touched = (moved.controls >> l->plan->control[k] & 1) && l->threats[i].strength[k];
        if (touched) risk_bypass_all(&risk, &l->threats[i], &l->v[i]);
        if (spread) effects_of(&l->spreading, l->plan, in, i, l->on[i], moved.views);
    }
    l->done = *in;
    l->has_done = true;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* To a mission the worst of its functions counts. */
static void worst_of(struct assess_live *l, size_t mission, size_t threat)
{
    const struct model_mission *x = &l->model->missions[mission];
    struct risk_threat *t = &l->threats[threat];
    t->effect_off = t->effect_full = 0;
    t->effect[0] = t->effect[1] = t->outage[0] = t->outage[1] = 0;
    for (size_t i = 0; i < x->n_functions; i++) {
        const struct effects *e = &l->on[threat][l->plan->mission_functions[mission][i]];
        t->effect_off = larger(t->effect_off, e->off);
        t->effect_full = larger(t->effect_full, e->full);
        for (int k = 0; k < RISK_FIGURES; k++) {
            t->effect[k] = larger(t->effect[k], e->effect[k]);
            t->outage[k] = larger(t->outage[k], e->outage[k]);
        }
    }
}

/* How much of what the mission's figure leans on was measured: each control that answers one of its
 * threats weighs the same, and counts as far as its assets were seen. */
static void fill_shares(const struct assess_live *l, const struct assess_inputs *in, struct assess_mission *ret)
{
    uint64_t measured = 0, declared = 0, n = 0;
    const struct model *m = l->model;
    for (size_t k = 0; k < m->n_controls; k++) {
        bool used = false;
        for (size_t i = 0; i < m->n_threats && !used; i++)
            used = l->threats[i].effect_off > 0 && l->threats[i].strength[k] > 0;
        const struct evidence_coverage *c = &in->coverage[l->plan->control[k]];
        if (!used) continue;
        n++;
        if (c->assets == 0) continue;
        measured += (uint64_t)c->measured * 1000000 / c->assets;
        declared += (uint64_t)c->declared * 1000000 / c->assets;
    }
    if (n) ret->measured_mille = (uint32_t)(measured / n / 1000);
    if (n) ret->declared_mille = (uint32_t)(declared / n / 1000);
    ret->default_mille = 1000 - ret->measured_mille - ret->declared_mille;
}

/* Falls below the minimum and service hours lost, by function. */
static void add_services(const struct assess_live *l, size_t mission, size_t threat, struct assess_mission *ret)
{
    const struct model_mission *x = &l->model->missions[mission];
    const struct model_threat *t = &l->model->threats[l->plan->threat[threat]];
    int64_t hours = (int64_t)t->outage_min * RISK_PPB / 60;
    for (int k = 0; k < RISK_FIGURES; k++) {
        int64_t reached = risk_mul(l->threats[threat].rate[k], l->v[threat].now[k]);
        for (size_t f = 0; f < x->n_functions; f++) {
            size_t at = l->plan->mission_functions[mission][f];
            const struct effects *e = &l->on[threat][at];
            bool beyond = t->outage_min > l->model->functions[at].outage_tolerable_min;
            int64_t down = risk_mul(reached, e->outage[k]), lost = risk_mul(reached, beyond ? e->outage[k] : e->effect[k]);
            ret->function_outage_ppb[f][k] = risk_add(ret->function_outage_ppb[f][k], down);
            ret->function_hours_ppb[f][k] = risk_add(ret->function_hours_ppb[f][k], risk_mul(lost, hours));
        }
    }
}

static void fill_terms(const struct assess_live *l, size_t mission, struct assess_mission *ret)
{
    const struct model_mission *x = &l->model->missions[mission];
    bool safety = strcmp(x->safety, "S3") == 0;
    for (size_t i = 0; i < l->model->n_threats; i++) {
        const struct risk_threat *t = &l->threats[i];
        if (t->effect_off == 0) continue; /* strikes nothing this mission needs */
        struct assess_term *term = &ret->terms[ret->n_terms++];
        term->threat = l->plan->threat[i];
        for (int k = 0; k < RISK_FIGURES; k++) {
            const struct risk_term *x_term = &l->figure[k].terms[i];
            term->effect_ppb[k] = t->effect[k];
            term->bypass_ppb[k] = x_term->bypass;
            term->rate_ppb[k] = x_term->rate;
            term->yen[k] = x_term->yen;
        }
        add_services(l, mission, i, ret);
        int64_t impact = risk_mul(t->loss_yen, t->effect[RISK_DECISION]);
        term->rank = risk_rank(t->rate[RISK_EXPECTED], term->bypass_ppb[RISK_DECISION], impact, x->tolerance_yen, safety);
        if (term->rank > ret->rank) ret->rank = term->rank;
    }
    if (ret->rank == 0) ret->rank = 1;
}

/* value / tolerance in thousandths, rounded up, at most 9999. */
static uint32_t used(int64_t value, int64_t tolerance)
{
    if (tolerance <= 0) return 9999;
    int64_t whole = value / tolerance;
    if (whole >= 10) return 9999;
    int64_t rest = value % tolerance, mille = whole * 1000;
    int64_t part = rest > INT64_MAX / 1000 ? rest / (tolerance / 1000) : (rest * 1000 + tolerance - 1) / tolerance;
    return mille + part > 9999 ? 9999 : (uint32_t)(mille + part);
}

static void assess_one(struct assess_live *l, size_t mission, const struct assess_inputs *in, struct assess_mission *ret)
{
    const struct model *m = l->model;
    const struct model_mission *x = &m->missions[mission];
    *ret = (struct assess_mission) { 0 };
    for (size_t i = 0; i < m->n_threats; i++) worst_of(l, mission, i);
    struct risk_model risk = { l->controls, m->n_controls, l->threats, m->n_threats };
    for (int k = 0; k < RISK_FIGURES; k++) {
        risk_sum(&risk, k, l->v, &l->figure[k]);
        ret->figure[k] = (struct assess_figure) { l->figure[k].inherent_yen, l->figure[k].residual_yen,
            l->figure[k].potential_yen, l->figure[k].outage_ppb };
    }
    fill_terms(l, mission, ret);
    fill_shares(l, in, ret);
    const struct assess_figure *decision = &ret->figure[RISK_DECISION];
    int64_t outages = (int64_t)x->tolerance_outages_mille * 1000000;
    ret->figure_mille = used(decision->residual_yen, x->tolerance_yen);
    ret->outage_mille = used(decision->outage_ppb, outages);
    ret->used_mille = ret->figure_mille > ret->outage_mille ? ret->figure_mille : ret->outage_mille;
    ret->within = decision->residual_yen <= x->tolerance_yen && decision->outage_ppb <= outages;
}

/* All missions together: causes are summed, not missions. One event of a cause strikes them at once and is paid
 * once, in the mission it hurts most. */
static void portfolio(const struct assess_live *l, struct assessment *ret)
{
    int64_t most[RISK_THREATS_MAX][RISK_FIGURES] = { { 0 } };
    for (size_t i = 0; i < ret->n_missions; i++)
        for (size_t t = 0; t < ret->missions[i].n_terms; t++)
            for (int k = 0; k < RISK_FIGURES; k++) {
                const struct assess_term *x = &ret->missions[i].terms[t];
                most[x->threat][k] = larger(most[x->threat][k], x->yen[k]);
            }
    ret->portfolio_yen[0] = ret->portfolio_yen[1] = 0;
    for (size_t t = 0; t < l->model->n_threats; t++)
        for (int k = 0; k < RISK_FIGURES; k++) ret->portfolio_yen[k] = risk_add(ret->portfolio_yen[k], most[t][k]);
}

void assess_live_figures(struct assess_live *l, const struct assess_inputs *in, struct assessment *ret)
{
    refresh(l, in);
    ret->n_missions = l->model->n_missions;
    for (size_t i = 0; i < l->model->n_missions; i++) assess_one(l, i, in, &ret->missions[i]);
    portfolio(l, ret);
    memcpy(ret->coverage, in->coverage, sizeof ret->coverage);
    memcpy(ret->alternatives, in->alternatives, sizeof ret->alternatives);
}

void assess_live_risk(struct assess_live *l, size_t mission, struct risk_model *ret)
{
    for (size_t i = 0; i < l->model->n_threats; i++) worst_of(l, mission, i);
    *ret = (struct risk_model) { l->controls, l->model->n_controls, l->threats, l->model->n_threats };
}

size_t assess_live_place(const struct assess_live *l, size_t control)
{
    size_t at = 0;
    while (l->plan->control[at] != control) at++;
    return at;
}

void assess_live_groups(struct assess_live *l, int64_t *ret_ppb, int figure)
{
    struct plan *p = l->plan;
    int64_t *own = l->spreading.own;
    memset(own, 0, p->network.n_groups * sizeof *own);
    for (size_t i = 0; i < l->model->n_threats; i++)
        if (p->strikes[i] != UINT32_MAX)
            own[p->strikes[i]] = risk_add(own[p->strikes[i]], risk_mul(l->threats[i].rate[figure], l->v[i].now[figure]));
    risk_spread(&p->network, l->spreading.pass[figure], own, ret_ppb, l->spreading.work);
    memset(l->spreading.work, 0, p->network.n_groups * sizeof *own);
}

outcome assess_figures(const struct model *m, const struct assess_inputs *in, struct assessment *ret)
{
    struct assess_live *l;
    TRY(assess_live_new(m, &l));
    assess_live_figures(l, in, ret);
    assess_live_free(l);
    return DONE;
}
