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

enum { ARENA_BYTES = 1 << 30, SECONDS = 60, SECONDS_MAX = 86400, SENSOR_USAGE = 2, SENSOR_FORMAT = 3, CHUNK = 1 << 16 };

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

static bool start(const char *path, const char *target, const char *seconds, int file, struct child *ret)
{
    int out[2], held[2] = { file, -1 };
    if (pipe2(out, O_CLOEXEC) != 0) return false;
    if (file < 0 && pipe2(held, O_CLOEXEC) != 0) return false;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGINT, SIG_IGN); /* it ends when its standard input does */
        bool good = dup2(held[0], 0) == 0 && dup2(out[1], 1) == 1;
        if (good && file >= 0) execl(path, "sekimorid-sensor", "-", (char *)NULL);
        if (good && file < 0) execl(path, "sekimorid-sensor", target, seconds, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    if (file < 0) close(held[0]);
    *ret = (struct child) { pid, out[0], held[1] };
    return pid > 0;
}

static outcome listen_to(struct child *child, struct buffer *b)
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
    }
}

/* The child's exit code, its answer in b. */
static int run(const char *path, const char *target, const char *seconds, int file, struct buffer *b)
{
    struct child child;
    struct sigaction act = { .sa_handler = end_early }, old;
    int status = 0;
    if (!start(path, target, seconds, file, &child)) return 127;
    enough = 0;
    sigaction(SIGINT, &act, &old);
    outcome o = listen_to(&child, b);
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

int sensed_get(struct cli *c, const char *target, struct sensed *ret)
{
    char path[600], seconds[16], *end = NULL;
    const char *asked = flag(c, "seconds");
    long n = asked ? strtol(asked, &end, 10) : SECONDS;
    int fd = -1;
    struct doc *doc = NULL;
    *ret = (struct sensed) { .arena = ARENA(ARENA_BYTES) };
    if (asked && (*end || end == asked || n < 1 || n > SECONDS_MAX))
        return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_SECONDS_ARE), asked, NULL);
    int code = open_file(c, target, &fd);
    if (code) return code;
    snprintf(seconds, sizeof seconds, "%ld", n);
    if (fd < 0) fprintf(stderr, "%s: %s, %ld s\n", target, cli_say(c, W_LISTENING), n);
    struct buffer b = BUFFER(SURVEY_JSON_MAX + CHUNK);
    code = sensor_path(path, sizeof path) ? run(path, target, seconds, fd, &b) : 127;
    code = judge(c, target, fd >= 0, code);
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

void print_cell(const char *text, bool last)
{
    bool formula = *text && strchr("=+-@\t\r", *text);
    bool quoted = formula || strpbrk(text, ",\"\n\r");
    if (quoted) putchar('"');
    if (formula) putchar('\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"') putchar('"');
        putchar(*p);
    }
    if (quoted) putchar('"');
    fputs(last ? "\r\n" : ",", stdout);
}
