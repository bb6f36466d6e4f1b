#include "assurance/assess.h"

#include "assurance/assess_parts.h"
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

void assess_gather(const struct model *m, const struct evidence *e, int64_t as_of_ms, struct assess_inputs *ret)
{
    for (size_t i = 0; i < m->n_controls; i++)
        evidence_cover(e, m, &m->controls[i], NULL, as_of_ms, &ret->coverage[i]);
    for (size_t i = 0; i < m->n_alternatives; i++) prove_alternative(m, e, i, as_of_ms, ret->alternatives[i]);
}

/* What remains of a loss when a measure covers share of it. */
static int64_t remain(int64_t floor_ppb, int64_t proven_ppb)
{
    return RISK_PPB - risk_mul(RISK_PPB - floor_ppb, proven_ppb);
}

struct effects {
    int64_t effect[RISK_FIGURES], off, full, outage[RISK_FIGURES];
};

/* Buffers of a function delay an outage: all of them together, proven as far as the least proven. */
static int64_t buffers_of(const struct model *m, const struct model_function *f, const struct assess_inputs *in,
    int64_t proven[RISK_FIGURES])
{
    int64_t hours_mille = 0;
    proven[0] = proven[1] = RISK_PPB;
    for (size_t i = 0; i < f->n_depends; i++) {
        size_t at = model_alternative(m, f->depends[i]);
        if (at == SIZE_MAX || strcmp(m->alternatives[at].kind, "buffer") != 0) continue;
        hours_mille += m->alternatives[at].hours_mille;
        for (int k = 0; k < RISK_FIGURES; k++)
            if (in->alternatives[at][k] < proven[k]) proven[k] = in->alternatives[at][k];
    }
    return hours_mille;
}

static void work_around(const struct model *m, const struct model_threat *t, const char *by,
    const struct assess_inputs *in, struct effects *ret)
{
    size_t at = model_alternative(m, by);
    assert(at != SIZE_MAX);
    const struct model_alternative *a = &m->alternatives[at];
    int64_t floor_ppb = RISK_PPB / 10, missing = RISK_PPB - (int64_t)a->capacity_mille * 1000000;
    if (missing > floor_ppb) floor_ppb = missing;
    if ((int64_t)t->outage_min * 1000 > (int64_t)a->hours_mille * 60) floor_ppb = RISK_PPB; /* outlasts it */
    ret->full = floor_ppb;
    ret->off = RISK_PPB;
    for (int k = 0; k < RISK_FIGURES; k++) ret->effect[k] = remain(floor_ppb, in->alternatives[at][k]);
}

/* w of one threat on one function, through the group it strikes. */
static struct effects effects_on(const struct model *m, const struct model_function *f, const struct model_threat *t,
    const struct assess_inputs *in)
{
    struct effects e = { 0 };
    size_t at = 0;
    while (at < f->n_depends && strcmp(f->depends[at], t->group) != 0) at++;
    if (at == f->n_depends) return e;
    int64_t w = (int64_t)f->effect_mille[at] * 1000000;
    e = (struct effects) { { w, w }, w, w, { 0, 0 } };
    if (*f->by[at]) work_around(m, t, f->by[at], in, &e);
    e.off = risk_mul(e.off, t->effect_ppb);
    e.full = risk_mul(e.full, t->effect_ppb);
    int64_t proven[RISK_FIGURES], hours_mille = buffers_of(m, f, in, proven);
    bool delayed = (int64_t)t->outage_min * 1000 <= (int64_t)f->outage_tolerable_min * 1000 + hours_mille * 60;
    for (int k = 0; k < RISK_FIGURES; k++) {
        e.effect[k] = risk_mul(e.effect[k], t->effect_ppb);
        if (t->outage_min <= f->outage_tolerable_min) continue;
        e.outage[k] = delayed ? risk_mul(e.effect[k], RISK_PPB - proven[k]) : e.effect[k];
    }
    return e;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* To a mission the worst of its functions counts. */
static struct effects worst(struct effects a, struct effects b)
{
    struct effects e = { { 0 }, larger(a.off, b.off), larger(a.full, b.full), { 0 } };
    for (int k = 0; k < RISK_FIGURES; k++) {
        e.effect[k] = larger(a.effect[k], b.effect[k]);
        e.outage[k] = larger(a.outage[k], b.outage[k]);
    }
    return e;
}

/* The engine's arrays for one mission: controls and threats in id order, whatever the file's. */
struct engine {
    size_t control[RISK_CONTROLS_MAX], threat[RISK_THREATS_MAX]; /* index in the model */
    struct risk_control controls[RISK_CONTROLS_MAX];
    struct risk_threat threats[RISK_THREATS_MAX];
    struct effects on[RISK_THREATS_MAX][16]; /* by threat, by function of the mission */
    struct risk_figure figure[RISK_FIGURES];
};

/* Insertion sort of indices by the ids at stride. */
static void order_by_id(const void *array, size_t n, size_t size, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        const char *id = (const char *)array + i * size;
        for (; at > 0 && strcmp((const char *)array + order[at - 1] * size, id) > 0; at--) order[at] = order[at - 1];
        order[at] = i;
    }
}

