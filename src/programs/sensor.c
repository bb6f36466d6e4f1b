/* sekimorid-sensor: listens, and says what it saw. A process of its own that holds no key and sends nothing: it opens one
 * packet socket (CAP_NET_RAW) or reads a capture on its standard input, then gives everything away: user nobody, no
 * capability, and system calls for reading what is open and writing its answer. The answer is one JSON document
 * (watch/survey_doc.h) on standard output; with "follow" one line for each flow of which something became known. */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/port/port.h"
#include "base/time.h"
#include "watch/capture.h"
#include "watch/survey_doc.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_FORMAT = 3, EXIT_SOCKET = 4, CHUNK = 1 << 16, SNAP = 1 << 18, SOCKET_BYTES = 8 << 20,
    SECONDS_MAX = 86400, LINK_ETHERNET = 1, ARENA_MAX = 512 << 20, TURN_MAX = 4096, NEWS_MAX = TURN_MAX /* a packet makes news of one flow */ };

static int complain(const char *what, int error)
{
    fprintf(stderr, "sekimorid-sensor: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    return EXIT_FAILED;
}

/* ---- the cage ---- */

static bool give_up_rights(void)
{
    enum { NOBODY = 65534 };
    for (int c = 0; c <= 63; c++)
        if (prctl(PR_CAPBSET_DROP, c) != 0 && errno == EINVAL) break;
    if (geteuid() == 0 && (setgroups(0, 0) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
        return false;
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { 0 };
    if (syscall(SYS_capset, &head, none) != 0) return false;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

static bool few_calls(void)
{
    static const int calls[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(recvfrom), SCMP_SYS(getsockopt), SCMP_SYS(poll), SCMP_SYS(munmap),
        SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group) };
    const struct scmp_arg_cmp not_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!f) return false;
    bool good = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_exec) == 0
        && seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_exec) == 0;
    for (size_t i = 0; good && i < sizeof calls / sizeof *calls; i++) good = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    good = good && seccomp_load(f) == 0;
    seccomp_release(f);
    return good;
}

static bool cage(void)
{
    const struct rlimit no_core = { 0, 0 };
    char text[TIME_TEXT];
    close_range(4, ~0u, 0);
    time_text(0, text); /* the C library opens its time zone's file at first use */
    return setrlimit(RLIMIT_CORE, &no_core) == 0 && give_up_rights() && few_calls();
}

/* ---- a file on standard input ---- */

static outcome drain(struct capture *c, struct buffer *b, struct survey *s)
{
    struct bytes in = buffer_view(b);
    struct captured p;
    outcome o = DONE;
    while (ok(o)) {
        o = capture_next(c, &in, &p);
        if (ok(o)) survey_packet(s, p.link, p.at_ms, p.wire_bytes, p.packet);
    }
    buffer_drop(b, b->n - in.n);
    return o.code == E_SHORT ? DONE : o;
}

/* The file's end in the middle of a packet is how captures end that were killed: what was whole counts. */
static int read_file(struct survey *s)
{
    struct buffer b = BUFFER(CAPTURE_RECORD_MAX + 2 * CHUNK);
    struct capture c = CAPTURE;
    outcome o = DONE;
    while (ok(o)) {
        o = buffer_reserve(&b, CHUNK);
        if (!ok(o)) break;
        ssize_t n = read(0, b.at + b.n, CHUNK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) o = REFUSE_SYS(E_IO, errno);
        if (n <= 0) break;
        b.n += (size_t)n;
        o = drain(&c, &b, s);
    }
    buffer_deinit(&b);
    if (ok(o) && c.kind == CAPTURE_START) o = REFUSE(E_UNSUPPORTED);
    if (o.code == E_IO) return complain("the capture cannot be read", o.sys);
    if (o.code == E_MALFORMED || o.code == E_TOO_LARGE || o.code == E_FULL) fprintf(stderr, "sekimorid-sensor: damaged from packet %llu on\n",
        (unsigned long long)survey_counts(s)->packets + 1);
    return o.code == E_UNSUPPORTED || (!ok(o) && !survey_counts(s)->packets) ? EXIT_FORMAT : 0;
}

/* ---- an interface ---- */

static int open_interface(const char *name, int *ret_fd)
{
    struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name) };
    struct packet_mreq all = { .mr_ifindex = here.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
    const int bytes = SOCKET_BYTES;
    if (!here.sll_ifindex) return complain("no such interface", 0), EXIT_SOCKET;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) return complain("a packet socket needs root or CAP_NET_RAW", errno), EXIT_SOCKET;
    (void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0) {
        close(fd);
        return complain("cannot listen there", errno), EXIT_SOCKET;
    }
    *ret_fd = fd;
    return 0;
}

