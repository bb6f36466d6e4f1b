/* One request to the daemon over its Unix socket; problems become complaints with exit codes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

enum { ANSWER_MAX = 64 << 20 };

static int dial(const struct cli *c)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/run/control.sock", c->state);
    if (n < 0 || (size_t)n >= sizeof a.sun_path) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static outcome send_all(int fd, struct bytes b)
{
    while (b.n) {
        ssize_t n = send(fd, b.at, b.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return REFUSE_SYS(E_CLOSED, errno);
        b = bytes_of(b.at + n, b.n - (size_t)n);
    }
    return DONE;
}

static outcome receive_all(int fd, struct buffer *b)
{
    for (;;) {
        TRY(buffer_reserve(b, 65536));
        ssize_t n = recv(fd, b->at + b->n, 65536, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return REFUSE_SYS(E_IO, errno);
        if (n == 0) return DONE;
        b->n += (size_t)n;
    }
}

static outcome exchange_text(int fd, const char *method, const char *path, struct bytes body, struct buffer *answer)
{
    struct buffer b = BUFFER(16u << 20);
    outcome o = buffer_fmt(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", method, path, body.n);
    if (ok(o)) o = buffer_put(&b, body);
    if (ok(o)) o = send_all(fd, buffer_view(&b));
    if (ok(o)) o = receive_all(fd, answer);
    buffer_deinit(&b);
    return o;
}

/* Status and body of "HTTP/1.1 200 OK\r\n...\r\n\r\nbody" from our own daemon. */
static outcome split(struct bytes answer, int *ret_status, struct bytes *ret_head, struct bytes *ret_body)
{
    struct bytes digits;
    if (answer.n < 12) return REFUSE(E_SHORT);
    digits = bytes_of(answer.at + 9, 3);
    *ret_status = 0;
    for (size_t i = 0; i < 3; i++) *ret_status = *ret_status * 10 + (digits.at[i] - '0');
    const uint8_t *end = memmem(answer.at, answer.n, "\r\n\r\n", 4);
    if (!end) return REFUSE(E_MALFORMED);
    *ret_head = bytes_of(answer.at, (size_t)(end - answer.at));
    *ret_body = bytes_of(end + 4, answer.n - (size_t)(end + 4 - answer.at));
    return DONE;
}

static int exit_of(int status)
{
    switch (status) {
    case 400: return EXIT_USAGE;
    case 401: return EXIT_AUTH;
    case 403: return EXIT_REFUSED;
    case 404: return EXIT_NOT_FOUND;
    case 409: case 410: return EXIT_CONFLICT;
    default: return status >= 500 || status == 429 ? EXIT_TEMPORARY : EXIT_FAILED;
    }
}

static int problem(struct cli *c, int status, const struct doc *d)
{
    char what[400];
    const char *detail = doc_text(d, "detail", "");
    const char *title = doc_said(c, d, "title");
    snprintf(what, sizeof what, "%s%s%s", *title ? title : doc_text(d, "title", "?"), *detail ? ": " : "", detail);
    return complain(c, exit_of(status), doc_text(d, "code", "SK-1500"), what, NULL, doc_said(c, d, "try"));
}

/* "Sekimori-Emergency: BG-1 2026-11-28T15:00:00.000Z watch-1": said whatever was asked, once. */
static void banner(struct cli *c, struct bytes head)
{
    static const char name[] = "Sekimori-Emergency: ";
    const uint8_t *at = memmem(head.at, head.n, name, sizeof name - 1);
    if (!at || c->bannered) return;
    at += sizeof name - 1;
    size_t left = head.n - (size_t)(at - head.at);
    const uint8_t *end = memchr(at, '\r', left);
    c->bannered = true;
    fprintf(stderr, "!! %s: %.*s\n", cli_say(c, W_EMERGENCY_NOW), (int)(end ? (size_t)(end - at) : left), (const char *)at);
}

int ask(struct cli *c, const char *method, const char *path, struct bytes body, const struct doc **ret)
{
    struct buffer answer = BUFFER(ANSWER_MAX);
    struct bytes text, head;
    struct doc *d = NULL;
    int status = 0, fd = dial(c);
    if (fd < 0) return complain(c, EXIT_TEMPORARY, "SK-1002", cli_say(c, W_NO_DAEMON), c->state, cli_say(c, W_NO_DAEMON_TRY));
    outcome o = exchange_text(fd, method, path, body, &answer);
    close(fd);
    if (ok(o)) o = split(buffer_view(&answer), &status, &head, &text);
    if (ok(o)) banner(c, head);
    if (ok(o)) o = doc_read_json(text, &c->arena, &d);
    buffer_deinit(&answer);
    if (!ok(o)) return complain(c, EXIT_TEMPORARY, "SK-1003", code_word(o.code), path, cli_say(c, W_NO_DAEMON_TRY));
    if (status != 200) return problem(c, status, d);
    *ret = d;
    return EXIT_OK;
}

int ask_doc(struct cli *c, const char *path, const struct doc *body, const struct doc **ret)
{
    struct buffer b = BUFFER(16u << 20);
    outcome o = doc_write_json(body, &b);
    int code = ok(o) ? ask(c, "POST", path, buffer_view(&b), ret) : EXIT_FAILED;
    buffer_deinit(&b);
    return code;
}

void add_query(struct out *o, bool first, const char *name, const char *value)
{
    put_fmt(o, "%s%s=", first ? "?" : "&", name);
    for (const char *p = value; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-_.~", *p);
        if (plain) put_u8(o, (uint8_t)*p);
        else put_fmt(o, "%%%02X", (unsigned)(uint8_t)*p);
    }
}
