#include "client/mqtt_client.h"

#include <poll.h>

#include "base/port/port.h"

enum {
    WINDOW_MAX = 32,      /* ours; the server's receive maximum may be smaller */
    PACKET_MAX = 1 << 20, /* as IN_MAX of the line */
    GREETING_MS = 10000,
};

struct mqtt_letter {
    struct mqtt_letter *next;
    uint32_t ticket;
    uint16_t id; /* 0: not under way in this session */
    bool retain;
    size_t topic_n, payload_n;
    uint8_t at[]; /* topic, payload */
};

void mqtt_client_init(struct mqtt_client *c, const struct mqtt_client_config *config)
{
    *c = (struct mqtt_client) { .config = *config, .retry_ms = MQTT_RETRY_MIN_MS };
    c->line.fd = -1;
}

static void letter_free(struct mqtt_client *c, struct mqtt_letter *before, struct mqtt_letter *l)
{
    if (before != NULL) before->next = l->next;
    else c->first = l->next;
    if (c->last == l) c->last = before;
    if (l->id != 0) c->inflight--;
    c->letters--;
    c->letters_bytes -= sizeof *l + l->topic_n + l->payload_n;
    mem_free(l);
}

void mqtt_client_deinit(struct mqtt_client *c)
{
    mqtt_client_stop(c);
    mqtt_client_forget(c);
}

void mqtt_client_forget(struct mqtt_client *c)
{
    while (c->first != NULL) letter_free(c, NULL, c->first);
}

static uint8_t version_of(const struct mqtt_client *c)
{
    return c->config.version ? c->config.version : 5;
}

static MUST outcome session_send(struct mqtt_client *c, struct buffer *b)
{
    outcome o = line_send(&c->line, buffer_view(b));
    buffer_deinit(b);
    c->said_ms = port_mono_ms();
    return o;
}

static uint16_t id_take(struct mqtt_client *c)
{
    if (++c->next_id == 0) c->next_id = 1;
    return c->next_id; /* 65,535 ids, at most WINDOW_MAX in use, oldest first: never one in use */
}

static MUST outcome letter_send(struct mqtt_client *c, struct mqtt_letter *l)
{
    struct buffer b = BUFFER(PACKET_MAX);
    struct mqtt_publish m = { .qos = 1, .retain = l->retain, .id = id_take(c),
        .topic = bytes_of(l->at, l->topic_n), .payload = bytes_of(l->at + l->topic_n, l->payload_n) };
    outcome o = mqtt_write_publish(version_of(c), &m, &b);
    if (!ok(o)) {
        buffer_deinit(&b);
        return o;
    }
    l->id = m.id;
    c->inflight++;
    return session_send(c, &b);
}

/* Everything the window lets through, in order. */
static MUST outcome outbox_send(struct mqtt_client *c)
{
    if (c->state != MQTT_UP) return DONE;
    for (struct mqtt_letter *l = c->first; l != NULL && c->inflight < c->window; l = l->next)
        if (l->id == 0) TRY(letter_send(c, l));
    return DONE;
}

static bool outbox_drop_oldest(struct mqtt_client *c)
{
    struct mqtt_letter *before = NULL;
    for (struct mqtt_letter *l = c->first; l != NULL; before = l, l = l->next) {
        if (l->id != 0) continue;
        letter_free(c, before, l);
        c->dropped++;
        return true;
    }
    return false;
}

outcome mqtt_client_publish(struct mqtt_client *c, const char *topic, struct bytes payload, bool retain,
    uint32_t *ret_ticket)
{
    size_t topic_n = strlen(topic), bytes = sizeof(struct mqtt_letter) + topic_n + payload.n;
    if (bytes > c->config.outbox_bytes_max) return REFUSE(E_TOO_LARGE);
    while (c->letters >= c->config.outbox_count_max || c->letters_bytes + bytes > c->config.outbox_bytes_max)
        if (!outbox_drop_oldest(c)) return REFUSE(E_FULL);
    struct mqtt_letter *l = mem_new(bytes);
    if (l == NULL) return REFUSE(E_MEMORY);
    l->ticket = ++c->next_ticket;
    l->retain = retain;
    l->topic_n = topic_n;
    l->payload_n = payload.n;
    memcpy(l->at, topic, topic_n);
    if (payload.n > 0) memcpy(l->at + topic_n, payload.at, payload.n);
    if (c->last != NULL) c->last->next = l;
    else c->first = l;
    c->last = l;
    c->letters++;
    c->letters_bytes += bytes;
    if (ret_ticket != NULL) *ret_ticket = l->ticket;
    outcome o = outbox_send(c);
    if (!ok(o)) c->line.ended = true; /* the next turn takes the session down and keeps the letter */
    return DONE;
}

