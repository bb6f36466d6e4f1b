/* The exact integer core (risk-method.md, section 2): parts per billion in int64, products rounded
 * half up through a 128-bit intermediate, so that every compiler and machine gives the same figure.
 * Pure: no I/O, no clock, no allocation; the caller owns every array. */
#ifndef RISK_ENGINE_H
#define RISK_ENGINE_H

#include "base/outcome.h"

#define RISK_PPB ((int64_t)1000000000)
#define RISK_MAX INT64_MAX       /* sums and products saturate here */
#define RISK_BETA ((int64_t)20000000) /* common-cause floor 0.02 */
#define RISK_CONTROLS_MAX 64
#define RISK_THREATS_MAX 64
#define RISK_BUDGET_MAX 100

enum { RISK_EXPECTED, RISK_DECISION, RISK_FIGURES };

/* (a * b + 5e8) / 1e9 for a, b >= 0; saturates. */
int64_t risk_mul_wide(int64_t a, int64_t b);
/* The same, short where both are small: most factors are shares of one. */
static inline int64_t risk_mul(int64_t a, int64_t b)
{
    if (((uint64_t)a | (uint64_t)b) >> 31) return risk_mul_wide(a, b);
    return (int64_t)(((uint64_t)a * (uint64_t)b + (uint64_t)RISK_PPB / 2) / (uint64_t)RISK_PPB);
}
/* The same without a 128-bit type: what 32-bit machines use, and tests compare. */
int64_t risk_mul_portable(int64_t a, int64_t b);
int64_t risk_add(int64_t a, int64_t b); /* saturates; a, b >= 0 */
int64_t risk_power(int64_t base_ppb, uint32_t exponent); /* by repeated risk_mul */

struct risk_coverage {
    int64_t proven, expected, possible;
};
/* p = pass, f = fail, 0 <= p, f and p + f <= 1e9. */
struct risk_coverage risk_cover(int64_t p_ppb, int64_t f_ppb);

/* 1e9 up to fresh_ms, falling linearly to 0 at stale_ms. */
int64_t risk_freshness(int64_t age_ms, int64_t fresh_ms, int64_t stale_ms);

struct risk_control {
    uint32_t root;      /* controls with the same non-zero root are counted once (the best of them) */
    int64_t coverage[RISK_FIGURES]; /* expected, proven */
    bool owned;         /* p > 0; potential: coverage would be 1 if all that is owned worked */
};
struct risk_threat {
    int64_t rate[RISK_FIGURES];   /* mid, hi: attempts a year, ppb */
    int64_t effect[RISK_FIGURES]; /* w, ppb */
    int64_t effect_off;           /* w with every measure off: inherent; >= effect */
    int64_t effect_full;          /* w with every owned measure working: potential; <= effect */
    int64_t outage[RISK_FIGURES]; /* w towards "below the minimum for longer than T_tol"; 0 when D <= T_tol */
    int64_t loss_yen;             /* mean per event */
    uint32_t budget;              /* probes, 1..RISK_BUDGET_MAX */
    int64_t strength[RISK_CONTROLS_MAX]; /* by control index, ppb */
};
struct risk_model {
    const struct risk_control *controls; /* in id order */
    size_t n_controls;
    const struct risk_threat *threats;
    size_t n_threats;
};
struct risk_term {
    int64_t bypass, rate, yen; /* V, lambda V w, lambda V w L */
};
struct risk_figure {
    int64_t inherent_yen, residual_yen, potential_yen;
    int64_t outage_ppb;
    struct risk_term terms[RISK_THREATS_MAX];
};

/* V of one threat. */
int64_t risk_bypass(const struct risk_model *m, const struct risk_threat *t, int figure);
/* For display: V however the controls depend on one another (Frechet): max(V, min_k(1 - s_lo c_proven^m)), with
 * the lower end of each strength by control index. */
int64_t risk_bypass_bound(const struct risk_model *m, const struct risk_threat *t, const int64_t *strength_lo);
void risk_figures(const struct risk_model *m, int figure, struct risk_figure *ret);

/* The same in two steps, for many missions on one model: V by threat as it is, and with every owned control
 * at full coverage; then the sums. */
struct risk_bypasses {
    int64_t now[RISK_FIGURES], full[RISK_FIGURES];
};
void risk_bypass_all(const struct risk_model *m, const struct risk_threat *t, struct risk_bypasses *ret);
void risk_sum(const struct risk_model *m, int figure, const struct risk_bypasses *v, struct risk_figure *ret);

#endif
