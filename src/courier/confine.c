/* What the courier may do once it runs: connect out, look names up, read its own folder; nothing is written, nothing
 * listens, nothing is started. Name lookups are libc's: they read /etc and load libraries. */
#include <seccomp.h>
#include <sys/socket.h>

#include "base/port/confine.h"
#include "base/port/port.h"
#include "courier/courier.h"
#include "crypto/init.h"

/* clang-format off */
static const struct confine_call allowed[] = {
    { SCMP_SYS(read) }, { SCMP_SYS(readv) }, { SCMP_SYS(write) }, { SCMP_SYS(writev) }, { SCMP_SYS(pread64) }, { SCMP_SYS(lseek) },
    { SCMP_SYS(open) }, { SCMP_SYS(openat) }, { SCMP_SYS(close) }, { SCMP_SYS(fcntl) }, { SCMP_SYS(stat) }, { SCMP_SYS(lstat) }, { SCMP_SYS(fstat) },
    { SCMP_SYS(newfstatat) }, { SCMP_SYS(statx) }, { SCMP_SYS(fstatfs) }, { SCMP_SYS(access) }, { SCMP_SYS(faccessat) }, { SCMP_SYS(faccessat2) },
    { SCMP_SYS(getdents64) }, { SCMP_SYS(readlink) }, { SCMP_SYS(readlinkat) }, { SCMP_SYS(ioctl) },
    { SCMP_SYS(socket), 0, UINT32_MAX, AF_INET }, { SCMP_SYS(socket), 0, UINT32_MAX, AF_INET6 }, { SCMP_SYS(socket), 0, UINT32_MAX, AF_UNIX },
    { SCMP_SYS(socket), 0, UINT32_MAX, AF_NETLINK }, { SCMP_SYS(connect) }, { SCMP_SYS(bind) }, { SCMP_SYS(getsockopt) }, { SCMP_SYS(setsockopt) },
    { SCMP_SYS(getsockname) }, { SCMP_SYS(getpeername) }, { SCMP_SYS(recvfrom) }, { SCMP_SYS(recvmsg) }, { SCMP_SYS(recvmmsg) },
    { SCMP_SYS(sendto) }, { SCMP_SYS(sendmsg) }, { SCMP_SYS(sendmmsg) }, { SCMP_SYS(shutdown) }, { SCMP_SYS(poll) }, { SCMP_SYS(ppoll) },
    { SCMP_SYS(mmap) }, { SCMP_SYS(mprotect) }, { SCMP_SYS(munmap) }, { SCMP_SYS(mremap) }, { SCMP_SYS(madvise) }, { SCMP_SYS(brk) },
    { SCMP_SYS(futex) }, { SCMP_SYS(set_robust_list) }, { SCMP_SYS(rseq) }, { SCMP_SYS(sched_yield) }, { SCMP_SYS(prctl) }, { SCMP_SYS(prlimit64) },
    { SCMP_SYS(clock_gettime) }, { SCMP_SYS(clock_getres) }, { SCMP_SYS(clock_nanosleep) }, { SCMP_SYS(nanosleep) }, { SCMP_SYS(gettimeofday) },
    { SCMP_SYS(time) }, { SCMP_SYS(getrandom) }, { SCMP_SYS(getpid) }, { SCMP_SYS(gettid) }, { SCMP_SYS(getppid) }, { SCMP_SYS(getuid) },
    { SCMP_SYS(geteuid) }, { SCMP_SYS(getgid) }, { SCMP_SYS(getegid) }, { SCMP_SYS(sysinfo) }, { SCMP_SYS(uname) }, { SCMP_SYS(rt_sigaction) },
    { SCMP_SYS(rt_sigprocmask) }, { SCMP_SYS(rt_sigreturn) }, { SCMP_SYS(sigaltstack) }, { SCMP_SYS(tgkill) }, { SCMP_SYS(restart_syscall) },
    { SCMP_SYS(exit) }, { SCMP_SYS(exit_group) },
};
static const int fatal[] = { SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(listen), SCMP_SYS(accept),
    SCMP_SYS(accept4), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kill),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(bpf), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(perf_event_open), SCMP_SYS(io_uring_setup), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat2), SCMP_SYS(mkdir), SCMP_SYS(symlinkat) };
/* clang-format on */

outcome courier_confine(const char *dir)
{
    const struct confine_path paths[] = { { dir, false }, { "/etc", false }, { "/usr/lib", false }, { "/lib", false }, { "/lib64", false },
        { "/usr/share", false }, { "/run/systemd/resolve", false } };
    bool held;
    TRY(crypto_init());
    TRY(port_dir_make(dir, 0700));
    TRY(confine_privileges(dir));
    TRY(confine_paths_out(paths, sizeof paths / sizeof *paths, &held));
    return confine_calls(&(struct confine_calls) { .allowed = allowed, .allowed_n = sizeof allowed / sizeof *allowed, .fatal = fatal,
        .fatal_n = sizeof fatal / sizeof *fatal });
}
