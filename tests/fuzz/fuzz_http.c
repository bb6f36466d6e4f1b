/* A request from anybody. Everything handed out lies inside it, and no part of a head is a request. */
#include "fuzz.h"
#include "wire/http.h"

#define BODY_MAX 65536

static void check_text(struct bytes text)
{
    char decoded[256];
    if (!ok(http_decode(text, decoded, sizeof decoded))) return;
    HOLDS(bytes_is_utf8(bytes_str(decoded)) && strlen(decoded) <= text.n);
}

/* What a handler might write back of it never breaks the response. */
static void check_response(struct bytes text)
{
    struct buffer b = BUFFER(65536);
    char copy[512];
    if (ok(bytes_to_text(text, copy, sizeof copy))) {
        struct http_response r = { .status = 200, .type = copy, .fields = copy };
        if (ok(http_write(&r, &b))) {
            size_t ends = 0;
            for (size_t i = 0; i + 4 <= b.n; i++) ends += memcmp(b.at + i, "\r\n\r\n", 4) == 0;
            HOLDS(ends == 1);
        }
    }
    buffer_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct http_request r, again;
    struct bytes in = bytes_of(data, n);
    check_text(in);
    check_response(in);
    if (!ok(http_read(in, BODY_MAX, &r))) return 0;
    HOLDS(r.head_n <= n && r.body_n <= BODY_MAX && r.n <= HTTP_FIELDS_MAX);
    HOLDS(fuzz_inside(r.method, in) && fuzz_inside(r.target, in) && fuzz_inside(r.path, in));
    HOLDS(fuzz_inside(r.query, in) && fuzz_inside(r.body, in));
    HOLDS((r.body.at != NULL) == (n - r.head_n >= r.body_n));
    for (size_t i = 0; i < r.n; i++)
        HOLDS(fuzz_inside(r.fields[i].name, in) && fuzz_inside(r.fields[i].value, in));
    for (size_t k = 1; k <= r.head_n && k <= 16; k++)
        HOLDS(http_read(bytes_of(data, r.head_n - k), BODY_MAX, &again).code == E_SHORT);
    HOLDS(fuzz_inside(http_cookie(&r, "s"), in) && fuzz_inside(http_query(&r, "a"), in));
    check_text(r.path);
    return 0;
}
