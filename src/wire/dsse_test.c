#include "base/test.h"
#include "wire/dsse.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SIG_A "{\"keyid\":\"" ID_A "\",\"sig\":\"c2ln\"}"
#define ENVELOPE(payload, signatures)                                                              \
    "{\"payload\":\"" payload "\",\"payloadType\":\"t\",\"signatures\":[" signatures "]}"

struct row {
    const char *claim, *in;
    enum code want;
};
static const struct row rows[] = {
    { "one signature", ENVELOPE("e30=", SIG_A), OK },
    { "two signatures", ENVELOPE("e30=", SIG_A ",{\"keyid\":\"" ID_B "\",\"sig\":\"c2ln\"}"), OK },
    { "an empty payload", ENVELOPE("", SIG_A), OK },
    { "base64 for URLs", ENVELOPE("-_8", SIG_A), OK },
    { "no signature", ENVELOPE("e30=", ""), E_MALFORMED },
    { "one key twice", ENVELOPE("e30=", SIG_A "," SIG_A), E_MALFORMED },
    { "a broken payload", ENVELOPE("e30*", SIG_A), E_MALFORMED },
    { "an empty signature", ENVELOPE("e30=", "{\"keyid\":\"" ID_A "\",\"sig\":\"\"}"), E_MALFORMED },
    { "no key id", ENVELOPE("e30=", "{\"sig\":\"c2ln\"}"), E_MALFORMED },
    { "a short key id", ENVELOPE("e30=", "{\"keyid\":\"aa\",\"sig\":\"c2ln\"}"), E_MALFORMED },
    { "a key id in capitals",
      ENVELOPE("e30=", "{\"keyid\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
                       "\"sig\":\"c2ln\"}"), E_MALFORMED },
    { "something nobody signed, beside a signature",
      ENVELOPE("e30=", "{\"keyid\":\"" ID_A "\",\"sig\":\"c2ln\",\"note\":\"x\"}"), E_MALFORMED },
    { "something nobody signed, beside the payload",
      "{\"payload\":\"e30=\",\"payloadType\":\"t\",\"signatures\":[" SIG_A "],\"x\":1}", E_MALFORMED },
    { "no type", "{\"payload\":\"e30=\",\"signatures\":[" SIG_A "]}", E_MALFORMED },
    { "an empty type", "{\"payload\":\"e30=\",\"payloadType\":\"\",\"signatures\":[" SIG_A "]}", E_MALFORMED },
    { "a type of another kind", "{\"payload\":\"e30=\",\"payloadType\":7,\"signatures\":[" SIG_A "]}", E_MALFORMED },
    { "a payload of another kind", "{\"payload\":{},\"payloadType\":\"t\",\"signatures\":[" SIG_A "]}", E_MALFORMED },
    { "signatures of another kind", "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":" SIG_A "}", E_MALFORMED },
    { "a signature of another kind", ENVELOPE("e30=", "\"c2ln\""), E_MALFORMED },
    { "a list", "[]", E_MALFORMED },
    { "no JSON", "payload", E_MALFORMED },
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = ARENA(1 << 16);
        struct dsse d;
        printf("# %s\n", rows[i].claim);
        CHECK_IS(dsse_read(bytes_str(rows[i].in), &a, &d), rows[i].want);
        arena_deinit(&a);
    }
}

/* The example of the DSSE specification (protocol.md). */
static void test_pae(void)
{
    struct buffer b = BUFFER(256);
    CHECK_OK(dsse_pae("http://example.com/HelloWorld", BYTES_LIT("hello world"), &b));
    CHECK(bytes_equal_str(buffer_view(&b), "DSSEv1 29 http://example.com/HelloWorld 11 hello world"));
    b.n = 0;
    CHECK_OK(dsse_pae("", BYTES_NONE, &b));
    CHECK(bytes_equal_str(buffer_view(&b), "DSSEv1 0  0 "));
    buffer_deinit(&b);
    struct buffer small = BUFFER(20);
    CHECK_IS(dsse_pae("a long enough type", BYTES_LIT("x"), &small), E_TOO_LARGE);
    CHECK(small.n == 0);
    buffer_deinit(&small);
}

static struct dsse sample(void)
{
    static const uint8_t every[256] = { 0, 1, 2, 0xFF, 0xFE, '"', '\\' };
    struct dsse d = { .type = "application/vnd.sekimori.decision+json", .n = 2 };
    d.payload = bytes_of(every, sizeof every);
    d.signatures[0].key_id = ID_B;
    d.signatures[0].signature = bytes_of(every, 64);
    d.signatures[1].key_id = ID_A;
    d.signatures[1].signature = bytes_of(every, 71);
    return d;
}