/* On the loopback interface every packet passes twice; its way out is left out. */
static void listen_turn(int fd, bool loopback, struct survey *s, uint8_t *room)
{
    for (int i = 0; i < TURN_MAX; i++) {
        struct sockaddr_ll from;
        socklen_t n_from = sizeof from;
        ssize_t n = recvfrom(fd, room, SNAP, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &n_from);
        if (n < 0) return;
        if (loopback && from.sll_pkttype == PACKET_OUTGOING) continue;
        size_t have = n > SNAP ? SNAP : (size_t)n;
        survey_packet(s, LINK_ETHERNET, port_wall_ms(), (uint32_t)n, bytes_of(room, have));
    }
}

static void count_drops(int fd, struct survey *s)
{
    struct tpacket_stats st = { 0 };
    socklen_t n = sizeof st;
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n) == 0) survey_dropped(s, st.tp_drops);
}

/* ---- as it happens: flows of which something became known, told once a turn ---- */

struct news {
    const struct survey *s;
    bool follows, broken;
    size_t n;
    struct {
        uint32_t flow;
        char said[FOUND_NAME];
    } at[NEWS_MAX];
    bool queued[SURVEY_FLOWS];
};

static void note(void *ctx, size_t flow, const char *said)
{
    struct news *k = ctx;
    if ((!*said && k->queued[flow]) || k->n == NEWS_MAX) return;
    k->queued[flow] = true;
    k->at[k->n].flow = (uint32_t)flow;
    snprintf(k->at[k->n++].said, FOUND_NAME, "%s", said);
}

static bool write_all(struct bytes b)
{
    while (b.n) {
        ssize_t n = write(1, b.at, b.n);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) b = bytes_of(b.at + n, b.n - (size_t)n);
    }
    return true;
}

static void tell(struct news *k)
{
    for (size_t i = 0; i < k->n; i++) {
        struct arena a = ARENA(1 << 20);
        struct buffer b = BUFFER(1 << 16);
        k->queued[k->at[i].flow] = false;
        bool good = ok(doc_write_json(survey_line(k->s, k->at[i].flow, k->at[i].said, &a), &b)) && ok(buffer_put(&b, BYTES_LIT("\n")));
        if (good && !write_all(buffer_view(&b))) k->broken = true;
        buffer_deinit(&b);
        arena_deinit(&a);
    }
    k->n = 0;
}

/* Until the time is over or whoever started us closes our standard input. */
static int listen_to(int fd, bool loopback, int64_t ms, struct survey *s, struct news *news)
{
    uint8_t *room = mem_new(SNAP);
    int64_t end = port_mono_ms() + ms, left = ms;
    if (!room) return complain("out of memory", 0);
    struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
    for (; left > 0; left = end - port_mono_ms()) {
        int n = poll(fds, 2, (int)(left < 1000 ? left : 1000));
        if (n < 0 && errno != EINTR) break;
        if (n > 0 && fds[0].revents) listen_turn(fd, loopback, s, room);
        if (news->follows) tell(news);
        if (news->broken) break;
        if (n > 0 && fds[1].revents) break;
    }
    count_drops(fd, s);
    mem_free(room);
    return 0;
}

/* ---- the answer ---- */

static int answer(const struct survey *s)
{
    struct arena a = ARENA(ARENA_MAX);
    struct buffer b = BUFFER(SURVEY_JSON_MAX);
    outcome o = doc_write_json(survey_doc(s, &a), &b);
    if (ok(o) && !write_all(buffer_view(&b))) o = REFUSE_SYS(E_IO, errno);
    buffer_deinit(&b);
    arena_deinit(&a);
    return ok(o) ? 0 : complain("the answer cannot be written", o.sys);
}

static int usage(void)
{
    fprintf(stderr, "usage: sekimorid-sensor - <CAPTURE | sekimorid-sensor INTERFACE SECONDS [follow]\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static struct news news; /* too large for a stack */
    struct survey *s = NULL;
    int fd = -1, code = 0;
    bool file = argc == 2 && strcmp(argv[1], "-") == 0;
    char *end = NULL;
    news.follows = argc == 4 && strcmp(argv[3], "follow") == 0;
    bool interface = argc == 3 || news.follows;
    long seconds = interface ? strtol(argv[2], &end, 10) : 0;
    if (!file && (!interface || *end || seconds < 1 || seconds > SECONDS_MAX)) return usage();
    if (!file) code = open_interface(argv[1], &fd);
    if (code) return code;
    bool loopback = !file && strcmp(argv[1], "lo") == 0;
    if (!ok(survey_new(&s))) return complain("out of memory", 0);
    news.s = s;
    if (news.follows) survey_watch(s, note, &news);
    if (!cage()) return complain("the sandbox cannot be entered", errno);
    code = file ? read_file(s) : listen_to(fd, loopback, seconds * 1000, s, &news);
    survey_settle(s);
    if (code == 0 && !news.follows) code = answer(s);
    _exit(code);
}
