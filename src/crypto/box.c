#include "crypto/box.h"

#include <openssl/kdf.h>

#include "crypto/aead.h"
#include "crypto/openssl.h"

AUTO_OF(kdf, EVP_KDF, EVP_KDF_free)
AUTO_OF(kdf_ctx, EVP_KDF_CTX, EVP_KDF_CTX_free)

static const uint8_t magic[4] = { 'S', 'K', 'X', '1' };
static const uint8_t no_nonce[AEAD_NONCE]; /* the key is of this box alone */
static const uint8_t room_for_tag[AEAD_TAG];

static bool is_p256(const struct key *k)
{
    return EVP_PKEY_is_a(k->pkey, "EC") && key_digest(k->pkey) == EVP_sha256();
}

static MUST outcome shared_secret(const struct key *own, const struct key *other, uint8_t ret[32])
{
    size_t n = 32;
    AUTO(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own->pkey, NULL);
    bool good = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, other->pkey) == 1 && EVP_PKEY_derive(c, ret, &n) == 1
        && n == 32;
    return good ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

/* salt: both public keys, so that the key is of this box and this holder. */
static MUST outcome derive(const uint8_t secret[32], struct bytes salt, const char *purpose, uint8_t ret[AEAD_KEY])
{
    AUTO(kdf) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    AUTO(kdf_ctx) EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("digest", (char *)"SHA256", 6),
        OSSL_PARAM_octet_string("key", (uint8_t *)secret, 32), OSSL_PARAM_octet_string("salt", (uint8_t *)salt.at, salt.n),
        OSSL_PARAM_octet_string("info", (char *)purpose, strlen(purpose)), OSSL_PARAM_END };
    return c && EVP_KDF_derive(c, ret, AEAD_KEY, params) == 1 ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

/* The key both sides come to: own private half, the other's public half. */
static MUST outcome agree(const struct key *own, const struct key *other, struct bytes salt, const char *purpose, uint8_t ret[AEAD_KEY])
{
    uint8_t secret[32];
    outcome o = shared_secret(own, other, secret);
    if (ok(o)) o = derive(secret, salt, purpose, ret);
    OPENSSL_cleanse(secret, sizeof secret);
    return o;
}

static MUST outcome salt_of(const struct key *box, const struct key *holder, struct buffer *ret)
{
    TRY(key_write_public_der(box, ret));
    return key_write_public_der(holder, ret);
}

static MUST outcome seal_with(const struct key *own, const struct key *to, const char *purpose, struct bytes plain, struct buffer *ret)
{
    uint8_t key[AEAD_KEY], head[4 + 2 + KEY_P256_SPKI];
    struct buffer salt = BUFFER(512);
    struct out o = out_of(head, sizeof head);
    outcome r = salt_of(own, to, &salt);
    if (ok(r)) r = agree(own, to, buffer_view(&salt), purpose, key);
    put(&o, bytes_of(magic, sizeof magic));
    if (ok(r)) put_field16(&o, bytes_of(salt.at, KEY_P256_SPKI));
    if (ok(r)) r = out_done(&o);
    buffer_deinit(&salt);
    if (ok(r)) r = buffer_put(ret, out_view(&o));
    size_t at = ret->n;
    if (ok(r)) r = buffer_put(ret, plain);
    if (ok(r)) r = buffer_put(ret, bytes_of(room_for_tag, sizeof room_for_tag));
    struct aead a = { key, no_nonce, out_view(&o) };
    if (ok(r)) r = aead_seal(&a, bytes_of(ret->at + at, plain.n), ret->at + at);
    OPENSSL_cleanse(key, sizeof key);
    return r;
}

outcome box_seal(const struct key *to, const char *purpose, struct bytes plain, struct buffer *ret)
{
    struct key *own;
    if (!is_p256(to)) return REFUSE(E_RANGE);
    TRY(key_new(KEY_P256, &own));
    outcome o = seal_with(own, to, purpose, plain, ret);
    key_free(own);
    return o;
}

outcome box_open(const struct key *own, const char *purpose, struct bytes box, struct buffer *ret)
{
    uint8_t key[AEAD_KEY];
    struct bytes rest = box, word, spki;
    struct buffer salt = BUFFER(512);
    struct key *other;
    if (!is_p256(own)) return REFUSE(E_RANGE);
    TRY(take(&rest, sizeof magic, &word));
    if (memcmp(word.at, magic, sizeof magic) != 0) return REFUSE(E_MALFORMED);
    TRY(take_field16(&rest, &spki));
    if (rest.n < AEAD_TAG) return REFUSE(E_MALFORMED);
    TRY(key_read_public_der(spki, &other));
    outcome o = is_p256(other) ? salt_of(other, own, &salt) : REFUSE(E_MALFORMED);
    if (ok(o)) o = agree(own, other, buffer_view(&salt), purpose, key);
    struct aead a = { key, no_nonce, bytes_of(box.at, box.n - rest.n) };
    if (ok(o)) o = buffer_put(ret, rest);
    if (ok(o)) o = aead_open(&a, rest, ret->at + (ret->n - rest.n));
    if (ok(o)) ret->n -= AEAD_TAG;
    OPENSSL_cleanse(key, sizeof key);
    buffer_deinit(&salt);
    key_free(other);
    return o;
}
