#include "crypto/sign.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "crypto/openssl.h"

#define KEY_BYTES_MAX 8192u /* of any encoding we read */
#define MESSAGE_BYTES_MAX (64u << 20)

int pem_no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf, (void)size, (void)rwflag, (void)ctx;
    return -1;
}

outcome bio_to_buffer(BIO *bio, struct buffer *ret)
{
    char *at = NULL;
    long n = BIO_get_mem_data(bio, &at);
    if (n <= 0) return REFUSE_CLEAN(E_MEMORY);
    return buffer_put(ret, bytes_of(at, (size_t)n));
}

/* Named curves only: parameters that travel with a key are a known way to forge one. */
static bool key_curve_is(const EVP_PKEY *pkey, const char *curve)
{
    char text[32];
    size_t n = 0;
    if (!EVP_PKEY_is_a(pkey, "EC")) return false;
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, text, sizeof text, &n) == 1
        && strcmp(text, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
        return false;
    return EVP_PKEY_get_group_name((EVP_PKEY *)pkey, text, sizeof text, &n) == 1
        && strcmp(text, curve) == 0;
}

outcome key_policy(const EVP_PKEY *pkey)
{
    bool good = EVP_PKEY_is_a(pkey, "ED25519") || key_curve_is(pkey, SN_X9_62_prime256v1)
        || key_curve_is(pkey, SN_secp384r1);
    return good ? DONE : REFUSE_CLEAN(E_UNSUPPORTED);
}

outcome key_policy_certificate(const EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return bits >= 2048 && bits <= 8192 ? DONE : REFUSE(E_UNSUPPORTED);
    return key_policy(pkey);
}

const EVP_MD *key_digest(const EVP_PKEY *pkey)
{
    if (EVP_PKEY_is_a(pkey, "ED25519")) return NULL;
    return EVP_PKEY_get_bits(pkey) > 256 && EVP_PKEY_is_a(pkey, "EC") ? EVP_sha384() : EVP_sha256();
}

/* Takes pkey over, whatever the outcome. */
static outcome key_own(EVP_PKEY *pkey, bool private, struct key **ret)
{
    AUTO(pkey) EVP_PKEY *owned = pkey;
    if (!owned) return REFUSE_CLEAN(E_MALFORMED);
    TRY(key_policy(owned));
    struct key *k = mem_new(sizeof *k);
    if (!k) return REFUSE(E_MEMORY);
    k->pkey = owned;
    k->private = private;
    owned = NULL;
    *ret = k;
    return DONE;
}

outcome key_new(enum key_kind kind, struct key **ret)
{
    EVP_PKEY *pkey = kind == KEY_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                         : EVP_PKEY_Q_keygen(NULL, NULL, "EC", SN_X9_62_prime256v1);
    if (!pkey) return REFUSE_CLEAN(E_CRYPTO);
    return key_own(pkey, true, ret);
}

outcome key_read_private_pem(struct bytes pem, struct key **ret)
{
    if (pem.n > KEY_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    AUTO(bio) BIO *bio = bio_view(pem);
    if (!bio) return REFUSE_CLEAN(E_MALFORMED);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, pem_no_passphrase, NULL);
    if (!pkey) return REFUSE_CLEAN(E_MALFORMED);
    struct key *k = NULL;
    TRY(key_own(pkey, true, &k));
    AUTO(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    if (!c || EVP_PKEY_pairwise_check(c) != 1) {
        key_free(k);
        return REFUSE_CLEAN(E_CRYPTO);
    }
    *ret = k;
    return DONE;
}

outcome key_read_public_pem(struct bytes pem, struct key **ret)
{
    if (pem.n > KEY_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    AUTO(bio) BIO *bio = bio_view(pem);
    if (!bio) return REFUSE_CLEAN(E_MALFORMED);
    return key_own(PEM_read_bio_PUBKEY(bio, NULL, pem_no_passphrase, NULL), false, ret);
}

outcome key_read_public_der(struct bytes spki, struct key **ret)
{
    if (spki.n > KEY_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    if (spki.n == 0) return REFUSE(E_MALFORMED);
    const uint8_t *at = spki.at;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.n);
    if (pkey && at != spki.at + spki.n) {
        EVP_PKEY_free(pkey);
        return REFUSE_CLEAN(E_MALFORMED);
    }
    return key_own(pkey, false, ret);
}

outcome key_read_ed25519_raw(struct bytes raw32, struct key **ret)
{
    if (raw32.n != 32) return REFUSE(E_MALFORMED);
    return key_own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw32.at, raw32.n), false, ret);
}

void key_free(struct key *k)
{
    if (!k) return;
    EVP_PKEY_free(k->pkey);
    mem_free(k);
}

