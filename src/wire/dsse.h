/* Signed documents: DSSE (in-toto dead simple signing envelope v1.0) over canonical JSON.
 * This file only reads and writes the envelope and its pre-authentication encoding; verifying
 * is crypto's. */
#ifndef WIRE_DSSE_H
#define WIRE_DSSE_H

#include "wire/doc.h"

#define DSSE_SIGNATURES_MAX 8

struct dsse {
    const char *type;      /* payloadType */
    struct bytes payload;  /* decoded */
    size_t n;
    struct {
        const char *key_id; /* lower-case hex SHA-256 of the public key's SPKI DER */
        struct bytes signature;
    } signatures[DSSE_SIGNATURES_MAX];
};

/* Exactly the members payload, payloadType, signatures [{ keyid, sig }], 1 to DSSE_SIGNATURES_MAX of
 * them, no key twice; else E_MALFORMED / E_TOO_LARGE. Text and bytes live in the arena. */
MUST outcome dsse_read(struct bytes json, struct arena *a, struct dsse *ret);
/* Canonical JSON, appended. E_CONFLICT when a key would sign twice; b is unchanged on refusal. */
MUST outcome dsse_write(const struct dsse *d, struct buffer *b);
/* "DSSEv1" SP len(type) SP type SP len(payload) SP payload: the bytes that are signed. */
MUST outcome dsse_pae(const char *type, struct bytes payload, struct buffer *b);

#endif
