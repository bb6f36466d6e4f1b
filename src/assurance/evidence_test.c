#include "assurance/example_test.h"

#define NOW EXAMPLE_NOW

static struct model model;

static struct evidence *fresh(void)
{
    struct evidence *e = NULL;
    CHECK_OK(evidence_new(&e));
    return e;
}

static struct evidence_row look(const struct evidence *e, const char *asset, int64_t now_ms)
{
    struct evidence_row row;
    evidence_look(e, "C1", asset, 24 * MS_HOUR, 72 * MS_HOUR, now_ms, &row);
    return row;
}

static void test_fail_stands(void)
{
    struct evidence *e = fresh();
    struct evidence_change c = example_fact(e, "C1", "x", FACT_PASS, FACT_BY_GATE, NOW - 100);
    CHECK(c.changed && !c.adverse && look(e, "x", NOW).state == EVIDENCE_PASS);
    c = example_fact(e, "C1", "x", FACT_PASS, FACT_BY_GATE, NOW - 90);
    CHECK(!c.changed && c.refreshed);
    c = example_fact(e, "C1", "x", FACT_FAIL, FACT_BY_GATE, NOW - 80);
    CHECK(c.adverse && c.changed && look(e, "x", NOW).state == EVIDENCE_FAIL);
    c = example_fact(e, "C1", "x", FACT_FAIL, FACT_BY_GATE, NOW - 70);
    CHECK(!c.adverse && !c.changed);
    CHECK(look(e, "x", NOW + 4000 * MS_DAY).state == EVIDENCE_FAIL); /* never expires */
    example_fact(e, "C1", "x", FACT_ERROR, FACT_BY_GATE, NOW - 60);
    CHECK(look(e, "x", NOW).state == EVIDENCE_FAIL); /* an error clears nothing */
    c = example_fact(e, "C1", "x", FACT_PASS, FACT_BY_GATE, NOW - 75);
    CHECK(!c.cleared && look(e, "x", NOW).state == EVIDENCE_FAIL); /* older than the fail */
    c = example_fact(e, "C1", "x", FACT_PASS, FACT_BY_AGENT, NOW - 10);
    CHECK(!c.cleared && look(e, "x", NOW).state == EVIDENCE_FAIL); /* trusted less than who saw the fail */
    c = example_fact(e, "C1", "x", FACT_PASS, FACT_BY_QUOTE, NOW - 5);
    CHECK(c.cleared && look(e, "x", NOW).state == EVIDENCE_PASS);
    evidence_free(e);
}

static void test_error_is_unknown(void)
{
    struct evidence *e = fresh();
    example_fact(e, "C1", "x", FACT_PASS, FACT_BY_GATE, NOW - 100);
    struct evidence_change c = example_fact(e, "C1", "x", FACT_ERROR, FACT_BY_GATE, NOW - 50);
    CHECK(c.changed && !c.adverse && look(e, "x", NOW).state == EVIDENCE_UNKNOWN);
    CHECK(look(e, "nobody", NOW).state == EVIDENCE_UNKNOWN && look(e, "nobody", NOW).at_ms == 0);
    evidence_free(e);
}

/* N37: worth less from `fresh` on, nothing from `stale` on. */
static void test_trust_and_freshness(void)
{
    struct evidence *e = fresh();
    example_fact(e, "C1", "x", FACT_PASS, FACT_BY_AGENT, NOW);
    CHECK(look(e, "x", NOW).value_ppb == 900000000 && look(e, "x", NOW + 24 * MS_HOUR).value_ppb == 900000000);
    CHECK(look(e, "x", NOW + 48 * MS_HOUR).value_ppb == 450000000);
    CHECK(look(e, "x", NOW + 72 * MS_HOUR).state == EVIDENCE_STALE && look(e, "x", NOW + 72 * MS_HOUR).value_ppb == 0);
    example_fact(e, "C1", "x", FACT_PASS, FACT_BY_DECLARATION, NOW);
    CHECK(look(e, "x", NOW).value_ppb == 900000000); /* the better of both */
    example_fact(e, "C1", "y", FACT_PASS, FACT_BY_GATE, NOW + MS_DAY); /* dated ahead: counts as now */
    CHECK(look(e, "y", NOW).at_ms == NOW);
    evidence_free(e);
}

static void test_strangers(void)
{
    struct evidence *e = fresh();
    example_fact(e, "C1", "x", FACT_PASS, FACT_BY_GATE, NOW - 100);
    struct fact f = { "C1", "x", FACT_FAIL, FACT_BY_GATE, false, true, NOW - 1, "made up" };
    struct evidence_change c;
    for (int i = 0; i < 10000; i++) CHECK_QUIET(ok(evidence_fact(e, &f, NOW, &c)) && !c.changed && !c.adverse && !c.event);
    CHECK(look(e, "x", NOW).state == EVIDENCE_PASS && look(e, "x", NOW).unauthenticated == 10000);
    snprintf(f.asset, sizeof f.asset, "invented");
    CHECK_OK(evidence_fact(e, &f, NOW, &c));
    CHECK(look(e, "invented", NOW).state == EVIDENCE_UNKNOWN && evidence_unauthenticated(e) == 10001);
    CHECK(evidence_events(e, NULL, 0) == 0);
    evidence_free(e);
}

