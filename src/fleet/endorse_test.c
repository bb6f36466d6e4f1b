#include "fleet/endorse.h"

#include "base/test.h"

/* What tpm2_createak printed for a P-256 ECDSA SHA-256 key: attributes, then the point. */
static size_t area_of(uint8_t *to, uint32_t attributes, uint16_t scheme, uint8_t fill)
{
    uint8_t point[32];
    struct out o = out_of(to + 2, 200), length = out_of(to, 2);
    memset(point, fill, sizeof point);
    put_u16(&o, 0x0023);
    put_u16(&o, 0x000b);
    put_u32(&o, attributes);
    put_u16(&o, 0);
    put_u16(&o, 0x0010);
    put_u16(&o, scheme);
    put_u16(&o, 0x000b);
    put_u16(&o, 0x0003);
    put_u16(&o, 0x0010);
    put_field16(&o, bytes_of(point, sizeof point));
    put_field16(&o, bytes_of(point, 31)); /* a leading zero is not written */
    put_u16(&length, (uint16_t)o.n);
    return 2 + o.n;
}

enum { RESTRICTED_SIGNER = 0x50072 };

static void test_key(void)
{
    static const struct {
        const char *claim;
        uint32_t attributes;
        uint16_t scheme;
        enum code want;
    } rows[] = {
        { "restricted, fixed, born inside", RESTRICTED_SIGNER, 0x0018, OK },
        { "signs anything", RESTRICTED_SIGNER & ~(1u << 16), 0x0018, E_DENIED },
        { "may leave the TPM", RESTRICTED_SIGNER & ~(1u << 1), 0x0018, E_DENIED },
        { "may be copied under another parent", RESTRICTED_SIGNER & ~(1u << 4), 0x0018, E_DENIED },
        { "was brought in", RESTRICTED_SIGNER & ~(1u << 5), 0x0018, E_DENIED },
        { "decrypts as well", RESTRICTED_SIGNER | 1u << 17, 0x0018, E_DENIED },
        { "another scheme", RESTRICTED_SIGNER, 0x0014, E_UNSUPPORTED },
    };
    uint8_t at[256];
    struct attestation_key k, other;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = area_of(at, rows[i].attributes, rows[i].scheme, 7);
        printf("# %s\n", rows[i].claim);
        CHECK_IS(attestation_key_read(bytes_of(at, n), &k), rows[i].want);
    }
    size_t n = area_of(at, RESTRICTED_SIGNER, 0x0018, 7);
    struct hash h;
    CHECK_OK(attestation_key_read(bytes_of(at, n), &k));
    hash_sha256(bytes_of(at + 2, n - 2), &h);
    CHECK(k.name[1] == 0x0b && memcmp(k.name + 2, h.at, 32) == 0);
    CHECK(k.spki[27] == 7 && k.spki[59] == 0 && k.spki[60] == 7);
    for (size_t cut = 0; cut < n; cut++) CHECK_QUIET(!ok(attestation_key_read(bytes_of(at, cut), &other)));
    at[n] = 0;
    CHECK(!ok(attestation_key_read(bytes_of(at, n + 1), &other)));
}

static struct endorse_waiting waiting(uint8_t token, uint8_t secret, int64_t until_ms)
{
    struct endorse_waiting w = { .live = true, .until_ms = until_ms };
    struct hash h;
    hash_sha256(bytes_of(&secret, 1), &h);
    memset(w.token_hash, token, 32);
    memcpy(w.secret_hash, h.at, 32);
    w.what.by.key_hash[0] = token;
    return w;
}

static outcome answer(struct endorse *e, uint8_t token, uint8_t secret, int64_t now_ms)
{
    struct endorsed what;
    uint8_t hash[32];
    memset(hash, token, sizeof hash);
    outcome o = endorse_answer(e, hash, bytes_of(&secret, 1), now_ms, &what);
    if (ok(o)) CHECK(what.by.key_hash[0] == token);
    return o;
}

static void test_answer(void)
{
    static struct endorse e;
    CHECK_IS(answer(&e, 1, 10, 0), E_DENIED); /* nothing was asked */
    e.rows[3] = waiting(1, 10, 1000);
    e.rows[4] = waiting(2, 20, 1000);
    CHECK_IS(answer(&e, 2, 10, 0), E_DENIED); /* another's secret */
    CHECK_IS(answer(&e, 2, 20, 0), E_DENIED); /* the one try is over */
    CHECK_OK(answer(&e, 1, 10, 999));
    CHECK_IS(answer(&e, 1, 10, 999), E_DENIED); /* once */
    e.rows[3] = waiting(1, 10, 1000);
    CHECK_IS(answer(&e, 1, 10, 1000), E_DENIED); /* too late */
}

/* No certificate, no question: what waits already stays. */
static void test_ask(void)
{
    static struct endorse e;
    uint8_t ak[256], token[32] = { 1 };
    struct buffer a = BUFFER(1024), b = BUFFER(1024);
    struct endorse_asked q = { .token_hash = token, .certificate = BYTES_LIT("no certificate"), .roots_pem = BYTES_NONE };
    q.ak = bytes_of(ak, area_of(ak, RESTRICTED_SIGNER, 0x0018, 7));
    CHECK_IS(endorse_ask(&e, &q, 0, &a, &b), E_MALFORMED);
    q.ak = BYTES_NONE;
    CHECK(!ok(endorse_ask(&e, &q, 0, &a, &b)));
    for (size_t i = 0; i < ENDORSE_WAITING_MAX; i++) CHECK_QUIET(!e.rows[i].live);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

int main(void)
{
    test_key();
    test_answer();
    test_ask();
    return TEST_END;
}
