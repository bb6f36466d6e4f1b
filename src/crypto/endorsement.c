#include "crypto/endorsement.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "crypto/openssl.h"

enum { DIGEST_MAX = 48, POINT_MAX = 1 + 2 * 48, SEED_MAX = 512, SECRET_MAX = 32, ROOTS_MAX = 1024 };

/* ---- the chain ---- */

static X509 *certificate_of(struct bytes der)
{
    const uint8_t *at = der.at;
    X509 *x = der.n > 0 && der.n <= ENDORSEMENT_CERTIFICATE_MAX ? d2i_X509(NULL, &at, (long)der.n) : NULL;
    if (x && at == der.at + der.n) return x;
    X509_free(x);
    return NULL;
}

/* tcg-kp-EKCertificate; a certificate that also stands for something else is none of an endorsement key. */
static bool is_endorsement(X509 *x)
{
    char oid[32] = "";
    EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    if (uses && sk_ASN1_OBJECT_num(uses) == 1) OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(uses, 0), 1);
    EXTENDED_KEY_USAGE_free(uses);
    return strcmp(oid, "2.23.133.8.1") == 0 && X509_check_ca(x) == 0;
}

static MUST outcome roots_read(struct bytes pem, X509_STORE *store)
{
    if (pem.n == 0 || pem.n > ENDORSEMENT_ROOTS_MAX) return REFUSE(E_DENIED);
    AUTO(bio) BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.n);
    if (!bio) return REFUSE(E_MEMORY);
    for (size_t i = 0; i < ROOTS_MAX; i++) {
        AUTO(x509) X509 *x = PEM_read_bio_X509(bio, NULL, pem_no_passphrase, NULL);
        if (!x) break;
        if (X509_STORE_add_cert(store, x) != 1) return REFUSE_CLEAN(E_MEMORY);
    }
    ERR_clear_error();
    return DONE;
}

static MUST outcome chain_check(X509 *x, X509_STORE *store)
{
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    bool good = c && X509_STORE_CTX_init(c, store, x, NULL) == 1;
    if (good) {
        X509_STORE_CTX_set_flags(c, X509_V_FLAG_PARTIAL_CHAIN);
        good = X509_verify_cert(c) == 1;
    }
    X509_STORE_CTX_free(c);
    return good ? DONE : REFUSE_CLEAN(E_DENIED);
}

static void maker_of(const X509 *x, char ret[64])
{
    X509_NAME_get_text_by_NID(X509_get_issuer_name(x), NID_commonName, ret, 64);
    for (char *c = ret; *c; c++)
        if (*c < 0x20 || *c > 0x7e) *c = '?';
}

outcome endorsement_judge(struct bytes certificate_der, struct bytes roots_pem, struct endorsement *ret)
{
    struct endorsement e = { 0 };
    struct hash h;
    AUTO(x509) X509 *x = certificate_of(certificate_der);
    if (!x) return REFUSE_CLEAN(E_MALFORMED);
    if (!X509_get0_pubkey(x)) return REFUSE_CLEAN(E_UNSUPPORTED);
    TRY(key_policy_certificate(X509_get0_pubkey(x)));
    if (!is_endorsement(x)) return REFUSE_CLEAN(E_DENIED);
    X509_STORE *store = X509_STORE_new();
    if (!store) return REFUSE(E_MEMORY);
    outcome o = roots_read(roots_pem, store);
    if (ok(o)) o = chain_check(x, store);
    X509_STORE_free(store);
    TRY(o);
    TRY(certificate_key_hash(x, &h));
    memcpy(e.key_hash, h.at, sizeof e.key_hash);
    maker_of(x, e.maker);
    *ret = e;
    return DONE;
}

/* ---- the wrapping ---- */

struct wrapping { /* what the endorsement key's kind decides */
    const char *digest, *cipher;
    size_t digest_n, key_n;
    uint8_t seed[DIGEST_MAX];
};

