#include "crypto/aead.h"

#include "base/mem.h"
#include "crypto/openssl.h"

AUTO_OF(cipher_ctx, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

/* cipher NULL: the one c has already; so the key. */
static outcome seal_in(EVP_CIPHER_CTX *c, const EVP_CIPHER *cipher, const struct aead *a, struct bytes plain, uint8_t *to)
{
    int n = 0, end = 0;
    if (plain.n > INT32_MAX || a->bound.n > INT32_MAX) return REFUSE(E_TOO_LARGE);
    bool good = EVP_EncryptInit_ex(c, cipher, NULL, a->key, a->nonce) == 1
        && (a->bound.n == 0 || EVP_EncryptUpdate(c, NULL, &n, a->bound.at, (int)a->bound.n) == 1)
        && (plain.n == 0 || EVP_EncryptUpdate(c, to, &n, plain.at, (int)plain.n) == 1)
        && EVP_EncryptFinal_ex(c, to + plain.n, &end) == 1
        && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, AEAD_TAG, to + plain.n) == 1;
    return good ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

outcome aead_seal(const struct aead *a, struct bytes plain, uint8_t *to)
{
    AUTO(cipher_ctx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    return c ? seal_in(c, EVP_aes_256_gcm(), a, plain, to) : REFUSE_CLEAN(E_MEMORY);
}

/* Making a key ready costs more than sealing a short message with it, and publishers speak in turn: the keys used
 * lately stay ready, each in the place its first byte names (keys are random). */
#define SEALER_KEYS 256u

struct ready_key {
    EVP_CIPHER_CTX *ctx; /* NULL: never used */
    bool keyed;
    uint8_t key[AEAD_KEY];
};
struct aead_sealer {
    EVP_CIPHER *cipher;
    struct ready_key keys[SEALER_KEYS];
};

outcome aead_sealer_new(struct aead_sealer **ret)
{
    struct aead_sealer *s = mem_new(sizeof *s);
    if (!s) return REFUSE(E_MEMORY);
    s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (s->cipher) {
        *ret = s;
        return DONE;
    }
    aead_sealer_free(s);
    return REFUSE_CLEAN(E_MEMORY);
}

/* Reset wipes the schedule; without a cipher a context seals nothing. */
static void forget(struct ready_key *k)
{
    if (k->ctx && EVP_CIPHER_CTX_reset(k->ctx) != 1) ERR_clear_error();
    OPENSSL_cleanse(k->key, sizeof k->key);
    k->keyed = false;
}

void aead_sealer_free(struct aead_sealer *s)
{
    if (!s) return;
    aead_sealer_forget(s);
    for (size_t i = 0; i < SEALER_KEYS; i++) EVP_CIPHER_CTX_free(s->keys[i].ctx);
    EVP_CIPHER_free(s->cipher);
    mem_free(s);
}

void aead_sealer_forget(struct aead_sealer *s)
{
    for (size_t i = 0; i < SEALER_KEYS; i++) forget(&s->keys[i]);
}

static MUST outcome make_ready(struct aead_sealer *s, struct ready_key *k, const uint8_t *key)
{
    if (k->keyed && memcmp(k->key, key, AEAD_KEY) == 0) return DONE;
    forget(k);
    if (!k->ctx) k->ctx = EVP_CIPHER_CTX_new();
    if (!k->ctx) return REFUSE_CLEAN(E_MEMORY);
    if (EVP_EncryptInit_ex(k->ctx, s->cipher, NULL, key, NULL) != 1) return REFUSE_CLEAN(E_CRYPTO);
    memcpy(k->key, key, AEAD_KEY);
    k->keyed = true;
    return DONE;
}

outcome aead_sealer_seal(struct aead_sealer *s, const struct aead *a, struct bytes plain, uint8_t *to)
{
    struct ready_key *k = &s->keys[a->key[0] % SEALER_KEYS];
    TRY(make_ready(s, k, a->key));
    outcome o = seal_in(k->ctx, NULL, &(struct aead) { NULL, a->nonce, a->bound }, plain, to);
    if (!ok(o)) forget(k);
    return o;
}

outcome aead_open(const struct aead *a, struct bytes sealed, uint8_t *to)
{
    AUTO(cipher_ctx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t tag[AEAD_TAG], last[AEAD_TAG];
    int n = 0, end = 0;
    if (sealed.n < AEAD_TAG || sealed.n > INT32_MAX || a->bound.n > INT32_MAX) return REFUSE(E_CHANGED);
    if (!c) return REFUSE_CLEAN(E_MEMORY);
    size_t size = sealed.n - AEAD_TAG;
    memcpy(tag, sealed.at + size, AEAD_TAG);
    bool good = EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, a->key, a->nonce) == 1
        && (a->bound.n == 0 || EVP_DecryptUpdate(c, NULL, &n, a->bound.at, (int)a->bound.n) == 1)
        && (size == 0 || EVP_DecryptUpdate(c, to, &n, sealed.at, (int)size) == 1)
        && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, AEAD_TAG, tag) == 1;
    if (!good) return REFUSE_CLEAN(E_CRYPTO);
    return EVP_DecryptFinal_ex(c, last, &end) == 1 ? DONE : REFUSE_CLEAN(E_CHANGED);
}
