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

/* The same, many times: the cipher is looked up once and the keys used lately stay ready, which for short messages costs
 * more than sealing them. For one thread. Holds up to 256 keys until others take their places, it forgets, or is freed. */
struct aead_sealer;
MUST outcome aead_sealer_new(struct aead_sealer **ret);
void aead_sealer_free(struct aead_sealer *s);
void aead_sealer_forget(struct aead_sealer *s);
MUST outcome aead_sealer_seal(struct aead_sealer *s, const struct aead *a, struct bytes plain, uint8_t *to);

#endif
