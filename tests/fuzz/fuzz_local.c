/* The command line's door: whatever bytes a local process sends into the core's Unix socket, in two pieces, through the
 * reader of the socket, the routes and the handlers as root's. Every answer is one whole HTTP response; the core lives on. */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "tests/sim/core_sim.h"
#include "tests/sim/port_sim.h"
#include "tests/sim/record_sim.h"

enum { FRESH_EVERY = 500, PIECE = 1 << 16 };

struct door {
    struct core *c;
    int near, far;
    bool shut;
    struct buffer said;
};

static struct core *core_of_run(void)
{
    static struct core *c;
    static unsigned runs;
    if (c && runs++ % FRESH_EVERY) return c;
    if (c) core_sim_close(c);
    if (!c) c = mem_new(sizeof *c);
    sim_reset(1);
    HOLDS(c && ok(core_sim_make()) && ok(core_sim_open(c)));
    sim_log_free(sim_take());
    return c;
}

/* Takes what was answered, so that the core can go on. */
static void listen_to(struct door *d)
{
    HOLDS(ok(buffer_reserve(&d->said, PIECE)));
    ssize_t n = recv(d->far, d->said.at + d->said.n, PIECE, MSG_DONTWAIT);
    if (n > 0) d->said.n += (size_t)n;
    if (n == 0) d->shut = true;
}

static void turn(struct door *d)
{
    if (d->c->local[0].fd >= 0) local_read(d->c, d->near);
    listen_to(d);
}

static void say(struct door *d, struct bytes b)
{
    while (b.n && !d->shut) {
        ssize_t n = send(d->far, b.at, b.n < PIECE ? b.n : PIECE, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) break;
        b = bytes_of(b.at + n, b.n - (size_t)n);
        turn(d);
    }
}

static void judge(const struct door *d)
{
    const char *end = d->said.n ? memmem(d->said.at, d->said.n, "\r\n\r\n", 4) : NULL;
    const char *length = d->said.n ? memmem(d->said.at, d->said.n, "Content-Length: ", 16) : NULL;
    if (!d->said.n) return;
    HOLDS(end && bytes_starts(buffer_view(&d->said), BYTES_LIT("HTTP/1.1 ")));
    HOLDS(d->said.at[9] >= '2' && d->said.at[9] <= '5' && memcmp(d->said.at + 9, "500", 3) != 0);
    if (length && length < end) HOLDS(strtoull(length + 16, NULL, 10) == d->said.n - (size_t)(end + 4 - (const char *)d->said.at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int ends[2];
    struct core *c = core_of_run();
    struct bytes in = bytes_of(data, n);
    size_t split = n ? data[n - 1] * n / 256 : 0;
    HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    struct epoll_event e = { .events = EPOLLIN, .data.fd = ends[0] };
    HOLDS(epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, ends[0], &e) == 0);
    c->local[0].fd = ends[0];
    c->local[0].in = BUFFER((4u << 20) + HTTP_HEAD_MAX);
    c->local[0].out = BUFFER(64u << 20);
    c->local[0].sent = 0;
    struct door d = { .c = c, .near = ends[0], .far = ends[1], .said = BUFFER(65u << 20) };
    say(&d, bytes_of(in.at, split));
    say(&d, bytes_of(in.at + split, in.n - split));
    shutdown(ends[1], SHUT_WR);
    for (int i = 0; i < 2000 && !d.shut; i++) turn(&d);
    HOLDS(d.shut && c->local[0].fd < 0);
    judge(&d);
    close(ends[1]);
    buffer_deinit(&d.said);
    sim_clock(100, 100);
    (void)core_due(c);
    (void)sim_record_step(c->ledger);
    sim_log_free(sim_take());
    return 0;
}
