#include "cli/sensed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch/survey_doc.h"

enum { ARENA_BYTES = 1 << 30, LINE_ARENA = 1 << 20, SECONDS = 60, SECONDS_MAX = 86400, SENSOR_USAGE = 2, SENSOR_FORMAT = 3, CHUNK = 1 << 16 };

static volatile sig_atomic_t enough;

static void end_early(int signal)
{
    (void)signal;
    enough = 1;
}

/* Beside this program. */
static bool sensor_path(char *path, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", path, size - 1);
    if (n <= 0) return false;
    path[n] = 0;
    char *slash = strrchr(path, '/');
    size_t room = slash ? size - (size_t)(slash + 1 - path) : 0;
    return slash && (size_t)snprintf(slash + 1, room, "sekimorid-sensor") < room;
}

struct child {
    pid_t pid;
    int out;  /* its answer */
    int held; /* as long as this is open an interface is listened to; -1 for a file */
};

/* What the sensor is asked for. */
struct errand {
    const char *target, *seconds;
    int file;    /* -1: an interface */
    bool follow; /* lines as it happens, not one answer at the end */
};

static bool start(const char *path, const struct errand *e, struct child *ret)
{
    int file = e->file;
    int out[2], held[2] = { file, -1 };
    if (pipe2(out, O_CLOEXEC) != 0) return false;
    if (file < 0 && pipe2(held, O_CLOEXEC) != 0) return false;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGINT, SIG_IGN); /* it ends when its standard input does */
        bool good = dup2(held[0], 0) == 0 && dup2(out[1], 1) == 1;
        if (good && file >= 0) execl(path, "sekimorid-sensor", "-", (char *)NULL);
        if (good && file < 0) execl(path, "sekimorid-sensor", e->target, e->seconds, e->follow ? "follow" : NULL, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    if (file < 0) close(held[0]);
    *ret = (struct child) { pid, out[0], held[1] };
    return pid > 0;
}

/* Whole lines of a sensor that tells as it happens; the rest stays in b. */
struct lines {
    void (*line)(void *ctx, const struct doc *line);
    void *ctx;
};

static void drain(struct buffer *b, const struct lines *l)
{
    const uint8_t *end;
    while (l && b->n && (end = memchr(b->at, '\n', b->n))) {
        struct arena a = ARENA(LINE_ARENA);
        struct doc *d = NULL;
        size_t n = (size_t)(end - b->at);
        if (ok(doc_read_json(bytes_of(b->at, n), &a, &d))) l->line(l->ctx, d);
        arena_deinit(&a);
        buffer_drop(b, n + 1);
    }
}

static outcome listen_to(struct child *child, struct buffer *b, const struct lines *l)
{
    for (;;) {
        struct pollfd fd = { .fd = child->out, .events = POLLIN };
        int n = poll(&fd, 1, -1);
        if (enough && child->held >= 0) {
            close(child->held);
            child->held = -1;
        }
        if (n < 0 && errno == EINTR) continue;
        TRY(buffer_reserve(b, CHUNK));
        ssize_t got = read(child->out, b->at + b->n, CHUNK);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return REFUSE_SYS(E_IO, errno);
        if (got == 0) return DONE;
        b->n += (size_t)got;
        drain(b, l);
    }
}

/* The child's exit code, its answer in b. */
static int run(const struct errand *e, struct buffer *b, const struct lines *l)
{
    char path[600];
    struct child child;
    struct sigaction act = { .sa_handler = end_early }, old;
    int status = 0;
    if (!sensor_path(path, sizeof path) || !start(path, e, &child)) return 127;
    enough = 0;
    sigaction(SIGINT, &act, &old);
    outcome o = listen_to(&child, b, l);
    sigaction(SIGINT, &old, NULL);
    if (child.held >= 0) close(child.held);
    close(child.out);
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) continue;
    return !ok(o) ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int judge(struct cli *c, const char *target, bool file, int code)
{
    if (code == 0) return EXIT_OK;
    if (file && code == SENSOR_FORMAT)
        return complain(c, EXIT_CONFIGURATION, "SK-1050", cli_say(c, W_NO_CAPTURE), target, cli_say(c, W_NO_CAPTURE_TRY));
    char what[200];
    snprintf(what, sizeof what, "%s (%d)", cli_say(c, W_SENSOR_FAILED), code);
    return complain(c, EXIT_FAILED, "SK-1051", what, target, file ? NULL : cli_say(c, W_SENSOR_TRY));
}

/* -1: an interface. */
static int open_file(struct cli *c, const char *target, int *ret_fd)
{
    struct stat st;
    *ret_fd = -1;
    bool file = strchr(target, '/') || (stat(target, &st) == 0);
    if (!file) return EXIT_OK;
    *ret_fd = open(target, O_RDONLY | O_CLOEXEC);
    char what[200];
    snprintf(what, sizeof what, "%s: %s", cli_say(c, W_FILE), strerror(errno));
    return *ret_fd >= 0 ? EXIT_OK : complain(c, EXIT_CONFIGURATION, "SK-1004", what, target, NULL);
}

static int seconds_of(struct cli *c, char text[16])
{
    char *end = NULL;
    const char *asked = flag(c, "seconds");
    long n = asked ? strtol(asked, &end, 10) : SECONDS;
    if (asked && (*end || end == asked || n < 1 || n > SECONDS_MAX))
        return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_SECONDS_ARE), asked, NULL);
    snprintf(text, 16, "%ld", n);
    return EXIT_OK;
}

int sensed_follow(struct cli *c, const char *interface, void (*line)(void *ctx, const struct doc *line), void *ctx)
{
    char seconds[16];
    const struct lines l = { line, ctx };
    struct buffer b = BUFFER(SURVEY_JSON_MAX);
    int code = seconds_of(c, seconds);
    if (code) return code;
    const struct errand e = { .target = interface, .seconds = seconds, .file = -1, .follow = true };
    fprintf(stderr, "%s: %s, %s s\n", interface, cli_say(c, W_LISTENING), seconds);
    code = judge(c, interface, false, run(&e, &b, &l));
    buffer_deinit(&b);
    return code;
}

int sensed_get(struct cli *c, const char *target, struct sensed *ret)
{
    char seconds[16];
    int fd = -1;
    struct doc *doc = NULL;
    *ret = (struct sensed) { .arena = ARENA(ARENA_BYTES) };
    int code = seconds_of(c, seconds);
    if (!code) code = open_file(c, target, &fd);
    if (code) return code;
    if (fd < 0) fprintf(stderr, "%s: %s, %s s\n", target, cli_say(c, W_LISTENING), seconds);
    struct buffer b = BUFFER(SURVEY_JSON_MAX + CHUNK);
    const struct errand e = { .target = target, .seconds = seconds, .file = fd };
    code = judge(c, target, fd >= 0, run(&e, &b, NULL));
    if (!code && !ok(doc_read_json(buffer_view(&b), &ret->arena, &doc)))
        code = complain(c, EXIT_FAILED, "SK-1051", cli_say(c, W_SENSOR_FAILED), target, NULL);
    if (fd >= 0) close(fd);
    buffer_deinit(&b);
    ret->doc = doc;
    return code;
}

void sensed_deinit(struct sensed *s)
{
    arena_deinit(&s->arena);
}

const struct doc *sensed_host(const struct sensed *s, const char *address)
{
    const struct doc *hosts = doc_get(s->doc, "hosts");
    for (const struct doc *h = hosts ? hosts->first : NULL; h; h = h->next)
        if (strcmp(doc_text(h, "address", ""), address) == 0) return h;
    return NULL;
}
