/* sekimorid, the keeper: starts seal, core and gate (and a courier once core wants one), restarts who dies and
 * gives the others fresh channels to it, stops them in order. Holds nothing; reads exit codes, signals, and one byte. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/port/pass.h"
#include "base/port/port.h"
#include "wire/channel.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78, BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 5000, STEADY_MS = 2000,
    STOP_CORE_MS = 10000, STOP_REST_MS = 2000, ARGS_MAX = 8 };
enum role { SEAL, CORE, GATE, COURIER, ROLES };

struct child {
    char path[600];
    const char *args[ARGS_MAX];
    int pid;               /* 0: not running */
    int control, inherits; /* our end and the child's; -1: none */
    int backoff_ms;
    int64_t started_ms, start_at_ms;
};
struct keeper {
    struct child child[ROLES];
    int signal_fd, exit_code;
    bool ready, stopping, courier; /* courier: core wants one */
    char courier_dir[600];
};

/* Without descriptors or memory the keeper cannot do its work: it dies, its children with it, and
 * whoever started it starts it again. */
static void must(outcome o)
{
    if (!ok(o)) fprintf(stderr, "sekimorid: %s: %s\n", o.at, strerror(o.sys));
    if (!ok(o)) abort();
}

/* A child that is gone or hung is told again when it is started again. */
static void tell(const struct child *c, char kind, const int *fds, size_t n)
{
    if (c->control >= 0) (void)!ok(port_pass(c->control, kind, fds, n));
}

static void give_channel(struct keeper *k, enum role far, char core_kind)
{
    int fds[CHANNEL_FDS] = { -1, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    must(port_shared_memory(channel_bytes(), &fds[0]));
    tell(&k->child[CORE], core_kind, fds, CHANNEL_FDS);
    tell(&k->child[far], CHANNEL_FRESH, fds, CHANNEL_FDS);
    for (int i = 0; i < CHANNEL_FDS; i++) close(fds[i]);
}

static void new_control(struct child *c)
{
    int pair[2];
    must(port_pair(pair));
    c->control = pair[0];
    c->inherits = pair[1];
}

/* A way between the seal and an asker. The seal's end is told, or returned for a seal to come. */
static int seal_way(struct keeper *k, enum role asker)
{
    int pair[2];
    must(port_pair(pair));
    tell(&k->child[asker], CHANNEL_SEAL, &pair[1], 1);
    close(pair[1]);
    return pair[0];
}

/* Messages wait in a control socket until its child reads them: they may go before the child. */
static void start(struct keeper *k, enum role r)
{
    struct child *c = &k->child[r];
    int fds[CHANNEL_FDS] = { c->inherits, -1, c->inherits };
    if (r == SEAL) {
        fds[0] = seal_way(k, CORE);
        fds[1] = seal_way(k, GATE);
    }
    c->started_ms = port_mono_ms();
    must(port_spawn(c->path, c->args, fds, r == SEAL ? CHANNEL_FDS : 1, &c->pid));
    if (r == SEAL) close(fds[0]), close(fds[1]);
    close(c->inherits);
}

static void restart(struct keeper *k, enum role r)
{
    new_control(&k->child[r]);
    if (r == COURIER) {
        give_channel(k, COURIER, CHANNEL_COURIER);
    } else if (r != SEAL) {
        int way = seal_way(k, r);
        tell(&k->child[SEAL], r == CORE ? 'c' : 'g', &way, 1);
        close(way);
        give_channel(k, GATE, CHANNEL_FRESH);
    }
    start(k, r);
}

/* Who lived long is started again at once; who dies again soon waits, each time twice as long. */
static int backoff(int last_ms, int64_t lived_ms)
{
    if (lived_ms > STEADY_MS) return 0;
    int next = last_ms ? 2 * last_ms : BACKOFF_MIN_MS;
    return next < BACKOFF_MAX_MS ? next : BACKOFF_MAX_MS;
}

static void died(struct keeper *k, struct child *c, int status)
{
    int64_t now = port_mono_ms();
    bool exited = WIFEXITED(status), hopeless = exited && WEXITSTATUS(status) == EXIT_CONFIG && !k->ready;
    c->pid = 0;
    close(c->control);
    c->control = -1;
    if (k->stopping) return;
    c->backoff_ms = backoff(c->backoff_ms, now - c->started_ms);
    c->start_at_ms = now + c->backoff_ms;
    fprintf(stderr, "sekimorid: %s ended (%s %d), %s\n", c->args[0], exited ? "exit" : "signal",
        exited ? WEXITSTATUS(status) : WTERMSIG(status), hopeless ? "stopping" : "starting it again");
    if (hopeless) k->stopping = true, k->exit_code = EXIT_CONFIG;
}

static void core_says(struct keeper *k, char kind)
{
    if (kind == CHANNEL_BROKEN && k->child[GATE].pid) kill(k->child[GATE].pid, SIGKILL); /* started again when it is gone */
    if (kind == CHANNEL_SEAL_AGAIN && k->child[SEAL].pid) kill(k->child[SEAL].pid, SIGTERM);
    /* A courier that runs already gets a channel to the core that asks: it is another core than before. */
    if (kind == CHANNEL_WANT_COURIER && k->child[COURIER].pid) give_channel(k, COURIER, CHANNEL_COURIER);
    if (kind == CHANNEL_WANT_COURIER) k->courier = true;
    if (kind != CHANNEL_READY) return;
    if (!k->ready) port_tell_ready();
    k->ready = true;
}

static void turn(struct keeper *k, int wait_ms)
{
    struct pollfd p[] = { { k->signal_fd, POLLIN, 0 }, { k->child[CORE].control, POLLIN, 0 } };
    struct signalfd_siginfo s;
    char kind;
    int status;
    poll(p, 2, wait_ms);
    if ((p[1].revents & POLLIN) && recv(p[1].fd, &kind, 1, MSG_DONTWAIT) == 1) core_says(k, kind);
    while (read(k->signal_fd, &s, sizeof s) == sizeof s) /* SIGHUP: a terminal that is closed stops no site */
        k->stopping |= s.ssi_signo != SIGCHLD && s.ssi_signo != SIGHUP;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int r = 0; r < ROLES; r++)
            if (k->child[r].pid == pid) died(k, &k->child[r], status);
}

