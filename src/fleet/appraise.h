/* Appraisal (RATS, RFC 9334): evidence of a TPM 2.0 quote against a signed reference set. < 10 ms, pure.
 * Challenge, on sk/v1/<site>/<device>/att/challenge: {"nonce":"<64 hex>","pcrs":[8]}
 * Evidence, on .../att/evidence: {"nonce","quote":b64 TPMS_ATTEST,"signature":b64 TPMT_SIGNATURE,
 *   "pcrs":{"8":"<64 hex>"},"version":"1.4"}; SHA-256 bank, ECDSA P-256 SHA-256 attestation key. */
#ifndef FLEET_APPRAISE_H
#define FLEET_APPRAISE_H

#include "crypto/sign.h"
#include "platform/registry.h"

#define REFERENCE_PCRS_MAX 8

struct reference { /* what good firmware of one model and version measures to */
    char model[ID_MAX];
    char version[32];
    size_t n;
    struct {
        uint8_t pcr;
        uint8_t value[32];
    } rows[REFERENCE_PCRS_MAX];
};
/* {"model","version","pcrs":{"8":hex}}: payload of a DSSE envelope signed by the asset owner; the
 * envelope is verified by assurance (charter), this reads the payload. */
MUST outcome reference_read(const struct doc *d, struct reference *ret);
/* PCR after one extend of SHA-256(file) from the reset value: computed from the release's file. */
MUST outcome reference_from_file(const char *path, uint8_t ret_value[32]);

#define APPRAISALS(X) X(APPRAISE_GOOD, "good") X(APPRAISE_NO_REFERENCE, "no-reference")                \
    X(APPRAISE_NO_KEY, "no-attestation-key") X(APPRAISE_MALFORMED, "malformed-evidence")              \
    X(APPRAISE_SIGNATURE, "other-key-or-bad-signature") X(APPRAISE_NONCE, "old-nonce")                \
    X(APPRAISE_SELECTION, "other-pcr-selection") X(APPRAISE_PCR, "firmware-mismatch")                 \
    X(APPRAISE_RESET, "reset-count-fell")
enum appraisal {
#define X(name, word) name,
    APPRAISALS(X)
#undef X
};
const char *appraisal_word(enum appraisal a);

struct appraised {
    enum appraisal result;
    char version[32];        /* the reference that matched, "" else */
    uint32_t reset_count, restart_count;
    uint64_t clock;
    uint8_t pcr_digest[32];
};
/* references: those of the identity's model. Never trusts pcr values in the JSON but for display. */
void appraise(const struct identity *who, struct bytes evidence_json, const uint8_t nonce[32],
    const struct reference *references, size_t n, struct appraised *ret);
/* Against the same device's last good appraisal, which the caller keeps: a TPM's reset count only
 * rises; a fallen one is another TPM or a restored state. Turns a good result into APPRAISE_RESET. */
void appraise_after(const struct appraised *before, struct appraised *now);

#endif
