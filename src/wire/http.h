/* HTTP/1.1, a strict subset: no obs-fold, no bare LF, no both of Content-Length and
 * Transfer-Encoding, no chunked requests, heads <= 16 KiB and <= 64 fields, bodies <= a bound. */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/mem.h"

#define HTTP_HEAD_MAX 16384
#define HTTP_FIELDS_MAX 64

struct http_request {
    struct bytes method, target, path, query; /* views into the input; path undecoded */
    bool version_1_0;
    bool close;           /* the peer wants the connection closed afterwards */
    size_t head_n;        /* bytes of head including the empty line */
    size_t body_n;        /* Content-Length, 0 when absent */
    struct bytes body;    /* set when the whole body is there */
    size_t n;
    struct {
        struct bytes name, value; /* value trimmed */
    } fields[HTTP_FIELDS_MAX];
};

/* RFC 9112, RFC 9110. Origin form only; HTTP/1.1 needs exactly one Host; a Content-Length stands alone.
 * E_SHORT until the head is whole; E_MALFORMED / E_TOO_LARGE / E_UNSUPPORTED refuse the peer. Body bound: body_max.
 * With a whole head but a partial body: OK and ret->body.at == NULL unless body_n == 0. */
MUST outcome http_read(struct bytes in, size_t body_max, struct http_request *ret);
/* Case-insensitive; BYTES_NONE when absent. */
struct bytes http_field(const struct http_request *r, const char *name);
/* Cookie value by name; BYTES_NONE when absent. */
struct bytes http_cookie(const struct http_request *r, const char *name);
/* A query parameter, still percent-encoded; BYTES_NONE when absent. An empty one has n == 0, at set. */
struct bytes http_query(const struct http_request *r, const char *name);
/* Percent-decoding into text[size]; refuses NUL, broken escapes and what is not UTF-8 (E_MALFORMED),
 * and what does not fit (E_TOO_LARGE). "+" stays "+". */
MUST outcome http_decode(struct bytes in, char *text, size_t size);

struct http_response {
    int status;              /* 200 ... */
    const char *type;        /* Content-Type */
    const char *fields;      /* extra header lines, each ended by CRLF, or "" */
    struct bytes body;
    bool close;
    bool stream;             /* no Content-Length; the connection stays open (SSE) */
    bool head;               /* the answer to HEAD: all fields, no body */
};
/* Writes status line, security headers (CSP, nosniff, no-store, frame-ancestors none), head, body.
 * Content-Type only when type is set. 204 and 304 have no body. A status from 100 to 599.
 * E_MALFORMED when type or fields could end the head early; b is unchanged on refusal. */
MUST outcome http_write(const struct http_response *r, struct buffer *b);

#endif
