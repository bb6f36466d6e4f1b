/* Revocation lists and OCSP: what we sign is made of our own rows; of a question only serials and a nonce are taken. */
#include <limits.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "base/time.h"
#include "crypto/openssl.h"

AUTO_OF(crl, X509_CRL, X509_CRL_free)
AUTO_OF(revoked, X509_REVOKED, X509_REVOKED_free)
AUTO_OF(basic, OCSP_BASICRESP, OCSP_BASICRESP_free)
AUTO_OF(answer, OCSP_RESPONSE, OCSP_RESPONSE_free)
AUTO_OF(request, OCSP_REQUEST, OCSP_REQUEST_free)
AUTO_OF(cert_id, OCSP_CERTID, OCSP_CERTID_free)
AUTO_OF(integer, ASN1_INTEGER, ASN1_INTEGER_free)
AUTO_OF(time, ASN1_TIME, ASN1_TIME_free)

enum { REASON_LAST = 10 };

static outcome serial_make(const struct x509_status *s, ASN1_INTEGER **ret)
{
    if (s->serial_n < 1 || s->serial_n > sizeof s->serial || s->reason > REASON_LAST || s->at_ms < 0) return REFUSE(E_RANGE);
    BIGNUM *number = BN_bin2bn(s->serial, s->serial_n, NULL);
    *ret = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    BN_free(number);
    return *ret ? DONE : REFUSE_CLEAN(E_MEMORY);
}

static outcome time_make(int64_t ms, ASN1_TIME **ret)
{
    if (ms < 0) return REFUSE(E_RANGE);
    *ret = ASN1_TIME_set(NULL, (time_t)(ms / MS_S));
    return *ret ? DONE : REFUSE_CLEAN(E_MEMORY);
}

static outcome issuer_read(const struct key *issuing, struct bytes pem, STACK_OF(X509) **ret)
{
    if (!issuing->private) return REFUSE(E_DENIED);
    TRY(certificates_read(pem, NULL, ret));
    return X509_check_private_key(sk_X509_value(*ret, 0), issuing->pkey) == 1 ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

/* ---- the list ---- */

static outcome crl_row(X509_CRL *crl, const struct x509_status *s)
{
    AUTO(revoked) X509_REVOKED *row = X509_REVOKED_new();
    AUTO(integer) ASN1_INTEGER *serial = NULL;
    AUTO(time) ASN1_TIME *at = NULL;
    TRY(serial_make(s, &serial));
    TRY(time_make(s->at_ms, &at));
    if (!row || X509_REVOKED_set_serialNumber(row, serial) != 1 || X509_REVOKED_set_revocationDate(row, at) != 1) return REFUSE_CLEAN(E_MEMORY);
    if (s->reason) {
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
        bool good = reason && ASN1_ENUMERATED_set(reason, s->reason) == 1 && X509_REVOKED_add1_ext_i2d(row, NID_crl_reason, reason, 0, 0) == 1;
        ASN1_ENUMERATED_free(reason);
        if (!good) return REFUSE_CLEAN(E_MEMORY);
    }
    if (X509_CRL_add0_revoked(crl, row) != 1) return REFUSE_CLEAN(E_MEMORY);
    row = NULL;
    return DONE;
}

/* RFC 5280, 5.2.1 and 5.2.3: whose, and which of them: its time in milliseconds never falls. */
static outcome crl_extend(X509_CRL *crl, const X509 *issuer, int64_t number)
{
    AUTHORITY_KEYID *by = AUTHORITY_KEYID_new();
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id((X509 *)issuer);
    if (by && id) by->keyid = ASN1_OCTET_STRING_dup(id);
    bool good = by && by->keyid && X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, by, 0, 0) == 1;
    AUTHORITY_KEYID_free(by);
    AUTO(integer) ASN1_INTEGER *n = ASN1_INTEGER_new();
    good = good && n && ASN1_INTEGER_set_int64(n, number) == 1 && X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) == 1;
    return good ? DONE : REFUSE_CLEAN(E_MEMORY);
}

