/* Records from and to the core. A record that does not parse ends the channel; a link the core
 * names that is gone already is no fault: the LINK_DOWN is on its way. */
#include <stdio.h>

#include "gate/inside.h"

#include "gate/sandbox.h"

/* Somebody of this place or before it waits for room: whoever comes now waits behind him. */
static bool somebody_waits(const struct gate *g, uint8_t place)
{
    for (int i = 0; i <= place; i++)
        if (g->queues[QUEUE_BLOCKED + i].first) return true;
    return false;
}

/* Records of those who stand further back fill only the ring's beginning, so that one who stands before them is never
 * far from its end: a sixteenth (some thousand readings) for place 1, half of that for each place behind. */
static bool room_for(struct gate *g, const struct peer *p, const struct bytes *parts, size_t n)
{
    size_t all = CHANNEL_RING_BYTES, share = all >> (3 + p->place), bytes = 0;
    if (p->place == 0) return true;
    for (size_t i = 0; i < n; i++) bytes += parts[i].n;
    size_t used = all - ring_room(&g->channel.put);
    return used <= share || (bytes > share && used < share / 2); /* what is larger than its share goes when it is nearly empty */
}

static outcome put_unit(struct gate *g, struct peer *p, const struct bytes *parts, size_t n, bool data)
{
    if (!channel_is_open(&g->channel)) return DONE;
    bool must_wait = (!g->retrying && somebody_waits(g, p ? p->place : 0)) || (data && !room_for(g, p, parts, n));
    outcome o = must_wait ? REFUSE(E_FULL) : ring_put(&g->channel.put, parts, n);
    if (ok(o) || !p) return o;
    if (g->retrying) queue_add_first(g, queue_blocked(p), p);
    else queue_add(g, queue_blocked(p), p);
    return o;
}

static outcome put_record(struct gate *g, struct peer *p, const struct bytes *parts, size_t n)
{
    return put_unit(g, p, parts, n, false);
}

outcome core_side_up(struct gate *g, struct peer *p)
{
    struct link_up up = { .listener = p->listener };
    struct x509_facts facts;
    uint8_t record[256];
    struct out o = out_of(record, sizeof record);
    memcpy(up.source, p->source, sizeof up.source);
    up.tls_version = p->tls ? 0x0304 : 0;
    if (p->tls) up.has_certificate = tls_peer(p->tls, &facts, &up.expired);
    if (up.has_certificate) {
        memcpy(up.key_hash, facts.key_hash, sizeof up.key_hash);
        memcpy(up.serial, facts.serial, sizeof up.serial);
        up.serial_n = (uint8_t)facts.serial_n;
        up.not_after_ms = facts.not_after_ms;
    }
    link_put_up(&o, p->handle, &up);
    assert(!o.over);
    struct bytes part = out_view(&o);
    TRY(put_record(g, p, &part, 1));
    p->up_owed = false;
    p->up_told = true;
    return DONE;
}

outcome core_side_data(struct gate *g, struct peer *p, struct bytes unit)
{
    uint8_t head[8];
    struct out o = out_of(head, sizeof head);
    link_put_head(&o, LINK_DATA, p->handle);
    struct bytes parts[] = { out_view(&o), unit };
    return put_unit(g, p, parts, 2, true);
}

outcome core_side_down(struct gate *g, struct peer *p)
{
    uint8_t record[8];
    struct out o = out_of(record, sizeof record);
    link_put_head(&o, LINK_DOWN, p->handle);
    put_u8(&o, (uint8_t)p->end);
    struct bytes part = out_view(&o);
    TRY(put_record(g, p, &part, 1));
    p->down_owed = false;
    if (p->state == PEER_GONE) queue_add(g, QUEUE_REAP, p);
    return DONE;
}

outcome core_side_ready(struct gate *g)
{
    uint8_t record[8];
    struct out o = out_of(record, sizeof record);
    link_put_head(&o, LINK_READY, 0);
    put_u8(&o, (uint8_t)g->n_doors);
    struct bytes part = out_view(&o);
    return put_record(g, 0, &part, 1);
}

