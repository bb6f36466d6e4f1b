#include "device/agent/command.h"

#include "base/test.h"
#include "wire/dsse.h"

static outcome parse(const char *json, struct command *c)
{
    return command_read(BYTES_LIT("pump"), bytes_str(json), c);
}

static void test_read(void)
{
    struct command c;
    CHECK_OK(parse("{\"do\":\"set\",\"value\":42,\"id\":\"c-1\",\"expires\":1700000000000}", &c));
    CHECK(strcmp(c.act, "set") == 0 && c.has_value && c.value_milli == 42000 && c.expires_ms == 1700000000000);
    CHECK_OK(parse("{\"do\":\"set\",\"value\":\"4.25\"}", &c));
    CHECK(c.value_milli == 4250 && c.id[0] == 0);
    CHECK_OK(parse("{\"do\":\"stop\"}", &c));
    CHECK(!c.has_value);
    CHECK_OK(parse("{\"do\":\"stop\",\"value\":\"nonsense\",\"expires\":1}", &c)); /* a stop is a stop */
    CHECK(strcmp(c.act, "stop") == 0 && !c.has_value);
    static const char *const bad[] = { "", "{}", "[]", "{\"do\":1}", "{\"do\":\"set\",\"value\":-1}",
        "{\"do\":\"set\",\"value\":\"1.2345\"}", "{\"do\":\"set\",\"value\":\"1.\\u0000\"}", "{\"do\":\"set\",\"value\":\".5\"}",
        "{\"do\":\"set\",\"value\":true}", "{\"do\":\"a-verb-that-is-too-long\"}" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!ok(parse(bad[i], &c)));
    CHECK(strcmp(c.name, "pump") == 0); /* a refusal is still answered */
}

static void test_judge(void)
{
    struct command_seen seen = { 0 };
    struct command c;
    CHECK_OK(parse("{\"do\":\"start\",\"id\":\"c-1\",\"expires\":1000}", &c));
    CHECK(command_judge(&c, &seen, 1000) == COMMAND_EXPIRED);
    CHECK(command_judge(&c, &seen, 999) == COMMAND_DONE);
    CHECK(command_judge(&c, &seen, 999) == COMMAND_DUPLICATE);
    CHECK_OK(parse("{\"do\":\"stop\",\"id\":\"c-2\",\"expires\":1000}", &c));
    CHECK(command_judge(&c, &seen, 999999) == COMMAND_DONE); /* safe direction: always */
    CHECK(command_judge(&c, &seen, 999999) == COMMAND_DONE);
    for (int i = 0; i < COMMAND_SEEN_MAX; i++) {
        struct command d = { .act = "start" };
        snprintf(d.id, sizeof d.id, "n-%d", i);
        CHECK_QUIET(command_judge(&d, &seen, 0) == COMMAND_DONE);
    }
    CHECK_OK(parse("{\"do\":\"start\",\"id\":\"c-1\"}", &c));
    CHECK(command_judge(&c, &seen, 0) == COMMAND_DONE); /* forgotten: the memory is bounded */
}

static void test_receipt(void)
{
    struct key *k = NULL;
    struct command c;
    struct buffer json = BUFFER(1 << 14), pae = BUFFER(1 << 14);
    struct arena a = ARENA(1 << 16);
    struct dsse d;
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_OK(parse("{\"do\":\"start\",\"id\":\"c-9\"}", &c));
    CHECK_OK(receipt_write(&c, COMMAND_EXPIRED, "gw-02", k, 12345, &json));
    CHECK_OK(dsse_read(buffer_view(&json), &a, &d));
    CHECK(strcmp(d.type, RECEIPT_TYPE) == 0 && d.n == 1);
    CHECK_OK(dsse_pae(d.type, d.payload, &pae));
    CHECK_OK(key_verify(k, buffer_view(&pae), d.signatures[0].signature));
    char want[512], hex[65];
    hex_of(bytes_of(c.payload_hash, 32), hex);
    snprintf(want, sizeof want,
        "{\"at\":12345,\"command\":\"pump\",\"device\":\"gw-02\",\"do\":\"start\",\"id\":\"c-9\",\"payload_sha256\":\"%s\","
        "\"result\":\"refused-expired\"}", hex);
    CHECK(bytes_equal_str(d.payload, want));
    pae.at[pae.n - 2] ^= 1;
    CHECK_IS(key_verify(k, buffer_view(&pae), d.signatures[0].signature), E_CRYPTO);
    buffer_deinit(&json);
    buffer_deinit(&pae);
    arena_deinit(&a);
    key_free(k);
}

int main(void)
{
    test_read();
    test_judge();
    test_receipt();
    return TEST_END;
}
