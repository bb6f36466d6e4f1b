/* sekimorid-seal SITE_DIR: the one process that holds the site's private keys. Answers the fixed
 * requests of wire/sealing.h and nothing else; who may ask what is one table. Descriptors, from the
 * keeper: 3 the core's channel, 4 the gate's, 5 the keeper's control, over which one byte 'c' or 'g' with
 * a descriptor replaces a channel. Ends when the keeper does. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/port/confine.h"
#include "crypto/init.h"
#include "crypto/seal_keys.h"
#include "wire/sealing.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };
enum place { FROM_CORE, FROM_GATE, ASKERS, CONTROL = ASKERS, PLACES };
enum { FIRST_FD = 3, BY_CORE = 1 << FROM_CORE, BY_GATE = 1 << FROM_GATE };

struct seal {
    struct seal_keys keys;
    int fds[PLACES]; /* -1: closed */
};

/* --- the requests: each reads its fields to the end, then answers --- */

static outcome answer_public(struct seal_keys *k, struct bytes in, struct out *o)
{
    TRY(at_end(in));
    put_field32(o, buffer_view(&k->chain_pem));
    put_field32(o, buffer_view(&k->server_pem));
    put_field16(o, bytes_of(k->ledger_public, sizeof k->ledger_public));
    put_field16(o, bytes_str(k->site));
    put_field32(o, buffer_view(&k->web_pem));
    return DONE;
}

static outcome answer_head(struct seal_keys *k, struct bytes in, struct out *o)
{
    uint64_t size = 0;
    struct bytes raw;
    struct hash root;
    struct buffer note = BUFFER(NOTE_BYTES_MAX);
    TRY(take_u64(&in, &size));
    TRY(take(&in, sizeof root.at, &raw));
    TRY(at_end(in));
    memcpy(root.at, raw.at, sizeof root.at);
    outcome made = seal_keys_head(k, size, &root, &note);
    if (ok(made)) put_field16(o, buffer_view(&note));
    buffer_deinit(&note);
    return made;
}

static outcome answer_device(struct seal_keys *k, struct bytes in, struct out *o)
{
    struct bytes id, spki;
    uint16_t days = 0;
    struct buffer der = BUFFER(SEALING_ANSWER_MAX);
    TRY(take_field16(&in, &id));
    TRY(take_field16(&in, &spki));
    TRY(take_u16(&in, &days));
    TRY(at_end(in));
    outcome made = seal_keys_device(k, id, spki, days, &der);
    if (ok(made)) put_field32(o, buffer_view(&der));
    buffer_deinit(&der);
    return made;
}

static outcome answer_server(struct seal_keys *k, struct bytes in, struct out *o)
{
    TRY(at_end(in));
    TRY(seal_keys_server(k));
    put_field32(o, buffer_view(&k->server_pem));
    return DONE;
}

static outcome answer_statement(struct seal_keys *k, struct bytes in, struct out *o)
{
    struct seal_statement s;
    struct bytes levels, terms, root;
    struct buffer payload = BUFFER(4096);
    uint8_t signature[64];
    uint64_t at, until;
    TRY(take_field16(&in, &s.to));
    TRY(take_field16(&in, &s.verdict));
    TRY(take_u64(&in, &at));
    TRY(take_u64(&in, &until));
    TRY(take_u32(&in, &s.claimed));
    TRY(take(&in, sizeof s.levels, &levels));
    TRY(take(&in, sizeof s.terms, &terms));
    TRY(take_u64(&in, &s.seen_size));
    TRY(take(&in, sizeof s.seen_root, &root));
    TRY(at_end(in));
    if (at > INT64_MAX || until > INT64_MAX) return REFUSE(E_RANGE);
    s.at_ms = (int64_t)at, s.until_ms = (int64_t)until;
    memcpy(s.levels, levels.at, levels.n);
    memcpy(s.terms, terms.at, terms.n);
    memcpy(s.seen_root, root.at, root.n);
    outcome made = seal_keys_statement(k, &s, &payload, signature);
    if (ok(made)) {
        put_field32(o, buffer_view(&payload));
        put_field16(o, bytes_of(signature, sizeof signature));
    }
    buffer_deinit(&payload);
    return made;
}

