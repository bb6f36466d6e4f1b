#include "assurance/assess_parts.h"
#include "assurance/example_test.h"

#define NOW EXAMPLE_NOW

static struct model model;
static struct assessment result, other;

/* The golden table: risk-method.md section 3, budget per threat, reached from facts and a model file. */
static void test_golden(struct evidence *e)
{
    CHECK_OK(assess(&model, "m", e, NOW, &result));
    const struct assess_mission *s = &result.missions[0];
    CHECK(s->figure[RISK_EXPECTED].residual_yen == 56668317 && s->figure[RISK_DECISION].residual_yen == 235643496);
    CHECK(s->figure[RISK_EXPECTED].inherent_yen == 254557541 && s->figure[RISK_DECISION].inherent_yen == 854201556);
    CHECK(s->figure[RISK_EXPECTED].potential_yen == 15065801 && s->figure[RISK_DECISION].potential_yen == 50991671);
    CHECK(s->figure[RISK_EXPECTED].outage_ppb == 1848570466 && s->figure[RISK_DECISION].outage_ppb == 7406529996);
    CHECK(s->function_outage_ppb[0][RISK_DECISION] == 7406529996 && s->n_terms == 9);
    char *line = strstr(example_file("golden/worked-example.csv"), "budget_per_threat");
    int rows = 0;
    for (; line && *line; line = strchr(line, '\n') + 1, rows++) {
        char id[8], figure[16];
        long long v, rate, loss, yen;
        CHECK(sscanf(line, "budget_per_threat,%7[^,],%15[^,],%*u,%lld,%lld,%lld,%lld", id, figure, &v, &rate, &loss, &yen) == 6);
        int k = strcmp(figure, "decision") == 0;
        for (size_t i = 0; i < s->n_terms; i++) {
            if (strcmp(model.threats[s->terms[i].threat].id, id) != 0) continue;
            CHECK(s->terms[i].bypass_ppb[k] == v && s->terms[i].rate_ppb[k] == rate && s->terms[i].yen[k] == yen);
            CHECK(model.threats[s->terms[i].threat].loss_mean_yen == loss);
        }
    }
    CHECK(rows == 18);
    CHECK(s->within && s->used_mille == 926 && s->figure_mille == 786); /* 7.4065 of 8 outages, 235.6 of 300 M yen */
    /* known = 97+90+95+80+99.5+60+95+0+100+100 percent of ten controls */
    CHECK(s->measured_mille == 816 && s->declared_mille == 0 && s->default_mille == 184 && s->rank >= 4);
}

static void swap(void *a, void *b, size_t n)
{
    unsigned char *x = a, *y = b;
    for (size_t i = 0; i < n; i++) {
        unsigned char t = x[i];
        x[i] = y[i];
        y[i] = t;
    }
}

/* The order of ids in the file changes nothing. */
static void test_order(struct evidence *e)
{
    struct model *turned = mem_new(sizeof *turned);
    model_copy(turned, &model);
    for (size_t i = 0; i < 5; i++) swap(&turned->controls[i], &turned->controls[9 - i], sizeof model.controls[0]);
    CHECK_OK(assess(turned, "m", e, NOW, &other));
    for (int k = 0; k < RISK_FIGURES; k++)
        CHECK(memcmp(&other.missions[0].figure[k], &result.missions[0].figure[k], sizeof other.missions[0].figure[k]) == 0);
    CHECK(strcmp(other.evidence_hash, result.evidence_hash) == 0);
    mem_free(turned);
}

static void test_pure(struct evidence *e)
{
    CHECK_OK(assess(&model, "m", e, NOW, &other));
    CHECK(strcmp(other.result_hash, result.result_hash) == 0 && strlen(result.result_hash) == 64);
    CHECK_OK(assess(&model, "m", e, NOW + 48 * MS_HOUR, &other)); /* half fresh */
    CHECK(other.missions[0].figure[RISK_DECISION].residual_yen > result.missions[0].figure[RISK_DECISION].residual_yen);
    CHECK(strcmp(other.evidence_hash, result.evidence_hash) == 0 && strcmp(other.result_hash, result.result_hash) != 0);
}

/* The hash every compiler and machine must agree on; it changes only with ASSESS_ENGINE. */
static void test_frozen(void)
{
    CHECK(strcmp(result.result_hash, "a7da00b8e17a9f0095e8d2d3f641ccb222adddebf8889eb768d198ac3e5b1b35") == 0);
}

/* What an older engine wrote replays, to the same hash; a changed number is seen. */
static void test_older_engine(void)
{
    struct arena a = ARENA(8 << 20);
    struct doc *d = NULL;
    char hex[65];
    bool same = false;
    CHECK_OK(doc_read_json(bytes_str(example_file("golden/assessment-engine-1.json")), &a, &d));
    CHECK(strcmp(doc_text(d, "engine", ""), "sekimori-risk/1") == 0);
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(same && strcmp(hex, doc_text(d, "result_hash", "")) == 0);
    ((struct doc *)(uintptr_t)doc_get(d, "engine"))->text = ASSESS_ENGINE; /* its parameters lack what 2 needs */
    CHECK_IS(assess_replay(d, hex, &same), E_MALFORMED);
    arena_deinit(&a);
}

