#include "gate/upgrade.h"

#include "crypto/hash.h"
#include "wire/http.h"
#include "wire/ws.h"

enum { SHA1_N = 20, KEY_N = 16 };

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool same_word(struct bytes a, const char *b)
{
    if (a.n != strlen(b)) return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.at[i]) != lower((uint8_t)b[i])) return false;
    return true;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct bytes trimmed(struct bytes b)
{
    while (b.n && is_space(b.at[0])) b.at++, b.n--;
    while (b.n && is_space(b.at[b.n - 1])) b.n--;
    return b;
}

/* Has any field of this name the word in its comma-separated list? [RFC 9110, 5.6.1] */
static bool lists(const struct http_request *r, const char *name, const char *word)
{
    for (size_t i = 0; i < r->n; i++) {
        struct bytes rest = r->fields[i].value;
        if (!same_word(r->fields[i].name, name)) continue;
        while (rest.n) {
            const uint8_t *comma = memchr(rest.at, ',', rest.n);
            size_t n = comma ? (size_t)(comma - rest.at) : rest.n;
            if (same_word(trimmed(bytes_of(rest.at, n)), word)) return true;
            n += comma ? 1 : 0;
            rest = bytes_of(rest.at + n, rest.n - n);
        }
    }
    return false;
}

static size_t count(const struct http_request *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += same_word(r->fields[i].name, name);
    return n;
}

/* A program sends no Origin; a browser always does, and only this door's own pages may come
 * [RFC 6455, 10.2]. */
static bool origin_good(const struct http_request *r, bool tls)
{
    struct bytes origin = http_field(r, "Origin"), host = http_field(r, "Host");
    struct bytes scheme = tls ? BYTES_LIT("https://") : BYTES_LIT("http://");
    size_t n = count(r, "Origin");
    if (n == 0) return true;
    if (n > 1 || !bytes_starts(origin, scheme) || host.n == 0) return false;
    return bytes_equal(bytes_of(origin.at + scheme.n, origin.n - scheme.n), host);
}

static bool key_good(struct bytes key)
{
    uint8_t at[KEY_N + 4];
    size_t n = 0;
    return key.n == WS_KEY_TEXT - 1 && ok(base64_to(key, at, sizeof at, &n)) && n == KEY_N;
}

/* 101, or the status to refuse with. */
static int judge(const struct http_request *r, bool tls)
{
    /* MQTT 5, 6.0.0-3 and 6.0.0-4: the subprotocol is "mqtt", asked for and answered */
    if (!bytes_equal_str(r->path, "/mqtt")) return 404;
    if (!bytes_equal_str(r->method, "GET")) return 405;
    if (r->version_1_0 || r->body_n) return 400;
    if (!origin_good(r, tls)) return 403;
    if (!lists(r, "Upgrade", "websocket") || !lists(r, "Connection", "upgrade")) return 426;
    if (count(r, "Sec-WebSocket-Version") != 1 || !bytes_equal_str(http_field(r, "Sec-WebSocket-Version"), "13")) return 426;
    if (count(r, "Sec-WebSocket-Key") != 1 || !key_good(http_field(r, "Sec-WebSocket-Key"))) return 400;
    /* MQTT-6.0.0-3: the client names it, and we answer with it. */
    return lists(r, "Sec-WebSocket-Protocol", "mqtt") ? 101 : 400;
}

static MUST outcome welcome(const struct http_request *r, struct buffer *answer)
{
    const struct bytes parts[] = { http_field(r, "Sec-WebSocket-Key"), BYTES_LIT("258EAFA5-E914-47DA-95CA-C5AB0DC85B11") };
    uint8_t sum[SHA1_N];
    char text[4 * ((SHA1_N + 2) / 3) + 1];
    hash_sha1_parts(parts, 2, sum);
    base64_of(bytes_of(sum, sizeof sum), text);
    return buffer_fmt(answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", text);
}

static struct front_step refuse(int status, struct buffer *answer)
{
    struct http_response r = { .status = status, .type = "text/plain; charset=utf-8",
        .fields = status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "",
        .body = BYTES_LIT("refused\n"), .close = true };
    size_t before = answer->n;
    if (!ok(http_write(&r, answer))) answer->n = before;
    return (struct front_step) { FRONT_REFUSE, 0, LINK_FIRST_PACKET };
}

struct front_step upgrade_take(struct bytes in, bool tls, struct buffer *answer)
{
    struct http_request r;
    outcome o = http_read(in, 0, &r);
    if (o.code == E_SHORT && in.n < FRONT_FIRST_MAX) return (struct front_step) { FRONT_WAIT, 0, 0 };
    if (!ok(o)) return refuse(o.code == E_SHORT ? 431 : front_http_status(in, o), answer);
    int status = judge(&r, tls);
    if (status != 101) return refuse(status, answer);
    if (!ok(welcome(&r, answer))) return (struct front_step) { FRONT_REFUSE, 0, LINK_FIRST_PACKET };
    return (struct front_step) { FRONT_FORWARD, r.head_n, 0 };
}
