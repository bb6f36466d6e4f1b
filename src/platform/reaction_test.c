#include "platform/reaction.h"

#include <stdio.h>

#include "base/test.h"

static struct arena arena = ARENA(1 << 20);
static struct reactions all;

static const struct doc *read(const char *text)
{
    struct doc *d = NULL;
    CHECK_QUIET(ok(doc_read_json(bytes_str(text), &arena, &d)));
    return d;
}

static outcome begin(const char *device, enum measure m, const char *rule, int64_t now, int64_t until)
{
    struct reaction_begin b = { device, "left-profile", rule, "sato", "a reason", m, until };
    const struct doc *d = reaction_begin_doc(&arena, &all, &b);
    char why[REACTION_WHY] = "";
    outcome o = reaction_judge(&all, d, now, why);
    if (!ok(o)) {
        CHECK_QUIET(why[0] && reaction_apply(&all, d, now).code == o.code);
        return o;
    }
    return reaction_apply(&all, d, now);
}

static outcome end(const char *id, const char *by, int64_t now)
{
    return reaction_apply(&all, reaction_end_doc(&arena, id, by, "over"), now);
}

static void for_a_time_and_undone(void)
{
    CHECK_IS(begin("gw-1", MEASURE_NARROW, "", 0, 1000), E_CONFLICT); /* to what? */
    CHECK_OK(begin("gw-1", MEASURE_HOLD, "", 0, 1000));
    CHECK_IS(begin("gw-1", MEASURE_HOLD, "", 0, 1000), E_CONFLICT);
    CHECK_OK(begin("gw-1", MEASURE_QUARANTINE, "", 0, 2000));
    CHECK(reaction_on(&all, "gw-1", MEASURE_HOLD, 999) && !reaction_on(&all, "gw-1", MEASURE_HOLD, 1000));
    CHECK(!reaction_on(&all, "gw-2", MEASURE_HOLD, 0) && !reaction_on(NULL, "gw-1", MEASURE_HOLD, 0));
    CHECK(reaction_overdue(reaction_find(&all, "RC-1"), 1000) && !reaction_overdue(reaction_find(&all, "RC-2"), 1000));
    uint64_t epoch = all.epoch;
    CHECK_OK(end("RC-2", "sato", 5));
    CHECK(all.epoch > epoch && !reaction_on(&all, "gw-1", MEASURE_QUARANTINE, 6) && all.running == 1);
    CHECK_IS(end("RC-2", "sato", 6), E_CONFLICT);
    CHECK_IS(end("RC-9", "sato", 6), E_UNKNOWN);
    CHECK_IS(begin("gw-1", MEASURE_QUARANTINE, "", 0, REACTION_LONGEST + 1), E_RANGE);
    CHECK_IS(begin("gw-1", MEASURE_QUARANTINE, "RR-1", 0, REACTION_RULE_LONGEST + 1), E_RANGE);
    CHECK_IS(begin("gw-1", MEASURE_QUARANTINE, "", 10, 10), E_RANGE);
    CHECK_IS(begin("GW 1", MEASURE_QUARANTINE, "", 0, 10), E_MALFORMED);
    CHECK_OK(end("RC-1", "sekimori", 1000));
}

#define PROFILE(device, publish, subscribe) "{\"what\":\"profile\",\"device\":\"" device "\",\"name\":\"meter 1\",\"by\":\"root\",\"publish\":" publish ",\"subscribe\":" subscribe "}"