int mqtt_client_fd(const struct mqtt_client *c)
{
    return c->state == MQTT_OFF ? -1 : c->line.fd;
}

/* A server that kept our session sends what it holds at once, before it answers what we subscribed. */
static bool awaits_answer(const struct mqtt_client *c)
{
    return c->paused && c->state == MQTT_SUBSCRIBING;
}

short mqtt_client_poll_events(const struct mqtt_client *c)
{
    bool listens = !c->paused || awaits_answer(c);
    return c->state == MQTT_OFF ? 0 : (short)(line_events(&c->line) & (listens ? ~0 : ~POLLIN));
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int mqtt_client_wait_ms(const struct mqtt_client *c, int64_t now_ms)
{
    int64_t at = c->state == MQTT_OFF ? c->retry_at_ms
        : c->state == MQTT_UP
        ? smaller(c->said_ms + c->keep_alive_ms / 2, c->heard_ms + c->keep_alive_ms * 3 / 2)
        : c->heard_ms + GREETING_MS;
    if (c->line.ended) return 0;
    return at <= now_ms ? 0 : (int)smaller(at - now_ms, 60000);
}

static MUST outcome dial(struct mqtt_client *c, int64_t now_ms)
{
    TRY(line_open(&c->line, c->config.tls, c->config.host, c->config.port));
    c->state = MQTT_DIALING;
    c->heard_ms = c->said_ms = now_ms;
    return DONE;
}

static void session_down(struct mqtt_client *c, outcome why, uint8_t reason, int64_t now_ms)
{
    uint32_t jitter;
    if (c->state != MQTT_OFF) line_close(&c->line);
    c->line.ended = false;
    c->state = MQTT_OFF;
    for (struct mqtt_letter *l = c->first; l != NULL; l = l->next) l->id = 0;
    c->inflight = 0;
    c->paused = false;
    port_random(&jitter, sizeof jitter);
    c->retry_at_ms = now_ms + c->retry_ms / 2 + jitter % c->retry_ms;
    c->retry_ms = c->retry_ms * 2 > MQTT_RETRY_MAX_MS ? MQTT_RETRY_MAX_MS : c->retry_ms * 2;
    if (c->config.events.down != NULL) c->config.events.down(c->config.events.ctx, why, reason);
}

static MUST outcome greet(struct mqtt_client *c)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_connect m = { .version = version_of(c), .clean_start = !c->config.resume_s, .keep_alive_s = c->config.keep_alive_s,
        .client_id = bytes_str(c->config.client_id), .has_user = c->config.user, .user = bytes_str(c->config.user),
        .has_password = c->config.password, .password = bytes_str(c->config.password) };
    m.properties.has = UINT64_C(1) << MQTT_HAS_receive_maximum;
    m.properties.receive_maximum = WINDOW_MAX;
    if (c->config.resume_s) m.properties.has |= UINT64_C(1) << MQTT_HAS_session_expiry_s;
    m.properties.session_expiry_s = c->config.resume_s;
    outcome o = mqtt_write_connect(&m, &b);
    if (!ok(o)) {
        buffer_deinit(&b);
        return o;
    }
    c->state = MQTT_GREETED;
    return session_send(c, &b);
}

static void session_up(struct mqtt_client *c)
{
    c->state = MQTT_UP;
    c->retry_ms = MQTT_RETRY_MIN_MS;
    c->sessions++;
    if (c->config.events.up != NULL) c->config.events.up(c->config.events.ctx);
}

static MUST outcome subscribe(struct mqtt_client *c)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_subscribe s = { .id = id_take(c), .n = c->config.n_filters };
    for (size_t i = 0; i < s.n; i++) {
        s.rows[i].filter = bytes_str(c->config.filters[i]);
        s.rows[i].qos = 1;
    }
    outcome o = mqtt_write_subscribe(version_of(c), &s, &b);
    if (!ok(o)) {
        buffer_deinit(&b);
        return o;
    }
    c->state = MQTT_SUBSCRIBING;
    return session_send(c, &b);
}

static MUST outcome on_connack(struct mqtt_client *c, struct bytes packet, uint8_t *ret_reason)
{
    struct mqtt_ack a = { 0 };
    if (c->state != MQTT_GREETED) return REFUSE(E_MALFORMED);
    TRY(mqtt_read_connack(packet, version_of(c), &c->present, &a, ret_reason));
    *ret_reason = a.reason;
    if (a.reason != 0) return REFUSE(E_DENIED);
    c->window = WINDOW_MAX;
    if (mqtt_has(&a.properties, MQTT_HAS_receive_maximum) && a.properties.receive_maximum < WINDOW_MAX)
        c->window = a.properties.receive_maximum;
    uint16_t keep_alive_s = mqtt_has(&a.properties, MQTT_HAS_server_keep_alive_s)
        ? a.properties.server_keep_alive_s : c->config.keep_alive_s;
    c->keep_alive_ms = keep_alive_s > 0 ? keep_alive_s * INT64_C(1000) : INT64_C(3600000);
    if (c->config.n_filters > 0) return subscribe(c);
    session_up(c);
    return outbox_send(c);
}

