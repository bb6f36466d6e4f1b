/* Messages of flows between exchange and courier, through the stages. */
#include <stdio.h>

#include "node/peers.h"

enum { RECEIVE_MAX = 32, RETRY_MS = 1000, LIKE_OLD_MS = 600000, SLOTS = AGREEMENT_FLOWS_MAX };

/* ---- waiting ---- */

static void drop_first(struct flow_live *f)
{
    mem_free(f->wait[0].payload);
    memmove(f->wait, f->wait + 1, (f->n_wait - 1) * sizeof *f->wait);
    f->n_wait--;
}

static MUST outcome keep(struct flow_live *f, struct waiting w, struct bytes payload)
{
    if (f->n_wait == FLOW_WAIT_MAX) return REFUSE(E_FULL);
    w.payload = mem_new(payload.n + 1);
    if (!w.payload) return REFUSE(E_MEMORY);
    if (payload.n) memcpy(w.payload, payload.at, payload.n);
    w.n = payload.n;
    f->wait[f->n_wait++] = w;
    return DONE;
}

void flow_forget(struct peer_live *p, size_t flow)
{
    struct flow_live *f = &p->flows[flow];
    while (f->n_wait) drop_first(f);
    memset(f->owed, 0, sizeof f->owed);
    p->n_sent -= f->n_sent < p->n_sent ? f->n_sent : p->n_sent;
    f->n_sent = f->n_acks = 0;
}

/* ---- the link into the exchange ---- */

static MUST outcome greet(struct peer_live *p, size_t flow)
{
    struct flow_live *f = &p->flows[flow];
    struct buffer b = BUFFER(4096);
    char id[96];
    snprintf(id, sizeof id, "peer-%s/%s", p->a.id, p->a.flows[flow].id);
    struct mqtt_connect m = { .version = 5, .client_id = bytes_str(id) };
    m.properties.has = UINT64_C(1) << MQTT_HAS_receive_maximum | UINT64_C(1) << MQTT_HAS_session_expiry_s;
    m.properties.receive_maximum = RECEIVE_MAX;
    m.properties.session_expiry_s = p->a.flows[flow].direction == FLOW_OUT ? 30 * 86400 : 0;
    struct mqtt_subscribe s = { .id = ++f->next_id, .n = 1 };
    s.rows[0].filter = bytes_str(p->a.flows[flow].local);
    s.rows[0].qos = 1;
    s.rows[0].retain_handling = 1; /* not again what it got before */
    outcome o = mqtt_write_connect(&m, &b);
    if (ok(o)) o = exchange_packet(p->core->exchange, f->link, buffer_view(&b));
    b.n = 0;
    if (ok(o) && p->a.flows[flow].direction == FLOW_OUT) {
        o = mqtt_write_subscribe(5, &s, &b);
        if (ok(o)) o = exchange_packet(p->core->exchange, f->link, buffer_view(&b));
    }
    buffer_deinit(&b);
    return o;
}

static void link_up(struct peer_live *p, size_t flow, int64_t mono_ms)
{
    struct flow_live *f = &p->flows[flow];
    char id[ID_MAX];
    snprintf(id, sizeof id, "peer-%s", p->a.id);
    const struct identity *who = registry_identity(p->core->registry, id);
    if (mono_ms < f->retry_ms || !who) return;
    f->retry_ms = mono_ms + RETRY_MS;
    f->link = (++f->generation & 0xfff) << 20 | (uint32_t)(FLOW_LINKS_FIRST + p->index * SLOTS + flow);
    if (!ok(exchange_up(p->core->exchange, f->link, who))) return;
    f->up = true;
    if (!ok(greet(p, flow))) f->up = false; /* its session ended with the refusal */
}

void flow_unlink(struct peer_live *p, size_t flow)
{
    struct flow_live *f = &p->flows[flow];
    bool owing = f->n_wait > 0;
    for (size_t i = 0; i < FLOW_OWED_MAX; i++) owing |= f->owed[i].id;
    if (f->up) exchange_down(p->core->exchange, f->link, false);
    f->up = false;
    if (owing && p->a.flows[flow].direction == FLOW_IN) peer_reopen(p, 0);
    flow_forget(p, flow);
}

