/* HTTP/1.1 requests: a strict subset, because two readings of one request are an attack. */
#include "wire/http.h"

/* RFC 9110, 5.6.2 */
static bool is_token_char(uint8_t c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (!is_token_char(b.at[i])) return false;
    return b.n > 0;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool same_word(struct bytes b, const char *s)
{
    if (b.n != strlen(s)) return false;
    for (size_t i = 0; i < b.n; i++)
        if (lower(b.at[i]) != lower((uint8_t)s[i])) return false;
    return true;
}

static struct bytes trim(struct bytes b)
{
    while (b.n && (b.at[0] == ' ' || b.at[0] == '\t')) b = bytes_of(b.at + 1, b.n - 1);
    while (b.n && (b.at[b.n - 1] == ' ' || b.at[b.n - 1] == '\t')) b.n--;
    return b;
}

/* Takes what is before c, and c itself; everything when there is no c. */
static struct bytes until(struct bytes *in, char c)
{
    const uint8_t *at = in->n ? memchr(in->at, c, in->n) : NULL;
    size_t n = at ? (size_t)(at - in->at) : in->n;
    struct bytes part = bytes_of(in->at, n);
    *in = at ? bytes_of(at + 1, in->n - n - 1) : bytes_of(in->at + n, 0);
    return part;
}

/* The head with its empty line. A bare CR or LF, and NUL, are refused as soon as they are seen
 * (RFC 9112, 2.2). */
static MUST outcome head_find(struct bytes in, size_t *ret_n)
{
    size_t line = 0, end = in.n < HTTP_HEAD_MAX ? in.n : HTTP_HEAD_MAX;
    for (size_t i = 0; i < end; i++) {
        uint8_t c = in.at[i];
        if (c == 0) return REFUSE(E_MALFORMED);
        if (c == '\n' && (i == 0 || in.at[i - 1] != '\r')) return REFUSE(E_MALFORMED);
        if (i > 0 && in.at[i - 1] == '\r' && c != '\n') return REFUSE(E_MALFORMED);
        if (c != '\n') continue;
        if (i - line == 1) { /* CR LF alone */
            if (line == 0) return REFUSE(E_MALFORMED);
            *ret_n = i + 1;
            return DONE;
        }
        line = i + 1;
    }
    return in.n >= HTTP_HEAD_MAX ? REFUSE(E_TOO_LARGE) : REFUSE(E_SHORT);
}

static MUST outcome take_line(struct bytes *in, struct bytes *ret)
{
    const uint8_t *lf = in->n ? memchr(in->at, '\n', in->n) : NULL;
    if (!lf || lf == in->at) return REFUSE(E_MALFORMED);
    size_t n = (size_t)(lf - in->at);
    TRY(take(in, n - 1, ret));
    struct bytes crlf;
    return take(in, 2, &crlf);
}

/* RFC 9112, 3.2.1: visible ASCII, and no fragment. */
static bool is_target(struct bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.at[i] <= ' ' || b.at[i] >= 0x7F || b.at[i] == '#') return false;
    return b.n > 0 && b.at[0] == '/';
}

static MUST outcome read_request_line(struct bytes line, struct http_request *r)
{
    r->method = until(&line, ' ');
    r->target = until(&line, ' ');
    if (!is_token(r->method)) return REFUSE(E_MALFORMED);
    if (!bytes_starts(line, BYTES_LIT("HTTP/")) || line.n != 8) return REFUSE(E_MALFORMED);
    r->version_1_0 = bytes_equal_str(line, "HTTP/1.0");
    if (!r->version_1_0 && !bytes_equal_str(line, "HTTP/1.1")) return REFUSE(E_UNSUPPORTED);
    if (!is_target(r->target)) return REFUSE(E_MALFORMED);
    struct bytes rest = r->target;
    r->path = until(&rest, '?');
    r->query = rest;
    return DONE;
}

/* RFC 9112, 5.1: no white space before the colon; a line that starts with white space (obs-fold,
 * 5.2) has no token for a name. */
static MUST outcome read_field(struct bytes line, struct http_request *r)
{
    if (!memchr(line.at, ':', line.n)) return REFUSE(E_MALFORMED);
    struct bytes name = until(&line, ':');
    struct bytes value = trim(line);
    if (!is_token(name)) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < value.n; i++)
        if ((value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7F)
            return REFUSE(E_MALFORMED);
    if (r->n == HTTP_FIELDS_MAX) return REFUSE(E_TOO_LARGE);
    r->fields[r->n].name = name;
    r->fields[r->n].value = value;
    r->n++;
    return DONE;
}