static void test_round_trip(void)
{
    struct dsse d = sample(), back;
    for (size_t n = 0; n <= 256; n += 5) {
        struct arena a = ARENA(1 << 16);
        struct buffer b = BUFFER(1 << 16);
        d.payload.n = n;
        CHECK_QUIET(ok(dsse_write(&d, &b)));
        CHECK_QUIET(ok(dsse_read(buffer_view(&b), &a, &back)));
        CHECK_QUIET(bytes_equal(back.payload, d.payload) && back.n == 2);
        CHECK_QUIET(strcmp(back.type, d.type) == 0);
        for (size_t i = 0; i < 2; i++) {
            CHECK_QUIET(strcmp(back.signatures[i].key_id, d.signatures[i].key_id) == 0);
            CHECK_QUIET(bytes_equal(back.signatures[i].signature, d.signatures[i].signature));
        }
        buffer_deinit(&b);
        arena_deinit(&a);
    }
    struct buffer b = BUFFER(1 << 16);
    d.signatures[1].key_id = ID_B;
    CHECK_IS(dsse_write(&d, &b), E_CONFLICT);
    CHECK(b.n == 0);
    buffer_deinit(&b);
}

static void test_bounds(void)
{
    static char ids[DSSE_SIGNATURES_MAX + 1][65];
    for (size_t n = DSSE_SIGNATURES_MAX; n <= DSSE_SIGNATURES_MAX + 1; n++) {
        struct buffer b = BUFFER(1 << 16);
        struct arena a = ARENA(1 << 16);
        struct dsse d;
        CHECK_OK(buffer_fmt(&b, "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":["));
        for (size_t i = 0; i < n; i++) {
            snprintf(ids[i], sizeof ids[i], "%064zx", i);
            CHECK_QUIET(ok(buffer_fmt(&b, "%s{\"keyid\":\"%s\",\"sig\":\"c2ln\"}", i ? "," : "", ids[i])));
        }
        CHECK_OK(buffer_fmt(&b, "]}"));
        CHECK_IS(dsse_read(buffer_view(&b), &a, &d), n > DSSE_SIGNATURES_MAX ? E_TOO_LARGE : OK);
        buffer_deinit(&b);
        arena_deinit(&a);
    }
}

/* No prefix is an envelope, no one-byte change hurts, every lost allocation is refused. */
static void test_damage(void)
{
    struct dsse d = sample(), back;
    struct buffer b = BUFFER(1 << 16);
    CHECK_OK(dsse_write(&d, &b));
    for (size_t n = 0; n < b.n; n++) {
        struct arena a = ARENA(1 << 16);
        CHECK_QUIET(!ok(dsse_read(bytes_of(b.at, n), &a, &back)));
        arena_deinit(&a);
    }
    for (size_t at = 0; at < b.n; at++) {
        uint8_t was = b.at[at];
        for (int v = 0; v < 256; v += 3) {
            struct arena a = ARENA(1 << 16);
            b.at[at] = (uint8_t)v;
            if (ok(dsse_read(buffer_view(&b), &a, &back))) CHECK_QUIET(back.n >= 1 && *back.type);
            arena_deinit(&a);
        }
        b.at[at] = was;
    }
    size_t refused = 0;
    for (uint64_t k = 1; k <= 16; k++) {
        struct arena a = ARENA(1 << 16);
        struct buffer again = BUFFER(1 << 16);
        mem_fail_at(k);
        outcome w = dsse_write(&d, &again);
        mem_fail_at(k);
        outcome r = dsse_read(buffer_view(&b), &a, &back);
        mem_fail_at(0);
        CHECK_QUIET(ok(w) ? bytes_equal(buffer_view(&again), buffer_view(&b))
                          : w.code == E_MEMORY && again.n == 0);
        CHECK_QUIET(ok(r) || r.code == E_MEMORY);
        refused += !ok(w) + !ok(r);
        buffer_deinit(&again);
        arena_deinit(&a);
    }
    CHECK(refused > 0);
    buffer_deinit(&b);
}

int main(void)
{
    test_rows();
    test_pae();
    test_round_trip();
    test_bounds();
    test_damage();
    return TEST_END;
}
