/* The gate's records: links come up, are admitted by the allow list, carry packets and requests, go
 * down. Everything from the gate is checked: it parses strangers' bytes and may be subverted. */
#include <stdio.h>
#include <sys/socket.h>

#include "node/core.h"
#include "node/checks.h"
#include "node/learn.h"

enum { BACKLOG_MAX = 64 << 20, RECORDS_A_TURN = 4096, LINK_INDEX_BITS = 20, SEND_MAX = 1 << 20 };

/* ---- core -> gate ---- */

static void to_gate(struct core *c, const struct bytes *parts, size_t n)
{
    struct gate_channel *g = &c->gate;
    if (!channel_is_open(&g->end) || g->lost) return;
    g->lost = !ok(channel_put(&g->end, &g->backlog, parts, n)); /* nothing is left out in silence: the whole channel goes (links_flush) */
}

void links_flush(struct core *c)
{
    if (!channel_is_open(&c->gate.end)) return;
    if (c->gate.lost) {
        links_lost(c, "does-not-read");
        return;
    }
    channel_flush(&c->gate.end, &c->gate.backlog);
}

static void say(struct core *c, enum link_kind kind, uint32_t link, struct bytes body)
{
    uint8_t head[8];
    struct out o = out_of(head, sizeof head);
    link_put_head(&o, kind, link);
    struct bytes parts[] = { out_view(&o), body };
    to_gate(c, parts, 2);
}

static void say_u32(struct core *c, enum link_kind kind, uint32_t link, uint32_t v)
{
    uint8_t body[4];
    struct out o = out_of(body, sizeof body);
    put_u32(&o, v);
    say(c, kind, link, out_view(&o));
}

void link_send(struct core *c, uint32_t link, struct bytes b)
{
    while (b.n > SEND_MAX) { /* no record may be larger than the ring */
        say(c, LINK_SEND, link, bytes_of(b.at, SEND_MAX));
        b = bytes_of(b.at + SEND_MAX, b.n - SEND_MAX);
    }
    say(c, LINK_SEND, link, b);
}

void link_close(struct core *c, uint32_t link)
{
    say(c, LINK_CLOSE, link, BYTES_NONE);
}

void link_idle(struct core *c, uint32_t link, uint32_t idle_ms)
{
    say_u32(c, LINK_IDLE, link, idle_ms);
}

void link_place(struct core *c, uint32_t link, uint8_t place)
{
    say(c, LINK_PLACE, link, bytes_of(&place, 1));
}

/* A field32 that may be long. */
static outcome put_long(struct buffer *b, struct bytes field)
{
    uint8_t length[4];
    struct out o = out_of(length, sizeof length);
    put_u32(&o, (uint32_t)field.n);
    TRY(buffer_put(b, out_view(&o)));
    return buffer_put(b, field);
}

/* Devices are let in by who issues, never by the root: it also vouches for those who are retired. */
outcome links_trust(struct core *c)
{
    struct buffer b = BUFFER(131072);
    outcome r = put_long(&b, buffer_view(&c->server_chain));
    if (ok(r)) r = put_long(&b, x509_pem_but_last(buffer_view(&c->ca_chain)));
    if (ok(r)) r = put_long(&b, buffer_view(&c->web_chain));
    if (ok(r)) say(c, LINK_TRUST, 0, buffer_view(&b));
    buffer_deinit(&b);
    return r;
}

void links_peers(struct core *c)
{
    struct buffer pem = BUFFER(1u << 18), b = BUFFER(1u << 18);
    outcome r = peers_ca(c, &pem);
    if (ok(r)) r = put_long(&b, buffer_view(&pem));
    if (ok(r)) say(c, LINK_PEERS, 0, buffer_view(&b));
    buffer_deinit(&pem);
    buffer_deinit(&b);
}

