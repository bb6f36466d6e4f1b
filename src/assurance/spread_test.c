/* How a loss travels in a model: over flows, through what a group needs, among those that stand in for one
 * another; and that computing only what moved gives exactly the whole. */
#include "assurance/assess_parts.h"
#include "assurance/example_test.h"

#define NOW EXAMPLE_NOW

static struct model *m;
static struct assessment *whole, *again;
static struct assess_inputs *in;

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t draw(uint64_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (state * 2685821657736338717u >> 11) % below;
}

/* One mission, one function that rests on `groups`; one threat at the first group, one control against nothing. */
static void small(const char *const *groups, size_t n, uint32_t mille)
{
    *m = (struct model) { .n_missions = 1, .n_functions = 1, .n_threats = 1, .n_controls = 1 };
    struct model_mission x = { .id = "mission", .tolerance_yen = 1000000, .tolerance_outages_mille = 1000, .functions = { "f" },
        .n_functions = 1 };
    m->missions[0] = x;
    snprintf(m->functions[0].id, MODEL_ID, "f");
    m->functions[0].outage_tolerable_min = 60;
    for (size_t i = 0; i < n; i++) {
        snprintf(m->groups[m->n_groups++].id, MODEL_ID, "%s", groups[i]);
        snprintf(m->functions[0].depends[i], MODEL_ID, "%s", groups[i]);
        m->functions[0].effect_mille[i] = mille;
    }
    m->functions[0].n_depends = n;
    struct model_threat t = { .id = "T", .rate_ppb = { 1, RISK_PPB, 2 * RISK_PPB }, .loss_mean_yen = 1000000, .outage_min = 120,
        .budget = 1, .effect_ppb = RISK_PPB };
    m->threats[0] = t;
    snprintf(m->threats[0].group, MODEL_ID, "%s", groups[0]);
    snprintf(m->controls[0].id, 16, "C");
    memset(in, 0, sizeof *in);
}

static int64_t effect(void)
{
    CHECK_OK(assess_figures(m, in, whole));
    const struct assess_mission *x = &whole->missions[0];
    CHECK(x->n_terms == 0 || x->terms[0].effect_ppb[0] <= x->terms[0].effect_ppb[1]);
    return x->n_terms ? x->terms[0].effect_ppb[RISK_DECISION] : 0;
}

static void flow(const char *from, const char *to, int64_t connect, int64_t strength)
{
    struct model_flow f = { .connect_ppb = connect, .controls = { "C" }, .strength_ppb = { strength }, .n_controls = strength > 0 };
    snprintf(f.from, MODEL_ID, "%s", from);
    snprintf(f.to, MODEL_ID, "%s", to);
    m->flows[m->n_flows++] = f;
}

static void test_flows(void)
{
    static const char *const groups[] = { "a", "b", "c" };
    small(groups, 3, 1000);
    m->functions[0].effect_mille[0] = 0; /* a itself serves nothing */
    m->functions[0].effect_mille[2] = 500;
    CHECK(effect() == 0);
    flow("a", "b", 300000000, 0);
    CHECK(effect() == 300000000);
    flow("b", "c", 100000000, 0);
    CHECK(effect() == 300000000 + 15000000); /* c by way of b, degraded */
    flow("b", "a", RISK_PPB, 0);             /* back again: nothing more */
    CHECK(effect() == 315000000);
    m->flows[0].n_controls = 1, m->flows[0].strength_ppb[0] = 900000000;
    snprintf(m->flows[0].controls[0], 16, "C");
    CHECK(effect() == 315000000);            /* nobody has seen C work */
    in->coverage[0] = (struct evidence_coverage) { .p_ppb = RISK_PPB, .proven_ppb = RISK_PPB, .expected_ppb = RISK_PPB };
    int64_t pass = risk_mul(300000000, RISK_BETA + risk_mul(RISK_PPB - RISK_BETA, 100000000));
    CHECK(effect() == pass + risk_mul(risk_mul(pass, 100000000), RISK_PPB / 2));
    CHECK(whole->missions[0].figure[1].inherent_yen == 630000); /* off: 2 a year x .315 x 1 M */
    int64_t rate[3];
    struct assess_live *l;
    CHECK_OK(assess_live_new(m, &l));
    assess_live_figures(l, in, again);
    assess_live_groups(l, rate, RISK_DECISION);
    CHECK(rate[0] > 2 * RISK_PPB && rate[1] > risk_mul(2 * RISK_PPB, pass)); /* the cycle adds, and ends */
    CHECK(rate[1] <= risk_mul(rate[0], pass) && rate[0] < 3 * RISK_PPB);
    assess_live_free(l);
    m->functions[0].effect_mille[0] = 1000;
    CHECK(effect() == RISK_PPB); /* never more than certain */
}

