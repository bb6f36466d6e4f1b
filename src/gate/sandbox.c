#include "gate/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <time.h>

#include "base/port/confine.h"

/* clang-format off */
static const struct confine_call allowed[] = {
    { SCMP_SYS(read) }, { SCMP_SYS(write) }, { SCMP_SYS(writev) }, { SCMP_SYS(recvfrom) }, { SCMP_SYS(recvmsg) },
    { SCMP_SYS(sendto) }, { SCMP_SYS(sendmsg) }, { SCMP_SYS(accept4) }, { SCMP_SYS(setsockopt) }, { SCMP_SYS(getsockopt) },
    { SCMP_SYS(shutdown) }, { SCMP_SYS(close) }, { SCMP_SYS(lseek) }, { SCMP_SYS(epoll_wait) }, { SCMP_SYS(epoll_pwait) },
    { SCMP_SYS(epoll_ctl) }, { SCMP_SYS(poll) }, { SCMP_SYS(munmap) }, { SCMP_SYS(mremap) }, { SCMP_SYS(madvise) },
    { SCMP_SYS(brk) }, { SCMP_SYS(futex) }, { SCMP_SYS(getrandom) }, { SCMP_SYS(getpid) }, { SCMP_SYS(gettid) },
    { SCMP_SYS(clock_gettime) }, { SCMP_SYS(gettimeofday) }, { SCMP_SYS(time) }, { SCMP_SYS(sched_yield) },
    { SCMP_SYS(rt_sigprocmask) }, { SCMP_SYS(rt_sigreturn) }, { SCMP_SYS(rt_sigaction) }, { SCMP_SYS(sigaltstack) },
    { SCMP_SYS(restart_syscall) }, { SCMP_SYS(tgkill) }, { SCMP_SYS(exit) }, { SCMP_SYS(exit_group) },
    CONFINE_NO_CODE(SCMP_SYS(mmap)), CONFINE_NO_CODE(SCMP_SYS(mprotect)),
    /* a spare descriptor for the day descriptors run out, and the channel's seals */
    { SCMP_SYS(fcntl), 1, UINT32_MAX, F_DUPFD_CLOEXEC }, { SCMP_SYS(fcntl), 1, UINT32_MAX, F_GET_SEALS },
};
/* clang-format on */

/* What the C library would open files for at first use, done before it cannot. */
static void warm_up(void)
{
    time_t now = time(0);
    struct tm tm;
    tzset();
    if (!gmtime_r(&now, &tm) || !localtime_r(&now, &tm)) return;
}

outcome sandbox_enter(bool *ret_landlock)
{
    warm_up();
    TRY(confine_privileges(NULL));
    TRY(confine_paths(NULL, 0, ret_landlock));
    return confine_calls(&(struct confine_calls) { .allowed = allowed, .allowed_n = sizeof allowed / sizeof *allowed, .all_fatal = true });
}
