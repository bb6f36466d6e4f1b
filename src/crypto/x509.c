/* Reading certificates and requests. What is read here is foreign: bounded before it is parsed,
 * whole or refused, and every refusal leaves the library's error queue empty. */
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <time.h>

#include "base/time.h"
#include "crypto/openssl.h"

#define DER_BYTES_MAX 16384u

static outcome x509_of_der(struct bytes der, X509 **ret)
{
    if (der.n == 0) return REFUSE(E_MALFORMED);
    if (der.n > DER_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    const uint8_t *at = der.at;
    AUTO(x509) X509 *x = d2i_X509(NULL, &at, (long)der.n);
    if (!x || at != der.at + der.n) return REFUSE_CLEAN(E_MALFORMED);
    *ret = x;
    x = NULL;
    return DONE;
}

outcome certificates_read(struct bytes pem, OSSL_LIB_CTX *library, STACK_OF(X509) **ret)
{
    AUTO(bio) BIO *bio = bio_view(pem);
    AUTO(certificates) STACK_OF(X509) *list = sk_X509_new_null();
    if (!bio) return REFUSE_CLEAN(pem.n > PEM_BYTES_MAX ? E_TOO_LARGE : E_MALFORMED);
    for (int i = 0; list && i <= CERTIFICATES_MAX; i++) {
        X509 *x = X509_new_ex(library, NULL);
        if (!x || !PEM_read_bio_X509(bio, &x, pem_no_passphrase, NULL)) {
            X509_free(x);
            break;
        }
        if (sk_X509_push(list, x) <= 0) {
            X509_free(x);
            return REFUSE_CLEAN(E_MEMORY);
        }
    }
    /* the end of the text and nothing else must have stopped it */
    unsigned long why = ERR_peek_last_error();
    bool whole = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    int n = sk_X509_num(list);
    if (n > CERTIFICATES_MAX) return REFUSE(E_TOO_LARGE);
    if (n < 1 || !whole) return REFUSE(E_MALFORMED);
    *ret = list;
    list = NULL;
    return DONE;
}

outcome certificate_write(const X509 *x, struct buffer *ret)
{
    AUTO(bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_X509(bio, (X509 *)x) != 1) return REFUSE_CLEAN(E_MEMORY);
    return bio_to_buffer(bio, ret);
}

outcome certificate_key_hash(const X509 *x, struct hash *ret)
{
    AUTO_TEXT uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    if (n <= 0) return REFUSE_CLEAN(E_MALFORMED);
    hash_sha256(bytes_of(der, (size_t)n), ret);
    return DONE;
}

static outcome time_of(const ASN1_TIME *t, int64_t *ret_ms)
{
    struct tm tm = { 0 };
    if (ASN1_TIME_to_tm(t, &tm) != 1) return REFUSE_CLEAN(E_MALFORMED);
    *ret_ms = (int64_t)timegm(&tm) * MS_S;
    return DONE;
}

/* "" when there is none; two are refused, since each reader would pick another one. */
static outcome common_name(const X509_NAME *name, char ret[65])
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    ret[0] = 0;
    if (at < 0) return DONE;
    if (X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0) return REFUSE(E_MALFORMED);
    AUTO_TEXT uint8_t *text = NULL;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (n < 0) return REFUSE_CLEAN(E_MALFORMED);
    return bytes_to_text(bytes_of(text, (size_t)n), ret, 65);
}

static void key_id_of(const ASN1_OCTET_STRING *id, uint8_t ret[8])
{
    if (id && ASN1_STRING_length(id) >= 8) memcpy(ret, ASN1_STRING_get0_data(id), 8);
}

outcome certificate_facts(const X509 *x, struct x509_facts *ret)
{
    struct x509_facts f = { 0 };
    struct hash h;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    int n = ASN1_STRING_length(serial);
    if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || n < 1 || n > (int)sizeof f.serial)
        return REFUSE(E_MALFORMED); /* RFC 5280, 4.1.2.2 */
    memcpy(f.serial, ASN1_STRING_get0_data(serial), (size_t)n);
    f.serial_n = (size_t)n;
    TRY(certificate_key_hash(x, &h));
    memcpy(f.key_hash, h.at, sizeof f.key_hash);
    TRY(time_of(X509_get0_notBefore(x), &f.not_before_ms));
    TRY(time_of(X509_get0_notAfter(x), &f.not_after_ms));
    TRY(common_name(X509_get_subject_name(x), f.common_name));
    key_id_of(X509_get0_subject_key_id((X509 *)x), f.key_id);
    key_id_of(X509_get0_authority_key_id((X509 *)x), f.by_key_id);
    *ret = f;
    return DONE;
}

outcome x509_facts_der(struct bytes der, struct x509_facts *ret)
{
    AUTO(x509) X509 *x = NULL;
    TRY(x509_of_der(der, &x));
    return certificate_facts(x, ret);
}

outcome x509_facts_pem(struct bytes pem, struct x509_facts *ret)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    TRY(certificates_read(pem, NULL, &list));
    return certificate_facts(sk_X509_value(list, 0), ret);
}

outcome x509_facts_all(struct bytes pem, struct x509_facts *ret, size_t cap, size_t *ret_n)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    TRY(certificates_read(pem, NULL, &list));
    size_t n = (size_t)sk_X509_num(list);
    if (n > cap) return REFUSE(E_TOO_LARGE);
    for (size_t i = 0; i < n; i++) TRY(certificate_facts(sk_X509_value(list, (int)i), &ret[i]));
    *ret_n = n;
    return DONE;
}

