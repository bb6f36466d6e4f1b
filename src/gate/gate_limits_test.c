/* The gate's bounds, each reached: time, bytes, connections, handshakes, descriptors. */
#include <sys/resource.h>
#include <time.h>

#include "gate/rig.h"

static bool refused(struct rig *r, enum link_refusal why)
{
    struct rig_record rec;
    while (rig_expect(r, LINK_REFUSED, &rec))
        if (rec.rest.n > 1 && rec.rest.at[1] == why) return true;
    return false;
}

static bool closed(int fd)
{
    uint8_t b[256];
    ssize_t n;
    while ((n = rig_receive(fd, b, sizeof b, RIG_WAIT_MS)) > 0) { }
    return n == 0 || n == -2;
}

static void start(struct rig *r, int connect_ms, uint32_t handshakes, uint32_t all, uint32_t one)
{
    struct rig_record rec;
    rig_start(r, connect_ms, true);
    rig_configure(r, handshakes, all, one);
    CHECK(rig_expect(r, LINK_READY, &rec));
}

/* Before CONNECT nobody has longer than the deadline, however far he got. */
static void test_deadline(void)
{
    struct rig r;
    struct rig_record rec;
    struct rig_peer p;
    start(&r, 300, 256, 1000, 1000);
    int64_t from = port_mono_ms();
    int silent = rig_dial(&r, LISTENER_MQTT), one_byte = rig_dial(&r, LISTENER_MQTT);
    int half_request = rig_dial(&r, LISTENER_CONSOLE);
    CHECK(send(one_byte, "\x16", 1, MSG_NOSIGNAL) == 1);
    CHECK(send(half_request, "GET / HT", 8, MSG_NOSIGNAL) == 8);
    CHECK(rig_expect(&r, LINK_UP, &rec));
    rig_send_u32(&r, LINK_ADMIT, rec.link, 60000);
    CHECK_OK(rig_device_open(&r, &p));
    CHECK(rig_expect(&r, LINK_UP, &rec));
    rig_send_u32(&r, LINK_ADMIT, rec.link, 60000);
    CHECK(rig_peer_write(&p, bytes_of("\x10\x10\x00\x04", 4))); /* and no more */
    CHECK(closed(silent) && closed(one_byte) && closed(half_request));
    CHECK(refused(&r, LINK_TIMEOUT));
    CHECK(closed(p.fd));
    int64_t took = port_mono_ms() - from;
    CHECK(took >= 300 && took < 300 + RIG_WAIT_MS);
    close(silent);
    close(one_byte);
    close(half_request);
    rig_peer_close(&p);
    CHECK(rig_stop(&r) == 0);
}

/* Before CONNECT nobody gets more than 4 KiB kept, whatever length he announces. */
static void test_first_bytes(void)
{
    struct rig r;
    struct rig_peer p;
    uint8_t got[64];
    struct buffer b = BUFFER(16384);
    static char user[4100];
    memset(user, 'u', sizeof user);
    start(&r, 10000, 256, 1000, 1000);
    CHECK_OK(rig_device_open(&r, &p)); /* N2 */
    CHECK(rig_peer_write(&p, bytes_of("\x10\xff\xff\xff\x7f", 5)));
    CHECK(closed(p.fd));
    CHECK(refused(&r, LINK_FIRST_PACKET));
    rig_peer_close(&p);
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("gw-01"),
        .has_user = true, .user = bytes_of(user, sizeof user) };
    CHECK_OK(mqtt_write_connect(&c, &b));
    CHECK_OK(rig_device_open(&r, &p));
    CHECK(rig_peer_write(&p, buffer_view(&b)));
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 5 && got[0] == 0x20 && got[3] == 0x95);
    CHECK(rig_peer_read(&p, got, sizeof got, RIG_WAIT_MS) == 0);
    rig_peer_close(&p);
    buffer_deinit(&b);
    CHECK(rig_stop(&r) == 0);
}

static void test_caps(void)
{
    struct rig r;
    struct rig_record rec;
    int fds[4];
    start(&r, 10000, 256, 1000, 3);
    for (int i = 0; i < 4; i++) fds[i] = rig_dial(&r, LISTENER_CONSOLE);
    for (int i = 0; i < 3; i++) CHECK(rig_expect(&r, LINK_UP, &rec));
    CHECK(closed(fds[3])); /* the fourth of one source */
    CHECK(refused(&r, LINK_TOO_MANY));
    close(fds[0]);
    CHECK(rig_expect(&r, LINK_DOWN, &rec));
    close(fds[3]);
    fds[0] = rig_dial(&r, LISTENER_CONSOLE); /* a place is free again */
    CHECK(rig_expect(&r, LINK_UP, &rec));
    for (int i = 0; i < 3; i++) close(fds[i]);
    CHECK(rig_stop(&r) == 0);
}

