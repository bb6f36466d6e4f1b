/* COSE_Sign1 (RFC 9052, 4.2) as devices sign batches: tagged 18, payload attached, ES256. Reading is strict CBOR (cbor.h)
 * and takes views; unknown headers are passed over, a critical one (2) is refused. Nothing here verifies. */
#ifndef WIRE_COSE_H
#define WIRE_COSE_H

#include "base/mem.h"

#define COSE_ES256 (-7)
#define COSE_SPKI (-65537) /* of the private range: the signer's SubjectPublicKeyInfo, unprotected; kid is its SHA-256 */
#define COSE_SIGNATURE 64

struct cose_sign1 {
    struct bytes protected; /* the map's bytes, as they are signed */
    int64_t algorithm;      /* 0: none said */
    struct bytes kid, spki; /* BYTES_NONE: none said */
    struct bytes payload, signature;
};

/* E_SHORT, E_MALFORMED; E_UNSUPPORTED: a critical header. */
MUST outcome cose_read(struct bytes in, struct cose_sign1 *ret);
/* Sig_structure of it: what is signed (RFC 9052, 4.4). */
MUST outcome cose_signed(struct bytes protected, struct bytes payload, struct buffer *ret);
/* The protected map {1: ES256, 4: kid}. */
MUST outcome cose_protected(struct bytes kid, struct buffer *ret);
/* protected, spki, payload and signature of it; appended. */
MUST outcome cose_write(const struct cose_sign1 *c, struct buffer *ret);

#endif
