#include "platform/schema.h"

#include "base/test.h"
#include "platform/declared.h"

#define LEVEL "\"fields\":[{\"name\":\"v\",\"unit\":\"m\",\"unit_in\":\"u\",\"min\":0,\"max\":\"5.25\"},{\"name\":\"t\",\"type\":\"integer\"}," \
    "{\"name\":\"ok\",\"type\":\"bool\",\"optional\":true},{\"name\":\"by\",\"type\":\"text\",\"optional\":true}]"

static outcome read_json(const char *json, struct stream *s, struct declared_wrong *w)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    outcome o = doc_read_json(bytes_str(json), &a, &d);
    if (ok(o)) o = declared_read(d, s, w);
    if (w) w->at = NULL; /* the arena goes */
    arena_deinit(&a);
    return o;
}

static void declarations(void)
{
    static const struct { const char *fields, *says; } rows[] = { { "1", "fields" }, { "[]", "fields" }, { "[{\"name\":\"v\",\"typ\":\"number\"}]", "expected name, type" },
        { "[{\"name\":\"v\",\"type\":\"real\"}]", "one of number" }, { "[{\"name\":\"v\",\"min\":\"5 m\"}]", "without its unit" },
        { "[{\"name\":\"v\",\"min\":6,\"max\":5}]", "min is above max" }, { "[{\"name\":\"v\",\"type\":\"text\",\"unit\":\"m\"}]", "for numbers" },
        { "[{\"name\":\"v\",\"unit_in\":\"u\"}]", "unit_in without a unit" }, { "[{\"name\":\"v\"},{\"name\":\"v\"}]", "stands twice" },
        { "[{\"unit\":\"m\"},{\"name\":\"v\"}]", "stands alone" }, { "[{\"type\":\"text\"}]", "whole payload as one number" },
        { "[{\"name\":\"a-name-that-is-much-too-long-for-a-field\"}]", "at most 23 bytes" }, { "[{\"name\":\"v\",\"unit\":\"\\\"\"}]", "unit" } };
    struct stream s;
    struct declared_wrong w;
    char json[400];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(json, sizeof json, "{\"name\":\"x\",\"pattern\":\"a/b\",\"fields\":%s}", rows[i].fields);
        CHECK(!ok(read_json(json, &s, &w)) && strstr(w.text, rows[i].says));
        CHECK(!ok(read_json(json, &s, NULL)));
    }
    CHECK(!ok(read_json("{\"name\":\"x\",\"pattern\":\"a/b\",\"command\":true,\"fail\":\"hold-last\"}", &s, &w)));
    CHECK(ok(read_json("{\"name\":\"x\",\"pattern\":\"a/b\"}", &s, &w)) && s.fail == FAIL_PASS_FLAG);
    CHECK(ok(read_json("{\"name\":\"x\",\"pattern\":\"a/b\",\"command\":true}", &s, &w)) && s.fail == FAIL_CLOSED);
}

/* What is written is read again as the same. */
static void written(void)
{
    struct stream s, again;
    struct arena a = ARENA(65536);
    struct buffer one = BUFFER(8192), two = BUFFER(8192);
    CHECK_OK(read_json("{\"name\":\"x\",\"pattern\":\"a/b\",\"fail\":\"hold-last\"," LEVEL "}", &s, NULL));
    CHECK_OK(doc_write_json(registry_doc_stream(&a, &s), &one));
    CHECK_OK(buffer_put(&one, BYTES_LIT("\0")));
    CHECK_OK(read_json((const char *)one.at, &again, NULL));
    CHECK_OK(doc_write_json(registry_doc_stream(&a, &again), &two));
    CHECK(one.n == two.n + 1 && memcmp(one.at, two.at, two.n) == 0 && memcmp(&s, &again, sizeof s) == 0);
    buffer_deinit(&one);
    buffer_deinit(&two);
    arena_deinit(&a);
}

