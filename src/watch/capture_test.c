#include "watch/capture.h"

#include "base/test.h"

static uint8_t room[4096];

static void put_order(struct out *o, bool swapped, uint32_t v)
{
    put_u32(o, swapped ? __builtin_bswap32(v) : v);
}

static struct bytes pcap(bool swapped, bool nanoseconds)
{
    struct out o = out_of(room, sizeof room);
    put_order(&o, swapped, nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4);
    put_order(&o, swapped, swapped ? 0x00040002 : 0x00020004);
    put_order(&o, swapped, 0);
    put_order(&o, swapped, 0);
    put_order(&o, swapped, 65535);
    put_order(&o, swapped, 113);
    for (uint32_t i = 0; i < 2; i++) {
        put_order(&o, swapped, 1700000000 + i);
        put_order(&o, swapped, nanoseconds ? 250000000 : 250000);
        put_order(&o, swapped, 5);
        put_order(&o, swapped, 60);
        put_str(&o, "hello");
    }
    return out_view(&o);
}

static void classic_files_of_both_orders_and_resolutions(void)
{
    for (int k = 0; k < 4; k++) {
        struct capture c = CAPTURE;
        struct captured p;
        struct bytes in = pcap(k & 1, k & 2);
        CHECK_OK(capture_next(&c, &in, &p));
        CHECK(p.link == 113 && p.at_ms == 1700000000250 && p.wire_bytes == 60 && bytes_equal_str(p.packet, "hello"));
        CHECK_OK(capture_next(&c, &in, &p));
        CHECK(p.at_ms == 1700000001250);
        CHECK_IS(capture_next(&c, &in, &p), E_SHORT);
        CHECK(in.n == 0);
    }
}

/* section, interface (Ethernet, 10^-3 s), a block nobody knows, packet, a section of the other order with its own */
static void put_blocks(struct out *o, bool swapped)
{
    put_order(o, swapped, 0x0A0D0D0A), put_order(o, swapped, 28), put_order(o, swapped, 0x1A2B3C4D), put_order(o, swapped, 1);
    put_u32(o, ~0u), put_u32(o, ~0u), put_order(o, swapped, 28);
    put_order(o, swapped, 1), put_order(o, swapped, 32);
    put_order(o, swapped, swapped ? 0x00000001 : 0x00010000);
    put_order(o, swapped, 0), put_order(o, swapped, swapped ? 0x00010009 : 0x00090001);
    put_u32(o, 0x03000000), put_u32(o, 0), put_order(o, swapped, 32);
    put_order(o, swapped, 0xBAD), put_order(o, swapped, 16), put_u32(o, 7), put_order(o, swapped, 16);
    uint64_t ticks = 1700000000250;
    put_order(o, swapped, 6), put_order(o, swapped, 40), put_order(o, swapped, 0), put_order(o, swapped, (uint32_t)(ticks >> 32));
    put_order(o, swapped, (uint32_t)ticks), put_order(o, swapped, 5), put_order(o, swapped, 99), put_str(o, "world"), put(o, BYTES_LIT("\0\0\0"));
    put_order(o, swapped, 40);
}

static void new_files_with_sections_of_both_orders(void)
{
    struct out o = out_of(room, sizeof room);
    struct capture c = CAPTURE;
    struct captured p;
    put_blocks(&o, false);
    put_blocks(&o, true);
    struct bytes in = out_view(&o);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(capture_next(&c, &in, &p));
        CHECK(p.link == 1 && p.at_ms == 1700000000250 && p.wire_bytes == 99 && bytes_equal_str(p.packet, "world"));
    }
    CHECK_IS(capture_next(&c, &in, &p), E_SHORT);
}

static void whatever_the_bytes_come_in(void)
{
    struct out o = out_of(room, sizeof room);
    put_blocks(&o, false);
    for (size_t n = 0; n < o.n; n++) {
        struct capture c = CAPTURE;
        struct captured p;
        struct bytes in = bytes_of(room, n);
        CHECK_QUIET(capture_next(&c, &in, &p).code == E_SHORT);
    }
    CHECK(true);
}

static void lies_are_refused(void)
{
    struct captured p;
    struct capture c = CAPTURE;
    struct bytes in = BYTES_LIT("\x7f" "ELF and so on");
    CHECK_IS(capture_next(&c, &in, &p), E_UNSUPPORTED);
    struct bytes good = pcap(false, false);
    room[24 + 8] = 0x7F; /* a record of 2 GB */
    c = CAPTURE;
    CHECK_IS(capture_next(&c, &good, &p), E_TOO_LARGE);
    struct out o = out_of(room, sizeof room);
    put_blocks(&o, false);
    room[28 + 7] = 8; /* a block shorter than its own ends */
    in = out_view(&o);
    c = CAPTURE;
    CHECK_IS(capture_next(&c, &in, &p), E_MALFORMED);
    o = out_of(room, sizeof room);
    put_blocks(&o, false);
    room[28 + 32 + 16 + 11] = 9; /* a packet of an interface nobody described */
    in = out_view(&o);
    c = CAPTURE;
    CHECK_IS(capture_next(&c, &in, &p), E_MALFORMED);
}

int main(void)
{
    classic_files_of_both_orders_and_resolutions();
    new_files_with_sections_of_both_orders();
    whatever_the_bytes_come_in();
    lies_are_refused();
    return TEST_END;
}
