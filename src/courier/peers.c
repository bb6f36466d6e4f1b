/* One peer's session: what comes and goes, told to the core. */
#include <stdio.h>

#include "base/port/port.h"
#include "courier/courier.h"

enum { KEEP_ALIVE_S = 30, RESUME_S = 7 * 86400, RECORD_MAX = COURIER_PAYLOAD_MAX + 1024 };

static void say_body(struct peer *p, enum courier_kind kind, struct bytes body)
{
    uint8_t record[8 + 1024];
    struct out o = out_of(record, sizeof record);
    courier_put_head(&o, kind, p->index);
    put(&o, body);
    if (ok(out_done(&o))) courier_say(p->courier, out_view(&o));
}

/* ---- what the client tells ---- */

static void on_subscribed(void *ctx, const uint8_t *codes, size_t n)
{
    struct peer *p = ctx;
    p->n_codes = n < COURIER_FILTERS_MAX ? n : COURIER_FILTERS_MAX;
    memcpy(p->codes, codes, p->n_codes);
}

static void on_up(void *ctx)
{
    struct peer *p = ctx;
    uint8_t body[1 + COURIER_FILTERS_MAX];
    struct out o = out_of(body, sizeof body);
    put_u8(&o, (uint8_t)p->n_codes);
    put(&o, bytes_of(p->codes, p->n_codes));
    say_body(p, COURIER_UP, out_view(&o));
}

static const char *why_word(outcome why, uint8_t reason, char *text, size_t size)
{
    if (reason) snprintf(text, size, "reason-0x%02x", reason);
    else snprintf(text, size, "%s", why.code == E_CRYPTO ? "certificate" : code_word(why.code));
    return text;
}

static void say_down(struct peer *p, const char *word)
{
    uint8_t body[128];
    struct out o = out_of(body, sizeof body);
    put_field16(&o, bytes_str(word));
    say_body(p, COURIER_DOWN, out_view(&o));
}

/* The core gets everything unacknowledged back and sends it again from its record when the peer is up. */
static void on_down(void *ctx, outcome why, uint8_t reason)
{
    struct peer *p = ctx;
    char word[64];
    mqtt_client_forget(&p->client);
    memset(p->sent, 0, sizeof p->sent);
    p->untaken = 0;
    p->n_codes = 0;
    p->epoch++;
    say_down(p, why_word(why, reason, word, sizeof word));
}

static bool on_a_filter(const struct peer *p, struct bytes topic)
{
    for (size_t i = 0; i < p->n_filters; i++)
        if (mqtt_matches(bytes_str(p->filters[i]), topic)) return true;
    return false;
}

static void refuse(struct peer *p, const struct mqtt_publish *m)
{
    if (!p->refused++) (void)!ok(bytes_to_text(m->topic, p->refused_topic, sizeof p->refused_topic));
    if (m->qos && !ok(mqtt_client_ack(&p->client, m->id))) p->client.line.ended = true;
}

static void on_message(void *ctx, const struct mqtt_publish *m)
{
    static uint8_t record[RECORD_MAX];
    struct peer *p = ctx;
    struct courier_message out = { .ticket = (uint32_t)p->epoch << 16 | m->id, .topic = m->topic,
        .payload = m->payload, .flags = (uint8_t)((m->retain ? COURIER_RETAIN : 0) | (m->duplicate ? COURIER_DUPLICATE : 0)) };
    if (!on_a_filter(p, m->topic) || m->payload.n > COURIER_PAYLOAD_MAX) {
        refuse(p, m);
        return;
    }
    struct out o = out_of(record, sizeof record);
    courier_put_message(&o, COURIER_ARRIVED, p->index, &out);
    courier_say(p->courier, out_view(&o));
    p->client.paused = ++p->untaken >= COURIER_WINDOW;
}

static void on_acknowledged(void *ctx, uint32_t ticket, uint8_t reason, struct bytes why)
{
    struct peer *p = ctx;
    uint8_t body[5];
    struct out o = out_of(body, sizeof body);
    (void)why;
    for (size_t i = 0; i < COURIER_WINDOW; i++) {
        if (p->sent[i].ours != ticket) continue;
        put_u32(&o, p->sent[i].theirs);
        put_u8(&o, reason);
        p->sent[i].ours = 0;
        say_body(p, COURIER_SENT, out_view(&o));
        return;
    }
}

/* ---- what the core tells ---- */

static MUST outcome load(const struct peer *p, const char *end, struct buffer *ret)
{
    char path[600];
    int n = snprintf(path, sizeof path, "%s/%s%s", p->courier->dir, p->name, end);
    return n < 0 || (size_t)n >= sizeof path ? REFUSE(E_TOO_LARGE) : port_file_load(path, 65536, ret);
}

/* First line the user, second the password. */
static void load_password(struct peer *p)
{
    struct buffer b = BUFFER(0);
    if (!ok(load(p, ".password", &b))) return;
    const uint8_t *end = b.n ? memchr(b.at, '\n', b.n) : NULL;
    if (end) {
        size_t first = (size_t)(end - b.at);
        struct bytes second = bytes_of(end + 1, b.n - first - 1);
        while (second.n && (second.at[second.n - 1] == '\n' || second.at[second.n - 1] == '\r')) second.n--;
        bool good = ok(bytes_to_text(bytes_of(b.at, first), p->user, sizeof p->user))
            && ok(bytes_to_text(second, p->password, sizeof p->password));
        if (!good) p->user[0] = 0;
    }
    buffer_wipe(&b);
}

