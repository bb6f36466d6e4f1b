#include "assurance/insight.h"

#include "assurance/example_test.h"
#include "risk/options.h"

static struct model *m;

static void inputs(const struct model *model, struct assess_inputs *in, const int rows[10][2])
{
    memset(in, 0, sizeof *in);
    for (size_t i = 0; i < model->n_controls; i++) {
        struct risk_coverage c = risk_cover((int64_t)rows[i][0] * 1000000, (int64_t)rows[i][1] * 1000000);
        in->coverage[i].p_ppb = (int64_t)rows[i][0] * 1000000;
        in->coverage[i].proven_ppb = c.proven, in->coverage[i].expected_ppb = c.expected;
        in->coverage[i].assets = 1000;
    }
}

static const int example_rows[10][2] = { { 950, 20 }, { 700, 200 }, { 900, 50 }, { 800, 0 }, { 990, 5 }, { 600, 0 }, { 850, 100 },
    { 0, 0 }, { 1000, 0 }, { 1000, 0 } };

static int64_t decision(struct insight *x, const struct assess_inputs *in)
{
    return insight_of(x, in)->missions[0].figure[RISK_DECISION].residual_yen;
}

/* Steps sum to the whole, exactly; from nothing they begin at inherent. */
static void test_steps(struct insight *x, const struct assess_inputs *in)
{
    struct insight_step rows[INSIGHT_ROWS];
    struct assess_inputs *from = mem_new(sizeof *from);
    insight_nothing(m, from);
    CHECK(decision(x, from) == 854201556); /* inherent of the worked example */
    size_t n = insight_steps(x, 0, from, in, rows);
    int64_t sum = 0;
    CHECK(n == 9); /* C8 has nothing proven */
    for (size_t i = 0; i < n; i++) {
        sum += rows[i].yen;
        CHECK(rows[i].kind == INSIGHT_CONTROL && rows[i].yen < 0 && (i == 0 || rows[i].yen >= rows[i - 1].yen));
    }
    CHECK(854201556 + sum == 235643496);
    *from = *in; /* one control fell */
    from->coverage[0].proven_ppb = RISK_PPB;
    n = insight_steps(x, 0, from, in, rows);
    CHECK(n == 1 && rows[0].at == 0 && rows[0].yen > 0 && rows[0].yen == decision(x, in) - decision(x, from));
    CHECK(insight_steps(x, 0, in, in, rows) == 0);
    mem_free(from);
}

static void test_swings(struct insight *x, const struct assess_inputs *in)
{
    struct insight_swing rows[INSIGHT_ROWS];
    size_t n = insight_swings(x, 0, in, rows);
    int64_t now = decision(x, in);
    CHECK(n > 20);
    for (size_t i = 0; i < n; i++) {
        CHECK_QUIET(rows[i].good_yen <= now && now <= rows[i].bad_yen);
        CHECK_QUIET(i == 0 || rows[i].bad_yen - rows[i].good_yen <= rows[i - 1].bad_yen - rows[i - 1].good_yen);
    }
    printf("# hangs on %s %zu and %s %zu\n", insight_kind_word(rows[0].kind), rows[0].at, insight_kind_word(rows[1].kind), rows[1].at);
    struct assess_inputs *other = mem_new(sizeof *other);
    for (size_t i = 0; i < n; i++) { /* a control's end is what it says */
        if (rows[i].kind != INSIGHT_CONTROL) continue;
        *other = *in;
        struct evidence_coverage *c = &other->coverage[rows[i].at];
        c->proven_ppb = c->expected_ppb = c->p_ppb = 0;
        CHECK_QUIET(decision(x, other) == rows[i].bad_yen);
    }
    mem_free(other);
}

static void option(size_t i, const char *control, uint32_t reaches, uint32_t fails, int64_t cost)
{
    struct model_option *o = &m->options[i];
    *o = (struct model_option) { .reaches_mille = reaches, .fails_mille = fails, .yearly_yen = cost, .years = 1, .cost_yen = cost };
    snprintf(o->id, sizeof o->id, "o%zu", i);
    snprintf(o->control, sizeof o->control, "%s", control);
    m->n_options = i + 1;
}

