/* N19: what a WebSocket peer may not do, each by its close code; and that the border of reads means nothing. */
#include "base/test.h"
#include "wire/ws.h"

struct row {
    const char *claim;
    struct bytes in, data, answer;
    enum code want;
};
#define B(s) BYTES_LIT(s)
#define MASKED "\x01\x02\x03\x04" /* "\xc0\x00" under this mask is "\xc1\x02" */
#define CLOSE_1002 B("\x88\x02\x03\xea")

static const struct row rows[] = {
    { "a ping request of MQTT", B("\x82\x82" MASKED "\xc1\x02"), B("\xc0\x00"), B(""), OK },
    { "two frames", B("\x82\x81" MASKED "\xc1" "\x82\x81" MASKED "\x01"), B("\xc0\x00"), B(""), OK },
    { "two fragments", B("\x02\x81" MASKED "\xc1" "\x80\x81" MASKED "\x01"), B("\xc0\x00"), B(""), OK },
    { "a ping between fragments", B("\x02\x81" MASKED "\xc1" "\x89\x81" MASKED "\x40" "\x80\x81" MASKED "\x01"), B("\xc0\x00"),
        B("\x8a\x01\x41"), OK },
    { "an empty ping, an unasked pong", B("\x89\x80" MASKED "\x8a\x80" MASKED), B(""), B("\x8a\x00"), OK },
    { "half a head", B("\x82"), B(""), B(""), OK },
    { "close without a code", B("\x88\x80" MASKED), B(""), B("\x88\x02\x03\xe8"), E_CLOSED },
    { "close with a code", B("\x88\x82" MASKED "\x02\xeb"), B(""), B("\x88\x02\x03\xe9"), E_CLOSED },
    { "nothing is read after a close", B("\x88\x80" MASKED "\x82\x82" MASKED "\xc1\x02"), B(""), B("\x88\x02\x03\xe8"), E_CLOSED },
    { "unmasked", B("\x82\x02\xc0\x00"), B(""), CLOSE_1002, E_MALFORMED },
    { "length 2^63", B("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "length 2^62", B("\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00" MASKED), B(""), B("\x88\x02\x03\xf1"), E_MALFORMED },
    { "length 2,000,001", B("\x82\xff\x00\x00\x00\x00\x00\x1e\x84\x81" MASKED), B(""), B("\x88\x02\x03\xf1"), E_MALFORMED },
    { "16-bit length that fits 7", B("\x82\xfe\x00\x7d" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "64-bit length that fits 16", B("\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "ping of 126 bytes", B("\x89\xfe\x00\x7e" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "ping in fragments", B("\x09\x80" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "reserved bit", B("\xc2\x80" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "reserved opcode", B("\x83\x80" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "reserved control opcode", B("\x8b\x80" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "text", B("\x81\x80" MASKED), B(""), B("\x88\x02\x03\xeb"), E_MALFORMED },
    { "continuation of nothing", B("\x80\x80" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "a new message inside another", B("\x02\x80" MASKED "\x82\x80" MASKED), B(""), CLOSE_1002, E_MALFORMED },
    { "close with half a code", B("\x88\x81" MASKED "\x02"), B(""), CLOSE_1002, E_MALFORMED },
    { "close with a code nobody may send", B("\x88\x82" MASKED "\x02\xef"), B(""), CLOSE_1002, E_MALFORMED },
    { "close with a reason that is not UTF-8", B("\x88\x83" MASKED "\x02\xea\xfc"), B(""), CLOSE_1002, E_MALFORMED },
};

static outcome fed(struct bytes in, size_t piece, struct buffer *data, struct buffer *answer)
{
    struct ws w = { 0 };
    outcome o = DONE;
    data->n = answer->n = 0;
    for (size_t at = 0; at < in.n && ok(o); at += piece)
        o = ws_take(&w, bytes_of(in.at + at, in.n - at < piece ? in.n - at : piece), data, answer);
    return o;
}

static void test_rows(void)
{
    struct buffer data = BUFFER(4096), answer = BUFFER(4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        for (size_t piece = 1; piece <= r->in.n; piece++) {
            outcome o = fed(r->in, piece, &data, &answer);
            bool good = o.code == r->want && bytes_equal(buffer_view(&data), r->data)
                && bytes_equal(buffer_view(&answer), r->answer);
            if (!good || piece == 1) printf("# %s\n", r->claim);
            if (!good) CHECK(good);
        }
        CHECK(fed(r->in, r->in.n, &data, &answer).code == r->want);
    }
    buffer_deinit(&data);
    buffer_deinit(&answer);
}

/* What costs us work and brings nothing is bounded. */
static void test_floods(void)
{
    struct buffer data = BUFFER(65536), answer = BUFFER(65536);
    struct ws w = { 0 };
    size_t n = 0;
    while (n < 100000 && ok(ws_take(&w, B("\x89\x80" MASKED), &data, &answer))) n++;
    CHECK(n == WS_BARREN_MAX);
    w = (struct ws) { 0 };
    CHECK_OK(ws_take(&w, B("\x02\x81" MASKED "\x00"), &data, &answer));
    for (n = 1; n < 100000 && ok(ws_take(&w, B("\x00\x81" MASKED "\x00"), &data, &answer));) n++;
    CHECK(n == WS_FRAGMENTS_MAX);
    w = (struct ws) { 0 };
    CHECK_OK(ws_take(&w, B("\x02\x80" MASKED), &data, &answer));
    for (n = 1; n < 100000 && ok(ws_take(&w, B("\x00\x80" MASKED), &data, &answer));) n++;
    CHECK(n == WS_BARREN_MAX);
    buffer_deinit(&data);
    buffer_deinit(&answer);
}

static void test_writer(void)
{
    static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 1000000 };
    static uint8_t payload[1000000];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buffer b = BUFFER(2000000);
        uint8_t head[10];
        CHECK_OK(ws_put_data(bytes_of(payload, sizes[i]), &b));
        size_t n = ws_head(sizes[i], head);
        CHECK(b.n == n + sizes[i] && b.at[0] == 0x82 && memcmp(b.at, head, n) == 0);
        CHECK(n == (sizes[i] < 126 ? 2u : sizes[i] < 65536 ? 4u : 10u));
        buffer_deinit(&b);
    }
    struct buffer small = BUFFER(4);
    CHECK_IS(ws_put_data(bytes_of(payload, 100), &small), E_TOO_LARGE);
    CHECK(small.n == 0);
    struct ws w = { 0 };
    CHECK_OK(ws_put_close(&w, WS_PROTOCOL, &small));
    CHECK(bytes_equal(buffer_view(&small), CLOSE_1002));
    CHECK_OK(ws_put_close(&w, WS_NORMAL, &small)); /* once */
    CHECK(small.n == 4);
    CHECK_IS(ws_take(&w, B("\x82\x80" MASKED), &small, &small), E_CLOSED);
    buffer_deinit(&small);
}

/* A packet that claims 4,096 bytes and brings 3: the frame says what is there, nothing is made up. */
static void test_short_packet(void)
{
    struct ws w = { 0 };
    struct buffer data = BUFFER(4096), answer = BUFFER(64);
    CHECK_OK(ws_take(&w, B("\x82\x86\x00\x00\x00\x00\x30\x80\x20\x00\x01t"), &data, &answer));
    CHECK(data.n == 6 && answer.n == 0);
    struct buffer full = BUFFER(3);
    w = (struct ws) { 0 };
    CHECK_IS(ws_take(&w, B("\x82\x86\x00\x00\x00\x00\x30\x80\x20\x00\x01t"), &full, &answer), E_TOO_LARGE);
    buffer_deinit(&data);
    buffer_deinit(&answer);
    buffer_deinit(&full);
}

int main(void)
{
    test_rows();
    test_floods();
    test_writer();
    test_short_packet();
    return TEST_END;
}
