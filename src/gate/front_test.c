#include "gate/front.h"

#include "base/test.h"
#include "wire/mqtt.h"

static struct buffer answer = BUFFER(8192);

static struct front_step mqtt(struct front *f, const void *at, size_t n)
{
    answer.n = 0;
    /* an exact-size copy, so that a sanitizer sees a read past the end */
    uint8_t *copy = mem_new(n ? n : 1);
    assert(copy);
    memcpy(copy, at, n);
    struct front_step s = front_mqtt(f, bytes_of(copy, n), &answer);
    mem_free(copy);
    return s;
}

static struct bytes connect_packet(uint8_t version, struct buffer *b)
{
    struct mqtt_connect c = { .version = version, .clean_start = true, .keep_alive_s = 30,
        .client_id = BYTES_LIT("pump-1") };
    outcome o = mqtt_write_connect(&c, b);
    assert(ok(o));
    return buffer_view(b);
}

static void test_connect_byte_by_byte(void)
{
    for (uint8_t version = 4; version <= 5; version++) {
        struct buffer b = BUFFER(4096);
        struct bytes p = connect_packet(version, &b);
        bool waits = true;
        for (size_t n = 1; n < p.n; n++) {
            struct front f = { 0 };
            waits = waits && mqtt(&f, p.at, n).does == FRONT_WAIT && answer.n == 0;
        }
        CHECK(waits);
        struct front f = { 0 };
        struct front_step s = mqtt(&f, p.at, p.n);
        CHECK(s.does == FRONT_FORWARD && s.n == p.n && f.greeted && f.version == version);
        buffer_deinit(&b);
    }
}

/* Every one-byte change either stays a CONNECT, waits, or is refused; never anything else. */
static void test_connect_changed(void)
{
    struct buffer b = BUFFER(4096);
    struct bytes p = connect_packet(5, &b);
    bool fine = true;
    for (size_t at = 0; at < p.n; at++)
        for (int v = 0; v < 256; v++) {
            struct front f = { 0 };
            uint8_t was = b.at[at];
            b.at[at] = (uint8_t)v;
            struct front_step s = mqtt(&f, p.at, p.n);
            b.at[at] = was;
            if (s.does == FRONT_FORWARD) fine = fine && f.greeted && s.n <= p.n;
            else fine = fine && !f.greeted;
            if (at == 0 && v >> 4 != MQTT_CONNECT) fine = fine && s.does == FRONT_REFUSE;
        }
    CHECK(fine);
    buffer_deinit(&b);
}

/* Whatever is no CONNECT is refused at its first byte: nothing of it is waited for or kept. */
static void test_first_byte(void)
{
    for (int v = 0; v < 256; v++) {
        struct front f = { 0 };
        uint8_t first = (uint8_t)v;
        struct front_step s = mqtt(&f, &first, 1);
        if (v >> 4 == MQTT_CONNECT) CHECK_QUIET(v != MQTT_CONNECT << 4 || s.does == FRONT_WAIT);
        else CHECK_QUIET(s.does == FRONT_REFUSE && s.why == LINK_FIRST_PACKET && answer.n == 0);
    }
}