void core_side_refusals(struct gate *g)
{
    if (!g->configured) return;
    const struct refusal_row *row;
    uint32_t count;
    while ((row = refusals_next(g->refusals, g->now_ms, &count))) {
        uint8_t record[128];
        struct out o = out_of(record, sizeof record);
        link_put_head(&o, LINK_REFUSED, 0);
        put_u8(&o, (uint8_t)row->listener);
        put_u8(&o, (uint8_t)row->why);
        put_u32(&o, count);
        put_field16(&o, bytes_str(row->source));
        struct bytes part = out_view(&o);
        if (ok(put_record(g, 0, &part, 1))) continue;
        refusals_return(g->refusals, row, count);
        return;
    }
}

/* False: its first one still waits. */
static bool retry_queue(struct gate *g, enum peer_queue q)
{
    struct peer *p;
    while ((p = g->queues[q].first)) {
        queue_take(g, q, p);
        outcome o = p->up_owed ? core_side_up(g, p) : p->down_owed ? core_side_down(g, p) : DONE;
        if (ok(o) && p->state == PEER_OPEN) {
            p->budget = turn_bytes(p);
            peer_pump(g, p);
        }
        if (p->in_queue[q].in) return false;
    }
    return true;
}

static void say_behind(struct gate *g, bool waits)
{
    uint8_t record[8];
    struct out o = out_of(record, sizeof record);
    if (!waits) g->behind_ms = 0;
    else if (!g->behind_ms) g->behind_ms = g->now_ms;
    if (!waits || g->now_ms - g->behind_ms < GATE_BEHIND_MS || g->now_ms - g->said_ms < GATE_BEHIND_MS) return;
    link_put_head(&o, LINK_BEHIND, 0);
    struct bytes part = out_view(&o);
    if (ok(ring_put(&g->channel.put, &part, 1))) g->said_ms = g->now_ms;
}

void core_side_retry(struct gate *g)
{
    bool waits = false;
    g->retrying = true;
    for (int q = QUEUE_BLOCKED; q <= QUEUE_BLOCKED_LAST; q++) waits |= !retry_queue(g, (enum peer_queue)q);
    g->retrying = false;
    if (g->configured) say_behind(g, waits);
}

static outcome take_listen(struct gate *g, struct bytes in)
{
    uint8_t listener;
    struct bytes address;
    uint16_t port;
    TRY(take_u8(&in, &listener));
    TRY(take_field16(&in, &address));
    TRY(take_u16(&in, &port));
    TRY(at_end(in));
    if (listener >= LISTENERS) return REFUSE(E_RANGE);
    return doors_ask(g, (enum listener)listener, address, port);
}

static outcome keep(struct buffer *to, struct bytes b)
{
    buffer_drop(to, to->n);
    return buffer_put(to, b);
}

static outcome take_trust(struct gate *g, struct bytes in)
{
    struct bytes chain, ca, web;
    TRY(take_field32(&in, &chain));
    TRY(take_field32(&in, &ca));
    TRY(take_field32(&in, &web));
    TRY(at_end(in));
    TRY(keep(&g->chain, chain));
    TRY(keep(&g->ca, ca));
    TRY(keep(&g->web, web));
    return g->configured ? doors_trust(g) : DONE;
}

/* Whose certificates the peers' door takes; nobody's else, and on no other door. */
static outcome take_peers(struct gate *g, struct bytes in)
{
    struct bytes ca;
    TRY(take_field32(&in, &ca));
    TRY(at_end(in));
    TRY(keep(&g->peers_ca, ca));
    return g->configured ? doors_trust(g) : DONE;
}

