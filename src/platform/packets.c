/* What a connected client may send, packet by packet, and the one way a message is accepted. */
#include <stdio.h>

#include "platform/exchange_internal.h"

#define HAS(name) ((uint64_t)1 << MQTT_HAS_##name)
#define NO_SUBSCRIPTION_EXISTED 0x11 /* MQTT 5, 3.11.3 */
#define DISCONNECT_WITH_WILL 0x04    /* MQTT 5, 3.14.2.1 */

static MUST outcome fail(struct exchange *x, struct session *s, uint8_t reason, const char *word)
{
    session_end(x, s, reason, word, true);
    return REFUSE(E_MALFORMED);
}

/* ---- accepting ---- */

void answer_of(struct answer *a, enum code code, uint8_t reason, const struct verdict *v, const char *hold)
{
    *a = (struct answer) { .reason = reason, .refused = code == OK ? DONE : REFUSE(code) };
    struct out o = out_of(a->text, sizeof a->text - 1);
    if (hold) {
        (void)snprintf(a->hold, sizeof a->hold, "%s", hold);
        put_fmt(&o, "held %s: ", hold);
    }
    put_str(&o, v->word);
    if (v->limit) put_fmt(&o, " %s of decision %s", v->limit->id, v->limit->decision);
    a->text[o.n] = 0;
}

static void refuse(struct exchange *x, const struct cargo *c, const struct verdict *v, enum code code, struct answer *a)
{
    answer_of(a, code, v->reason, v, NULL);
    x->counts.denied += v->ruling == RULING_DENY;
    tell(x, c->command ? "command-refused" : "publish-refused", &c->m, v, NULL);
}

static void refuse_word(struct exchange *x, const struct cargo *c, uint8_t reason, const char *word, struct answer *a)
{
    struct verdict v = { .ruling = RULING_DENY, .reason = reason, .word = word };
    refuse(x, c, &v, reason == MQTT_QUOTA ? E_FULL : E_DENIED, a);
}

/* The publisher's side: right, form, flag. */
static bool publisher_may(struct exchange *x, struct cargo *c, struct answer *a)
{
    const struct mqtt_properties *p = &c->out.properties;
    if (c->m.from) {
        struct question q = { .who = c->m.from, .action = ACT_PUBLISH, .topic = c->m.topic, .payload = c->m.payload,
            .now_ms = wall(x) };
        struct verdict v = access_judge(x->access, &q);
        if (v.ruling != RULING_ALLOW && v.ruling != RULING_FLAG) {
            refuse(x, c, &v, E_DENIED, a);
            return false;
        }
        x->counts.flagged += v.ruling == RULING_FLAG;
        x->counts.observed += v.observed_only;
        if (v.ruling == RULING_FLAG) cargo_flag(c, v.word);
    }
    const char *word = NULL;
    uint8_t reason = MQTT_NOT_AUTHORIZED;
    if (c->command && c->m.retain) word = "retained-command"; /* it would be delivered later */
    else if (!response_topic_good(x, c)) word = "response-topic";
    else if (mqtt_has(p, MQTT_HAS_payload_format) && p->payload_format == 1 && !bytes_is_utf8(c->m.payload)) {
        word = "payload-format";
        reason = MQTT_PAYLOAD_FORMAT;
    }
    if (word) refuse_word(x, c, reason, word, a);
    return !word;
}

outcome publish_record(struct exchange *x, const struct cargo *c, bool *ret_recorded, uint64_t *ret_index)
{
    bool wanted = c->command || (c->stream && (c->stream->recorded || c->stream->command));
    *ret_recorded = false;
    if (!wanted) return DONE;
    outcome o = x->port.record(x->port.ctx, &c->m, c->stream, ret_index);
    *ret_recorded = ok(o);
    return o.code == E_UNSUPPORTED ? DONE : o;
}

