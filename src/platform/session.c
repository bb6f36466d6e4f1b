/* Sessions: a client id bound to an identity, and the link it has or has not.
 *
 * A link comes up and gets an empty slot; CONNECT makes that a session, or hands the link to the session that was
 * waiting for it (session_adopt). At the link's end a session whose expiry is 0 ends; any other stays without a
 * link: its subscriptions, what waits for it, what was in flight and the QoS 2 identifiers of its client.
 *
 * What of that survives a crash is written as ENTRY_SESSION (durable.c): the session and its subscriptions before
 * CONNACK and SUBACK; a QoS 2 identifier of the client within the entry of its message, its release before PUBCOMP;
 * a QoS 2 identifier of ours before PUBLISH and what the client said to it before PUBREL. Messages of recorded
 * streams are stored once, in the ledger: what waits for a session is their place there, and after a crash that is
 * derived again from the session's cursor ("acknowledged up to N"), which is written every 200 ms and at the link's
 * end. So a crash repeats at QoS 1 and never at QoS 2. Messages of other streams wait in memory: their
 * acknowledgement means accepted, not kept. */
#include "platform/exchange_internal.h"

static struct bytes link_key(const uint32_t *link)
{
    return bytes_of(link, sizeof *link);
}

static void *slot_of(uint32_t index)
{
    return (void *)((uintptr_t)index + 1);
}

struct session *session_of(struct exchange *x, struct handle h)
{
    if (h.index >= x->sessions_top) return NULL;
    struct session *s = &x->sessions[h.index];
    return s->used && s->generation == h.generation ? s : NULL;
}

struct handle session_handle(const struct exchange *x, const struct session *s)
{
    return (struct handle) { (uint32_t)(s - x->sessions), s->generation };
}

struct session *session_on(struct exchange *x, uint32_t link)
{
    uintptr_t found = (uintptr_t)map_get(&x->links, link_key(&link));
    return found ? &x->sessions[found - 1] : NULL;
}

struct standing standing_of(const struct identity *i)
{
    return (struct standing) { i->role, i->life, i->trust };
}

/* ---- slots ---- */

/* The table is full: whoever has been away longest makes room. */
static void evict(struct exchange *x)
{
    struct session *oldest = NULL;
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        struct session *s = &x->sessions[i];
        if (s->used && !s->online && (!oldest || s->offline_ms < oldest->offline_ms)) oldest = s;
    }
    if (!oldest) return;
    struct verdict v = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "sessions-full" };
    struct message m = { .from = oldest->who, .topic = bytes_str(oldest->client_id) };
    tell(x, "session-evicted", &m, &v, NULL);
    session_destroy(x, oldest);
}

outcome session_slot(struct exchange *x, struct session **ret)
{
    bool full = x->sessions_free == NONE && x->sessions_top >= x->bounds.sessions;
    if (full && !x->replaying) evict(x);
    uint32_t index = x->sessions_free;
    if (index == NONE && x->sessions_top >= x->bounds.sessions) return REFUSE(E_FULL);
    if (index == NONE) index = x->sessions_top;
    struct session *s = &x->sessions[index];
    if (index == x->sessions_top) x->sessions_top++;
    else x->sessions_free = s->next_free;
    *s = (struct session) { .generation = s->generation + 1, .used = true, .subs = NONE, .expires_ms = NEVER,
        .packet_max = UINT32_MAX, .will_at_ms = NEVER, .back = BUFFER(HELD_BACK_MAX) };
    *ret = s;
    return DONE;
}

void session_slot_free(struct exchange *x, struct session *s)
{
    uint32_t index = (uint32_t)(s - x->sessions);
    *s = (struct session) { .generation = s->generation, .next_free = x->sessions_free, .subs = NONE };
    x->sessions_free = index;
}

