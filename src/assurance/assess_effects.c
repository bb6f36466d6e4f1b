#include "assurance/assess_effects.h"

#define ARENA_BYTES (16u << 20)

outcome spreading_new(const struct plan *p, struct spreading *ret)
{
    size_t groups = p->network.n_groups + 1, flows = p->network.n_flows + 1;
    bool good = true;
    *ret = (struct spreading) { .arena = ARENA(ARENA_BYTES) };
    for (int v = 0; v < VIEWS; v++) {
        ret->pass[v] = arena_new(&ret->arena, flows * sizeof(int64_t));
        ret->reach[v] = (struct risk_reach) { arena_new(&ret->arena, groups * sizeof(int64_t)),
            arena_new(&ret->arena, groups * sizeof(int64_t)), arena_new(&ret->arena, groups * sizeof(uint32_t)), 0 };
        good = good && ret->pass[v] && ret->reach[v].share_ppb && ret->reach[v].work && ret->reach[v].at;
    }
    ret->own = arena_new(&ret->arena, groups * sizeof(int64_t));
    ret->work = arena_new(&ret->arena, groups * sizeof(int64_t));
    if (good && ret->own && ret->work) return DONE;
    spreading_free(ret);
    return REFUSE(E_MEMORY);
}

void spreading_free(struct spreading *s)
{
    arena_deinit(&s->arena);
}

/* --- flows --- */

static int64_t coverage_in(const struct evidence_coverage *c, int view)
{
    switch (view) {
    case VIEW_EXPECTED: return c->expected_ppb;
    case VIEW_DECISION: return c->proven_ppb;
    case VIEW_FULL: return c->p_ppb > 0 ? RISK_PPB : c->proven_ppb;
    default: return 0;
    }
}

/* Controls with one root are counted once, the best of them, as on a threat. */
static int64_t flow_bypass(const struct plan *p, const struct assess_inputs *in, size_t flow, int view)
{
    const struct plan_flow *f = &p->flows[flow];
    const struct model_flow *x = &p->model->flows[flow];
    int64_t through = RISK_PPB, e[8];
    if (f->n_controls == 0) return RISK_PPB;
    for (size_t i = 0; i < f->n_controls; i++)
        e[i] = risk_mul(x->strength_ppb[i], coverage_in(&in->coverage[f->controls[i]], view));
    for (size_t i = 0; i < f->n_controls; i++) {
        const char *root = p->model->controls[f->controls[i]].root;
        bool counted = false;
        int64_t best = e[i];
        for (size_t k = 0; *root && k < f->n_controls; k++) {
            if (strcmp(p->model->controls[f->controls[k]].root, root) != 0) continue;
            counted |= k < i;
            if (e[k] > best) best = e[k];
        }
        if (!counted) through = risk_mul(through, RISK_PPB - best);
    }
    return RISK_BETA + risk_mul(RISK_PPB - RISK_BETA, through);
}

void spreading_flows(struct spreading *s, const struct plan *p, const struct assess_inputs *in, struct moved moved)
{
    bool all = moved.controls == UINT64_MAX;
    for (size_t i = 0; i < p->network.n_flows; i++)
        for (int v = 0; v < moved.views && (all || (p->flows[i].set & moved.controls)); v++)
            s->pass[v][i] = v == VIEW_OFF ? p->connect_ppb[i] : risk_mul(p->connect_ppb[i], flow_bypass(p, in, i, v));
}

/* --- one function --- */

/* What remains of a loss when a measure covers share of it. */
static int64_t remain(int64_t floor_ppb, int64_t proven_ppb)
{
    return RISK_PPB - risk_mul(RISK_PPB - floor_ppb, proven_ppb);
}

static void edge_effects(const struct plan *p, const struct model_threat *t, const struct plan_edge *e,
    const struct assess_inputs *in, int64_t w[VIEWS])
{
    for (int v = 0; v < VIEWS; v++) w[v] = e->effect_ppb;
    if (e->alternative == UINT16_MAX) return;
    const struct model_alternative *a = &p->model->alternatives[e->alternative];
    int64_t floor_ppb = RISK_PPB / 10, missing = RISK_PPB - (int64_t)a->capacity_mille * 1000000;
    if (missing > floor_ppb) floor_ppb = missing;
    if ((int64_t)t->outage_min * 1000 > (int64_t)a->hours_mille * 60) floor_ppb = RISK_PPB; /* outlasts it */
    w[VIEW_FULL] = floor_ppb;
    w[VIEW_OFF] = RISK_PPB;
    for (int k = 0; k < RISK_FIGURES; k++) w[k] = remain(floor_ppb, in->alternatives[e->alternative][k]);
}

static int64_t at_most_one(int64_t a)
{
    return a > RISK_PPB ? RISK_PPB : a;
}

/* Each group that is reached counts by its worst edge; groups add up (the union bound), never above 1. Members
 * of a k-of-n set only say how likely each is down: added to `down`. */
