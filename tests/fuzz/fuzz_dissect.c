/* Every dissector: u8 transport and protocol, u16 ports, payload. First nobody knows the protocol, then that one is said
 * to be known. What comes out is text safe to show. */
#include "fuzz.h"
#include "watch/dissect.h"
#include "watch/frame.h"

static void safe(const char *text)
{
    HOLDS(memchr(text, 0, FOUND_NAME) && bytes_is_utf8(bytes_str(text)));
    for (const char *p = text; *p; p++) HOLDS((uint8_t)*p >= ' ' && *p != 0x7F);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct talk t = { 0 };
    uint8_t what = 0;
    t.payload = bytes_of(data, n);
    if (!ok(take_u8(&t.payload, &what)) || !ok(take_u16(&t.payload, &t.from_port)) || !ok(take_u16(&t.payload, &t.to_port))) return 0;
    t.transport = what & 0x80 ? TRANSPORT_UDP : TRANSPORT_TCP;
    for (int round = 0; round < 2; round++) {
        struct found f = { 0 };
        outcome o = dissect(&t, &f);
        HOLDS(ok(o) || o.code == E_SHORT || o.code == E_UNKNOWN);
        HOLDS(f.proto < PROTO_COUNT && f.n_addresses <= FOUND_ADDRESSES);
        safe(f.name);
        safe(f.certificate.subject);
        t.known = (enum proto)((what & 0x7F) % PROTO_COUNT);
    }
    return 0;
}
