/* WebAuthn (W3C, level 2): the bytes an authenticator and a browser send. Reads and writes forms only; what must hold of
 * them is judged where the key is known (assurance/passkey.h). Attestation "none", keys ES256 and EdDSA (COSE, RFC 9053). */
#ifndef WIRE_WEBAUTHN_H
#define WIRE_WEBAUTHN_H

#include "wire/doc.h"

#define WEBAUTHN_ID_MAX 128
#define WEBAUTHN_SPKI_MAX 96
enum { WEBAUTHN_PRESENT = 1, WEBAUTHN_VERIFIED = 4, WEBAUTHN_HAS_KEY = 64, WEBAUTHN_HAS_EXTENSIONS = 128 };
enum { WEBAUTHN_ES256 = -7, WEBAUTHN_EDDSA = -8 };

struct webauthn_data { /* authenticatorData, 6.1; views into the input */
    struct bytes rp_hash;      /* 32 bytes */
    uint8_t flags;
    uint32_t count;
    struct bytes credential;   /* with WEBAUTHN_HAS_KEY, else none */
    int algorithm;
    uint8_t spki[WEBAUTHN_SPKI_MAX];
    size_t spki_n;             /* the key as SubjectPublicKeyInfo */
};
/* E_UNSUPPORTED: a key of another algorithm. */
MUST outcome webauthn_read_data(struct bytes in, struct webauthn_data *ret);
/* attestationObject, 6.5.4: its authenticatorData. E_UNSUPPORTED: not of format "none". */
MUST outcome webauthn_read_attestation(struct bytes in, struct bytes *ret_data);
struct webauthn_client { /* collectedClientData, 5.8.1; texts live in the arena */
    const char *type, *challenge, *origin; /* challenge: base64url without padding */
    bool cross_origin;
};
MUST outcome webauthn_read_client(struct bytes json, struct arena *a, struct webauthn_client *ret);
/* text: room for (4 n + 2) / 3 + 1. */
void webauthn_base64url(struct bytes b, char *text);

/* An assertion as the signature of a document: u16-counted authenticatorData, clientDataJSON, signature after four bytes that no
 * bare signature of our key kinds begins with. */
struct webauthn_assertion { struct bytes data, client, signature; };
MUST outcome webauthn_read_assertion(struct bytes in, struct webauthn_assertion *ret);
void webauthn_put_assertion(struct out *o, const struct webauthn_assertion *a);

#endif
