/* The gate as a process of its own, sandboxed, with real sockets and TLS, before a made-up core. */
#include "gate/rig.h"

static void check_down(struct rig *r, uint32_t link, enum link_end end)
{
    struct rig_record rec;
    CHECK(rig_expect(r, LINK_DOWN, &rec));
    CHECK(rec.link == link);
    if (rec.rest.n != 1 || rec.rest.at[0] != end)
        printf("# end %d\n", rec.rest.n ? rec.rest.at[0] : -1);
    CHECK(rec.rest.n == 1 && rec.rest.at[0] == end);
}

static void check_refused(struct rig *r, enum listener l, enum link_refusal why)
{
    struct rig_record rec;
    uint8_t listener = 99, reason = 99;
    uint32_t count = 0;
    struct bytes source = BYTES_NONE;
    CHECK(rig_expect(r, LINK_REFUSED, &rec));
    bool whole = ok(take_u8(&rec.rest, &listener)) && ok(take_u8(&rec.rest, &reason))
        && ok(take_u32(&rec.rest, &count)) && ok(take_field16(&rec.rest, &source));
    if (reason != why) printf("# refused: %s\n", link_refusal_word((enum link_refusal)reason));
    CHECK(whole && listener == l && reason == why && count >= 1);
    CHECK(bytes_equal_str(source, "127.0.0.1"));
}

/* A device's link up to the admitted CONNECT; returns the link. */
static uint32_t admitted(struct rig *r, struct rig_peer *p, uint8_t version, uint32_t idle_ms)
{
    struct rig_record rec;
    struct buffer b = BUFFER(4096);
    CHECK_OK(rig_device_open(r, p));
    CHECK(rig_expect(r, LINK_UP, &rec));
    uint32_t link = rec.link;
    rig_send_u32(r, LINK_ADMIT, link, idle_ms);
    CHECK(rig_peer_write(p, rig_connect_packet(version, &b)));
    CHECK(rig_expect(r, LINK_DATA, &rec));
    CHECK(rec.link == link && bytes_equal(rec.rest, buffer_view(&b)));
    buffer_deinit(&b);
    return link;
}

static void test_mqtt(struct rig *r)
{
    struct rig_peer p;
    struct rig_record rec;
    struct link_up up;
    struct buffer b = BUFFER(4096);
    uint8_t got[256];
    CHECK_OK(rig_device_open(r, &p));
    CHECK(rig_expect(r, LINK_UP, &rec));
    CHECK_OK(link_take_up(rec.rest, &up));
    struct hash id;
    CHECK_OK(key_id(r->site.device, &id));
    CHECK(up.listener == LISTENER_MQTT && up.has_certificate && !up.expired);
    CHECK(memcmp(up.key_hash, &id, 32) == 0);
    CHECK(strcmp(up.source, "127.0.0.1") == 0 && up.tls_version == 0x0304 && up.serial_n > 0);
    /* nothing of the peer's goes on before admission */
    CHECK(rig_peer_write(&p, rig_connect_packet(5, &b)));
    CHECK(!rig_take(r, 50, &rec));
    rig_send_u32(r, LINK_ADMIT, rec.link = rec.link, 0);
    CHECK(rig_expect(r, LINK_DATA, &rec));
    CHECK(bytes_equal(rec.rest, buffer_view(&b)));
    uint32_t link = rec.link;
    rig_send(r, LINK_SEND, link, bytes_of("\x20\x03\x00\x00\x00", 5));
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 5 && got[0] == 0x20);
    /* two packets and a half in one write */
    CHECK(rig_peer_write(&p, bytes_of("\xc0\x00\xc0\x00\xc0", 5)));
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2);
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2);
    CHECK(!rig_take(r, 30, &rec));
    CHECK(rig_peer_write(&p, bytes_of("\x00", 1)));
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2);
    /* the core closes: what it sent before arrives first */
    rig_send(r, LINK_SEND, link, bytes_of("\xe0\x02\x87\x00", 4));
    rig_send(r, LINK_CLOSE, link, BYTES_NONE);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 4 && got[2] == 0x87);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
    check_down(r, link, LINK_END_ASKED);
    rig_peer_close(&p);
    /* the peer closes after a last packet: the packet first, then the end */
    link = admitted(r, &p, 4, 0);
    CHECK(rig_peer_write(&p, bytes_of("\xe0\x00", 2)));
    rig_peer_close(&p);
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 2 && rec.rest.at[0] == 0xe0);
    CHECK(rig_expect(r, LINK_DOWN, &rec) && rec.link == link);
    buffer_deinit(&b);
}

