#include "client/line.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/port/port.h"

enum {
    READ_BYTES = 16384,
    TURNS_MAX = 16, /* reads a turn, so that one busy line cannot starve others */
    IN_MAX = 1 << 20,
    OUT_MAX = 4 << 20,
};

static struct bytes pending(const struct line *l)
{
    return l->tls ? tls_pending(l->tls) : buffer_view(&l->out);
}

static void sent(struct line *l, size_t n)
{
    if (l->tls) tls_sent(l->tls, n);
    else buffer_drop(&l->out, n);
}

static bool loopback(const struct addrinfo *a)
{
    static const uint8_t v6[16] = { [15] = 1 };
    if (a->ai_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr.s_addr) >> 24 == 127;
    return a->ai_family == AF_INET6 && memcmp(&((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr, v6, 16) == 0;
}

static bool all_loopback(const struct addrinfo *found)
{
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        if (!loopback(a)) return false;
    return true;
}

static MUST outcome socket_start(const struct addrinfo *a, int *ret)
{
    int on = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0
        || (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)) {
        int why = errno;
        close(fd);
        return REFUSE_SYS(E_IO, why);
    }
    *ret = fd;
    return DONE;
}

outcome line_open(struct line *l, struct tls_context *c, const char *host, uint16_t port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
    char service[8];
    struct line fresh = { .state = LINE_CONNECTING, .fd = -1, .in = BUFFER(IN_MAX), .out = BUFFER(OUT_MAX) };
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return REFUSE(E_IO);
    outcome o = !c && !all_loopback(found) ? REFUSE(E_DENIED) : REFUSE(E_IO);
    for (const struct addrinfo *a = found; a != NULL && o.code == E_IO; a = a->ai_next) o = socket_start(a, &fresh.fd);
    freeaddrinfo(found);
    TRY(o);
    if (c) o = tls_new(c, host, &fresh.tls);
    if (!ok(o)) {
        close(fresh.fd);
        return o;
    }
    *l = fresh;
    return DONE;
}

void line_close(struct line *l)
{
    if (l->state == LINE_CLOSED) return;
    if (l->state == LINE_UP) {
        if (l->tls) tls_close(l->tls);
        struct bytes b = pending(l);
        ssize_t n = send(l->fd, b.at, b.n, MSG_NOSIGNAL); /* a courtesy; whether it arrives is not ours */
        (void)n;
    }
    if (l->tls) tls_free(l->tls);
    close(l->fd);
    buffer_deinit(&l->in);
    buffer_deinit(&l->out);
    *l = (struct line) { .state = LINE_CLOSED, .fd = -1 };
}

short line_events(const struct line *l)
{
    if (l->state == LINE_CONNECTING) return POLLOUT;
    return (short)(POLLIN | (pending(l).n > 0 ? POLLOUT : 0));
}

static MUST outcome flush(struct line *l)
{
    for (struct bytes b = pending(l); b.n > 0; b = pending(l)) {
        ssize_t n = send(l->fd, b.at, b.n, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR ? DONE : REFUSE_SYS(E_IO, errno);
        sent(l, (size_t)n);
    }
    return DONE;
}

static MUST outcome decrypt(struct line *l)
{
    for (;;) { /* ends: each round takes a record that was fed */
        size_t n = 0;
        TRY(buffer_reserve(&l->in, READ_BYTES));
        outcome o = tls_read(l->tls, l->in.at + l->in.n, READ_BYTES, &n);
        if (o.code == E_AGAIN) return DONE;
        if (o.code == E_CLOSED) {
            l->ended = true;
            return DONE;
        }
        TRY(o);
        l->in.n += n;
    }
}

static MUST outcome advance(struct line *l)
{
    if (!l->tls) {
        l->state = LINE_UP;
        return DONE;
    }
    if (l->state == LINE_HANDSHAKE) {
        outcome o = tls_handshake(l->tls);
        if (o.code == E_AGAIN) return DONE;
        TRY(o);
        l->state = LINE_UP;
    }
    return l->state == LINE_UP ? decrypt(l) : DONE;
}

static MUST outcome receive(struct line *l)
{
    uint8_t raw[READ_BYTES];
    for (int i = 0; i < TURNS_MAX && !l->ended; i++) {
        ssize_t n = recv(l->fd, raw, sizeof raw, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (n < 0) return REFUSE_SYS(E_IO, errno);
        if (n == 0) {
            l->ended = true;
            if (l->state != LINE_UP) return REFUSE(E_CLOSED);
            break;
        }
        if (!l->tls) {
            TRY(buffer_put(&l->in, bytes_of(raw, (size_t)n)));
            continue;
        }
        TRY(tls_feed(l->tls, bytes_of(raw, (size_t)n)));
        TRY(advance(l));
    }
    return DONE;
}

outcome line_turn(struct line *l, short revents)
{
    if (l->state == LINE_CONNECTING) {
        int why = 0;
        socklen_t size = sizeof why;
        if ((revents & (POLLOUT | POLLERR | POLLHUP)) == 0) return DONE;
        if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0 || why != 0)
            return REFUSE_SYS(E_IO, why);
        l->state = LINE_HANDSHAKE;
        TRY(advance(l));
    } else if (revents & (POLLIN | POLLERR | POLLHUP)) {
        outcome o = receive(l);
        if (!ok(o)) {
            outcome told = flush(l); /* the alert that says why */
            (void)told;
            return o;
        }
    }
    return flush(l);
}

outcome line_send(struct line *l, struct bytes b)
{
    assert(l->state == LINE_UP);
    TRY(l->tls ? tls_write(l->tls, b) : buffer_put(&l->out, b));
    return flush(l);
}

outcome line_wait(struct line *l, bool for_up, int timeout_ms)
{
    int64_t until = port_mono_ms() + timeout_ms;
    size_t had = l->in.n;
    for (;;) {
        if (for_up ? l->state == LINE_UP : (l->in.n > had || l->ended)) return DONE;
        int64_t left = until - port_mono_ms();
        struct pollfd p = { l->fd, line_events(l), 0 };
        if (left <= 0) return REFUSE(E_TIMEOUT);
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
        TRY(line_turn(l, p.revents));
    }
}
