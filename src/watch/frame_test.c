#include "watch/frame.h"

#include "base/test.h"
#include "watch/packets_test.h"

static struct made m;

static void from_the_wire_to_the_payload(void)
{
    static const struct ends rows[] = { { "10.0.0.1", "10.0.0.2", TRANSPORT_TCP, 40000, 502, TCP_ACK, 77 },
        { "10.0.0.1", "10.0.0.2", TRANSPORT_UDP, 40000, 53, 0, 0 }, { "fd00::1", "fd00::2", TRANSPORT_TCP, 40000, 8883, TCP_SYN, 9 },
        { "fd00::1", "ff02::fb", TRANSPORT_UDP, 5353, 5353, 0, 0 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct frame f;
        struct bytes p = made_packet(&m, &rows[i], BYTES_LIT("payload"));
        CHECK_OK(frame_read(1, p, &f));
        CHECK(f.kind == FRAME_IP && f.has_ports && f.from_port == rows[i].from_port && f.to_port == rows[i].to_port);
        CHECK(bytes_equal_str(f.payload, "payload") && f.tcp_seq == rows[i].seq && f.tcp_flags == rows[i].flags);
        CHECK(f.has_mac && f.mac_from[5] == 1);
        for (size_t n = 0; n < p.n - 7; n++) CHECK_QUIET(!ok(frame_read(1, bytes_of(p.at, n), &f)));
    }
}

/* Padding behind an IPv4 packet is not payload. */
static void padding_is_left_out(void)
{
    struct frame f;
    const struct ends e = { "10.0.0.1", "10.0.0.2", TRANSPORT_TCP, 1, 2, TCP_ACK, 0 };
    made_packet(&m, &e, BYTES_NONE);
    put(&m.o, BYTES_LIT("\0\0\0\0\0\0"));
    CHECK_OK(frame_read(1, out_view(&m.o), &f));
    CHECK(f.payload.n == 0);
}

static void fragments_have_no_ports(void)
{
    struct frame f;
    const struct ends four = { "10.0.0.1", "10.0.0.2", TRANSPORT_UDP, 1, 2, 0, 0 };
    struct bytes p = made_packet(&m, &four, BYTES_LIT("01234567"));
    m.room[14 + 6] = 0x20; /* the first one: more to come */
    CHECK_OK(frame_read(1, p, &f));
    CHECK(f.has_ports && !f.fragment);
    m.room[14 + 7] = 5;
    CHECK_OK(frame_read(1, p, &f));
    CHECK(f.fragment && !f.has_ports && f.transport == TRANSPORT_UDP);
}

/* Hop-by-hop, routing and a fragment header before UDP, made of a packet whose first header they replace. */
static struct bytes extended(uint8_t offset, size_t more)
{
    static const struct ends e = { "fd00::1", "fd00::2", 0, 0, 0, 0, 0 };
    uint8_t room[512];
    struct out o = out_of(room, sizeof room);
    put(&o, BYTES_LIT("\x2b\0\1\4\0\0\0\0" "\x2c\0\0\0\0\0\0\0"));
    for (size_t i = 0; i < more; i++) put(&o, BYTES_LIT("\x3c\0\1\4\0\0\0\0"));
    put(&o, BYTES_LIT("\x11\0\0"));
    put_u8(&o, offset);
    put(&o, BYTES_LIT("\0\0\0\7" "\0\x35\x30\0\0\x0a\0\0hi"));
    return made_packet(&m, &e, out_view(&o));
}

static void extension_headers_are_walked_and_bounded(void)
{
    struct frame f;
    CHECK_OK(frame_read(1, extended(1, 0), &f)); /* offset 0, more to come */
    CHECK(f.transport == TRANSPORT_UDP && f.from_port == 53 && bytes_equal_str(f.payload, "hi"));
    CHECK_OK(frame_read(1, extended(8, 0), &f));
    CHECK(f.fragment && !f.has_ports);
    struct bytes p = extended(1, 20);
    m.room[14 + 40 + 8] = 60; /* the routing header leads into the twenty */
    CHECK_IS(frame_read(1, p, &f), E_MALFORMED);
}

static void tags_and_other_links(void)
{
    struct frame f;
    const struct ends e = { "10.0.0.1", "10.0.0.2", TRANSPORT_UDP, 1, 2, 0, 0 };
    struct bytes p = made_packet(&m, &e, BYTES_LIT("x"));
    uint8_t room[256];
    struct out o = out_of(room, sizeof room);
    put(&o, bytes_of(p.at, 12));
    put(&o, BYTES_LIT("\x88\xa8\x00\x07\x81\x00\x20\x2a"));
    put(&o, bytes_of(p.at + 12, p.n - 12));
    CHECK_OK(frame_read(1, out_view(&o), &f));
    CHECK(f.vlan == 42 && f.to_port == 2);
    struct bytes ip = bytes_of(p.at + 14, p.n - 14);
    CHECK_OK(frame_read(101, ip, &f));
    CHECK(!f.has_mac && f.to_port == 2);
    o = out_of(room, sizeof room);
    put(&o, BYTES_LIT("\0\0\0\1\0\6\2\0\0\0\0\x09\0\0\x08\0"));
    put(&o, ip);
    CHECK_OK(frame_read(113, out_view(&o), &f));
    CHECK(f.has_mac && f.mac_from[5] == 9 && f.to_port == 2);
    CHECK_IS(frame_read(105, p, &f), E_UNSUPPORTED); /* radio frames */
}

static void arp_tells_who_asks_for_whom(void)
{
    struct frame f;
    CHECK_OK(frame_read(1, made_arp(&m, true, 9, "10.0.0.9", "10.0.0.1"), &f));
    CHECK(f.kind == FRAME_ARP && f.arp_request && f.mac_from[5] == 9 && last_byte("10.0.0.9") == f.from.at[3] && f.to.at[3] == 1);
}

int main(void)
{
    from_the_wire_to_the_payload();
    padding_is_left_out();
    fragments_have_no_ports();
    extension_headers_are_walked_and_bounded();
    tags_and_other_links();
    arp_tells_who_asks_for_whom();
    return TEST_END;
}