static outcome row_read(struct bytes *in, struct x509_status *ret)
{
    struct bytes serial;
    uint8_t state, sha256;
    uint64_t at;
    TRY(take_field16(in, &serial));
    TRY(take_u8(in, &state));
    TRY(take_u8(in, &ret->reason));
    TRY(take_u8(in, &sha256));
    TRY(take_u64(in, &at));
    if (serial.n > sizeof ret->serial || state >= STATUS_STATES || sha256 > 1 || at > INT64_MAX) return REFUSE(E_RANGE);
    memcpy(ret->serial, serial.at, serial.n);
    ret->serial_n = (uint8_t)serial.n;
    ret->state = (enum x509_state)state;
    ret->sha256 = sha256;
    ret->at_ms = (int64_t)at;
    return DONE;
}

static outcome answer_status(struct seal_keys *k, struct bytes in, struct out *o)
{
    static struct x509_status rows[SEALING_STATUS_ROWS];
    struct x509_report r = { .rows = rows };
    struct buffer der = BUFFER(SEALING_ANSWER_MAX - 16);
    uint8_t ocsp, which;
    uint64_t at, next;
    uint16_t n;
    TRY(take_u8(&in, &ocsp));
    TRY(take_u8(&in, &which));
    TRY(take_u64(&in, &at));
    TRY(take_u64(&in, &next));
    TRY(take_field16(&in, &r.nonce));
    TRY(take_u16(&in, &n));
    if (ocsp > 1 || at > INT64_MAX || next > INT64_MAX || n > SEALING_STATUS_ROWS) return REFUSE(E_RANGE);
    for (r.n = 0; r.n < n; r.n++) TRY(row_read(&in, &rows[r.n]));
    TRY(at_end(in));
    r.at_ms = (int64_t)at, r.next_ms = (int64_t)next;
    outcome made = seal_keys_status(k, which, ocsp, &r, &der);
    if (ok(made)) put_field32(o, buffer_view(&der));
    buffer_deinit(&der);
    return made;
}

static outcome answer_handshake(struct seal_keys *k, struct bytes in, struct out *o)
{
    uint8_t signature[144];
    size_t n = 0;
    uint8_t door = 0;
    TRY(take_u8(&in, &door));
    if (door > SEAL_DOOR_WEB) return REFUSE(E_UNKNOWN);
    TRY(seal_keys_handshake(door == SEAL_DOOR_WEB ? k->web : k->server, in, signature, sizeof signature, &n));
    put_field16(o, bytes_of(signature, n));
    return DONE;
}

/* clang-format off */
static const struct {
    unsigned askers;
    outcome (*answer)(struct seal_keys *k, struct bytes in, struct out *o);
} requests[] = {
    [SEAL_PUBLIC]    = { BY_CORE | BY_GATE, answer_public },
    [SEAL_HEAD]      = { BY_CORE,           answer_head },
    [SEAL_DEVICE]    = { BY_CORE,           answer_device },
    [SEAL_SERVER]    = { BY_CORE,           answer_server },
    [SEAL_HANDSHAKE] = { BY_GATE,           answer_handshake },
    [SEAL_STATEMENT] = { BY_CORE,           answer_statement },
    [SEAL_STATUS]    = { BY_CORE,           answer_status },
};
/* clang-format on */

static outcome request_judge(struct seal_keys *k, enum place from, struct bytes in, struct out *o)
{
    uint8_t kind = 0;
    TRY(take_u8(&in, &kind));
    if (kind >= sizeof requests / sizeof *requests || !requests[kind].answer) return REFUSE(E_UNKNOWN);
    if (!(requests[kind].askers & 1u << from)) return REFUSE(E_DENIED);
    TRY(requests[kind].answer(k, in, o));
    return out_done(o);
}