static struct flow_live *flow_of(struct core *c, uint32_t link, struct peer_live **ret_peer)
{
    uint32_t slot = (link & 0xfffff) - FLOW_LINKS_FIRST;
    struct peer_live *p = c->peers ? c->peers->at[slot / SLOTS] : NULL;
    if (!p || slot % SLOTS >= p->a.n || p->flows[slot % SLOTS].link != link) return NULL;
    *ret_peer = p;
    return &p->flows[slot % SLOTS];
}

bool peers_link(uint32_t link)
{
    return (link & 0xfffff) >= FLOW_LINKS_FIRST;
}

void peers_closed(struct core *c, uint32_t link)
{
    struct peer_live *p;
    struct flow_live *f = flow_of(c, link, &p);
    if (!f) return;
    f->up = false; /* the next turn comes again */
    if (p->a.flows[((link & 0xfffff) - FLOW_LINKS_FIRST) % SLOTS].direction == FLOW_IN) peer_reopen(p, RETRY_MS);
}

/* 0x97: the record did not take it. It stays untaken and comes again with the next connection. */
static void on_puback(struct peer_live *p, struct flow_live *f, const struct mqtt_ack *a)
{
    for (size_t i = 0; i < FLOW_OWED_MAX; i++) {
        if (f->owed[i].id != a->id) continue;
        f->owed[i].id = 0;
        if (a->reason == MQTT_QUOTA) {
            peer_reopen(p, 5 * RETRY_MS);
            return;
        }
        if (a->reason == MQTT_IMPLEMENTATION) f->held++;
        else if (a->reason >= 0x80) f->refused++, snprintf(f->last_word, sizeof f->last_word, "exchange-0x%02x", a->reason);
        else f->passed++;
        peer_taken(p, f->owed[i].ticket, a->reason >= 0x80 && a->reason != MQTT_IMPLEMENTATION);
        return;
    }
}

static void on_publish(struct flow_live *f, struct bytes packet)
{
    struct mqtt_publish m;
    uint8_t reason;
    if (!ok(mqtt_read_publish(packet, 5, &m, &reason))) return;
    struct waiting w = { .id = m.id, .again = m.duplicate, .at_most_once = m.qos == 0, .since_ms = port_mono_ms() };
    if (!ok(keep(f, w, m.payload))) f->refused++; /* only what is sent at most once can be too much for the window */
}

/* From the exchange; may not call it. */
void peers_packet(struct core *c, uint32_t link, struct bytes packet)
{
    struct peer_live *p;
    struct flow_live *f = flow_of(c, link, &p);
    struct mqtt_ack a;
    uint8_t reason;
    if (!f || !packet.n) return;
    unsigned type = packet.at[0] >> 4;
    if (type == MQTT_PUBLISH) on_publish(f, packet);
    if (type == MQTT_PUBACK && ok(mqtt_read_ack(packet, 5, &a, &reason))) on_puback(p, f, &a);
}

/* ---- stages ---- */

static void refused(struct peer_live *p, size_t flow, const char *word)
{
    struct flow_live *f = &p->flows[flow];
    f->refused++;
    snprintf(f->last_word, sizeof f->last_word, "%s", word);
    f->last_word_ms = port_wall_ms();
    char detail[96];
    snprintf(detail, sizeof detail, "%s %s", p->a.flows[flow].id, word);
    if (sight_of(word) != SIGHT_COUNT) core_counted(p->core, "flow-refused", p->a.id, detail, 1);
}

/* Where every message of a flow is judged, now: also what waited. */
static enum stage_result judged(struct peer_live *p, size_t flow, const struct waiting *w, struct buffer *out, const char **ret_word)
{
    struct flow_live *f = &p->flows[flow];
    const struct flow *def = &p->a.flows[flow];
    struct flat flat;
    int64_t mono = port_mono_ms();
    struct stage_case c = { .flow = def, .memory = &f->memory, .direction = def->direction, .topic = bytes_str(def->remote),
        .payload = bytes_of(w->payload, w->n), .again = w->again, .wall_ms = port_wall_ms(), .mono_ms = mono, .waited_ms = mono - w->since_ms,
        .has_like = f->has_like && mono - f->like_at_ms < LIKE_OLD_MS, .like_milli = f->like_milli, .alias_key = p->core->peers->alias_key,
        .out = out, .word = "" };
    if (ok(flat_read(c.payload, &flat))) c.flat = &flat;
    enum stage_result r = stages_run(&c, f->j.stages);
    *ret_word = c.word;
    return r;
}

