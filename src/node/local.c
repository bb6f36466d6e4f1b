/* The CLI's door: HTTP over a Unix socket under the state directory; who asks is told by the kernel.
 * Root (or the daemon's own user) may operate, never sign. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/core.h"

enum { LOCAL_BODY_MAX = 4 << 20 };

outcome local_open(struct core *c)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char dir[600];
    snprintf(dir, sizeof dir, "%s/run", c->state);
    TRY(port_dir_make(dir, 0700));
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/run/control.sock", c->state);
    if (n < 0 || (size_t)n >= sizeof a.sun_path) return REFUSE(E_TOO_LARGE);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    unlink(a.sun_path);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || chmod(a.sun_path, 0600) < 0 || listen(fd, 16) < 0) {
        outcome o = REFUSE_SYS(E_IO, errno);
        close(fd);
        return o;
    }
    for (size_t i = 0; i < LOCAL_MAX; i++) c->local[i].fd = -1;
    c->local_fd = fd;
    return DONE;
}

static bool peer_may(int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == 0 || who.uid == geteuid());
}

void local_accept(struct core *c)
{
    int fd = accept4(c->local_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    size_t i = 0;
    while (i < LOCAL_MAX && c->local[i].fd >= 0) i++;
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
    if (i == LOCAL_MAX || !peer_may(fd) || epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
        close(fd);
        return;
    }
    c->local[i].fd = fd;
    c->local[i].in = BUFFER(LOCAL_BODY_MAX + HTTP_HEAD_MAX);
    c->local[i].out = BUFFER(64u << 20);
    c->local[i].sent = 0;
}

static void drop(struct core *c, size_t i)
{
    close(c->local[i].fd);
    buffer_deinit(&c->local[i].in);
    buffer_deinit(&c->local[i].out);
    c->local[i].fd = -1;
}

/* What the asker takes now; the loop does not wait for one that was stopped while it reads. */
static void push(struct core *c, size_t i)
{
    int fd = c->local[i].fd;
    struct buffer *out = &c->local[i].out;
    while (c->local[i].sent < out->n) {
        ssize_t n = send(fd, out->at + c->local[i].sent, out->n - c->local[i].sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        struct epoll_event e = { .events = EPOLLOUT, .data.fd = fd };
        if (n < 0 && errno == EAGAIN && epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd, &e) == 0) return;
        if (n <= 0) break;
        c->local[i].sent += (size_t)n;
    }
    drop(c, i);
}

static void answer(struct core *c, size_t i, const struct http_request *r)
{
    struct caller who = { .kind = CALLER_LOCAL_ROOT, .listener = LISTENERS, .name = "root", .source = "local" };
    bool stream = false, close_after = true;
    (void)!ok(service_request(c->service, &who, UINT32_MAX, r, &c->local[i].out, &stream, &close_after));
    push(c, i);
}

void local_read(struct core *c, int fd)
{
    size_t i = 0;
    while (i < LOCAL_MAX && c->local[i].fd != fd) i++;
    if (i == LOCAL_MAX) return;
    if (c->local[i].out.n) {
        push(c, i);
        return;
    }
    struct buffer *in = &c->local[i].in;
    struct http_request r;
    ssize_t n = ok(buffer_reserve(in, 65536)) ? recv(fd, in->at + in->n, 65536, MSG_DONTWAIT) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        drop(c, i);
        return;
    }
    in->n += (size_t)n;
    outcome o = http_read(buffer_view(in), LOCAL_BODY_MAX, &r);
    if (o.code == E_SHORT || (ok(o) && r.body_n && !r.body.at)) return;
    if (ok(o)) answer(c, i, &r);
    else drop(c, i);
}

void local_close(struct core *c)
{
    for (size_t i = 0; i < LOCAL_MAX; i++)
        if (c->local_fd >= 0 && c->local[i].fd >= 0) drop(c, i);
    if (c->local_fd >= 0) close(c->local_fd);
    c->local_fd = -1;
}