static size_t field_count(const struct http_request *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += same_word(r->fields[i].name, name);
    return n;
}

/* RFC 9110, 8.6: digits only; over max is E_TOO_LARGE however many digits there are. */
static MUST outcome read_length(struct bytes text, size_t max, size_t *ret)
{
    size_t value = 0;
    bool over = false;
    if (text.n == 0) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        over = over || __builtin_mul_overflow(value, (size_t)10, &value)
            || __builtin_add_overflow(value, (size_t)(text.at[i] - '0'), &value) || value > max;
    }
    if (over) return REFUSE(E_TOO_LARGE);
    *ret = value;
    return DONE;
}

/* Does a comma-separated field contain this word? */
static bool has_word(const struct http_request *r, const char *name, const char *word)
{
    for (size_t i = 0; i < r->n; i++) {
        struct bytes rest = r->fields[i].value;
        if (!same_word(r->fields[i].name, name)) continue;
        while (rest.n > 0)
            if (same_word(trim(until(&rest, ',')), word)) return true;
    }
    return false;
}

/* RFC 9112, 6.1 and 6.3: how long the body is must have one answer. */
static MUST outcome read_framing(struct http_request *r, size_t body_max)
{
    size_t lengths = field_count(r, "Content-Length");
    size_t hosts = field_count(r, "Host");
    if (field_count(r, "Transfer-Encoding"))
        return lengths ? REFUSE(E_MALFORMED) : REFUSE(E_UNSUPPORTED);
    if (lengths > 1 || hosts > 1) return REFUSE(E_MALFORMED);
    if (!r->version_1_0 && hosts != 1) return REFUSE(E_MALFORMED); /* RFC 9112, 3.2 */
    if (lengths) TRY(read_length(http_field(r, "Content-Length"), body_max, &r->body_n));
    r->close = r->version_1_0 || has_word(r, "Connection", "close");
    return DONE;
}

outcome http_read(struct bytes in, size_t body_max, struct http_request *ret)
{
    struct http_request r = { 0 };
    struct bytes head, line, rest = in;
    TRY(head_find(in, &r.head_n));
    TRY(take(&rest, r.head_n, &head));
    TRY(take_line(&head, &line));
    TRY(read_request_line(line, &r));
    TRY(take_line(&head, &line));
    while (line.n > 0) {
        TRY(read_field(line, &r));
        TRY(take_line(&head, &line));
    }
    TRY(read_framing(&r, body_max));
    if (rest.n >= r.body_n) TRY(take(&rest, r.body_n, &r.body));
    *ret = r;
    return DONE;
}

struct bytes http_field(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (same_word(r->fields[i].name, name)) return r->fields[i].value;
    return BYTES_NONE;
}

/* name=value among parts set apart by c. */
static struct bytes pair_find(struct bytes rest, char c, const char *name)
{
    while (rest.n > 0) {
        struct bytes value = trim(until(&rest, c));
        struct bytes key = until(&value, '=');
        if (bytes_equal_str(key, name)) return value;
    }
    return BYTES_NONE;
}

struct bytes http_cookie(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++) {
        if (!same_word(r->fields[i].name, "Cookie")) continue;
        struct bytes found = pair_find(r->fields[i].value, ';', name);
        if (found.at) return found;
    }
    return BYTES_NONE;
}

struct bytes http_query(const struct http_request *r, const char *name)
{
    return pair_find(r->query, '&', name);
}

outcome http_decode(struct bytes in, char *text, size_t size)
{
    struct out o = out_of(text, size ? size - 1 : 0);
    while (in.n > 0) {
        uint8_t c;
        TRY(take_u8(&in, &c));
        if (c == '%') {
            struct bytes digits;
            if (!ok(take(&in, 2, &digits))) return REFUSE(E_MALFORMED);
            TRY(hex_to(digits, &c, 1));
        }
        put_u8(&o, c);
    }
    if (!size) return REFUSE(E_TOO_LARGE);
    TRY(out_done(&o));
    if (!bytes_is_utf8(out_view(&o))) return REFUSE(E_MALFORMED);
    text[o.n] = 0;
    return DONE;
}
