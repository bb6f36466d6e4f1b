/* The single point of egress. Nothing is written to a link or handed to a tap that egress() did not let pass:
 * live, will, server, release (deliver_all), retained (deliver_retained), queued (deliver_pump), taps, and the
 * forecast that decides about commands. It is static, and it counts its callers by path. */
#include <stdio.h>

#include "platform/exchange_internal.h"

static struct verdict egress(struct exchange *x, const struct identity *who, const struct cargo *c, enum path path)
{
    x->egress[path]++;
    if (c->expires_ms <= mono(x))
        return (struct verdict) { .ruling = RULING_DENY, .reason = MQTT_NOT_AUTHORIZED, .word = "expired" };
    if (!who) {
        assert(path == PATH_TAP);
        return (struct verdict) { .ruling = RULING_ALLOW, .word = "server" };
    }
    struct question q = { .who = who, .action = ACT_RECEIVE, .topic = c->m.topic, .payload = c->m.payload,
        .from = c->m.from, .now_ms = wall(x), .released = c->released };
    struct verdict v = access_judge(x->access, &q);
    if (v.ruling == RULING_DENY && path != PATH_FORECAST) x->counts.denied++;
    return v;
}

static bool passes(const struct verdict *v)
{
    return v->ruling == RULING_ALLOW || v->ruling == RULING_FLAG;
}

struct verdict deliver_forecast(struct exchange *x, const struct identity *who, const struct cargo *c)
{
    return egress(x, who, c, PATH_FORECAST);
}

/* ---- to a link ---- */

enum sent { SENT, QUEUED, DROPPED };

static uint16_t new_id(struct session *s)
{
    while (true) { /* at most inflight_n + 2 rounds */
        if (++s->next_id == 0) s->next_id = 1;
        uint32_t i = 0;
        while (i < s->inflight_n && s->inflight[i] != s->next_id) i++;
        if (i == s->inflight_n) return s->next_id;
    }
}

static void set_expiry(struct exchange *x, struct cargo *c)
{
    if (c->expires_ms == NEVER) return;
    int64_t left_ms = c->expires_ms - mono(x); /* MQTT 5, 3.3.2-6: less the time it waited here */
    c->out.properties.has |= (uint64_t)1 << MQTT_HAS_message_expiry_s;
    c->out.properties.message_expiry_s = (uint32_t)((left_ms + 999) / 1000);
}

static enum sent write_link(struct exchange *x, struct session *s, struct cargo *c, uint8_t qos, bool retain)
{
    c->out.qos = qos;
    c->out.retain = retain;
    c->out.id = qos ? new_id(s) : 0;
    set_expiry(x, c);
    x->out.n = 0;
    /* MQTT 5, 3.1.2-25: a packet the client does not take is as if it had been sent */
    if (!ok(mqtt_write_publish(s->version, &c->out, &x->out)) || x->out.n > s->packet_max) return DROPPED;
    if (qos) s->inflight[s->inflight_n++] = c->out.id;
    session_send(x, s);
    x->counts.delivered++;
    return SENT;
}

static enum sent enqueue(struct exchange *x, struct session *s, struct cargo *c, uint8_t qos, bool retain)
{
    bool stored = c->path == PATH_RETAINED;
    struct parcel *p = cargo_keep(x, c);
    if (!p || !ok(queue_push(x, s, (struct waiting) { p, qos, retain, stored }))) return DROPPED;
    return QUEUED;
}

/* A consumer that does not keep up loses what is not recorded, and is told once; from a recorded stream nothing
 * is left out in silence: its link is closed, it sees the break and can ask the record. */
static void lost(struct exchange *x, struct session *s, const struct cargo *c, uint8_t qos)
{
    struct verdict v = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "slow-consumer" };
    struct message m = { .from = s->who, .topic = c->m.topic };
    x->counts.dropped++;
    if (!s->told_slow) tell(x, "slow-consumer", &m, &v, NULL);
    s->told_slow = true;
    if (qos && c->stream && c->stream->recorded) session_doom(x, s, MQTT_QUOTA, "slow-consumer");
}

static enum sent to_session(struct exchange *x, struct session *s, struct cargo *c, uint8_t granted, bool retain)
{
    uint8_t qos = c->m.qos < granted ? c->m.qos : granted;
    enum sent sent = DROPPED;
    if (qos == 0) {
        bool full = s->queue_n >= x->bounds.queue && c->path != PATH_RETAINED;
        if (!full) sent = write_link(x, s, c, 0, retain);
    } else if (s->inflight_n < s->receive_max && s->queue_n == 0) {
        sent = write_link(x, s, c, qos, retain);
    } else {
        sent = enqueue(x, s, c, qos, retain);
    }
    if (sent == DROPPED) lost(x, s, c, qos);
    return sent;
}

