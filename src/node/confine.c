/* What core may do once it runs: its own folders, Unix sockets and threads; nothing else. It is told the keys of the
 * site by nobody: a core that was taken over cannot read them, connect out, or start a program. */
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/port/confine.h"
#include "crypto/init.h"
#include "node/core.h"

enum { PATH_BYTES = 600 };

/* clang-format off */
static const struct confine_call allowed[] = {
    /* files, below the paths above */
    { SCMP_SYS(read) }, { SCMP_SYS(readv) }, { SCMP_SYS(write) }, { SCMP_SYS(writev) }, { SCMP_SYS(pread64) }, { SCMP_SYS(pwrite64) },
    { SCMP_SYS(fsync) }, { SCMP_SYS(fdatasync) }, { SCMP_SYS(ftruncate) }, { SCMP_SYS(fallocate) }, { SCMP_SYS(lseek) },
    { SCMP_SYS(open) }, { SCMP_SYS(openat) }, { SCMP_SYS(close) }, { SCMP_SYS(fcntl) }, { SCMP_SYS(dup) }, { SCMP_SYS(dup3) },
    { SCMP_SYS(stat) }, { SCMP_SYS(lstat) }, { SCMP_SYS(fstat) }, { SCMP_SYS(newfstatat) }, { SCMP_SYS(statx) }, { SCMP_SYS(statfs) },
    { SCMP_SYS(fstatfs) }, { SCMP_SYS(access) }, { SCMP_SYS(faccessat) }, { SCMP_SYS(faccessat2) }, { SCMP_SYS(getdents64) },
    { SCMP_SYS(unlink) }, { SCMP_SYS(unlinkat) }, { SCMP_SYS(rename) }, { SCMP_SYS(renameat) }, { SCMP_SYS(renameat2) },
    { SCMP_SYS(mkdir) }, { SCMP_SYS(mkdirat) }, { SCMP_SYS(rmdir) }, { SCMP_SYS(chmod) }, { SCMP_SYS(fchmod) }, { SCMP_SYS(fchmodat) },
    { SCMP_SYS(umask) }, { SCMP_SYS(getcwd) }, { SCMP_SYS(ioctl), 1, UINT32_MAX, 0x5401 /* TCGETS: is the log a terminal */ },
    /* waiting, the channel, the local socket */
    { SCMP_SYS(epoll_create1) }, { SCMP_SYS(epoll_ctl) }, { SCMP_SYS(epoll_wait) }, { SCMP_SYS(epoll_pwait) }, { SCMP_SYS(poll) },
    { SCMP_SYS(ppoll) }, { SCMP_SYS(select) }, { SCMP_SYS(pselect6) }, { SCMP_SYS(eventfd2) }, { SCMP_SYS(signalfd4) },
    { SCMP_SYS(socket), 0, UINT32_MAX, AF_UNIX }, { SCMP_SYS(socketpair), 0, UINT32_MAX, AF_UNIX }, { SCMP_SYS(bind) },
    { SCMP_SYS(listen) }, { SCMP_SYS(accept4) }, { SCMP_SYS(recvfrom) }, { SCMP_SYS(recvmsg) }, { SCMP_SYS(sendto) },
    { SCMP_SYS(sendmsg) }, { SCMP_SYS(shutdown) }, { SCMP_SYS(getsockopt) }, { SCMP_SYS(setsockopt) }, { SCMP_SYS(getsockname) },
    /* memory and threads: clone3 is refused, so that libc asks with flags that can be judged */
    CONFINE_NO_CODE(SCMP_SYS(mmap)), CONFINE_NO_CODE(SCMP_SYS(mprotect)), { SCMP_SYS(munmap) }, { SCMP_SYS(mremap) },
    { SCMP_SYS(madvise) }, { SCMP_SYS(brk) }, { SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD }, { SCMP_SYS(futex) },
    { SCMP_SYS(set_robust_list) }, { SCMP_SYS(rseq) }, { SCMP_SYS(sched_yield) }, { SCMP_SYS(sched_getaffinity) },
    { SCMP_SYS(membarrier) }, { SCMP_SYS(prctl) }, { SCMP_SYS(prlimit64) }, { SCMP_SYS(getrlimit) },
    /* clock, randomness, who am I, signals, the end */
    { SCMP_SYS(clock_gettime) }, { SCMP_SYS(clock_getres) }, { SCMP_SYS(clock_nanosleep) }, { SCMP_SYS(nanosleep) },
    { SCMP_SYS(gettimeofday) }, { SCMP_SYS(time) }, { SCMP_SYS(getrandom) }, { SCMP_SYS(getpid) }, { SCMP_SYS(gettid) },
    { SCMP_SYS(getppid) }, { SCMP_SYS(getuid) }, { SCMP_SYS(geteuid) }, { SCMP_SYS(getgid) }, { SCMP_SYS(getegid) },
    { SCMP_SYS(getrusage) }, { SCMP_SYS(sysinfo) }, { SCMP_SYS(uname) }, { SCMP_SYS(rt_sigaction) }, { SCMP_SYS(rt_sigprocmask) },
    { SCMP_SYS(rt_sigreturn) }, { SCMP_SYS(sigaltstack) }, { SCMP_SYS(tgkill) }, { SCMP_SYS(restart_syscall) },
    { SCMP_SYS(exit) }, { SCMP_SYS(exit_group) },
};
static const int fatal[] = { SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(connect), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kill), SCMP_SYS(mount), SCMP_SYS(umount2),
    SCMP_SYS(chroot), SCMP_SYS(pivot_root), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(bpf), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(perf_event_open), SCMP_SYS(io_uring_setup), SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl), SCMP_SYS(open_by_handle_at), SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(link), SCMP_SYS(linkat),
    SCMP_SYS(mknod), SCMP_SYS(mknodat) };