static void add_group(const struct spreading *s, const struct plan_function *f, size_t first, size_t last,
    const int64_t w[16][VIEWS], int64_t sum[VIEWS], int64_t down[16][VIEWS])
{
    for (int v = 0; v < s->views; v++) {
        int64_t share = s->reach[v].share_ppb[f->rests[first].group], worst = 0;
        for (size_t i = first; share && i < last; i++) {
            const struct plan_rest *x = &f->rests[i];
            int64_t loses = risk_mul(share, x->factor_ppb);
            if (f->edges[x->edge].any) {
                down[x->edge][v] = at_most_one(down[x->edge][v] + loses);
                continue;
            }
            int64_t c = risk_mul(share, risk_mul(x->factor_ppb, w[x->edge][v]));
            if (c > worst) worst = c;
        }
        sum[v] = at_most_one(sum[v] + worst);
    }
}

/* More than `spare` of a set down: at least one besides the `spare` likeliest, or all by one common cause. */
static int64_t set_down(const struct plan_function *f, uint8_t any, int64_t down[16][VIEWS], int view)
{
    int64_t share[16] = { 0 };
    size_t n = 0, spare = 0;
    for (size_t e = 0; e < f->n_edges; e++) {
        if (f->edges[e].any != any) continue;
        spare = (size_t)(f->edges[e].members - f->edges[e].needs);
        size_t at = n++;
        for (; at > 0 && share[at - 1] < down[e][view]; at--) share[at] = share[at - 1];
        share[at] = down[e][view];
    }
    int64_t all = risk_mul(RISK_BETA, share[0]), rest = 0;
    for (size_t i = spare; i < n; i++) rest = at_most_one(rest + share[i]);
    return rest > all ? rest : all;
}

static void add_sets(const struct plan_function *f, const int64_t w[16][VIEWS], int64_t down[16][VIEWS],
    int64_t sum[VIEWS])
{
    for (size_t e = 0; e < f->n_edges; e++) {
        bool first = f->edges[e].any != 0;
        for (size_t k = 0; first && k < e; k++) first = f->edges[k].any != f->edges[e].any;
        for (int v = 0; first && v < VIEWS; v++)
            sum[v] = at_most_one(sum[v] + risk_mul(set_down(f, f->edges[e].any, down, v), w[e][v]));
    }
}

/* Buffers of a function delay an outage: all of them together, proven as far as the least proven. */
static void outages(const struct plan_function *f, const struct model_function *x, const struct model_threat *t,
    const struct assess_inputs *in, struct effects *e)
{
    if (t->outage_min <= x->outage_tolerable_min) return;
    bool delayed = (int64_t)t->outage_min * 1000 <= (int64_t)x->outage_tolerable_min * 1000 + f->buffer_hours_mille * 60;
    for (int k = 0; k < RISK_FIGURES; k++) {
        int64_t proven = RISK_PPB;
        for (size_t i = 0; i < f->n_buffers; i++)
            if (in->alternatives[f->buffers[i]][k] < proven) proven = in->alternatives[f->buffers[i]][k];
        e->outage[k] = delayed ? risk_mul(e->effect[k], RISK_PPB - proven) : e->effect[k];
    }
}

static struct effects effects_on(const struct spreading *s, const struct plan *p, const struct assess_inputs *in,
    const struct model_threat *t, size_t function)
{
    const struct plan_function *f = &p->functions[function];
    const int64_t *most = s->reach[s->views == VIEWS ? VIEW_OFF : VIEW_DECISION].share_ppb;
    int64_t w[16][VIEWS], sum[VIEWS] = { 0 }, down[16][VIEWS] = { { 0 } };
    struct effects e = { 0 };
    bool reached = false;
    for (size_t i = 0; i < f->n_rests && !reached; i++) reached = most[f->rests[i].group] > 0;
    if (!reached) return e;
    for (size_t i = 0; i < f->n_edges; i++) edge_effects(p, t, &f->edges[i], in, w[i]);
    for (size_t i = 0, last; i < f->n_rests; i = last) {
        for (last = i + 1; last < f->n_rests && f->rests[last].group == f->rests[i].group;) last++;
        if (most[f->rests[i].group]) add_group(s, f, i, last, w, sum, down);
    }
    add_sets(f, w, down, sum);
    for (int k = 0; k < RISK_FIGURES; k++) e.effect[k] = risk_mul(sum[k], t->effect_ppb);
    e.off = risk_mul(sum[VIEW_OFF], t->effect_ppb);
    e.full = risk_mul(sum[VIEW_FULL], t->effect_ppb);
    outages(f, &p->model->functions[function], t, in, &e);
    return e;
}

void effects_of(struct spreading *s, const struct plan *p, const struct assess_inputs *in, size_t threat,
    struct effects ret[64], int views)
{
    const struct model_threat *t = &p->model->threats[p->threat[threat]];
    bool strikes = p->strikes[threat] != UINT32_MAX;
    s->views = views;
    for (int v = 0; strikes && v < views; v++) risk_reach(&p->network, s->pass[v], p->strikes[threat], &s->reach[v]);
    for (size_t f = 0; f < p->model->n_functions; f++) {
        if (!p->used[f]) continue;
        struct effects was = ret[f];
        ret[f] = strikes ? effects_on(s, p, in, t, f) : (struct effects) { 0 };
        if (views == VIEWS) continue;
        ret[f].off = was.off;
        ret[f].full = was.full;
    }
}