outcome x509_make_crl(const struct key *issuing, struct bytes issuing_pem, const struct x509_report *r, struct buffer *ret)
{
    AUTO(certificates) STACK_OF(X509) *issuers = NULL;
    AUTO(crl) X509_CRL *crl = X509_CRL_new();
    AUTO(time) ASN1_TIME *at = NULL;
    AUTO(time) ASN1_TIME *next = NULL;
    TRY(issuer_read(issuing, issuing_pem, &issuers));
    const X509 *issuer = sk_X509_value(issuers, 0);
    TRY(time_make(r->at_ms, &at));
    TRY(time_make(r->next_ms, &next));
    if (!crl || X509_CRL_set_version(crl, 1) != 1 || X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) != 1
        || X509_CRL_set1_lastUpdate(crl, at) != 1 || X509_CRL_set1_nextUpdate(crl, next) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    for (size_t i = 0; i < r->n; i++)
        if (r->rows[i].state == STATUS_REVOKED) TRY(crl_row(crl, &r->rows[i]));
    TRY(crl_extend(crl, issuer, r->at_ms));
    X509_CRL_sort(crl);
    if (X509_CRL_sign(crl, issuing->pkey, key_digest(issuing->pkey)) <= 0) return REFUSE_CLEAN(E_CRYPTO);
    AUTO_TEXT uint8_t *der = NULL;
    int n = i2d_X509_CRL(crl, &der);
    return n > 0 ? buffer_put(ret, bytes_of(der, (size_t)n)) : REFUSE_CLEAN(E_MEMORY);
}

/* ---- the answer ---- */

static outcome ocsp_row(OCSP_BASICRESP *basic, const X509 *issuer, const struct x509_status *s, ASN1_TIME *const times[2])
{
    static const int states[STATUS_STATES] = { V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_UNKNOWN };
    AUTO(integer) ASN1_INTEGER *serial = NULL;
    AUTO(time) ASN1_TIME *at = NULL;
    if ((unsigned)s->state >= STATUS_STATES) return REFUSE(E_RANGE);
    TRY(serial_make(s, &serial));
    TRY(time_make(s->at_ms, &at));
    AUTO(cert_id) OCSP_CERTID *id = OCSP_cert_id_new(s->sha256 ? EVP_sha256() : EVP_sha1(), X509_get_subject_name(issuer),
        X509_get0_pubkey_bitstr(issuer), serial);
    bool good = id && OCSP_basic_add1_status(basic, id, states[s->state], s->reason ? s->reason : -1,
        s->state == STATUS_REVOKED ? at : NULL, times[0], times[1]);
    return good ? DONE : REFUSE_CLEAN(E_MEMORY);
}

outcome x509_make_ocsp(const struct key *issuing, struct bytes issuing_pem, const struct x509_report *r, struct buffer *ret)
{
    AUTO(certificates) STACK_OF(X509) *issuers = NULL;
    AUTO(basic) OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    AUTO(time) ASN1_TIME *at = NULL;
    AUTO(time) ASN1_TIME *next = NULL;
    if (r->n < 1 || r->n > X509_QUESTIONS || r->nonce.n > X509_NONCE_MAX) return REFUSE(E_RANGE);
    TRY(issuer_read(issuing, issuing_pem, &issuers));
    X509 *issuer = sk_X509_value(issuers, 0);
    TRY(time_make(r->at_ms, &at));
    TRY(time_make(r->next_ms, &next));
    if (!basic) return REFUSE_CLEAN(E_MEMORY);
    for (size_t i = 0; i < r->n; i++) TRY(ocsp_row(basic, issuer, &r->rows[i], (ASN1_TIME *[]) { at, next }));
    if (r->nonce.n && OCSP_basic_add1_nonce(basic, (uint8_t *)r->nonce.at, (int)r->nonce.n) != 1) return REFUSE_CLEAN(E_MEMORY);
    if (OCSP_basic_sign(basic, issuer, issuing->pkey, key_digest(issuing->pkey), NULL, OCSP_RESPID_KEY) != 1) return REFUSE_CLEAN(E_CRYPTO);
    AUTO(answer) OCSP_RESPONSE *whole = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    AUTO_TEXT uint8_t *der = NULL;
    int n = whole ? i2d_OCSP_RESPONSE(whole, &der) : -1;
    return n > 0 ? buffer_put(ret, bytes_of(der, (size_t)n)) : REFUSE_CLEAN(E_MEMORY);
}

/* ---- the question ---- */