static void test_needs(void)
{
    static const char *const groups[] = { "power", "pump", "panel" };
    small(groups, 3, 0);
    m->functions[0].effect_mille[1] = 1000;
    CHECK(effect() == 0);
    struct model_group *pump = &m->groups[1], *panel = &m->groups[2];
    snprintf(pump->depends[0], MODEL_ID, "panel");
    pump->effect_mille[0] = 500, pump->n_depends = 1;
    snprintf(panel->depends[0], MODEL_ID, "power");
    panel->effect_mille[0] = 1000, panel->n_depends = 1;
    CHECK(effect() == RISK_PPB / 2); /* the product along the path */
    snprintf(pump->depends[1], MODEL_ID, "power");
    pump->effect_mille[1] = 1000, pump->n_depends = 2;
    CHECK(effect() == RISK_PPB);     /* the worst path */
    snprintf(m->groups[0].depends[0], MODEL_ID, "pump"); /* in a circle */
    m->groups[0].effect_mille[0] = 1000, m->groups[0].n_depends = 1;
    CHECK(effect() == RISK_PPB);
    snprintf(pump->depends[1], MODEL_ID, "nowhere");
    CHECK_IS(assess_figures(m, in, whole), E_MALFORMED);
}

static void test_k_of_n(void)
{
    static const char *const groups[] = { "line-a", "line-b", "line-c" };
    small(groups, 3, 1000);
    struct model_function *f = &m->functions[0];
    for (int i = 0; i < 3; i++) f->any[i] = 1, f->needs[i] = 2;
    CHECK(effect() == RISK_BETA); /* one down, one spare: only a common cause */
    for (int i = 0; i < 3; i++) f->needs[i] = 1;
    CHECK(effect() == RISK_BETA);
    flow("line-a", "line-b", 300000000, 0);
    CHECK(effect() == RISK_BETA); /* two down still leave one */
    for (int i = 0; i < 3; i++) f->needs[i] = 2;
    CHECK(effect() == 300000000); /* the second goes with the first */
    flow("line-a", "line-c", 200000000, 0);
    CHECK(effect() == 500000000); /* or the third */
    for (int i = 0; i < 3; i++) f->needs[i] = 1;
    CHECK(effect() == 200000000); /* now both must go */
    CHECK(whole->missions[0].function_outage_ppb[0][1] == 400000000);
    CHECK(whole->missions[0].function_hours_ppb[0][1] == 800000000); /* two hours each */
}

static void test_portfolio(void)
{
    static const char *const groups[] = { "a" };
    small(groups, 1, 1000);
    m->missions[1] = m->missions[0], m->n_missions = 2;
    CHECK(effect() == RISK_PPB);
    CHECK(whole->portfolio_yen[1] == whole->missions[0].figure[1].residual_yen); /* one cause, two missions: paid once */
    CHECK(whole->portfolio_yen[1] == 2000000 && whole->portfolio_yen[0] == 1000000);
}

/* --- only what moved --- */

enum { GROUPS = 40, FLOWS = 90, THREATS = 12, CONTROLS = 10, MISSIONS = 5, FUNCTIONS = 9 };

static void random_groups(void)
{
    for (int i = 0; i < GROUPS; i++) {
        struct model_group *g = &m->groups[m->n_groups++];
        snprintf(g->id, MODEL_ID, "g%d", i);
        snprintf(g->layer, sizeof g->layer, "device");
        if (draw(3)) continue;
        snprintf(g->depends[0], MODEL_ID, "g%d", (int)draw(GROUPS));
        g->effect_mille[0] = draw(2) ? 1000 : 500;
        g->n_depends = strcmp(g->depends[0], g->id) != 0;
    }
    for (int i = 0; i < FLOWS; i++) {
        struct model_flow *f = &m->flows[m->n_flows++];
        snprintf(f->id, MODEL_ID, "f%d", i);
        snprintf(f->from, MODEL_ID, "g%d", (int)draw(GROUPS));
        snprintf(f->to, MODEL_ID, "g%d", (int)draw(GROUPS));
        f->connect_ppb = (int64_t)draw(400000000) + 1;
        f->n_controls = draw(3);
        for (size_t c = 0; c < f->n_controls; c++) {
            snprintf(f->controls[c], 16, "C%d", (int)draw(5));
            f->strength_ppb[c] = (int64_t)draw(900000001);
        }
    }
}

