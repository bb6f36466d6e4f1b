/* A build without tpm2-tss: says so, once, at open. */
#include "device/agent/tpm.h"

outcome tpm_open(const char *tcti, struct tpm **ret)
{
    (void)tcti, (void)ret;
    return REFUSE(E_UNSUPPORTED);
}
void tpm_close(struct tpm *t)
{
    (void)t;
}
outcome tpm_start(struct tpm *t)
{
    (void)t;
    return REFUSE(E_UNSUPPORTED);
}
outcome tpm_pcr_read(struct tpm *t, uint8_t pcr, uint8_t ret[32])
{
    (void)t, (void)pcr, (void)ret;
    return REFUSE(E_UNSUPPORTED);
}
outcome tpm_pcr_extend(struct tpm *t, uint8_t pcr, const uint8_t digest[32])
{
    (void)t, (void)pcr, (void)digest;
    return REFUSE(E_UNSUPPORTED);
}
outcome tpm_ak_new(struct tpm *t, struct buffer *ret_blob, struct buffer *ret_spki)
{
    (void)t, (void)ret_blob, (void)ret_spki;
    return REFUSE(E_UNSUPPORTED);
}
outcome tpm_quote(struct tpm *t, struct bytes ak_blob, const uint8_t nonce[32], uint32_t pcrs,
    struct buffer *ret_attest, struct buffer *ret_signature)
{
    (void)t, (void)ak_blob, (void)nonce, (void)pcrs, (void)ret_attest, (void)ret_signature;
    return REFUSE(E_UNSUPPORTED);
}
outcome tpm_power_cycle(const char *tcti)
{
    (void)tcti;
    return REFUSE(E_UNSUPPORTED);
}
outcome tpm_ek_certificate(struct tpm *t, struct buffer *ret_der)
{
    (void)t, (void)ret_der;
    return REFUSE(E_UNSUPPORTED);
}
outcome tpm_activate(struct tpm *t, struct bytes ak_blob, struct bytes credential, struct bytes seed, struct buffer *ret_secret)
{
    (void)t, (void)ak_blob, (void)credential, (void)seed, (void)ret_secret;
    return REFUSE(E_UNSUPPORTED);
}