/* What became of a command at the device it is for. */
static void account(struct exchange *x, struct cargo *c, enum sent sent, const struct verdict *v)
{
    if (sent == SENT) tell(x, "command-delivered", &c->m, v, NULL);
    if (sent == DROPPED) tell(x, "command-dropped", &c->m, v, NULL);
    if (sent == DROPPED) c->dropped++;
    else c->reached++;
}

static void one_session(struct exchange *x, struct cargo *c, const struct destination *d)
{
    struct session *s = session_of(x, d->owner);
    if (!s || s->doomed) return;
    struct verdict v = egress(x, s->who, c, c->path);
    if (!passes(&v)) return;
    enum sent sent = to_session(x, s, c, d->qos, c->m.retain && d->as_published);
    if (c->command && s->who == c->target) account(x, c, sent, &v);
}

static void one_tap(struct exchange *x, struct cargo *c, const struct destination *d)
{
    struct tap *t = &x->taps[d->owner.index];
    if (!t->used || t->generation != d->owner.generation) return;
    struct verdict v = egress(x, t->who, c, PATH_TAP);
    if (passes(&v)) t->fn(t->ctx, &c->m, &v);
}

bool deliver_reaches(struct exchange *x, const struct identity *who)
{
    for (uint32_t i = 0; i < x->destinations_n; i++) {
        if (x->destinations[i].tap) continue;
        struct session *s = session_of(x, x->destinations[i].owner);
        if (s && !s->doomed && s->who == who) return true;
    }
    return false;
}

void deliver_all(struct exchange *x, struct cargo *c)
{
    assert(!x->routing);
    x->routing = true;
    for (uint32_t i = 0; i < x->destinations_n; i++) {
        const struct destination *d = &x->destinations[i];
        if (d->tap) one_tap(x, c, d);
        else one_session(x, c, d);
    }
    x->routing = false;
}

/* ---- retained ---- */

struct catching { /* who catches up with what is retained */
    struct exchange *x;
    struct handle session;
    struct tap *tap;
    uint8_t qos;
};

static void catch_up(void *ctx, uint32_t node)
{
    const struct catching *k = ctx;
    struct exchange *x = k->x;
    struct parcel *p = x->topics.nodes[node].item;
    struct session *s = k->tap ? NULL : session_of(x, k->session);
    if (!p || (!k->tap && (!s || s->doomed))) return;
    struct cargo c;
    cargo_from_parcel(x, &c, p, PATH_RETAINED);
    const struct identity *who = k->tap ? k->tap->who : s->who;
    struct verdict v = egress(x, who, &c, k->tap ? PATH_TAP : PATH_RETAINED);
    if (passes(&v) && k->tap) k->tap->fn(k->tap->ctx, &c.m, &v);
    else if (passes(&v)) (void)to_session(x, s, &c, k->qos, true);
    cargo_done(x, &c);
}

void deliver_retained(struct exchange *x, struct session *s, struct bytes filter, uint8_t qos)
{
    struct catching k = { x, session_handle(x, s), NULL, qos };
    tree_match_filter(&x->topics, filter, catch_up, &k);
}

void deliver_retained_tap(struct exchange *x, uint32_t tap, struct bytes filter)
{
    struct catching k = { x, { NONE, 0 }, &x->taps[tap], 1 };
    tree_match_filter(&x->topics, filter, catch_up, &k);
}

/* ---- queued ---- */

static void one_queued(struct exchange *x, struct session *s, struct cargo *c, const struct waiting *w)
{
    struct answer a;
    struct verdict v = egress(x, s->who, c, PATH_QUEUE);
    if (passes(&v)) {
        enum sent sent = write_link(x, s, c, w->qos, w->retain);
        if (sent == DROPPED) lost(x, s, c, w->qos);
        if (c->target) account(x, c, sent, &v);
    } else if (c->command && v.ruling == RULING_HOLD) {
        command_hold(x, c, &v, &a); /* a limit came into force while it waited */
    } else {
        x->counts.dropped++;
        bool late = strcmp(v.word, "expired") == 0;
        if (c->target) tell(x, late ? "command-expired" : "command-refused", &c->m, &v, NULL);
    }
}

void deliver_pump(struct exchange *x, struct session *s)
{
    struct waiting w;
    while (!s->doomed && s->inflight_n < s->receive_max && queue_pop(x, s, &w)) {
        struct cargo c;
        cargo_from_parcel(x, &c, w.parcel, PATH_QUEUE);
        /* the addressee again: the parcel knows the topic, not the device */
        if (c.command && command_is_for(x, c.m.topic, s->who)) c.target = s->who;
        one_queued(x, s, &c, &w);
        cargo_done(x, &c);
        parcel_drop(x, w.parcel);
    }
}
