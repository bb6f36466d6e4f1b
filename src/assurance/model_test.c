#include "assurance/example_test.h"

static struct model model;

/* The example with one piece of its text replaced; every error it then gives. */
static size_t errors_of(const char *was, const char *is, struct model_error errors[8], outcome *o)
{
    static char text[1 << 16], changed[1 << 16];
    snprintf(text, sizeof text, "%s", example_file("models/worked-example.json"));
    char *at = strstr(text, was);
    CHECK(at != NULL);
    if (!at) exit(1);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
    struct arena a = ARENA(1 << 22);
    struct doc *d;
    size_t n = 0;
    CHECK_OK(doc_read_json(bytes_str(changed), &a, &d));
    memset(errors, 0, 8 * sizeof *errors);
    memset(&model, 0x5a, sizeof model);
    *o = model_read(d, &model, errors, 8, &n);
    if (!ok(*o))
        for (size_t i = 0; i < sizeof model; i++) CHECK_QUIET(((unsigned char *)&model)[i] == 0x5a); /* untouched */
    arena_deinit(&a);
    return n;
}

/* clang-format off */
static const struct { const char *was, *is, *expect; } wrong[] = {
    { "\"sekimori/1\"", "\"sekimori/2\"", "schema: expected one of sekimori/1, found \"sekimori/2\" (did you mean \"sekimori/1\"?)" },
    { "\"organisation\":", "\"organization\":", "organization: unknown key (did you mean \"organisation\"?)" },
    { "\"threats\":", "\"threat\":", "threat: unknown key (did you mean \"threats\"?)" },
    { "\"customers\"", "\"custmers\"", "functions[0].custmers: unknown key (did you mean \"customers\"?)" },
    { "\"tolerable_outage\": \"4h\"", "\"tolerable_outage\": \"4 hrs\"", "functions[0].tolerable_outage: expected a duration with its unit (s, min, h, d)" },
    { "\"tolerable_outage\": \"4h\"", "\"tolerable_outage\": 4", "functions[0].tolerable_outage: expected a duration" },
    { "\"tolerable_outage\": \"4h\"", "\"tolerable_outage\": \"0h\"", "functions[0].tolerable_outage: expected 1 to 525600" },
    { "\"customers\": 41000", "\"customers\": -1", "functions[0].customers: expected 0 to 1000000000, found -1" },
    { "\"customers\": 41000, ", "", "functions[0].customers: expected, but missing" },
    { "\"functions\": [\"supply\"]", "\"functions\": [\"suply\"]", "missions[0].functions: expected a function, there is no \"suply\" (did you mean \"supply\"?)" },
    { "\"functions\": [\"supply\"]", "\"functions\": []", "expected at least one function" },
    { "\"functions\": [\"supply\"]", "\"functions\": [\"supply\", \"supply\"]", "expected each id once, \"supply\" is there twice" },
    { "\"group\": \"all\"", "\"group\": \"everything\"", "depends.group: expected a group, there is no \"everything\"" },
    { "\"effect\": \"fail\"", "\"effect\": \"failing\"", "(did you mean \"fail\"?)" },
    { "\"effect\": \"fail\"", "\"effect\": \"work-around\"", "depends.by: expected with effect work-around" },
    { "\"effect\": \"fail\"", "\"effect\": \"fail\", \"by\": \"all\"", "depends.by: expected" },
    { "\"yen\": \"3億\"", "\"yen\": \"3 億\"", "missions[0].yen: expected yen" },
    { "\"yen\": \"3億\"", "\"yen\": \"3億ドル\"", "missions[0].yen: expected yen" },
    { "\"yen\": \"3億\"", "\"yen\": 0", "missions[0].yen: expected 1 to" },
    { "\"outages\": \"8\"", "\"outages\": \"a few\"", "missions[0].outages: expected a number as text" },
    { "{time}", "4時間", "missions[0].sentence: expected {time} in both languages" },
    { "\"id\": \"S2\"", "\"id\": \"S1\"", "threats[1].id: expected each id once, \"S1\" is there twice" },
    { "\"id\": \"S2\"", "\"id\": \"S 2\"", "threats[1].id: expected an id of letters, digits, - and _" },
    { "\"strikes\": \"all\"", "\"strikes\": \"al\"", "threats[0].strikes: expected a group, there is no \"al\" (did you mean \"all\"?)" },
    { "\"rate\": {\"lo\": \"1\", \"mid\": \"4\", \"hi\": \"12\"}", "\"rate\": \"F6\"", "threats[0].rate: expected one of F1, F2, F3, F4, F5" },
    { "\"rate\": {\"lo\": \"1\", \"mid\": \"4\", \"hi\": \"12\"}", "\"rate\": {\"lo\": \"5\", \"mid\": \"4\", \"hi\": \"12\"}", "threats[0].rate: expected 0 < lo <= mid <= hi" },
    { "\"rate\": {\"lo\": \"1\", \"mid\": \"4\", \"hi\": \"12\"}", "\"rate\": {\"lo\": \"1\", \"mid\": \"4\"}", "threats[0].rate: expected F1 to F5, or {lo, mid, hi}" },
    { "\"low\": \"200万\"", "\"low\": \"9000万\"", "threats[0].loss: expected low <= high" },
    { "\"probes\": 3", "\"probes\": 0", "threats[0].probes: expected 1 to 100, found 0" },
    { "\"reviewed\": \"2026-11-01\"", "\"reviewed\": \"2026-13-01\"", "threats[0].reviewed: expected a date such as" },
    { "\"reviewed\": \"2026-11-01\"", "\"reviewed\": \"1 Nov 2026\"", "threats[0].reviewed: expected a date such as" },
    { "\"layer\": \"device\", \"strikes\"", "\"layer\": \"devices\", \"strikes\"", "threats[0].layer: expected one of user, service" },
    { "\"scope\": [\"all\"]", "\"scope\": [\"sites\"]", "controls[0].scope: expected a group, an alternative or site, there is no \"sites\" (did you mean \"site\"?)" },
    { "\"fresh\": \"24h\"", "\"fresh\": \"96h\"", "controls[0].stale: expected at least as long as fresh" },
    { "\"S1\": \"strong\"", "\"S1\": \"very strong\"", "controls[0].strength: expected one of none, weak, medium, strong" },
    { "\"S1\": \"strong\"", "\"S0\": \"strong\"", "controls[0].strength: expected a threat, there is no \"S0\" (did you mean \"S1\"?)" },
    { "\"attested(device)\"", "\"atested(device)\"", "conditions[0].when: expected a condition such as" },
    { "\"attested(device)\"", "\"coverage(C88, all) >= 900\"", "conditions[0].when: expected a control, there is no \"C88\"" },
    { "\"attested(device)\"", "\"coverage(C8, al) >= 900\"", "(did you mean \"all\"?)" },
    { "sk/v1/example/+/cmd/+", "sk/v1/example/x+/cmd", "conditions[0].stream: expected an MQTT filter" },
    { "sk/v1/example/+/cmd/+", "sk/#/cmd", "conditions[0].stream: expected an MQTT filter" },
};
/* clang-format on */

