/* The one way a message is accepted, and its acknowledgement: PUBACK and PUBREC when every obligation from it is
 * durable, PUBREL and PUBCOMP (MQTT 5, 4.3). */
#include <stdio.h>

#include "platform/exchange_internal.h"

#define HAS(name) ((uint64_t)1 << MQTT_HAS_##name)

/* ---- accepting ---- */

/* Accepted, nothing to say; what is not said is not cleared. */
static void answer_begin(struct answer *a)
{
    memset(a, 0, offsetof(struct answer, text));
    a->refused = DONE;
    a->text[0] = a->hold[0] = 0;
}

void answer_of(struct answer *a, enum code code, uint8_t reason, const struct verdict *v, const char *hold)
{
    answer_begin(a);
    a->reason = reason;
    if (code != OK) a->refused = REFUSE(code);
    struct out o = out_of(a->text, sizeof a->text - 1);
    if (hold) {
        (void)snprintf(a->hold, sizeof a->hold, "%s", hold);
        put_fmt(&o, "held %s: ", hold);
    }
    put_str(&o, v->word);
    if (v->limit) put_fmt(&o, " %s of decision %s", v->limit->id, v->limit->decision);
    if (v->detail) put_fmt(&o, ": %s", v->detail);
    a->text[o.n] = 0;
}

/* Who asks is told what to type: the whole tree is for people who may see it. */
void reason_point(struct out *o, enum grant_miss missing, const struct identity *who, const char *action, struct bytes topic)
{
    static const char *const words[GRANT_MISSES] = { [MISS_TRUST] = " (needs another trust)", [MISS_TIME] = " (not at this time)",
        [MISS_PERMIT] = " (needs a work permit)", [MISS_PURPOSE] = " (needs another purpose)", [MISS_EMERGENCY] = "" };
    if (words[missing]) put_str(o, words[missing]);
    if (who && topic.n && o->n + topic.n + ID_MAX + 32 < REASON_BYTES) put_fmt(o, "; sekimori why %s %s %.*s", who->id, action, (int)topic.n, (const char *)topic.at);
}

void answer_point(struct answer *a, const struct verdict *v, const struct cargo *c)
{
    size_t n = strlen(a->text);
    if (!v->judged) return;
    struct out o = out_of(a->text, sizeof a->text - 1);
    o.n = n;
    reason_point(&o, v->missing, c->m.from, c->command ? "command" : "publish", c->m.topic);
    a->text[o.n] = 0;
}

void publish_refuse(struct exchange *x, const struct cargo *c, const struct verdict *v, enum code code, struct answer *a)
{
    answer_of(a, code, v->reason, v, NULL);
    answer_point(a, v, c);
    x->counts.denied += v->ruling == RULING_DENY;
    tell(x, c->command ? "command-refused" : "publish-refused", &c->m, v, NULL);
}

static void refuse_word(struct exchange *x, const struct cargo *c, uint8_t reason, const char *word, struct answer *a)
{
    struct verdict v = { .ruling = RULING_DENY, .reason = reason, .word = word };
    publish_refuse(x, c, &v, reason == MQTT_QUOTA ? E_FULL : E_DENIED, a);
}

static bool server_topic(struct bytes topic)
{
    return bytes_starts(topic, BYTES_LIT("$SYS")) || bytes_starts(topic, BYTES_LIT("$share/"));
}

