/* What we sign is read back by the library's own verifier, and every change of it is found. */
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "base/test.h"
#include "base/time.h"
#include "crypto/init.h"
#include "crypto/openssl.h"

static struct key *root, *issuing, *other;
static struct buffer root_pem = BUFFER(8192), issuing_pem = BUFFER(8192), other_pem = BUFFER(8192);

static X509 *first(const struct buffer *pem)
{
    STACK_OF(X509) *list = NULL;
    CHECK_OK(certificates_read(buffer_view(pem), NULL, &list));
    X509 *x = sk_X509_shift(list);
    sk_X509_pop_free(list, X509_free);
    return x;
}

static struct x509_status row(uint8_t n, enum x509_state state, uint8_t reason)
{
    return (struct x509_status) { .serial = { 0x40, n }, .serial_n = 2, .state = state, .reason = reason, .at_ms = 1700000000000 };
}

static void list(void)
{
    const struct x509_status rows[] = { row(9, STATUS_REVOKED, 0), row(2, STATUS_GOOD, 0), row(7, STATUS_REVOKED, 1) };
    struct x509_report r = { 1800000000123, 1800086400123, rows, 3, BYTES_NONE };
    struct buffer der = BUFFER(65536);
    CHECK_OK(x509_make_crl(issuing, buffer_view(&issuing_pem), &r, &der));
    const uint8_t *p = der.at;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.n);
    X509 *issuer = first(&issuing_pem), *foreign = first(&other_pem);
    CHECK(crl && p == der.at + der.n);
    CHECK(X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1 && X509_CRL_verify(crl, X509_get0_pubkey(foreign)) != 1);
    CHECK(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) == 2);
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    int64_t n = 0;
    CHECK(number && ASN1_INTEGER_get_int64(&n, number) == 1 && n == 1800000000123);
    ASN1_INTEGER_free(number);
    X509_CRL_free(crl);
    X509_free(issuer), X509_free(foreign);
    buffer_deinit(&der);
    CHECK_IS(x509_make_crl(other, buffer_view(&issuing_pem), &r, &der), E_CRYPTO);
    const struct x509_status bad[] = { { .serial_n = 0, .state = STATUS_REVOKED }, { .serial = { 1 }, .serial_n = 21, .state = STATUS_REVOKED },
        { .serial = { 1 }, .serial_n = 1, .state = STATUS_REVOKED, .reason = 11 }, { .serial = { 1 }, .serial_n = 1, .state = STATUS_REVOKED, .at_ms = -1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r.rows = &bad[i], r.n = 1;
        CHECK_IS(x509_make_crl(issuing, buffer_view(&issuing_pem), &r, &der), E_RANGE);
    }
}

/* A question as a third party's program would write it. */
static size_t ask(const struct buffer *issuer_pem, const EVP_MD *md, unsigned n, const uint8_t *nonce, uint8_t *ret)
{
    X509 *issuer = first(issuer_pem);
    OCSP_REQUEST *q = OCSP_REQUEST_new();
    for (unsigned i = 0; i < n; i++) {
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        CHECK_QUIET(ASN1_INTEGER_set_int64(serial, 0x4000 + (int64_t)i) == 1);
        CHECK_QUIET(OCSP_request_add0_id(q, OCSP_cert_id_new(md, X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer), serial)) != NULL);
        ASN1_INTEGER_free(serial);
    }
    if (nonce) CHECK_QUIET(OCSP_request_add1_nonce(q, (uint8_t *)nonce, 16) == 1);
    uint8_t *to = ret;
    int size = i2d_OCSP_REQUEST(q, &to);
    OCSP_REQUEST_free(q);
    X509_free(issuer);
    return size > 0 ? (size_t)size : 0;
}

