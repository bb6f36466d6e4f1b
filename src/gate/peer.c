/* One connection from accept to its end. Nothing here frees a peer: that is the reaper's, at the
 * end of the turn, so that no function is surprised. */
#include <errno.h>
#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/inside.h"
#include "wire/mqtt.h"
#include "wire/proxy.h"

static bool is_http(const struct peer *p)
{
    return !listener_is_mqtt(p->listener);
}

static void shake_over(struct gate *g, struct peer *p)
{
    if (!p->in_queue[QUEUE_SHAKING].in) return;
    queue_take(g, QUEUE_SHAKING, p);
    guard_shake_end(&g->guard);
}

/* The core hears of the end of every link it was told of, once. */
static void tell_down(struct gate *g, struct peer *p, enum link_end end)
{
    p->end = end;
    p->up_owed = false;
    if (!p->up_told || p->down_owed) return;
    p->up_told = false;
    p->down_owed = true;
    outcome o = core_side_down(g, p);
    if (!ok(o)) assert(p->in_queue[queue_blocked(p)].in);
}

static void peer_gone(struct gate *g, struct peer *p)
{
    if (p->state == PEER_GONE) return;
    shake_over(g, p);
    p->state = PEER_GONE;
    close(p->fd);
    p->fd = -1;
    p->watched = false;
    if (p->tls) tls_free(p->tls);
    p->tls = 0;
    guard_leave(&g->guard, p->key);
    (void)peer_account(g, p);
    timer_set(g, p, 0);
    queue_take(g, QUEUE_OUT, p);
    if (!p->down_owed) {
        queue_take(g, queue_blocked(p), p);
        queue_add(g, QUEUE_REAP, p);
    }
}

void peer_drop(struct gate *g, struct peer *p, enum link_end end)
{
    if (p->state == PEER_GONE) return;
    if (p->state == PEER_OPEN) tell_down(g, p, end);
    peer_gone(g, p);
}

/* RFC 6455, 7.1.2: our close frame, unless one went out already. */
static void say_goodbye(struct gate *g, struct peer *p, enum link_end end)
{
    static const enum ws_code codes[LINK_ENDS] = { [LINK_END_PEER] = WS_NORMAL, [LINK_END_ERROR] = WS_GOING_AWAY,
        [LINK_END_FRAMING] = WS_PROTOCOL, [LINK_END_IDLE] = WS_POLICY, [LINK_END_SLOW] = WS_POLICY, [LINK_END_ASKED] = WS_NORMAL };
    struct buffer frame = BUFFER(16);
    if (!p->framed) return;
    bool half = end == LINK_END_IDLE && p->in.n > p->in_at; /* a packet whose rest never came */
    if (ok(ws_put_close(&p->ws, half ? WS_PROTOCOL : codes[end], &frame))) peer_say_raw(g, p, buffer_view(&frame));
    buffer_deinit(&frame);
}

void peer_close(struct gate *g, struct peer *p, enum link_end end)
{
    if (p->state == PEER_GONE || p->state == PEER_CLOSING) return;
    shake_over(g, p);
    if (p->state == PEER_OPEN) {
        say_goodbye(g, p, end);
        tell_down(g, p, end);
        (void)!ok(peer_seal(p)); /* the last words before the TLS alert; a courtesy */
        if (p->tls) tls_close(p->tls);
    }
    p->state = PEER_CLOSING;
    p->ready_n = 0;
    buffer_deinit(&p->in);
    p->in_at = 0;
    timer_set(g, p, g->now_ms + GATE_FLUSH_MS);
    queue_add(g, QUEUE_OUT, p);
}

void peer_refused(struct gate *g, struct peer *p, enum link_refusal why)
{
    refusals_note(g->refusals, p->listener, why, p->source, g->now_ms);
    peer_close(g, p, LINK_END_FRAMING);
}

