/* What a connected client may send, packet by packet; messages are publish.c's. */
#include "platform/exchange_internal.h"

#define NO_SUBSCRIPTION_EXISTED 0x11 /* MQTT 5, 3.11.3 */

/* MQTT 5, 4.13.1-1 and 4.13.2-1. */
outcome packet_fail(struct exchange *x, struct session *s, uint8_t reason, const char *word)
{
    session_end(x, s, reason, word, true);
    return REFUSE(E_MALFORMED);
}

/* ---- SUBSCRIBE, UNSUBSCRIBE ---- */

/* One filter of a SUBSCRIBE. */
struct wish {
    struct bytes filter;
    struct sub options;
    uint8_t handling; /* MQTT 5, 3.8.3.1: retained messages: 0 send, 1 when new, 2 not */
    bool shared, fresh, over;
    uint8_t code;
    enum grant_miss missing;
    bool judged;
    const char *word;
};

static void wish_refuse(struct exchange *x, struct session *s, struct wish *w, const struct verdict *v)
{
    struct message m = { .from = s->who, .topic = w->filter };
    x->counts.denied++;
    tell(x, "subscribe-refused", &m, v, NULL);
    w->code = v->reason;
    w->word = v->word;
    w->missing = v->missing;
    w->judged = v->judged;
}

static void wish_full(struct wish *w, const char *word)
{
    w->code = MQTT_QUOTA;
    w->word = word;
}

static void subscribe_one(struct exchange *x, struct session *s, struct wish *w)
{
    struct question q = { .who = s->who, .action = ACT_SUBSCRIBE, .topic = sub_asked(w->filter), .now_ms = wall(x), .purpose = s->purpose };
    struct verdict v = { .ruling = RULING_DENY, .reason = MQTT_NO_SHARED, .word = "shared-subscription" };
    if (w->over) v = (struct verdict) { .ruling = RULING_DENY, .reason = MQTT_FILTER_INVALID, .word = "filter-too-long" };
    else if (!w->shared || x->bounds.shared) v = access_judge(x->access, &q);
    if (v.ruling == RULING_DENY) {
        wish_refuse(x, s, w, &v);
        return;
    }
    w->options.since = x->next_index;
    if (!ok(sub_put(x, s, w->filter, &w->options, &w->fresh))) {
        wish_full(w, "subscriptions-full");
        return;
    }
    if (x->port.saw) x->port.saw(x->port.ctx, s->who, q.topic, true);
    uint32_t sub = sub_find(x, s, w->filter);
    if (ok(durable_subscribe(x, s, sub, w->filter))) {
        struct permit_ask e = { s->who->id, q.topic, true, q.now_ms, .emergency = true };
        struct message m = { .from = s->who, .topic = w->filter };
        if (permit_covering(x->access->permits, &e)) tell(x, "emergency-subscribed", &m, &v, NULL);
        return;
    }
    sub_drop(x, sub);
    wish_full(w, "not-recorded");
}

/* MQTT 5, 3.9.3: well formed, and not accepted here: 0x8F for this filter alone. */
static bool too_long(const struct exchange *x, const struct mqtt_subscribe *all, size_t i)
{
    return all->rows[i].over || !topic_fits(x, all->rows[i].filter);
}

/* 3.1.1 has no code that says so. */
static bool any_too_long(const struct exchange *x, const struct mqtt_subscribe *all)
{
    size_t i = 0;
    while (i < all->n && !too_long(x, all, i)) i++;
    return i < all->n;
}

static void wish_of(const struct exchange *x, const struct mqtt_subscribe *all, size_t i, struct wish *w)
{
    /* MQTT 5, 3.2.2-10 */
    uint8_t qos = all->rows[i].qos < x->bounds.maximum_qos ? all->rows[i].qos : x->bounds.maximum_qos;
    *w = (struct wish) { .filter = all->rows[i].filter, .handling = all->rows[i].retain_handling, .code = qos,
        .shared = bytes_starts(all->rows[i].filter, BYTES_LIT("$share/")), .over = too_long(x, all, i) };
    w->options = (struct sub) { .qos = qos, .no_local = all->rows[i].no_local, .as_published = all->rows[i].retain_as_published,
        .id = mqtt_has(&all->properties, MQTT_HAS_subscription_id) ? all->properties.subscription_id : 0 };
}