/* Strangers who hold every handshake slot do not keep a device out: the oldest makes room. */
static void test_handshake_slots(void)
{
    enum { STRANGERS = 8 };
    struct rig r;
    struct rig_peer p;
    struct rig_record rec;
    int fds[STRANGERS];
    start(&r, 60000, 4, 1000, 1000);
    for (int i = 0; i < STRANGERS; i++) fds[i] = rig_dial(&r, LISTENER_MQTT);
    int64_t from = port_mono_ms();
    CHECK_OK(rig_device_open(&r, &p));
    CHECK(rig_expect(&r, LINK_UP, &rec));
    CHECK(port_mono_ms() - from < 4000);
    rig_peer_close(&p);
    for (int i = 0; i < STRANGERS; i++) close(fds[i]);
    CHECK(rig_stop(&r) == 0);
}

/* All peers together are bounded too: past it the greedy go, the modest stay. */
static void test_memory(void)
{
    enum { PEERS = 3 };
    struct rig r;
    struct rig_peer p[PEERS];
    struct rig_record rec;
    static uint8_t part[700000] = { 0x30, 0xff, 0xff, 0x79 }; /* of a PUBLISH of 1,998,847 bytes */
    struct buffer b = BUFFER(4096);
    struct bytes connect = rig_connect_packet(5, &b);
    rig_start_with(&r, (struct gate_options) { .connect_ms = 10000, .memory = 2000000, .sandbox = true });
    rig_configure(&r, 256, 1000, 1000);
    CHECK(rig_expect(&r, LINK_READY, &rec));
    for (int i = 0; i < PEERS; i++) {
        CHECK_OK(rig_device_open(&r, &p[i]));
        CHECK(rig_expect(&r, LINK_UP, &rec));
        rig_send_u32(&r, LINK_ADMIT, rec.link, 0);
        CHECK(rig_peer_write(&p[i], connect));
        CHECK(rig_expect(&r, LINK_DATA, &rec));
    }
    for (int i = 1; i < PEERS; i++) (void)rig_peer_write(&p[i], bytes_of(part, sizeof part));
    CHECK(rig_expect(&r, LINK_DOWN, &rec));
    CHECK(rec.rest.n == 1 && rec.rest.at[0] == LINK_END_SLOW);
    CHECK(rig_peer_write(&p[0], bytes_of("\xc0\x00", 2)));
    CHECK(rig_expect(&r, LINK_DATA, &rec) && rec.rest.n == 2);
    for (int i = 0; i < PEERS; i++) rig_peer_close(&p[i]);
    buffer_deinit(&b);
    CHECK(rig_stop(&r) == 0);
}

