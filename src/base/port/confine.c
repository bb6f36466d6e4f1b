#include "base/port/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- privileges ---- */

/* Changing user clears the death signal the keeper's child had asked for. */
static outcome become(uid_t user, gid_t group)
{
    if (setgroups(0, NULL) != 0 || setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0)
        return REFUSE_SYS(E_IO, errno);
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? DONE : REFUSE_SYS(E_IO, errno);
}

static outcome change_user(const char *owner_of)
{
    enum { NOBODY = 65534 };
    struct stat s;
    if (geteuid() != 0) return DONE;
    if (!owner_of) {
        (void)!ok(become(NOBODY, NOBODY)); /* in a container without other users, root without capabilities it is */
        return DONE;
    }
    if (stat(owner_of, &s) != 0) return REFUSE_SYS(errno == ENOENT ? E_MISSING : E_IO, errno);
    return s.st_uid == 0 ? DONE : become(s.st_uid, s.st_gid);
}

outcome confine_privileges(const char *owner_of)
{
    const struct rlimit none = { 0, 0 };
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct nothing[2] = { 0 };
    if (setrlimit(RLIMIT_CORE, &none) != 0) return REFUSE_SYS(E_IO, errno);
    for (int c = 0; c <= 63; c++)
        if (prctl(PR_CAPBSET_DROP, c) != 0 && errno == EINVAL) break;
    TRY(change_user(owner_of));
    if (syscall(SYS_capset, &head, nothing) != 0) return REFUSE_SYS(E_IO, errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return REFUSE_SYS(E_IO, errno);
    return prctl(PR_SET_DUMPABLE, 0) == 0 ? DONE : REFUSE_SYS(E_IO, errno);
}

/* ---- paths ---- */

/* The kernel's Landlock interface, by number and shape: the C library has no wrappers, and older headers lack the
 * later fields. Rights by their bit, as linux/landlock.h has them. */
enum { LANDLOCK_CREATE = 444, LANDLOCK_ADD = 445, LANDLOCK_RESTRICT = 446, LANDLOCK_VERSION_FLAG = 1, LANDLOCK_BENEATH = 1 };
enum { WRITE_FILE = 1 << 1, READ_FILE = 1 << 2, READ_DIR = 1 << 3, REMOVE_DIR = 1 << 4, REMOVE_FILE = 1 << 5, MAKE_DIR = 1 << 7,
    MAKE_REG = 1 << 8, MAKE_SOCK = 1 << 9, TRUNCATE = 1 << 14 };
enum { OF_FILES = WRITE_FILE | READ_FILE | TRUNCATE, TO_READ = READ_FILE | READ_DIR,
    TO_WRITE = TO_READ | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK };
struct landlock_attributes {
    uint64_t files, net, scope;
};
struct landlock_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static size_t landlock_size(long version)
{
    return version >= 6 ? 24 : version >= 4 ? 16 : 8;
}

static uint64_t rights_known(long version)
{
    static const uint8_t bits[] = { 0, 13, 14, 15, 15, 16 };
    return (UINT64_C(1) << bits[version > 5 ? 5 : version]) - 1;
}

static outcome allow_path(int rules, const struct confine_path *p, uint64_t known)
{
    struct stat s;
    int fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? DONE : REFUSE_SYS(E_IO, errno);
    struct landlock_beneath row = { (p->write ? TO_WRITE : TO_READ) & known, fd };
    if (fstat(fd, &s) == 0 && !S_ISDIR(s.st_mode)) row.allowed &= OF_FILES;
    long failed = syscall(LANDLOCK_ADD, rules, LANDLOCK_BENEATH, &row, 0);
    int error = errno;
    close(fd);
    return failed ? REFUSE_SYS(E_IO, error) : DONE;
}

enum { LANDLOCK_TCP_BIND = 1, LANDLOCK_TCP_CONNECT = 2 };

static outcome restrict_to(const struct confine_path *paths, size_t n, uint64_t net, bool *ret_held)
{
    long version = syscall(LANDLOCK_CREATE, 0, 0, LANDLOCK_VERSION_FLAG);
    *ret_held = false;
    if (version < 1) return DONE;
    struct landlock_attributes all = { rights_known(version), net, 3 };
    int rules = (int)syscall(LANDLOCK_CREATE, &all, landlock_size(version), 0);
    if (rules < 0) return DONE;
    outcome o = DONE;
    for (size_t i = 0; ok(o) && i < n; i++) o = allow_path(rules, &paths[i], all.files);
    if (ok(o)) *ret_held = syscall(LANDLOCK_RESTRICT, rules, 0) == 0;
    close(rules);
    return o;
}

outcome confine_paths(const struct confine_path *paths, size_t n, bool *ret_held)
{
    return restrict_to(paths, n, LANDLOCK_TCP_BIND | LANDLOCK_TCP_CONNECT, ret_held);
}

outcome confine_paths_out(const struct confine_path *paths, size_t n, bool *ret_held)
{
    return restrict_to(paths, n, LANDLOCK_TCP_BIND, ret_held);
}

/* ---- calls ---- */

static int allow_call(scmp_filter_ctx f, const struct confine_call *c)
{
    if (!c->mask) return seccomp_rule_add(f, SCMP_ACT_ALLOW, c->call, 0);
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, c->call, 1, SCMP_CMP(c->arg, SCMP_CMP_MASKED_EQ, c->mask, c->value));
}

outcome confine_calls(const struct confine_calls *c)
{
    scmp_filter_ctx f = seccomp_init(c->all_fatal ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
    if (!f) return REFUSE(E_MEMORY);
    int failed = 0;
    for (size_t i = 0; !failed && i < c->allowed_n; i++) failed = allow_call(f, &c->allowed[i]);
    for (size_t i = 0; !failed && i < c->fatal_n; i++) failed = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, c->fatal[i], 0);
    if (!failed) failed = seccomp_load(f);
    seccomp_release(f);
    return failed ? REFUSE_SYS(E_IO, -failed) : DONE;
}
