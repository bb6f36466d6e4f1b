#include "device/agent/est.h"

#include <strings.h>

#include "device/agent/settings.h"

enum {
    HEAD_MAX = 16384,
    BODY_MAX = 65536,
    LINE_BASE64 = 6144, /* of the request's own parts */
};

static MUST outcome put_base64(struct buffer *b, struct bytes raw)
{
    if (raw.n > LINE_BASE64 / 4 * 3 - 3) return REFUSE(E_TOO_LARGE);
    char text[LINE_BASE64 + 4];
    base64_of(raw, text);
    return buffer_put(b, bytes_str(text));
}

static MUST outcome put_login(struct buffer *b, const struct invitation *i)
{
    uint8_t login[128];
    struct out o = out_of(login, sizeof login);
    put_fmt(&o, i->secret[0] ? "device:%s.%s" : "device:%s", i->token, i->secret);
    TRY(out_done(&o));
    TRY(buffer_put(b, BYTES_LIT("\r\nAuthorization: Basic ")));
    TRY(put_base64(b, out_view(&o)));
    explicit_bzero(login, sizeof login);
    return DONE;
}

static MUST outcome put_target_of(struct buffer *b, const char *method, const struct invitation *i, const char *path)
{
    const char *bracket = strchr(i->host, ':') != NULL ? "[" : "";
    return buffer_fmt(b, "%s /.well-known/%s HTTP/1.1\r\nHost: %s%s%s:%u", method, path, bracket, i->host,
        bracket[0] != 0 ? "]" : "", i->port);
}

static MUST outcome put_target(struct buffer *b, const struct invitation *i, const char *path)
{
    return put_target_of(b, "POST", i, path);
}

outcome est_anchors_write(const struct invitation *i, struct buffer *ret)
{
    TRY(put_target_of(ret, "GET", i, "est/cacerts"));
    return buffer_put(ret, BYTES_LIT("\r\n\r\n"));
}

outcome est_endorse_write(const struct invitation *i, struct bytes certificate, struct bytes ak, struct buffer *ret)
{
    struct buffer body = BUFFER(4 * LINE_BASE64);
    outcome o = buffer_put(&body, BYTES_LIT("{\"ak\":\""));
    if (ok(o)) o = put_base64(&body, ak);
    if (ok(o)) o = buffer_put(&body, BYTES_LIT("\",\"certificate\":\""));
    if (ok(o)) o = put_base64(&body, certificate);
    if (ok(o)) o = buffer_put(&body, BYTES_LIT("\"}"));
    if (ok(o)) o = put_target(ret, i, "sekimori/endorse");
    if (ok(o)) o = put_login(ret, i);
    if (ok(o)) o = buffer_fmt(ret, "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.n);
    if (ok(o)) o = buffer_put(ret, buffer_view(&body));
    buffer_deinit(&body);
    return o;
}

outcome est_request_write(const struct invitation *i, struct bytes csr_der, struct bytes ak_spki,
    struct buffer *ret)
{
    TRY(put_target(ret, i, i->token[0] ? "est/simpleenroll" : "est/simplereenroll"));
    if (i->token[0]) TRY(put_login(ret, i));
    if (ak_spki.n > 0) {
        TRY(buffer_put(ret, BYTES_LIT("\r\nSekimori-AK: ")));
        TRY(put_base64(ret, ak_spki));
    }
    TRY(buffer_fmt(ret, "\r\nContent-Type: application/pkcs10\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Length: %zu\r\nConnection: close\r\n\r\n", 4 * ((csr_der.n + 2) / 3)));
    return put_base64(ret, csr_der);
}

static MUST outcome line_take(struct bytes *in, struct bytes *ret)
{
    const uint8_t *end = in->n > 1 ? memmem(in->at, in->n, "\r\n", 2) : NULL;
    struct bytes crlf;
    if (end == NULL) return REFUSE(E_SHORT);
    TRY(take(in, (size_t)(end - in->at), ret));
    return take(in, 2, &crlf);
}

static MUST outcome status_read(struct bytes line, int *ret)
{
    uint32_t status;
    if (!bytes_starts(line, BYTES_LIT("HTTP/1.1 ")) || line.n < 12) return REFUSE(E_MALFORMED);
    if (line.n > 12 && line.at[12] != ' ') return REFUSE(E_MALFORMED);
    TRY(settings_number(bytes_of(line.at + 9, 3), 599, &status));
    *ret = (int)status;
    return DONE;
}

static bool is(struct bytes name, const char *want)
{
    return name.n == strlen(want) && strncasecmp((const char *)name.at, want, name.n) == 0;
}

static MUST outcome field_read(struct bytes line, struct est_answer *a, uint32_t *body_n)
{
    const uint8_t *colon = memchr(line.at, ':', line.n);
    if (colon == NULL || colon == line.at) return REFUSE(E_MALFORMED);
    struct bytes name = bytes_of(line.at, (size_t)(colon - line.at));
    struct bytes rest = bytes_of(colon + 1, line.n - name.n - 1), value = BYTES_NONE;
    uint32_t port;
    if (!ok(settings_word(&rest, &value))) return DONE; /* an empty field */
    if (is(name, "Content-Length")) return settings_number(value, BODY_MAX, body_n);
    if (is(name, "Transfer-Encoding")) return REFUSE(E_UNSUPPORTED);
    if (is(name, "Sekimori-Site")) return bytes_to_text(value, a->site, sizeof a->site);
    if (!is(name, "Sekimori-MQTT")) return DONE;
    TRY(settings_number(value, 65535, &port));
    a->mqtt_port = (uint16_t)port;
    return DONE;
}

outcome est_answer_read(struct bytes in, struct est_answer *ret)
{
    struct est_answer a = { 0 };
    struct bytes rest = in, line;
    uint32_t body_n = UINT32_MAX;
    const uint8_t *end = in.n > 3 ? memmem(in.at, in.n, "\r\n\r\n", 4) : NULL;
    if (end == NULL) return in.n > HEAD_MAX ? REFUSE(E_TOO_LARGE) : REFUSE(E_SHORT);
    TRY(line_take(&rest, &line));
    TRY(status_read(line, &a.status));
    for (size_t i = 0; i < 64; i++) { /* fields, then the empty line */
        TRY(line_take(&rest, &line));
        if (line.n == 0) break;
        TRY(field_read(line, &a, &body_n));
    }
    if (line.n != 0) return REFUSE(E_TOO_LARGE);
    if (body_n == UINT32_MAX) return REFUSE(E_MALFORMED);
    TRY(take(&rest, body_n, &a.body));
    a.total = in.n - rest.n;
    *ret = a;
    return DONE;
}

outcome est_status_outcome(int status)
{
    switch (status) {
    case 200: return DONE;
    case 202: case 429: case 503: return REFUSE_SYS(E_AGAIN, status);
    case 401: case 403: return REFUSE_SYS(E_DENIED, status);
    case 404: return REFUSE_SYS(E_UNKNOWN, status);
    case 409: return REFUSE_SYS(E_CONFLICT, status);
    case 410: return REFUSE_SYS(E_EXPIRED, status);
    default: return REFUSE_SYS(E_MALFORMED, status);
    }
}
