/* AES-256-GCM over memory: what data at rest is sealed with. The caller never uses a nonce twice with
 * one key. */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/bytes.h"

#define AEAD_KEY 32u
#define AEAD_NONCE 12u
#define AEAD_TAG 16u

struct aead {
    const uint8_t *key;   /* AEAD_KEY */
    const uint8_t *nonce; /* AEAD_NONCE */
    struct bytes bound;   /* authenticated, not hidden */
};
/* to holds plain.n + AEAD_TAG and may begin at plain.at. E_MEMORY, E_CRYPTO. */
MUST outcome aead_seal(const struct aead *a, struct bytes plain, uint8_t *to);
/* to holds sealed.n - AEAD_TAG and may begin at sealed.at. E_CHANGED when any bit differs from what was sealed. */
MUST outcome aead_open(const struct aead *a, struct bytes sealed, uint8_t *to);

#endif
