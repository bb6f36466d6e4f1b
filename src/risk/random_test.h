/* Random models from one fixed seed, shared by the property tests and the digest of compilers. */
#ifndef RISK_RANDOM_TEST_H
#define RISK_RANDOM_TEST_H

#include "risk/engine.h"
#include "risk/spread.h"

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* Never twice in one expression: C leaves the order open, and compilers take either. */
static inline uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return (random_state * 2685821657736338717u >> 11) % below;
}

static inline int64_t draw_ppb(int64_t most)
{
    return (int64_t)draw((uint64_t)most + 1);
}

struct random_model {
    struct risk_control controls[6];
    struct risk_threat threats[3];
    int64_t p[6], f[6];
    struct risk_model model;
};

static inline void set_coverage(struct random_model *r, size_t i, int64_t p, int64_t f)
{
    struct risk_coverage c = risk_cover(p, f);
    r->p[i] = p, r->f[i] = f;
    r->controls[i].coverage[RISK_EXPECTED] = c.expected;
    r->controls[i].coverage[RISK_DECISION] = c.proven;
}

static inline void random_fill(struct random_model *r)
{
    static const int64_t strengths[] = { 0, 300000000, 700000000, 900000000 };
    static const uint32_t budgets[] = { 1, 3, 10 };
    size_t controls = 2 + draw(5), threats = 1 + draw(3);
    *r = (struct random_model) { .model = { r->controls, controls, r->threats, threats } };
    for (size_t i = 0; i < 6; i++) {
        int64_t p = draw_ppb(RISK_PPB);
        set_coverage(r, i, p, draw_ppb(RISK_PPB - p));
        r->controls[i].root = (uint32_t)draw(4);
        r->controls[i].owned = p > 0;
    }
    for (size_t i = 0; i < 3; i++) {
        struct risk_threat *t = &r->threats[i];
        t->rate[0] = (int64_t)draw(20000000000u);
        t->rate[1] = t->rate[0] + (int64_t)draw(50000000000u);
        t->effect_full = draw_ppb(RISK_PPB);
        t->effect[0] = t->effect_full + draw_ppb(RISK_PPB - t->effect_full);
        t->effect[1] = t->effect[0] + draw_ppb(RISK_PPB - t->effect[0]);
        t->effect_off = RISK_PPB;
        t->outage[0] = t->effect[0], t->outage[1] = t->effect[1];
        t->loss_yen = 1 + (int64_t)draw(200000000);
        t->budget = budgets[draw(3)];
        for (size_t k = 0; k < 6; k++) t->strength[k] = strengths[draw(4)];
    }
}

enum { RANDOM_GROUPS = 8, RANDOM_FLOWS = 14 };
struct random_network {
    struct risk_flow flows[RANDOM_FLOWS];
    uint32_t first[RANDOM_GROUPS + 1], order[RANDOM_FLOWS];
    int64_t pass[RANDOM_FLOWS], own[RANDOM_GROUPS];
    struct risk_network n;
};

static inline void random_network(struct random_network *x)
{
    *x = (struct random_network) { .n = { RANDOM_GROUPS, RANDOM_FLOWS, x->flows, x->first, x->order } };
    for (size_t i = 0; i < RANDOM_FLOWS; i++) {
        uint32_t from = (uint32_t)draw(RANDOM_GROUPS), to = (uint32_t)draw(RANDOM_GROUPS);
        x->flows[i] = (struct risk_flow) { from, to };
        x->pass[i] = draw_ppb(RISK_CONNECT_SAME);
    }
    for (size_t g = 0; g < RANDOM_GROUPS; g++) x->own[g] = draw(3) ? 0 : draw_ppb(5 * RISK_PPB);
}

#endif
