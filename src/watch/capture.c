#include "watch/capture.h"

enum { BLOCK_SECTION = 0x0A0D0D0A, BLOCK_INTERFACE = 1, BLOCK_PACKET_OLD = 2, BLOCK_SIMPLE = 3, BLOCK_PACKET = 6, ORDER = 0x1A2B3C4D,
    OPTION_RESOLUTION = 9, OPTIONS_MAX = 64, MICROSECONDS = 6 };

static MUST outcome take32(const struct capture *c, struct bytes *in, uint32_t *ret)
{
    TRY(take_u32(in, ret));
    if (c->swapped) *ret = __builtin_bswap32(*ret);
    return DONE;
}

static MUST outcome take16(const struct capture *c, struct bytes *in, uint16_t *ret)
{
    TRY(take_u16(in, ret));
    if (c->swapped) *ret = __builtin_bswap16(*ret);
    return DONE;
}

/* A time stamp in units of 10^-r or 2^-r seconds (if_tsresol), in milliseconds. */
static int64_t milliseconds(uint64_t ticks, uint8_t resolution)
{
    unsigned power = resolution & 0x7F;
    if (resolution & 0x80) {
        if (power > 63) return 0;
        uint64_t s = ticks >> power, part = power ? ticks & ((UINT64_MAX) >> (64 - power)) : 0;
        if (power > 32) part >>= power - 32, power = 32;
        return (int64_t)((s & INT32_MAX) * 1000 + (part * 1000 >> power));
    }
    if (power > 19) return 0;
    uint64_t ms = ticks;
    for (; power > 3; power--) ms /= 10;
    for (; power < 3; power++) ms = ms < INT64_MAX / 10 ? ms * 10 : INT64_MAX / 10;
    return (int64_t)(ms & INT64_MAX);
}

static MUST outcome start(struct capture *c, struct bytes *in)
{
    static const struct { uint32_t magic, ticks_s; bool swapped; } rows[] = { { 0xA1B2C3D4, 1000000, false },
        { 0xD4C3B2A1, 1000000, true }, { 0xA1B23C4D, 1000000000, false }, { 0x4D3CB2A1, 1000000000, true } };
    struct bytes all = *in;
    uint32_t magic = 0, link = 0;
    struct bytes skipped;
    TRY(take_u32(&all, &magic));
    if (magic == BLOCK_SECTION) {
        c->kind = CAPTURE_PCAPNG;
        return DONE;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].magic != magic) continue;
        c->swapped = rows[i].swapped;
        TRY(take(&all, 16, &skipped)); /* version, zone, accuracy, longest packet */
        TRY(take32(c, &all, &link));
        c->interfaces[0].link = (uint16_t)link; /* the upper bits tell about frame check sequences */
        c->n_interfaces = 1;
        c->ticks_s = rows[i].ticks_s;
        c->kind = CAPTURE_PCAP;
        *in = all;
        return DONE;
    }
    return REFUSE(E_UNSUPPORTED);
}

static MUST outcome pcap_next(struct capture *c, struct bytes *in, struct captured *ret)
{
    struct bytes all = *in;
    struct captured p = { .link = c->interfaces[0].link };
    uint32_t s = 0, part = 0, n = 0;
    TRY(take32(c, &all, &s));
    TRY(take32(c, &all, &part));
    TRY(take32(c, &all, &n));
    TRY(take32(c, &all, &p.wire_bytes));
    if (n > CAPTURE_RECORD_MAX) return REFUSE(E_TOO_LARGE);
    TRY(take(&all, n, &p.packet));
    p.at_ms = (int64_t)s * 1000 + part / (c->ticks_s / 1000);
    *in = all;
    *ret = p;
    return DONE;
}

/* A block's body; the block's length stands at both ends. */
static MUST outcome block(const struct capture *c, struct bytes *in, uint32_t *ret_type, struct bytes *ret_body)
{
    struct bytes all = *in;
    uint32_t n = 0, again = 0;
    TRY(take32(c, &all, ret_type));
    TRY(take32(c, &all, &n));
    if (n > CAPTURE_RECORD_MAX) return REFUSE(E_TOO_LARGE);
    if (n < 12 || n % 4) return REFUSE(E_MALFORMED);
    TRY(take(&all, n - 12, ret_body));
    TRY(take32(c, &all, &again));
    if (again != n) return REFUSE(E_MALFORMED);
    *in = all;
    return DONE;
}