static void test_refusals(void)
{
    struct evidence *e = fresh();
    struct evidence_change c;
    struct fact f = { "C1", "x y", FACT_FAIL, FACT_BY_GATE, true, false, NOW, "" };
    CHECK_IS(evidence_fact(e, &f, NOW, &c), E_RANGE);
    f = (struct fact) { "", "x", FACT_FAIL, FACT_BY_GATE, true, false, NOW, "" };
    CHECK_IS(evidence_fact(e, &f, NOW, &c), E_RANGE);
    f = (struct fact) { "C1", "x", FACT_RESULTS, FACT_BY_GATE, true, false, NOW, "" };
    CHECK_IS(evidence_fact(e, &f, NOW, &c), E_RANGE);
    f = (struct fact) { "C1", "x", FACT_PASS, FACT_METHODS, true, false, NOW, "" };
    CHECK_IS(evidence_fact(e, &f, NOW, &c), E_RANGE);
    memset(f.asset, 'a', sizeof f.asset); /* no terminator */
    f.method = FACT_BY_GATE;
    CHECK_IS(evidence_fact(e, &f, NOW, &c), E_RANGE);
    CHECK_IS(evidence_asset(e, "a b", "all", true), E_RANGE);
    CHECK_IS(evidence_asset(e, "", "all", true), E_RANGE);
    evidence_free(e);
}

static void test_events(void)
{
    struct evidence *e = fresh();
    struct evidence_event events[4];
    struct evidence_change c;
    CHECK_OK(evidence_asset(e, "gw-02", "all", true));
    struct fact f = { "C8b", "gw-02", FACT_FAIL, FACT_BY_QUOTE, true, true, NOW - 50, "firmware-mismatch" };
    CHECK_OK(evidence_fact(e, &f, NOW, &c));
    CHECK(c.event && c.adverse && evidence_events(e, events, 4) == 1);
    CHECK(strcmp(events[0].asset, "gw-02") == 0 && strcmp(events[0].detail, "firmware-mismatch") == 0 && !events[0].contained);
    evidence_contain(e, "gw-02", NOW - 40);
    CHECK(evidence_events(e, events, 4) == 1 && events[0].contained);
    f.at_ms = NOW - 30;
    CHECK_OK(evidence_fact(e, &f, NOW, &c)); /* again, after it was contained */
    CHECK(!c.event && evidence_events(e, events, 4) == 1 && !events[0].contained);
    c = example_fact(e, "C8b", "gw-02", FACT_PASS, FACT_BY_DECLARATION, NOW - 20);
    CHECK(!c.cleared && evidence_events(e, events, 4) == 1); /* a word does not mend a device */
    c = example_fact(e, "C8b", "gw-02", FACT_PASS, FACT_BY_QUOTE, NOW - 10);
    CHECK(c.cleared && evidence_events(e, events, 4) == 0);
    f.at_ms = NOW;
    CHECK_OK(evidence_fact(e, &f, NOW, &c));
    CHECK(evidence_events(e, events, 4) == 1);
    CHECK_OK(evidence_asset(e, "gw-02", "all", false)); /* replaced: it left */
    CHECK(evidence_events(e, events, 4) == 0);
    evidence_free(e);
}

static void test_coverage(void)
{
    struct evidence *e = fresh();
    struct evidence_coverage c;
    evidence_cover(e, &model, &model.controls[0], NULL, NOW, &c);
    CHECK(c.assets == 0 && c.proven_ppb == 0 && c.possible_ppb == RISK_PPB);
    example_evidence(e, &model, 0, 1);
    evidence_cover(e, &model, &model.controls[0], NULL, NOW, &c);
    CHECK(c.assets == 1000 && c.pass == 950 && c.fail == 20 && c.unknown == 30 && c.measured == 970 && c.declared == 0);
    CHECK(c.p_ppb == 950000000 && c.f_ppb == 20000000 && c.expected_ppb == 964250000 && c.oldest_ms == NOW - 5);
    CHECK(c.changes_ms == NOW - 5 + 24 * MS_HOUR);
    evidence_cover(e, &model, &model.controls[0], "all", NOW, &c);
    CHECK(c.assets == 1000 && c.pass == 950);
    evidence_cover(e, &model, &model.controls[0], "a-0960", NOW, &c);
    CHECK(c.assets == 1 && c.fail == 1);
    CHECK_OK(evidence_asset(e, "a-0960", "all", false));
    evidence_cover(e, &model, &model.controls[0], NULL, NOW, &c);
    CHECK(c.assets == 999 && c.fail == 19);
    evidence_cover(e, &model, &model.controls[0], NULL, NOW + 72 * MS_HOUR, &c);
    CHECK(c.pass == 0 && c.fail == 19 && c.stale == 950 && c.p_ppb == 0);
    const char *ids[3];
    CHECK(evidence_assets(e, &model, "all", ids, 3) == 999 && strcmp(ids[0], "a-0000") == 0);
    CHECK(evidence_assets(e, &model, EVIDENCE_SITE, ids, 3) == 1 && strcmp(ids[0], "site") == 0);
    CHECK(strcmp(evidence_group(e, &model, "a-0001"), "all") == 0 && *evidence_group(e, &model, "nobody") == 0);
    evidence_free(e);
}