struct bytes x509_pem_but_last(struct bytes pem)
{
    static const char mark[] = "-----BEGIN CERTIFICATE-----";
    size_t last = 0;
    for (size_t at = 0; pem.n - at >= sizeof mark - 1;) {
        const uint8_t *found = memmem(pem.at + at, pem.n - at, mark, sizeof mark - 1);
        if (!found) break;
        last = (size_t)(found - pem.at);
        at = last + 1;
    }
    return bytes_of(pem.at, last);
}

outcome x509_pem_key_hash(struct bytes pem, struct hash *ret)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    TRY(certificates_read(pem, NULL, &list));
    return certificate_key_hash(sk_X509_value(list, 0), ret);
}

outcome x509_pem_key(struct bytes pem, struct buffer *ret)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    AUTO_TEXT uint8_t *der = NULL;
    TRY(certificates_read(pem, NULL, &list));
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(sk_X509_value(list, 0)), &der);
    return n > 0 ? buffer_put(ret, bytes_of(der, (size_t)n)) : REFUSE_CLEAN(E_MALFORMED);
}

outcome x509_pem_signed_by(struct bytes pem, const struct key *by)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    TRY(certificates_read(pem, NULL, &list));
    return X509_verify(sk_X509_value(list, 0), by->pkey) == 1 ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

outcome x509_der_to_pem(struct bytes der, struct buffer *ret)
{
    AUTO(x509) X509 *x = NULL;
    TRY(x509_of_der(der, &x));
    return certificate_write(x, ret);
}

/* SHA-1 and MD5 are not signatures any more; RSA-PSS in a request is not something we do. */
static bool digest_is_good(int signature_nid)
{
    int digest = 0, key = 0;
    if (OBJ_find_sigid_algs(signature_nid, &digest, &key) != 1) return false;
    return key == NID_ED25519 || digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512;
}

outcome x509_request_read(struct bytes der, struct buffer *ret_spki, char ret_cn[65])
{
    char cn[65];
    if (der.n == 0) return REFUSE(E_MALFORMED);
    if (der.n > DER_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    const uint8_t *at = der.at;
    AUTO(req) X509_REQ *r = d2i_X509_REQ(NULL, &at, (long)der.n);
    if (!r || at != der.at + der.n) return REFUSE_CLEAN(E_MALFORMED);
    EVP_PKEY *key = X509_REQ_get0_pubkey(r);
    if (!key) return REFUSE_CLEAN(E_UNSUPPORTED);
    TRY(key_policy_certificate(key));
    if (!digest_is_good(X509_REQ_get_signature_nid(r))) return REFUSE(E_UNSUPPORTED);
    if (X509_REQ_verify(r, key) != 1) return REFUSE_CLEAN(E_CRYPTO);
    TRY(common_name(X509_REQ_get_subject_name(r), cn));
    AUTO_TEXT uint8_t *spki = NULL;
    int n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(r), &spki);
    if (n <= 0) return REFUSE_CLEAN(E_MEMORY);
    TRY(buffer_put(ret_spki, bytes_of(spki, (size_t)n)));
    memcpy(ret_cn, cn, sizeof cn);
    return DONE;
}

/* RFC 2315, 9.1 with no signers: how EST carries certificates (RFC 7030, 4.1.3). */
outcome x509_pkcs7_from_pem(struct bytes pem, struct buffer *ret)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    TRY(certificates_read(pem, NULL, &list));
    PKCS7 *p = PKCS7_new();
    bool good = p && PKCS7_set_type(p, NID_pkcs7_signed) == 1 && PKCS7_content_new(p, NID_pkcs7_data) == 1
        && PKCS7_set_detached(p, 1) >= 0;
    for (int i = 0; good && i < sk_X509_num(list); i++)
        good = PKCS7_add_certificate(p, sk_X509_value(list, i)) == 1;
    AUTO_TEXT uint8_t *der = NULL;
    int n = good ? i2d_PKCS7(p, &der) : -1;
    PKCS7_free(p);
    if (n <= 0) return REFUSE_CLEAN(E_MEMORY);
    return buffer_put(ret, bytes_of(der, (size_t)n));
}

static outcome pkcs7_write_pem(const PKCS7 *p, struct buffer *ret)
{
    if (!PKCS7_type_is_signed(p) || !p->d.sign) return REFUSE(E_UNSUPPORTED);
    const STACK_OF(X509) *list = p->d.sign->cert;
    if (sk_X509_num(list) < 1) return REFUSE(E_MISSING);
    if (sk_X509_num(list) > CERTIFICATES_MAX) return REFUSE(E_TOO_LARGE);
    for (int i = 0; i < sk_X509_num(list); i++) TRY(certificate_write(sk_X509_value(list, i), ret));
    return DONE;
}

outcome x509_pkcs7_to_pem(struct bytes der, struct buffer *ret)
{
    if (der.n == 0) return REFUSE(E_MALFORMED);
    if (der.n > PEM_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    const uint8_t *at = der.at;
    PKCS7 *p = d2i_PKCS7(NULL, &at, (long)der.n);
    outcome o = p && at == der.at + der.n ? pkcs7_write_pem(p, ret) : REFUSE_CLEAN(E_MALFORMED);
    PKCS7_free(p);
    return o;
}
