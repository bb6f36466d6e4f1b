/* A peer's bytes: socket, TLS, buffers. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/inside.h"

outcome peer_receive(struct gate *g, struct peer *p, size_t want, size_t *ret_n)
{
    if (p->peer_closed || !p->budget) return REFUSE(E_AGAIN);
    if (want > p->budget) want = p->budget;
    ssize_t n = recv(p->fd, g->chunk, want, MSG_DONTWAIT);
    if (n == 0) return REFUSE(E_CLOSED);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return REFUSE(E_AGAIN);
    if (n < 0) return REFUSE_SYS(E_IO, errno);
    /* A short read emptied the socket: asking again would only be told so. What comes later raises an event. */
    p->budget = (size_t)n < want ? 0 : p->budget - (size_t)n;
    *ret_n = (size_t)n;
    return DONE;
}

static size_t input_bound(const struct peer *p)
{
    if (listener_is_mqtt(p->listener)) return p->front.greeted ? FRONT_PACKET_MAX : FRONT_FIRST_MAX;
    return p->admitted ? FRONT_REQUEST_MAX : FRONT_FIRST_MAX;
}

static size_t input_room(const struct peer *p)
{
    size_t held = p->in.n - p->in_at, bound = input_bound(p);
    return held < bound ? bound - held : 0;
}

/* What may be handed to the socket now. */
static struct bytes pending(const struct peer *p)
{
    return p->tls ? tls_pending(p->tls) : buffer_view(&p->out);
}

static size_t waiting(const struct peer *p)
{
    return p->out.n + (p->tls ? tls_pending(p->tls).n : 0);
}

bool peer_account(struct gate *g, struct peer *p)
{
    size_t holds = p->state == PEER_GONE ? 0 : p->in.cap + waiting(p);
    g->memory += holds - p->accounted;
    p->accounted = holds;
    return g->memory <= g->options.memory || holds <= GATE_GREEDY_BYTES;
}

/* Plaintext into g->chunk, from what TLS holds or from the socket. */
static outcome read_plain(struct gate *g, struct peer *p, size_t want, size_t *ret_n)
{
    if (!p->tls) return peer_receive(g, p, want, ret_n);
    for (;;) {
        outcome o = tls_read(p->tls, g->chunk, want, ret_n);
        if (o.code != E_AGAIN) return o;
        size_t n;
        TRY(peer_receive(g, p, GATE_CHUNK_BYTES, &n));
        TRY(tls_feed(p->tls, bytes_of(g->chunk, n)));
        /* A key update or alert of our own may have come of it. */
        if (tls_pending(p->tls).n) queue_add(g, QUEUE_OUT, p);
    }
}

bool peer_fill(struct gate *g, struct peer *p)
{
    size_t n, want = input_room(p);
    if (!want) return false;
    if (want > GATE_CHUNK_BYTES) want = GATE_CHUNK_BYTES;
    outcome o = read_plain(g, p, want, &n);
    if (o.code == E_AGAIN) return false;
    if (ok(o)) {
        buffer_drop(&p->in, p->in_at);
        p->in_at = 0;
        struct bytes came = bytes_of(g->chunk, n);
        size_t had = p->in.n;
        o = p->framed ? peer_unframe(g, p, came) : buffer_put(&p->in, came);
        if (o.code == E_MALFORMED) {
            peer_refused(g, p, p->front.greeted ? LINK_FRAMING : LINK_FIRST_PACKET);
            return false;
        }
        /* Its last packets came with its goodbye: they count. */
        bool last_words = o.code == E_CLOSED && p->in.n > had;
        if (last_words && peer_account(g, p)) {
            p->peer_closed = true;
            p->end = LINK_END_PEER;
            peer_unwatch(g, p);
            return true;
        }
        if (ok(o) && peer_account(g, p)) return true;
    }
    p->peer_closed = true;
    p->end = o.code == E_CLOSED ? LINK_END_PEER : ok(o) || o.code == E_FULL ? LINK_END_SLOW : LINK_END_ERROR;
    peer_unwatch(g, p);
    return false;
}

/* What is said in a turn is gathered and goes through TLS once, in peer_seal: a record for each packet would
 * cost more than everything else that is done for it. */
static outcome write_plain(struct peer *p, struct bytes b)
{
    return buffer_put(&p->out, b);
}

static void let_go_of_output(struct peer *p)
{
    if (p->out.n || p->out.cap <= (p->tls ? GATE_STAGE_BYTES : GATE_CHUNK_BYTES)) return;
    buffer_deinit(&p->out);
    p->out = BUFFER(GATE_OUTPUT_BYTES);
}

outcome peer_seal(struct peer *p)
{
    if (!p->tls || !p->out.n) return DONE;
    outcome o = tls_write(p->tls, buffer_view(&p->out));
    buffer_drop(&p->out, p->out.n);
    let_go_of_output(p);
    return o;
}