void publish_accept(struct exchange *x, struct cargo *c, struct answer *a)
{
    static const struct verdict too_slow = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "slow-consumer" };
    *a = (struct answer) { .refused = DONE };
    x->counts.received++;
    if (!publisher_may(x, c, a)) return;
    if (!ok(sub_collect(x, c->m.topic, c->source))) {
        refuse_word(x, c, MQTT_QUOTA, "memory", a);
        return;
    }
    if (c->command && !command_may_go(x, c, a)) return;
    if (!ok(publish_record(x, c, &a->recorded, &a->index))) {
        refuse_word(x, c, MQTT_QUOTA, "not-recorded", a);
        return;
    }
    outcome o = c->m.retain ? retained_put(x, c) : DONE;
    deliver_all(x, c);
    if (!ok(o)) refuse_word(x, c, MQTT_QUOTA, "retained-store-full", a);
    else if (c->command && c->reached == 0) answer_of(a, E_FULL, MQTT_QUOTA, &too_slow, NULL); /* told by account() */
}

/* ---- acknowledging ---- */

static MUST outcome pending_room(struct exchange *x)
{
    if (x->pending_n < x->pending_cap) return DONE;
    size_t cap = x->pending_cap ? x->pending_cap * 2 : 256;
    struct pending *ring = mem_new_array(cap, sizeof *ring);
    if (!ring) return REFUSE(E_MEMORY);
    for (size_t i = 0; i < x->pending_n; i++) ring[i] = x->pending[(x->pending_at + i) % x->pending_cap];
    mem_free(x->pending);
    x->pending = ring;
    x->pending_at = 0;
    x->pending_cap = cap;
    return DONE;
}

static void send_puback(struct exchange *x, struct session *s, uint16_t id, const struct answer *a)
{
    struct mqtt_ack ack = { .id = id, .reason = a->reason };
    if (a->reason && s->problems) { /* MQTT 5, 3.1.2-29 */
        ack.properties.has = HAS(reason_string);
        ack.properties.reason_string = bytes_str(a->text);
        if (a->hold[0])
            ack.properties.user[ack.properties.users++] = (struct mqtt_user) { BYTES_LIT("sk-hold"), bytes_str(a->hold) };
    }
    x->out.n = 0;
    outcome o = mqtt_write_ack(s->version, MQTT_PUBACK, &ack, &x->out);
    if (ok(o) && x->out.n > s->packet_max) { /* MQTT 5, 3.4.2-2 */
        ack.properties = (struct mqtt_properties) { 0 };
        x->out.n = 0;
        o = mqtt_write_ack(s->version, MQTT_PUBACK, &ack, &x->out);
    }
    if (!ok(o)) {
        session_doom(x, s, MQTT_QUOTA, "memory"); /* no acknowledgement is better than a client that waits */
        return;
    }
    session_send(x, s);
    x->counts.acknowledged++;
}

static MUST outcome acknowledge(struct exchange *x, struct session *s, uint16_t id, const struct answer *a)
{
    if (a->reason == MQTT_QUOTA && s->version == 4) { /* a 3.1.1 PUBACK would be a false one */
        session_end(x, s, 0, NULL, true);
        return REFUSE(E_FULL);
    }
    if (!a->recorded || a->index < x->durable) {
        send_puback(x, s, id, a);
        return DONE;
    }
    struct pending *p = &x->pending[(x->pending_at + x->pending_n++) % x->pending_cap];
    *p = (struct pending) { a->index, session_handle(x, s), id };
    s->unacked++;
    return DONE;
}

void exchange_durable(struct exchange *x, uint64_t n)
{
    static const struct answer good = { 0 };
    if (n > x->durable) x->durable = n;
    while (x->pending_n && x->pending[x->pending_at].index < x->durable) {
        struct pending p = x->pending[x->pending_at];
        x->pending_at = (x->pending_at + 1) % x->pending_cap;
        x->pending_n--;
        struct session *s = session_of(x, p.session);
        if (!s) continue;
        s->unacked--;
        send_puback(x, s, p.id, &good);
    }
    session_reap(x);
}

