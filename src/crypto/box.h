/* Sealed for the holder of one private key, by anybody: ECDH on P-256 with a key made for this box, HKDF-SHA-256 (RFC 5869), AES-256-GCM.
 *   "SKX1" | field16 SPKI of the box's own key | ciphertext and tag
 * The first two parts and the purpose are authenticated. Who sealed it is not known: what is found inside must prove itself. */
#ifndef CRYPTO_BOX_H
#define CRYPTO_BOX_H

#include "crypto/sign.h"

#define BOX_OVERHEAD (4u + 2u + KEY_P256_SPKI + 16u)

/* purpose: a word that both sides know, so that a box made for one thing opens for nothing else. E_RANGE: no P-256 key. */
MUST outcome box_seal(const struct key *to, const char *purpose, struct bytes plain, struct buffer *ret);
/* ret holds secrets: the caller wipes it. E_MALFORMED; E_CHANGED: another key, another purpose, or any bit differs. */
MUST outcome box_open(const struct key *own, const char *purpose, struct bytes box, struct buffer *ret);

#endif
