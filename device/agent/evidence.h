/* Evidence for a challenge (RATS, RFC 9334), as fleet/appraise.h reads it. */
#ifndef DEVICE_AGENT_EVIDENCE_H
#define DEVICE_AGENT_EVIDENCE_H

#include "device/agent/tpm.h"

struct challenge {
    uint8_t nonce[32];
    uint32_t pcrs; /* bit n = PCR n; at most 8 of them */
};

/* {"nonce":"<64 hex>","pcrs":[8]} */
MUST outcome challenge_read(struct bytes json, struct challenge *ret);
/* Quotes now. version: what this device believes to run (display only; the quote is what counts). */
MUST outcome evidence_write(struct tpm *t, struct bytes ak_blob, const struct challenge *c, const char *version,
    struct buffer *ret);

#endif