static struct doc *reread(const struct doc *d, struct buffer *b, struct arena *a)
{
    struct doc *back = NULL;
    CHECK_OK(doc_write_json(d, b));
    CHECK_OK(doc_read_json(buffer_view(b), a, &back));
    return back;
}

static void set_number(struct doc *d, const char *key, int64_t v)
{
    struct doc *m = (struct doc *)(uintptr_t)doc_get(d, key);
    CHECK(m != NULL);
    if (m) m->number = v;
}

static void test_replay(struct evidence *e)
{
    struct arena a = ARENA(64 << 20);
    struct buffer b = BUFFER(8 << 20);
    struct doc *d = reread(assess_doc(&model, e, &result, &a), &b, &a);
    char hex[65];
    bool same = false;
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(same && strcmp(hex, result.result_hash) == 0);

    struct doc *mission = doc_get(doc_get(d, "results"), "missions")->first;
    struct doc *decision = (struct doc *)(uintptr_t)doc_get(mission, "decision");
    set_number(decision, "residual_yen", 1); /* a flattering result */
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(!same && strcmp(hex, result.result_hash) == 0);
    set_number(decision, "residual_yen", result.missions[0].figure[RISK_DECISION].residual_yen);
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(same);

    struct doc *snapshot = (struct doc *)(uintptr_t)doc_get(d, "snapshot");
    set_number(snapshot, "as_of_ms", NOW + 48 * MS_HOUR); /* another time */
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(!same);
    set_number(snapshot, "as_of_ms", NOW);
    struct doc *rows = (struct doc *)(uintptr_t)doc_get(doc_get(snapshot, "evidence"), "rows");
    rows->first = rows->first->next; /* evidence taken away */
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(!same);
    ((struct doc *)(uintptr_t)doc_get(d, "engine"))->text = "sekimori-risk/0";
    CHECK_IS(assess_replay(d, hex, &same), E_UNSUPPORTED);
    arena_deinit(&a);
    buffer_deinit(&b);
}

/* Any one member lost from the parameters is refused, never guessed. */
static void test_replay_refuses(struct evidence *e)
{
    static const char *const sections[] = { "missions", "functions", "groups", "threats", "controls", "flows" };
    struct arena a = ARENA(256 << 20);
    struct model *m = mem_new(sizeof *m);
    model_copy(m, &model);
    m->groups[m->n_groups++] = (struct model_group) { "b", { "", "" }, "device", "", false, { "" }, 0, { "all" }, { 500 }, 1 };
    m->flows[m->n_flows++] = (struct model_flow) { "f", "b", "all", false, 100000000, { "C5" }, { 900000000 }, 1, "" };
    CHECK_OK(assess(m, "m", e, NOW, &other));
    struct doc *d = assess_doc(m, e, &other, &a);
    const struct doc *params = doc_get(doc_get(d, "snapshot"), "params");
    char hex[65];
    bool same;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        struct doc *item = doc_get(params, sections[i])->first;
        for (struct doc **at = &item->first; *at; at = &(*at)->next) {
            struct doc *taken = *at;
            *at = taken->next;
            CHECK_IS(assess_replay(d, hex, &same), E_MALFORMED);
            *at = taken;
        }
    }
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(same);
    mem_free(m);
    arena_deinit(&a);
}

/* Without rows the coverage stored with the results is the input. */
static void test_omitted(struct evidence *e)
{
    struct arena a = ARENA(64 << 20);
    struct doc *d = assess_doc(&model, e, &result, &a), *light = doc_map(&a);
    const struct doc *snapshot = doc_get(d, "snapshot");
    doc_set_int(&a, light, "as_of_ms", doc_int(snapshot, "as_of_ms", 0));
    doc_set(&a, light, "params", assess_params(&model, &a));
    doc_set_bool(&a, light, "evidence_omitted", true);
    doc_set(&a, d, "snapshot", light);
    char hex[65];
    bool same = false;
    CHECK_OK(assess_replay(d, hex, &same));
    CHECK(same && strcmp(hex, result.result_hash) == 0);
    arena_deinit(&a);
}

static const struct model_alternative loop = { "loop", { "", "" }, "work-around", 20000, 1000, 0 };
static const struct model_alternative tank = { "tank", { "", "" }, "buffer", 6500, 1000, 0 };

