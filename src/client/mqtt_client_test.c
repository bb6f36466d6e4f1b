/* The client against a line that is a test: what it sends is read back with the wire's own readers. */
#include "client/mqtt_client.h"

#include <poll.h>

#include "base/test.h"

static struct buffer sent = BUFFER(1 << 20);
static bool refuse_dial;
static int dials;

outcome line_open(struct line *l, struct tls_context *c, const char *host, uint16_t port)
{
    (void)c, (void)host, (void)port;
    dials++;
    if (refuse_dial) return REFUSE(E_IO);
    *l = (struct line) { .state = LINE_UP, .fd = 3, .in = BUFFER(1 << 20) };
    return DONE;
}
void line_close(struct line *l)
{
    buffer_deinit(&l->in);
    *l = (struct line) { .state = LINE_CLOSED, .fd = -1 };
}
short line_events(const struct line *l)
{
    (void)l;
    return POLLIN;
}
outcome line_turn(struct line *l, short revents)
{
    (void)l, (void)revents;
    return DONE;
}
outcome line_send(struct line *l, struct bytes b)
{
    CHECK_QUIET(l->state == LINE_UP);
    return buffer_put(&sent, b);
}
outcome line_wait(struct line *l, bool for_up, int timeout_ms)
{
    (void)l, (void)for_up, (void)timeout_ms;
    return DONE;
}

struct seen {
    int up, down, messages, acknowledged;
    uint8_t reason;
    uint32_t ticket;
    enum code why;
};
static void on_up(void *ctx)
{
    ((struct seen *)ctx)->up++;
}
static void on_down(void *ctx, outcome why, uint8_t reason)
{
    struct seen *s = ctx;
    s->down++;
    s->reason = reason;
    s->why = why.code;
}
static void on_message(void *ctx, const struct mqtt_publish *m)
{
    ((struct seen *)ctx)->messages += bytes_equal_str(m->payload, "go");
}
static void on_acknowledged(void *ctx, uint32_t ticket, uint8_t reason, struct bytes why)
{
    struct seen *s = ctx;
    (void)why;
    s->acknowledged++;
    s->ticket = ticket;
    s->reason = reason;
}

static struct seen seen;
static struct mqtt_client client;
static int64_t now = 1000;

static void start(size_t letters_max)
{
    struct mqtt_client_config c = { .host = "h", .port = 1, .client_id = "gw-02", .keep_alive_s = 30,
        .outbox_count_max = letters_max, .outbox_bytes_max = 4096, .filters = { "a/+" }, .n_filters = 1,
        .events = { &seen, on_up, on_down, on_message, on_acknowledged, NULL } };
    seen = (struct seen) { 0 };
    dials = 0;
    refuse_dial = false;
    sent.n = 0;
    mqtt_client_init(&client, &c);
}

/* The next packet it sent; type 0 when there is none. */
static enum mqtt_type sent_take(struct bytes *ret, uint8_t room[2048])
{
    enum mqtt_type type;
    size_t total;
    if (sent.n == 0 || !ok(mqtt_frame(buffer_view(&sent), 1 << 20, &type, &total))) return 0;
    memcpy(room, sent.at, total);
    *ret = bytes_of(room, total);
    buffer_drop(&sent, total);
    return type;
}

static uint16_t publish_take(const char *payload)
{
    uint8_t room[2048], reason;
    struct bytes p;
    struct mqtt_publish m;
    CHECK(sent_take(&p, room) == MQTT_PUBLISH);
    CHECK_OK(mqtt_read_publish(p, 5, &m, &reason));
    CHECK(m.qos == 1 && bytes_equal_str(m.payload, payload));
    return m.id;
}

static void feed(struct buffer *b)
{
    CHECK_OK(buffer_put(&client.line.in, buffer_view(b)));
    buffer_deinit(b);
    mqtt_client_turn(&client, POLLIN, now);
}

static void feed_connack(uint8_t reason, uint16_t receive_maximum)
{
    struct buffer b = BUFFER(256);
    struct mqtt_properties p = { 0 };
    if (receive_maximum != 0) p.has = UINT64_C(1) << MQTT_HAS_receive_maximum;
    p.receive_maximum = receive_maximum;
    CHECK_OK(mqtt_write_connack(5, false, reason, &p, &b));
    feed(&b);
}

static void feed_ack(enum mqtt_type type, uint16_t id, uint8_t reason)
{
    struct buffer b = BUFFER(256);
    struct mqtt_ack a = { .id = id, .reason = reason };
    CHECK_OK(mqtt_write_ack(5, type, &a, &b));
    feed(&b);
}

