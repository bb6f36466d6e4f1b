#include "gate/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The kernel's Landlock interface, by number and shape: the C library has no wrappers, and older
 * headers lack the later fields. */
enum { LANDLOCK_CREATE = 444, LANDLOCK_RESTRICT = 446, LANDLOCK_VERSION_FLAG = 1 };
struct landlock_attributes {
    uint64_t files, net, scope;
};

static size_t landlock_size(long version)
{
    return version >= 6 ? 24 : version >= 4 ? 16 : 8;
}

/* A rule set with everything handled and no rule: every path, bind and connect is refused. */
static bool landlock_enter(void)
{
    static const uint8_t file_bits[] = { 0, 13, 14, 15, 15, 16 }; /* rights known to each version */
    long version = syscall(LANDLOCK_CREATE, 0, 0, LANDLOCK_VERSION_FLAG);
    if (version < 1) return false;
    size_t row = version > 5 ? 5 : (size_t)version;
    struct landlock_attributes all = { (1u << file_bits[row]) - 1, 3, 3 };
    long fd = syscall(LANDLOCK_CREATE, &all, landlock_size(version), 0);
    if (fd < 0) return false;
    bool held = syscall(LANDLOCK_RESTRICT, fd, 0) == 0;
    close((int)fd);
    return held;
}

/* The user "nobody" where we may become it: the last thing root is good for. */
static void become_nobody(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() != 0) return;
    if (setgroups(0, 0) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0) return;
    if (setresuid(NOBODY, NOBODY, NOBODY) != 0) return;
    /* Changing user clears the death signal the keeper's child had asked for. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static outcome drop_capabilities(void)
{
    for (int c = 0; c <= 63; c++)
        if (prctl(PR_CAPBSET_DROP, c) != 0 && errno == EINVAL) break;
    become_nobody();
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { 0 };
    if (syscall(SYS_capset, &head, none) != 0) return REFUSE_SYS(E_IO, errno);
    return DONE;
}

static outcome allow_memory(scmp_filter_ctx f)
{
    const struct scmp_arg_cmp not_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    if (seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_exec) != 0
        || seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_exec) != 0)
        return REFUSE(E_IO);
    return DONE;
}

static outcome seccomp_enter(void)
{
    static const int calls[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev),
        SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
        SCMP_SYS(accept4), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(shutdown),
        SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_ctl), SCMP_SYS(poll), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
        SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(sched_yield),
        SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack),
        SCMP_SYS(restart_syscall), SCMP_SYS(tgkill), SCMP_SYS(exit), SCMP_SYS(exit_group) };
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!f) return REFUSE(E_MEMORY);
    outcome o = allow_memory(f);
    for (size_t i = 0; ok(o) && i < sizeof calls / sizeof *calls; i++)
        if (seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0) != 0) o = REFUSE(E_IO);
    /* fcntl: a spare descriptor for the day descriptors run out, and the channel's seals. */
    static const int commands[] = { F_DUPFD_CLOEXEC, F_GET_SEALS };
    for (size_t i = 0; ok(o) && i < sizeof commands / sizeof *commands; i++)
        if (seccomp_rule_add(
                f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, commands[i]))
            != 0)
            o = REFUSE(E_IO);
    if (ok(o)) {
        int failed = seccomp_load(f);
        if (failed) o = REFUSE_SYS(E_IO, -failed);
    }
    seccomp_release(f);
    return o;
}

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
    const struct rlimit none = { 0, 0 };
    warm_up();
    if (setrlimit(RLIMIT_CORE, &none) != 0) return REFUSE_SYS(E_IO, errno);
    TRY(drop_capabilities());
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return REFUSE_SYS(E_IO, errno);
    if (prctl(PR_SET_DUMPABLE, 0) != 0) return REFUSE_SYS(E_IO, errno);
    *ret_landlock = landlock_enter();
    return seccomp_enter();
}
