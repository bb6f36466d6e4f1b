#include "flow_courier.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "courier/courier.h"

enum { LINE_MAX_BYTES = 1 << 20, RECORDS_A_TURN = 1024, BACKLOG_MAX = 32 << 20 };

static struct courier courier = { .dir = "/nonexistent", .channel = CHANNEL_NONE };
static struct line *line_now;      /* the one there is */
static struct buffer line_arrived; /* not received yet */
static bool line_broken;

/* ---- the line, in place of client/line.c ---- */

outcome line_open(struct line *l, struct tls_context *c, const char *host, uint16_t port)
{
    (void)c, (void)host, (void)port;
    *l = (struct line) { .state = LINE_CONNECTING, .fd = -1, .in = BUFFER(LINE_MAX_BYTES) };
    line_now = l;
    line_broken = false;
    buffer_deinit(&line_arrived);
    line_arrived = BUFFER(LINE_MAX_BYTES);
    return DONE;
}

void line_close(struct line *l)
{
    if (l->state == LINE_CLOSED) return;
    if (l->state == LINE_UP) carrier_closed();
    buffer_deinit(&l->in);
    buffer_deinit(&line_arrived);
    *l = (struct line) { .state = LINE_CLOSED, .fd = -1 };
    line_now = NULL;
}

short line_events(const struct line *l)
{
    return l->state == LINE_CONNECTING ? POLLOUT : POLLIN;
}

outcome line_turn(struct line *l, short revents)
{
    (void)revents;
    if (l->state == LINE_CONNECTING) {
        if (!carrier_reached()) return DONE;
        l->state = LINE_UP;
        carrier_connected();
        return DONE;
    }
    if (line_broken) return REFUSE(E_CLOSED);
    outcome o = buffer_put(&l->in, buffer_view(&line_arrived));
    line_arrived.n = 0;
    return o;
}

outcome line_send(struct line *l, struct bytes b)
{
    (void)l;
    carrier_sent(b);
    return DONE;
}

outcome line_wait(struct line *l, bool for_up, int timeout_ms)
{
    (void)l, (void)for_up, (void)timeout_ms;
    return REFUSE(E_UNSUPPORTED);
}

void courier_line_bytes(struct bytes b)
{
    if (line_now && line_now->state == LINE_UP && !ok(buffer_put(&line_arrived, b))) line_broken = true;
}

void courier_line_broken(void)
{
    if (line_now && line_now->state == LINE_UP) line_broken = true;
}

/* ---- the process ---- */

void courier_end(void)
{
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) peer_close(&courier.peers[i]);
    channel_close(&courier.channel);
    buffer_deinit(&courier.backlog);
    mem_free(courier.room);
    courier.room = NULL;
}

static void copies(const int from[CHANNEL_FDS], int to[CHANNEL_FDS])
{
    for (size_t i = 0; i < CHANNEL_FDS; i++) to[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 0);
}

void courier_begin(struct core *c)
{
    int fds[CHANNEL_FDS] = { memfd_create("channel", MFD_CLOEXEC | MFD_ALLOW_SEALING), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) }, theirs[CHANNEL_FDS];
    if (courier.room) courier_end();
    if (ftruncate(fds[0], (off_t)channel_bytes()) || fcntl(fds[0], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)) abort();
    copies(fds, theirs);
    courier.backlog = BUFFER(BACKLOG_MAX);
    courier.lost = false;
    courier.room = mem_new(RING_RECORD_MAX);
    if (!courier.room || !ok(channel_open(&courier.channel, theirs, CHANNEL_GATE)) || !ok(peers_attach(c, fds))) abort();
}

static void drain(void)
{
    channel_woken(&courier.channel);
    for (size_t i = 0; i < RECORDS_A_TURN; i++) {
        struct out o = out_of(courier.room, RING_RECORD_MAX);
        outcome got = ring_take(&courier.channel.get, &o);
        if (got.code == E_AGAIN) return;
        if (!ok(got) || !ok(courier_record(&courier, out_view(&o)))) abort(); /* the core says nothing that does not parse */
    }
}

void courier_step(struct core *c)
{
    if (!c->peers) return;
    if (peers_wake_fd(c) < 0) courier_begin(c); /* as the keeper, asked for one */
    drain();
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++)
        if (courier.peers[i].used) peer_turn(&courier.peers[i], POLLIN | POLLOUT, port_mono_ms());
    if (courier.lost) abort(); /* a full ring does not happen with this little */
    channel_flush(&courier.channel, &courier.backlog);
    peers_drain(c);
}