static void say_listeners(struct core *c)
{
    for (unsigned i = 0; i < LISTENERS; i++) {
        const struct address *a = &c->config.listen[i];
        uint8_t body[128];
        struct out o = out_of(body, sizeof body);
        if (!a->port) continue;
        put_u8(&o, (uint8_t)i);
        put_field16(&o, bytes_str(a->host));
        put_u16(&o, a->port);
        say(c, LINK_LISTEN, 0, out_view(&o));
    }
}

static void say_proxies(struct core *c)
{
    uint8_t body[LINK_PROXIES_MAX];
    struct out o = out_of(body, sizeof body);
    put_field16(&o, bytes_str(c->config.proxies));
    if (strcmp(c->config.proxies, "off") != 0 && !o.over) say(c, LINK_PROXIES, 0, out_view(&o));
}

outcome links_attach(struct core *c, const int fds[CHANNEL_FDS])
{
    links_drop(c);
    TRY(channel_open(&c->gate.end, fds, CHANNEL_CORE));
    uint8_t guard[12];
    struct out o = out_of(guard, sizeof guard);
    put_u32(&o, c->config.handshakes);
    put_u32(&o, c->config.connections);
    put_u32(&o, c->config.per_source);
    say_listeners(c);
    say_proxies(c);
    TRY(links_trust(c));
    links_peers(c);
    say(c, LINK_GUARD, 0, out_view(&o));
    say(c, LINK_START, 0, BYTES_NONE);
    links_flush(c);
    return DONE;
}

/* ---- the table of links ---- */

static size_t index_of(uint32_t link)
{
    return link & ((1u << LINK_INDEX_BITS) - 1);
}

static struct core_link *link_find(struct core *c, uint32_t link)
{
    size_t i = index_of(link);
    if (i >= c->links_cap || !c->links[i].live || c->links[i].link != link) return NULL;
    return &c->links[i];
}

static struct core_link *link_make(struct core *c, uint32_t link)
{
    size_t i = index_of(link);
    if (i >= c->links_cap) {
        size_t cap = c->links_cap ? c->links_cap : 1024;
        while (cap <= i) cap *= 2;
        struct core_link *links = mem_grow(c->links, cap * sizeof *links);
        if (!links) return NULL;
        memset(links + c->links_cap, 0, (cap - c->links_cap) * sizeof *links);
        c->links = links;
        c->links_cap = cap;
    }
    c->links[i] = (struct core_link) { .link = link, .live = true };
    return &c->links[i];
}

static void link_gone(struct core *c, struct core_link *l, bool clean)
{
    l->live = false;
    if (l->session && !clean) checks_link_lost(c, l->id);
    if (l->peer) door_down(c, l->link, clean ? "closed" : "lost");
    else if (l->session) exchange_down(c->exchange, l->link, clean);
    else service_link_down(c->service, l->link);
}

void links_drop(struct core *c)
{
    if (!channel_is_open(&c->gate.end)) return;
    for (size_t i = 0; i < c->links_cap; i++)
        if (c->links[i].live) link_gone(c, &c->links[i], false);
    channel_close(&c->gate.end);
    c->gate.backlog.n = 0;
    c->gate.ready = c->gate.lost = false;
}

void links_retire(struct core *c, const uint8_t (*gone)[CERTIFICATE_AUTHORITY], size_t n)
{
    for (size_t i = 0; i < c->links_cap; i++) {
        struct core_link *l = &c->links[i];
        bool over = false;
        for (size_t k = 0; k < n; k++) over |= memcmp(l->authority, gone[k], sizeof l->authority) == 0;
        if (!l->live || !l->session || !over) continue;
        core_refused(c, l->listener, LINK_FOREIGN_CERTIFICATE, l->source, 1);
        link_gone(c, l, false);
        link_close(c, l->link);
    }
}