static MUST outcome on_suback(struct mqtt_client *c, struct bytes packet, uint8_t *ret_reason)
{
    uint8_t codes[MQTT_CLIENT_FILTERS_MAX];
    uint16_t id;
    size_t n = 0;
    TRY(mqtt_read_suback(packet, version_of(c), &id, codes, sizeof codes, &n, ret_reason));
    if (c->state != MQTT_SUBSCRIBING) return REFUSE(E_MALFORMED);
    if (c->config.events.subscribed != NULL) c->config.events.subscribed(c->config.events.ctx, codes, n);
    session_up(c);
    return outbox_send(c);
}

static MUST outcome on_puback(struct mqtt_client *c, struct bytes packet, uint8_t *ret_reason)
{
    struct mqtt_ack a = { 0 };
    struct mqtt_letter *before = NULL, *l;
    TRY(mqtt_read_ack(packet, version_of(c), &a, ret_reason));
    for (l = c->first; l != NULL && l->id != a.id; l = l->next) before = l;
    if (l == NULL || a.id == 0) return DONE; /* not of this session */
    uint32_t ticket = l->ticket;
    letter_free(c, before, l);
    if (a.reason >= 0x80) c->refused++;
    else c->acknowledged++;
    if (c->config.events.acknowledged != NULL)
        c->config.events.acknowledged(c->config.events.ctx, ticket, a.reason,
            mqtt_has(&a.properties, MQTT_HAS_reason_string) ? a.properties.reason_string : BYTES_NONE);
    return outbox_send(c);
}

static MUST outcome on_publish(struct mqtt_client *c, struct bytes packet, uint8_t *ret_reason)
{
    struct mqtt_publish m = { 0 };
    TRY(mqtt_read_publish(packet, version_of(c), &m, ret_reason));
    if (m.qos > 1) return REFUSE(E_UNSUPPORTED); /* never subscribed so */
    if (c->config.events.message != NULL) c->config.events.message(c->config.events.ctx, &m);
    return m.qos == 0 || c->config.by_hand ? DONE : mqtt_client_ack(c, m.id);
}

outcome mqtt_client_ack(struct mqtt_client *c, uint16_t id)
{
    struct buffer b = BUFFER(256);
    struct mqtt_ack a = { .id = id };
    outcome o = mqtt_write_ack(version_of(c), MQTT_PUBACK, &a, &b);
    if (ok(o)) return session_send(c, &b);
    buffer_deinit(&b);
    return o;
}

outcome mqtt_client_publish_twice(struct mqtt_client *c, uint16_t id, const char *topic, struct bytes payload, bool again)
{
    struct buffer b = BUFFER(PACKET_MAX);
    struct mqtt_publish m = { .qos = 2, .duplicate = again, .id = id, .topic = bytes_str(topic), .payload = payload };
    if (c->state != MQTT_UP) return REFUSE(E_CLOSED);
    outcome o = mqtt_write_publish(version_of(c), &m, &b);
    if (ok(o)) return session_send(c, &b);
    buffer_deinit(&b);
    return o;
}

outcome mqtt_client_release(struct mqtt_client *c, uint16_t id)
{
    struct buffer b = BUFFER(256);
    struct mqtt_ack a = { .id = id };
    if (c->state != MQTT_UP) return REFUSE(E_CLOSED);
    outcome o = mqtt_write_ack(version_of(c), MQTT_PUBREL, &a, &b);
    if (ok(o)) return session_send(c, &b);
    buffer_deinit(&b);
    return o;
}

/* PUBREC and PUBCOMP: the caller's own. */
static MUST outcome on_twice(struct mqtt_client *c, void (*tell)(void *ctx, uint16_t id, uint8_t reason), struct bytes packet,
    uint8_t *ret_reason)
{
    struct mqtt_ack a = { 0 };
    if (tell == NULL) return REFUSE(E_MALFORMED); /* nothing was sent at QoS 2 */
    TRY(mqtt_read_ack(packet, version_of(c), &a, ret_reason));
    tell(c->config.events.ctx, a.id, a.reason);
    return DONE;
}