static void test_wrong(void)
{
    struct model_error errors[8];
    outcome o;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t n = errors_of(wrong[i].was, wrong[i].is, errors, &o);
        bool said = false;
        for (size_t k = 0; k < n && k < 8; k++) said |= strstr(errors[k].text, wrong[i].expect) != NULL;
        for (size_t k = 0; k < n && k < 8 && !said; k++) printf("# got: %s\n", errors[k].text);
        if (!said) printf("# wanted: %s\n", wrong[i].expect);
        CHECK(o.code == E_CONFIG && n > 0 && said);
    }
}

static void test_right(void)
{
    struct model_error errors[8];
    outcome o;
    CHECK(errors_of("\"rate\": {\"lo\": \"1\", \"mid\": \"4\", \"hi\": \"12\"}", "\"rate\": \"F4\"", errors, &o) == 0 && ok(o));
    CHECK(model.n_threats == 9 && model.n_controls == 10 && model.n_conditions == 1);
    CHECK(model.threats[0].rate_ppb[0] == RISK_PPB && model.threats[0].rate_ppb[2] == 12 * RISK_PPB);
    CHECK(model.threats[0].loss_mean_yen == 18694152 && model.threats[0].loss_yen[1] == 60000000);
    CHECK(model.threats[0].outage_min == 480 && model.threats[0].budget == 3 && model.threats[0].effect_ppb == RISK_PPB);
    CHECK(model.missions[0].tolerance_yen == 300000000 && model.missions[0].tolerance_outages_mille == 8000);
    CHECK(model.controls[0].fresh_ms == 24 * MS_HOUR && model.controls[0].stale_ms == 72 * MS_HOUR);
    CHECK(model.controls[0].strength_ppb[model_threat(&model, "S1")] == 900000000);
    CHECK(model.controls[0].strength_ppb[model_threat(&model, "S2")] == 0);
    CHECK(model.functions[0].n_depends == 1 && model.functions[0].effect_mille[0] == 1000);
    CHECK(model.conditions[0].mode == LIMIT_HOLD); /* the default */
    CHECK(model_control(&model, "C9b") == 8 && model_control(&model, "C9") == SIZE_MAX);
    /* humane notations of the same value */
    CHECK(errors_of("\"yen\": \"3億\"", "\"yen\": \"300,000,000\"", errors, &o) == 0 && model.missions[0].tolerance_yen == 300000000);
    CHECK(errors_of("\"yen\": \"3億\"", "\"yen\": \"30000万円\"", errors, &o) == 0 && model.missions[0].tolerance_yen == 300000000);
    CHECK(errors_of("\"fresh\": \"24h\"", "\"fresh\": \"1.5h\"", errors, &o) == 0 && model.controls[0].fresh_ms == 90 * MS_MINUTE);
    CHECK(errors_of("\"outages\": \"8\"", "\"outages\": 8", errors, &o) == 0 && model.missions[0].tolerance_outages_mille == 8000);
    /* a mean that was stated is kept, not computed again */
    CHECK(errors_of("\"high\": \"6000万\"", "\"high\": \"6000万\", \"mean\": 7", errors, &o) == 0 && model.threats[0].loss_mean_yen == 7);
}

