/* The courier against the core's records: what is malformed is refused, a peer is opened, replaced and closed. */
#include "courier/courier.h"

#include "base/test.h"

static struct courier c = { .dir = "/nonexistent", .channel = CHANNEL_NONE, .backlog = BUFFER(1 << 20) };

static outcome tell(const struct courier_peer *p)
{
    static uint8_t room[100000];
    struct out o = out_of(room, sizeof room);
    courier_put_peer(&o, 2, p);
    return courier_record(&c, out_view(&o));
}

int main(void)
{
    struct courier_peer p = { BYTES_LIT("cloud"), BYTES_LIT("127.0.0.1"), BYTES_LIT("mizu"), BYTES_NONE, 1, 5, { BYTES_LIT("a/b") }, 1 };
    CHECK_OK(tell(&p));
    CHECK(c.peers[2].used && c.peers[2].n_filters == 1 && c.peers[2].client.config.by_hand && !c.peers[2].tls);
    p.name = BYTES_LIT("../../etc/x");
    CHECK_IS(tell(&p), E_MALFORMED);
    CHECK(!c.peers[2].used);
    p.name = BYTES_LIT("cloud");
    p.ca_pem = BYTES_LIT("not a certificate");
    CHECK_OK(tell(&p)); /* said to the core; nothing is connected in plaintext instead */
    CHECK(!c.peers[2].used);
    uint8_t end[] = { COURIER_END, 0, 0, 0, 2 }, up[] = { COURIER_UP, 0, 0, 0, 2, 0 };
    CHECK_OK(courier_record(&c, bytes_of(end, sizeof end)));
    CHECK_IS(courier_record(&c, bytes_of(up, sizeof up)), E_MALFORMED); /* ours to say */
    CHECK(!ok(courier_record(&c, bytes_of(end, 3))));
    return TEST_END;
}
