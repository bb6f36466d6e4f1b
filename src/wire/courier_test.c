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
    return TEST_END;
}