static MUST outcome make_tls(struct peer *p, struct bytes ca_pem)
{
    struct buffer chain = BUFFER(0), pem = BUFFER(0);
    struct key *key = NULL;
    outcome o = DONE;
    bool own = ok(load(p, ".pem", &chain));
    if (own) o = load(p, ".key", &pem);
    if (own && ok(o)) o = key_read_private_pem(buffer_view(&pem), &key);
    if (ok(o)) o = tls_client_new(ca_pem, NULL, own ? buffer_view(&chain) : BYTES_NONE, key, &p->tls);
    buffer_wipe(&pem);
    key_free(key);
    buffer_deinit(&chain);
    return o;
}

static MUST outcome copy(struct peer *p, const struct courier_peer *w)
{
    TRY(bytes_to_text(w->name, p->name, sizeof p->name));
    TRY(bytes_to_text(w->host, p->host, sizeof p->host));
    TRY(bytes_to_text(w->client_id, p->client_id, sizeof p->client_id));
    for (const char *c = p->name; *c; c++) /* it becomes a file's name */
        if (!(*c == '-' || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'))) return REFUSE(E_MALFORMED);
    for (p->n_filters = 0; p->n_filters < w->n; p->n_filters++)
        TRY(bytes_to_text(w->filters[p->n_filters], p->filters[p->n_filters], sizeof p->filters[0]));
    return DONE;
}

outcome peer_open(struct courier *c, uint32_t index, const struct courier_peer *wanted)
{
    struct peer *p = &c->peers[index];
    peer_close(p);
    *p = (struct peer) { .courier = c, .index = index, .epoch = (uint16_t)(p->epoch + 1) };
    say_down(p, COURIER_OPENING); /* what was said of a session before ends here */
    TRY(copy(p, wanted));
    load_password(p);
    p->used = true;
    if (wanted->ca_pem.n) {
        outcome o = make_tls(p, wanted->ca_pem);
        if (!ok(o)) { /* said, not fatal: another agreement or key file mends it */
            on_down(p, o, 0);
            p->used = false;
            return DONE;
        }
    }
    struct mqtt_client_config config = { .tls = p->tls, .host = p->host, .port = wanted->port, .client_id = p->client_id,
        .version = wanted->version, .keep_alive_s = KEEP_ALIVE_S, .resume_s = RESUME_S, .by_hand = true,
        .outbox_count_max = COURIER_WINDOW, .outbox_bytes_max = 8u << 20, .n_filters = p->n_filters,
        .user = p->user[0] ? p->user : NULL, .password = p->user[0] ? p->password : NULL,
        .events = { p, on_up, on_down, on_message, on_acknowledged, on_subscribed } };
    for (size_t i = 0; i < p->n_filters; i++) config.filters[i] = p->filters[i];
    mqtt_client_init(&p->client, &config);
    return DONE;
}

void peer_close(struct peer *p)
{
    if (!p->used) return;
    p->client.config.events = (struct mqtt_client_events) { 0 };
    mqtt_client_deinit(&p->client);
    if (p->tls) tls_context_free(p->tls);
    uint16_t epoch = p->epoch;
    explicit_bzero(p, sizeof *p);
    p->epoch = epoch;
}

outcome peer_send(struct peer *p, const struct courier_message *m)
{
    char topic[MQTT_TOPIC_MAX + 1];
    size_t i = 0;
    if (p->client.state != MQTT_UP) return DONE; /* the core hears of the end and sends it again */
    while (i < COURIER_WINDOW && p->sent[i].ours) i++;
    if (i == COURIER_WINDOW) return REFUSE(E_FULL); /* more than the core agreed to */
    TRY(bytes_to_text(m->topic, topic, sizeof topic));
    p->sent[i].theirs = m->ticket;
    p->sent[i].ours = p->client.next_ticket + 1;
    outcome o = mqtt_client_publish(&p->client, topic, m->payload, m->flags & COURIER_RETAIN, NULL);
    if (!ok(o)) p->sent[i].ours = 0;
    return o;
}

/* A ticket of an earlier session names nothing any more. */
outcome peer_acknowledge(struct peer *p, uint32_t ticket)
{
    if (ticket >> 16 != p->epoch || p->client.state < MQTT_GREETED || !p->untaken) return DONE;
    p->untaken--;
    p->client.paused = p->untaken >= COURIER_WINDOW;
    return ticket & 0xffff ? mqtt_client_ack(&p->client, (uint16_t)ticket) : DONE;
}

static void tell_refused(struct peer *p)
{
    uint8_t body[8 + MQTT_TOPIC_MAX];
    struct out o = out_of(body, sizeof body);
    if (!p->refused) return;
    put_u32(&o, p->refused < UINT32_MAX ? (uint32_t)p->refused : UINT32_MAX);
    put_field16(&o, bytes_str(p->refused_topic));
    say_body(p, COURIER_REFUSED, out_view(&o));
    p->refused = 0;
}

void peer_turn(struct peer *p, short revents, int64_t now_ms)
{
    mqtt_client_turn(&p->client, revents, now_ms);
    tell_refused(p);
}