static void fill_controls(const struct model *m, const struct assess_inputs *in, struct engine *g)
{
    order_by_id(m->controls, m->n_controls, sizeof *m->controls, g->control);
    for (size_t i = 0; i < m->n_controls; i++) {
        const struct model_control *c = &m->controls[g->control[i]];
        const struct evidence_coverage *cover = &in->coverage[g->control[i]];
        uint32_t root = 0;
        for (size_t k = 0; *c->root && k <= i && root == 0; k++)
            if (strcmp(m->controls[g->control[k]].root, c->root) == 0) root = (uint32_t)k + 1;
        g->controls[i] = (struct risk_control) { root, { cover->expected_ppb, cover->proven_ppb }, cover->p_ppb > 0 };
    }
}

static void fill_threat(const struct model *m, const struct model_mission *x, const struct assess_inputs *in,
    struct engine *g, size_t i)
{
    const struct model_threat *t = &m->threats[g->threat[i]];
    struct effects all = { 0 };
    for (size_t k = 0; k < x->n_functions; k++) {
        g->on[i][k] = effects_on(m, &m->functions[model_function(m, x->functions[k])], t, in);
        all = worst(all, g->on[i][k]);
    }
    g->threats[i] = (struct risk_threat) {
        .rate = { t->rate_ppb[1], t->rate_ppb[2] },
        .effect = { all.effect[0], all.effect[1] },
        .effect_off = all.off,
        .effect_full = all.full,
        .outage = { all.outage[0], all.outage[1] },
        .loss_yen = t->loss_mean_yen,
        .budget = t->budget,
    };
    for (size_t k = 0; k < m->n_controls; k++)
        g->threats[i].strength[k] = m->controls[g->control[k]].strength_ppb[g->threat[i]];
}

/* How much of what the mission's figure leans on was measured: each control that answers one of its
 * threats weighs the same, and counts as far as its assets were seen. */
