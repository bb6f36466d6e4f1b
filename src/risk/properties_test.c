/* Section 8's properties on random models: 10^5 of them, from one fixed seed. */
#include "risk/golden_test.h"
#include "risk/options.h"
#include "risk/peering.h"
#include "risk/random_test.h"

#define CASES 100000

static void figures(const struct random_model *r, struct risk_figure f[RISK_FIGURES])
{
    for (int k = 0; k < RISK_FIGURES; k++) risk_figures(&r->model, k, &f[k]);
}

static bool no_worse(const struct risk_figure *a, const struct risk_figure *b)
{
    return a->residual_yen <= b->residual_yen && a->outage_ppb <= b->outage_ppb && a->inherent_yen <= b->inherent_yen;
}

static void check_order(const struct risk_figure f[RISK_FIGURES])
{
    CHECK_QUIET(f[0].residual_yen <= f[1].residual_yen && f[0].outage_ppb <= f[1].outage_ppb);
    for (int k = 0; k < RISK_FIGURES; k++)
        CHECK_QUIET(f[k].potential_yen <= f[k].residual_yen && f[k].residual_yen <= f[k].inherent_yen);
}

static void check_case(struct random_model *r)
{
    struct risk_figure before[RISK_FIGURES], after[RISK_FIGURES];
    figures(r, before);
    check_order(before);

    struct random_model other = *r; /* more passes: unknown or failing assets turned good */
    other.model.controls = other.controls, other.model.threats = other.threats;
    size_t i = draw(other.model.n_controls);
    int64_t unknown = RISK_PPB - r->p[i] - r->f[i], from_unknown = (int64_t)draw((uint64_t)unknown + 1),
            from_fail = (int64_t)draw((uint64_t)r->f[i] + 1);
    set_coverage(&other, i, r->p[i] + from_unknown + from_fail, r->f[i] - from_fail);
    figures(&other, after);
    for (int k = 0; k < RISK_FIGURES; k++) CHECK_QUIET(no_worse(&after[k], &before[k]));

    other = *r; /* older evidence: p falls by freshness, f stays */
    other.model.controls = other.controls, other.model.threats = other.threats;
    set_coverage(&other, i, risk_mul(r->p[i], risk_freshness((int64_t)draw(100), 20, 80)), r->f[i]);
    figures(&other, after);
    for (int k = 0; k < RISK_FIGURES; k++) CHECK_QUIET(no_worse(&before[k], &after[k]));

    if (r->model.n_controls < 6) { /* one control more */
        other = *r;
        other.model.controls = other.controls, other.model.threats = other.threats;
        other.model.n_controls++;
        figures(&other, after);
        for (int k = 0; k < RISK_FIGURES; k++) CHECK_QUIET(no_worse(&after[k], &before[k]));
    }

    other = *r; /* yen x k scales within the rounding of one yen a term */
    other.model.controls = other.controls, other.model.threats = other.threats;
    for (size_t t = 0; t < other.model.n_threats; t++) other.threats[t].loss_yen *= 7;
    figures(&other, after);
    for (int k = 0; k < RISK_FIGURES; k++) {
        int64_t apart = after[k].residual_yen - 7 * before[k].residual_yen;
        CHECK_QUIET(apart >= -12 && apart <= 12 && after[k].outage_ppb == before[k].outage_ppb);
    }
}

static void check_peer(void)
{
    int64_t claim = (int64_t)draw(5000000000u), usual = (int64_t)draw(5000000000u);
    int64_t checks[] = { (int64_t)draw(900000001), (int64_t)draw(900000001) };
    int64_t last = INT64_MAX;
    for (int c = 0; c < RISK_CLAIMS; c++) { /* better vouched for, never worse; never below the claim */
        struct risk_inbound in = { risk_peer_rate(claim, usual, (enum risk_claim)c), 300000000, 500000000, 10000000,
            checks, 2 };
        int64_t yen = risk_inbound_yen(&in);
        CHECK_QUIET(in.rate_ppb >= claim && yen >= 0 && yen <= last);
        last = yen;
        in.n_checks = 1;
        CHECK_QUIET(risk_inbound_yen(&in) >= yen);
    }
}

/* The engine takes controls in id order; another numbering moves a figure by rounding only. */
static void check_reordered(const struct random_model *r, const struct risk_figure before[RISK_FIGURES])
{
    struct random_model other = *r;
    other.model.controls = other.controls, other.model.threats = other.threats;
    size_t n = r->model.n_controls, a = draw(n), b = draw(n);
    other.controls[a] = r->controls[b], other.controls[b] = r->controls[a];
    for (size_t t = 0; t < 3; t++)
        other.threats[t].strength[a] = r->threats[t].strength[b], other.threats[t].strength[b] = r->threats[t].strength[a];
    for (int k = 0; k < RISK_FIGURES; k++) {
        for (size_t t = 0; t < r->model.n_threats; t++) {
            int64_t apart = risk_bypass(&other.model, &other.threats[t], k) - before[k].terms[t].bypass;
            CHECK_QUIET(apart >= -(int64_t)n && apart <= (int64_t)n);
        }
    }
}

/* Whatever the dependence between controls: the bound is never below V, and never above 1. */
static void check_bound(const struct random_model *r)
{
    int64_t lo[RISK_CONTROLS_MAX] = { 0 };
    for (size_t t = 0; t < r->model.n_threats; t++) {
        const struct risk_threat *x = &r->threats[t];
        for (size_t k = 0; k < r->model.n_controls; k++) lo[k] = x->strength[k] / 2;
        int64_t bound = risk_bypass_bound(&r->model, x, lo);
        CHECK_QUIET(bound >= risk_bypass(&r->model, x, RISK_DECISION) && bound <= RISK_PPB);
    }
}

/* Adding options to a purchase never raises the figure, and greedy never beats the exact search. */
static void check_options(struct random_model *r)
{
    struct risk_option o[4];
    for (size_t i = 0; i < 4; i++) {
        int64_t p = (int64_t)draw((uint64_t)RISK_PPB + 1);
        o[i] = (struct risk_option) { draw(r->model.n_controls), p, (int64_t)draw((uint64_t)(RISK_PPB - p) + 1),
            1 + (int64_t)draw(5000000) };
    }
    struct risk_question q = { &r->model, (int)draw(2), o, 4 };
    int64_t budget = (int64_t)draw(12000000);
    struct risk_choice exact = { 0 }, greedy = { 0 };
    CHECK_QUIET(ok(risk_options_best(&q, budget, &exact)) && ok(risk_options_greedy(&q, budget, &greedy)));
    CHECK_QUIET(exact.figure_yen <= greedy.figure_yen && greedy.cost_yen <= budget && exact.cost_yen <= budget);
    CHECK_QUIET(exact.figure_yen == risk_option_figure(&q, exact.order, exact.n));
    CHECK_QUIET(greedy.figure_yen <= risk_option_figure(&q, NULL, 0));
}

int main(void)
{
    for (int i = 0; i < CASES; i++) {
        struct random_model r;
        random_fill(&r);
        check_case(&r);
        check_bound(&r);
        struct risk_figure f[RISK_FIGURES];
        figures(&r, f);
        check_reordered(&r, f);
        check_peer();
        if (i % 20 == 0) check_options(&r);
    }
    CHECK(test_failed_ == 0);
    return TEST_END;
}