static MUST outcome derive(const char *kind, OSSL_PARAM *params, uint8_t *to, size_t n)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, kind, NULL);
    EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool good = c && EVP_KDF_derive(c, to, n, params) == 1;
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    return good ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

/* Part 1, 11.4.10.2: KDFa is SP 800-108 in counter mode with HMAC. */
static MUST outcome kdfa(const struct wrapping *w, const char *label, struct bytes context, uint8_t *to, size_t n)
{
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"HMAC", 0),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)w->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)w->seed, w->digest_n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)label, strlen(label)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(context.n ? context.at : (const uint8_t *)""), context.n),
        OSSL_PARAM_construct_end() };
    return derive("KBKDF", params, to, n);
}

/* 11.4.10.3: KDFe is SP 800-56A's one step: label and its zero, x of the fresh key, x of the endorsement key. */
static MUST outcome kdfe(struct wrapping *w, struct bytes z, struct bytes fresh_x, struct bytes ek_x)
{
    uint8_t info[16 + 2 * DIGEST_MAX];
    struct out o = out_of(info, sizeof info);
    put(&o, bytes_of("IDENTITY", 9));
    put(&o, fresh_x);
    put(&o, ek_x);
    TRY(out_done(&o));
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)w->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)z.at, z.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, o.n), OSSL_PARAM_construct_end() };
    return derive("SSKDF", params, w->seed, w->digest_n);
}

static MUST outcome point_of(EVP_PKEY *pkey, uint8_t point[POINT_MAX], size_t *ret_half)
{
    size_t n = 0;
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, POINT_MAX, &n) != 1
        || n != POINT_MAX || point[0] != 4)
        return REFUSE_CLEAN(E_UNSUPPORTED);
    *ret_half = n / 2;
    return DONE;
}

static MUST outcome agree(EVP_PKEY *mine, EVP_PKEY *theirs, uint8_t z[DIGEST_MAX])
{
    size_t n = DIGEST_MAX;
    AUTO(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
    bool good = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, theirs) == 1
        && EVP_PKEY_derive(c, z, &n) == 1 && n == DIGEST_MAX;
    return good ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

/* C.6.1: a fresh key on the same curve; its point travels. */
static MUST outcome share_ecc(EVP_PKEY *ek, struct wrapping *w, struct out *seed)
{
    uint8_t theirs[POINT_MAX], mine[POINT_MAX], z[DIGEST_MAX];
    size_t half;
    AUTO(pkey) EVP_PKEY *fresh = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    if (!fresh) return REFUSE_CLEAN(E_CRYPTO);
    TRY(point_of(ek, theirs, &half));
    TRY(point_of(fresh, mine, &half));
    TRY(agree(fresh, ek, z));
    TRY(kdfe(w, bytes_of(z, sizeof z), bytes_of(mine + 1, half), bytes_of(theirs + 1, half)));
    put_u16(seed, (uint16_t)(2 * (2 + half)));
    put_field16(seed, bytes_of(mine + 1, half));
    put_field16(seed, bytes_of(mine + 1 + half, half));
    return out_done(seed);
}

/* B.10.3: OAEP over a drawn seed; the label has its zero. */
static MUST outcome share_rsa(EVP_PKEY *ek, struct wrapping *w, struct out *seed)
{
    uint8_t hidden[SEED_MAX];
    size_t n = sizeof hidden;
    if (RAND_bytes(w->seed, (int)w->digest_n) != 1) return REFUSE_CLEAN(E_CRYPTO);
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, (char *)OSSL_PKEY_RSA_PAD_MODE_OAEP, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, (char *)w->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, (char *)"IDENTITY", 9), OSSL_PARAM_construct_end() };
    AUTO(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);
    if (!c || EVP_PKEY_encrypt_init_ex(c, params) != 1 || EVP_PKEY_encrypt(c, hidden, &n, w->seed, w->digest_n) != 1)
        return REFUSE_CLEAN(E_CRYPTO);
    put_field16(seed, bytes_of(hidden, n));
    return out_done(seed);
}