/* Which of our issuers an id names: E_UNKNOWN none of them. */
static outcome issuer_of(const OCSP_CERTID *id, const STACK_OF(X509) *issuers, const EVP_MD *md, unsigned *ret)
{
    for (int i = 0; i < sk_X509_num(issuers); i++) {
        AUTO(cert_id) OCSP_CERTID *own = OCSP_cert_to_id(md, NULL, sk_X509_value(issuers, i));
        if (!own) return REFUSE_CLEAN(E_MEMORY);
        if (OCSP_id_issuer_cmp(own, id) != 0) continue;
        *ret = (unsigned)i;
        return DONE;
    }
    return REFUSE_CLEAN(E_UNKNOWN);
}

static outcome row_read(OCSP_CERTID *id, const STACK_OF(X509) *issuers, struct x509_status *ret, unsigned *ret_authority)
{
    ASN1_OBJECT *algorithm = NULL;
    ASN1_INTEGER *serial = NULL;
    if (OCSP_id_get0_info(NULL, &algorithm, NULL, &serial, id) != 1) return REFUSE_CLEAN(E_MALFORMED);
    int nid = OBJ_obj2nid(algorithm), n = ASN1_STRING_length(serial);
    if (nid != NID_sha1 && nid != NID_sha256) return REFUSE(E_UNSUPPORTED);
    if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || n < 1 || n > (int)sizeof ret->serial) return REFUSE(E_MALFORMED);
    memcpy(ret->serial, ASN1_STRING_get0_data(serial), (size_t)n);
    ret->serial_n = (uint8_t)n;
    ret->sha256 = nid == NID_sha256;
    return issuer_of(id, issuers, ret->sha256 ? EVP_sha256() : EVP_sha1(), ret_authority);
}

/* The extension holds an OCTET STRING within its own (RFC 8954, 2.1). */
static outcome nonce_read(OCSP_REQUEST *r, struct x509_question *q)
{
    int at = OCSP_REQUEST_get_ext_by_NID(r, NID_id_pkix_OCSP_Nonce, -1);
    if (at < 0) return DONE;
    const ASN1_OCTET_STRING *raw = X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(r, at));
    const uint8_t *p = ASN1_STRING_get0_data(raw);
    ASN1_OCTET_STRING *inner = d2i_ASN1_OCTET_STRING(NULL, &p, ASN1_STRING_length(raw));
    int n = inner ? ASN1_STRING_length(inner) : -1;
    bool good = n >= 1 && n <= X509_NONCE_MAX;
    if (good) memcpy(q->nonce, ASN1_STRING_get0_data(inner), (size_t)n);
    if (good) q->nonce_n = (size_t)n;
    ASN1_OCTET_STRING_free(inner);
    return good ? DONE : REFUSE_CLEAN(E_MALFORMED);
}

outcome x509_ocsp_read(struct bytes der, struct bytes issuers_pem, struct x509_question *ret)
{
    AUTO(certificates) STACK_OF(X509) *issuers = NULL;
    struct x509_question q = { 0 };
    if (der.n == 0) return REFUSE(E_MALFORMED);
    if (der.n > X509_QUESTION_MAX) return REFUSE(E_TOO_LARGE);
    TRY(certificates_read(issuers_pem, NULL, &issuers));
    const uint8_t *p = der.at;
    AUTO(request) OCSP_REQUEST *r = d2i_OCSP_REQUEST(NULL, &p, (long)der.n);
    if (!r || p != der.at + der.n) return REFUSE_CLEAN(E_MALFORMED);
    int n = OCSP_request_onereq_count(r);
    if (n < 1) return REFUSE(E_MALFORMED);
    if (n > X509_QUESTIONS) return REFUSE(E_TOO_LARGE);
    for (int i = 0; i < n; i++) {
        unsigned authority = 0;
        TRY(row_read(OCSP_onereq_get0_id(OCSP_request_onereq_get0(r, i)), issuers, &q.rows[q.n++], &authority));
        if (i && authority != q.authority) return REFUSE(E_UNSUPPORTED);
        q.authority = authority;
    }
    TRY(nonce_read(r, &q));
    *ret = q;
    return DONE;
}

outcome x509_pem_of(const char *label, struct bytes der, struct buffer *ret)
{
    AUTO(bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || der.n > INT_MAX || PEM_write_bio(bio, label, "", der.at, (long)der.n) <= 0) return REFUSE_CLEAN(E_MEMORY);
    return bio_to_buffer(bio, ret);
}