static void judged(void)
{
    static const struct { const char *payload; enum breach want; const char *says; } rows[] = {
        { "{\"v\":\"5.25\",\"u\":\"m\",\"t\":17}", BREACH_NONE, "" }, { "{\"v\":0,\"u\":\"m\",\"t\":17,\"ok\":true,\"by\":\"x\"}", BREACH_NONE, "" },
        { "{\"v\":\"5.251\",\"u\":\"m\",\"t\":17}", BREACH_RANGE, "v: 5.251 m, expected 0 m to 5.25 m" },
        { "{\"v\":-1,\"u\":\"m\",\"t\":17}", BREACH_RANGE, "v: -1 m, expected 0 m to 5.25 m" },
        { "{\"v\":1,\"t\":17}", BREACH_UNIT, "v: without a unit, expected the unit m in u" },
        { "{\"v\":1,\"u\":\"ft\",\"t\":17}", BREACH_UNIT, "v: another unit, expected the unit m in u" },
        { "{\"v\":1,\"u\":\"m\"}", BREACH_MISSING, "t: missing" }, { "{\"v\":1,\"u\":\"m\",\"t\":\"1.5\"}", BREACH_TYPE, "t: not a whole number" },
        { "{\"v\":\"high\",\"u\":\"m\",\"t\":1}", BREACH_TYPE, "v: not a number" }, { "{\"v\":1,\"u\":\"m\",\"t\":1,\"ok\":\"yes\"}", BREACH_TYPE, "ok: expected true or false" },
        { "{\"v\":1,\"u\":\"m\",\"t\":1,\"by\":2}", BREACH_TYPE, "by: expected a text" },
        { "{\"v\":1,\"u\":\"m\",\"t\":1,\"x\":2}", BREACH_OTHER, "payload: a member that x does not declare" },
        { "5", BREACH_FORM, "payload: expected a flat JSON object" }, { "", BREACH_FORM, "payload" }, { "{\"v\":{\"v\":1}}", BREACH_FORM, "payload" } };
    struct stream s;
    CHECK_OK(read_json("{\"name\":\"x\",\"pattern\":\"a/b\"," LEVEL "}", &s, NULL));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[SCHEMA_TEXT] = "";
        enum breach b = schema_judge(&s, bytes_str(rows[i].payload), text);
        if (b != rows[i].want || !strstr(text, rows[i].says)) printf("# %s: %s %s\n", rows[i].payload, breach_word(b), text);
        CHECK(b == rows[i].want && strstr(text, rows[i].says));
    }
    s.others = true;
    char text[SCHEMA_TEXT];
    CHECK(schema_judge(&s, BYTES_LIT("{\"v\":1,\"u\":\"m\",\"t\":1,\"x\":2}"), text) == BREACH_NONE);
    CHECK_OK(read_json("{\"name\":\"x\",\"pattern\":\"a/b\",\"fields\":[{\"unit\":\"degC\",\"min\":-40,\"max\":80}]}", &s, NULL));
    CHECK(schema_judge(&s, BYTES_LIT("-40"), text) == BREACH_NONE && schema_judge(&s, BYTES_LIT("21.5"), text) == BREACH_NONE);
    CHECK(schema_judge(&s, BYTES_LIT("80.5"), text) == BREACH_RANGE && strstr(text, "payload: 80.5 degC, expected -40 degC to 80 degC"));
    CHECK(schema_judge(&s, BYTES_LIT("21 degC"), text) == BREACH_TYPE && schema_judge(&s, BYTES_NONE, text) == BREACH_TYPE);
}

static void numbers(void)
{
    struct stream s;
    int64_t milli = 0;
    const char *unit = "";
    char text[48];
    CHECK_OK(read_json("{\"name\":\"x\",\"pattern\":\"a/b\"," LEVEL "}", &s, NULL));
    CHECK(ok(schema_number(&s, BYTES_LIT("{\"v\":\"1.5\"}"), "v", &milli, &unit)) && milli == 1500 && strcmp(unit, "m") == 0);
    CHECK_IS(schema_number(&s, BYTES_LIT("{\"v\":\"1.5\"}"), "by", &milli, &unit), E_UNKNOWN);
    CHECK_IS(schema_number(&s, BYTES_LIT("{\"v\":\"x\"}"), "v", &milli, &unit), E_UNKNOWN);
    CHECK(strcmp(schema_milli(-7, "m", text, sizeof text), "-0.007 m") == 0 && strcmp(schema_milli(1200, "", text, sizeof text), "1.2") == 0);
    CHECK(strcmp(schema_milli(1050, "", text, sizeof text), "1.05") == 0 && strcmp(schema_milli(0, "m", text, sizeof text), "0 m") == 0);
}

int main(void)
{
    declarations();
    written();
    judged();
    numbers();
    return TEST_END;
}