/* word: why the first of them was refused, or NULL. */
static MUST outcome grant(struct exchange *x, struct session *s, enum mqtt_type type, struct mqtt_grants *g, const char *word)
{
    struct mqtt_properties p = { .has = (uint64_t)1 << MQTT_HAS_reason_string, .reason_string = bytes_str(word) };
    g->p = word && s->problems ? &p : NULL;
    x->out.n = 0;
    outcome o = mqtt_write_suback(s->version, type, g, &x->out);
    if (ok(o) && g->p && x->out.n > s->packet_max) { /* MQTT 5, 3.9.2-1, 3.9.2-2, 3.11.2-1 and 3.11.2-2 */
        g->p = NULL;
        x->out.n = 0;
        o = mqtt_write_suback(s->version, type, g, &x->out);
    }
    if (!ok(o)) return packet_fail(x, s, MQTT_QUOTA, "memory");
    session_send(x, s);
    return DONE;
}

static void why_of(const struct session *s, const struct wish *w, char text[REASON_BYTES])
{
    struct out o = out_of(text, REASON_BYTES - 1);
    put_str(&o, w->word);
    if (w->judged) reason_point(&o, w->missing, s->who, "subscribe", w->filter);
    text[o.n] = 0;
}

static MUST outcome on_subscribe(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_subscribe all;
    struct wish wishes[MQTT_FILTERS_MAX];
    uint8_t reason = MQTT_MALFORMED, codes[MQTT_FILTERS_MAX];
    char text[REASON_BYTES] = "";
    if (!ok(mqtt_read_subscribe(packet, s->version, &all, &reason))) return packet_fail(x, s, reason, "subscribe-malformed");
    if (s->version == 4 && any_too_long(x, &all)) return packet_fail(x, s, MQTT_FILTER_INVALID, "filter-too-long");
    for (size_t i = 0; i < all.n; i++) {
        wish_of(x, &all, i, &wishes[i]);
        subscribe_one(x, s, &wishes[i]);
        codes[i] = wishes[i].code;
        if (!text[0] && wishes[i].word) why_of(s, &wishes[i], text);
    }
    /* MQTT 5, 3.8.4-1, 3.8.4-2, 3.8.4-5, 3.8.4-6, 3.8.4-7, 3.9.3-1 and 2.2.1-6: one answer, a code for each
     * filter in its place */
    struct mqtt_grants g = { .id = all.id, .codes = codes, .n = all.n };
    TRY(grant(x, s, MQTT_SUBACK, &g, text[0] ? text : NULL));
    for (size_t i = 0; i < all.n; i++) {
        const struct wish *w = &wishes[i];
        /* MQTT 5, 3.3.1-9, 3.3.1-10, 3.3.1-11 and 3.8.4-4 */
        if (w->code > 2 || w->handling == 2 || (w->handling == 1 && !w->fresh)) continue;
        if (!w->shared) deliver_retained(x, s, w->filter, &w->options); /* MQTT 5, 4.8.2: to a share, none */
    }
    return DONE;
}

static uint8_t unsubscribe_one(struct exchange *x, struct session *s, struct bytes filter, const char **word)
{
    /* MQTT 5, 3.10.4-1 and 3.10.4-2; MQTT 5, 3.10.4-3: what is in flight is not of the subscription */
    if (sub_find(x, s, filter) == NONE) return NO_SUBSCRIPTION_EXISTED;
    if (!ok(durable_unsubscribe(x, s, filter))) {
        if (!*word) *word = "not-recorded";
        return MQTT_UNSPECIFIED;
    }
    return sub_take(x, s, filter) ? 0 : NO_SUBSCRIPTION_EXISTED;
}

static MUST outcome on_unsubscribe(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_subscribe all;
    uint8_t reason = MQTT_MALFORMED, codes[MQTT_FILTERS_MAX];
    const char *word = NULL;
    if (!ok(mqtt_read_subscribe(packet, s->version, &all, &reason))) return packet_fail(x, s, reason, "unsubscribe-malformed");
    for (size_t i = 0; i < all.n; i++)
        codes[i] = too_long(x, &all, i) ? MQTT_FILTER_INVALID : unsubscribe_one(x, s, all.rows[i].filter, &word);
    struct mqtt_grants g = { .id = all.id, .codes = codes, .n = all.n };
    /* MQTT 5, 3.10.4-4, 3.10.4-5, 3.10.4-6 and 3.11.3-1 */
    return grant(x, s, MQTT_UNSUBACK, &g, word);
}

