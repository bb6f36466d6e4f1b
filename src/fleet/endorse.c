#include "fleet/endorse.h"

#include "base/port/port.h"

enum {
    TPM_ALG_SHA256 = 0x000b,
    TPM_ALG_NULL = 0x0010,
    TPM_ALG_ECDSA = 0x0018,
    TPM_ALG_ECC = 0x0023,
    TPM_ECC_NIST_P256 = 0x0003,
    /* part 2, 8.3.2 TPMA_OBJECT */
    FIXED_TPM = 1 << 1, FIXED_PARENT = 1 << 4, BORN_INSIDE = 1 << 5, RESTRICTED = 1 << 16, DECRYPT = 1 << 17, SIGN = 1 << 18,
    NEEDED = FIXED_TPM | FIXED_PARENT | BORN_INSIDE | RESTRICTED | SIGN,
    SECRET_BYTES = 32,
};

static MUST outcome expect16(struct bytes *in, uint16_t want)
{
    uint16_t v;
    TRY(take_u16(in, &v));
    return v == want ? DONE : REFUSE(E_UNSUPPORTED);
}

/* Part 2, 12.2.4 TPMT_PUBLIC. */
outcome attestation_key_read(struct bytes tpm2b_public, struct attestation_key *ret)
{
    static const uint16_t shape[] = { TPM_ALG_NULL, TPM_ALG_ECDSA, TPM_ALG_SHA256, TPM_ECC_NIST_P256, TPM_ALG_NULL };
    struct attestation_key k = { .name = { 0, TPM_ALG_SHA256 } };
    struct bytes area, policy, x, y;
    struct hash digest;
    uint32_t attributes;
    TRY(take_field16(&tpm2b_public, &area));
    TRY(at_end(tpm2b_public));
    hash_sha256(area, &digest);
    memcpy(k.name + 2, digest.at, sizeof digest.at);
    TRY(expect16(&area, TPM_ALG_ECC));
    TRY(expect16(&area, TPM_ALG_SHA256));
    TRY(take_u32(&area, &attributes));
    TRY(take_field16(&area, &policy));
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) TRY(expect16(&area, shape[i]));
    TRY(take_field16(&area, &x));
    TRY(take_field16(&area, &y));
    TRY(at_end(area));
    if ((attributes & (NEEDED | DECRYPT)) != NEEDED) return REFUSE(E_DENIED);
    TRY(key_p256_spki(x, y, k.spki));
    *ret = k;
    return DONE;
}

/* Its own row, a free one, or the one that ends first. */
static struct endorse_waiting *row_for(struct endorse *e, const uint8_t token_hash[32])
{
    struct endorse_waiting *best = &e->rows[0];
    for (size_t i = 0; i < ENDORSE_WAITING_MAX; i++) {
        struct endorse_waiting *w = &e->rows[i];
        if (w->live && memcmp(w->token_hash, token_hash, 32) == 0) return w;
        if (best->live && (!w->live || w->until_ms < best->until_ms)) best = w;
    }
    return best;
}

outcome endorse_ask(struct endorse *e, const struct endorse_asked *q, int64_t mono_ms, struct buffer *ret_credential,
    struct buffer *ret_seed)
{
    struct endorse_waiting w = { .live = true, .until_ms = mono_ms + ENDORSE_WAITING_MS };
    uint8_t secret[SECRET_BYTES];
    struct hash h;
    TRY(attestation_key_read(q->ak, &w.what.ak));
    TRY(endorsement_judge(q->certificate, q->roots_pem, &w.what.by));
    port_random(secret, sizeof secret);
    hash_sha256(bytes_of(secret, sizeof secret), &h);
    memcpy(w.secret_hash, h.at, sizeof w.secret_hash);
    memcpy(w.token_hash, q->token_hash, sizeof w.token_hash);
    outcome o = endorsement_wrap(q->certificate, bytes_of(w.what.ak.name, sizeof w.what.ak.name), bytes_of(secret, sizeof secret),
        ret_credential, ret_seed);
    explicit_bzero(secret, sizeof secret);
    TRY(o);
    *row_for(e, q->token_hash) = w;
    return DONE;
}

outcome endorse_answer(struct endorse *e, const uint8_t token_hash[32], struct bytes secret, int64_t mono_ms,
    struct endorsed *ret)
{
    struct endorse_waiting *w = row_for(e, token_hash);
    struct hash h;
    hash_sha256(secret, &h);
    bool asked = w->live && memcmp(w->token_hash, token_hash, 32) == 0 && mono_ms < w->until_ms;
    bool right = asked && bytes_equal_secret(hash_view(&h), bytes_of(w->secret_hash, sizeof w->secret_hash));
    if (asked) w->live = false; /* one try: the next one asks anew */
    if (!right) return REFUSE(E_DENIED);
    *ret = w->what;
    return DONE;
}