/* ---- packets ---- */

static MUST outcome on_publish(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_publish p;
    struct cargo c;
    struct answer a;
    uint8_t reason = MQTT_MALFORMED;
    if (!ok(mqtt_read_publish(packet, s->version, &p, &reason))) return fail(x, s, reason, "publish-malformed");
    if (p.qos == 2) return fail(x, s, MQTT_NO_QOS, "qos-2");
    if (mqtt_has(&p.properties, MQTT_HAS_topic_alias)) return fail(x, s, MQTT_ALIAS_INVALID, "topic-alias");
    if (mqtt_has(&p.properties, MQTT_HAS_subscription_id)) return fail(x, s, MQTT_PROTOCOL_ERROR, "subscription-id");
    if (p.topic.n == 0) return fail(x, s, MQTT_PROTOCOL_ERROR, "no-topic");
    uint32_t most = s->version == 5 ? x->bounds.inflight : x->bounds.queue; /* 3.1.1 was never told */
    if (p.qos && s->unacked >= most) return fail(x, s, MQTT_RECEIVE_MAX, "receive-maximum");
    struct message m = { .from = s->who, .topic = p.topic, .payload = p.payload, .properties = &p.properties, .qos = p.qos,
        .retain = p.retain };
    cargo_from_message(x, &c, &m, PATH_LIVE);
    c.source = session_handle(x, s);
    if (p.qos && !ok(pending_room(x))) refuse_word(x, &c, MQTT_QUOTA, "memory", &a);
    else publish_accept(x, &c, &a);
    cargo_done(x, &c);
    return p.qos ? acknowledge(x, s, p.id, &a) : DONE;
}

static MUST outcome on_puback(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_ack a;
    uint8_t reason = MQTT_MALFORMED;
    if (!ok(mqtt_read_ack(packet, s->version, &a, &reason))) return fail(x, s, reason, "puback-malformed");
    for (uint32_t i = 0; i < s->inflight_n; i++) {
        if (s->inflight[i] != a.id) continue;
        s->inflight[i] = s->inflight[--s->inflight_n];
        deliver_pump(x, s);
        return DONE;
    }
    return DONE; /* not ours, or acknowledged before: no harm */
}

static uint8_t subscribe_one(struct exchange *x, struct session *s, const struct mqtt_subscribe *all, size_t i, bool *ret_new)
{
    struct bytes filter = all->rows[i].filter;
    struct message m = { .from = s->who, .topic = filter };
    struct question q = { .who = s->who, .action = ACT_SUBSCRIBE, .topic = filter, .now_ms = wall(x) };
    struct verdict v = { .ruling = RULING_DENY, .reason = 0 };
    if (mqtt_has(&all->properties, MQTT_HAS_subscription_id)) {
        v.reason = MQTT_NO_SUBSCRIPTION_IDS;
        v.word = "subscription-id";
    } else if (bytes_starts(filter, BYTES_LIT("$share/"))) {
        v.reason = MQTT_NO_SHARED;
        v.word = "shared-subscription";
    } else {
        v = access_judge(x->access, &q);
    }
    if (v.ruling == RULING_DENY) {
        x->counts.denied++;
        tell(x, "subscribe-refused", &m, &v, NULL);
        return v.reason;
    }
    uint8_t granted = all->rows[i].qos ? 1 : 0;
    struct sub options = { .qos = granted, .no_local = all->rows[i].no_local,
        .as_published = all->rows[i].retain_as_published };
    if (!ok(sub_put(x, s, filter, &options, ret_new))) return MQTT_QUOTA;
    return granted;
}

