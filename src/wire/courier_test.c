/* Every record read back; every prefix refused; what is out of bounds refused. */
#include "wire/courier.h"

#include "base/test.h"

static uint8_t room[200000];

static struct bytes body_of(struct out *o, enum courier_kind want)
{
    enum courier_kind kind;
    uint32_t peer;
    struct bytes in = out_view(o);
    CHECK_OK(courier_take_head(&in, &kind, &peer));
    CHECK(kind == want && peer == 3);
    return in;
}

static void test_peer(void)
{
    struct courier_peer p = { BYTES_LIT("cloud"), BYTES_LIT("cloud.example"), BYTES_LIT("mizu"), BYTES_LIT("PEM"), 8883, 5,
        { BYTES_LIT("a/b"), BYTES_LIT("c") }, 2 }, got;
    struct out o = out_of(room, sizeof room);
    courier_put_peer(&o, 3, &p);
    struct bytes in = body_of(&o, COURIER_PEER);
    CHECK_OK(courier_take_peer(in, &got));
    CHECK(got.n == 2 && bytes_equal_str(got.filters[1], "c") && bytes_equal_str(got.host, "cloud.example") && got.port == 8883);
    for (size_t n = 0; n < in.n; n++) CHECK_QUIET(!ok(courier_take_peer(bytes_of(in.at, n), &got)));
    static const struct { uint8_t version; uint16_t port; const char *filter; } bad[] = { { 3, 1, "a" }, { 5, 0, "a" }, { 5, 1, "a/#/b" } };
    for (size_t i = 0; i < 3; i++) {
        p.version = bad[i].version, p.port = bad[i].port, p.filters[1] = bytes_str(bad[i].filter);
        o = out_of(room, sizeof room);
        courier_put_peer(&o, 3, &p);
        CHECK(!ok(courier_take_peer(body_of(&o, COURIER_PEER), &got)));
    }
}

static void test_message(void)
{
    static uint8_t large[COURIER_PAYLOAD_MAX + 1];
    struct courier_message m = { 77, COURIER_RETAIN, BYTES_LIT("a/b"), BYTES_LIT("{}") }, got;
    struct out o = out_of(room, sizeof room);
    courier_put_message(&o, COURIER_ARRIVED, 3, &m);
    struct bytes in = body_of(&o, COURIER_ARRIVED);
    CHECK_OK(courier_take_message(in, &got));
    CHECK(got.ticket == 77 && got.flags == COURIER_RETAIN && bytes_equal_str(got.payload, "{}"));
    for (size_t n = 0; n < in.n; n++) CHECK_QUIET(!ok(courier_take_message(bytes_of(in.at, n), &got)));
    const struct courier_message bad[] = { { 1, 4, BYTES_LIT("a"), BYTES_NONE }, { 1, 0, BYTES_LIT("a/+"), BYTES_NONE },
        { 1, 0, BYTES_NONE, BYTES_NONE }, { 1, 0, BYTES_LIT("a"), { large, sizeof large } } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = out_of(room, sizeof room);
        courier_put_message(&o, COURIER_SEND, 3, &bad[i]);
        CHECK(!ok(courier_take_message(body_of(&o, COURIER_SEND), &got)));
    }
}

static void test_letter(void)
{
    struct courier_letter l = { 7, LETTER_WEBHOOK, BYTES_LIT("siem.example"), BYTES_LIT("/in"), 443, false, BYTES_LIT(""), BYTES_LIT(""), BYTES_LIT("a.1"),
        BYTES_LIT("{}") }, got;
    static const struct { const char *host, *path, *to; uint16_t port; } bad[] = { { "", "/in", "", 1 }, { "h", "/in\r\nX: y", "", 1 }, { "h\n", "/", "", 1 },
        { "h", "/", "a> RCPT", 1 }, { "h", "/", "", 0 } };
    enum courier_kind kind;
    uint32_t peer;
    struct out o = out_of(room, sizeof room);
    courier_put_letter(&o, &l);
    struct bytes in = out_view(&o);
    CHECK_OK(courier_take_head(&in, &kind, &peer));
    CHECK_OK(courier_take_letter(in, &got));
    CHECK(kind == COURIER_LETTER && got.ticket == 7 && got.kind == LETTER_WEBHOOK && bytes_equal_str(got.path, "/in") && bytes_equal_str(got.body, "{}"));
    for (size_t n = 0; n < in.n; n++) CHECK_QUIET(!ok(courier_take_letter(bytes_of(in.at, n), &got)));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        l.host = bytes_str(bad[i].host), l.path = bytes_str(bad[i].path), l.to = bytes_str(bad[i].to), l.port = bad[i].port;
        o = out_of(room, sizeof room);
        courier_put_letter(&o, &l);
        in = out_view(&o);
        CHECK_OK(courier_take_head(&in, &kind, &peer));
        CHECK(!ok(courier_take_letter(in, &got)));
    }
    struct courier_lettered said = { 9, false, BYTES_LIT("http-500") }, heard;
    o = out_of(room, sizeof room);
    courier_put_lettered(&o, &said);
    in = out_view(&o);
    CHECK_OK(courier_take_head(&in, &kind, &peer));
    CHECK_OK(courier_take_lettered(in, &heard));
    CHECK(kind == COURIER_LETTERED && heard.ticket == 9 && !heard.good && bytes_equal_str(heard.why, "http-500"));
}

int main(void)
{
    static const uint8_t unknown[] = { 1, 0, 0, 0, 0 }, beyond[] = { COURIER_PEER, 0, 0, 0, COURIER_PEERS_MAX };
    enum courier_kind kind;
    uint32_t peer;
    struct bytes in = bytes_of(unknown, sizeof unknown);
    CHECK_IS(courier_take_head(&in, &kind, &peer), E_MALFORMED);
    in = bytes_of(beyond, sizeof beyond);
    CHECK_IS(courier_take_head(&in, &kind, &peer), E_MALFORMED);
    test_peer();
    test_message();
    test_letter();
    return TEST_END;
}
