/* The device's TPM 2.0: its boot measurements and a key that vouches for them. tpm_tss.c speaks to
 * one through tpm2-tss; tpm_none.c is the same promise on a machine built without it. Nothing stays
 * loaded between calls but one primary, so that several users can take turns without a resource manager. */
#ifndef DEVICE_AGENT_TPM_H
#define DEVICE_AGENT_TPM_H

#include "base/mem.h"

struct tpm;

#define TPM_BOOT_PCR 8

/* tcti: "swtpm:host=127.0.0.1,port=N" or "device:/dev/tpmrm0". E_IO when it is not there,
 * E_UNSUPPORTED in a build without TPM. Flushes transient objects left by a killed user. */
MUST outcome tpm_open(const char *tcti, struct tpm **ret);
void tpm_close(struct tpm *t);
/* TPM2_Startup(CLEAR); one that was started already is fine. */
MUST outcome tpm_start(struct tpm *t);
MUST outcome tpm_pcr_read(struct tpm *t, uint8_t pcr, uint8_t ret[32]);
MUST outcome tpm_pcr_extend(struct tpm *t, uint8_t pcr, const uint8_t digest[32]);
/* A restricted ECDSA P-256 signing key under an ECC primary of the owner hierarchy. ret_blob: only
 * this TPM can load it; ret_spki: its public half, SubjectPublicKeyInfo DER. */
MUST outcome tpm_ak_new(struct tpm *t, struct buffer *ret_blob, struct buffer *ret_spki);
/* The certificate its maker put into it for its endorsement key, DER. E_MISSING: there is none of a kind we know. */
MUST outcome tpm_ek_certificate(struct tpm *t, struct buffer *ret_der);
/* TPM2_ActivateCredential: the secret that was wrapped for this TPM and this attestation key (crypto/endorsement.h). */
MUST outcome tpm_activate(struct tpm *t, struct bytes ak_blob, struct bytes credential, struct bytes seed, struct buffer *ret_secret);
/* Quote over the SHA-256 bank, pcrs: bit n = PCR n. Out: TPMS_ATTEST and TPMT_SIGNATURE as marshalled. */
MUST outcome tpm_quote(struct tpm *t, struct bytes ak_blob, const uint8_t nonce[32], uint32_t pcrs,
    struct buffer *ret_attest, struct buffer *ret_signature);
/* Switches a *simulated* TPM (tcti "swtpm:") off and on; E_UNSUPPORTED for any other. */
MUST outcome tpm_power_cycle(const char *tcti);

#endif