outcome exchange_up(struct exchange *x, uint32_t link, const struct identity *who)
{
    assert(who);
    struct session *s = NULL;
    if (session_on(x, link)) return REFUSE(E_CONFLICT);
    TRY(session_slot(x, &s));
    outcome o = map_put(&x->links, link_key(&link), slot_of((uint32_t)(s - x->sessions)));
    if (!ok(o)) {
        session_slot_free(x, s);
        return o;
    }
    s->link = link;
    s->online = true;
    s->who = who;
    s->standing = standing_of(who);
    if (++x->counts.links > x->counts.most) x->counts.most = x->counts.links;
    return DONE;
}

outcome session_adopt(struct exchange *x, struct session *old, struct session *fresh)
{
    assert(!old->online && fresh->online && !fresh->client_id);
    TRY(map_put(&x->links, link_key(&fresh->link), slot_of((uint32_t)(old - x->sessions))));
    old->link = fresh->link;
    old->online = true;
    old->expires_ms = NEVER;
    if (old->will) parcel_drop(x, old->will); /* MQTT 5, 3.1.3.2.2: back within the delay */
    /* MQTT 5, 3.1.3-9: the delayed will of before is forgotten */
    old->will = fresh->will;
    old->will_delay_s = fresh->will_delay_s;
    old->will_at_ms = NEVER;
    x->counts.offline--;
    session_slot_free(x, fresh);
    return DONE;
}

/* ---- sending ---- */

static void write_link(struct exchange *x, const struct session *s, struct bytes packet)
{
    x->counts.packets_out++;
    x->counts.bytes_out += packet.n;
    x->port.send(x->port.ctx, s->link, packet);
}

void session_send(struct exchange *x, struct session *s)
{
    assert(s->online);
    if (x->out.n > s->packet_max) { /* MQTT 5, 3.1.2-24: an acknowledgement it cannot take; it would wait for ever */
        session_doom(x, s, MQTT_TOO_LARGE, "maximum-packet-size");
        return;
    }
    if (!session_waits(x, s)) {
        write_link(x, s, buffer_view(&x->out));
        return;
    }
    uint8_t length[4];
    struct out o = out_of(length, sizeof length);
    put_u32(&o, (uint32_t)x->out.n);
    outcome done = buffer_reserve(&s->back, sizeof length + x->out.n);
    if (!ok(done)) {
        session_doom(x, s, MQTT_QUOTA, "memory");
        return;
    }
    (void)!ok(buffer_put(&s->back, out_view(&o)));
    (void)!ok(buffer_put(&s->back, buffer_view(&x->out)));
}

void durable_flush(struct exchange *x, struct session *s)
{
    struct bytes rest = buffer_view(&s->back), packet;
    while (ok(take_field32(&rest, &packet))) write_link(x, s, packet);
    s->back.n = 0;
}

/* ---- the end ---- */

static void undoom(struct exchange *x, struct session *s)
{
    uint32_t *at = &x->doomed;
    while (*at != NONE && &x->sessions[*at] != s) at = &x->sessions[*at].doom_next;
    if (*at != NONE) *at = s->doom_next;
    s->doomed = false;
}

static void publish_will(struct exchange *x, struct parcel *will)
{
    struct cargo stored, c;
    struct answer a;
    cargo_from_parcel(x, &stored, will, PATH_WILL);
    cargo_from_message(x, &c, &stored.m, PATH_WILL);
    if (will->expires_ms != NEVER) {
        c.expiry_s = will->expiry_s;
        c.expires_ms = mono(x) + (int64_t)will->expiry_s * 1000;
    }
    /* MQTT 5, 3.1.2-14 and 3.1.2-15: retained where it was to be; MQTT 5, 3.1.2-10: and it is no more */
    publish_accept(x, &c, &a);
    cargo_done(x, &c);
    cargo_done(x, &stored);
}