static MUST outcome on_subscribe(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_subscribe all;
    uint8_t reason = MQTT_MALFORMED, codes[MQTT_FILTERS_MAX];
    bool fresh[MQTT_FILTERS_MAX] = { false };
    if (!ok(mqtt_read_subscribe(packet, s->version, &all, &reason))) return fail(x, s, reason, "subscribe-malformed");
    for (size_t i = 0; i < all.n; i++) codes[i] = subscribe_one(x, s, &all, i, &fresh[i]);
    x->out.n = 0;
    if (!ok(mqtt_write_suback(s->version, MQTT_SUBACK, all.id, codes, all.n, &x->out)))
        return fail(x, s, MQTT_QUOTA, "memory");
    session_send(x, s);
    for (size_t i = 0; i < all.n; i++) {
        uint8_t handling = all.rows[i].retain_handling; /* MQTT 5, 3.8.3.1: 0 send, 1 when new, 2 not */
        if (codes[i] > 1 || handling == 2 || (handling == 1 && !fresh[i])) continue;
        deliver_retained(x, s, all.rows[i].filter, codes[i]);
    }
    return DONE;
}

static MUST outcome on_unsubscribe(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_subscribe all;
    uint8_t reason = MQTT_MALFORMED, codes[MQTT_FILTERS_MAX];
    if (!ok(mqtt_read_subscribe(packet, s->version, &all, &reason))) return fail(x, s, reason, "unsubscribe-malformed");
    for (size_t i = 0; i < all.n; i++) codes[i] = sub_take(x, s, all.rows[i].filter) ? 0 : NO_SUBSCRIPTION_EXISTED;
    x->out.n = 0;
    if (!ok(mqtt_write_suback(s->version, MQTT_UNSUBACK, all.id, codes, all.n, &x->out)))
        return fail(x, s, MQTT_QUOTA, "memory");
    session_send(x, s);
    return DONE;
}

static MUST outcome on_ping(struct exchange *x, struct session *s, struct bytes packet)
{
    if (packet.n != 2) return fail(x, s, MQTT_MALFORMED, "ping-malformed");
    x->out.n = 0;
    if (!ok(mqtt_write_ping(MQTT_PINGRESP, &x->out))) return fail(x, s, MQTT_QUOTA, "memory");
    session_send(x, s);
    return DONE;
}

static MUST outcome on_disconnect(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_ack a;
    uint8_t reason = MQTT_MALFORMED;
    uint32_t link = s->link;
    if (!ok(mqtt_read_ack(packet, s->version, &a, &reason))) return fail(x, s, reason, "disconnect-malformed");
    session_end(x, s, 0, NULL, a.reason == DISCONNECT_WITH_WILL);
    x->port.close(x->port.ctx, link);
    return DONE;
}

outcome packet_handle(struct exchange *x, struct session *s, struct bytes packet)
{
    enum mqtt_type type;
    size_t total = 0;
    outcome o = mqtt_frame(packet, x->bounds.packet_bytes, &type, &total);
    bool whole = ok(o) && total == packet.n;
    if (s->version == 0) {
        if (whole && type == MQTT_CONNECT) return session_connect(x, s, packet);
        session_end(x, s, 0, NULL, false);
        return REFUSE(E_MALFORMED);
    }
    if (o.code == E_TOO_LARGE) return fail(x, s, MQTT_TOO_LARGE, "packet-too-large");
    if (!whole) return fail(x, s, MQTT_MALFORMED, "malformed");
    switch (type) {
    case MQTT_PUBLISH: return on_publish(x, s, packet);
    case MQTT_PUBACK: return on_puback(x, s, packet);
    case MQTT_SUBSCRIBE: return on_subscribe(x, s, packet);
    case MQTT_UNSUBSCRIBE: return on_unsubscribe(x, s, packet);
    case MQTT_PINGREQ: return on_ping(x, s, packet);
    case MQTT_DISCONNECT: return on_disconnect(x, s, packet);
    case MQTT_CONNECT: return fail(x, s, MQTT_PROTOCOL_ERROR, "second-connect");
    default: return fail(x, s, MQTT_PROTOCOL_ERROR, "unexpected-packet"); /* a server's, or of QoS 2 */
    }
}