void links_lost(struct core *c, const char *why)
{
    static const char broken = (char)CHANNEL_BROKEN;
    core_audit(c, "gate-dropped", "reason", why, NULL);
    links_drop(c);
    (void)!send(c->control_fd, &broken, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- gate -> core ---- */

static enum link_refusal refusal_of(enum admission a)
{
    switch (a) {
    case ADMIT_REVOKED: return LINK_REVOKED;
    case ADMIT_LIFE: return LINK_LIFE;
    case ADMIT_EXPIRED: return LINK_EXPIRED_CERTIFICATE;
    default: return LINK_UNREGISTERED;
    }
}

static void up_mqtt(struct core *c, struct core_link *l, const struct link_up *up)
{
    const struct identity *who = NULL;
    enum admission a = up->has_certificate
        ? enrol_admit(c->registry, up->key_hash, up->not_after_ms, core_wall(c), &who) : ADMIT_UNREGISTERED;
    if (a != ADMIT || !ok(exchange_up(c->exchange, l->link, who))) {
        core_refused(c, up->listener, refusal_of(a), up->source, 1);
        link_close(c, l->link);
        l->live = false;
        return;
    }
    l->session = true;
    snprintf(l->id, sizeof l->id, "%s", who->id);
    say_u32(c, LINK_ADMIT, l->link, 10000); /* the exchange sets keep alive at CONNECT */
    const struct certificate *shown = certificates_find(registry_certificates(c->registry), bytes_of(up->serial, up->serial_n));
    if (shown) memcpy(l->authority, shown->authority, sizeof l->authority);
    l->not_after_ms = up->not_after_ms;
    l->tls_version = up->tls_version;
    self_link_fact(c, l);
    clones_up(c, who, up->source);
    learn_link(c, l->id, up->source);
    checks_link_up(c, l->id, up->source);
    attest_link_up(c, who->id);
}

/* Who showed a certificate at the enrolment door speaks there for its device, also when the certificate is over: the
 * handshake proved the key. A key nobody registered is nobody; a revoked one is turned away. */
static void up_est(struct core *c, struct core_link *l, const struct link_up *up)
{
    const struct identity *who = NULL;
    enum admission a = up->has_certificate
        ? enrol_admit(c->registry, up->key_hash, up->not_after_ms, core_wall(c), &who) : ADMIT_UNREGISTERED;
    if (a == ADMIT_REVOKED || a == ADMIT_LIFE) {
        core_refused(c, up->listener, refusal_of(a), up->source, 1);
        link_close(c, l->link);
        l->live = false;
        return;
    }
    if (who) snprintf(l->id, sizeof l->id, "%s", who->id);
    say_u32(c, LINK_ADMIT, l->link, 60000);
}

/* The gate held the certificate to those of agreed peers; which of them it is, or whether it is one any more, is said here. */
static void up_peer(struct core *c, struct core_link *l, const struct link_up *up)
{
    l->peer = up->has_certificate && door_admit(c, l->link, up->key_hash, l->id);
    if (l->peer) {
        l->not_after_ms = up->not_after_ms;
        l->tls_version = up->tls_version;
        say_u32(c, LINK_ADMIT, l->link, 10000);
        return;
    }
    core_refused(c, up->listener, LINK_UNREGISTERED, up->source, 1);
    link_close(c, l->link);
    l->live = false;
}

static outcome on_up(struct core *c, uint32_t link, struct bytes in)
{
    struct link_up up;
    TRY(link_take_up(in, &up));
    if (peers_link(link)) return REFUSE(E_MALFORMED); /* those are not the gate's to give */
    struct core_link *old = index_of(link) < c->links_cap ? &c->links[index_of(link)] : NULL;
    if (old && old->live) link_gone(c, old, false); /* the gate reused a slot without LINK_DOWN */
    struct core_link *l = link_make(c, link);
    if (!l) return REFUSE(E_MEMORY);
    l->listener = up.listener;
    snprintf(l->source, sizeof l->source, "%s", up.source);
    if (up.listener == LISTENER_PEER) up_peer(c, l, &up);
    else if (listener_is_mqtt(up.listener)) up_mqtt(c, l, &up);
    else if (up.listener == LISTENER_EST) up_est(c, l, &up);
    else say_u32(c, LINK_ADMIT, link, 60000);
    return DONE;
}

static void on_request(struct core *c, struct core_link *l, struct bytes in)
{
    struct http_request r;
    struct buffer b = BUFFER(4u << 20); /* what the gate lets wait for one link */
    bool stream = false, close = true;
    struct caller who = { .kind = CALLER_NOBODY, .listener = l->listener };
    snprintf(who.source, sizeof who.source, "%s", l->source);
    if (l->id[0]) {
        who.kind = CALLER_DEVICE;
        snprintf(who.name, sizeof who.name, "%s", l->id);
    }
    outcome o = http_read(in, 65536, &r);
    if (ok(o)) o = service_request(c->service, &who, l->link, &r, &b, &stream, &close);
    if (b.n) link_send(c, l->link, buffer_view(&b));
    if (stream) link_idle(c, l->link, 0);
    else if (close || !ok(o)) link_close(c, l->link);
    buffer_deinit(&b);
}

static void on_data(struct core *c, uint32_t link, struct bytes in)
{
    struct core_link *l = link_find(c, link);
    if (!l) return; /* closed by us while the bytes were on their way */
    if (l->peer) {
        if (ok(door_packet(c, link, in))) return;
        l->live = false;
        door_down(c, link, "broke-the-protocol");
        link_close(c, link);
        return;
    }
    if (!l->session) {
        on_request(c, l, in);
        return;
    }
    outcome o = exchange_packet(c->exchange, link, in);
    bool subscribed = in.n && in.at[0] >> 4 == MQTT_SUBSCRIBE;
    if (ok(o) && subscribed) attest_link_up(c, l->id), authorities_link_up(c, l->id);
    if (!ok(o)) link_close(c, link);
}

static outcome on_refused(struct core *c, struct bytes in)
{
    uint8_t listener, why;
    uint32_t count;
    struct bytes source;
    char text[LINK_ADDRESS_MAX];
    TRY(take_u8(&in, &listener));
    TRY(take_u8(&in, &why));
    TRY(take_u32(&in, &count));
    TRY(take_field16(&in, &source));
    TRY(bytes_to_text(source, text, sizeof text));
    if (listener >= LISTENERS || why >= LINK_REFUSAL_COUNT || !bytes_is_utf8(source)) return REFUSE(E_RANGE);
    core_refused(c, (enum listener)listener, (enum link_refusal)why, text, count);
    return DONE;
}

static outcome on_down(struct core *c, uint32_t link, struct bytes in)
{
    uint8_t end;
    TRY(take_u8(&in, &end));
    struct core_link *l = link_find(c, link);
    if (l) link_gone(c, l, end == LINK_END_ASKED);
    return DONE;
}

static void on_ready(struct core *c)
{
    static const char ready = (char)CHANNEL_READY;
    c->gate.ready = true;
    c->self_next_ms = 0;
    (void)!send(c->control_fd, &ready, 1, MSG_NOSIGNAL);
}

static outcome on_record(struct core *c, struct bytes in)
{
    enum link_kind kind;
    uint32_t link;
    TRY(link_take_head(&in, &kind, &link));
    switch (kind) {
    case LINK_READY: on_ready(c); return DONE;
    case LINK_UP: return on_up(c, link, in);
    case LINK_DATA: on_data(c, link, in); return DONE;
    case LINK_DOWN: return on_down(c, link, in);
    case LINK_REFUSED: return on_refused(c, in);
    case LINK_BEHIND: exchange_behind(c->exchange); return DONE;
    default: return REFUSE(E_MALFORMED);
    }
}

outcome links_drain(struct core *c)
{
    channel_woken(&c->gate.end);
    for (size_t i = 0; i < RECORDS_A_TURN; i++) {
        struct out o = out_of(c->gate.room, RING_RECORD_MAX);
        outcome got = ring_take(&c->gate.end.get, &o);
        if (got.code == E_AGAIN) return DONE;
        if (ok(got)) got = on_record(c, out_view(&o));
        if (!ok(got)) return got;
    }
    return REFUSE(E_AGAIN); /* more waits: come again this turn's end */
}