static void test_first_packet(void)
{
    static const struct {
        const char *claim;
        const char *in;
        size_t n;
        const char *want;
        size_t want_n;
    } rows[] = {
        { "N1: PUBLISH first", "\x30\x05\x00\x01" "a" "hi", 7, "", 0 },
        { "N1: CONNACK first (2021-28166)", "\x20\x02\x00\x00", 4, "", 0 },
        { "N1: type 0", "\x00\x00", 2, "", 0 },
        { "N1: AUTH first", "\xf0\x00", 2, "", 0 },
        { "N2: 256 MB announced", "\x10\xff\xff\xff\x7f", 5, "", 0 },
        { "N2: too large, v5, says so", "\x10\xff\xff\xff\x7f\x00\x04MQTT\x05", 12,
            "\x20\x03\x00\x95\x00", 5 },
        { "N3: length of five bytes", "\x10\xff\xff\xff\xff\x01", 6, "", 0 },
        { "unknown level 6 is told in v5", "\x10\x0d\x00\x04MQTT\x06\x02\x00\x1e\x00\x00\x01" "a", 15,
            "\x20\x03\x00\x84\x00", 5 },
        { "level 3 is told in 3.1.1", "\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x1e\x00\x01" "a", 17,
            "\x20\x02\x00\x01", 4 },
        { "3.1.1 without a client id, not clean", "\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00", 14,
            "\x20\x02\x00\x02", 4 },
        { "garbage", "GET / HTTP/1.1\r\n\r\n", 18, "", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front f = { 0 };
        struct front_step s = mqtt(&f, rows[i].in, rows[i].n);
        bool good = s.does == FRONT_REFUSE && s.why == LINK_FIRST_PACKET && !f.greeted
            && bytes_equal(buffer_view(&answer), bytes_of(rows[i].want, rows[i].want_n));
        if (!good) printf("# %s (does %d, answer %zu)\n", rows[i].claim, s.does, answer.n);
        CHECK(good);
    }
}

static void test_framing_afterwards(void)
{
    struct front f = { .greeted = true, .version = 5 };
    struct front_step s = mqtt(&f, "\xc0\x00\xc0\x00", 4);
    CHECK(s.does == FRONT_FORWARD && s.n == 2);
    CHECK(mqtt(&f, "\x30", 1).does == FRONT_WAIT);
    CHECK(mqtt(&f, "\x30\x80\x80\x7a", 4).does == FRONT_WAIT); /* 1,998,848 bytes: may come */
    s = mqtt(&f, "\x30\xff\xff\xff\x7f", 5);
    CHECK(s.does == FRONT_REFUSE && s.why == LINK_FRAMING);
    CHECK(bytes_equal(buffer_view(&answer), bytes_of("\xe0\x02\x95\x00", 4)));
    s = mqtt(&f, "\x30\x80\x00", 3); /* not minimal */
    CHECK(s.does == FRONT_REFUSE);
    CHECK(bytes_equal(buffer_view(&answer), bytes_of("\xe0\x02\x81\x00", 4)));
    f.version = 4; /* 3.1.1 has no DISCONNECT from the server */
    s = mqtt(&f, "\x30\xff\xff\xff\xff\x01", 6);
    CHECK(s.does == FRONT_REFUSE && answer.n == 0);
}

static struct front_step http(struct front *f, const char *text)
{
    answer.n = 0;
    return front_http(f, bytes_str(text), &answer);
}

static bool answered(const char *status)
{
    return bytes_starts(buffer_view(&answer), bytes_str(status));
}

static void test_http(void)
{
    struct front f = { 0 };
    struct front_step s = http(&f, "GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /ready");
    CHECK(s.does == FRONT_FORWARD && s.n == 33 && f.greeted);
    CHECK(http(&f, "GET /health HTTP/1.1\r\nHost: a\r\n").does == FRONT_WAIT);
    const char *half = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    CHECK(http(&f, half).does == FRONT_WAIT);
    CHECK(answered("HTTP/1.1 100 "));
    CHECK(http(&f, half).does == FRONT_WAIT);
    CHECK(answer.n == 0); /* once */
    char whole[256];
    snprintf(whole, sizeof whole, "%sabcdNEXT", half);
    s = http(&f, whole);
    CHECK(s.does == FRONT_FORWARD && s.n == strlen(half) + 4 && !f.continued);

    CHECK(http(&f, "GET / HTTP/1.1\nHost: a\n\n").does == FRONT_REFUSE); /* N20 bare LF */
    CHECK(answered("HTTP/1.1 400 "));
    s = http(&f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(s.does == FRONT_REFUSE && s.why == LINK_FRAMING); /* N20 CL+TE */
    s = http(&f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n");
    CHECK(s.does == FRONT_REFUSE && answered("HTTP/1.1 413 "));

    static char large[65536]; /* N20 a head of 64 KiB; 64 fields are the most, so 10,000 are never counted */
    memset(large, 'a', sizeof large - 1);
    memcpy(large, "GET / HTTP/1.1\r\nX: ", 19);
    struct front first = { 0 };
    struct buffer many = BUFFER(8192);
    CHECK_OK(buffer_fmt(&many, "GET / HTTP/1.1\r\nHost: a\r\n"));
    for (int i = 0; i < 64; i++) CHECK_QUIET(ok(buffer_fmt(&many, "X: y\r\n")));
    CHECK_OK(buffer_put(&many, bytes_of("\r\n", 3)));
    s = http(&first, (const char *)many.at);
    CHECK(s.does == FRONT_REFUSE && answered("HTTP/1.1 431 "));
    buffer_deinit(&many);
    s = http(&first, large);
    CHECK(s.does == FRONT_REFUSE && s.why == LINK_FIRST_PACKET && answered("HTTP/1.1 431 "));
    s = http(&first, "\x16\x03\x01\x02 tls to a plain door");
    CHECK(s.does == FRONT_REFUSE || s.does == FRONT_WAIT);
}

static void test_parting(void)
{
    struct front f = { .greeted = true, .version = 5 };
    answer.n = 0;
    front_mqtt_part(&f, MQTT_BUSY, &answer);
    CHECK(bytes_equal(buffer_view(&answer), bytes_of("\xe0\x02\x89\x00", 4)));
    answer.n = 0;
    front_mqtt_deny(&f, MQTT_NOT_AUTHORIZED, &answer);
    CHECK(bytes_equal(buffer_view(&answer), bytes_of("\x20\x03\x00\x87\x00", 5)));
    f.version = 4;
    answer.n = 0;
    front_mqtt_part(&f, MQTT_BUSY, &answer);
    CHECK(answer.n == 0);
    front_mqtt_deny(&f, MQTT_NOT_AUTHORIZED, &answer);
    CHECK(bytes_equal(buffer_view(&answer), bytes_of("\x20\x02\x00\x05", 4)));
}

int main(void)
{
    test_connect_byte_by_byte();
    test_connect_changed();
    test_first_byte();
    test_first_packet();
    test_framing_afterwards();
    test_http();
    test_parting();
    buffer_deinit(&answer);
    return TEST_END;
}