/* A work-around counts as far as it is proven, and not beyond its hours; a buffer delays an outage. */
static void test_alternatives(struct evidence *e)
{
    struct model *m = mem_new(sizeof *m);
    model_copy(m, &model);
    struct model_function *f = &m->functions[0];
    m->alternatives[m->n_alternatives++] = loop;
    m->alternatives[m->n_alternatives++] = tank;
    snprintf(f->by[0], MODEL_ID, "loop");
    f->effect_mille[0] = 100;
    struct model_control *h = &m->controls[m->n_controls++];
    *h = (struct model_control) { "H1", { "", "" }, "people", "", { "loop", "tank" }, 2, MS_DAY, 2 * MS_DAY, { 0 } };
    CHECK_OK(assess(m, "m", e, NOW, &other));
    CHECK(other.missions[0].figure[RISK_DECISION].residual_yen == 235643496); /* unproven: as if it were not there */
    example_fact(e, "H1", "loop", FACT_PASS, FACT_BY_GATE, NOW);
    CHECK_OK(assess(m, "m", e, NOW, &other));
    const struct assess_mission *s = &other.missions[0];
    for (size_t i = 0; i < s->n_terms; i++) {
        bool outlasts = m->threats[s->terms[i].threat].outage_min > 20 * 60;
        CHECK(s->terms[i].effect_ppb[RISK_DECISION] == (outlasts ? RISK_PPB : RISK_PPB / 10));
    }
    CHECK(s->figure[RISK_EXPECTED].potential_yen <= s->figure[RISK_EXPECTED].residual_yen);
    CHECK(s->figure[RISK_DECISION].inherent_yen == 854201556);
    int64_t before = s->figure[RISK_DECISION].outage_ppb;
    snprintf(f->depends[f->n_depends++], MODEL_ID, "tank"); /* 4 h + 6.5 h: S1 (8 h) and S2 (6 h) no longer count */
    example_fact(e, "H1", "tank", FACT_PASS, FACT_BY_DECLARATION, NOW);
    CHECK_OK(assess(m, "m", e, NOW, &other));
    int64_t half = before - (1728025260 / 10 + 200826480 / 10) / 2; /* declared: half proven */
    CHECK(s->figure[RISK_DECISION].outage_ppb >= half - 2 && s->figure[RISK_DECISION].outage_ppb <= half + 2);
    mem_free(m);
}

static void test_stake(struct evidence *e)
{
    const char *bad[] = { "a-0001" }, *stranger[] = { "elsewhere" };
    struct assess_stake s;
    assess_at_stake(&model, e, bad, 1, &s);
    CHECK(s.n_functions == 1 && s.functions[0] == 0 && s.customers == 41000 && !s.worked_around);
    CHECK(s.loss_yen == 54349211 && s.buffer_hours_mille == 0);
    assess_at_stake(&model, e, stranger, 1, &s);
    CHECK(s.n_functions == 0 && s.customers == 0 && s.loss_yen == 0 && !s.worked_around);
    assess_at_stake(&model, e, NULL, 0, &s);
    CHECK(s.n_functions == 0 && !s.worked_around);
}

/* Random facts: evidence that passes never raises either figure, one that fails never lowers it, and time
 * alone never lowers it. */
static void test_monotone(void)
{
    struct evidence *e;
    CHECK_OK(evidence_new(&e));
    for (size_t i = 0; i < 8; i++) CHECK_QUIET(ok(evidence_asset(e, example_asset(i), "all", true)));
    uint64_t x = 0x2545f4914f6cdd1du;
    int64_t now = NOW - 40 * MS_DAY;
    CHECK_OK(assess(&model, "m", e, now, &other));
    for (int i = 0; i < 3000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        bool pass = x & 1;
        struct assessment *last = i & 1 ? &result : &other, *next = i & 1 ? &other : &result;
        if (x >> 1 & 1) {
            now += (int64_t)(x >> 40 & 0xffffff);
        } else {
            example_fact(e, model.controls[(x >> 8) % 10].id, example_asset((x >> 16) % 8), pass ? FACT_PASS : FACT_FAIL,
                FACT_BY_GATE, now);
        }
        CHECK_QUIET(ok(assess(&model, "m", e, now, next)));
        for (int k = 0; k < RISK_FIGURES; k++) {
            int64_t was = last->missions[0].figure[k].residual_yen, is = next->missions[0].figure[k].residual_yen;
            bool time = x >> 1 & 1;
            CHECK_QUIET(time || !pass ? is >= was : is <= was);
            CHECK_QUIET(next->missions[0].figure[RISK_EXPECTED].residual_yen <= next->missions[0].figure[RISK_DECISION].residual_yen);
        }
    }
    CHECK(test_failed_ == 0);
    evidence_free(e);
}

int main(void)
{
    struct evidence *e;
    example_model(&model);
    CHECK_OK(evidence_new(&e));
    example_evidence(e, &model, 0, 1);
    test_golden(e);
    test_order(e);
    test_pure(e);
    test_frozen();
    test_older_engine();
    test_replay(e);
    test_replay_refuses(e);
    test_omitted(e);
    test_stake(e);
    test_alternatives(e);
    test_monotone();
    evidence_free(e);
    return TEST_END;
}
