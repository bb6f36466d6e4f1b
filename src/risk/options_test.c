#include "risk/golden_test.h"
#include "risk/options.h"

#define OPTIONS 6
/* clang-format off */
static const struct { const char *control; int pass, fail; int64_t cost; } rows[OPTIONS] = {
    { "C8", 900, 20, 4000000 }, { "C2", 950, 20, 1500000 }, { "C6", 950, 0, 1200000 },
    { "C4", 980,  0,  800000 }, { "C3", 990,  5, 2000000 }, { "C7", 980, 10, 2500000 },
};
/* clang-format on */

static bool is_set(const struct risk_choice *c, const char *const *ids, size_t n)
{
    if (c->n != n) return false;
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < n; k++) found |= strcmp(rows[c->order[k]].control, ids[i]) == 0;
        if (!found) return false;
    }
    return true;
}

static void test_golden(const struct risk_question *q)
{
    const char *json = strstr(golden_text("worked-example.json"), "\"options\"");
    int64_t base = risk_option_figure(q, NULL, 0);
    CHECK(base == GOLDEN(json, "base_expected_yen"));
    const char *at = strstr(json, "\"single\"");
    for (size_t i = 0; i < OPTIONS; i++) {
        int64_t saved = base - risk_option_figure(q, &i, 1);
        CHECK(rows[i].cost == GOLDEN(at, "cost_yen"));
        CHECK(saved == GOLDEN(at, "saved_yen"));
        CHECK(risk_rosi_percent(saved, rows[i].cost) == GOLDEN(at, "rosi_percent"));
        at = strstr(at, "rosi_percent") + 1;
    }
    struct risk_choice c;
    static const char *const four[] = { "C2", "C6", "C4", "C3" };
    CHECK_OK(risk_options_best(q, 6000000, &c));
    CHECK(is_set(&c, four, 4) && c.cost_yen == GOLDEN(json, "exact_under_6M", "cost"));
    CHECK(c.figure_yen == GOLDEN(json, "exact_under_6M", "expected_yen"));
    CHECK_OK(risk_options_greedy(q, 6000000, &c));
    CHECK(c.figure_yen == GOLDEN(json, "greedy_under_6M", "expected_yen") && c.n == 4);
    for (size_t i = 0; i < 4; i++) CHECK(strcmp(rows[c.order[i]].control, four[i]) == 0);
    CHECK_OK(risk_options_net(q, &c));
    CHECK(is_set(&c, (const char *const[]) { "C2", "C6" }, 2) && c.cost_yen == GOLDEN(json, "max_net_benefit", "cost"));
    CHECK(c.figure_yen == GOLDEN(json, "max_net_benefit", "expected_yen"));
}

/* The exact searches against every one of the 64 sets. */
static void test_brute(const struct risk_question *q)
{
    for (int64_t bound = 0; bound <= 13000000; bound += 650000) {
        int64_t tolerance = 12000000 + bound * 3 / 2, best = INT64_MAX, least = INT64_MAX;
        for (uint32_t set = 0; set < 1u << OPTIONS; set++) {
            size_t chosen[OPTIONS], n = 0;
            int64_t cost = 0;
            for (size_t i = 0; i < OPTIONS; i++)
                if (set >> i & 1) chosen[n++] = i, cost += rows[i].cost;
            int64_t figure = risk_option_figure(q, chosen, n);
            if (cost <= bound && figure < best) best = figure;
            if (figure <= tolerance && cost < least) least = cost;
        }
        struct risk_choice c;
        CHECK_OK(risk_options_best(q, bound, &c));
        CHECK(c.figure_yen == best && c.cost_yen <= bound);
        outcome o = risk_options_reach(q, tolerance, &c);
        CHECK(least == INT64_MAX ? o.code == E_UNKNOWN : o.code == OK && c.cost_yen == least && c.figure_yen <= tolerance);
    }
}

int main(void)
{
    struct example e;
    example_fill(&e, false);
    struct risk_option options[RISK_OPTIONS_EXACT + 1] = { 0 };
    for (size_t i = 0; i < OPTIONS; i++)
        options[i] = (struct risk_option) { example_control(rows[i].control), PPB_OF_MILLE(rows[i].pass),
            PPB_OF_MILLE(rows[i].fail), rows[i].cost };
    struct risk_question q = { &e.model, RISK_EXPECTED, options, OPTIONS };
    test_golden(&q);
    test_brute(&q);
    CHECK(risk_rosi_percent(35000, 25000) == 40 && risk_rosi_percent(75000, 25000) == 200);
    CHECK(risk_rosi_percent(5 * 15000 * 80 / 100, 25000) == 140); /* ENISA 2012: saved 60,000 for 25,000 */
    for (size_t i = OPTIONS; i < RISK_OPTIONS_EXACT + 1; i++) options[i] = options[i % OPTIONS];
    struct risk_choice c;
    q.n = RISK_OPTIONS_EXACT + 1;
    CHECK_IS(risk_options_best(&q, 1, &c), E_TOO_LARGE);
    q.n = RISK_OPTIONS_EXACT; /* the bound is reached, and doubled options change nothing */
    CHECK_OK(risk_options_best(&q, 6000000, &c));
    CHECK(c.figure_yen == 17736008);
    return TEST_END;
}
