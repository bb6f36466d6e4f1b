/* MQTT over WebSocket at the gate: the same certificate and admission, packets across frames, every broken
 * frame answered by its close code. And the lab's doors: no TLS, loopback only. */
#include "gate/rig.h"

#include "wire/ws.h"

#define REQUEST(host) "GET /mqtt HTTP/1.1\r\nHost: " host "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"

/* A client's frame under the mask 0: the bytes as they are. */
static struct bytes frame_of(uint8_t first, struct bytes payload, struct buffer *b)
{
    uint8_t head[14];
    struct out o = out_of(head, sizeof head);
    put_u8(&o, first);
    put_u8(&o, (uint8_t)(0x80 | (payload.n < 126 ? payload.n : 126)));
    if (payload.n >= 126) put_u16(&o, (uint16_t)payload.n);
    put_u32(&o, 0);
    must(buffer_put(b, out_view(&o)));
    must(buffer_put(b, payload));
    return buffer_view(b);
}

static bool opened(struct rig *r, struct rig_peer *p)
{
    uint8_t got[1024];
    outcome o = rig_peer_open(r, LISTENER_WSS, buffer_view(&r->site.device_chain), r->site.device, p);
    if (!ok(o) || !rig_peer_write(p, BYTES_LIT(REQUEST("localhost")))) return false;
    ssize_t n = rig_peer_read(p, got, sizeof got, RIG_WAIT_MS);
    return n > 12 && memcmp(got, "HTTP/1.1 101", 12) == 0;
}

static uint32_t connected(struct rig *r, struct rig_peer *p)
{
    struct rig_record rec;
    struct link_up up;
    struct buffer connect = BUFFER(4096), wire = BUFFER(8192);
    CHECK(opened(r, p));
    CHECK(rig_expect(r, LINK_UP, &rec));
    uint32_t link = rec.link;
    CHECK_OK(link_take_up(rec.rest, &up));
    CHECK(up.listener == LISTENER_WSS && up.has_certificate);
    rig_send_u32(r, LINK_ADMIT, link, 0);
    CHECK(rig_peer_write(p, frame_of(0x82, rig_connect_packet(5, &connect), &wire)));
    CHECK(rig_expect(r, LINK_DATA, &rec) && bytes_equal(rec.rest, buffer_view(&connect)));
    buffer_deinit(&connect);
    buffer_deinit(&wire);
    return link;
}

static void test_flow(struct rig *r)
{
    struct rig_peer p;
    struct rig_record rec;
    uint8_t got[256];
    uint32_t link = connected(r, &p);
    rig_send(r, LINK_SEND, link, bytes_of("\x20\x03\x00\x00\x00", 5));
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 7 && memcmp(got, "\x82\x05\x20\x03\x00\x00\x00", 7) == 0);
    /* a packet across two frames, a ping between them */
    CHECK(rig_peer_write(&p, bytes_of("\x02\x81\0\0\0\0\xc0" "\x89\x81\0\0\0\0p" "\x80\x81\0\0\0\0\x00", 21)));
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2 && rec.rest.at[0] == 0xc0);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 3 && memcmp(got, "\x8a\x01p", 3) == 0);
    /* two packets in one frame */
    CHECK(rig_peer_write(&p, bytes_of("\x82\x84\0\0\0\0\xc0\x00\xc0\x00", 10)));
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2);
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2);
    /* DISCONNECT and the goodbye in one write: both are heard */
    CHECK(rig_peer_write(&p, bytes_of("\x82\x82\0\0\0\0\xe0\x00" "\x88\x82\0\0\0\0\x03\xe8", 16)));
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2 && rec.rest.at[0] == 0xe0);
    CHECK(rig_expect(r, LINK_DOWN, &rec) && rec.link == link && rec.rest.at[0] == LINK_END_PEER);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 4 && memcmp(got, "\x88\x02\x03\xe8", 4) == 0);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
    rig_peer_close(&p);
    /* the core closes: a close frame says so */
    link = connected(r, &p);
    rig_send(r, LINK_CLOSE, link, BYTES_NONE);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 4 && memcmp(got, "\x88\x02\x03\xe8", 4) == 0);
    rig_peer_close(&p);
    CHECK(rig_expect(r, LINK_DOWN, &rec));
}

