/* Genuine hardware: the certificate its maker gave a TPM's endorsement key, and a secret wrapped so that only that TPM,
 * holding one named key besides, gives it back. TPM 2.0 Library 1.59, part 1, 24 (credential protection), B.10.3 and C.6.1
 * (secret sharing); TCG EK Credential Profile 2.5: RSA 2048 (template L-1) and P-384 (H-3). */
#ifndef CRYPTO_ENDORSEMENT_H
#define CRYPTO_ENDORSEMENT_H

#include "crypto/hash.h"

#define ENDORSEMENT_CERTIFICATE_MAX 4096
#define ENDORSEMENT_ROOTS_MAX (1u << 20)

struct endorsement {
    uint8_t key_hash[32];  /* SHA-256 of its SubjectPublicKeyInfo: one TPM, one value */
    char maker[64];        /* common name of who signed it; "?" for what cannot be printed */
};

/* roots_pem: what is trusted to have made TPMs; any certificate of it ends a chain. E_MALFORMED, E_UNSUPPORTED another
 * kind of key, E_DENIED no chain to a root, ended, or not an endorsement certificate. */
MUST outcome endorsement_judge(struct bytes certificate_der, struct bytes roots_pem, struct endorsement *ret);

/* A secret of at most 32 bytes for the TPM with that certificate, bound to the object called name (nameAlg and digest).
 * Out, as TPM2_ActivateCredential takes them: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET. */
MUST outcome endorsement_wrap(struct bytes certificate_der, struct bytes name, struct bytes secret, struct buffer *ret_credential,
    struct buffer *ret_seed);

#endif