static void await_end(struct keeper *k, enum role from, enum role to, int signal, int ms)
{
    for (enum role r = from; r <= to; r++)
        if (k->child[r].pid) kill(k->child[r].pid, signal);
    for (int64_t until = port_mono_ms() + ms, left = ms; left > 0; left = until - port_mono_ms()) {
        bool alive = false;
        for (enum role r = from; r <= to; r++) alive |= k->child[r].pid != 0;
        if (!alive) return;
        turn(k, left > 50 ? 50 : (int)left);
    }
}

static void serve(struct keeper *k)
{
    k->child[COURIER].control = -1;
    for (int r = 0; r < COURIER; r++) new_control(&k->child[r]);
    give_channel(k, GATE, CHANNEL_FRESH);
    for (int r = 0; r < COURIER; r++) start(k, (enum role)r);
    while (!k->stopping) {
        int64_t now = port_mono_ms(), wait = STEADY_MS;
        for (int r = 0; r < (k->courier ? ROLES : COURIER); r++) {
            struct child *c = &k->child[r];
            if (!c->pid && now >= c->start_at_ms) restart(k, (enum role)r);
            else if (!c->pid && c->start_at_ms - now < wait) wait = c->start_at_ms - now;
        }
        turn(k, (int)wait);
    }
    await_end(k, CORE, CORE, SIGTERM, STOP_CORE_MS); /* first: it publishes its head, by the seal */
    await_end(k, SEAL, COURIER, SIGTERM, STOP_REST_MS);
    await_end(k, SEAL, COURIER, SIGKILL, STOP_REST_MS);
}

/* The core takes the same options, and --check is its own work. False: usage. */
static bool options(struct keeper *k, int argc, char **argv, bool *ret_check)
{
    struct child *core = &k->child[CORE];
    for (int i = 1, n = 1; i < argc; i++) {
        bool value = strcmp(argv[i], "--config") == 0 || strcmp(argv[i], "--state") == 0;
        bool known = value ? i + 1 < argc : strcmp(argv[i], "--check") == 0;
        if (!known || n + 2 >= ARGS_MAX) return false;
        if (strcmp(argv[i], "--state") == 0) k->child[SEAL].args[1] = argv[i + 1];
        if (!value) *ret_check = true;
        core->args[n++] = argv[i];
        if (value) core->args[n++] = argv[++i];
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct keeper k = { .child = { [SEAL] = { .args = { "sekimorid-seal", "/var/lib/sekimori" } },
        [CORE] = { .args = { "sekimorid-core" } }, [GATE] = { .args = { "sekimorid-gate" } }, [COURIER] = { .args = { "sekimorid-courier", k.courier_dir } } } };
    bool check = false;
    char here[512] = "";
    ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    char *slash = n > 0 ? strrchr(here, '/') : 0;
    if (slash) *slash = 0;
    for (int r = 0; r < ROLES; r++) snprintf(k.child[r].path, sizeof k.child[r].path, "%s/%s", here, k.child[r].args[0]);
    bool understood = options(&k, argc, argv, &check);
    snprintf(k.courier_dir, sizeof k.courier_dir, "%s/courier", k.child[SEAL].args[1]);
    if (!understood) {
        fprintf(stderr, "usage: sekimorid [--config FILE] [--state DIR] [--check]\n");
        return EXIT_USAGE;
    }
    if (check) {
        execv(k.child[CORE].path, (char *const *)k.child[CORE].args);
        must(REFUSE_SYS(E_IO, errno));
    }
    close_range(3, ~0u, 0);
    prctl(PR_SET_NAME, "sekimorid");
    must(port_signals(&k.signal_fd));
    serve(&k);
    return k.exit_code;
}