/* ---- the rest ---- */

static MUST outcome on_ping(struct exchange *x, struct session *s, struct bytes packet)
{
    if (packet.n != 2) return packet_fail(x, s, MQTT_MALFORMED, "ping-malformed");
    x->out.n = 0;
    /* MQTT 5, 3.12.4-1 */
    if (!ok(mqtt_write_ping(MQTT_PINGRESP, &x->out))) return packet_fail(x, s, MQTT_QUOTA, "memory");
    session_send(x, s);
    return DONE;
}

static MUST outcome on_disconnect(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_ack a;
    uint8_t reason = MQTT_MALFORMED;
    uint32_t link = s->link, most = x->bounds.session_expiry_s;
    if (!ok(mqtt_read_ack(packet, s->version, &a, &reason))) return packet_fail(x, s, reason, "disconnect-malformed");
    if (mqtt_has(&a.properties, MQTT_HAS_session_expiry_s)) {
        uint32_t asked = a.properties.session_expiry_s;
        /* MQTT 5, 3.14.2.2.2: a session that was to end with its link does */
        if (s->expiry_s == 0 && asked) return packet_fail(x, s, MQTT_PROTOCOL_ERROR, "session-expiry");
        bool longer = asked != s->expiry_s;
        s->expiry_s = asked < most ? asked : most;
        if (longer && s->expiry_s) (void)!ok(durable_open(x, s)); /* unwritten: the old interval after a crash */
    }
    session_end(x, s, 0, NULL, a.reason != MQTT_SUCCESS); /* MQTT 5, 3.14.4-3: the will goes with a good end only */
    x->port.close(x->port.ctx, link);
    return DONE;
}

static MUST outcome on_ack(struct exchange *x, struct session *s, enum mqtt_type type, struct bytes packet)
{
    struct mqtt_ack a UNSET;
    uint8_t reason = MQTT_MALFORMED;
    if (!ok(mqtt_read_ack(packet, s->version, &a, &reason))) return packet_fail(x, s, reason, "acknowledgement-malformed");
    switch (type) {
    case MQTT_PUBACK: return on_puback(x, s, &a);
    case MQTT_PUBREC: return on_pubrec(x, s, &a);
    case MQTT_PUBREL: return on_pubrel(x, s, &a);
    default: return on_pubcomp(x, s, &a);
    }
}

static MUST outcome first_packet(struct exchange *x, struct session *s, struct bytes packet, bool connect)
{
    if (connect) return session_connect(x, s, packet);
    session_end(x, s, 0, NULL, false); /* MQTT 5, 3.1.0-1 */
    return REFUSE(E_MALFORMED);
}

outcome packet_handle(struct exchange *x, struct session *s, struct bytes packet)
{
    enum mqtt_type type;
    size_t total = 0;
    outcome o = mqtt_frame(packet, x->bounds.packet_bytes, &type, &total);
    bool whole = ok(o) && total == packet.n;
    x->counts.packets_in++;
    x->counts.bytes_in += packet.n;
    if (s->version == 0) return first_packet(x, s, packet, whole && type == MQTT_CONNECT);
    if (o.code == E_TOO_LARGE) return packet_fail(x, s, MQTT_TOO_LARGE, "packet-too-large");
    if (!whole) return packet_fail(x, s, MQTT_MALFORMED, "malformed");
    switch (type) {
    case MQTT_PUBLISH: return on_publish(x, s, packet);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP: return on_ack(x, s, type, packet);
    case MQTT_SUBSCRIBE: return on_subscribe(x, s, packet);
    case MQTT_UNSUBSCRIBE: return on_unsubscribe(x, s, packet);
    case MQTT_PINGREQ: return on_ping(x, s, packet);
    case MQTT_DISCONNECT: return on_disconnect(x, s, packet);
    case MQTT_AUTH: return auth_packet(x, s, packet);
    case MQTT_CONNECT: return packet_fail(x, s, MQTT_PROTOCOL_ERROR, "second-connect"); /* MQTT 5, 3.1.0-2 and 3.2.0-2 */
    default: return packet_fail(x, s, MQTT_PROTOCOL_ERROR, "unexpected-packet"); /* a server's */
    }
}