/* The last bytes before the end are a close frame with this code. */
static bool ends_with_code(struct rig_peer *p, uint16_t code)
{
    uint8_t got[8192];
    size_t n = 0;
    ssize_t some;
    while (n < sizeof got && (some = rig_peer_read(p, got + n, sizeof got - n, RIG_WAIT_MS)) > 0) n += (size_t)some;
    return n >= 4 && got[n - 4] == 0x88 && got[n - 3] == 2 && got[n - 2] == code >> 8 && got[n - 1] == (code & 255);
}

/* N19 with real sockets. */
static void test_broken_frames(struct rig *r)
{
    static const struct { const char *claim; struct bytes in; uint16_t code; } rows[] = {
        { "length 2^63", BYTES_LIT("\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"), 1002 },
        { "unmasked", BYTES_LIT("\x82\x02\xc0\x00"), 1002 },
        { "ping of 126 bytes", BYTES_LIT("\x89\xfe\x00\x7e\0\0\0\0"), 1002 },
        { "text", BYTES_LIT("\x81\x80\0\0\0\0"), 1003 },
        { "a frame over the packet bound", BYTES_LIT("\x82\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0"), 1009 },
    };
    struct rig_peer p;
    struct rig_record rec;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t link = connected(r, &p);
        printf("# %s\n", rows[i].claim);
        CHECK(rig_peer_write(&p, rows[i].in));
        CHECK(ends_with_code(&p, rows[i].code));
        rig_peer_close(&p);
        CHECK(rig_expect(r, LINK_DOWN, &rec) && rec.link == link && rec.rest.at[0] == LINK_END_FRAMING);
    }
    /* fragments without end */
    struct buffer flood = BUFFER(1 << 20);
    connected(r, &p);
    frame_of(0x02, BYTES_LIT("\x30"), &flood);
    for (int i = 0; i < 2000; i++) frame_of(0x00, BYTES_LIT("\xff"), &flood);
    (void)rig_peer_write(&p, buffer_view(&flood));
    CHECK(ends_with_code(&p, 1002));
    rig_peer_close(&p);
    buffer_deinit(&flood);
    CHECK(rig_expect(r, LINK_DOWN, &rec));
}

/* Before CONNECT: a wrong request, and a packet that claims 4,096 bytes and brings 3. */
static void test_before_connect(struct rig *r)
{
    struct rig_peer p;
    struct rig_record rec;
    uint8_t got[1024];
    CHECK_OK(rig_peer_open(r, LISTENER_WSS, buffer_view(&r->site.device_chain), r->site.device, &p));
    CHECK(rig_peer_write(&p, BYTES_LIT("GET /other HTTP/1.1\r\nHost: a\r\n\r\n")));
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) > 12 && memcmp(got, "HTTP/1.1 404", 12) == 0);
    rig_peer_close(&p);
    CHECK(rig_expect(r, LINK_DOWN, &rec));
    CHECK(opened(r, &p));
    CHECK(rig_peer_write(&p, bytes_of("\x82\x86\0\0\0\0\x10\x80\x20\x00\x04M", 12)));
    CHECK(ends_with_code(&p, 1002)); /* by the deadline from accept */
    rig_peer_close(&p);
    CHECK(rig_expect(r, LINK_DOWN, &rec));
    if (ok(rig_peer_open(r, LISTENER_WSS, BYTES_NONE, 0, &p)))
        CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
    rig_peer_close(&p);
    CHECK(rig_expect(r, LINK_REFUSED, &rec));
}