/* A section may be of another byte order than the one before: it says so behind its length. */
static MUST outcome order(struct capture *c, struct bytes in)
{
    uint32_t type = 0, n = 0, word = 0;
    TRY(take_u32(&in, &type));
    if (type != BLOCK_SECTION) return DONE;
    TRY(take_u32(&in, &n));
    TRY(take_u32(&in, &word));
    if (word != ORDER && word != __builtin_bswap32(ORDER)) return REFUSE(E_MALFORMED);
    c->swapped = word != ORDER;
    c->n_interfaces = 0;
    return DONE;
}

static MUST outcome interface_read(struct capture *c, struct bytes body)
{
    uint16_t link = 0, code = 0, n = 0;
    struct bytes value;
    uint8_t resolution = MICROSECONDS;
    TRY(take16(c, &body, &link));
    TRY(take(&body, 6, &value)); /* reserved, longest packet */
    for (int i = 0; i < OPTIONS_MAX && body.n >= 4; i++) {
        TRY(take16(c, &body, &code));
        TRY(take16(c, &body, &n));
        TRY(take(&body, ((size_t)n + 3) & ~(size_t)3, &value));
        if (code == 0) break;
        if (code == OPTION_RESOLUTION && n) resolution = value.at[0];
    }
    if (c->n_interfaces == CAPTURE_INTERFACES_MAX) return REFUSE(E_FULL);
    c->interfaces[c->n_interfaces].link = link;
    c->interfaces[c->n_interfaces++].resolution = resolution;
    return DONE;
}

static MUST outcome packet_read(const struct capture *c, uint32_t type, struct bytes body, struct captured *ret)
{
    struct captured p = { 0 };
    uint32_t which = 0, high = 0, low = 0, n = 0;
    uint16_t narrow = 0, drops = 0;
    if (type == BLOCK_PACKET) TRY(take32(c, &body, &which));
    if (type == BLOCK_PACKET_OLD) {
        TRY(take16(c, &body, &narrow));
        TRY(take16(c, &body, &drops));
        which = narrow;
    }
    if (type != BLOCK_SIMPLE) {
        TRY(take32(c, &body, &high));
        TRY(take32(c, &body, &low));
        TRY(take32(c, &body, &n));
    }
    TRY(take32(c, &body, &p.wire_bytes));
    if (type == BLOCK_SIMPLE) n = (uint32_t)(p.wire_bytes < body.n ? p.wire_bytes : body.n);
    if (which >= c->n_interfaces) return REFUSE(E_MALFORMED);
    TRY(take(&body, n, &p.packet));
    p.link = c->interfaces[which].link;
    p.at_ms = milliseconds((uint64_t)high << 32 | low, c->interfaces[which].resolution);
    *ret = p;
    return DONE;
}

/* What is short inside a block that is whole will not get longer. */
static outcome whole(outcome o)
{
    return o.code == E_SHORT ? REFUSE(E_MALFORMED) : o;
}

static MUST outcome pcapng_next(struct capture *c, struct bytes *in, struct captured *ret)
{
    while (in->n) { /* every turn takes a block of 12 bytes or more */
        uint32_t type = 0;
        struct bytes body;
        TRY(order(c, *in));
        TRY(block(c, in, &type, &body));
        if (type == BLOCK_INTERFACE) TRY(whole(interface_read(c, body)));
        if (type == BLOCK_PACKET || type == BLOCK_SIMPLE || type == BLOCK_PACKET_OLD) return whole(packet_read(c, type, body, ret));
    }
    return REFUSE(E_SHORT);
}

outcome capture_next(struct capture *c, struct bytes *in, struct captured *ret)
{
    if (c->kind == CAPTURE_START) TRY(start(c, in));
    return c->kind == CAPTURE_PCAP ? pcap_next(c, in, ret) : pcapng_next(c, in, ret);
}
