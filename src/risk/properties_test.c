/* Section 8's properties on random models: 10^5 of them, from one fixed seed. */
#include "risk/golden_test.h"
#include "risk/options.h"
#include "risk/peering.h"

#define CASES 100000

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (state * 2685821657736338717u >> 11) % below;
}

struct random_model {
    struct risk_control controls[6];
    struct risk_threat threats[3];
    int64_t p[6], f[6];
    struct risk_model model;
};

static void set_coverage(struct random_model *r, size_t i, int64_t p, int64_t f)
{
    struct risk_coverage c = risk_cover(p, f);
    r->p[i] = p, r->f[i] = f;
    r->controls[i].coverage[RISK_EXPECTED] = c.expected;
    r->controls[i].coverage[RISK_DECISION] = c.proven;
}

static void fill(struct random_model *r)
{
    static const int64_t strengths[] = { 0, 300000000, 700000000, 900000000 };
    static const uint32_t budgets[] = { 1, 3, 10 };
    *r = (struct random_model) { .model = { r->controls, 2 + draw(5), r->threats, 1 + draw(3) } };
    for (size_t i = 0; i < 6; i++) {
        int64_t p = (int64_t)draw((uint64_t)RISK_PPB + 1);
        set_coverage(r, i, p, (int64_t)draw((uint64_t)(RISK_PPB - p) + 1));
        r->controls[i].root = (uint32_t)draw(4);
        r->controls[i].owned = p > 0;
    }
    for (size_t i = 0; i < 3; i++) {
        struct risk_threat *t = &r->threats[i];
        t->rate[0] = (int64_t)draw(20000000000u);
        t->rate[1] = t->rate[0] + (int64_t)draw(50000000000u);
        t->effect_full = (int64_t)draw((uint64_t)RISK_PPB + 1);
        t->effect[0] = t->effect_full + (int64_t)draw((uint64_t)(RISK_PPB - t->effect_full) + 1);
        t->effect[1] = t->effect[0] + (int64_t)draw((uint64_t)(RISK_PPB - t->effect[0]) + 1);
        t->effect_off = RISK_PPB;
        t->outage[0] = t->effect[0], t->outage[1] = t->effect[1];
        t->loss_yen = 1 + (int64_t)draw(200000000);
        t->budget = budgets[draw(3)];
        for (size_t k = 0; k < 6; k++) t->strength[k] = strengths[draw(4)];
    }
}

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
        fill(&r);
        check_case(&r);
        check_peer();
        if (i % 20 == 0) check_options(&r);
    }
    CHECK(test_failed_ == 0);
    return TEST_END;
}
