#include "wire/flat.h"

#include "base/test.h"

int main(void)
{
    static const struct { const char *json; enum code want; size_t n; } rows[] = { { "{}", OK, 0 }, { " { \"a\" : 1 } ", OK, 1 },
        { "{\"v\":\"3.20\",\"t\":1764288000000,\"ok\":true,\"x\":null}", OK, 4 }, { "{\"a\":1,\"a\":2}", E_MALFORMED, 0 },
        { "{\"a\":{\"b\":1}}", E_MALFORMED, 0 }, { "{\"a\":[1]}", E_MALFORMED, 0 }, { "[1]", E_MALFORMED, 0 }, { "", E_MALFORMED, 0 },
        { "{\"a\":1}x", E_MALFORMED, 0 }, { "{\"a\":1e9}", E_MALFORMED, 0 }, { "{\"a\":--1}", E_MALFORMED, 0 }, { "{\"a\":1.}", E_MALFORMED, 0 },
        { "{\"\":1}", E_MALFORMED, 0 }, { "{\"a\":\"\\q\"}", E_MALFORMED, 0 }, { "{\"a\":\"x\\\"y\"}", OK, 1 }, { "{\"a\":1,}", E_MALFORMED, 0 },
        { "{\"a\":9999999999999999}", E_RANGE, 0 }, { "{\"a\":\"\n\"}", E_MALFORMED, 0 }, { "{\"a\\u0041\":1}", E_MALFORMED, 0 } };
    struct flat f;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome o = flat_read(bytes_str(rows[i].json), &f);
        CHECK(o.code == rows[i].want && (!ok(o) || f.n == rows[i].n));
        for (size_t n = 0; ok(o) && rows[i].json[n + 1] && n < strlen(rows[i].json); n++)
            CHECK_QUIET(!ok(flat_read(bytes_of(rows[i].json, n), &f)) || rows[i].json[n] == ' ');
    }
    CHECK_OK(flat_read(BYTES_LIT("{\"v\":\"-3.2045\",\"n\":7,\"s\":\"pump\"}"), &f));
    CHECK(flat_get(&f, "v")->milli == -3204 && flat_get(&f, "v")->numeric && flat_get(&f, "n")->milli == 7000);
    CHECK(!flat_get(&f, "s")->numeric && bytes_equal_str(flat_get(&f, "s")->text, "pump") && !flat_get(&f, "x"));
    char many[1024] = "{";
    for (int i = 0; i <= FLAT_MAX; i++) snprintf(many + strlen(many), sizeof many - strlen(many), "%s\"k%d\":1", i ? "," : "", i);
    snprintf(many + strlen(many), 2, "}");
    CHECK_IS(flat_read(bytes_str(many), &f), E_FULL);
    return TEST_END;
}