outcome key_write_private_pem(const struct key *k, struct buffer *ret)
{
    assert(k->private);
    AUTO(bio) BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    if (!bio || PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    return bio_to_buffer(bio, ret);
}

outcome key_write_public_pem(const struct key *k, struct buffer *ret)
{
    AUTO(bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_PUBKEY(bio, k->pkey) != 1) return REFUSE_CLEAN(E_MEMORY);
    return bio_to_buffer(bio, ret);
}

outcome key_write_public_der(const struct key *k, struct buffer *ret)
{
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(k->pkey, &der);
    if (n <= 0) return REFUSE_CLEAN(E_MEMORY);
    outcome o = buffer_put(ret, bytes_of(der, (size_t)n));
    OPENSSL_free(der);
    return o;
}

outcome key_write_ed25519_raw(const struct key *k, uint8_t ret[32])
{
    uint8_t raw[32];
    size_t n = sizeof raw;
    if (!EVP_PKEY_is_a(k->pkey, "ED25519")) return REFUSE(E_UNSUPPORTED);
    if (EVP_PKEY_get_raw_public_key(k->pkey, raw, &n) != 1 || n != sizeof raw)
        return REFUSE_CLEAN(E_CRYPTO);
    memcpy(ret, raw, sizeof raw);
    return DONE;
}

outcome key_p256_spki(struct bytes x, struct bytes y, uint8_t ret[KEY_P256_SPKI])
{
    static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
        0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
    if (x.n > 32 || y.n > 32) return REFUSE(E_RANGE);
    memcpy(ret, head, sizeof head);
    memset(ret + sizeof head, 0, KEY_P256_SPKI - sizeof head);
    if (x.n) memcpy(ret + sizeof head + 32 - x.n, x.at, x.n);
    if (y.n) memcpy(ret + KEY_P256_SPKI - y.n, y.at, y.n);
    return DONE;
}

outcome key_id(const struct key *k, struct hash *ret)
{
    struct buffer der = BUFFER(KEY_BYTES_MAX);
    outcome o = key_write_public_der(k, &der);
    if (ok(o)) hash_sha256(buffer_view(&der), ret);
    buffer_deinit(&der);
    return o;
}

outcome key_sign(const struct key *k, struct bytes message, uint8_t *ret, size_t cap, size_t *ret_n)
{
    assert(cap >= 144);
    if (!k->private) return REFUSE(E_DENIED);
    if (message.n > MESSAGE_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    AUTO(md_ctx) EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t n = cap;
    if (!c || EVP_DigestSignInit(c, NULL, key_digest(k->pkey), NULL, k->pkey) != 1
        || EVP_DigestSign(c, ret, &n, message.at, message.n) != 1)
        return REFUSE_CLEAN(E_CRYPTO);
    *ret_n = n;
    return DONE;
}

outcome key_verify(const struct key *k, struct bytes message, struct bytes signature)
{
    if (message.n > MESSAGE_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    AUTO(md_ctx) EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c || EVP_DigestVerifyInit(c, NULL, key_digest(k->pkey), NULL, k->pkey) != 1)
        return REFUSE_CLEAN(E_CRYPTO);
    if (EVP_DigestVerify(c, signature.at, signature.n, message.at, message.n) != 1)
        return REFUSE_CLEAN(E_CRYPTO);
    return DONE;
}

bool key_is_p256(const struct key *k)
{
    char group[32];
    size_t n;
    return EVP_PKEY_is_a(k->pkey, "EC") && EVP_PKEY_get_group_name(k->pkey, group, sizeof group, &n) == 1
        && strcmp(group, "prime256v1") == 0;
}

AUTO_OF(signature, ECDSA_SIG, ECDSA_SIG_free)

outcome key_sign_p256(const struct key *k, struct bytes message, uint8_t ret[KEY_P256_SIGNATURE])
{
    uint8_t der[160];
    size_t n;
    if (!key_is_p256(k)) return REFUSE(E_UNSUPPORTED);
    TRY(key_sign(k, message, der, sizeof der, &n));
    const uint8_t *at = der;
    AUTO(signature) ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)n);
    if (!s || BN_bn2binpad(ECDSA_SIG_get0_r(s), ret, 32) != 32 || BN_bn2binpad(ECDSA_SIG_get0_s(s), ret + 32, 32) != 32)
        return REFUSE_CLEAN(E_CRYPTO);
    return DONE;
}

outcome key_verify_p256(const struct key *k, struct bytes message, struct bytes signature)
{
    if (!key_is_p256(k)) return REFUSE(E_UNSUPPORTED);
    if (signature.n != KEY_P256_SIGNATURE) return REFUSE(E_CRYPTO);
    AUTO(signature) ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.at, 32, NULL), *v = BN_bin2bn(signature.at + 32, 32, NULL);
    if (!s || !r || !v || ECDSA_SIG_set0(s, r, v) != 1) {
        BN_free(r);
        BN_free(v);
        return REFUSE_CLEAN(E_MEMORY);
    }
    AUTO_TEXT uint8_t *der = NULL;
    int n = i2d_ECDSA_SIG(s, &der);
    return n > 0 ? key_verify(k, message, bytes_of(der, (size_t)n)) : REFUSE_CLEAN(E_CRYPTO);
}
