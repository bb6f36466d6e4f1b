#include "crypto/aead.h"

#include "crypto/openssl.h"

AUTO_OF(cipher_ctx, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

outcome aead_seal(const struct aead *a, struct bytes plain, uint8_t *to)
{
    AUTO(cipher_ctx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0, end = 0;
    if (plain.n > INT32_MAX || a->bound.n > INT32_MAX) return REFUSE(E_TOO_LARGE);
    if (!c) return REFUSE_CLEAN(E_MEMORY);
    bool good = EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, a->key, a->nonce) == 1
        && (a->bound.n == 0 || EVP_EncryptUpdate(c, NULL, &n, a->bound.at, (int)a->bound.n) == 1)
        && (plain.n == 0 || EVP_EncryptUpdate(c, to, &n, plain.at, (int)plain.n) == 1)
        && EVP_EncryptFinal_ex(c, to + plain.n, &end) == 1
        && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, AEAD_TAG, to + plain.n) == 1;
    return good ? DONE : REFUSE_CLEAN(E_CRYPTO);
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