static MUST outcome encrypt(const struct wrapping *w, struct bytes name, struct bytes secret, uint8_t to[2 + SECRET_MAX])
{
    static const uint8_t zero[16] = { 0 };
    uint8_t key[32], plain[2 + SECRET_MAX];
    struct out o = out_of(plain, sizeof plain);
    int n = 0;
    put_field16(&o, secret);
    TRY(out_done(&o));
    TRY(kdfa(w, "STORAGE", name, key, w->key_n));
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, w->cipher, NULL);
    EVP_CIPHER_CTX *c = cipher ? EVP_CIPHER_CTX_new() : NULL;
    bool good = c && EVP_EncryptInit_ex2(c, cipher, key, zero, NULL) == 1 && EVP_EncryptUpdate(c, to, &n, plain, (int)o.n) == 1
        && (size_t)n == o.n;
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(cipher);
    explicit_bzero(key, sizeof key);
    explicit_bzero(plain, sizeof plain);
    return good ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

/* 24.4: the integrity value covers what is encrypted and the name. */
static MUST outcome credential(const struct wrapping *w, struct bytes name, struct bytes secret, struct buffer *ret)
{
    uint8_t hidden[2 + SECRET_MAX], key[DIGEST_MAX], mac[EVP_MAX_MD_SIZE], over[2 + SECRET_MAX + 2 + DIGEST_MAX], whole[256];
    size_t hidden_n = 2 + secret.n, mac_n = 0;
    struct out o = out_of(over, sizeof over), b = out_of(whole, sizeof whole);
    TRY(encrypt(w, name, secret, hidden));
    TRY(kdfa(w, "INTEGRITY", BYTES_NONE, key, w->digest_n));
    put(&o, bytes_of(hidden, hidden_n));
    put(&o, name);
    TRY(out_done(&o));
    if (!EVP_Q_mac(NULL, "HMAC", NULL, w->digest, NULL, key, w->digest_n, over, o.n, mac, sizeof mac, &mac_n))
        return REFUSE_CLEAN(E_CRYPTO);
    put_u16(&b, (uint16_t)(2 + mac_n + hidden_n));
    put_field16(&b, bytes_of(mac, mac_n));
    put(&b, bytes_of(hidden, hidden_n));
    TRY(out_done(&b));
    return buffer_put(ret, out_view(&b));
}

outcome endorsement_wrap(struct bytes certificate_der, struct bytes name, struct bytes secret, struct buffer *ret_credential,
    struct buffer *ret_seed)
{
    static const struct wrapping rsa = { .digest = "SHA256", .cipher = "AES-128-CFB", .digest_n = 32, .key_n = 16 },
                                 ecc = { .digest = "SHA384", .cipher = "AES-256-CFB", .digest_n = 48, .key_n = 32 };
    uint8_t room[SEED_MAX + 2];
    struct out seed = out_of(room, sizeof room);
    if (secret.n == 0 || secret.n > SECRET_MAX || name.n > 2 + DIGEST_MAX) return REFUSE(E_RANGE);
    AUTO(x509) X509 *x = certificate_of(certificate_der);
    EVP_PKEY *ek = x ? X509_get0_pubkey(x) : NULL;
    if (!ek) return REFUSE_CLEAN(E_MALFORMED);
    bool is_rsa = EVP_PKEY_is_a(ek, "RSA") && EVP_PKEY_get_bits(ek) == 2048;
    if (!is_rsa && !(EVP_PKEY_is_a(ek, "EC") && EVP_PKEY_get_bits(ek) == 384)) return REFUSE_CLEAN(E_UNSUPPORTED);
    struct wrapping w = is_rsa ? rsa : ecc;
    TRY(is_rsa ? share_rsa(ek, &w, &seed) : share_ecc(ek, &w, &seed));
    outcome o = credential(&w, name, secret, ret_credential);
    explicit_bzero(&w, sizeof w);
    return ok(o) ? buffer_put(ret_seed, out_view(&seed)) : o;
}
