#include "gate/gate.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/port/port.h"
#include "crypto/init.h"
#include "gate/inside.h"

static outcome watch(struct gate *g, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event e = { .events = events, .data.u64 = tag };
    if (epoll_ctl(g->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) return REFUSE_SYS(E_IO, errno);
    return DONE;
}

static outcome fresh_channel(struct gate *g, int fds[CHANNEL_FDS])
{
    core_side_reset(g);
    channel_close(&g->channel); /* closing its eventfds takes them from epoll */
    TRY(channel_open(&g->channel, fds, CHANNEL_GATE));
    return watch(g, g->channel.get.wake_fd, EPOLLIN, gate_tag(TAG_CHANNEL, 0));
}

static void seal_lost(struct gate *g)
{
    if (g->seal.fd >= 0) close(g->seal.fd);
    g->seal.fd = -1;
    for (struct peer *p = g->queues[QUEUE_SHAKING].first; p; p = p->in_queue[QUEUE_SHAKING].after)
        peer_watch(g, p);
}

static outcome fresh_seal(struct gate *g, int fd)
{
    seal_lost(g);
    g->seal = (struct seal_side) { .fd = fd };
    for (struct peer *p = g->queues[QUEUE_SHAKING].first; p; p = p->in_queue[QUEUE_SHAKING].after)
        peer_watch(g, p);
    /* Only its end is watched for: answers are read where they are waited for. */
    return watch(g, fd, EPOLLRDHUP, gate_tag(TAG_SEAL, 0));
}

static outcome control_event(struct gate *g)
{
    for (;;) {
        char kind;
        int fds[CHANNEL_FDS];
        outcome o = channel_receive(g->options.control_fd, &kind, fds);
        if (o.code == E_AGAIN) return DONE;
        TRY(o);
        if (kind == CHANNEL_FRESH) TRY(fresh_channel(g, fds));
        else if (kind == CHANNEL_SEAL) TRY(fresh_seal(g, fds[0]));
        else return REFUSE(E_MALFORMED);
    }
}

static outcome event(struct gate *g, const struct epoll_event *e)
{
    uint32_t value = (uint32_t)e->data.u64;
    struct peer *p;
    switch ((enum gate_tag)(e->data.u64 >> 32)) {
    case TAG_CONTROL: return control_event(g);
    case TAG_CHANNEL: channel_woken(&g->channel); break;
    case TAG_SEAL: seal_lost(g); break;
    case TAG_DOOR: if (g->configured) doors_event(g, &g->doors[value]); break; /* else it waits in the backlog */
    case TAG_PEER:
        p = table_get(g, value);
        if (p) peer_event(g, p, e->events);
        break;
    }
    return DONE;
}

static int sooner(int a, int b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int wait_ms(const struct gate *g)
{
    int64_t now = port_mono_ms();
    if (g->more) return 0;
    int wait = sooner(deadlines_wait_ms(&g->deadlines, now), doors_wait_ms(g));
    if (g->configured) wait = sooner(wait, refusals_wait_ms(g->refusals, now));
    /* The core does not wake us when it made room in its ring. */
    for (int q = QUEUE_BLOCKED; q <= QUEUE_BLOCKED_LAST; q++)
        if (g->queues[q].first) return sooner(wait, 1);
    return wait;
}

/* The order of a turn: our own channels, links of the first mission, other links, newcomers. */
enum { FIRST, MISSION, OTHERS, NEWCOMERS, ORDER };
static uint8_t order_of(struct gate *g, const struct epoll_event *e)
{
    enum gate_tag tag = (enum gate_tag)(e->data.u64 >> 32);
    if (tag == TAG_DOOR) return NEWCOMERS;
    if (tag != TAG_PEER) return FIRST;
    const struct peer *p = table_get(g, (uint32_t)e->data.u64);
    if (!p || p->state == PEER_SHAKING) return NEWCOMERS;
    return p->place ? OTHERS : MISSION;
}

/* What a turn has no time for raises its event again. */
static outcome serve(struct gate *g, const struct epoll_event *events, const uint8_t *order, int n, uint8_t now)
{
    int most = now == NEWCOMERS ? GATE_SHAKES_A_TURN : n;
    for (int i = 0; i < n && most > 0; i++) {
        if (order[i] != now) continue;
        TRY(event(g, &events[i]));
        most--;
    }
    return DONE;
}

static outcome turn(struct gate *g)
{
    enum { EVENTS = 256 };
    struct epoll_event events[EVENTS];
    uint8_t order[EVENTS];
    struct peer *p;
    int n = epoll_wait(g->epoll_fd, events, EVENTS, wait_ms(g));
    if (n < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
    g->now_ms = port_mono_ms();
    for (int i = 0; i < n; i++) order[i] = order_of(g, &events[i]);
    for (uint8_t now = FIRST; now < ORDER; now++) TRY(serve(g, events, order, n, now));
    if (channel_is_open(&g->channel)) {
        TRY(core_side_take(g));
        core_side_retry(g);
    }
    while ((p = timer_due(g))) peer_expired(g, p);
    core_side_refusals(g);
    doors_watch(g);
    while ((p = g->queues[QUEUE_OUT].first)) {
        queue_take(g, QUEUE_OUT, p);
        peer_flush(g, p);
    }
    while ((p = g->queues[QUEUE_REAP].first)) table_free(g, p);
    if (channel_is_open(&g->channel)) ring_flush(&g->channel.put);
    return DONE;
}

static outcome start(struct gate *g)
{
    TRY(crypto_init());
    g->record = mem_new(RING_RECORD_MAX);
    g->chunk = mem_new(GATE_CHUNK_BYTES);
    g->refusals = mem_new(sizeof *g->refusals);
    if (!g->record || !g->chunk || !g->refusals) return REFUSE(E_MEMORY);
    g->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (g->epoll_fd < 0) return REFUSE_SYS(E_IO, errno);
    g->spare_fd = dup(g->epoll_fd);
    return watch(g, g->options.control_fd, EPOLLIN, gate_tag(TAG_CONTROL, 0));
}

static void stop(struct gate *g)
{
    core_side_reset(g);
    for (size_t i = 0; i < g->n_slots; i++)
        if (g->peers[i]) peer_drop(g, g->peers[i], LINK_END_ASKED);
    table_deinit(g);
    doors_close(g);
    channel_close(&g->channel);
    if (g->seal.fd >= 0) close(g->seal.fd);
    if (g->spare_fd >= 0) close(g->spare_fd);
    if (g->epoll_fd >= 0) close(g->epoll_fd);
    deadlines_deinit(&g->deadlines);
    guard_deinit(&g->guard);
    buffer_deinit(&g->chain);
    buffer_deinit(&g->web);
    buffer_deinit(&g->ca);
    buffer_deinit(&g->peers_ca);
    mem_free(g->refusals);
    mem_free(g->record);
    mem_free(g->chunk);
    mem_free(g);
}

outcome gate_run(const struct gate_options *options, char ret_why[160])
{
    struct gate *g = mem_new(sizeof *g);
    if (!g) return REFUSE(E_MEMORY);
    *g = (struct gate) { .options = *options, .why = ret_why, .epoll_fd = -1, .spare_fd = -1,
        .channel = CHANNEL_NONE, .guard = GUARD, .deadlines = DEADLINES,
        .chain = BUFFER(GATE_CHAIN_MAX), .ca = BUFFER(GATE_CHAIN_MAX), .web = BUFFER(GATE_CHAIN_MAX), .peers_ca = BUFFER(1u << 18), .seal = { .fd = -1 } };
    g->by_site = (struct seal_way) { &g->seal, SEAL_DOOR_SITE };
    g->by_web = (struct seal_way) { &g->seal, SEAL_DOOR_WEB };
    if (!g->options.memory) g->options.memory = GATE_MEMORY_BYTES;
    ret_why[0] = 0;
    outcome o = start(g);
    while (ok(o)) o = turn(g);
    if (o.code == E_CLOSED) o = DONE;
    if (!ok(o) && !ret_why[0])
        snprintf(ret_why, 160, "%s (%s)", code_word(o.code), o.at ? o.at : "");
    stop(g);
    return o;
}