static MUST outcome on_packet(struct mqtt_client *c, enum mqtt_type type, struct bytes packet,
    uint8_t *ret_reason)
{
    struct mqtt_ack a = { 0 };
    switch (type) {
    case MQTT_CONNACK: return on_connack(c, packet, ret_reason);
    case MQTT_SUBACK: return on_suback(c, packet, ret_reason);
    case MQTT_PUBACK: return on_puback(c, packet, ret_reason);
    case MQTT_PUBLISH: return on_publish(c, packet, ret_reason);
    case MQTT_PUBREC: return on_twice(c, c->config.events.received, packet, ret_reason);
    case MQTT_PUBCOMP: return on_twice(c, c->config.events.completed, packet, ret_reason);
    case MQTT_PINGRESP: return DONE;
    case MQTT_DISCONNECT:
        TRY(mqtt_read_ack(packet, version_of(c), &a, ret_reason));
        *ret_reason = a.reason;
        return REFUSE(E_CLOSED);
    default: return REFUSE(E_MALFORMED);
    }
}

/* Paused before the answer to our subscriptions: it is taken out of its turn, or nothing would ever go on. What stands
 * before it stays, as much as a line holds. */
static MUST outcome answer_take(struct mqtt_client *c, uint8_t *ret_reason)
{
    for (size_t at = 0; at < c->line.in.n;) { /* ends: each round passes a packet that has arrived */
        struct bytes rest = bytes_of(c->line.in.at + at, c->line.in.n - at);
        enum mqtt_type type;
        size_t total = 0;
        outcome o = mqtt_frame(rest, PACKET_MAX, &type, &total);
        if (o.code == E_SHORT || (ok(o) && total > rest.n)) return DONE;
        TRY(o);
        if (type == MQTT_SUBACK) {
            o = on_suback(c, bytes_of(rest.at, total), ret_reason);
            memmove(c->line.in.at + at, rest.at + total, rest.n - total);
            c->line.in.n -= total;
            return o;
        }
        at += total;
    }
    return DONE;
}

static MUST outcome packets_take(struct mqtt_client *c, uint8_t *ret_reason)
{
    size_t used = 0;
    outcome o = DONE;
    while (ok(o) && !c->paused) { /* ends: each round takes a packet that has arrived */
        struct bytes rest = bytes_of(c->line.in.at + used, c->line.in.n - used);
        enum mqtt_type type;
        size_t total = 0;
        if (rest.n == 0) break;
        o = mqtt_frame(rest, PACKET_MAX, &type, &total);
        if (o.code == E_SHORT || (ok(o) && total > rest.n)) {
            o = DONE;
            break;
        }
        if (ok(o)) o = on_packet(c, type, bytes_of(rest.at, total), ret_reason);
        used += ok(o) ? total : 0;
    }
    buffer_drop(&c->line.in, used);
    return ok(o) && awaits_answer(c) ? answer_take(c, ret_reason) : o;
}

static MUST outcome keep_alive(struct mqtt_client *c, int64_t now_ms)
{
    if (c->state != MQTT_UP) return now_ms - c->heard_ms > GREETING_MS ? REFUSE(E_TIMEOUT) : DONE;
    if (c->paused) c->heard_ms = now_ms; /* it is we who do not listen */
    if (now_ms - c->heard_ms >= c->keep_alive_ms * 3 / 2) return REFUSE(E_TIMEOUT);
    if (now_ms - c->said_ms < c->keep_alive_ms / 2) return DONE;
    struct buffer b = BUFFER(16);
    outcome o = mqtt_write_ping(MQTT_PINGREQ, &b);
    if (ok(o)) return session_send(c, &b);
    buffer_deinit(&b);
    return o;
}

static MUST outcome session_turn(struct mqtt_client *c, short revents, int64_t now_ms, uint8_t *ret_reason)
{
    if (revents != 0) {
        size_t had = c->line.in.n;
        enum line_state was = c->line.state;
        TRY(line_turn(&c->line, revents));
        if (c->line.in.n != had || c->line.state != was) c->heard_ms = now_ms;
    }
    if (c->state == MQTT_DIALING && c->line.state == LINE_UP) TRY(greet(c));
    TRY(packets_take(c, ret_reason));
    if (c->line.ended) return REFUSE(E_CLOSED);
    return keep_alive(c, now_ms);
}

void mqtt_client_turn(struct mqtt_client *c, short revents, int64_t now_ms)
{
    uint8_t reason = 0;
    outcome o;
    if (c->state == MQTT_OFF) {
        if (now_ms < c->retry_at_ms) return;
        o = dial(c, now_ms);
    } else {
        o = session_turn(c, revents, now_ms, &reason);
    }
    if (!ok(o)) session_down(c, o, reason, now_ms);
}

void mqtt_client_stop(struct mqtt_client *c)
{
    if (c->state == MQTT_OFF) return;
    struct buffer b = BUFFER(256);
    if (c->line.state == LINE_UP && ok(mqtt_write_disconnect(version_of(c), 0, NULL, &b))) {
        outcome o = line_send(&c->line, buffer_view(&b)); /* a courtesy */
        (void)o;
    }
    buffer_deinit(&b);
    line_close(&c->line);
    c->state = MQTT_OFF;
}
