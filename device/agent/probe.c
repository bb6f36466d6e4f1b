#include "device/agent/probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client/line.h"
#include "device/agent/settings.h"

enum { WAIT_MS = 1500, ANSWER_MAX = 64 };

/* CONNECT, MQTT 5, clean start, client id "probe". */
static const uint8_t plain_connect[] = { 0x10, 0x12, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 5, 'p', 'r', 'o', 'b', 'e' };

/* A ClientHello that offers TLS 1.2 at most: version 0x0303, no supported_versions extension;
 * ECDHE-ECDSA with AES-GCM, P-256, ecdsa_secp256r1_sha256 (RFC 5246, 7.4.1.2). */
static const uint8_t tls12_hello[] = { 0x16, 3, 1, 0, 77, 1, 0, 0, 73, 3, 3,
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    0, 0, 4, 0xC0, 0x2B, 0xC0, 0x2C, 1, 0, 0, 28,
    0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 5, 3, 0, 23, 0, 0 };

static const char *word(enum probe_seen s)
{
    static const char *const words[] = { "refused", "answered", "unreachable" };
    return words[s];
}

outcome probe_target(const char *text, struct probe *ret)
{
    const char *colon = strrchr(text, ':');
    uint32_t port;
    struct probe p = { .plain = PROBE_UNREACHABLE, .tls12 = PROBE_UNREACHABLE, .anonymous = PROBE_UNREACHABLE };
    if (!colon || !ok(settings_number(bytes_str(colon + 1), 65535, &port)) || port == 0) return REFUSE(E_USAGE);
    if (!ok(bytes_to_text(bytes_of(text, (size_t)(colon - text)), p.host, sizeof p.host)) || !p.host[0]) return REFUSE(E_USAGE);
    p.port = (uint16_t)port;
    *ret = p;
    return DONE;
}

static MUST outcome dial(const struct probe *p, int *ret)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
    struct timeval limit = { WAIT_MS / 1000, WAIT_MS % 1000 * 1000 };
    char service[8];
    int fd = -1;
    snprintf(service, sizeof service, "%u", p->port);
    if (getaddrinfo(p->host, service, &hints, &found) != 0) return REFUSE(E_IO);
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd < 0) return REFUSE(E_IO);
    *ret = fd;
    return DONE;
}

/* Sends and reads what comes first; nothing and the end are both n = 0. */
static size_t ask(int fd, struct bytes say, uint8_t *answer)
{
    if (send(fd, say.at, say.n, MSG_NOSIGNAL) != (ssize_t)say.n) return 0;
    ssize_t n = recv(fd, answer, ANSWER_MAX, 0);
    return n > 0 ? (size_t)n : 0;
}

enum probe_seen probe_plain_answer(struct bytes answer)
{
    return answer.n && answer.at[0] == 0x20 ? PROBE_ANSWERED : PROBE_REFUSED; /* CONNACK */
}

enum probe_seen probe_tls12_answer(struct bytes answer)
{
    return answer.n > 5 && answer.at[0] == 0x16 && answer.at[5] == 2 ? PROBE_ANSWERED : PROBE_REFUSED; /* ServerHello */
}

static enum probe_seen raw(const struct probe *p, struct bytes say, enum probe_seen (*judge)(struct bytes answer))
{
    uint8_t answer[ANSWER_MAX];
    int fd;
    if (!ok(dial(p, &fd))) return PROBE_UNREACHABLE;
    size_t n = ask(fd, say, answer);
    close(fd);
    return judge(bytes_of(answer, n));
}

/* In TLS 1.3 the refusal of a missing certificate comes after the client's side of the handshake. */
static enum probe_seen anonymous(const struct probe *p, struct bytes authority)
{
    struct tls_context *c;
    struct line l;
    if (!ok(tls_client_new(authority, NULL, BYTES_NONE, NULL, &c))) return PROBE_UNREACHABLE;
    enum probe_seen seen = PROBE_UNREACHABLE;
    if (ok(line_open(&l, c, p->host, p->port))) {
        outcome o = line_wait(&l, true, WAIT_MS);
        seen = o.code == E_IO ? PROBE_UNREACHABLE : PROBE_REFUSED;
        if (ok(o)) o = line_send(&l, bytes_of(plain_connect, sizeof plain_connect));
        if (ok(o)) o = line_wait(&l, false, WAIT_MS);
        if (ok(o) && l.in.n) seen = PROBE_ANSWERED;
        line_close(&l);
    }
    tls_context_free(c);
    return seen;
}

void probe_run(struct probe *p, struct bytes authority)
{
    p->plain = raw(p, bytes_of(plain_connect, sizeof plain_connect), probe_plain_answer);
    p->tls12 = raw(p, bytes_of(tls12_hello, sizeof tls12_hello), probe_tls12_answer);
    p->anonymous = anonymous(p, authority);
}

outcome probe_write(const struct probe *p, int64_t wall_ms, char *text, size_t size)
{
    struct out o = out_of(text, size - 1);
    put_fmt(&o, "{\"anonymous\":\"%s\",\"plain\":\"%s\",\"t\":%lld,\"target\":\"%s:%u\",\"tls12\":\"%s\"}", word(p->anonymous),
        word(p->plain), (long long)wall_ms, p->host, p->port, word(p->tls12));
    TRY(out_done(&o));
    text[o.n] = 0;
    return DONE;
}
