/* Reads what a TPM signed; never judges it. */
#include "fleet/quote.h"

enum {
    TPM_GENERATED = 0xff544347, /* no byte string signed from outside may begin so */
    TPM_ST_ATTEST_QUOTE = 0x8018,
    TPM_ALG_SHA256 = 0x000b,
    TPM_ALG_ECDSA = 0x0018,
    SELECT_BYTES_MAX = 4, /* 32 PCRs; a PC has 24 */
    SCALAR_MAX = 32,
};

/* TPML_PCR_SELECTION: exactly one bank, SHA-256, at least one PCR. */
static MUST outcome selection_read(struct bytes *in, uint32_t *ret)
{
    uint32_t count, pcrs = 0;
    uint16_t bank;
    uint8_t size;
    struct bytes select;
    TRY(take_u32(in, &count));
    if (count != 1) return REFUSE(E_UNSUPPORTED);
    TRY(take_u16(in, &bank));
    TRY(take_u8(in, &size));
    TRY(take(in, size, &select));
    if (bank != TPM_ALG_SHA256 || size > SELECT_BYTES_MAX) return REFUSE(E_UNSUPPORTED);
    for (size_t i = 0; i < select.n; i++) pcrs |= (uint32_t)select.at[i] << (8 * i);
    if (pcrs == 0) return REFUSE(E_UNSUPPORTED);
    *ret = pcrs;
    return DONE;
}

outcome quote_read(struct bytes attest, struct quote *ret)
{
    struct quote q = { 0 };
    uint32_t magic;
    uint16_t type;
    struct bytes signer;
    TRY(take_u32(&attest, &magic));
    TRY(take_u16(&attest, &type));
    if (magic != TPM_GENERATED || type != TPM_ST_ATTEST_QUOTE) return REFUSE(E_MALFORMED);
    TRY(take_field16(&attest, &signer));
    TRY(take_field16(&attest, &q.nonce));
    TRY(take_u64(&attest, &q.clock));
    TRY(take_u32(&attest, &q.reset_count));
    TRY(take_u32(&attest, &q.restart_count));
    TRY(take_u8(&attest, &q.safe));
    TRY(take_u64(&attest, &q.firmware));
    TRY(selection_read(&attest, &q.pcrs));
    TRY(take_field16(&attest, &q.pcr_digest));
    if (q.pcr_digest.n != 32) return REFUSE(E_UNSUPPORTED);
    TRY(at_end(attest));
    *ret = q;
    return DONE;
}

/* An unsigned big-endian number as a DER INTEGER: shortest form, a zero before a set top bit. */
static void der_put_integer(struct out *o, struct bytes v)
{
    while (v.n > 1 && v.at[0] == 0) v = bytes_of(v.at + 1, v.n - 1);
    bool pad = v.at[0] & 0x80;
    put_u8(o, 0x02);
    put_u8(o, (uint8_t)(v.n + pad));
    if (pad) put_u8(o, 0);
    put(o, v);
}

outcome quote_signature_der(struct bytes tpmt, uint8_t ret[QUOTE_DER_MAX], size_t *ret_n)
{
    uint16_t scheme, hash;
    struct bytes r, s;
    TRY(take_u16(&tpmt, &scheme));
    TRY(take_u16(&tpmt, &hash));
    if (scheme != TPM_ALG_ECDSA || hash != TPM_ALG_SHA256) return REFUSE(E_UNSUPPORTED);
    TRY(take_field16(&tpmt, &r));
    TRY(take_field16(&tpmt, &s));
    TRY(at_end(tpmt));
    if (r.n == 0 || s.n == 0 || r.n > SCALAR_MAX || s.n > SCALAR_MAX) return REFUSE(E_MALFORMED);

    uint8_t body[QUOTE_DER_MAX];
    struct out b = out_of(body, sizeof body);
    der_put_integer(&b, r);
    der_put_integer(&b, s);
    TRY(out_done(&b));
    struct out o = out_of(ret, QUOTE_DER_MAX);
    put_u8(&o, 0x30);
    put_u8(&o, (uint8_t)b.n); /* at most 2 * (2 + 33): the short form of a length */
    put(&o, out_view(&b));
    TRY(out_done(&o));
    *ret_n = o.n;
    return DONE;
}
