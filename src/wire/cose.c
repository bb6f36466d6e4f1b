#include "wire/cose.h"

#include "wire/cbor.h"

enum { TAG_SIGN1 = 18, LABEL_ALG = 1, LABEL_CRIT = 2, LABEL_KID = 4, PAIRS_MAX = 16 };

static MUST outcome is_head(struct bytes *in, enum cbor_major major, uint64_t value)
{
    struct cbor_head h;
    TRY(cbor_take_head(in, &h));
    return h.major == major && h.value == value ? DONE : REFUSE(E_MALFORMED);
}

/* A label is an integer or a text; of texts we know none. */
static MUST outcome label_take(struct bytes *in, int64_t *ret)
{
    if (in->n > 0 && in->at[0] >> 5 == CBOR_TEXT) {
        *ret = 0;
        return cbor_skip(in);
    }
    return cbor_take_int(in, ret);
}

static MUST outcome protected_one(struct bytes *in, int64_t label, struct cose_sign1 *c)
{
    if (label == LABEL_CRIT) return REFUSE(E_UNSUPPORTED);
    if (label == LABEL_ALG) return cbor_take_int(in, &c->algorithm);
    return label == LABEL_KID ? cbor_take_bytes(in, &c->kid) : cbor_skip(in);
}

static MUST outcome unprotected_one(struct bytes *in, int64_t label, struct cose_sign1 *c)
{
    if (label == LABEL_KID && c->kid.n == 0) return cbor_take_bytes(in, &c->kid);
    return label == COSE_SPKI ? cbor_take_bytes(in, &c->spki) : cbor_skip(in);
}

static MUST outcome headers(struct bytes *in, struct cose_sign1 *c, outcome (*one)(struct bytes *in, int64_t label, struct cose_sign1 *c))
{
    uint64_t pairs;
    int64_t label;
    TRY(cbor_take_map(in, &pairs));
    if (pairs > PAIRS_MAX) return REFUSE(E_TOO_LARGE);
    for (uint64_t i = 0; i < pairs; i++) {
        TRY(label_take(in, &label));
        TRY(one(in, label, c));
    }
    return DONE;
}

outcome cose_read(struct bytes in, struct cose_sign1 *ret)
{
    struct cose_sign1 c = { 0 };
    struct bytes inside;
    TRY(is_head(&in, CBOR_TAG, TAG_SIGN1));
    TRY(is_head(&in, CBOR_LIST, 4));
    TRY(cbor_take_bytes(&in, &c.protected));
    inside = c.protected;
    if (inside.n > 0) TRY(headers(&inside, &c, protected_one)); /* RFC 9052, 3: none may be an empty string */
    TRY(at_end(inside));
    TRY(headers(&in, &c, unprotected_one));
    TRY(cbor_take_bytes(&in, &c.payload));
    TRY(cbor_take_bytes(&in, &c.signature));
    TRY(at_end(in));
    *ret = c;
    return DONE;
}

/* A head is at most 9 bytes. */
static MUST outcome put_head(struct buffer *b, enum cbor_major major, uint64_t value)
{
    uint8_t head[9];
    struct out o = out_of(head, sizeof head);
    cbor_put_head(&o, major, value);
    TRY(out_done(&o));
    return buffer_put(b, out_view(&o));
}

static MUST outcome put_string(struct buffer *b, enum cbor_major major, struct bytes text)
{
    TRY(put_head(b, major, text.n));
    return buffer_put(b, text);
}

outcome cose_signed(struct bytes protected, struct bytes payload, struct buffer *ret)
{
    ret->n = 0;
    TRY(put_head(ret, CBOR_LIST, 4));
    TRY(put_string(ret, CBOR_TEXT, BYTES_LIT("Signature1")));
    TRY(put_string(ret, CBOR_BYTES, protected));
    TRY(put_string(ret, CBOR_BYTES, BYTES_NONE)); /* nothing outside the message is signed with it */
    return put_string(ret, CBOR_BYTES, payload);
}

outcome cose_protected(struct bytes kid, struct buffer *ret)
{
    ret->n = 0;
    TRY(put_head(ret, CBOR_MAP, 2));
    TRY(put_head(ret, CBOR_UINT, LABEL_ALG));
    TRY(put_head(ret, CBOR_NEGATIVE, -1 - COSE_ES256));
    TRY(put_head(ret, CBOR_UINT, LABEL_KID));
    return put_string(ret, CBOR_BYTES, kid);
}

outcome cose_write(const struct cose_sign1 *c, struct buffer *ret)
{
    TRY(put_head(ret, CBOR_TAG, TAG_SIGN1));
    TRY(put_head(ret, CBOR_LIST, 4));
    TRY(put_string(ret, CBOR_BYTES, c->protected));
    TRY(put_head(ret, CBOR_MAP, 1));
    TRY(put_head(ret, CBOR_NEGATIVE, -1 - COSE_SPKI));
    TRY(put_string(ret, CBOR_BYTES, c->spki));
    TRY(put_string(ret, CBOR_BYTES, c->payload));
    return put_string(ret, CBOR_BYTES, c->signature);
}
