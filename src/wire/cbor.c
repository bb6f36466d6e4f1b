/* See cbor.h. */
#include "wire/cbor.h"

static MUST outcome argument(struct bytes *in, unsigned info, uint64_t *ret)
{
    uint8_t one;
    uint16_t two;
    uint32_t four;
    switch (info) {
    case 24: TRY(take_u8(in, &one)); *ret = one; return DONE;
    case 25: TRY(take_u16(in, &two)); *ret = two; return DONE;
    case 26: TRY(take_u32(in, &four)); *ret = four; return DONE;
    case 27: return take_u64(in, ret);
    default: *ret = info; return info < 24 ? DONE : REFUSE(E_MALFORMED); /* reserved, or of no definite length */
    }
}

/* RFC 8949, 4.2.1: the shortest form; what a float is written with has no shorter one. */
static bool shortest(enum cbor_major major, unsigned info, uint64_t v)
{
    static const uint64_t least[] = { 24, 1u << 8, 1u << 16, (uint64_t)1 << 32 };
    if (major == CBOR_SIMPLE) return info != 24 || v >= 32;
    return info < 24 || v >= least[info - 24];
}

outcome cbor_take_head(struct bytes *in, struct cbor_head *ret)
{
    struct bytes rest = *in;
    uint8_t first;
    uint64_t v;
    TRY(take_u8(&rest, &first));
    enum cbor_major major = (enum cbor_major)(first >> 5);
    TRY(argument(&rest, first & 31, &v));
    if (!shortest(major, first & 31, v)) return REFUSE(E_MALFORMED);
    *ret = (struct cbor_head) { major, v };
    *in = rest;
    return DONE;
}

static MUST outcome take_string(struct bytes *in, enum cbor_major want, struct bytes *ret)
{
    struct bytes rest = *in;
    struct cbor_head h;
    TRY(cbor_take_head(&rest, &h));
    if (h.major != want) return REFUSE(E_MALFORMED);
    if (h.value > rest.n) return REFUSE(E_SHORT);
    TRY(take(&rest, (size_t)h.value, ret));
    *in = rest;
    return DONE;
}

outcome cbor_take_bytes(struct bytes *in, struct bytes *ret)
{
    return take_string(in, CBOR_BYTES, ret);
}

outcome cbor_take_text(struct bytes *in, struct bytes *ret)
{
    return take_string(in, CBOR_TEXT, ret);
}

outcome cbor_take_int(struct bytes *in, int64_t *ret)
{
    struct bytes rest = *in;
    struct cbor_head h;
    TRY(cbor_take_head(&rest, &h));
    if (h.major > CBOR_NEGATIVE || h.value > INT64_MAX) return REFUSE(E_MALFORMED);
    *ret = h.major == CBOR_UINT ? (int64_t)h.value : -1 - (int64_t)h.value;
    *in = rest;
    return DONE;
}

outcome cbor_take_map(struct bytes *in, uint64_t *ret_pairs)
{
    struct bytes rest = *in;
    struct cbor_head h;
    TRY(cbor_take_head(&rest, &h));
    if (h.major != CBOR_MAP) return REFUSE(E_MALFORMED);
    *ret_pairs = h.value;
    *in = rest;
    return DONE;
}

/* Items still to come are counted, not recursed into; each takes at least one byte, so what is left bounds them. */
outcome cbor_skip(struct bytes *in)
{
    struct bytes rest = *in;
    for (uint64_t items = 1; items; items--) {
        struct cbor_head h;
        struct bytes inside;
        TRY(cbor_take_head(&rest, &h));
        if (h.major >= CBOR_BYTES && h.major <= CBOR_MAP && h.value > rest.n) return REFUSE(E_SHORT);
        if (h.major == CBOR_BYTES || h.major == CBOR_TEXT) TRY(take(&rest, (size_t)h.value, &inside));
        else if (h.major == CBOR_LIST) items += h.value;
        else if (h.major == CBOR_MAP) items += 2 * h.value;
        else if (h.major == CBOR_TAG) items++;
        if (items - 1 > rest.n) return REFUSE(E_SHORT);
    }
    *in = rest;
    return DONE;
}

void cbor_put_head(struct out *o, enum cbor_major major, uint64_t value)
{
    uint8_t top = (uint8_t)(major << 5);
    if (value < 24) put_u8(o, (uint8_t)(top | value));
    else if (value < 1u << 8) {
        put_u8(o, top | 24);
        put_u8(o, (uint8_t)value);
    } else if (value < 1u << 16) {
        put_u8(o, top | 25);
        put_u16(o, (uint16_t)value);
    } else if (value < (uint64_t)1 << 32) {
        put_u8(o, top | 26);
        put_u32(o, (uint32_t)value);
    } else {
        put_u8(o, top | 27);
        put_u64(o, value);
    }
}
