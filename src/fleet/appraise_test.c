#include "fleet/appraise.h"

#include <unistd.h>

#include "base/test.h"
#include "fleet/quote.h"
#include "fleet/quote_vectors.h"

struct raw {
    uint8_t at[256];
    size_t n;
};

static struct raw raw_of(const char *hex)
{
    struct raw r = { .n = strlen(hex) / 2 };
    CHECK_QUIET(ok(hex_to(bytes_str(hex), r.at, r.n)));
    return r;
}

static struct identity device(void)
{
    struct identity who = { .id = "gw-02", .has_ak = true };
    struct raw spki = raw_of(vector_ak_spki);
    memcpy(who.ak_spki, spki.at, spki.n);
    who.ak_spki_n = spki.n;
    return who;
}

static struct reference good_reference(void)
{
    struct reference r = { .model = "gateway", .version = "1.4", .n = 1 };
    r.rows[0].pcr = 8;
    CHECK_QUIET(ok(hex_to(bytes_str(VECTOR_PCR8), r.rows[0].value, 32)));
    return r;
}

static size_t evidence(const struct raw *quote, const struct raw *signature, char *to, size_t cap)
{
    char q[512], s[512];
    base64_of(bytes_of(quote->at, quote->n), q);
    base64_of(bytes_of(signature->at, signature->n), s);
    return (size_t)snprintf(to, cap,
        "{\"nonce\":\"%s\",\"quote\":\"%s\",\"signature\":\"%s\",\"pcrs\":{\"8\":\"%s\"},\"version\":\"1.4\"}",
        VECTOR_NONCE, q, s, VECTOR_PCR8);
}

static enum appraisal judge(const struct identity *who, const struct raw *quote, const struct raw *signature,
    const struct reference *r, size_t n)
{
    char json[2048];
    uint8_t nonce[32];
    struct appraised a;
    size_t json_n = evidence(quote, signature, json, sizeof json);
    CHECK_QUIET(ok(hex_to(bytes_str(VECTOR_NONCE), nonce, 32)));
    appraise(who, bytes_of(json, json_n), nonce, r, n, &a);
    return a.result;
}

/* N53: another key, another bank, other PCRs; below, an old nonce and a reset counter that fell. */
static void test_rows(void)
{
    struct reference good = good_reference(), wrong = good, both = good;
    wrong.rows[0].value[31] ^= 1;
    both.n = 2;
    both.rows[1].pcr = 9; /* never extended: zeros */
    const struct {
        const char *claim, *quote, *signature;
        const struct reference *reference;
        size_t n;
        enum appraisal want;
    } rows[] = {
        { "the release's own quote", vector_good_quote, vector_good_signature, &good, 1, APPRAISE_GOOD },
        { "two PCRs, both expected", vector_two_quote, vector_two_signature, &both, 1, APPRAISE_GOOD },
        { "no reference", vector_good_quote, vector_good_signature, NULL, 0, APPRAISE_NO_REFERENCE },
        { "reference of another image", vector_good_quote, vector_good_signature, &wrong, 1, APPRAISE_PCR },
        { "PCR extended further", vector_changed_quote, vector_changed_signature, &good, 1, APPRAISE_PCR },
        { "more PCRs than expected", vector_two_quote, vector_two_signature, &good, 1, APPRAISE_SELECTION },
        { "fewer PCRs than expected", vector_good_quote, vector_good_signature, &both, 1, APPRAISE_SELECTION },
        { "SHA-1 bank", vector_sha1_quote, vector_sha1_signature, &good, 1, APPRAISE_SELECTION },
        { "another key's quote", vector_other_quote, vector_other_signature, &good, 1, APPRAISE_SIGNATURE },
        { "another quote's signature", vector_good_quote, vector_two_signature, &good, 1, APPRAISE_SIGNATURE },
    };
    struct identity who = device();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw q = raw_of(rows[i].quote), s = raw_of(rows[i].signature);
        enum appraisal got = judge(&who, &q, &s, rows[i].reference, rows[i].n);
        printf("# %s: %s\n", rows[i].claim, appraisal_word(got));
        CHECK(got == rows[i].want);
    }
    struct raw q = raw_of(vector_good_quote), s = raw_of(vector_good_signature);
    struct reference several[] = { wrong, both, good };
    CHECK(judge(&who, &q, &s, several, 3) == APPRAISE_GOOD);
    who.has_ak = false;
    CHECK(judge(&who, &q, &s, &good, 1) == APPRAISE_NO_KEY);
}