static void goodbye(struct exchange *x, struct session *s, uint8_t reason, const char *word)
{
    struct verdict v = { .ruling = RULING_DENY, .reason = reason, .word = word };
    struct message m = { .from = s->who, .topic = bytes_str(s->client_id) };
    tell(x, reason == MQTT_TAKEN_OVER ? "takeover" : "link-closed", &m, &v, NULL);
    x->out.n = 0;
    if (s->version != 5) return;
    outcome o = mqtt_write_disconnect(5, reason, s->problems ? word : NULL, &x->out);
    if (ok(o) && x->out.n > s->packet_max) { /* MQTT 5, 3.14.2-3 and 3.14.2-4; and 3.1.2-24 */
        x->out.n = 0;
        o = mqtt_write_disconnect(5, reason, NULL, &x->out);
    }
    if (ok(o) && x->out.n <= s->packet_max) session_send(x, s);
}

void session_timer(struct exchange *x, int64_t at_ms)
{
    if (at_ms < x->due_ms) x->due_ms = at_ms;
}

static int64_t later(int64_t now, uint32_t s)
{
    return s == UINT32_MAX ? NEVER : now + (int64_t)s * 1000;
}

void session_destroy(struct exchange *x, struct session *s)
{
    assert(s->used && !s->online && !x->routing);
    durable_close(x, s);
    while (s->subs != NONE) sub_drop(x, s->subs);
    queue_clear(x, s);
    flight_clear(x, s);
    durable_forget(s);
    mem_free(s->receiving);
    if (s->client_id) {
        (void)map_take(&x->clients, bytes_str(s->client_id));
        x->counts.sessions--;
        x->counts.offline--;
    }
    mem_free(s->client_id);
    struct parcel *will = s->will;
    session_slot_free(x, s);
    if (!will) return;
    publish_will(x, will); /* MQTT 5, 3.1.2-8: the session's end is the latest */
    parcel_drop(x, will);
}

/* What belongs to the link alone. */
static void unlink_session(struct exchange *x, struct session *s)
{
    undoom(x, s);
    (void)map_take(&x->links, link_key(&s->link));
    x->counts.links--;
    s->online = s->stalled = s->auth = s->authing = false;
    s->epoch++;
    s->unacked = 0;
    s->barrier = 0;
    buffer_deinit(&s->back);
    s->back = BUFFER(HELD_BACK_MAX);
    /* MQTT 5, 3.3.2-7 */
    alias_free(s);
    flight_forget_link(s);
}

static void go_offline(struct exchange *x, struct session *s)
{
    int64_t now = mono(x);
    s->offline_ms = now;
    /* MQTT 5, 3.1.2-23, 4.1.0-1 and 4.1.0-2 */
    s->expires_ms = later(now, s->expiry_s);
    s->will_at_ms = s->will ? now + (int64_t)s->will_delay_s * 1000 : NEVER;
    session_timer(x, s->expires_ms);
    session_timer(x, s->will_at_ms);
    queue_rest(x, s);
    durable_cursor(x, s);
}

void session_end(struct exchange *x, struct session *s, uint8_t reason, const char *word, bool will)
{
    assert(s->used && s->online && !x->routing);
    s->barrier = s->back.n = 0; /* what it holds back is not said any more */
    /* MQTT 5, 3.14.4-1 and 3.14.4-2: the last packet; whoever called closes the link */
    if (reason) goodbye(x, s, reason, word);
    unlink_session(x, s);
    if (s->client_id) x->counts.offline++;
    struct parcel *last = s->will;
    bool stays = s->client_id && s->expiry_s;
    if (last && will && stays && s->will_delay_s) last = NULL; /* MQTT 5, 3.1.3.2.2: later, or at the session's end */
    else s->will = NULL;
    if (stays) go_offline(x, s);
    else session_destroy(x, s);
    if (!last) return;
    if (will) publish_will(x, last);
    parcel_drop(x, last);
}

void session_doom(struct exchange *x, struct session *s, uint8_t reason, const char *word)
{
    if (s->doomed || !s->online) return;
    s->doomed = true;
    s->doom_reason = reason;
    s->doom_word = word;
    s->doom_next = x->doomed;
    x->doomed = (uint32_t)(s - x->sessions);
}