static void profiles(void)
{
    CHECK_OK(reaction_apply(&all, read(PROFILE("gw-1", "[\"sk/v1/+/+/m/#\"]", "[\"sk/v1/+/+/cfg/#\"]")), 7));
    const struct reaction_profile *p = reaction_profile_of(&all, "gw-1");
    CHECK(p && reaction_inside(p, false, BYTES_LIT("sk/v1/w/gw-1/m/flow")) && !reaction_inside(p, false, BYTES_LIT("sk/v1/w/gw-1/x/flow")));
    CHECK(reaction_inside(p, true, BYTES_LIT("sk/v1/w/gw-1/cfg/#")) && !reaction_inside(p, true, BYTES_LIT("sk/v1/#")));
    CHECK_OK(begin("gw-1", MEASURE_NARROW, "", 10, 20));
    CHECK_OK(reaction_apply(&all, read(PROFILE("gw-1", "[\"a\"]", "[]")), 8)); /* another */
    CHECK(all.n_profiles == 1 && reaction_inside(reaction_profile_of(&all, "gw-1"), false, BYTES_LIT("a")));
    static const char *const bad[] = { PROFILE("gw-1", "[\"a/#/b\"]", "[]"), PROFILE("gw-1", "[1]", "[]"), PROFILE("gw-1", "{}", "[]"), PROFILE("GW", "[]", "[]"),
        "{\"what\":\"profile\",\"device\":\"gw-1\",\"by\":\"root\",\"publish\":[]}", "{\"what\":\"colour\"}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_IS(reaction_apply(&all, read(bad[i]), 9), E_MALFORMED);
    CHECK_OK(reaction_apply(&all, read(PROFILE("gw-1", "[]", "[]")), 9));
    CHECK(all.n_profiles == 0 && !reaction_profile_of(&all, "gw-1"));
}

#define RULE(id, cause, whom, measure, minutes, at_most) "{\"what\":\"rule\",\"id\":\"" id "\",\"cause\":\"" cause "\"," whom ",\"measure\":\"" measure "\",\"minutes\":" minutes ",\"at_most\":" at_most ",\"by\":\"asset-owner\"}"

static const struct reaction_rule *rule_for(const char *device, const char *cause, int64_t now)
{
    struct reaction_case k = { device, "meters", cause, now };
    return reaction_rule_for(&all, &k);
}

static void rules(void)
{
    static const struct { const char *text; enum code want; } rows[] = {
        { RULE("RR-1", "unknown-host", "\"group\":\"meters\"", "hold", "60", "1"), E_MALFORMED }, /* a stranger's packets */
        { RULE("RR-1", "left-profile", "\"group\":\"meters\",\"device\":\"gw-1\"", "hold", "60", "1"), E_MALFORMED },
        { RULE("RR-1", "left-profile", "\"group\":\"\"", "hold", "60", "1"), E_MALFORMED },
        { RULE("RR-1", "left-profile", "\"group\":\"meters\"", "explode", "60", "1"), E_MALFORMED },
        { RULE("RR-1", "left-profile", "\"group\":\"meters\"", "hold", "1441", "1"), E_RANGE },
        { RULE("RR-1", "left-profile", "\"group\":\"meters\"", "hold", "60", "0"), E_RANGE },
        { RULE("RR-2", "left-profile", "\"group\":\"meters\"", "hold", "60", "1"), E_CONFLICT },
        { RULE("RR-1", "left-profile", "\"group\":\"meters\"", "hold", "60", "1"), OK },
        { RULE("RR-1", "left-profile", "\"group\":\"meters\"", "hold", "60", "1"), E_CONFLICT },
        { RULE("RR-2", "left-profile", "\"device\":\"gw-9\"", "quarantine", "60", "2"), OK } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) CHECK_IS(reaction_apply(&all, read(rows[i].text), 10), rows[i].want);
    const int64_t now = 100 * MS_HOUR;
    CHECK(rule_for("gw-1", "left-profile", now) == &all.rules[0] && rule_for("gw-9", "left-profile", now) == &all.rules[1]);
    CHECK(!rule_for("gw-1", "commands", now));
    CHECK_OK(begin("gw-1", MEASURE_HOLD, "RR-1", now, now + MS_HOUR));
    CHECK(!rule_for("gw-2", "left-profile", now)); /* as many as it may */
    char id[REACTION_ID];
    snprintf(id, sizeof id, "RC-%zu", all.n);
    CHECK_OK(end(id, "sato", now + 1));
    CHECK(!rule_for("gw-1", "left-profile", now + 2) && rule_for("gw-2", "left-profile", now + 2)); /* a person let it go */
    CHECK(rule_for("gw-1", "left-profile", now + 1 + REACTION_OVERRULED_MS));
    CHECK_OK(begin("gw-2", MEASURE_HOLD, "RR-1", now, now + 5));
    snprintf(id, sizeof id, "RC-%zu", all.n);
    CHECK_OK(end(id, "sekimori", now + 5));
    CHECK(rule_for("gw-2", "left-profile", now + 6)); /* over by itself: it may act again */
    CHECK_OK(reaction_apply(&all, read("{\"what\":\"rule-end\",\"id\":\"RR-1\",\"by\":\"o\",\"why\":\"x\"}"), now));
    CHECK(!rule_for("gw-2", "left-profile", now + 6));
    CHECK_IS(reaction_apply(&all, read("{\"what\":\"rule-end\",\"id\":\"RR-1\",\"by\":\"o\",\"why\":\"x\"}"), now), E_CONFLICT);
}

int main(void)
{
    for_a_time_and_undone();
    profiles();
    rules();
    reactions_deinit(&all);
    arena_deinit(&arena);
    return TEST_END;
}