static outcome take_guard(struct gate *g, struct bytes in)
{
    struct guard_caps caps;
    TRY(take_u32(&in, &caps.handshakes));
    TRY(take_u32(&in, &caps.connections));
    TRY(take_u32(&in, &caps.per_source));
    TRY(at_end(in));
    if (!caps.handshakes || !caps.connections || !caps.per_source) return REFUSE(E_RANGE);
    g->guard.caps = caps;
    return DONE;
}

/* Kept with a comma at both ends, so that an address is found whole. */
static outcome take_proxies(struct gate *g, struct bytes in)
{
    struct bytes list;
    struct out o = out_of(g->proxies, sizeof g->proxies - 1);
    TRY(take_field16(&in, &list));
    TRY(at_end(in));
    put_str(&o, ",");
    for (size_t i = 0; i < list.n; i++)
        if (list.at[i] != ' ') put_u8(&o, list.at[i]);
    put_str(&o, ",");
    TRY(out_done(&o));
    g->proxies[o.n] = 0;
    return DONE;
}

static outcome take_start(struct gate *g, struct bytes in)
{
    TRY(at_end(in));
    if (g->configured) return REFUSE(E_CONFLICT);
    TRY(doors_open(g));
    TRY(doors_trust(g));
    if (!g->served && g->options.sandbox) {
        bool landlock;
        outcome o = sandbox_enter(&landlock);
        if (!ok(o)) snprintf(g->why, 160, "the sandbox was refused by the kernel");
        TRY(o);
    }
    g->served = true;
    g->configured = true;
    return core_side_ready(g);
}

/* The core's word about one link. */
static outcome take_link(struct gate *g, enum link_kind kind, uint32_t link, struct bytes in)
{
    struct peer *p = table_get(g, link);
    uint32_t idle_ms = 0;
    uint8_t place = 0;
    if (kind == LINK_PLACE) TRY(take_u8(&in, &place));
    if (kind == LINK_ADMIT || kind == LINK_IDLE) TRY(take_u32(&in, &idle_ms));
    if (kind != LINK_SEND) TRY(at_end(in));
    if (!p) return DONE;
    switch (kind) {
    case LINK_ADMIT: peer_admit(g, p, idle_ms); break;
    case LINK_IDLE: peer_idle(g, p, idle_ms); break;
    case LINK_PLACE: peer_place(g, p, place); break;
    case LINK_CLOSE: peer_asked_to_close(g, p); break;
    default: peer_send(g, p, in); break;
    }
    return DONE;
}

static outcome take_record(struct gate *g, struct bytes in)
{
    enum link_kind kind;
    uint32_t link;
    TRY(link_take_head(&in, &kind, &link));
    switch (kind) {
    case LINK_LISTEN: return take_listen(g, in);
    case LINK_TRUST: return take_trust(g, in);
    case LINK_GUARD: return take_guard(g, in);
    case LINK_PROXIES: return take_proxies(g, in);
    case LINK_PEERS: return take_peers(g, in);
    case LINK_START: return take_start(g, in);
    case LINK_ADMIT:
    case LINK_SEND:
    case LINK_CLOSE:
    case LINK_IDLE:
    case LINK_PLACE: return take_link(g, kind, link, in);
    default: return REFUSE(E_MALFORMED);
    }
}

outcome core_side_take(struct gate *g)
{
    g->more = false;
    for (int i = 0; i < GATE_RECORDS_A_TURN; i++) {
        struct out o = out_of(g->record, RING_RECORD_MAX);
        outcome taken = ring_take(&g->channel.get, &o);
        if (taken.code == E_AGAIN) return DONE;
        TRY(taken);
        TRY(take_record(g, out_view(&o)));
    }
    g->more = true;
    return DONE;
}

void core_side_reset(struct gate *g)
{
    for (size_t i = 0; i < g->n_slots; i++)
        if (g->peers[i]) peer_orphan(g, g->peers[i]);
    g->configured = false;
    g->more = false;
    g->n_asked = 0;
    g->proxies[0] = 0;
    g->doors_differ = false;
}