static void questions(void)
{
    static const uint8_t nonce[16] = "0123456789abcde";
    uint8_t der[4096];
    struct x509_question q;
    struct buffer both = BUFFER(16384);
    CHECK_OK(buffer_put(&both, buffer_view(&issuing_pem)));
    CHECK_OK(buffer_put(&both, buffer_view(&other_pem)));
    size_t n = ask(&other_pem, EVP_sha1(), 2, nonce, der);
    CHECK_OK(x509_ocsp_read(bytes_of(der, n), buffer_view(&both), &q));
    CHECK(q.authority == 1 && q.n == 2 && q.nonce_n == 16 && memcmp(q.nonce, nonce, 16) == 0 && !q.rows[0].sha256);
    CHECK(q.rows[1].serial_n == 2 && q.rows[1].serial[0] == 0x40 && q.rows[1].serial[1] == 1);
    for (size_t cut = 0; cut < n; cut++) CHECK_QUIET(!ok(x509_ocsp_read(bytes_of(der, cut), buffer_view(&both), &q)));
    CHECK_IS(x509_ocsp_read(bytes_of(der, n), buffer_view(&issuing_pem), &q), E_UNKNOWN);
    for (size_t i = 0; i < n; i++) { /* any answer, no fault */
        der[i] ^= 0x55;
        outcome o = x509_ocsp_read(bytes_of(der, n), buffer_view(&both), &q);
        CHECK_QUIET(!ok(o) || q.n <= X509_QUESTIONS);
        der[i] ^= 0x55;
    }
    n = ask(&issuing_pem, EVP_sha256(), 1, NULL, der);
    CHECK_OK(x509_ocsp_read(bytes_of(der, n), buffer_view(&both), &q));
    CHECK(q.authority == 0 && q.rows[0].sha256 && q.nonce_n == 0);
    n = ask(&issuing_pem, EVP_sha384(), 1, NULL, der);
    CHECK_IS(x509_ocsp_read(bytes_of(der, n), buffer_view(&both), &q), E_UNSUPPORTED);
    n = ask(&issuing_pem, EVP_sha1(), X509_QUESTIONS + 1, NULL, der);
    CHECK_IS(x509_ocsp_read(bytes_of(der, n), buffer_view(&both), &q), E_TOO_LARGE);
    n = ask(&issuing_pem, EVP_sha1(), 0, NULL, der);
    CHECK_IS(x509_ocsp_read(bytes_of(der, n), buffer_view(&both), &q), E_MALFORMED);
    buffer_deinit(&both);
}

static void answers(void)
{
    struct x509_status rows[] = { row(1, STATUS_GOOD, 0), row(2, STATUS_REVOKED, 4), row(3, STATUS_UNKNOWN, 0) };
    static const uint8_t nonce[] = "abc";
    struct x509_report r = { 1800000000000, 1800003600000, rows, 3, bytes_of(nonce, 3) };
    struct buffer der = BUFFER(65536);
    rows[2].sha256 = true;
    CHECK_OK(x509_make_ocsp(issuing, buffer_view(&issuing_pem), &r, &der));
    const uint8_t *p = der.at;
    OCSP_RESPONSE *whole = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
    OCSP_BASICRESP *basic = whole ? OCSP_response_get1_basic(whole) : NULL;
    X509_STORE *store = X509_STORE_new();
    X509 *anchor = first(&root_pem), *foreign = first(&other_pem);
    CHECK(basic && X509_STORE_add_cert(store, anchor) == 1 && OCSP_basic_verify(basic, NULL, store, 0) == 1);
    static const int want[] = { V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_UNKNOWN };
    for (int i = 0; i < 3; i++) {
        int reason = -1, state = OCSP_single_get0_status(OCSP_resp_get0(basic, i), &reason, NULL, NULL, NULL);
        CHECK(state == want[i] && (i != 1 || reason == 4));
    }
    X509_STORE *strange = X509_STORE_new();
    CHECK(X509_STORE_add_cert(strange, foreign) == 1 && OCSP_basic_verify(basic, NULL, strange, 0) != 1);
    ERR_clear_error();
    X509_STORE_free(store), X509_STORE_free(strange);
    X509_free(anchor), X509_free(foreign);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(whole);
    buffer_deinit(&der);
    r.n = 0;
    CHECK_IS(x509_make_ocsp(issuing, buffer_view(&issuing_pem), &r, &der), E_RANGE);
}

int main(void)
{
    CHECK_OK(crypto_init());
    CHECK_OK(key_new(KEY_P256, &root));
    CHECK_OK(key_new(KEY_P256, &issuing));
    CHECK_OK(key_new(KEY_P256, &other));
    CHECK_OK(x509_make_root(root, "water", 20, &root_pem));
    CHECK_OK(x509_make_issuing(root, buffer_view(&root_pem), issuing, "water", 5, &issuing_pem));
    CHECK_OK(x509_make_root(other, "water", 20, &other_pem));
    list();
    questions();
    answers();
    key_free(root), key_free(issuing), key_free(other);
    buffer_deinit(&root_pem), buffer_deinit(&issuing_pem), buffer_deinit(&other_pem);
    return TEST_END;
}
