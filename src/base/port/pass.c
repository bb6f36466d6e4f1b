#include "base/port/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

outcome port_pair(int ret[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) != 0)
        return REFUSE_SYS(E_IO, errno);
    return DONE;
}

outcome port_pass(int to, char kind, const int *fds, size_t n)
{
    union {
        struct cmsghdr align;
        char at[CMSG_SPACE(PASS_FDS_MAX * sizeof(int))];
    } space = { 0 };
    struct iovec part = { &kind, 1 };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.at,
        .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
    assert(n >= 1 && n <= PASS_FDS_MAX);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(h), fds, n * sizeof(int));
    ssize_t sent = sendmsg(to, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) return REFUSE(E_AGAIN);
    return sent == 1 ? DONE : REFUSE_SYS(E_CLOSED, errno);
}

outcome port_shared_memory(size_t size, int *ret_fd)
{
    int fd = memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    if (ftruncate(fd, (off_t)size) == 0
        && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        *ret_fd = fd;
        return DONE;
    }
    outcome o = REFUSE_SYS(E_IO, errno);
    close(fd);
    return o;
}

enum { FIRST_PASSED = 3, OUT_OF_THE_WAY = 64, EXIT_CONFIG = 78 };

/* In the child, until it runs something else or ends. */
static void become(const char *path, const char *const *args, const int *fds, size_t n)
{
    int high[PASS_FDS_MAX];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    for (size_t i = 0; i < n; i++) high[i] = fcntl(fds[i], F_DUPFD, OUT_OF_THE_WAY);
    for (size_t i = 0; i < n; i++)
        if (dup2(high[i], FIRST_PASSED + (int)i) < 0) return;
    close_range(FIRST_PASSED + (unsigned)n, ~0u, 0);
    execv(path, (char *const *)args);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
}

outcome port_spawn(
    const char *path, const char *const *args, const int *fds, size_t n, int *ret_pid)
{
    pid_t parent = getpid(), pid = fork();
    assert(n <= PASS_FDS_MAX);
    if (pid < 0) return REFUSE_SYS(E_IO, errno);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent) become(path, args, fds, n);
        _exit(EXIT_CONFIG);
    }
    *ret_pid = pid;
    return DONE;
}

outcome port_signals(int *ret_fd)
{
    static const int ours[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) sigaddset(&set, ours[i]);
    if (sigprocmask(SIG_BLOCK, &set, 0) != 0) return REFUSE_SYS(E_IO, errno);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    *ret_fd = fd;
    return DONE;
}

void port_tell_ready(void)
{
    const char *to = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    if (!to || strlen(to) >= sizeof a.sun_path) return;
    memcpy(a.sun_path, to, strlen(to));
    if (a.sun_path[0] == '@') a.sun_path[0] = 0; /* the abstract name space */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(to));
    (void)!sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&a, n);
    close(fd);
}