static void fill_shares(const struct model *m, const struct assess_inputs *in, const struct engine *g,
    struct assess_mission *ret)
{
    uint64_t measured = 0, declared = 0, n = 0;
    for (size_t k = 0; k < m->n_controls; k++) {
        bool used = false;
        for (size_t i = 0; i < m->n_threats; i++) used |= g->threats[i].effect_off > 0 && g->threats[i].strength[k] > 0;
        const struct evidence_coverage *c = &in->coverage[g->control[k]];
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

static void fill_terms(const struct model *m, const struct model_mission *x, const struct engine *g,
    struct assess_mission *ret)
{
    bool safety = strcmp(x->safety, "S3") == 0;
    for (size_t i = 0; i < m->n_threats; i++) {
        const struct risk_threat *t = &g->threats[i];
        if (t->effect_off == 0) continue; /* strikes nothing this mission needs */
        struct assess_term *term = &ret->terms[ret->n_terms++];
        term->threat = g->threat[i];
        for (int k = 0; k < RISK_FIGURES; k++) {
            const struct risk_term *x_term = &g->figure[k].terms[i];
            term->effect_ppb[k] = t->effect[k];
            term->bypass_ppb[k] = x_term->bypass;
            term->rate_ppb[k] = x_term->rate;
            term->yen[k] = x_term->yen;
            for (size_t f = 0; f < x->n_functions; f++) {
                int64_t *sum = &ret->function_outage_ppb[f][k];
                *sum = risk_add(*sum, risk_mul(risk_mul(t->rate[k], x_term->bypass), g->on[i][f].outage[k]));
            }
        }
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

static void assess_one(const struct model *m, size_t mission, const struct assess_inputs *in, struct engine *g,
    struct assess_mission *ret)
{
    const struct model_mission *x = &m->missions[mission];
    *ret = (struct assess_mission) { 0 };
    for (size_t i = 0; i < m->n_threats; i++) fill_threat(m, x, in, g, i);
    struct risk_model risk = { g->controls, m->n_controls, g->threats, m->n_threats };
    for (int k = 0; k < RISK_FIGURES; k++) {
        risk_figures(&risk, k, &g->figure[k]);
        ret->figure[k] = (struct assess_figure) { g->figure[k].inherent_yen, g->figure[k].residual_yen,
            g->figure[k].potential_yen, g->figure[k].outage_ppb };
    }
    fill_terms(m, x, g, ret);
    fill_shares(m, in, g, ret);
    const struct assess_figure *decision = &ret->figure[RISK_DECISION];
    int64_t outages = (int64_t)x->tolerance_outages_mille * 1000000;
    ret->figure_mille = used(decision->residual_yen, x->tolerance_yen);
    ret->outage_mille = used(decision->outage_ppb, outages);
    ret->used_mille = ret->figure_mille > ret->outage_mille ? ret->figure_mille : ret->outage_mille;
    ret->within = decision->residual_yen <= x->tolerance_yen && decision->outage_ppb <= outages;
}

outcome assess_figures(const struct model *m, const struct assess_inputs *in, struct assessment *ret)
{
    struct engine *g = mem_new(sizeof *g);
    if (!g) return REFUSE(E_MEMORY);
    fill_controls(m, in, g);
    order_by_id(m->threats, m->n_threats, sizeof *m->threats, g->threat);
    ret->n_missions = m->n_missions;
    for (size_t i = 0; i < m->n_missions; i++) assess_one(m, i, in, g, &ret->missions[i]);
    memcpy(ret->coverage, in->coverage, sizeof ret->coverage);
    memcpy(ret->alternatives, in->alternatives, sizeof ret->alternatives);
    mem_free(g);
    return DONE;
}

/* --- tier B --- */

static bool reached(const struct model *m, const struct evidence *e, const struct model_function *f,
    const char *const *assets, size_t n, bool *ret_around)
{
    bool any = false, around = true;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < f->n_depends; k++) {
            if (strcmp(evidence_group(e, m, assets[i]), f->depends[k]) != 0 || f->effect_mille[k] == 0) continue;
            any = true;
            around = around && *f->by[k];
        }
    *ret_around = around;
    return any;
}

static uint32_t buffer_hours(const struct model *m, const struct model_function *f)
{
    uint32_t hours = 0;
    for (size_t i = 0; i < f->n_depends; i++) {
        size_t at = model_alternative(m, f->depends[i]);
        if (at != SIZE_MAX && strcmp(m->alternatives[at].kind, "buffer") == 0) hours += m->alternatives[at].hours_mille;
    }
    return hours;
}

void assess_at_stake(const struct model *m, const struct evidence *e, const char *const *assets, size_t n,
    struct assess_stake *ret)
{
    *ret = (struct assess_stake) { .worked_around = true };
    for (size_t i = 0; i < m->n_functions && ret->n_functions < 16; i++) {
        const struct model_function *f = &m->functions[i];
        bool around;
        if (!reached(m, e, f, assets, n, &around)) continue;
        ret->functions[ret->n_functions++] = (uint8_t)i;
        ret->worked_around = ret->worked_around && around;
        uint32_t hours = buffer_hours(m, f);
        if (hours && (ret->buffer_hours_mille == 0 || hours < ret->buffer_hours_mille)) ret->buffer_hours_mille = hours;
        if (f->customers > ret->customers) ret->customers = f->customers;
    }
    if (ret->n_functions == 0) ret->worked_around = false;
    for (size_t i = 0; i < m->n_threats; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(evidence_group(e, m, assets[k]), m->threats[i].group) == 0)
                ret->loss_yen = larger(ret->loss_yen, m->threats[i].loss_mean_yen);
}