static void session(uint16_t receive_maximum)
{
    uint8_t room[2048], reason, code = 1;
    struct bytes p;
    struct mqtt_connect c;
    struct mqtt_subscribe s;
    struct buffer b = BUFFER(256);
    now = client.retry_at_ms > now ? client.retry_at_ms : now;
    mqtt_client_turn(&client, 0, now);
    mqtt_client_turn(&client, POLLOUT, now);
    CHECK(sent_take(&p, room) == MQTT_CONNECT);
    CHECK_OK(mqtt_read_connect(p, &c, &reason));
    CHECK(c.clean_start && c.keep_alive_s == 30 && bytes_equal_str(c.client_id, "gw-02"));
    feed_connack(0, receive_maximum);
    CHECK(sent_take(&p, room) == MQTT_SUBSCRIBE);
    CHECK_OK(mqtt_read_subscribe(p, 5, &s, &reason));
    CHECK(s.n == 1 && s.rows[0].qos == 1);
    CHECK_OK(mqtt_write_suback(5, MQTT_SUBACK, &(struct mqtt_grants) { s.id, &code, 1, NULL }, &b));
    feed(&b);
}

static void say(const char *payload)
{
    uint32_t ticket;
    CHECK_OK(mqtt_client_publish(&client, "m/x", bytes_str(payload), false, &ticket));
}

static void test_resend(void)
{
    start(10);
    say("one");
    say("two");
    session(0);
    CHECK(seen.up == 1 && client.state == MQTT_UP);
    uint16_t one = publish_take("one");
    publish_take("two");
    feed_ack(MQTT_PUBACK, one, 0);
    CHECK(seen.acknowledged == 1 && seen.ticket == 1 && client.letters == 1);
    feed_ack(MQTT_PUBACK, 999, 0); /* of no message of ours */
    CHECK(seen.acknowledged == 1);

    client.line.ended = true; /* the site went away with "two" unacknowledged */
    mqtt_client_turn(&client, POLLIN, now);
    CHECK(seen.down == 1 && client.state == MQTT_OFF && client.letters == 1);
    say("three");
    session(0);
    uint16_t two = publish_take("two"), three = publish_take("three"); /* in order, nothing lost */
    feed_ack(MQTT_PUBACK, two, 0);
    feed_ack(MQTT_PUBACK, three, 0x87);
    CHECK(client.letters == 0 && client.acknowledged == 2 && client.refused == 1 && seen.reason == 0x87);
    mqtt_client_deinit(&client);
}

static void pause_at_once(void *ctx, const struct mqtt_publish *m)
{
    on_message(ctx, m);
    client.paused = true;
}

/* A server that kept our session sends what it holds before it answers; whoever is full by then still comes up. */
static void test_held_first(void)
{
    uint8_t room[2048], reason, code = 1;
    struct bytes p;
    struct mqtt_subscribe s;
    struct buffer b = BUFFER(4096);
    struct mqtt_publish m = { .qos = 1, .id = 7, .topic = BYTES_LIT("a/b"), .payload = BYTES_LIT("go") };
    start(10);
    client.config.by_hand = true;
    client.config.events.message = pause_at_once;
    now = client.retry_at_ms > now ? client.retry_at_ms : now;
    mqtt_client_turn(&client, 0, now);
    mqtt_client_turn(&client, POLLOUT, now);
    CHECK(sent_take(&p, room) == MQTT_CONNECT);
    feed_connack(0, 0);
    CHECK(sent_take(&p, room) == MQTT_SUBSCRIBE);
    CHECK_OK(mqtt_read_subscribe(p, 5, &s, &reason));
    for (m.id = 7; m.id < 10; m.id++) CHECK_OK(mqtt_write_publish(5, &m, &b));
    feed(&b);
    CHECK(seen.messages == 1 && client.state == MQTT_SUBSCRIBING && mqtt_client_poll_events(&client) & POLLIN);
    b = BUFFER(4096);
    CHECK_OK(mqtt_write_suback(5, MQTT_SUBACK, &(struct mqtt_grants) { s.id, &code, 1, NULL }, &b));
    CHECK_OK(mqtt_write_publish(5, &m, &b));
    feed(&b);
    CHECK(client.state == MQTT_UP && seen.up == 1 && seen.messages == 1); /* still paused, and now nothing is looked at */
    CHECK(!(mqtt_client_poll_events(&client) & POLLIN));
    for (int i = 0; i < 3; i++) {
        client.paused = false;
        mqtt_client_turn(&client, POLLIN, now);
    }
    CHECK(seen.messages == 4 && client.line.in.n == 0); /* each once, in order */
    mqtt_client_deinit(&client);
}