/* Errors come by line, and say it. */
static void test_lines(void)
{
    struct arena a = ARENA(1 << 20);
    struct doc *d = doc_map(&a);
    doc_set_text(&a, d, "later", "x");
    doc_set_text(&a, d, "earlier", "x");
    ((struct doc *)(uintptr_t)doc_get(d, "later"))->line = 12;
    ((struct doc *)(uintptr_t)doc_get(d, "earlier"))->line = 3;
    struct model_error errors[16];
    size_t n;
    CHECK_IS(model_read(d, &model, errors, 16, &n), E_CONFIG);
    CHECK(n > 2 && strcmp(errors[n - 1].text, "line 12: later: unknown key") == 0 && errors[n - 1].line == 12);
    CHECK(strcmp(errors[n - 2].text, "line 3: earlier: unknown key") == 0);
    CHECK_IS(model_read(d, &model, errors, 1, &n), E_CONFIG);
    CHECK(n > 2); /* counts those over cap too */
    CHECK_IS(model_read(doc_list(&a), &model, errors, 16, &n), E_CONFIG);
    arena_deinit(&a);
}

/* Foreign text in a message stays text: valid UTF-8, printable, whole. */
static void test_messages_are_text(void)
{
    struct arena a = ARENA(1 << 20);
    struct doc *d = doc_map(&a);
    char key[300];
    for (size_t i = 0; i + 3 < sizeof key; i += 3) memcpy(key + i, "水", 4);
    key[7] = '\n';
    doc_set_text(&a, d, key, "x");
    doc_set_text(&a, d, "schema", key);
    struct model_error errors[16];
    size_t n;
    CHECK_IS(model_read(d, &model, errors, 16, &n), E_CONFIG);
    for (size_t i = 0; i < n && i < 16; i++) {
        CHECK(bytes_is_utf8(bytes_str(errors[i].text)) && !strpbrk(errors[i].text, "\n\t"));
    }
    arena_deinit(&a);
}

/* Every kind of value in every place: refused or read, never a crash, and never half. */
static void test_any_kind_anywhere(void)
{
    static const char *const values[] = { "null", "true", "-1", "9223372036854775807", "\"\"", "\"x\"", "[]", "{}", "[[]]",
        "[{}]", "{\"a\":1}", "\"9999999999999999999999h\"", "\"\xe6\xb0\xb4\"" };
    static char text[1 << 16], changed[1 << 16];
    snprintf(text, sizeof text, "%s", example_file("models/worked-example.json"));
    int places = 0;
    for (char *at = text; (at = strstr(at, "\": ")); at++, places++) {
        if (places % 5 && places > 60) continue;
        char *start = at + 3, *end = start;
        int depth = 0;
        bool quoted = false;
        for (; *end; end++) {
            if (*end == '"') quoted = !quoted;
            if (quoted) continue;
            if (*end == '[' || *end == '{') depth++;
            if (depth == 0 && (*end == ',' || *end == '}' || *end == '\n' || *end == ']')) break;
            if (*end == ']' || *end == '}') depth--;
        }
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            snprintf(changed, sizeof changed, "%.*s%s%s", (int)(start - text), text, values[v], end);
            struct arena a = ARENA(1 << 22);
            struct doc *d;
            struct model_error errors[8];
            size_t n = 0;
            CHECK_QUIET(ok(doc_read_json(bytes_str(changed), &a, &d)));
            outcome o = model_read(d, &model, errors, 8, &n);
            CHECK_QUIET(ok(o) ? n == 0 : o.code == E_CONFIG && n > 0);
            arena_deinit(&a);
        }
    }
    CHECK(places > 100);
}

int main(void)
{
    test_right();
    test_wrong();
    test_lines();
    test_messages_are_text();
    test_any_kind_anywhere();
    return TEST_END;
}
