#include "crypto/endorsement.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "base/test.h"
#include "crypto/openssl.h"

/* Whether a real TPM gives the secret back: tests/scenarios/genuine_test.py. */

enum flaw { NONE, NO_USE, OTHER_USE, TWO_USES, AUTHORITY, ENDED };

static EVP_PKEY *new_key(const char *curve)
{
    EVP_PKEY *k = curve ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve) : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    assert(k);
    return k;
}

static void extend(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert(e && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static X509 *make(EVP_PKEY *key, EVP_PKEY *by, const char *name, const char *issuer, enum flaw flaw)
{
    static const char *const uses[] = { [NONE] = "2.23.133.8.1", [OTHER_USE] = "clientAuth", [TWO_USES] = "2.23.133.8.1,clientAuth",
        [AUTHORITY] = "2.23.133.8.1", [ENDED] = "2.23.133.8.1" };
    X509 *x = X509_new();
    assert(x && X509_set_version(x, X509_VERSION_3) == 1 && X509_set_pubkey(x, key) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), -86400 * 2);
    X509_gmtime_adj(X509_getm_notAfter(x), flaw == ENDED ? -86400 : 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC, (const uint8_t *)issuer, -1, -1, 0);
    bool root = strcmp(name, issuer) == 0;
    extend(x, NID_basic_constraints, root || flaw == AUTHORITY ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!root && uses[flaw]) extend(x, NID_ext_key_usage, uses[flaw]);
    assert(X509_sign(x, by, EVP_sha256()) > 0);
    return x;
}

struct world {
    EVP_PKEY *maker, *stranger, *p384, *p256, *rsa;
    struct buffer roots;
};

static void world_init(struct world *w)
{
    *w = (struct world) { new_key("P-256"), new_key("P-256"), new_key("P-384"), new_key("P-256"), new_key(NULL), BUFFER(16384) };
    X509 *root = make(w->maker, w->maker, "TPM maker", "TPM maker", NONE);
    CHECK_OK(certificate_write(root, &w->roots));
    X509_free(root);
}

static size_t der_of(X509 *x, uint8_t *to)
{
    uint8_t *at = to;
    int n = i2d_X509(x, &at);
    assert(n > 0 && n < ENDORSEMENT_CERTIFICATE_MAX);
    X509_free(x);
    return (size_t)n;
}

static void test_judge(struct world *w)
{
    static const struct {
        const char *claim;
        enum flaw flaw;
        bool by_stranger;
        enum code want;
    } rows[] = {
        { "endorsed by a maker we trust", NONE, false, OK },
        { "by a stranger who took the maker's name", NONE, true, E_DENIED },
        { "no use named", NO_USE, false, E_DENIED },
        { "a certificate for something else", OTHER_USE, false, E_DENIED },
        { "and for something else besides", TWO_USES, false, E_DENIED },
        { "an authority's own", AUTHORITY, false, E_DENIED },
        { "ended", ENDED, false, E_DENIED },
    };
    uint8_t der[ENDORSEMENT_CERTIFICATE_MAX];
    struct endorsement e;
    struct bytes roots = buffer_view(&w->roots);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = der_of(make(w->p384, rows[i].by_stranger ? w->stranger : w->maker, "tpm", "TPM maker", rows[i].flaw), der);
        printf("# %s\n", rows[i].claim);
        CHECK_IS(endorsement_judge(bytes_of(der, n), roots, &e), rows[i].want);
    }
    size_t n = der_of(make(w->p384, w->maker, "tpm", "TPM maker", NONE), der);
    CHECK_OK(endorsement_judge(bytes_of(der, n), roots, &e));
    CHECK(strcmp(e.maker, "TPM maker") == 0);
    CHECK_IS(endorsement_judge(bytes_of(der, n), BYTES_NONE, &e), E_DENIED); /* nobody is trusted */
    CHECK_IS(endorsement_judge(bytes_of(der, n), BYTES_LIT("rubbish"), &e), E_DENIED);
    for (size_t cut = 0; cut < n; cut++) CHECK_QUIET(!ok(endorsement_judge(bytes_of(der, cut), roots, &e)));
    for (size_t at = 0; at < n; at++) {
        der[at] ^= 1;
        CHECK_QUIET(!ok(endorsement_judge(bytes_of(der, n), roots, &e)));
        der[at] ^= 1;
    }
    der[n] = 0;
    CHECK_IS(endorsement_judge(bytes_of(der, n + 1), roots, &e), E_MALFORMED);
}

static void test_wrap(struct world *w)
{
    static const uint8_t name[34] = { 0, 0x0b, 1, 2, 3 }, secret[32] = { 9 };
    uint8_t der[ENDORSEMENT_CERTIFICATE_MAX];
    struct buffer a = BUFFER(1024), b = BUFFER(1024), seed = BUFFER(1024);
    struct bytes n = bytes_of(name, sizeof name), s = bytes_of(secret, sizeof secret);
    size_t size = der_of(make(w->p384, w->maker, "tpm", "TPM maker", NONE), der);
    CHECK_OK(endorsement_wrap(bytes_of(der, size), n, s, &a, &seed));
    CHECK(a.n == 2 + 2 + 48 + 2 + 32 && seed.n == 2 + 2 * (2 + 48)); /* TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET */
    CHECK_OK(endorsement_wrap(bytes_of(der, size), n, s, &b, &seed));
    CHECK(!bytes_equal(buffer_view(&a), buffer_view(&b))); /* a fresh seed each time */
    a.n = seed.n = 0;
    size = der_of(make(w->rsa, w->maker, "tpm", "TPM maker", NONE), der);
    CHECK_OK(endorsement_wrap(bytes_of(der, size), n, s, &a, &seed));
    CHECK(a.n == 2 + 2 + 32 + 2 + 32 && seed.n == 2 + 256);
    CHECK_IS(endorsement_wrap(bytes_of(der, size), n, BYTES_NONE, &a, &seed), E_RANGE);
    CHECK_IS(endorsement_wrap(bytes_of(der, size), n, n, &a, &seed), E_RANGE);
    size = der_of(make(w->p256, w->maker, "tpm", "TPM maker", NONE), der);
    CHECK_IS(endorsement_wrap(bytes_of(der, size), n, s, &a, &seed), E_UNSUPPORTED);
    buffer_deinit(&a);
    buffer_deinit(&b);
    buffer_deinit(&seed);
}

int main(void)
{
    static struct world w;
    world_init(&w);
    test_judge(&w);
    test_wrap(&w);
    EVP_PKEY_free(w.maker);
    EVP_PKEY_free(w.stranger);
    EVP_PKEY_free(w.p384);
    EVP_PKEY_free(w.p256);
    EVP_PKEY_free(w.rsa);
    buffer_deinit(&w.roots);
    return TEST_END;
}
