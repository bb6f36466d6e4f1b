/* Conditions: their words, and what evidence breaks them. */
#include "assurance/condition.h"
#include "base/test.h"

static const struct { const char *text; enum code code; enum condition_kind kind; const char *scope, *control; } rows[] = {
    { "attested(device)", OK, CONDITION_ATTESTED, "", "C8b" },
    { " attested ( gateways , required ) ", OK, CONDITION_ATTESTED, "gateways", "C8b" },
    { "coverage(C8b, gateways) >= 900", OK, CONDITION_COVERAGE, "gateways", "C8b" },
    { "coverage(C8b, gateways) \xe2\x89\xa5 1000", OK, CONDITION_COVERAGE, "gateways", "C8b" },
    { "encrypted(stream)", OK, CONDITION_ENCRYPTED, "", "C5" },
    { "event-free(device)", OK, CONDITION_EVENT_FREE, "", "" },
    { "within-tolerance(mizu)", OK, CONDITION_TOLERANCE, "mizu", "" },
    { "within(work-window)", E_UNKNOWN, 0, "", "" },
    { "approved(two)", E_UNKNOWN, 0, "", "" },
    { "attested", E_MALFORMED, 0, "", "" },
    { "attested()", E_MALFORMED, 0, "", "" },
    { "attested(device", E_MALFORMED, 0, "", "" },
    { "attested(device) and more", E_MALFORMED, 0, "", "" },
    { "attested(device, sometimes)", E_MALFORMED, 0, "", "" },
    { "coverage(C8b) >= 900", E_MALFORMED, 0, "", "" },
    { "coverage(C8b, gateways)", E_MALFORMED, 0, "", "" },
    { "coverage(C8b, gateways) >= 1001", E_RANGE, 0, "", "" },
    { "coverage(C8b, gateways) >= 99999999999", E_RANGE, 0, "", "" },
    { "coverage(C8b, gateways) > 900", E_MALFORMED, 0, "", "" },
    { "", E_MALFORMED, 0, "", "" },
};

static void test_words(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct condition c = { 0 };
        printf("# %s\n", rows[i].text);
        CHECK_IS(condition_read(rows[i].text, &c), rows[i].code);
        if (rows[i].code != OK) continue;
        CHECK(c.kind == rows[i].kind && strcmp(c.scope, rows[i].scope) == 0 && strcmp(c.control, rows[i].control) == 0);
    }
    struct condition c;
    char name[48];
    CHECK_OK(condition_read("attested(device)", &c));
    condition_name(&c, "attested(device)", "gw-02", name);
    CHECK(strcmp(name, "attested(gw-02)") == 0);
    condition_name(&c, "attested(device)", "a-device-with-a-name-of-sixty-three-letters-as-the-registry-allows", name);
    CHECK(strncmp(name, "attested(a-device-with-a-name-of-sixty", 37) == 0);
}

static struct evidence_change see(struct evidence *e, const char *control, const char *asset, enum fact_result r,
    bool confirmed, int64_t at)
{
    struct fact f = { .result = r, .method = FACT_BY_QUOTE, .authenticated = true, .confirmed = confirmed, .at_ms = at };
    struct evidence_change change;
    (void)snprintf(f.control, sizeof f.control, "%s", control);
    (void)snprintf(f.asset, sizeof f.asset, "%s", asset);
    CHECK_OK(evidence_fact(e, &f, at, &change));
    return change;
}

static bool broken(const char *text, const struct evidence *e, const char *subject, int64_t now)
{
    struct condition c;
    struct evidence_event events[8];
    struct condition_world w = { NULL, e, events, evidence_events(e, events, 8), now };
    struct condition_verdict v;
    CHECK_OK(condition_read(text, &c));
    condition_judge(&c, &w, subject, &v);
    return v.broken;
}

#define H ((int64_t)3600000)

static void test_judgement(void)
{
    struct evidence *e;
    CHECK_OK(evidence_new(&e));
    CHECK_OK(evidence_asset(e, "gw", "gateways", true));
    CHECK(!broken("attested(device)", e, "gw", H)); /* never attested: lower grade, no break */
    CHECK(broken("attested(device, required)", e, "gw", H));
    see(e, "C8b", "gw", FACT_PASS, false, H);
    CHECK(!broken("attested(device, required)", e, "gw", 2 * H));
    CHECK(!broken("attested(device)", e, "gw", 72 * H));
    CHECK(broken("attested(device)", e, "gw", 73 * H)); /* the pass went stale */
    see(e, "C8b", "gw", FACT_FAIL, true, 3 * H);
    CHECK(broken("attested(device)", e, "gw", 3 * H));
    CHECK(broken("event-free(device)", e, "gw", 3 * H) && !broken("event-free(device)", e, "gv", 3 * H)
        && !broken("event-free(device)", e, "gx", 3 * H));
    see(e, "C8b", "gw", FACT_PASS, false, 4 * H);
    CHECK(!broken("attested(device)", e, "gw", 4 * H) && !broken("event-free(device)", e, "gw", 4 * H));
    CHECK(!broken("encrypted(stream)", e, "commands", 4 * H));
    see(e, "C5", "site", FACT_FAIL, false, 4 * H);
    CHECK(broken("encrypted(stream)", e, "commands", 4 * H));
    see(e, "C5", "site", FACT_PASS, false, 5 * H);
    see(e, "C5", "commands", FACT_FAIL, false, 5 * H);
    CHECK(broken("encrypted(stream)", e, "commands", 5 * H) && !broken("encrypted(stream)", e, "other", 5 * H));
    evidence_free(e);
}

int main(void)
{
    test_words();
    test_judgement();
    return TEST_END;
}