/* The publisher's side: right, form, flag. */
static bool publisher_may(struct exchange *x, struct cargo *c, struct answer *a)
{
    const struct mqtt_properties *p = &c->out.properties;
    struct verdict v = { .ruling = RULING_ALLOW, .word = "server" };
    if (c->m.from && server_topic(c->m.topic)) { /* MQTT 5, 4.7.2: the server's own */
        refuse_word(x, c, MQTT_NOT_AUTHORIZED, "no-grant", a);
        return false;
    }
    if (c->m.from && c->stream && c->stream->derive.how) { /* computed here and nowhere else */
        refuse_word(x, c, MQTT_NOT_AUTHORIZED, "derived-stream", a);
        return false;
    }
    if (c->m.from) {
        const struct session *s = session_of(x, c->source);
        struct question q = { .who = c->m.from, .action = ACT_PUBLISH, .topic = c->m.topic, .payload = c->m.payload,
            .now_ms = wall(x), .purpose = s ? s->purpose : NULL };
        v = access_judge(x->access, &q);
        if (v.ruling != RULING_ALLOW && v.ruling != RULING_FLAG) {
            publish_refuse(x, c, &v, E_DENIED, a);
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
    return !word && form_may(x, c, &v, a);
}

outcome publish_record(struct exchange *x, struct cargo *c, bool *ret_recorded, uint64_t *ret_index)
{
    bool wanted = c->command || (c->stream && (c->stream->recorded || c->stream->command));
    *ret_recorded = false;
    if (!wanted) return DONE;
    cargo_expiry(x, c, &c->out.properties); /* the record keeps how long it is good */
    outcome o = x->port.record(x->port.ctx, &c->m, c->stream, ret_index);
    if (o.code == E_UNSUPPORTED) return DONE;
    TRY(o);
    *ret_recorded = true;
    c->index = c->obliged = *ret_index;
    if (c->index >= x->next_index) x->next_index = c->index + 1;
    return DONE;
}

/* What went out was the last good value, of which its publisher was promised nothing. */
static void answer_kept_back(struct exchange *x, const struct cargo *c, struct answer *a)
{
    struct verdict v = { .ruling = RULING_DENY, .reason = c->kept_back, .word = c->kept_word, .detail = x->said[0] ? x->said : NULL };
    answer_of(a, E_DENIED, c->kept_back, &v, NULL);
}

void publish_accept(struct exchange *x, struct cargo *c, struct answer *a)
{
    static const struct verdict too_slow = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "slow-consumer" };
    answer_begin(a);
    x->counts.received++;
    x->counts.payload_in += c->m.payload.n;
    if (!publisher_may(x, c, a)) return;
    if (x->port.saw && c->m.from) x->port.saw(x->port.ctx, c->m.from, c->m.topic, false);
    if (!ok(sub_collect(x, c->m.topic, c->source))) {
        refuse_word(x, c, MQTT_QUOTA, "memory", a);
        return;
    }
    if (c->command && !command_may_go(x, c, a)) return;
    if (!ok(publish_record(x, c, &a->recorded, &a->index))) {
        refuse_word(x, c, MQTT_QUOTA, "not-recorded", a);
        return;
    }
    form_keep(x, c);
    derive_note(x, c);
    outcome o = c->m.retain ? retained_put(x, c) : DONE;
    bool nobody = x->destinations_n == 0;
    deliver_all(x, c);
    a->index = c->obliged;
    if (!ok(o)) refuse_word(x, c, MQTT_QUOTA, "retained-store-full", a);
    else if (c->command && c->reached == 0) answer_of(a, E_FULL, MQTT_QUOTA, &too_slow, NULL); /* told by account() */
    else if (c->kept_back) answer_kept_back(x, c, a);
    else if (nobody && !a->recorded) a->reason = MQTT_NO_SUBSCRIBERS; /* MQTT 5, 3.4.2.1 */
}

/* ---- acknowledging ---- */

outcome pending_room(struct exchange *x)
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

outcome pending_put(struct exchange *x, const struct pending *p)
{
    TRY(pending_room(x));
    x->pending[(x->pending_at + x->pending_n++) % x->pending_cap] = *p;
    return DONE;
}

void send_ack(struct exchange *x, struct session *s, enum mqtt_type type, const struct mqtt_ack *a)
{
    struct mqtt_ack bare UNSET;
    mqtt_ack_begin(&bare, a->id, a->reason);
    x->out.n = 0;
    outcome o = mqtt_write_ack(s->version, type, s->problems ? a : &bare, &x->out);
    if (ok(o) && x->out.n > s->packet_max) { /* MQTT 5, 3.4.2-2, 3.4.2-3, 3.5.2-2, 3.5.2-3, 3.6.2-2, 3.6.2-3, 3.7.2-2 and 3.7.2-3 */
        x->out.n = 0;
        o = mqtt_write_ack(s->version, type, &bare, &x->out);
    }
    if (ok(o)) session_send(x, s);
    else session_doom(x, s, MQTT_QUOTA, "memory"); /* no acknowledgement is better than a client that waits */
}

static void send_answer(struct exchange *x, struct session *s, enum mqtt_type type, uint16_t id, const struct answer *a)
{
    /* MQTT 5, 2.2.1-5, 3.3.4-1, 4.3.2-4 and 4.3.3-8 */
    struct mqtt_ack ack UNSET;
    mqtt_ack_begin(&ack, id, a->reason);
    if (a->reason && a->text[0]) { /* MQTT 5, 3.4.2.2.2 */
        ack.properties.has = HAS(reason_string);
        ack.properties.reason_string = bytes_str(a->text);
        if (a->hold[0])
            ack.properties.user[ack.properties.users++] = (struct mqtt_user) { BYTES_LIT("sk-hold"), bytes_str(a->hold) };
    }
    send_ack(x, s, type, &ack);
    x->counts.acknowledged++;
}

static MUST outcome acknowledge(struct exchange *x, struct session *s, enum mqtt_type type, uint16_t id, const struct answer *a)
{
    if (a->reason == MQTT_QUOTA && s->version == 4) { /* a 3.1.1 acknowledgement would be a false one */
        session_end(x, s, 0, NULL, true);
        return REFUSE(E_FULL);
    }
    if (!a->recorded || a->index < x->durable) {
        send_answer(x, s, type, id, a);
        return DONE;
    }
    struct pending p = { a->index, session_handle(x, s), s->epoch, id, (uint8_t)type };
    outcome o = pending_put(x, &p);
    if (!ok(o)) return packet_fail(x, s, MQTT_QUOTA, "memory");
    s->unacked += type == MQTT_PUBACK;
    return DONE;
}

static void one_durable(struct exchange *x, const struct pending *p)
{
    static const struct answer good = { 0 };
    struct session *s = session_of(x, p->session);
    if (!s || !s->online || s->epoch != p->epoch) return;
    if (p->type == 0) {
        if (s->barrier <= x->durable) durable_flush(x, s);
        return;
    }
    s->unacked -= p->type == MQTT_PUBACK;
    send_answer(x, s, (enum mqtt_type)p->type, p->id, &good);
}

void exchange_durable(struct exchange *x, uint64_t n)
{
    if (n > x->durable) x->durable = n;
    while (x->pending_n && x->pending[x->pending_at].index < x->durable) {
        struct pending p = x->pending[x->pending_at];
        x->pending_at = (x->pending_at + 1) % x->pending_cap;
        x->pending_n--;
        one_durable(x, &p);
    }
    if (x->stalled) {
        x->stalled = false;
        for (uint32_t i = 0; i < x->sessions_top; i++)
            if (x->sessions[i].used && x->sessions[i].stalled) deliver_pump(x, &x->sessions[i]);
    }
    session_reap(x);
}

/* ---- QoS 2 in: from PUBLISH to PUBREL the identifier is kept, so that a repetition is known ---- */

struct receiving *receiving_find(struct session *s, uint16_t id)
{
    for (uint32_t i = 0; i < s->receiving_n; i++)
        if (s->receiving[i].id == id) return &s->receiving[i];
    return NULL;
}

outcome receiving_put(struct session *s, uint16_t id, uint64_t index)
{
    if (s->receiving_n == s->receiving_cap) {
        uint32_t cap = s->receiving_cap ? s->receiving_cap * 2 : 16;
        struct receiving *more = mem_grow(s->receiving, cap * sizeof *more);
        if (!more) return REFUSE(E_MEMORY);
        s->receiving = more;
        s->receiving_cap = cap;
    }
    s->receiving[s->receiving_n++] = (struct receiving) { id, index };
    return DONE;
}

void receiving_take(struct session *s, struct receiving *r)
{
    *r = s->receiving[--s->receiving_n];
}

static struct answer again(const struct receiving *r)
{
    return (struct answer) { .refused = DONE, .recorded = r->index != NO_INDEX, .index = r->index };
}

/* Not told to the record each: the flood would be written too. yield.c says when it began and what it refused. */
static bool come_later(struct exchange *x, struct session *s, const struct cargo *c, struct answer *a)
{
    const struct verdict *v = yield_asks(x, s, c);
    if (!v) return false;
    answer_of(a, E_FULL, MQTT_QUOTA, v, NULL);
    x->counts.yielded++;
    return true;
}

static MUST outcome publish_twice(struct exchange *x, struct session *s, const struct mqtt_publish *p, struct cargo *c)
{
    struct answer a;
    struct receiving *r = receiving_find(s, p->id);
    if (r) { /* MQTT 5, 4.3.3-10: received before; the same answer, no second delivery */
        a = again(r);
        return acknowledge(x, s, MQTT_PUBREC, p->id, &a);
    }
    /* the place first: after acceptance nothing may fail that would make it be delivered again */
    outcome o = receiving_put(s, p->id, NO_INDEX);
    if (ok(o) && !come_later(x, s, c, &a)) publish_accept(x, c, &a);
    else if (!ok(o)) refuse_word(x, c, MQTT_QUOTA, "memory", &a);
    r = receiving_find(s, p->id);
    bool refused = a.reason >= MQTT_UNSPECIFIED && s->version == 5; /* MQTT 5, 4.3.3-9: not kept */
    if (r && (refused || a.reason == MQTT_QUOTA)) receiving_take(s, r);
    else if (r && a.recorded) r->index = a.index;
    s->dirty = x->dirty = true;
    return acknowledge(x, s, MQTT_PUBREC, p->id, &a);
}

static MUST outcome publish_once(struct exchange *x, struct session *s, const struct mqtt_publish *p, struct cargo *c)
{
    static const struct verdict in_use = { .ruling = RULING_DENY, .reason = MQTT_ID_IN_USE, .word = "packet-id-in-use" };
    struct answer a UNSET;
    /* MQTT 5, 4.3.2-5: nothing of an acknowledged QoS 1 message is remembered */
    if (receiving_find(s, p->id)) publish_refuse(x, c, &in_use, E_CONFLICT, &a);
    else if (!ok(pending_room(x))) refuse_word(x, c, MQTT_QUOTA, "memory", &a);
    else if (!come_later(x, s, c, &a)) publish_accept(x, c, &a);
    return acknowledge(x, s, MQTT_PUBACK, p->id, &a);
}

static uint8_t publish_judge(struct exchange *x, struct session *s, struct mqtt_publish *p, const char **word)
{
    uint32_t most = s->version == 5 ? x->bounds.inflight : x->bounds.unannounced;
    *word = "qos";
    if (p->qos > x->bounds.maximum_qos) return MQTT_NO_QOS;
    *word = "subscription-id";
    if (mqtt_has(&p->properties, MQTT_HAS_subscription_id)) return MQTT_PROTOCOL_ERROR; /* MQTT 5, 3.3.4-6 */
    *word = "topic-alias";
    uint8_t reason = alias_resolve(x, s, p);
    if (reason) return reason;
    *word = "topic-too-long";
    if (!topic_fits(x, p->topic)) return MQTT_TOPIC_INVALID; /* MQTT 5, 3.14.2.1: formed, and not accepted here */
    *word = "receive-maximum"; /* MQTT 5, 3.3.4-9; PUBREL frees, so a repetition is no new one */
    bool repeated = p->qos == 2 && receiving_find(s, p->id);
    return p->qos && !repeated && s->unacked + s->receiving_n >= most ? MQTT_RECEIVE_MAX : 0;
}

outcome on_publish(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_publish p UNSET;
    struct cargo c UNSET;
    struct answer a UNSET;
    const char *word = "publish-malformed";
    uint8_t reason = MQTT_MALFORMED;
    if (!ok(mqtt_read_publish(packet, s->version, &p, &reason))) return packet_fail(x, s, reason, word);
    reason = publish_judge(x, s, &p, &word);
    if (reason) return packet_fail(x, s, reason, word);
    struct message m = { .from = s->who, .topic = p.topic, .payload = p.payload, .properties = &p.properties, .qos = p.qos,
        .retain = p.retain };
    if (p.qos == 2 && durable_is(x, s)) {
        m.session = s->client_id;
        m.packet_id = p.id;
    }
    cargo_from_message(x, &c, &m, PATH_LIVE);
    c.source = session_handle(x, s);
    outcome o = DONE;
    if (p.qos == 0 && !come_later(x, s, &c, &a)) publish_accept(x, &c, &a);
    else if (p.qos) o = p.qos == 1 ? publish_once(x, s, &p, &c) : publish_twice(x, s, &p, &c);
    cargo_done(x, &c);
    return o;
}

outcome on_pubrel(struct exchange *x, struct session *s, const struct mqtt_ack *a)
{
    struct mqtt_ack done UNSET;
    mqtt_ack_begin(&done, a->id, 0);
    struct receiving *r = receiving_find(s, a->id);
    if (!r || (r->index != NO_INDEX && r->index >= x->durable)) { /* MQTT 5, 3.7.2.1; not acknowledged yet is unknown too */
        done.reason = MQTT_ID_UNKNOWN;
        send_ack(x, s, MQTT_PUBCOMP, &done);
        return DONE;
    }
    if (r->index != NO_INDEX && !ok(durable_released(x, s, a->id))) return packet_fail(x, s, MQTT_QUOTA, "not-recorded");
    /* MQTT 5, 4.3.3-11 and 4.3.3-12; MQTT 5, 4.3.3-13: no expiry is looked at here */
    receiving_take(s, r);
    s->dirty = x->dirty = true;
    send_ack(x, s, MQTT_PUBCOMP, &done);
    return DONE;
}