/* Every bit of what the TPM made counts, and every prefix is refused. */
static void test_changed(void)
{
    struct identity who = device();
    struct reference good = good_reference();
    struct raw q = raw_of(vector_good_quote), s = raw_of(vector_good_signature);
    size_t accepted = 0, tried = 0;
    for (size_t i = 0; i < q.n * 8; i++, tried++) {
        struct raw bad = q;
        bad.at[i / 8] ^= (uint8_t)(1u << (i % 8));
        accepted += judge(&who, &bad, &s, &good, 1) == APPRAISE_GOOD;
    }
    for (size_t i = 0; i < s.n * 8; i++, tried++) {
        struct raw bad = s;
        bad.at[i / 8] ^= (uint8_t)(1u << (i % 8));
        accepted += judge(&who, &q, &bad, &good, 1) == APPRAISE_GOOD;
    }
    for (size_t n = 0; n < q.n; n++, tried++) {
        struct raw bad = q;
        bad.n = n;
        accepted += judge(&who, &bad, &s, &good, 1) == APPRAISE_GOOD;
    }
    for (size_t n = 0; n < s.n; n++, tried++) {
        struct raw bad = s;
        bad.n = n;
        accepted += judge(&who, &q, &bad, &good, 1) == APPRAISE_GOOD;
    }
    printf("# %zu changed quotes, %zu accepted\n", tried, accepted);
    CHECK(tried > 1900 && accepted == 0);
    for (size_t i = 0; i < 32; i++) {
        struct reference other = good;
        other.rows[0].value[i] ^= 0x80;
        CHECK_QUIET(judge(&who, &q, &s, &other, 1) == APPRAISE_PCR);
    }
}

static void test_nonce_and_fields(void)
{
    struct identity who = device();
    struct reference good = good_reference();
    struct raw q = raw_of(vector_good_quote), s = raw_of(vector_good_signature);
    char json[2048];
    uint8_t nonce[32];
    struct appraised a;
    size_t n = evidence(&q, &s, json, sizeof json);
    CHECK_OK(hex_to(bytes_str(VECTOR_NONCE), nonce, 32));
    appraise(&who, bytes_of(json, n), nonce, &good, 1, &a);
    CHECK(a.result == APPRAISE_GOOD);
    CHECK(strcmp(a.version, "1.4") == 0 && a.clock == 0x2be);
    CHECK(a.reset_count == 0x9946d8dc && a.restart_count == 0x5a1377f4);
    for (size_t i = 0; i < 32; i++) {
        uint8_t other[32];
        memcpy(other, nonce, 32);
        other[i] ^= 1;
        struct appraised b;
        appraise(&who, bytes_of(json, n), other, &good, 1, &b);
        CHECK_QUIET(b.result == APPRAISE_NONCE && b.version[0] == 0);
    }
    struct appraised later = a;
    later.reset_count++;
    appraise_after(&a, &later);
    CHECK(later.result == APPRAISE_GOOD);
    later.reset_count = a.reset_count - 1;
    appraise_after(&a, &later);
    CHECK(later.result == APPRAISE_RESET);
}

static void test_malformed(void)
{
    struct identity who = device();
    uint8_t nonce[32] = { 0 };
    static const char *const bad[] = { "", "{", "[]", "null", "{}", "{\"quote\":1,\"signature\":2}",
        "{\"quote\":\"\",\"signature\":\"\"}", "{\"quote\":\"////\",\"signature\":\"AAAA\"}",
        "{\"quote\":\"not base64 at all!\",\"signature\":\"AAAA\"}" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct appraised a;
        appraise(&who, bytes_str(bad[i]), nonce, NULL, 0, &a);
        CHECK(a.result == APPRAISE_MALFORMED);
    }
    static uint8_t big[10000];
    memset(big, ' ', sizeof big);
    struct appraised a;
    appraise(&who, bytes_of(big, sizeof big), nonce, NULL, 0, &a);
    CHECK(a.result == APPRAISE_MALFORMED);
}