static void random_functions(void)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        struct model_function *f = &m->functions[m->n_functions++];
        snprintf(f->id, MODEL_ID, "n%d", i);
        f->outage_tolerable_min = (uint32_t)draw(600);
        for (size_t k = 0; k < 6; k++) {
            snprintf(f->depends[k], MODEL_ID, "g%d", (int)(k * 6 + draw(6)));
            f->effect_mille[k] = draw(2) ? 1000 : 500;
            if (k == 0) snprintf(f->by[k], MODEL_ID, "loop"), f->effect_mille[k] = 100;
            if (k > 3) f->any[k] = 1, f->needs[k] = 1, f->effect_mille[k] = 1000;
        }
        snprintf(f->depends[6], MODEL_ID, "tank");
        f->n_depends = 7;
    }
    m->alternatives[m->n_alternatives++] = (struct model_alternative) { "loop", { "", "" }, "work-around", 20000, 1000, 0 };
    m->alternatives[m->n_alternatives++] = (struct model_alternative) { "tank", { "", "" }, "buffer", 6500, 1000, 0 };
    for (int i = 0; i < MISSIONS; i++) {
        struct model_mission *x = &m->missions[m->n_missions++];
        *x = (struct model_mission) { .tolerance_yen = 1000000, .tolerance_outages_mille = 500, .n_functions = 3 };
        snprintf(x->id, MODEL_ID, "m%d", i);
        for (int k = 0; k < 3; k++) snprintf(x->functions[k], MODEL_ID, "n%d", (i + k * 3) % FUNCTIONS);
    }
}

static void random_model(void)
{
    *m = (struct model) { 0 };
    random_groups();
    random_functions();
    for (int i = 0; i < THREATS; i++) {
        struct model_threat *t = &m->threats[m->n_threats++];
        int64_t mid = (int64_t)draw(4 * (uint64_t)RISK_PPB);
        *t = (struct model_threat) { .rate_ppb = { 1, mid, mid * 3 }, .loss_mean_yen = 1 + (int64_t)draw(100000000),
            .outage_min = (uint32_t)draw(2000), .budget = 1 + (uint32_t)draw(4), .effect_ppb = RISK_PPB };
        snprintf(t->id, MODEL_ID, "t%d", i);
        snprintf(t->group, MODEL_ID, "g%d", (int)draw(GROUPS));
    }
    for (int i = 0; i < CONTROLS; i++) {
        struct model_control *c = &m->controls[m->n_controls++];
        *c = (struct model_control) { .n_scope = 1, .fresh_ms = MS_HOUR, .stale_ms = 3 * MS_HOUR };
        snprintf(c->id, 16, "C%d", i);
        snprintf(c->scope[0], MODEL_ID, i == 9 ? "loop" : i == 8 ? "tank" : "g%d", i);
        for (int t = 0; t < THREATS; t++) c->strength_ppb[t] = draw(3) ? 0 : (int64_t)draw(900000001);
    }
}

/* Facts and time, in every order: the live picture, hashes included, is that of a fresh one. */
static void test_incremental(void)
{
    struct evidence *e;
    struct assess_live *l;
    int64_t now = NOW;
    random_model();
    CHECK_OK(evidence_new(&e));
    CHECK_OK(assess_live_new(m, &l));
    for (int i = 0; i < 1500; i++) {
        char control[16], asset[16];
        int c = (int)draw(CONTROLS);
        snprintf(control, sizeof control, "C%d", c);
        if (c >= 8) snprintf(asset, sizeof asset, "%s", c == 9 ? "loop" : "tank");
        else snprintf(asset, sizeof asset, "x%d-%d", c, (int)draw(6));
        if (draw(5) == 0) now += (int64_t)draw(MS_HOUR);
        if (draw(9) == 0 && c < 8) {
            char group[16];
            snprintf(group, sizeof group, "g%d", c);
            CHECK_QUIET(ok(evidence_asset(e, asset, group, draw(4) > 0)));
        } else if (draw(4)) {
            struct fact f = { .result = (enum fact_result)draw(FACT_RESULTS), .authenticated = draw(8) > 0, .at_ms = now };
            struct evidence_change change;
            snprintf(f.control, sizeof f.control, "%s", control);
            snprintf(f.asset, sizeof f.asset, "%s", asset);
            CHECK_QUIET(ok(evidence_fact(e, &f, now, &change)));
        }
        CHECK_QUIET(ok(assess_again(l, "m", e, now, again)));
        CHECK_QUIET(ok(assess(m, "m", e, now, whole)));
        CHECK_QUIET(memcmp(again, whole, sizeof *again) == 0);
        for (size_t k = 0; k < m->n_missions; k++) {
            const struct assess_mission *x = &again->missions[k];
            CHECK_QUIET(x->figure[0].residual_yen <= x->figure[1].residual_yen);
            for (int f = 0; f < 2; f++)
                CHECK_QUIET(x->figure[f].potential_yen <= x->figure[f].residual_yen && x->figure[f].residual_yen <= x->figure[f].inherent_yen);
        }
    }
    CHECK(test_failed_ == 0);
    assess_live_free(l);
    evidence_free(e);
}

int main(void)
{
    m = mem_new(sizeof *m), whole = mem_new(sizeof *whole), again = mem_new(sizeof *again), in = mem_new(sizeof *in);
    CHECK(m && whole && again && in);
    test_flows();
    test_needs();
    test_k_of_n();
    test_portfolio();
    test_incremental();
    mem_free(m), mem_free(whole), mem_free(again), mem_free(in);
    return TEST_END;
}