/* The whole answer: a code, and fields when it is OK. */
static void request_answer(struct seal_keys *k, enum place from, struct bytes in, struct out *o)
{
    put_u8(o, OK);
    outcome judged = request_judge(k, from, in, o);
    if (ok(judged)) return;
    o->n = 0;
    o->over = false;
    put_u8(o, (uint8_t)(judged.code == E_SHORT ? E_MALFORMED : judged.code));
}

/* --- channels --- */

static void channel_drop(struct seal *s, enum place p)
{
    if (s->fds[p] >= 0) close(s->fds[p]);
    s->fds[p] = -1;
}

/* One request, one answer. An asker that broke the form of a channel, or does not take its answers, is
 * dropped: the keeper brings it a new one. */
static void channel_turn(struct seal *s, enum place p)
{
    static uint8_t request[SEALING_REQUEST_MAX + 1], answer[SEALING_ANSWER_MAX];
    ssize_t n = recv(s->fds[p], request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0 || n > SEALING_REQUEST_MAX) {
        channel_drop(s, p);
        return;
    }
    struct out o = out_of(answer, sizeof answer);
    request_answer(&s->keys, p, bytes_of(request, (size_t)n), &o);
    if (send(s->fds[p], answer, o.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)o.n) channel_drop(s, p);
}

static bool is_channel(int fd)
{
    int type = 0;
    socklen_t n = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET;
}

/* The descriptor that came along, or -1; anything beyond one is closed. */
static int message_descriptor(struct msghdr *m)
{
    int found = -1;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof fd);
            if (found < 0) found = fd;
            else close(fd);
        }
    }
    return found;
}

/* False when the keeper is gone. */
static bool control_turn(struct seal *s)
{
    char kind = 0;
    union {
        struct cmsghdr align;
        char at[CMSG_SPACE(4 * sizeof(int))];
    } space = { 0 };
    struct iovec part = { &kind, 1 };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.at, .msg_controllen = sizeof space.at };
    ssize_t n = recvmsg(s->fds[CONTROL], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    int fd = message_descriptor(&m);
    if (fd < 0) return true;
    if ((kind != 'c' && kind != 'g') || !is_channel(fd)) {
        close(fd);
        return true;
    }
    enum place p = kind == 'c' ? FROM_CORE : FROM_GATE;
    channel_drop(s, p);
    s->fds[p] = fd;
    return true;
}

static void serve(struct seal *s)
{
    for (;;) {
        struct pollfd p[PLACES];
        for (int i = 0; i < PLACES; i++) p[i] = (struct pollfd) { s->fds[i], POLLIN, 0 };
        if (poll(p, PLACES, -1) < 0) continue; /* only EINTR can happen */
        if (p[CONTROL].revents && !control_turn(s)) return;
        for (enum place i = FROM_CORE; i < ASKERS; i++)
            if (p[i].revents && s->fds[i] == p[i].fd) channel_turn(s, i);
    }
}

/* --- locking itself in --- */