static void test_bounds(void)
{
    start(3);
    for (int i = 0; i < 5; i++) {
        char text[2] = { (char)('a' + i), 0 };
        say(text);
    }
    CHECK(client.letters == 3 && client.dropped == 2); /* the oldest went, and it is counted */
    session(2);
    uint16_t c = publish_take("c");
    publish_take("d");
    CHECK(sent.n == 0); /* the server's receive maximum */
    feed_ack(MQTT_PUBACK, c, 0);
    publish_take("e");
    static uint8_t big[8192];
    CHECK_IS(mqtt_client_publish(&client, "m/x", bytes_of(big, sizeof big), false, NULL), E_TOO_LARGE);
    mqtt_client_deinit(&client);
}

static void test_message(void)
{
    uint8_t room[2048];
    struct bytes p;
    struct buffer b = BUFFER(1024);
    struct mqtt_publish m = { .qos = 1, .id = 7, .topic = BYTES_LIT("a/b"), .payload = BYTES_LIT("go") };
    start(3);
    session(0);
    CHECK_OK(mqtt_write_publish(5, &m, &b));
    for (size_t i = 0; i + 1 < b.n; i++) { /* byte by byte: nothing before the last */
        CHECK_OK(buffer_put(&client.line.in, bytes_of(b.at + i, 1)));
        mqtt_client_turn(&client, POLLIN, now);
        CHECK_QUIET(seen.messages == 0);
    }
    CHECK_OK(buffer_put(&client.line.in, bytes_of(b.at + b.n - 1, 1)));
    mqtt_client_turn(&client, POLLIN, now);
    CHECK(seen.messages == 1);
    CHECK(sent_take(&p, room) == MQTT_PUBACK && p.at[3] == 7);
    buffer_deinit(&b);
    mqtt_client_deinit(&client);
}

static void test_refusals(void)
{
    start(3);
    mqtt_client_turn(&client, 0, now);
    mqtt_client_turn(&client, POLLOUT, now);
    feed_connack(0x87, 0);
    CHECK(seen.down == 1 && seen.reason == 0x87 && seen.why == E_DENIED);
    sent.n = 0;
    session(0);
    feed_ack(MQTT_DISCONNECT, 0, 0x98);
    CHECK(seen.down == 2 && seen.reason == 0x98);
    session(0);
    CHECK_OK(buffer_put(&client.line.in, BYTES_LIT("\x00\x00")));
    mqtt_client_turn(&client, POLLIN, now);
    CHECK(seen.down == 3 && client.state == MQTT_OFF);
    sent.n = 0;
    refuse_dial = true;
    int before = dials;
    for (int i = 0; i < 20; i++) { /* it tries for ever, not oftener than every 50 ms, at least every 7.5 s */
        int64_t was = now;
        int wait = mqtt_client_wait_ms(&client, now);
        CHECK_QUIET(wait <= MQTT_RETRY_MAX_MS * 3 / 2);
        now += wait;
        mqtt_client_turn(&client, 0, now);
        CHECK_QUIET(dials == before + i + 1 && now >= was);
    }
    CHECK(client.retry_ms == MQTT_RETRY_MAX_MS);
    mqtt_client_deinit(&client);
}

/* No byte of a server's packets may hurt: each changed, the client lives and can begin anew. */
static void test_changed(void)
{
    static const uint8_t connack[] = { 0x20, 0x06, 0, 0, 3, 0x21, 0, 20 };
    size_t tried = 0;
    for (size_t i = 0; i < sizeof connack; i++) {
        for (int bit = 0; bit < 8; bit++, tried++) {
            uint8_t bad[sizeof connack];
            memcpy(bad, connack, sizeof bad);
            bad[i] ^= (uint8_t)(1 << bit);
            start(3);
            now += 10000;
            mqtt_client_turn(&client, 0, now);
            mqtt_client_turn(&client, POLLOUT, now);
            CHECK_QUIET(ok(buffer_put(&client.line.in, bytes_of(bad, sizeof bad))));
            mqtt_client_turn(&client, POLLIN, now);
            CHECK_QUIET(client.state == MQTT_OFF || client.state == MQTT_GREETED || client.state == MQTT_SUBSCRIBING);
            mqtt_client_deinit(&client);
        }
    }
    CHECK(tried == 64);
}

int main(void)
{
    test_resend();
    test_held_first();
    test_bounds();
    test_message();
    test_refusals();
    test_changed();
    buffer_deinit(&sent);
    return TEST_END;
}
