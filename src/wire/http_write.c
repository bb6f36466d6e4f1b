/* HTTP/1.1 responses. Every one carries the same protections: nobody can forget them. */
#include "wire/http.h"

static const char security_fields[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-store\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";

/* RFC 9110, 15: the ones we send; the phrase means nothing to machines. */
static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
};

static const char *phrase_of(int status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status) return phrases[i].phrase;
    return "";
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7F) return true;
    return false;
}

/* Whole lines with a name, each ended by CRLF, none of them empty. */
static bool fields_good(const char *s)
{
    while (*s) {
        size_t n = strcspn(s, "\r\n"), colon = strcspn(s, ": \t\r\n");
        if (colon == 0 || s[colon] != ':') return false;
        for (size_t i = 0; i < n; i++)
            if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7F) return false;
        if (s[n] != '\r' || s[n + 1] != '\n') return false;
        s += n + 2;
    }
    return true;
}

/* RFC 9110, 8.6 and 15.3.5: these never have a body. */
static bool is_bodiless(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static MUST outcome write_parts(const struct http_response *r, struct buffer *b)
{
    bool bodiless = is_bodiless(r->status);
    TRY(buffer_fmt(b, "HTTP/1.1 %d %s\r\n", r->status, phrase_of(r->status)));
    TRY(buffer_put(b, bytes_of(security_fields, sizeof security_fields - 1)));
    if (r->type) TRY(buffer_fmt(b, "Content-Type: %s\r\n", r->type));
    if (!r->stream && !bodiless) TRY(buffer_fmt(b, "Content-Length: %zu\r\n", r->body.n));
    if (r->close) TRY(buffer_put(b, BYTES_LIT("Connection: close\r\n")));
    if (r->fields) TRY(buffer_put(b, bytes_str(r->fields)));
    TRY(buffer_put(b, BYTES_LIT("\r\n")));
    return r->head || bodiless ? DONE : buffer_put(b, r->body);
}

outcome http_write(const struct http_response *r, struct buffer *b)
{
    assert(r->status >= 100 && r->status <= 599);
    if (r->type && has_control(r->type)) return REFUSE(E_MALFORMED);
    if (r->fields && !fields_good(r->fields)) return REFUSE(E_MALFORMED);
    size_t before = b->n;
    outcome o = write_parts(r, b);
    if (!ok(o)) b->n = before;
    return o;
}
