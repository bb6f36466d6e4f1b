#include "wire/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static outcome memory_good(int fd)
{
    /* lseek and not fstat: the C library's fstat takes a path, which the gate's sandbox forbids. */
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0) return REFUSE_SYS(E_IO, errno);
    if (size != (off_t)channel_bytes()) return REFUSE(E_MALFORMED);
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK)) return REFUSE(E_MALFORMED);
    return DONE;
}

outcome channel_open(struct channel *c, const int fds[CHANNEL_FDS], enum channel_end end)
{
    TRY(memory_good(fds[0]));
    uint8_t *memory
        = mmap(0, channel_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
    if (memory == MAP_FAILED) return REFUSE_SYS(E_IO, errno);
    uint8_t *to_core = memory, *to_gate = memory + channel_second_at();
    *c = (struct channel) { .memory = memory };
    bool gate = end == CHANNEL_GATE;
    ring_attach_producer(&c->put, gate ? to_core : to_gate, CHANNEL_RING_BYTES, fds[gate ? 2 : 1]);
    ring_attach_consumer(&c->get, gate ? to_gate : to_core, CHANNEL_RING_BYTES, fds[gate ? 1 : 2]);
    for (int i = 0; i < CHANNEL_FDS; i++) c->fds[i] = fds[i];
    return DONE;
}

void channel_close(struct channel *c)
{
    if (!c->memory) return;
    munmap(c->memory, channel_bytes());
    for (int i = 0; i < CHANNEL_FDS; i++) close(c->fds[i]);
    *c = CHANNEL_NONE;
}

void channel_woken(struct channel *c)
{
    uint64_t n;
    /* An eventfd read only fails when nothing was signalled: nothing to clear then. */
    if (read(c->get.wake_fd, &n, sizeof n) < 0) return;
}

outcome channel_put(struct channel *c, struct buffer *backlog, const struct bytes *parts, size_t n)
{
    uint32_t length = 0;
    if (backlog->n == 0 && ok(ring_put(&c->put, parts, n))) return DONE;
    for (size_t i = 0; i < n; i++) length += (uint32_t)parts[i].n;
    TRY(buffer_reserve(backlog, sizeof length + length));
    TRY(buffer_put(backlog, bytes_of(&length, sizeof length)));
    for (size_t i = 0; i < n; i++) TRY(buffer_put(backlog, parts[i]));
    return DONE;
}

void channel_flush(struct channel *c, struct buffer *backlog)
{
    size_t at = 0;
    while (backlog->n - at >= sizeof(uint32_t)) {
        uint32_t length;
        memcpy(&length, backlog->at + at, sizeof length);
        struct bytes record = bytes_of(backlog->at + at + sizeof length, length);
        if (!ok(ring_put(&c->put, &record, 1))) break;
        at += sizeof length + length;
    }
    if (at) buffer_drop(backlog, at);
    ring_flush(&c->put);
}

static size_t fds_of(struct msghdr *m, int ret[CHANNEL_FDS])
{
    size_t n = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t here = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
            if (n < CHANNEL_FDS) ret[n] = fd;
            else close(fd);
            n++;
        }
    }
    return n;
}

outcome channel_receive(int control_fd, char *ret_kind, int ret_fds[CHANNEL_FDS])
{
    char kind[2];
    union {
        struct cmsghdr align;
        char at[CMSG_SPACE(CHANNEL_FDS * sizeof(int))];
    } space;
    struct iovec part = { kind, sizeof kind };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.at,
        .msg_controllen = sizeof space.at };
    ssize_t n = recvmsg(control_fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return REFUSE(E_CLOSED);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return REFUSE(E_AGAIN);
    if (n < 0) return REFUSE_SYS(E_IO, errno);
    int fds[CHANNEL_FDS] = { -1, -1, -1 };
    size_t got = fds_of(&m, fds);
    size_t want = kind[0] == CHANNEL_FRESH || kind[0] == CHANNEL_COURIER ? CHANNEL_FDS : kind[0] == CHANNEL_READY ? 0 : 1;
    if (n != 1 || got != want) {
        for (int i = 0; i < CHANNEL_FDS; i++)
            if (fds[i] >= 0) close(fds[i]);
        return REFUSE(E_MALFORMED);
    }
    *ret_kind = kind[0];
    for (int i = 0; i < CHANNEL_FDS; i++) ret_fds[i] = fds[i];
    return DONE;
}
