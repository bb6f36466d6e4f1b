/* Signatures by people, ledgers and devices: Ed25519 and ECDSA P-256/P-384 (SHA-256/384). */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include "crypto/hash.h"

struct key; /* public or private; opaque */

enum key_kind { KEY_ED25519, KEY_P256 };

MUST outcome key_new(enum key_kind kind, struct key **ret);
MUST outcome key_read_private_pem(struct bytes pem, struct key **ret);
MUST outcome key_read_public_pem(struct bytes pem, struct key **ret);
MUST outcome key_read_public_der(struct bytes spki, struct key **ret);   /* SubjectPublicKeyInfo */
MUST outcome key_read_ed25519_raw(struct bytes raw32, struct key **ret); /* public */
void key_free(struct key *k);
MUST outcome key_write_private_pem(const struct key *k, struct buffer *ret); /* caller wipes */
MUST outcome key_write_public_pem(const struct key *k, struct buffer *ret);
MUST outcome key_write_public_der(const struct key *k, struct buffer *ret);
MUST outcome key_write_ed25519_raw(const struct key *k, uint8_t ret[32]);
/* SubjectPublicKeyInfo of a P-256 point (RFC 5480), from coordinates of at most 32 bytes each. E_RANGE. */
#define KEY_P256_SPKI 91
MUST outcome key_p256_spki(struct bytes x, struct bytes y, uint8_t ret[KEY_P256_SPKI]);
bool key_is_p256(const struct key *k);
/* SHA-256 of the SubjectPublicKeyInfo DER. */
MUST outcome key_id(const struct key *k, struct hash *ret);
/* Ed25519: 64 raw bytes. ECDSA: DER. cap >= 144. */
MUST outcome key_sign(const struct key *k, struct bytes message, uint8_t *ret, size_t cap, size_t *ret_n);
/* ECDSA P-256 in its fixed form, r and s of 32 bytes each (RFC 9053, 2.1). E_UNSUPPORTED: another kind of key. */
#define KEY_P256_SIGNATURE 64
MUST outcome key_sign_p256(const struct key *k, struct bytes message, uint8_t ret[KEY_P256_SIGNATURE]);
MUST outcome key_verify_p256(const struct key *k, struct bytes message, struct bytes signature);
/* E_CRYPTO when it is not good. */
MUST outcome key_verify(const struct key *k, struct bytes message, struct bytes signature);

#endif