/* A balancer's header before TLS: the client it names is whom the core hears of; without one it is refused. */
static void test_proxy(void)
{
    static const uint8_t header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x30\x39\x22\xb3";
    struct rig r;
    struct rig_record rec;
    struct link_up up;
    struct rig_peer p = { 0 };
    uint8_t b[64], got[64];
    struct out o = out_of(b, sizeof b);
    rig_start(&r, 700, true);
    put_field16(&o, BYTES_LIT("192.0.2.9, 127.0.0.1"));
    rig_send(&r, LINK_PROXIES, 0, out_view(&o));
    rig_configure(&r, 16, 16, 16);
    CHECK(rig_expect(&r, LINK_READY, &rec));
    for (size_t first = 1; first < 28; first += 13) {
        p = (struct rig_peer) { .fd = rig_dial(&r, LISTENER_MQTT) };
        CHECK(send(p.fd, header, first, MSG_NOSIGNAL) == (ssize_t)first);
        CHECK(send(p.fd, header + first, 28 - first, MSG_NOSIGNAL) == (ssize_t)(28 - first));
        CHECK_OK(rig_shake(&r, buffer_view(&r.site.device_chain), r.site.device, &p));
        CHECK(rig_expect(&r, LINK_UP, &rec));
        CHECK_OK(link_take_up(rec.rest, &up));
        CHECK(strcmp(up.source, "192.0.2.7") == 0);
        rig_peer_close(&p);
        CHECK(rig_expect(&r, LINK_DOWN, &rec));
    }
    int bare = rig_dial(&r, LISTENER_MQTT);
    CHECK(send(bare, "\x16\x03\x01\x02\0\x01", 6, MSG_NOSIGNAL) == 6);
    CHECK(rig_receive(bare, got, sizeof got, RIG_WAIT_MS) <= 0);
    CHECK(rig_expect(&r, LINK_REFUSED, &rec) && rec.rest.n > 2 && rec.rest.at[1] == LINK_NO_PROXY_HEADER);
    close(bare);
    int silent = rig_dial(&r, LISTENER_MQTT);
    CHECK(send(silent, header, 20, MSG_NOSIGNAL) == 20);
    CHECK(rig_receive(silent, got, sizeof got, RIG_WAIT_MS) == 0); /* by the deadline */
    close(silent);
    CHECK(rig_stop(&r) == 0);
}

/* The lab: the same doors without TLS. */
static void test_plain(void)
{
    struct rig r;
    struct rig_record rec;
    struct link_up up;
    struct buffer b = BUFFER(4096), wire = BUFFER(8192);
    uint8_t got[1024];
    rig_start_with(&r, (struct gate_options) { .connect_ms = 5000, .plain = true });
    rig_configure(&r, 16, 16, 16);
    CHECK(rig_expect(&r, LINK_READY, &rec));
    for (int i = 0; i < 2; i++) {
        int fd = rig_dial(&r, i ? LISTENER_WSS : LISTENER_MQTT);
        CHECK(rig_expect(&r, LINK_UP, &rec));
        CHECK_OK(link_take_up(rec.rest, &up));
        CHECK(!up.has_certificate && up.tls_version == 0);
        rig_send_u32(&r, LINK_ADMIT, rec.link, 0);
        b.n = wire.n = 0;
        struct bytes packet = rig_connect_packet(4, &b);
        if (i) {
            CHECK(send(fd, REQUEST("localhost"), sizeof REQUEST("localhost") - 1, MSG_NOSIGNAL) > 0);
            CHECK(rig_receive(fd, got, sizeof got, RIG_WAIT_MS) > 12 && memcmp(got, "HTTP/1.1 101", 12) == 0);
            packet = frame_of(0x82, packet, &wire);
        }
        CHECK(send(fd, packet.at, packet.n, MSG_NOSIGNAL) == (ssize_t)packet.n);
        CHECK(rig_expect(&r, LINK_DATA, &rec) && bytes_equal(rec.rest, buffer_view(&b)));
        close(fd);
        CHECK(rig_expect(&r, LINK_DOWN, &rec));
    }
    CHECK(rig_stop(&r) == 0);
    buffer_deinit(&b);
    buffer_deinit(&wire);
}

int main(void)
{
    struct rig r;
    struct rig_record rec;
    rig_start(&r, 700, true);
    rig_configure(&r, 64, 64, 64);
    CHECK(rig_expect(&r, LINK_READY, &rec));
    test_flow(&r);
    test_broken_frames(&r);
    test_before_connect(&r);
    CHECK(rig_stop(&r) == 0);
    test_plain();
    test_proxy();
    return TEST_END;
}