static bool protect_memory(void)
{
    const struct rlimit none = { 0, 0 }, all = { RLIM_INFINITY, RLIM_INFINITY };
    struct rlimit memory = { 0, 0 };
    bool good = prctl(PR_SET_DUMPABLE, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
    (void)setrlimit(RLIMIT_MEMLOCK, &all); /* as root, which soon has no capability to lock beyond it */
    /* With a limit, locking the future would turn into failing allocations: only what is there now. */
    bool free_hand = getrlimit(RLIMIT_MEMLOCK, &memory) == 0 && memory.rlim_cur == RLIM_INFINITY;
    int flags = free_hand ? MCL_CURRENT | MCL_FUTURE : MCL_CURRENT;
    if (mlockall(flags) != 0) fprintf(stderr, "sekimorid-seal: memory is not locked: %s\n", strerror(errno));
    return good;
}

/* No call that opens, connects, executes or forks. */
static outcome sandbox(void)
{
    static const struct confine_call calls[] = { { SCMP_SYS(poll) }, { SCMP_SYS(ppoll) }, { SCMP_SYS(recvfrom) }, { SCMP_SYS(recvmsg) },
        { SCMP_SYS(sendto) }, { SCMP_SYS(getsockopt) }, { SCMP_SYS(close) }, { SCMP_SYS(pread64) }, { SCMP_SYS(pwrite64) },
        { SCMP_SYS(fdatasync) }, { SCMP_SYS(write) }, { SCMP_SYS(munmap) }, { SCMP_SYS(mremap) }, { SCMP_SYS(madvise) },
        { SCMP_SYS(munlock) }, { SCMP_SYS(mlock) }, { SCMP_SYS(brk) }, { SCMP_SYS(futex) }, { SCMP_SYS(getrandom) },
        { SCMP_SYS(getpid) }, { SCMP_SYS(gettid) }, { SCMP_SYS(tgkill) }, { SCMP_SYS(clock_gettime) }, { SCMP_SYS(gettimeofday) },
        { SCMP_SYS(time) }, { SCMP_SYS(sched_yield) }, { SCMP_SYS(rt_sigprocmask) }, { SCMP_SYS(rt_sigreturn) },
        { SCMP_SYS(restart_syscall) }, { SCMP_SYS(sigaltstack) } /* sanitizers ask, before leaving */, { SCMP_SYS(exit) },
        { SCMP_SYS(exit_group) }, CONFINE_NO_CODE(SCMP_SYS(mmap)), CONFINE_NO_CODE(SCMP_SYS(mprotect)) };
    bool landlock;
    TRY(confine_paths(NULL, 0, &landlock));
    return confine_calls(&(struct confine_calls) { .allowed = calls, .allowed_n = sizeof calls / sizeof *calls, .all_fatal = true });
}

/* Core's or gate's channel may be absent; the keeper's may not. */
static bool channels_take(struct seal *s)
{
    for (int i = 0; i < PLACES; i++) s->fds[i] = is_channel(FIRST_FD + i) ? FIRST_FD + i : -1;
    return s->fds[CONTROL] >= 0;
}

static const char *keys_dir(const char *site, char room[600])
{
    snprintf(room, 600, "%s/keys", site);
    return room;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sekimorid-seal: %s: %s\n", what, why);
    return EXIT_CONFIG;
}

int main(int argc, char **argv)
{
    static struct seal s; /* off the stack; wiped below */
    const char *what = "";
    char room[600];
    if (argc != 2 || !channels_take(&s)) {
        fprintf(stderr, "usage: sekimorid-seal SITE_DIR, started by sekimorid\n");
        return EXIT_USAGE;
    }
    close_range(FIRST_FD + PLACES, ~0u, 0);
    prctl(PR_SET_NAME, "sekimorid-seal");
    if (!protect_memory()) return fail("memory", strerror(errno));
    outcome o = crypto_init();
    if (!ok(o)) return fail("randomness", code_word(o.code));
    o = confine_privileges(keys_dir(argv[1], room));
    if (!ok(o)) return fail(room, o.sys ? strerror(o.sys) : code_word(o.code));
    o = seal_keys_open(argv[1], &s.keys, &what);
    if (!ok(o)) return fail(what, o.sys ? strerror(o.sys) : code_word(o.code));
    if (s.keys.web_why) fprintf(stderr, "sekimorid-seal: web.pem: %s; people are shown the site's own certificate\n", s.keys.web_why);
    o = sandbox();
    if (!ok(o)) return fail("sandbox", o.sys ? strerror(o.sys) : code_word(o.code));
    serve(&s);
    seal_keys_close(&s.keys);
    _exit(0); /* not exit: nothing that runs at exit may need what the sandbox forbids */
}
