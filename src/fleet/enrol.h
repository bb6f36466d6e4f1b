/* Enrolment: EST (RFC 7030, 8951) simple enrolment with an invite's token as HTTP Basic password, and
 * admission by the registry's allow list. Pure steps: the certificate itself is built by the seal. */
#ifndef FLEET_ENROL_H
#define FLEET_ENROL_H

#include "crypto/x509.h"
#include "platform/registry.h"

/* An enrolment's password is "TOKEN", or "TOKEN.SECRET" where a TPM's endorsement was proved (fleet/endorse.h). Views. */
void enrol_password(struct bytes password, struct bytes *ret_token, struct bytes *ret_secret);
/* The invite of a token. E_UNKNOWN wrong token, E_CONFLICT used, E_EXPIRED. */
MUST outcome enrol_invite(const struct registry *r, struct bytes token, int64_t now_ms, const struct invite **ret);

struct enrolment { /* what a good request asks for */
    const struct invite *invite;
    struct buffer spki;       /* of the requested certificate; owned by the caller, deinit */
    struct buffer ak_spki;    /* attestation key, empty when none */
};
/* token: as base64url; body: base64 PKCS#10 (wrapped or not); ak: base64 SPKI DER or none.
 * E_UNKNOWN wrong token, E_CONFLICT used, E_EXPIRED, E_CRYPTO request not good, E_MALFORMED. */
MUST outcome enrol_judge(const struct registry *r, struct bytes token, struct bytes body, struct bytes ak,
    int64_t now_ms, struct enrolment *ret);

/* Re-enrolment by id, whose certificate the link showed: the same key only, so that the request's own signature
 * proves it to us again, whoever framed the bytes. The certificate may be over; the device may not be revoked or out of
 * service. ret_spki is the caller's, deinit. E_UNKNOWN, E_REVOKED, E_DENIED another key or another name than the
 * certificate's (RFC 7030, 4.2.2), E_MALFORMED, E_CRYPTO. */
MUST outcome enrol_renew_judge(const struct registry *r, const char *id, struct bytes body, const struct identity **ret_who,
    struct buffer *ret_spki);

enum admission { ADMIT, ADMIT_UNREGISTERED, ADMIT_REVOKED, ADMIT_LIFE, ADMIT_EXPIRED };
/* Allow list: a certificate whose key is not in the registry is refused though our CA signed it. */
enum admission enrol_admit(const struct registry *r, const uint8_t key_hash[32], int64_t not_after_ms,
    int64_t now_ms, const struct identity **ret);

#endif