static int64_t cpu_ms(pid_t pid)
{
    clockid_t clock;
    struct timespec t = { 0 };
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return -1;
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* N56 descriptors run out: accepting pauses without spinning, and goes on when some are free. */
static void test_descriptors(void)
{
    enum { DIALS = 60 };
    struct rig r;
    struct rig_record rec;
    struct rlimit was, low;
    int fds[DIALS];
    CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
    low = (struct rlimit) { 48, was.rlim_max };
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    rig_start(&r, 60000, true);
    CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
    rig_configure(&r, 256, 1000, 1000);
    CHECK(rig_expect(&r, LINK_READY, &rec));
    for (int i = 0; i < DIALS; i++) fds[i] = rig_dial(&r, LISTENER_CONSOLE);
    CHECK(refused(&r, LINK_TOO_MANY));
    int64_t cpu = cpu_ms(r.gate), from = port_mono_ms();
    while (rig_take(&r, 500, &rec)) { }
    int64_t spent = cpu_ms(r.gate) - cpu, took = port_mono_ms() - from;
    printf("# %lld ms of CPU in %lld ms\n", (long long)spent, (long long)took);
    CHECK(spent * 20 <= took);
    for (int i = 0; i < DIALS; i++) close(fds[i]);
    CHECK(rig_expect(&r, LINK_DOWN, &rec));
    int again = rig_dial(&r, LISTENER_CONSOLE);
    CHECK(rig_expect(&r, LINK_UP, &rec));
    close(again);
    CHECK(rig_stop(&r) == 0);
}

/* Hot reload of the trust, from inside the sandbox. */
static void test_fresh_trust(void)
{
    struct rig r;
    struct rig_peer p;
    struct rig_record rec;
    static uint8_t b[65536];
    struct rig_site other;
    start(&r, 10000, 256, 1000, 1000);
    rig_site_make(&other);
    struct out o = out_of(b, sizeof b);
    put_field32(&o, buffer_view(&r.site.chain));
    put_field32(&o, buffer_view(&other.ca));
    put_field32(&o, BYTES_NONE);
    rig_send(&r, LINK_TRUST, 0, out_view(&o));
    for (;;) { /* until it has taken effect, our own device is still let in */
        if (!ok(rig_device_open(&r, &p)) || closed(p.fd)) break;
        rig_peer_close(&p);
    }
    rig_peer_close(&p);
    CHECK(refused(&r, LINK_FOREIGN_CERTIFICATE));
    CHECK_OK(rig_peer_open(&r, LISTENER_MQTT, buffer_view(&other.device_chain), other.device, &p));
    CHECK(rig_expect(&r, LINK_UP, &rec));
    rig_peer_close(&p);
    rig_site_free(&other);
    CHECK(rig_stop(&r) == 0);
}

/* What cannot be served is not served at all. */
static void test_refuses_to_serve(void)
{
    struct rig r;
    rig_start(&r, 1000, true);
    r.console = "0.0.0.0"; /* a plain door for the world */
    rig_configure(&r, 1, 1, 1);
    int status = -1;
    CHECK(waitpid(r.gate, &status, 0) == r.gate && WIFEXITED(status) && WEXITSTATUS(status) == 1);
    r.gate = fork();
    if (r.gate == 0) _exit(0);
    CHECK(rig_stop(&r) == 0);

    rig_start(&r, 1000, true);
    rig_send(&r, LINK_UP, 0, BYTES_NONE); /* not the core's to say */
    CHECK(waitpid(r.gate, &status, 0) == r.gate && WIFEXITED(status) && WEXITSTATUS(status) == 1);
    r.gate = fork();
    if (r.gate == 0) _exit(0);
    CHECK(rig_stop(&r) == 0);
}

static uint32_t placed(struct rig *r, struct rig_peer *p, uint8_t place)
{
    struct rig_record rec;
    struct buffer b = BUFFER(4096);
    CHECK_OK(rig_device_open(r, p));
    CHECK(rig_expect(r, LINK_UP, &rec));
    uint32_t link = rec.link;
    rig_send_u32(r, LINK_ADMIT, link, 0);
    rig_send(r, LINK_PLACE, link, bytes_of(&place, 1));
    CHECK(rig_peer_write(p, rig_connect_packet(5, &b)));
    CHECK(rig_expect(r, LINK_DATA, &rec));
    buffer_deinit(&b);
    return link;
}

/* The ring's consumer sleeps: a flood of the last place fills a small part of the ring and waits, what the first place
 * says stands right behind that part, and the core hears that somebody waits. */
static void test_places(void)
{
    enum { UNIT = 10000, UNITS = 100, SHARE = CHANNEL_RING_BYTES >> 6 }; /* place 3 of 0..3 */
    static uint8_t unit[UNIT];
    struct rig r;
    struct rig_peer flood, first;
    struct rig_record rec;
    struct mqtt_publish p = { .qos = 0, .topic = BYTES_LIT("t"), .payload = bytes_of(unit, UNIT) };
    struct buffer b = BUFFER(2 * UNIT);
    start(&r, 10000, 256, 1000, 1000);
    uint32_t last_link = placed(&r, &flood, 200), first_link = placed(&r, &first, 0); /* 200: as far back as there is */
    CHECK_OK(mqtt_write_publish(5, &p, &b));
    for (int i = 0; i < UNITS; i++) CHECK_QUIET(rig_peer_write(&flood, buffer_view(&b)));
    usleep(700000); /* nobody takes: longer than the gate waits before it says that it is behind */
    p.payload = BYTES_LIT("now");
    b.n = 0;
    CHECK_OK(mqtt_write_publish(5, &p, &b));
    CHECK(rig_peer_write(&first, buffer_view(&b)));
    usleep(100000);
    size_t before = 0, after = 0;
    bool behind = false, came = false;
    while (after + before < UNITS && rig_take(&r, RIG_WAIT_MS, &rec)) {
        behind |= rec.kind == LINK_BEHIND;
        came |= rec.kind == LINK_DATA && rec.link == first_link;
        if (rec.kind == LINK_DATA && rec.link == last_link) *(came ? &after : &before) += 1;
    }
    printf("# %zu of the flood's units before the first mission's, %zu after\n", before, after);
    CHECK(came && behind);
    CHECK(before >= 1 && before * UNIT <= SHARE + 2 * UNIT);
    CHECK(before + after == UNITS); /* waited, not lost */
    buffer_deinit(&b);
    rig_peer_close(&flood);
    rig_peer_close(&first);
    CHECK(rig_stop(&r) == 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_deadline();
    test_first_bytes();
    test_caps();
    test_handshake_slots();
    test_memory();
    test_descriptors();
    test_fresh_trust();
    test_refuses_to_serve();
    test_places();
    return TEST_END;
}
