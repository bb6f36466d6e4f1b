#include "base/test.h"
#include "wire/http.h"

#define BODY_MAX 1000
#define HOST "Host: a\r\n"

struct row {
    const char *claim;
    struct bytes in;
    enum code want;
};
#define R(s) BYTES_LIT(s)

static const struct row good[] = {
    { "GET", R("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), OK },
    { "everything", R("POST /api/v1/x%20y?a=1&b=&c HTTP/1.1\r\nhOST:a:8443\r\nX-Empty:\r\nX-Tab: \ta\tb \t\r\n"
                      "Cookie: s=abc; t=\"d\"\r\nConnection: keep-alive, Close\r\nContent-Length: 5\r\n\r\nhello"), OK },
    { "HTTP/1.0 needs no host", R("GET /x HTTP/1.0\r\n\r\n"), OK },
    { "obs-text in a value", R("GET / HTTP/1.1\r\nHost: a\r\nX: \xe6\xb0\xb4\r\n\r\n"), OK },
    { "length 0", R("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), OK },
    { "length exactly the bound", R("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"), OK },
};

static const struct row bad[] = {
    { "nothing yet", R(""), E_SHORT },
    { "no empty line yet", R("GET / HTTP/1.1\r\nHost: a\r\n"), E_SHORT },
    { "half the empty line", R("GET / HTTP/1.1\r\nHost: a\r\n\r"), E_SHORT },
    { "bare LF", R("GET / HTTP/1.1\nHost: a\n\n"), E_MALFORMED },
    { "bare LF, seen at once", R("GET / HTTP/1.1\n"), E_MALFORMED },
    { "bare CR", R("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), E_MALFORMED },
    { "NUL", R("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"), E_MALFORMED },
    { "an empty line in front", R("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "obs-fold", R("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"), E_MALFORMED },
    { "a field folded before any", R("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), E_MALFORMED },
    { "space before the colon", R("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), E_MALFORMED },
    { "a field without a colon", R("GET / HTTP/1.1\r\nHost\r\n\r\n"), E_MALFORMED },
    { "a field without a name", R("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"), E_MALFORMED },
    { "a control in a value", R("GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n"), E_MALFORMED },
    { "no host", R("GET / HTTP/1.1\r\n\r\n"), E_MALFORMED },
    { "two hosts", R("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "two lengths", R("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"), E_MALFORMED },
    { "a list of lengths", R("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx"), E_MALFORMED },
    { "an empty length", R("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"), E_MALFORMED },
    { "a signed length", R("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"), E_MALFORMED },
    { "a hexadecimal length", R("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx"), E_MALFORMED },
    { "one over the bound", R("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"), E_TOO_LARGE },
    { "a length over 64 bits", R("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nx"), E_TOO_LARGE },
    { "chunked", R("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), E_UNSUPPORTED },
    { "chunked and a length", R("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), E_MALFORMED },
    { "HTTP/2", R("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), E_UNSUPPORTED },
    { "HTTP/1.2", R("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), E_UNSUPPORTED },
    { "HTTP/0.9", R("GET /\r\n\r\n"), E_MALFORMED },
    { "a lower-case version", R("GET / http/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "two spaces", R("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "a space in the target", R("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "a fragment", R("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "the absolute form", R("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "bytes over 127 in the target", R("GET /\xe6\xb0\xb4 HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "a method that is no token", R("G@T / HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
    { "no method", R(" / HTTP/1.1\r\nHost: a\r\n\r\n"), E_MALFORMED },
};

static void test_rows(void)
{
    static struct http_request r;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        printf("# %s\n", good[i].claim);
        CHECK_OK(http_read(good[i].in, BODY_MAX, &r));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        printf("# %s\n", bad[i].claim);
        CHECK_IS(http_read(bad[i].in, BODY_MAX, &r), bad[i].want);
    }
}

static void test_parts(void)
{
    static struct http_request r;
    CHECK_OK(http_read(good[1].in, BODY_MAX, &r));
    CHECK(bytes_equal_str(r.method, "POST") && bytes_equal_str(r.path, "/api/v1/x%20y"));
    CHECK(bytes_equal_str(r.target, "/api/v1/x%20y?a=1&b=&c") && bytes_equal_str(r.query, "a=1&b=&c"));
    CHECK(bytes_equal_str(http_query(&r, "a"), "1") && http_query(&r, "b").at);
    CHECK(http_query(&r, "b").n == 0 && http_query(&r, "c").at && !http_query(&r, "d").at);
    CHECK(bytes_equal_str(http_field(&r, "Host"), "a:8443") && http_field(&r, "x-empty").n == 0);
    CHECK(bytes_equal_str(http_field(&r, "x-tab"), "a\tb") && !http_field(&r, "absent").at);
    CHECK(bytes_equal_str(http_cookie(&r, "s"), "abc") && bytes_equal_str(http_cookie(&r, "t"), "\"d\""));
    CHECK(!http_cookie(&r, "u").at && !http_cookie(&r, "bc").at);
    CHECK(r.close && !r.version_1_0 && r.n == 6 && r.body_n == 5 && bytes_equal_str(r.body, "hello"));
    CHECK(r.head_n + r.body_n == good[1].in.n);
    CHECK_OK(http_read(good[2].in, BODY_MAX, &r));
    CHECK(r.version_1_0 && r.close && r.query.n == 0);
    CHECK_OK(http_read(R("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"), BODY_MAX, &r));
    CHECK(r.body_n == 5 && r.body.at == NULL && !r.close);
    CHECK_OK(http_read(R("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhelGET"), BODY_MAX, &r));
    CHECK(bytes_equal_str(r.body, "he")); /* the rest is the next request's */
}

static void test_bounds(void)
{
    static struct http_request r;
    static uint8_t text[HTTP_HEAD_MAX + 10];
    for (size_t n = HTTP_HEAD_MAX; n <= HTTP_HEAD_MAX + 1; n++) { /* a head of exactly n bytes */
        struct out o = out_of(text, n);
        put_str(&o, "GET / HTTP/1.1\r\n" HOST "X: ");
        while (o.n < n - 4) put_u8(&o, 'x');
        CHECK_IS(http_read(out_view(&o), BODY_MAX, &r), E_SHORT);
        put_str(&o, "\r\n\r\n");
        CHECK_IS(http_read(out_view(&o), BODY_MAX, &r), n > HTTP_HEAD_MAX ? E_TOO_LARGE : OK);
    }
    for (size_t n = HTTP_FIELDS_MAX; n <= HTTP_FIELDS_MAX + 1; n++) {
        struct out o = out_of(text, sizeof text);
        put_str(&o, "GET / HTTP/1.1\r\n" HOST);
        for (size_t i = 1; i < n; i++) put_str(&o, "X: y\r\n");
        put_str(&o, "\r\n");
        CHECK_IS(http_read(out_view(&o), BODY_MAX, &r), n > HTTP_FIELDS_MAX ? E_TOO_LARGE : OK);
    }
}

/* No prefix of a head is a request; no one-byte change hurts, and what is taken stays inside. */
static void test_damage(void)
{
    static struct http_request r;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_OK(http_read(good[i].in, BODY_MAX, &r));
        size_t head_n = r.head_n;
        for (size_t n = 0; n < head_n; n++)
            CHECK_QUIET(http_read(bytes_of(good[i].in.at, n), BODY_MAX, &r).code == E_SHORT);
        uint8_t *copy = malloc(good[i].in.n);
        assert(copy);
        for (size_t at = 0; at < good[i].in.n; at++) {
            for (int v = 0; v < 256; v++) {
                memcpy(copy, good[i].in.at, good[i].in.n);
                copy[at] = (uint8_t)v;
                if (!ok(http_read(bytes_of(copy, good[i].in.n), BODY_MAX, &r))) continue;
                CHECK_QUIET(r.body_n <= BODY_MAX && r.head_n <= good[i].in.n);
                CHECK_QUIET(!r.body.at || r.head_n + r.body_n <= good[i].in.n);
                (void)http_cookie(&r, "s");
                (void)http_query(&r, "a");
            }
        }
        free(copy);
    }
}

struct decode_row {
    const char *in;
    enum code want;
    const char *text;
};
static const struct decode_row decodes[] = {
    { "", OK, "" },           { "a+b", OK, "a+b" },          { "%41%7a", OK, "Az" },
    { "%e6%B0%b4", OK, "水" }, { "%2525", OK, "%25" },        { "%", E_MALFORMED, "" },
    { "%4", E_MALFORMED, "" }, { "%4g", E_MALFORMED, "" },    { "%00", E_MALFORMED, "" },
    { "%ff", E_MALFORMED, "" }, { "%c0%af", E_MALFORMED, "" }, { "1234567", OK, "1234567" },
    { "12345678", E_TOO_LARGE, "" },
};

static void test_decode(void)
{
    for (size_t i = 0; i < sizeof decodes / sizeof *decodes; i++) {
        char text[8];
        printf("# decode %s\n", decodes[i].in);
        outcome o = http_decode(bytes_str(decodes[i].in), text, sizeof text);
        CHECK(o.code == decodes[i].want);
        if (ok(o)) CHECK(strcmp(text, decodes[i].text) == 0);
    }
}

/* Everything after the status line that every response carries. */
#define SAFE                                                                                       \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "              \
    "frame-ancestors 'none'; base-uri 'none'\r\n"                                                  \
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"                          \
    "Cache-Control: no-store\r\nCross-Origin-Opener-Policy: same-origin\r\n"

struct write_row {
    const char *claim;
    struct http_response in;
    const char *want; /* NULL: refused as malformed */
};
static const struct write_row writes[] = {
    { "a body", { 200, "text/plain", "", R("hi"), false, false, false },
      "HTTP/1.1 200 OK\r\n" SAFE "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi" },
    { "nothing but a status", { 404, NULL, NULL, BYTES_NONE, true, false, false },
      "HTTP/1.1 404 Not Found\r\n" SAFE "Content-Length: 0\r\nConnection: close\r\n\r\n" },
    { "a stream", { 200, "text/event-stream", "", BYTES_NONE, false, true, false },
      "HTTP/1.1 200 OK\r\n" SAFE "Content-Type: text/event-stream\r\n\r\n" },
    { "fields", { 303, NULL, "Location: /\r\nSet-Cookie: a=b\r\n", BYTES_NONE, false, false, false },
      "HTTP/1.1 303 See Other\r\n" SAFE "Content-Length: 0\r\nLocation: /\r\nSet-Cookie: a=b\r\n\r\n" },
    { "HEAD", { 200, "text/plain", "", R("hi"), false, false, true },
      "HTTP/1.1 200 OK\r\n" SAFE "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n" },
    { "no content", { 204, NULL, "", R("hi"), false, false, false },
      "HTTP/1.1 204 No Content\r\n" SAFE "\r\n" },
    { "a status without a phrase", { 418, NULL, "", BYTES_NONE, false, false, false },
      "HTTP/1.1 418 \r\n" SAFE "Content-Length: 0\r\n\r\n" },
    { "a type with a line break", { 200, "a\r\nX: y", "", BYTES_NONE, false, false, false }, NULL },
    { "fields without an end", { 200, NULL, "Location: /", BYTES_NONE, false, false, false }, NULL },
    { "fields that end the head", { 200, NULL, "A: b\r\n\r\n<x>\r\n", BYTES_NONE, false, false, false }, NULL },
    { "fields with a bare LF", { 200, NULL, "A: b\nC: d\r\n", BYTES_NONE, false, false, false }, NULL },
    { "fields with a bare CR", { 200, NULL, "A: b\r;C: d\r\n", BYTES_NONE, false, false, false }, NULL },
    { "a field without a name", { 200, NULL, ": b\r\n", BYTES_NONE, false, false, false }, NULL },
};

static void test_write(void)
{
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        struct buffer b = BUFFER(4096), small = BUFFER(600);
        printf("# %s\n", writes[i].claim);
        CHECK_IS(http_write(&writes[i].in, &b), writes[i].want ? OK : E_MALFORMED);
        CHECK(bytes_equal_str(buffer_view(&b), writes[i].want ? writes[i].want : ""));
        CHECK_OK(buffer_put(&small, bytes_of(SAFE SAFE, 580)));
        CHECK(!ok(http_write(&writes[i].in, &small)) && small.n == 580);
        buffer_deinit(&b);
        buffer_deinit(&small);
    }
}

int main(void)
{
    test_rows();
    test_parts();
    test_bounds();
    test_damage();
    test_decode();
    test_write();
    return TEST_END;
}
