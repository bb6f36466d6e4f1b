/* Is there a genuine TPM behind this enrolment? Before it enrols, a device shows its endorsement certificate and its
 * attestation key; it gets a secret that only that TPM, holding that key, can read. The secret stands behind the invite's
 * token in the enrolment's password: "TOKEN.SECRET", both base64url. What is missing lowers the grade; what is wrong
 * refuses. Waiting secrets live in memory only, few and short. */
#ifndef FLEET_ENDORSE_H
#define FLEET_ENDORSE_H

#include "crypto/endorsement.h"
#include "crypto/sign.h"

#define ENDORSE_WAITING_MAX 32
#define ENDORSE_WAITING_MS (5 * 60 * 1000)

struct attestation_key {
    uint8_t spki[KEY_P256_SPKI];
    uint8_t name[34]; /* nameAlg and digest of its public area */
};
/* TPM2B_PUBLIC. E_DENIED: a key that could sign what no TPM made, or that can leave it (it must be restricted, for signing,
 * fixed and born in the TPM); E_UNSUPPORTED another kind than P-256 ECDSA SHA-256; E_MALFORMED, E_SHORT. */
MUST outcome attestation_key_read(struct bytes tpm2b_public, struct attestation_key *ret);

struct endorsed { /* what an enrolment may then claim */
    struct endorsement by;
    struct attestation_key ak;
};
struct endorse_waiting {
    bool live;
    uint8_t token_hash[32], secret_hash[32];
    int64_t until_ms; /* mono */
    struct endorsed what;
};
struct endorse { /* zero at first */
    struct endorse_waiting rows[ENDORSE_WAITING_MAX];
};

struct endorse_asked {
    const uint8_t *token_hash;  /* of the invite, 32 */
    struct bytes certificate, ak; /* DER, TPM2B_PUBLIC */
    struct bytes roots_pem;
};
/* A new question for the invite; an older one of the same invite is over. Errors as endorsement_judge and
 * attestation_key_read. */
MUST outcome endorse_ask(struct endorse *e, const struct endorse_asked *q, int64_t mono_ms, struct buffer *ret_credential,
    struct buffer *ret_seed);
/* The answer, once. E_DENIED: not the secret, too late, or nothing was asked. */
MUST outcome endorse_answer(struct endorse *e, const uint8_t token_hash[32], struct bytes secret, int64_t mono_ms,
    struct endorsed *ret);

#endif