static void canonical(const struct evidence *e, struct buffer *b)
{
    struct arena a = ARENA(64 << 20);
    CHECK_OK(doc_write_json(evidence_snapshot(e, &model, &a), b));
    arena_deinit(&a);
}

/* The same facts in another order, and a snapshot read back, are the same bytes. */
static void test_snapshot(void)
{
    struct evidence *one = fresh(), *other = fresh(), *back = fresh();
    struct buffer b1 = BUFFER(8 << 20), b2 = BUFFER(8 << 20), b3 = BUFFER(8 << 20);
    example_evidence(one, &model, 0, 1);
    example_evidence(other, &model, 517, 371); /* 371 and 1000 have no common factor */
    example_fact(one, "C1", "a-0001", FACT_ERROR, FACT_BY_AGENT, NOW - 9);
    example_fact(one, "C1", "a-0001", FACT_FAIL, FACT_BY_AGENT, NOW - 7);
    example_fact(other, "C1", "a-0001", FACT_FAIL, FACT_BY_AGENT, NOW - 7);
    example_fact(other, "C1", "a-0001", FACT_ERROR, FACT_BY_AGENT, NOW - 9);
    canonical(one, &b1);
    canonical(other, &b2);
    CHECK(b1.n > 1000 && bytes_equal(buffer_view(&b1), buffer_view(&b2)));
    struct arena a = ARENA(64 << 20);
    CHECK_OK(evidence_restore(back, evidence_snapshot(one, &model, &a)));
    canonical(back, &b3);
    CHECK(bytes_equal(buffer_view(&b1), buffer_view(&b3)));
    arena_deinit(&a);
    buffer_deinit(&b1), buffer_deinit(&b2), buffer_deinit(&b3);
    evidence_free(one), evidence_free(other), evidence_free(back);
}

static void test_restore_refuses(void)
{
    static const char *const bad[] = { "{}", "{\"assets\":[],\"rows\":[1]}", "{\"assets\":[],\"rows\":[\"C1 x 0 1 2 3\"]}",
        "{\"assets\":[],\"rows\":[\"C1 x 6 1 2 3 4\"]}", "{\"assets\":[],\"rows\":[\"C1 x 0 -1 2 3 4\"]}",
        "{\"assets\":[],\"rows\":[\"C1 x 0 1 2 3 4 \"]}", "{\"assets\":[\"x\"],\"rows\":[]}",
        "{\"assets\":[\"x 2 g\"],\"rows\":[]}", "{\"assets\":[\"x 1 gggggggggggggggggggggggggggggggggggggggggggggggggggg\"],\"rows\":[\"\"]}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct evidence *e = fresh();
        struct arena a = ARENA(1 << 20);
        struct doc *d;
        CHECK_OK(doc_read_json(bytes_str(bad[i]), &a, &d));
        CHECK_IS(evidence_restore(e, d), E_MALFORMED);
        arena_deinit(&a);
        evidence_free(e);
    }
}

/* Every allocation of a small story may fail; nothing is lost or leaked, and the next try works. */
static void test_memory(void)
{
    for (uint64_t k = 1; k < 40; k++) {
        struct evidence *e = NULL;
        mem_fail_at(k);
        outcome o = evidence_new(&e);
        if (ok(o)) o = evidence_asset(e, "x", "all", true);
        struct fact f = { "C1", "x", FACT_FAIL, FACT_BY_GATE, true, false, NOW, "" };
        struct evidence_change c;
        if (ok(o)) o = evidence_fact(e, &f, NOW, &c);
        mem_fail_at(0);
        CHECK_QUIET(ok(o) || o.code == E_MEMORY);
        if (e && !ok(o)) CHECK_QUIET(ok(evidence_asset(e, "x", "all", true)) && ok(evidence_fact(e, &f, NOW, &c)));
        if (e) CHECK_QUIET(look(e, "x", NOW).state == EVIDENCE_FAIL);
        evidence_free(e);
    }
}

int main(void)
{
    example_model(&model);
    test_fail_stands();
    test_error_is_unknown();
    test_trust_and_freshness();
    test_strangers();
    test_refusals();
    test_events();
    test_coverage();
    test_snapshot();
    test_restore_refuses();
    test_memory();
    return TEST_END;
}
