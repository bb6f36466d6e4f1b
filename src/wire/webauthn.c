/* See webauthn.h. */
#include "wire/webauthn.h"

#include "wire/cbor.h"

#define ASSERTION_MARK "WAN1"
enum { COSE_KTY = 1, COSE_ALG = 3, COSE_CRV = -1, COSE_X = -2, COSE_Y = -3, KTY_OKP = 1, KTY_EC2 = 2, CRV_P256 = 1, CRV_ED25519 = 6 };

/* DER before the point: RFC 5480 (P-256, uncompressed), RFC 8410 (Ed25519). */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
static const uint8_t ed25519_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

struct cose { int64_t kty, alg, crv; struct bytes x, y; unsigned seen; };

static MUST outcome cose_member(struct bytes *in, struct cose *c)
{
    int64_t label;
    unsigned bit = 0;
    TRY(cbor_take_int(in, &label));
    switch (label) {
    case COSE_KTY: bit = 1; TRY(cbor_take_int(in, &c->kty)); break;
    case COSE_ALG: bit = 2; TRY(cbor_take_int(in, &c->alg)); break;
    case COSE_CRV: bit = 4; TRY(cbor_take_int(in, &c->crv)); break;
    case COSE_X: bit = 8; TRY(cbor_take_bytes(in, &c->x)); break;
    case COSE_Y: bit = 16; TRY(cbor_take_bytes(in, &c->y)); break;
    default: return REFUSE(E_UNSUPPORTED);
    }
    if (c->seen & bit) return REFUSE(E_MALFORMED);
    c->seen |= bit;
    return DONE;
}

/* The key as SubjectPublicKeyInfo: what the rest of the house knows keys by. */
static MUST outcome cose_spki(const struct cose *c, struct webauthn_data *ret)
{
    struct out o = out_of(ret->spki, sizeof ret->spki);
    bool ec = c->kty == KTY_EC2 && c->alg == WEBAUTHN_ES256 && c->crv == CRV_P256 && c->seen == 31;
    bool ed = c->kty == KTY_OKP && c->alg == WEBAUTHN_EDDSA && c->crv == CRV_ED25519 && c->seen == 15;
    if (!ec && !ed) return REFUSE(E_UNSUPPORTED);
    if (c->x.n != 32 || (ec && c->y.n != 32)) return REFUSE(E_MALFORMED);
    put(&o, ec ? bytes_of(p256_head, sizeof p256_head) : bytes_of(ed25519_head, sizeof ed25519_head));
    put(&o, c->x);
    if (ec) put(&o, c->y);
    TRY(out_done(&o));
    ret->spki_n = o.n;
    ret->algorithm = (int)c->alg;
    return DONE;
}

static MUST outcome take_key(struct bytes *in, struct webauthn_data *ret)
{
    struct bytes aaguid;
    uint16_t id_n;
    uint64_t pairs;
    struct cose c = { 0 };
    TRY(take(in, 16, &aaguid));
    TRY(take_u16(in, &id_n));
    if (id_n == 0 || id_n > WEBAUTHN_ID_MAX) return REFUSE(E_TOO_LARGE);
    TRY(take(in, id_n, &ret->credential));
    TRY(cbor_take_map(in, &pairs));
    if (pairs > 5) return REFUSE(E_UNSUPPORTED);
    for (uint64_t i = 0; i < pairs; i++) TRY(cose_member(in, &c));
    return cose_spki(&c, ret);
}

outcome webauthn_read_data(struct bytes in, struct webauthn_data *ret)
{
    struct webauthn_data d = { 0 };
    TRY(take(&in, 32, &d.rp_hash));
    TRY(take_u8(&in, &d.flags));
    TRY(take_u32(&in, &d.count));
    if (d.flags & WEBAUTHN_HAS_KEY) TRY(take_key(&in, &d));
    if (d.flags & WEBAUTHN_HAS_EXTENSIONS) TRY(cbor_skip(&in));
    TRY(at_end(in));
    *ret = d;
    return DONE;
}

outcome webauthn_read_attestation(struct bytes in, struct bytes *ret_data)
{
    uint64_t pairs, inside;
    struct bytes name, format = BYTES_NONE, data = BYTES_NONE;
    TRY(cbor_take_map(&in, &pairs));
    if (pairs != 3) return REFUSE(E_MALFORMED);
    for (unsigned i = 0; i < 3; i++) {
        TRY(cbor_take_text(&in, &name));
        if (bytes_equal_str(name, "fmt") && !format.at) TRY(cbor_take_text(&in, &format));
        else if (bytes_equal_str(name, "authData") && !data.at) TRY(cbor_take_bytes(&in, &data));
        else if (bytes_equal_str(name, "attStmt")) {
            TRY(cbor_take_map(&in, &inside));
            if (inside) return REFUSE(E_UNSUPPORTED);
        } else return REFUSE(E_MALFORMED);
    }
    TRY(at_end(in));
    if (!bytes_equal_str(format, "none")) return REFUSE(E_UNSUPPORTED);
    if (!data.at) return REFUSE(E_MALFORMED);
    *ret_data = data;
    return DONE;
}

outcome webauthn_read_client(struct bytes json, struct arena *a, struct webauthn_client *ret)
{
    struct doc *d;
    TRY(doc_read_json(json, a, &d));
    struct webauthn_client c = { doc_text(d, "type", ""), doc_text(d, "challenge", ""), doc_text(d, "origin", ""), doc_bool(d, "crossOrigin", false) };
    if (!c.type[0] || !c.challenge[0] || !c.origin[0]) return REFUSE(E_MALFORMED);
    *ret = c;
    return DONE;
}

void webauthn_base64url(struct bytes b, char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = 0;
    for (size_t i = 0; i < b.n; i += 3) {
        uint32_t v = (uint32_t)b.at[i] << 16 | (uint32_t)(i + 1 < b.n ? b.at[i + 1] : 0) << 8 | (uint32_t)(i + 2 < b.n ? b.at[i + 2] : 0);
        size_t chars = b.n - i >= 3 ? 4 : b.n - i + 1;
        for (size_t k = 0; k < chars; k++) text[n++] = letters[v >> (18 - 6 * k) & 63];
    }
    text[n] = 0;
}

outcome webauthn_read_assertion(struct bytes in, struct webauthn_assertion *ret)
{
    struct bytes mark;
    struct webauthn_assertion a;
    TRY(take(&in, 4, &mark));
    if (!bytes_equal_str(mark, ASSERTION_MARK)) return REFUSE(E_UNKNOWN);
    TRY(take_field16(&in, &a.data));
    TRY(take_field16(&in, &a.client));
    TRY(take_field16(&in, &a.signature));
    TRY(at_end(in));
    *ret = a;
    return DONE;
}

void webauthn_put_assertion(struct out *o, const struct webauthn_assertion *a)
{
    put_str(o, ASSERTION_MARK);
    put_field16(o, a->data);
    put_field16(o, a->client);
    put_field16(o, a->signature);
}