/* A link the core does not admit is told so in the form of its own CONNECT. */
static void test_denied(struct rig *r)
{
    for (uint8_t version = 4; version <= 5; version++) {
        struct rig_peer p;
        struct rig_record rec;
        struct buffer b = BUFFER(4096);
        uint8_t got[64];
        CHECK_OK(rig_device_open(r, &p));
        CHECK(rig_expect(r, LINK_UP, &rec));
        rig_send(r, LINK_CLOSE, rec.link, BYTES_NONE);
        check_down(r, rec.link, LINK_END_ASKED);
        CHECK(rig_peer_write(&p, rig_connect_packet(version, &b)));
        ssize_t n = rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS);
        CHECK(version == 5 ? n == 5 && got[3] == 0x87 : n == 4 && got[3] == 5);
        CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
        rig_peer_close(&p);
        buffer_deinit(&b);
    }
}

static void test_large_packet(struct rig *r)
{
    struct rig_peer p;
    struct rig_record rec;
    static uint8_t payload[1900000];
    struct buffer b = BUFFER(2000000);
    uint32_t link = admitted(r, &p, 5, 0);
    for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t)(i * 7);
    struct mqtt_publish m = { .topic = BYTES_LIT("t"), .payload = bytes_of(payload, sizeof payload) };
    CHECK_OK(mqtt_write_publish(5, &m, &b));
    CHECK(rig_peer_write(&p, buffer_view(&b)));
    CHECK(rig_expect(r, LINK_DATA, &rec));
    CHECK(rec.link == link && bytes_equal(rec.rest, buffer_view(&b)));
    rig_peer_close(&p);
    check_down(r, link, LINK_END_PEER);
    buffer_deinit(&b);
}

