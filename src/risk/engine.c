#include "risk/engine.h"

/* 64 x 64 -> 128 bits by 32-bit halves, then division by 1e9 in 32-bit steps (1e9 < 2^30, so each
 * partial remainder shifted by 32 bits fits 64). */
int64_t risk_mul_portable(int64_t a, int64_t b)
{
    assert(a >= 0 && b >= 0);
    uint64_t al = (uint32_t)a, ah = (uint64_t)a >> 32, bl = (uint32_t)b, bh = (uint64_t)b >> 32;
    uint64_t low = al * bl, mid1 = ah * bl, mid2 = al * bh, high = ah * bh;
    uint64_t mid = (low >> 32) + (uint32_t)mid1 + (uint32_t)mid2;
    uint32_t word[4] = { (uint32_t)low, (uint32_t)mid, 0, 0 };
    high += (mid1 >> 32) + (mid2 >> 32) + (mid >> 32);
    word[2] = (uint32_t)high;
    word[3] = (uint32_t)(high >> 32);

    uint64_t carry = RISK_PPB / 2;
    for (int i = 0; i < 4; i++) {
        carry += word[i];
        word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    uint64_t rest = 0;
    for (int i = 3; i >= 0; i--) {
        rest = rest << 32 | word[i];
        word[i] = (uint32_t)(rest / (uint64_t)RISK_PPB);
        rest %= (uint64_t)RISK_PPB;
    }
    if (word[3] || word[2] || word[1] >> 31) return RISK_MAX;
    return (int64_t)((uint64_t)word[1] << 32 | word[0]);
}

int64_t risk_mul_wide(int64_t a, int64_t b)
{
#ifdef __SIZEOF_INT128__
    assert(a >= 0 && b >= 0);
    unsigned __int128 product = ((unsigned __int128)a * (uint64_t)b + RISK_PPB / 2) / RISK_PPB;
    return product > (uint64_t)RISK_MAX ? RISK_MAX : (int64_t)product;
#else
    return risk_mul_portable(a, b);
#endif
}

int64_t risk_add(int64_t a, int64_t b)
{
    assert(a >= 0 && b >= 0);
    return a > RISK_MAX - b ? RISK_MAX : a + b;
}

int64_t risk_power(int64_t base_ppb, uint32_t exponent)
{
    assert(exponent <= RISK_BUDGET_MAX);
    int64_t power = RISK_PPB;
    for (uint32_t i = 0; i < exponent; i++) power = risk_mul(power, base_ppb);
    return power;
}

struct risk_coverage risk_cover(int64_t p, int64_t f)
{
    assert(p >= 0 && f >= 0 && p <= RISK_PPB && f <= RISK_PPB - p);
    return (struct risk_coverage) {
        .proven = p,
        .expected = risk_mul(p, 3 * RISK_PPB - p - f) / 2,
        .possible = RISK_PPB - f,
    };
}

int64_t risk_freshness(int64_t age_ms, int64_t fresh_ms, int64_t stale_ms)
{
    assert(fresh_ms >= 0 && stale_ms >= fresh_ms);
    if (age_ms <= fresh_ms) return RISK_PPB;
    if (age_ms >= stale_ms) return 0;
    /* left x 1e9 must fit 63 bits: halve both for spans over 46 days; still exact to 1e-9 */
    int64_t left = stale_ms - age_ms, span = stale_ms - fresh_ms;
    while (span > RISK_PPB * 4) span /= 2, left /= 2;
    return left * RISK_PPB / span;
}

enum measures { MEASURES_AS_THEY_ARE, MEASURES_ALL_WORKING };

static int64_t effective(const struct risk_control *c, const struct risk_threat *t, size_t at, int figure,
    enum measures measures)
{
    int64_t coverage = measures == MEASURES_ALL_WORKING && c->owned ? RISK_PPB : c->coverage[figure];
    if (coverage == 0 || t->strength[at] == 0) return 0;
    return risk_mul(t->strength[at], risk_power(coverage, t->budget));
}

/* V = beta + (1 - beta) * prod(1 - E); of controls with one root only the best counts, at the
 * place of the group's first member. */
static int64_t bypass(const struct risk_model *m, const struct risk_threat *t, int figure, enum measures measures)
{
    assert(m->n_controls <= RISK_CONTROLS_MAX && t->budget >= 1);
    int64_t through = RISK_PPB;
    for (size_t i = 0; i < m->n_controls; i++) {
        uint32_t root = m->controls[i].root;
        bool counted = false;
        for (size_t k = 0; root && k < i; k++) counted |= m->controls[k].root == root;
        if (counted) continue;
        int64_t best = effective(&m->controls[i], t, i, figure, measures);
        for (size_t k = i + 1; root && k < m->n_controls; k++) {
            if (m->controls[k].root != root) continue;
            int64_t e = effective(&m->controls[k], t, k, figure, measures);
            if (e > best) best = e;
        }
        if (best) through = risk_mul(through, RISK_PPB - best);
    }
    return RISK_BETA + risk_mul(RISK_PPB - RISK_BETA, through);
}

int64_t risk_bypass_bound(const struct risk_model *m, const struct risk_threat *t, const int64_t *strength_lo)
{
    int64_t least = RISK_PPB, v = risk_bypass(m, t, RISK_DECISION);
    for (size_t i = 0; i < m->n_controls; i++) {
        int64_t e = risk_mul(strength_lo[i], risk_power(m->controls[i].coverage[RISK_DECISION], t->budget));
        if (RISK_PPB - e < least) least = RISK_PPB - e;
    }
    return v > least ? v : least;
}

int64_t risk_bypass(const struct risk_model *m, const struct risk_threat *t, int figure)
{
    return bypass(m, t, figure, MEASURES_AS_THEY_ARE);
}

/* Order of the products is part of the engine's version: ((lambda V) w) L. */
static int64_t yen(int64_t attempts_ppb, int64_t effect_ppb, int64_t loss_yen)
{
    return risk_mul(risk_mul(attempts_ppb, effect_ppb), loss_yen);
}

void risk_bypass_all(const struct risk_model *m, const struct risk_threat *t, struct risk_bypasses *ret)
{
    for (int k = 0; k < RISK_FIGURES; k++) {
        ret->now[k] = bypass(m, t, k, MEASURES_AS_THEY_ARE);
        ret->full[k] = bypass(m, t, k, MEASURES_ALL_WORKING);
    }
}

void risk_sum(const struct risk_model *m, int figure, const struct risk_bypasses *v, struct risk_figure *ret)
{
    assert(m->n_threats <= RISK_THREATS_MAX && figure >= 0 && figure < RISK_FIGURES);
    *ret = (struct risk_figure) { 0 };
    for (size_t i = 0; i < m->n_threats; i++) {
        const struct risk_threat *t = &m->threats[i];
        struct risk_term *term = &ret->terms[i];
        term->bypass = v[i].now[figure];
        int64_t reached = risk_mul(t->rate[figure], term->bypass);
        term->rate = risk_mul(reached, t->effect[figure]);
        term->yen = risk_mul(term->rate, t->loss_yen);
        ret->residual_yen = risk_add(ret->residual_yen, term->yen);
        ret->inherent_yen = risk_add(ret->inherent_yen, yen(t->rate[figure], t->effect_off, t->loss_yen));
        int64_t best = risk_mul(t->rate[figure], v[i].full[figure]);
        ret->potential_yen = risk_add(ret->potential_yen, yen(best, t->effect_full, t->loss_yen));
        ret->outage_ppb = risk_add(ret->outage_ppb, risk_mul(reached, t->outage[figure]));
    }
}

void risk_figures(const struct risk_model *m, int figure, struct risk_figure *ret)
{
    struct risk_bypasses v[RISK_THREATS_MAX];
    assert(m->n_threats <= RISK_THREATS_MAX);
    for (size_t i = 0; i < m->n_threats; i++) risk_bypass_all(m, &m->threats[i], &v[i]);
    risk_sum(m, figure, v, ret);
}
