#include "risk/golden_test.h"

static void test_arithmetic(void)
{
    CHECK(risk_mul(RISK_PPB, RISK_PPB) == RISK_PPB);
    CHECK(risk_mul(1, 500000000) == 1 && risk_mul(1, 499999999) == 0);
    CHECK(risk_mul(INT64_MAX, INT64_MAX) == RISK_MAX && risk_mul_portable(INT64_MAX, INT64_MAX) == RISK_MAX);
    CHECK(risk_mul(INT64_MAX, RISK_PPB) == INT64_MAX && risk_mul_portable(INT64_MAX, RISK_PPB) == INT64_MAX);
    CHECK(risk_mul(INT64_MAX, RISK_PPB + 1) == RISK_MAX);
    CHECK(risk_add(INT64_MAX, 1) == RISK_MAX && risk_add(2, 3) == 5);
    CHECK(risk_power(500000000, 0) == RISK_PPB && risk_power(500000000, 3) == 125000000);
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        int64_t a = (int64_t)(x >> (1 + i % 60)), b = (int64_t)((x * 2862933555777941757u) >> (1 + (i / 7) % 60));
        CHECK_QUIET(risk_mul(a, b) == risk_mul_portable(a, b));
    }
}

static void test_freshness(void)
{
    CHECK(risk_freshness(-5, 10, 30) == RISK_PPB && risk_freshness(10, 10, 30) == RISK_PPB);
    CHECK(risk_freshness(20, 10, 30) == RISK_PPB / 2 && risk_freshness(30, 10, 30) == 0);
    CHECK(risk_freshness(11, 10, 10) == 0 && risk_freshness(10, 10, 10) == RISK_PPB);
    int64_t day = 86400000;
    CHECK(risk_freshness(365 * day + 50 * day, 365 * day, 465 * day) == RISK_PPB / 2);
}

static void test_coverage_golden(void)
{
    char *line = strchr(golden_text("coverage.csv"), '\n') + 1;
    int rows = 0;
    for (; *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "", rows++) {
        char id[16];
        int64_t v[5];
        CHECK(sscanf(line, "%15[^,],%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64, id, &v[0], &v[1],
            &v[2], &v[3], &v[4]) == 6);
        size_t at = example_control(id);
        CHECK(at < EXAMPLE_CONTROLS && v[0] == PPB_OF_MILLE(example_evidence[at][0]) &&
            v[1] == PPB_OF_MILLE(example_evidence[at][1]));
        struct risk_coverage c = risk_cover(v[0], v[1]);
        CHECK(c.proven == v[2] && c.expected == v[3] && c.possible == v[4]);
    }
    CHECK(rows == EXAMPLE_CONTROLS);
}

static void test_terms_golden(void)
{
    struct example e[2];
    struct risk_figure f[2][RISK_FIGURES];
    for (int b = 0; b < 2; b++) {
        example_fill(&e[b], b == 1);
        for (int k = 0; k < RISK_FIGURES; k++) risk_figures(&e[b].model, k, &f[b][k]);
    }
    char *line = strchr(golden_text("worked-example.csv"), '\n') + 1;
    int rows = 0;
    for (; *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "", rows++) {
        char budget[32], id[8], figure[16];
        unsigned probes;
        int64_t v, rate, loss, yen;
        CHECK(sscanf(line, "%31[^,],%7[^,],%15[^,],%u,%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64, budget, id,
            figure, &probes, &v, &rate, &loss, &yen) == 8);
        int b = strcmp(budget, "budget1") != 0, k = strcmp(figure, "decision") == 0;
        size_t t = example_threat(id);
        CHECK(t < EXAMPLE_THREATS && e[b].threats[t].budget == probes && e[b].threats[t].loss_yen == loss);
        const struct risk_term *term = &f[b][k].terms[t];
        CHECK(term->bypass == v && term->rate == rate && term->yen == yen);
        CHECK(risk_bypass(&e[b].model, &e[b].threats[t], k) == v);
    }
    CHECK(rows == 36);
}

static void test_sums_golden(void)
{
    static const char *const budgets[] = { "budget1", "budget_per_threat" }, *const figures[] = { "expected", "decision" };
    const char *json = golden_text("worked-example.json");
    for (int b = 0; b < 2; b++) {
        struct example e;
        example_fill(&e, b == 1);
        for (int k = 0; k < RISK_FIGURES; k++) {
            struct risk_figure f;
            risk_figures(&e.model, k, &f);
            CHECK(f.residual_yen == GOLDEN(json, budgets[b], figures[k], "residual_yen"));
            CHECK(f.inherent_yen == GOLDEN(json, budgets[b], figures[k], "inherent_yen"));
            CHECK(f.potential_yen == GOLDEN(json, budgets[b], figures[k], "potential_yen"));
            CHECK(f.outage_ppb == GOLDEN(json, budgets[b], figures[k], "outage_rate_ppb_per_year"));
        }
    }
}

static void test_root_counts_once(void)
{
    struct risk_control controls[3] = {
        { 7, { RISK_PPB, RISK_PPB }, true }, { 0, { RISK_PPB, RISK_PPB }, true }, { 7, { RISK_PPB, RISK_PPB }, true }
    };
    struct risk_threat t = { .budget = 1, .strength = { 300000000, 0, 700000000 } };
    struct risk_model m = { controls, 3, &t, 1 };
    CHECK(risk_bypass(&m, &t, RISK_DECISION) == RISK_BETA + risk_mul(RISK_PPB - RISK_BETA, 300000000));
    controls[2].root = 8;
    CHECK(risk_bypass(&m, &t, RISK_DECISION) == RISK_BETA + risk_mul(RISK_PPB - RISK_BETA, 210000000));
}

int main(void)
{
    test_arithmetic();
    test_freshness();
    test_coverage_golden();
    test_terms_golden();
    test_sums_golden();
    test_root_counts_once();
    return TEST_END;
}
