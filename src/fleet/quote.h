/* TPM 2.0 structures of a quote, read by hand (TPM 2.0 Library part 2, revision 1.59: 10.12.8
 * TPMS_ATTEST, 11.3.4 TPMT_SIGNATURE). Readers only, strict: every byte is accounted for. */
#ifndef FLEET_QUOTE_H
#define FLEET_QUOTE_H

#include "base/bytes.h"

struct quote { /* views into the input */
    struct bytes nonce;       /* extraData */
    uint64_t clock;           /* ms */
    uint32_t reset_count, restart_count;
    uint8_t safe;
    uint64_t firmware;        /* of the TPM itself */
    uint32_t pcrs;            /* selected in the SHA-256 bank, bit n = PCR n */
    struct bytes pcr_digest;  /* over the selected PCRs' values, ascending; 32 bytes */
};

/* E_MALFORMED or E_SHORT: no quote of a TPM. E_UNSUPPORTED: a quote, but not of one SHA-256 selection. */
MUST outcome quote_read(struct bytes attest, struct quote *ret);

/* TPMT_SIGNATURE (ECDSA, SHA-256, r and s of at most 32 bytes) to the DER that key_verify takes. */
#define QUOTE_DER_MAX 80
MUST outcome quote_signature_der(struct bytes tpmt, uint8_t ret[QUOTE_DER_MAX], size_t *ret_n);

#endif