static void test_strangers(struct rig *r)
{
    struct rig_peer p;
    uint8_t got[256];
    /* no certificate */
    if (ok(rig_peer_open(r, LISTENER_MQTT, BYTES_NONE, 0, &p)))
        CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
    rig_peer_close(&p);
    check_refused(r, LISTENER_MQTT, LINK_NO_CERTIFICATE);
    /* another site's */
    struct rig_site other;
    rig_site_make(&other);
    if (ok(rig_peer_open(r, LISTENER_MQTT, buffer_view(&other.device_chain), other.device, &p)))
        CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
    rig_peer_close(&p);
    rig_site_free(&other);
    check_refused(r, LISTENER_MQTT, LINK_FOREIGN_CERTIFICATE);
    /* plaintext to TLS: no alert has a meaning there */
    int fd = rig_dial(r, LISTENER_MQTT);
    CHECK(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
    CHECK(rig_receive(fd, got, sizeof got, RIG_WAIT_MS) == 0);
    close(fd);
    check_refused(r, LISTENER_MQTT, LINK_TLS_OTHER);
    /* N21 a TLS 1.2 hello: the alert protocol_version comes back, then the end */
    uint8_t hello[5 + 4 + 41] = { 22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3 };
    memcpy(hello + sizeof hello - 7, "\x00\x00\x02\xc0\x2f\x01\x00", 7);
    fd = rig_dial(r, LISTENER_MQTT);
    CHECK(send(fd, hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello);
    ssize_t n = rig_receive(fd, got, sizeof got, RIG_WAIT_MS);
    CHECK(n == 7 && got[0] == 21 && got[6] == 70);
    CHECK(rig_receive(fd, got, sizeof got, RIG_WAIT_MS) == 0);
    close(fd);
    check_refused(r, LISTENER_MQTT, LINK_TLS_VERSION);
    /* a good device whose first packet is none */
    CHECK_OK(rig_device_open(r, &p));
    CHECK(rig_peer_write(&p, bytes_of("\x30\x05\x00\x01" "a" "hi", 7)));
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
    rig_peer_close(&p);
    struct rig_record rec;
    CHECK(rig_expect(r, LINK_UP, &rec));
    check_down(r, rec.link, LINK_END_FRAMING);
    check_refused(r, LISTENER_MQTT, LINK_FIRST_PACKET);
}

static void http_once(struct rig *r, int fd, const char *request, const char *response)
{
    struct rig_record rec;
    char got[256];
    CHECK(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
    CHECK(rig_expect(r, LINK_DATA, &rec));
    CHECK(bytes_equal_str(rec.rest, request));
    rig_send(r, LINK_SEND, rec.link, bytes_str(response));
    ssize_t n = rig_receive(fd, got, sizeof got, RIG_WAIT_MS);
    CHECK(n == (ssize_t)strlen(response) && memcmp(got, response, (size_t)n) == 0);
}

static void test_console(struct rig *r)
{
    struct rig_record rec;
    struct link_up up;
    char got[2048] = "";
    int fd = rig_dial(r, LISTENER_CONSOLE);
    CHECK(rig_expect(r, LINK_UP, &rec));
    CHECK_OK(link_take_up(rec.rest, &up));
    CHECK(up.listener == LISTENER_CONSOLE && !up.has_certificate && up.tls_version == 0);
    uint32_t link = rec.link;
    rig_send_u32(r, LINK_ADMIT, link, 30000);
    http_once(r, fd, "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n");
    http_once(r, fd, "POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "two");
    /* pipelined: the second waits for the answer to the first, a broken third is refused after it */
    static const char three[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nbad\n\n";
    CHECK(send(fd, three, sizeof three - 1, MSG_NOSIGNAL) > 0);
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 28 && rec.rest.at[5] == '1');
    CHECK(!rig_take(r, 30, &rec));
    rig_send(r, LINK_SEND, link, BYTES_LIT("one"));
    CHECK(rig_expect(r, LINK_DATA, &rec) && rec.rest.n == 28 && rec.rest.at[5] == '2');
    rig_send(r, LINK_SEND, link, BYTES_LIT("two"));
    size_t n = 0;
    for (ssize_t more; (more = rig_receive(fd, got + n, sizeof got - 1 - n, RIG_WAIT_MS)) > 0;)
        n += (size_t)more;
    CHECK(strncmp(got, "onetwoHTTP/1.1 400 ", 19) == 0);
    check_down(r, link, LINK_END_FRAMING);
    close(fd);
    check_refused(r, LISTENER_CONSOLE, LINK_FRAMING);
}

static void test_https_and_est(struct rig *r)
{
    struct rig_peer p;
    struct rig_record rec;
    struct link_up up;
    uint8_t got[64];
    static const enum listener doors[] = { LISTENER_HTTPS, LISTENER_EST };
    for (int i = 0; i < 2; i++) {
        CHECK_OK(rig_peer_open(r, doors[i], BYTES_NONE, 0, &p));
        CHECK(rig_expect(r, LINK_UP, &rec));
        CHECK_OK(link_take_up(rec.rest, &up));
        CHECK(up.listener == doors[i] && !up.has_certificate && up.tls_version == 0x0304);
        rig_send_u32(r, LINK_ADMIT, rec.link, 30000);
        CHECK(rig_peer_write(&p, BYTES_LIT("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")));
        CHECK(rig_expect(r, LINK_DATA, &rec));
        rig_send(r, LINK_SEND, rec.link, BYTES_LIT("fine"));
        CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 4);
        rig_peer_close(&p);
        check_down(r, rec.link, LINK_END_PEER);
    }
    /* EST with a certificate of ours */
    CHECK_OK(rig_peer_open(
        r, LISTENER_EST, buffer_view(&r->site.device_chain), r->site.device, &p));
    CHECK(rig_expect(r, LINK_UP, &rec));
    CHECK_OK(link_take_up(rec.rest, &up));
    CHECK(up.has_certificate && !up.expired);
    rig_peer_close(&p);
    check_down(r, rec.link, LINK_END_PEER);
}

static void test_idle(struct rig *r)
{
    struct rig_peer p;
    uint8_t got[64];
    uint32_t link = admitted(r, &p, 5, 0);
    int64_t from = port_mono_ms();
    rig_send_u32(r, LINK_IDLE, link, 150);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 4 && got[0] == 0xe0 && got[2] == 0x8d);
    CHECK(port_mono_ms() - from >= 150);
    check_down(r, link, LINK_END_IDLE);
    rig_peer_close(&p);
}

/* The core stops reading: the gate stops reading too, and nothing is lost. */
static void test_backpressure(struct rig *r)
{
    enum { PACKET = 65536, COUNT = 400 }; /* 25 MiB through a ring of 4 */
    struct rig_peer p;
    struct rig_record rec;
    static uint8_t payload[PACKET];
    uint32_t link = admitted(r, &p, 5, 0);
    fflush(stdout);
    pid_t writer = fork();
    assert(writer >= 0);
    if (writer == 0) {
        for (uint32_t i = 0; i < COUNT; i++) {
            struct buffer b = BUFFER(2 * PACKET);
            memcpy(payload, &i, sizeof i);
            struct mqtt_publish m = { .topic = BYTES_LIT("t"), .payload = bytes_of(payload, PACKET) };
            if (!ok(mqtt_write_publish(5, &m, &b))) _exit(1);
            if (!rig_peer_write(&p, buffer_view(&b))) _exit(2);
            buffer_deinit(&b);
        }
        _exit(0);
    }
    int status;
    CHECK(waitpid(writer, &status, WNOHANG) == 0);
    usleep(200000); /* lets the ring fill; the test holds whatever the time */
    CHECK(waitpid(writer, &status, WNOHANG) == 0); /* it is held up */
    bool ordered = true;
    uint32_t seen = 0;
    for (; seen < COUNT && rig_expect(r, LINK_DATA, &rec); seen++) {
        uint32_t i;
        memcpy(&i, rec.rest.at + rec.rest.n - PACKET, sizeof i);
        ordered = ordered && i == seen;
    }
    CHECK(seen == COUNT);
    CHECK(ordered);
    CHECK(waitpid(writer, &status, 0) == writer && status == 0);
    rig_send(r, LINK_CLOSE, link, BYTES_NONE);
    check_down(r, link, LINK_END_ASKED);
    rig_peer_close(&p);
}

/* A peer that does not read is cut off at its bound. */
static void test_slow(struct rig *r)
{
    struct rig_peer p;
    struct rig_record rec;
    static uint8_t block[262144];
    uint32_t link = admitted(r, &p, 5, 0);
    bool down = false;
    for (int i = 0; i < 200 && !down; i++) {
        uint8_t head[8];
        struct out o = out_of(head, sizeof head);
        link_put_head(&o, LINK_SEND, link);
        struct bytes parts[] = { out_view(&o), bytes_of(block, sizeof block) };
        while (!ok(ring_put(&r->core.put, parts, 2)) && !down) down = rig_take(r, 5, &rec);
        ring_flush(&r->core.put);
        if (!down) down = rig_take(r, 0, &rec);
    }
    if (!down) down = rig_take(r, RIG_WAIT_MS, &rec);
    CHECK(down && rec.kind == LINK_DOWN && rec.link == link && rec.rest.at[0] == LINK_END_SLOW);
    rig_peer_close(&p);
}

/* The core is replaced: everybody is sent away with a reason, the doors stay. */
static void test_fresh_core(struct rig *r)
{
    struct rig_peer five, three;
    struct rig_record rec;
    uint8_t got[64];
    admitted(r, &five, 5, 0);
    admitted(r, &three, 4, 0);
    int console = rig_dial(r, LISTENER_CONSOLE);
    CHECK(rig_expect(r, LINK_UP, &rec));
    rig_fresh_channel(r);
    CHECK(rig_peer_read(&five, got, sizeof got, RIG_WAIT_MS) == 4 && got[0] == 0xe0 && got[2] == 0x89);
    CHECK(rig_peer_read(&five, got, sizeof got, RIG_WAIT_MS) == 0);
    CHECK(rig_peer_read(&three, got, sizeof got, RIG_WAIT_MS) == 0);
    CHECK(rig_receive(console, got, sizeof got, RIG_WAIT_MS) == 0);
    rig_peer_close(&five);
    rig_peer_close(&three);
    close(console);
    /* dialled while there is no core: waits in the backlog, then is served */
    int early = rig_dial(r, LISTENER_CONSOLE);
    CHECK(!rig_take(r, 50, &rec));
    rig_configure(r, 256, 20000, 20000);
    CHECK(rig_expect(r, LINK_READY, &rec) && rec.rest.n == 1 && rec.rest.at[0] == LISTENERS);
    CHECK(rig_expect(r, LINK_UP, &rec));
    close(early);
    check_down(r, rec.link, LINK_END_PEER);
}

/* Without a seal handshakes pause; with a fresh one they go on. */
static void test_fresh_seal(struct rig *r)
{
    struct rig_peer p;
    uint8_t got[64];
    rig_seal_stop(r);
    int fd = rig_dial(r, LISTENER_MQTT);
    CHECK(rig_receive(fd, got, sizeof got, 50) == -1); /* neither served nor refused */
    close(fd);
    rig_seal_start(r);
    uint32_t link = admitted(r, &p, 5, 0);
    rig_peer_close(&p);
    check_down(r, link, LINK_END_PEER);
}

/* A seal that hangs costs the live links one wait, not one for each stranger. */
static void test_hung_seal(struct rig *r)
{
    int pair[2];
    struct rig_peer p;
    rig_seal_stop(r);
    must(port_pair(pair));
    must(port_pass(r->control, CHANNEL_SEAL, &pair[1], 1));
    close(pair[1]);
    int64_t from = port_mono_ms();
    for (int i = 0; i < 4; i++) {
        CHECK(!ok(rig_device_open(r, &p)));
        rig_peer_close(&p);
    }
    int64_t took = port_mono_ms() - from;
    CHECK(took >= 1000 && took < 2000);
    close(pair[0]);
    rig_seal_start(r); /* a fresh one is asked at once */
    uint32_t link = admitted(r, &p, 5, 0);
    rig_peer_close(&p);
    check_down(r, link, LINK_END_PEER);
}

static void test_all(bool sandbox)
{
    struct rig r;
    struct rig_record rec;
    rig_start(&r, 10000, sandbox);
    rig_configure(&r, 256, 20000, 20000);
    CHECK(rig_expect(&r, LINK_READY, &rec) && rec.rest.n == 1 && rec.rest.at[0] == LISTENERS);
    test_mqtt(&r);
    test_denied(&r);
    test_large_packet(&r);
    test_strangers(&r);
    test_console(&r);
    test_https_and_est(&r);
    test_idle(&r);
    test_backpressure(&r);
    test_slow(&r);
    test_fresh_core(&r);
    test_fresh_seal(&r);
    test_hung_seal(&r);
    CHECK(rig_stop(&r) == 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_all(true);
    test_all(false); /* once more where a leak checker can look */
    return TEST_END;
}