/* Over the quota, and at most once or an order: given up, and many of them are a flood. */
static void over_quota(struct peer_live *p, size_t flow, int64_t mono_ms)
{
    struct flow_live *f = &p->flows[flow];
    if (mono_ms - f->flood_from_ms > 10000) f->flood = 0, f->flood_from_ms = mono_ms;
    refused(p, flow, "rate");
    if (++f->flood >= FLOOD_COUNT) peer_saw(p, SIGHT_FLOOD);
}

/* ---- in ---- */

static bool publish_in(struct peer_live *p, size_t flow, const struct waiting *w)
{
    struct flow_live *f = &p->flows[flow];
    struct buffer b = BUFFER(COURIER_PAYLOAD_MAX + 1024);
    size_t i = 0;
    while (i < FLOW_OWED_MAX && f->owed[i].id) i++;
    if (i == FLOW_OWED_MAX) return false;
    if (++f->next_id == 0) f->next_id = 1;
    struct mqtt_publish m = { .qos = 1, .id = f->next_id, .topic = bytes_str(p->a.flows[flow].local), .payload = bytes_of(w->payload, w->n) };
    f->owed[i].id = m.id;
    f->owed[i].ticket = w->ticket;
    outcome o = mqtt_write_publish(5, &m, &b);
    if (ok(o)) o = exchange_packet(p->core->exchange, f->link, buffer_view(&b));
    buffer_deinit(&b);
    if (!ok(o)) flow_unlink(p, flow); /* untaken: it comes again */
    return ok(o);
}

/* False: the first waits. */
static bool step_in(struct peer_live *p, size_t flow)
{
    struct flow_live *f = &p->flows[flow];
    struct waiting *w = &f->wait[0];
    const char *word;
    if (f->state == FLOW_AGREED || f->state == FLOW_VERIFIED) return false; /* a session goes on before it is verified again */
    if (!flow_open(p, flow)) {
        refused(p, flow, f->state == FLOW_LIVE ? "denied" : flow_state_word(f->state));
        peer_taken(p, w->ticket, true);
        drop_first(f);
        return true;
    }
    enum stage_result r = judged(p, flow, w, NULL, &word);
    bool may_wait = !w->at_most_once && !p->a.flows[flow].command; /* an order that waited is no longer what its sender meant */
    bool too_much = r == STAGE_WAITS && !may_wait && strcmp(word, "rate") == 0;
    if (r == STAGE_WAITS && !too_much) return false;
    if (r == STAGE_PASSES || r == STAGE_HOLDS) {
        if (!f->up || !publish_in(p, flow, w)) return false;
        drop_first(f);
        return true;
    }
    peer_taken(p, w->ticket, true);
    drop_first(f);
    if (too_much) {
        over_quota(p, flow, port_mono_ms());
        return true;
    }
    refused(p, flow, word);
    peer_saw(p, sight_of(word));
    return true;
}

void flow_arrived(struct peer_live *p, const struct courier_message *m)
{
    size_t i = 0;
    while (i < p->a.n && !(p->a.flows[i].direction == FLOW_IN && bytes_equal_str(m->topic, p->a.flows[i].remote))) i++;
    struct waiting w = { .ticket = m->ticket, .at_most_once = (m->ticket & 0xffff) == 0, .again = m->flags & COURIER_DUPLICATE,
        .since_ms = port_mono_ms() };
    if (i == p->a.n) { /* the courier let it through all the same */
        peer_taken(p, m->ticket, true);
        peer_saw(p, SIGHT_UNLISTED);
        return;
    }
    if (ok(keep(&p->flows[i], w, m->payload))) {
        (void)flow_turn(p, i, port_mono_ms());
        return;
    }
    peer_taken(p, m->ticket, true);
    over_quota(p, i, port_mono_ms());
}

/* ---- out ---- */