/* Section 4's golden values, with the budget of one probe, through the model. */
static void test_options(const struct assess_inputs *in)
{
    static const struct { int64_t saved, rosi; } golden[6] = { { 2852533, -29 }, { 8237733, 449 }, { 2042428, 70 }, { 1083762, 35 },
        { 1214765, -39 }, { 460604, -82 } };
    for (size_t i = 0; i < m->n_threats; i++) m->threats[i].budget = 1;
    option(0, "C8", 900, 20, 4000000), option(1, "C2", 950, 20, 1500000), option(2, "C6", 950, 0, 1200000);
    option(3, "C4", 980, 0, 800000), option(4, "C3", 990, 5, 2000000), option(5, "C7", 980, 10, 2500000);
    struct insight *x;
    struct insight_offer offer;
    CHECK_OK(insight_new(m, &x));
    CHECK(insight_of(x, in)->missions[0].figure[RISK_EXPECTED].residual_yen == 28922682);
    insight_options(x, 0, in, &offer);
    for (size_t i = 0; i < 6; i++) CHECK(offer.options[i].saved_yen == golden[i].saved && offer.options[i].rosi_percent == golden[i].rosi);
    CHECK(offer.net_found && offer.net == (1 << 1 | 1 << 2) && offer.net_cost_yen == 2700000);
    CHECK(offer.reach_found && offer.reach == 0); /* within already */
    struct insight_plan plan;
    CHECK_OK(insight_budget(x, 0, in, 6000000, &plan));
    CHECK(plan.options == (1 << 1 | 1 << 2 | 1 << 3 | 1 << 4) && plan.expected_yen == 17736008 && plan.cost_yen == 5500000);
    CHECK_OK(insight_budget(x, 0, in, 0, &plan));
    CHECK(plan.options == 0 && plan.expected_yen == 28922682);
    int64_t tolerance = m->missions[0].tolerance_yen;
    m->missions[0].tolerance_yen = 60000000;
    insight_options(x, 0, in, &offer);
    CHECK(offer.reach_found && offer.reach);
    struct assess_inputs *after = mem_new(sizeof *after);
    for (uint64_t set = 0; set < 64; set++) { /* no cheaper set gets there */
        *after = *in;
        insight_buy(m, set, after);
        int64_t cost = 0;
        for (size_t i = 0; i < 6; i++) cost += set >> i & 1 ? m->options[i].cost_yen : 0;
        bool within = insight_of(x, after)->missions[0].within;
        CHECK_QUIET(!within || cost >= offer.reach_cost_yen);
        if (set == offer.reach) CHECK(within);
    }
    m->missions[0].tolerance_yen = 1;
    insight_options(x, 0, in, &offer);
    CHECK(!offer.reach_found && offer.net_found);
    m->options[0].duty = true; /* a duty is done, whatever it saves */
    m->missions[0].tolerance_yen = tolerance;
    insight_free(x);
    CHECK_OK(insight_new(m, &x));
    insight_options(x, 0, in, &offer);
    CHECK((offer.net & 1) && (offer.reach & 1));
    CHECK_OK(insight_budget(x, 0, in, 4000000, &plan));
    CHECK(plan.options == 1);
    CHECK_IS(insight_budget(x, 0, in, 3999999, &plan), E_RANGE);
    mem_free(after);
    insight_free(x);
}

static void test_required(void)
{
    struct insight *x;
    uint64_t set;
    bool exact;
    m->n_options = 0;
    m->missions[0].tolerance_yen = 120000000, m->missions[0].tolerance_outages_mille = 8000;
    CHECK_OK(insight_new(m, &x));
    CHECK_OK(insight_required(x, &set, &exact));
    CHECK(exact && set);
    struct assess_inputs *in = mem_new(sizeof *in);
    insight_design(m, set, in);
    CHECK(insight_of(x, in)->missions[0].within);
    for (size_t i = 0; i < m->n_controls; i++) {
        if (!(set >> i & 1)) continue;
        insight_design(m, set & ~((uint64_t)1 << i), in);
        CHECK(!insight_of(x, in)->missions[0].within); /* none can be left out */
    }
    m->missions[0].tolerance_yen = 1;
    CHECK_IS(insight_required(x, &set, &exact), E_UNKNOWN);
    mem_free(in);
    insight_free(x);
}

static void test_doc(struct insight *x, const struct assess_inputs *in)
{
    struct arena a = ARENA(8 << 20);
    struct doc *d = insight_doc(x, 0, in, in, &a);
    CHECK(doc_int(d, "residual_yen", 0) == 235643496 && doc_int(d, "inherent_yen", 0) == 854201556);
    CHECK(doc_get(d, "steps")->count == 9 && doc_get(d, "moved")->count == 0 && doc_get(d, "threats")->count == 9);
    CHECK(*doc_text(doc_get(d, "hangs_on")->first, "name_ja", "") && *doc_text(d, "residual_text_ja", ""));
    struct buffer b = BUFFER(1 << 20);
    CHECK_OK(doc_write_json(d, &b));
    buffer_deinit(&b);
    arena_deinit(&a);
}

int main(void)
{
    struct insight *x;
    struct assess_inputs *in = mem_new(sizeof *in);
    m = mem_new(sizeof *m);
    example_model(m);
    inputs(m, in, example_rows);
    CHECK_OK(insight_new(m, &x));
    CHECK(decision(x, in) == 235643496);
    test_steps(x, in);
    test_swings(x, in);
    test_doc(x, in);
    insight_free(x);
    test_options(in);
    test_required();
    mem_free(in);
    mem_free(m);
    return TEST_END;
}