/* A will may doom others; each round ends one link, so it ends. */
void session_reap(struct exchange *x)
{
    while (x->doomed != NONE) {
        struct session *s = &x->sessions[x->doomed];
        uint32_t link = s->link;
        session_end(x, s, s->doom_reason, s->doom_word, true);
        x->port.close(x->port.ctx, link);
    }
}

void exchange_down(struct exchange *x, uint32_t link, bool clean)
{
    struct session *s = session_on(x, link);
    if (!s) return;
    session_end(x, s, 0, NULL, !clean);
    session_reap(x);
}

/* ---- timers ---- */

static void one_due(struct exchange *x, struct session *s, int64_t now)
{
    if (s->expires_ms <= now) {
        x->counts.expired++;
        session_destroy(x, s);
        return;
    }
    session_timer(x, s->expires_ms);
    if (s->will_at_ms > now) {
        session_timer(x, s->will_at_ms);
        return;
    }
    struct parcel *will = s->will;
    s->will = NULL;
    s->will_at_ms = NEVER;
    if (!will) return;
    publish_will(x, will);
    parcel_drop(x, will);
}

int session_turn(struct exchange *x)
{
    int64_t now = mono(x);
    if (x->due_ms <= now) {
        x->due_ms = NEVER;
        for (uint32_t i = 0; i < x->sessions_top; i++)
            if (x->sessions[i].used && !x->sessions[i].online) one_due(x, &x->sessions[i], now);
    }
    if (x->next_index >= x->lag_index + 50000) x->dirty = true;
    if (x->dirty && x->cursor_ms <= now) {
        durable_cursors(x);
        x->cursor_ms = now + CURSOR_MS;
    }
    int64_t next = x->dirty && x->cursor_ms < x->due_ms ? x->cursor_ms : x->due_ms;
    if (next == NEVER) return -1;
    return next - now > INT32_MAX ? INT32_MAX : (int)(next - now);
}

/* ---- judged again ---- */

static void rejudge_subscriptions(struct exchange *x, struct session *s)
{
    char text[MQTT_TOPIC_MAX];
    for (uint32_t sub = s->subs, next; sub != NONE; sub = next) {
        next = x->subs[sub].own_next;
        struct message m = { .from = s->who, .topic = sub_filter(x, sub, text) };
        struct question q = { .who = s->who, .action = ACT_SUBSCRIBE, .topic = sub_asked(m.topic), .now_ms = wall(x), .purpose = s->purpose };
        struct verdict v = access_judge(x->access, &q);
        if (v.ruling != RULING_DENY) continue;
        tell(x, "subscription-withdrawn", &m, &v, NULL);
        (void)!ok(durable_unsubscribe(x, s, m.topic)); /* unwritten: judged again when it is replayed */
        sub_drop(x, sub);
    }
}

void exchange_rejudge(struct exchange *x)
{
    yield_replaced(x);
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        struct session *s = &x->sessions[i];
        if (!s->used || !s->client_id) continue; /* before CONNECT: judged there */
        struct standing now = standing_of(s->who), *was = &s->standing;
        if (now.role == was->role && now.life == was->life && now.trust == was->trust) continue;
        *was = now;
        struct question q = { .who = s->who, .action = ACT_CONNECT, .now_ms = wall(x) };
        struct verdict v = access_judge(x->access, &q);
        bool life = now.life != LIFE_ENROLLED, deny = v.ruling == RULING_DENY;
        if (deny) s->expiry_s = 0; /* who may not connect has nothing to come back to */
        if (deny && s->online) session_doom(x, s, life ? MQTT_ADMINISTRATIVE : MQTT_NOT_AUTHORIZED, v.word);
        else if (deny) session_destroy(x, s);
        else rejudge_subscriptions(x, s);
    }
    session_reap(x);
}