static void acknowledge(struct peer_live *p, size_t flow)
{
    struct flow_live *f = &p->flows[flow];
    struct buffer b = BUFFER(256);
    for (size_t i = 0; i < f->n_acks && f->up; i++) {
        struct mqtt_ack a = { .id = f->acks[i] };
        b.n = 0;
        if (!ok(mqtt_write_ack(5, MQTT_PUBACK, &a, &b)) || !ok(exchange_packet(p->core->exchange, f->link, buffer_view(&b)))) f->up = false;
    }
    f->n_acks = 0;
    buffer_deinit(&b);
}

static void done_with(struct flow_live *f, uint16_t id)
{
    if (id && f->n_acks < FLOW_WAIT_MAX) f->acks[f->n_acks++] = id;
}

void flow_sent(struct peer_live *p, uint32_t ticket, uint8_t reason)
{
    size_t flow = ticket >> 16;
    if (flow >= p->a.n) return;
    struct flow_live *f = &p->flows[flow];
    for (size_t i = 0; i < f->n_sent; i++) {
        if (f->sent[i] != (ticket & 0xffff)) continue;
        memmove(f->sent + i, f->sent + i + 1, (f->n_sent - i - 1) * sizeof *f->sent);
        f->n_sent--;
        if (p->n_sent) p->n_sent--;
        if (reason >= 0x80) f->peer_refused++;
        else f->passed++;
        done_with(f, (uint16_t)ticket);
        return;
    }
}

static void send_out(struct peer_live *p, size_t flow, const struct waiting *w, struct bytes payload)
{
    struct flow_live *f = &p->flows[flow];
    peer_carry(p, (uint32_t)flow << 16 | w->id, bytes_str(p->a.flows[flow].remote), payload);
    f->sent[f->n_sent++] = w->id;
    p->n_sent++;
}

static size_t window(const struct peer_live *p)
{
    return p->a.inbound ? p->door.window : SENT_MAX;
}

static bool step_out(struct peer_live *p, size_t flow, struct buffer *room)
{
    struct flow_live *f = &p->flows[flow];
    struct waiting *w = &f->wait[0];
    const char *word;
    if (!p->up || !(p->granted >> flow & 1) || !flow_open(p, flow) || p->n_sent >= window(p) || f->n_sent == FLOW_WAIT_MAX || f->n_acks == FLOW_WAIT_MAX) return false;
    room->n = 0;
    enum stage_result r = judged(p, flow, w, room, &word);
    if (r == STAGE_WAITS) return false;
    if (r == STAGE_PASSES) {
        bool rewritten = f->j.stages >> STAGE_REDUCE & 1;
        send_out(p, flow, w, rewritten ? buffer_view(room) : bytes_of(w->payload, w->n));
    } else {
        refused(p, flow, word);
        done_with(f, w->id);
    }
    drop_first(f);
    return true;
}

/* ---- turn ---- */

int flow_turn(struct peer_live *p, size_t flow, int64_t mono_ms)
{
    struct flow_live *f = &p->flows[flow];
    bool out = p->a.flows[flow].direction == FLOW_OUT, may = flow_open(p, flow) && (p->up || !out);
    struct buffer room = BUFFER(COURIER_PAYLOAD_MAX);
    if (may && !f->up) link_up(p, flow, mono_ms);
    acknowledge(p, flow);
    while (f->n_wait && (out ? step_out(p, flow, &room) : step_in(p, flow))) {} /* each round drops one */
    acknowledge(p, flow);
    buffer_deinit(&room);
    return f->n_wait ? 20 : may && !f->up ? RETRY_MS : 1000;
}

/* ---- our own sensor beside it ---- */

static void on_own(void *ctx, const struct message *m, const struct verdict *v)
{
    struct flow_live *f = ctx;
    struct flat flat;
    (void)v;
    const struct flat_member *value = ok(flat_read(m->payload, &flat)) ? flat_get(&flat, "v") : NULL;
    if (!value || !value->numeric) return;
    f->has_like = true;
    f->like_milli = value->milli;
    f->like_at_ms = port_mono_ms();
}

void flow_watch(struct peer_live *p, size_t flow, bool on)
{
    struct flow_live *f = &p->flows[flow];
    const char *like = p->a.flows[flow].like;
    if (f->tap) exchange_tap_free(p->core->exchange, f->tap);
    f->tap = 0;
    if (on && like[0]) (void)!ok(exchange_tap_new(p->core->exchange, NULL, bytes_str(like), on_own, f, &f->tap));
}