/* clang-format on */

/* What core writes lies in folders of its own, none of which holds a key of the seal's. */
static outcome folders(const char *state, char ret[CORE_FOLDERS][PATH_BYTES])
{
    static const char *const names[CORE_FOLDERS] = { "ledger", "data-keys", "run", "core" };
    for (size_t i = 0; i < CORE_FOLDERS; i++) {
        int n = snprintf(ret[i], PATH_BYTES, "%s/%s", state, names[i]);
        if (n < 0 || n >= PATH_BYTES) return REFUSE(E_TOO_LARGE);
        if (i > 0) TRY(port_dir_make(ret[i], 0700));
    }
    return port_dir_sync(state); /* a folder made by a start that the power ended */
}

/* Files of before there was a folder for them. */
static void move_in(const char *state, const char *name)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    snprintf(from, sizeof from, "%s/%s", state, name);
    snprintf(to, sizeof to, "%s/core/%s", state, name);
    (void)!rename(from, to); /* not there: nothing to move */
}

outcome core_confine(const char *state, const struct config *config, const char **ret_how)
{
    char room[CORE_FOLDERS][PATH_BYTES];
    struct confine_path paths[CORE_FOLDERS + 1];
    bool held = false;
    TRY(crypto_init());
    int n = snprintf(room[0], PATH_BYTES, "%s/ledger", state);
    if (n < 0 || n >= PATH_BYTES) return REFUSE(E_TOO_LARGE);
    TRY(confine_privileges(room[0]));
    TRY(folders(state, room));
    move_in(state, "retained.index");
    move_in(state, "alias.key");
    for (size_t i = 0; i < CORE_FOLDERS; i++) paths[i] = (struct confine_path) { room[i], true };
    paths[CORE_FOLDERS] = (struct confine_path) { config->console_dir, false };
    TRY(confine_paths(paths, config->console_dir[0] ? CORE_FOLDERS + 1 : CORE_FOLDERS, &held));
    TRY(confine_calls(&(struct confine_calls) { .allowed = allowed, .allowed_n = sizeof allowed / sizeof *allowed, .fatal = fatal,
        .fatal_n = sizeof fatal / sizeof *fatal }));
    *ret_how = held ? "landlock seccomp" : "seccomp";
    return DONE;
}
