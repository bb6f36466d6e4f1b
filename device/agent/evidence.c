#include "device/agent/evidence.h"

#include "wire/doc.h"

enum { PCRS = 24, PCRS_MAX = 8 };

outcome challenge_read(struct bytes json, struct challenge *ret)
{
    struct arena a = ARENA(16 << 10);
    struct challenge c = { 0 };
    struct doc *d = NULL;
    outcome o = json.n > 4096 ? REFUSE(E_TOO_LARGE) : doc_read_json(json, &a, &d);
    if (ok(o) && d->kind != DOC_MAP) o = REFUSE(E_MALFORMED);
    if (ok(o)) o = hex_to(bytes_str(doc_text(d, "nonce", "")), c.nonce, sizeof c.nonce);
    const struct doc *pcrs = ok(o) ? doc_get(d, "pcrs") : NULL;
    if (ok(o) && (pcrs == NULL || pcrs->kind != DOC_LIST || pcrs->count == 0 || pcrs->count > PCRS_MAX))
        o = REFUSE(E_MALFORMED);
    for (const struct doc *p = ok(o) ? pcrs->first : NULL; ok(o) && p != NULL; p = p->next) {
        if (p->kind != DOC_INT || p->number < 0 || p->number >= PCRS) o = REFUSE(E_RANGE);
        else c.pcrs |= UINT32_C(1) << p->number;
    }
    arena_deinit(&a);
    if (ok(o)) *ret = c;
    return o;
}

static MUST outcome put_base64(struct buffer *b, struct bytes raw)
{
    char text[2048];
    if (4 * ((raw.n + 2) / 3) + 1 > sizeof text) return REFUSE(E_TOO_LARGE);
    base64_of(raw, text);
    return buffer_put(b, bytes_str(text));
}

static MUST outcome put_pcrs(struct tpm *t, uint32_t pcrs, struct buffer *b)
{
    const char *comma = "";
    for (uint8_t i = 0; i < PCRS; i++) {
        uint8_t value[32];
        char hex[65];
        if ((pcrs >> i & 1) == 0) continue;
        TRY(tpm_pcr_read(t, i, value));
        hex_of(bytes_of(value, 32), hex);
        TRY(buffer_fmt(b, "%s\"%u\":\"%s\"", comma, i, hex));
        comma = ",";
    }
    return DONE;
}

static MUST outcome write_parts(struct tpm *t, const struct challenge *c, const char *version,
    struct bytes attest, struct bytes signature, struct buffer *b)
{
    char nonce[65];
    hex_of(bytes_of(c->nonce, 32), nonce);
    TRY(buffer_fmt(b, "{\"nonce\":\"%s\",\"pcrs\":{", nonce));
    TRY(put_pcrs(t, c->pcrs, b));
    TRY(buffer_put(b, BYTES_LIT("},\"quote\":\"")));
    TRY(put_base64(b, attest));
    TRY(buffer_put(b, BYTES_LIT("\",\"signature\":\"")));
    TRY(put_base64(b, signature));
    return buffer_fmt(b, "\",\"version\":\"%s\"}", version);
}

outcome evidence_write(struct tpm *t, struct bytes ak_blob, const struct challenge *c, const char *version,
    struct buffer *ret)
{
    struct buffer attest = BUFFER(1024), signature = BUFFER(1024), text = BUFFER(8192);
    outcome o = tpm_quote(t, ak_blob, c->nonce, c->pcrs, &attest, &signature);
    if (ok(o)) o = write_parts(t, c, version, buffer_view(&attest), buffer_view(&signature), &text);
    if (ok(o)) o = buffer_put(ret, buffer_view(&text));
    buffer_deinit(&attest);
    buffer_deinit(&signature);
    buffer_deinit(&text);
    return o;
}