/* In a frame of its own where there are frames. After a close frame nothing may follow (RFC 6455, 5.5.1). */
static outcome write_framed(struct peer *p, struct bytes b)
{
    if (!p->framed) return write_plain(p, b);
    if (p->ws.over) return DONE;
    uint8_t small[2048], head[10]; /* here and not above: the compiler clears what is declared */
    struct bytes first = bytes_of(head, ws_head(b.n, head));
    struct out o = out_of(small, sizeof small); /* whole or not at all */
    put(&o, first);
    put(&o, b);
    if (!o.over) return write_plain(p, out_view(&o));
    TRY(write_plain(p, first));
    return write_plain(p, b);
}

void peer_say_raw(struct gate *g, struct peer *p, struct bytes b)
{
    if (!b.n || p->state != PEER_OPEN) return;
    /* Courtesy only: a peer that cannot be told is closed all the same. */
    if (ok(write_plain(p, b))) queue_add(g, QUEUE_OUT, p);
}

void peer_say(struct gate *g, struct peer *p, struct bytes b)
{
    if (!b.n || p->state != PEER_OPEN) return;
    if (ok(write_framed(p, b))) queue_add(g, QUEUE_OUT, p);
}

/* A pong or close frame goes out at once; a peer that asks for more of them than it reads is slow. */
outcome peer_unframe(struct gate *g, struct peer *p, struct bytes wire)
{
    struct buffer answer = BUFFER(GATE_TURN_BYTES);
    outcome o = ws_take(&p->ws, wire, &p->in, &answer);
    peer_say_raw(g, p, buffer_view(&answer));
    if (waiting(p) + answer.n > GATE_OUTPUT_BYTES && ok(o)) o = REFUSE(E_FULL);
    buffer_deinit(&answer);
    return o;
}

void peer_send(struct gate *g, struct peer *p, struct bytes b)
{
    if (p->state != PEER_OPEN) return;
    if (waiting(p) + b.n > GATE_OUTPUT_BYTES) peer_flush(g, p);
    if (p->state != PEER_OPEN) return;
    if (waiting(p) + b.n > GATE_OUTPUT_BYTES) {
        peer_drop(g, p, LINK_END_SLOW);
        return;
    }
    outcome o = write_framed(p, b);
    if (!ok(o) || !peer_account(g, p)) {
        peer_drop(g, p, ok(o) ? LINK_END_SLOW : LINK_END_ERROR);
        return;
    }
    p->spoken = true;
    queue_add(g, QUEUE_OUT, p);
    if (listener_is_mqtt(p->listener)) return;
    p->answering = false;
    peer_idle(g, p, p->idle_ms);
    p->budget = GATE_TURN_BYTES;
    peer_pump(g, p);
}

static void sent(struct peer *p, size_t n)
{
    if (p->tls) tls_sent(p->tls, n);
    else buffer_drop(&p->out, n);
}

static void flushed(struct gate *g, struct peer *p)
{
    let_go_of_output(p);
    if (p->state != PEER_CLOSING || p->shut) return;
    if (p->tls) tls_free(p->tls); /* nothing more to say: the memory goes now, the socket lingers */
    p->tls = 0;
    /* Half-close and wait a little: closing with unread input would reset the connection, and the
     * peer might lose our last words (the TLS alert, the CONNACK). */
    p->shut = true;
    if (p->peer_closed || shutdown(p->fd, SHUT_WR) != 0) peer_drop(g, p, p->end);
    else timer_set(g, p, g->now_ms + GATE_LINGER_MS);
}

void peer_flush(struct gate *g, struct peer *p)
{
    if (p->state == PEER_GONE) return;
    if (!ok(peer_seal(p))) {
        peer_drop(g, p, LINK_END_ERROR);
        return;
    }
    struct bytes out;
    while ((out = pending(p)).n) {
        ssize_t n = send(p->fd, out.at, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0) {
            peer_drop(g, p, p->peer_closed ? p->end : LINK_END_ERROR);
            return;
        }
        sent(p, (size_t)n);
    }
    if (!pending(p).n) flushed(g, p);
    (void)peer_account(g, p);
    peer_watch(g, p);
}

static uint32_t wanted(const struct gate *g, const struct peer *p)
{
    /* Whoever is to be flushed in this turn is asked about only then. */
    uint32_t out = p->in_queue[QUEUE_OUT].in ? p->events & EPOLLOUT : pending(p).n ? EPOLLOUT : 0;
    switch (p->state) {
    case PEER_SHAKING: return out | (g->seal.fd >= 0 ? EPOLLIN : 0);
    case PEER_OPEN: return out | (!p->ready_n && !p->answering && input_room(p) ? EPOLLIN : 0);
    case PEER_CLOSING: return out | (p->shut ? EPOLLIN : 0);
    default: return 0;
    }
}

void peer_watch(struct gate *g, struct peer *p)
{
    if (!p->watched) return;
    uint32_t events = wanted(g, p);
    if (events == p->events) return;
    struct epoll_event e = { .events = events, .data.u64 = gate_tag(TAG_PEER, p->handle) };
    if (epoll_ctl(g->epoll_fd, EPOLL_CTL_MOD, p->fd, &e) == 0) p->events = events;
}

void peer_unwatch(struct gate *g, struct peer *p)
{
    if (!p->watched) return;
    p->watched = false;
    epoll_ctl(g->epoll_fd, EPOLL_CTL_DEL, p->fd, 0);
}