static outcome peer_start(struct gate *g, struct peer *p)
{
    int yes = 1;
    bool plain = gate_plain(g, p->listener);
    if (setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        return REFUSE_SYS(E_IO, errno);
    if (!plain) TRY(tls_new(g->tls[p->listener], 0, &p->tls));
    p->state = plain ? PEER_OPEN : PEER_SHAKING;
    if (!plain) {
        guard_shake_begin(&g->guard);
        queue_add(g, QUEUE_SHAKING, p);
    }
    struct epoll_event e = { .events = EPOLLIN, .data.u64 = gate_tag(TAG_PEER, p->handle) };
    if (epoll_ctl(g->epoll_fd, EPOLL_CTL_ADD, p->fd, &e) != 0) return REFUSE_SYS(E_IO, errno);
    p->watched = true;
    p->events = EPOLLIN;
    return DONE;
}

static void peer_up(struct gate *g, struct peer *p)
{
    p->up_owed = true;
    outcome o = core_side_up(g, p);
    if (!ok(o)) assert(p->in_queue[queue_blocked(p)].in);
}

static bool is_balancer(const struct gate *g, const struct peer *p)
{
    char whole[LINK_ADDRESS_MAX + 2];
    snprintf(whole, sizeof whole, ",%s,", p->source);
    return listener_is_mqtt(p->listener) && !gate_plain(g, p->listener) && p->source[0] && strstr(g->proxies, whole);
}

void peer_accepted(struct gate *g, enum listener l, int fd, const char *source)
{
    char key[LINK_ADDRESS_MAX];
    link_source_key(source, key);
    struct peer *p = 0;
    if (ok(guard_enter(&g->guard, key))) {
        p = table_new(g);
        if (!p) guard_leave(&g->guard, key);
    }
    if (!p) {
        refusals_note(g->refusals, l, LINK_TOO_MANY, source, g->now_ms);
        close(fd);
        return;
    }
    p->listener = l;
    p->fd = fd;
    p->accepted_ms = p->active_ms = g->now_ms;
    memcpy(p->source, source, strnlen(source, sizeof p->source - 1));
    memcpy(p->key, key, sizeof p->key);
    p->proxied = is_balancer(g, p);
    p->in = BUFFER(is_http(p) ? FRONT_REQUEST_MAX : FRONT_PACKET_MAX);
    p->out = BUFFER(GATE_OUTPUT_BYTES);
    if (!ok(peer_start(g, p))) {
        peer_drop(g, p, LINK_END_ERROR);
        return;
    }
    timer_set(g, p, g->now_ms + g->options.connect_ms);
    if (p->state == PEER_OPEN) peer_up(g, p);
}

static enum link_refusal refusal_of(enum tls_why why)
{
    static const enum link_refusal rows[] = {
        [TLS_WHY_NONE] = LINK_TLS_OTHER,
        [TLS_WHY_NO_CERTIFICATE] = LINK_NO_CERTIFICATE,
        [TLS_WHY_FOREIGN] = LINK_FOREIGN_CERTIFICATE,
        [TLS_WHY_EXPIRED] = LINK_EXPIRED_CERTIFICATE,
        [TLS_WHY_BAD] = LINK_BAD_CERTIFICATE,
        [TLS_WHY_VERSION] = LINK_TLS_VERSION,
        [TLS_WHY_OTHER] = LINK_TLS_OTHER,
    };
    return why <= TLS_WHY_OTHER ? rows[why] : LINK_TLS_OTHER;
}

/* TLS is done: who may go on at which door [architecture, Listeners]. */
static void shaken(struct gate *g, struct peer *p)
{
    struct x509_facts facts;
    bool expired = false;
    bool has = tls_peer(p->tls, &facts, &expired);
    shake_over(g, p);
    p->state = PEER_OPEN;
    if (listener_is_mqtt(p->listener) && !has) peer_refused(g, p, LINK_NO_CERTIFICATE);
    else if (expired && p->listener != LISTENER_EST) peer_refused(g, p, LINK_EXPIRED_CERTIFICATE);
    else peer_up(g, p);
    peer_pump(g, p);
}

/* Somebody who only knocked (a port check) is nobody to write down; nor is whom we failed. */
static void shake_failed(struct gate *g, struct peer *p, enum link_refusal why)
{
    if (p->shake_n && !g->seal.failed) peer_refused(g, p, why);
    else peer_drop(g, p, LINK_END_PEER);
}

/* The peer is whom the balancer names: caps and records count that one. */
static outcome speaks_for(struct gate *g, struct peer *p, const char *source)
{
    char key[LINK_ADDRESS_MAX];
    if (!source[0]) return DONE; /* the balancer's own check */
    link_source_key(source, key);
    memcpy(p->source, source, sizeof p->source);
    TRY(guard_enter(&g->guard, key));
    guard_leave(&g->guard, p->key);
    memcpy(p->key, key, sizeof p->key);
    return DONE;
}

/* Cuts the PROXY header from what came: *came is what follows it. E_AGAIN: more is needed. */
static outcome proxy_header(struct gate *g, struct peer *p, struct bytes *came)
{
    char source[LINK_ADDRESS_MAX];
    size_t n, had = p->in.n;
    TRY(buffer_put(&p->in, *came));
    outcome o = proxy_take(buffer_view(&p->in), &n, source);
    if (o.code == E_SHORT) return REFUSE(E_AGAIN);
    TRY(o);
    *came = bytes_of(came->at + (n - had), came->n - (n - had));
    p->in.n = 0;
    p->proxied = false;
    return speaks_for(g, p, source);
}

static void shake(struct gate *g, struct peer *p)
{
    while (p->state == PEER_SHAKING && p->budget) {
        size_t n;
        outcome o = peer_receive(g, p, GATE_CHUNK_BYTES, &n);
        if (o.code == E_AGAIN) break;
        if (!ok(o)) {
            shake_failed(g, p, LINK_TLS_OTHER);
            return;
        }
        p->shake_n += n;
        if (p->shake_n > GATE_SHAKE_BYTES) {
            shake_failed(g, p, LINK_TLS_OTHER);
            return;
        }
        struct bytes came = bytes_of(g->chunk, n);
        o = p->proxied ? proxy_header(g, p, &came) : DONE;
        if (o.code == E_AGAIN) continue;
        if (!ok(o)) {
            shake_failed(g, p, o.code == E_FULL || o.code == E_DENIED ? LINK_TOO_MANY : LINK_NO_PROXY_HEADER);
            return;
        }
        o = tls_feed(p->tls, came);
        if (ok(o)) o = tls_handshake(p->tls);
        queue_add(g, QUEUE_OUT, p);
        if (ok(o)) shaken(g, p);
        else if (o.code != E_AGAIN) shake_failed(g, p, refusal_of(tls_why(p->tls)));
    }
}

/* The whole unit at the head of p->in goes to the core. False: not now, or not at all. */
static bool forward(struct gate *g, struct peer *p)
{
    if (p->denied) {
        struct buffer answer = BUFFER(64);
        front_mqtt_deny(&p->front, MQTT_NOT_AUTHORIZED, &answer);
        peer_say(g, p, buffer_view(&answer));
        buffer_deinit(&answer);
        peer_close(g, p, LINK_END_ASKED);
        return false;
    }
    if (!p->up_told || !p->admitted || p->answering) return false;
    outcome o = core_side_data(g, p, bytes_of(p->in.at + p->in_at, p->ready_n));
    if (!ok(o)) return false;
    p->in_at += p->ready_n;
    p->ready_n = 0;
    p->spoken = true;
    p->answering = is_http(p);
    peer_idle(g, p, p->idle_ms);
    return true;
}

/* The request that opens a WebSocket; what came after it is frames already. */
static struct front_step upgrade(struct gate *g, struct peer *p, struct bytes head, struct buffer *answer)
{
    struct front_step s = upgrade_take(head, p->tls != 0, answer);
    if (s.does != FRONT_FORWARD) return s;
    struct buffer rest = BUFFER(FRONT_PACKET_MAX);
    outcome o = buffer_put(&rest, bytes_of(head.at + s.n, head.n - s.n));
    peer_say_raw(g, p, buffer_view(answer));
    answer->n = 0;
    p->framed = true;
    p->in.n = p->in_at = 0;
    if (ok(o)) o = peer_unframe(g, p, buffer_view(&rest));
    buffer_deinit(&rest);
    if (ok(o)) return (struct front_step) { FRONT_WAIT, 0, 0 };
    return (struct front_step) { FRONT_REFUSE, 0, LINK_FIRST_PACKET };
}

/* Cuts what is at the head of p->in. False: the peer was refused. */
static bool cut(struct gate *g, struct peer *p, bool *ret_wait)
{
    struct buffer answer = BUFFER(8192);
    struct bytes head = bytes_of(p->in.at + p->in_at, p->in.n - p->in_at);
    struct front_step s = { FRONT_WAIT, 0, 0 };
    if (head.n && p->listener == LISTENER_WSS && !p->framed) {
        s = upgrade(g, p, head, &answer);
        head = bytes_of(p->in.at + p->in_at, p->framed ? p->in.n - p->in_at : 0);
    }
    bool waits = s.does == FRONT_WAIT && (p->framed || p->listener != LISTENER_WSS);
    if (head.n && waits)
        s = is_http(p) ? front_http(&p->front, head, &answer) : front_mqtt(&p->front, head, &answer);
    if (answer.n) peer_say(g, p, buffer_view(&answer));
    buffer_deinit(&answer);
    if (s.does == FRONT_REFUSE) peer_refused(g, p, s.why);
    if (s.does == FRONT_FORWARD) p->ready_n = s.n;
    *ret_wait = s.does == FRONT_WAIT;
    return s.does != FRONT_REFUSE;
}

static void let_go_of_input(struct peer *p)
{
    if (p->in_at == p->in.n) {
        size_t max = p->in.max;
        if (p->in.cap > FRONT_FIRST_MAX) {
            buffer_deinit(&p->in);
            p->in = BUFFER(max);
        }
        p->in.n = 0;
        p->in_at = 0;
    }
}

void peer_pump(struct gate *g, struct peer *p)
{
    bool wait = false;
    /* Bounded by the turn's byte budget: every pass forwards a unit, reads some, or ends. */
    while (p->state == PEER_OPEN) {
        /* An HTTP request is only cut once the one before was answered, so that a refusal of the
         * second never overtakes the answer to the first. */
        if (!p->ready_n && !p->answering && !cut(g, p, &wait)) return;
        if (p->ready_n || p->answering) {
            if (!p->ready_n || !forward(g, p)) break;
            continue;
        }
        if (!peer_fill(g, p)) break;
    }
    if (p->state != PEER_OPEN) return;
    let_go_of_input(p);
    (void)peer_account(g, p);
    /* A peer that half-closed after its request still gets the answer. */
    if (p->peer_closed && !p->ready_n && !p->answering && wait) peer_close(g, p, p->end);
    else peer_watch(g, p);
}

void peer_admit(struct gate *g, struct peer *p, uint32_t idle_ms)
{
    if (p->state != PEER_OPEN || p->denied) return;
    p->admitted = true;
    peer_idle(g, p, idle_ms);
    p->budget = GATE_TURN_BYTES;
    peer_pump(g, p);
}

void peer_place(struct gate *g, struct peer *p, uint8_t place)
{
    bool waits = p->in_queue[queue_blocked(p)].in;
    if (waits) queue_take(g, queue_blocked(p), p);
    p->place = place < GATE_PLACES ? place : GATE_PLACES - 1;
    if (waits) queue_add(g, queue_blocked(p), p);
}

void peer_idle(struct gate *g, struct peer *p, uint32_t idle_ms)
{
    if (p->state != PEER_OPEN) return;
    p->idle_ms = idle_ms;
    p->active_ms = g->now_ms;
    /* Until the first unit went to the core, the deadline from accept stands. */
    if (p->spoken) timer_set(g, p, idle_ms ? g->now_ms + idle_ms : 0);
}

void peer_asked_to_close(struct gate *g, struct peer *p)
{
    if (p->state != PEER_OPEN) return;
    if (is_http(p) || p->spoken) {
        peer_close(g, p, LINK_END_ASKED);
        return;
    }
    /* Not admitted: the reason goes out as CONNACK once its CONNECT tells us in which form. */
    tell_down(g, p, LINK_END_ASKED);
    p->denied = true;
    p->budget = GATE_TURN_BYTES;
    peer_pump(g, p);
}

void peer_expired(struct gate *g, struct peer *p)
{
    if (p->state == PEER_CLOSING) {
        peer_drop(g, p, p->end);
    } else if (p->state == PEER_SHAKING) {
        refusals_note(g->refusals, p->listener, LINK_TIMEOUT, p->source, g->now_ms);
        peer_drop(g, p, LINK_END_IDLE);
    } else if (p->state == PEER_OPEN) {
        struct buffer answer = BUFFER(64);
        if (!p->spoken && !p->denied)
            refusals_note(g->refusals, p->listener, LINK_TIMEOUT, p->source, g->now_ms);
        if (p->spoken && !is_http(p)) front_mqtt_part(&p->front, MQTT_KEEP_ALIVE, &answer);
        peer_say(g, p, buffer_view(&answer));
        buffer_deinit(&answer);
        peer_close(g, p, LINK_END_IDLE);
    }
}

void peer_orphan(struct gate *g, struct peer *p)
{
    struct buffer answer = BUFFER(64);
    p->up_owed = p->up_told = p->down_owed = false;
    queue_take(g, queue_blocked(p), p);
    if (p->state == PEER_GONE) queue_add(g, QUEUE_REAP, p);
    if (p->state == PEER_SHAKING) peer_drop(g, p, LINK_END_ASKED);
    if (p->state != PEER_OPEN) return;
    if (!is_http(p) && p->spoken) front_mqtt_part(&p->front, MQTT_BUSY, &answer);
    peer_say(g, p, buffer_view(&answer));
    buffer_deinit(&answer);
    peer_close(g, p, LINK_END_ASKED);
}

static void linger(struct gate *g, struct peer *p)
{
    size_t n;
    outcome o = DONE;
    while (ok(o) && p->budget) o = peer_receive(g, p, GATE_CHUNK_BYTES, &n);
    if (!ok(o) && o.code != E_AGAIN) peer_gone(g, p);
}

void peer_event(struct gate *g, struct peer *p, uint32_t events)
{
    bool lost = events & (EPOLLHUP | EPOLLERR);
    p->budget = turn_bytes(p);
    if (p->state != PEER_GONE && (events & EPOLLOUT)) queue_add(g, QUEUE_OUT, p);
    if (p->state == PEER_SHAKING) {
        shake(g, p);
    } else if (p->state == PEER_CLOSING) {
        if (lost && !(events & EPOLLIN)) peer_gone(g, p);
        else linger(g, p);
    } else if (p->state == PEER_OPEN) {
        peer_pump(g, p);
        if (!lost || p->state != PEER_OPEN || p->peer_closed) return;
        /* Input is paused: what is already here still goes to the core, then the link ends. */
        p->peer_closed = true;
        p->end = LINK_END_ERROR;
        peer_unwatch(g, p);
        peer_pump(g, p);
    }
}