static outcome read_text(const char *json, struct reference *ret)
{
    struct arena a = ARENA(1 << 16);
    struct doc *d = NULL;
    outcome o = doc_read_json(bytes_str(json), &a, &d);
    if (ok(o)) o = reference_read(d, ret);
    arena_deinit(&a);
    return o;
}

static void test_reference(void)
{
    struct reference r;
    CHECK_OK(read_text("{\"model\":\"gateway\",\"version\":\"1.4\",\"pcrs\":{\"9\":\"" VECTOR_PCR8
                       "\",\"8\":\"" VECTOR_NONCE "\"}}", &r));
    CHECK(r.n == 2 && r.rows[0].pcr == 8 && r.rows[1].pcr == 9); /* the TPM's order, not the file's */
    CHECK(r.rows[1].value[0] == 0x09 && strcmp(r.model, "gateway") == 0);
    CHECK_IS(read_text("{\"version\":\"1\",\"pcrs\":{\"8\":\"" VECTOR_PCR8 "\"}}", &r), E_MALFORMED);
    CHECK_IS(read_text("{\"model\":\"g\",\"version\":\"1\",\"pcrs\":{}}", &r), E_MALFORMED);
    CHECK_IS(read_text("{\"model\":\"g\",\"version\":\"1\",\"pcrs\":{\"24\":\"" VECTOR_PCR8 "\"}}", &r), E_RANGE);
    CHECK_IS(read_text("{\"model\":\"g\",\"version\":\"1\",\"pcrs\":{\"08\":\"" VECTOR_PCR8 "\"}}", &r), E_MALFORMED);
    CHECK(!ok(read_text("{\"model\":\"g\",\"version\":\"1\",\"pcrs\":{\"8\":\"ab\"}}", &r)));

    char path[] = "/tmp/sekimori-image-XXXXXX", hex[65];
    int fd = mkstemp(path);
    uint8_t value[32];
    CHECK(fd >= 0 && write(fd, VECTOR_IMAGE, sizeof VECTOR_IMAGE - 1) == (ssize_t)sizeof VECTOR_IMAGE - 1);
    CHECK_OK(reference_from_file(path, value));
    hex_of(bytes_of(value, 32), hex);
    CHECK(strcmp(hex, VECTOR_PCR8) == 0); /* what the TPM itself computed */
    close(fd);
    unlink(path);
    CHECK(!ok(reference_from_file(path, value)));
}

static void test_signature_form(void)
{
    uint8_t der[QUOTE_DER_MAX];
    size_t n = 0;
    struct raw top = raw_of("0018000b0002ff010001" "7f");
    CHECK_OK(quote_signature_der(bytes_of(top.at, top.n), der, &n));
    char hex[2 * QUOTE_DER_MAX + 1];
    hex_of(bytes_of(der, n), hex);
    CHECK(strcmp(hex, "3008020300ff0102017f") == 0);
    struct raw zeros = raw_of("0018000b0003000001" "00020000");
    CHECK_OK(quote_signature_der(bytes_of(zeros.at, zeros.n), der, &n));
    hex_of(bytes_of(der, n), hex);
    CHECK(strcmp(hex, "3006020101020100") == 0);
    static const char *const bad[] = { "0014000b000101000101", "0018000400010100" "0101", "0018000b00000001" "01",
        "0018000b00010100010100" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct raw b = raw_of(bad[i]);
        CHECK(!ok(quote_signature_der(bytes_of(b.at, b.n), der, &n)));
    }
}

int main(void)
{
    test_rows();
    test_changed();
    test_nonce_and_fields();
    test_malformed();
    test_reference();
    test_signature_form();
    return TEST_END;
}
