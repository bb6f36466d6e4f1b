/* What an authenticator and a browser send. The first byte says which of the four forms the rest is read as. */
#include "fuzz.h"
#include "wire/cbor.h"
#include "wire/webauthn.h"

static void data(struct bytes in)
{
    struct webauthn_data d;
    if (!ok(webauthn_read_data(in, &d))) return;
    HOLDS(d.rp_hash.n == 32 && d.credential.n <= WEBAUTHN_ID_MAX && d.spki_n <= WEBAUTHN_SPKI_MAX);
    HOLDS(!(d.flags & WEBAUTHN_HAS_KEY) == !d.credential.n && !d.credential.n == !d.spki_n);
}

static void attestation(struct bytes in)
{
    struct bytes inside;
    if (!ok(webauthn_read_attestation(in, &inside))) return;
    HOLDS(inside.at >= in.at && inside.at + inside.n <= in.at + in.n);
    data(inside);
}

static void client(struct bytes in)
{
    struct arena a = ARENA(1 << 20);
    struct webauthn_client c;
    if (ok(webauthn_read_client(in, &a, &c))) HOLDS(*c.type && *c.challenge && *c.origin);
    arena_deinit(&a);
}

static void assertion(struct bytes in)
{
    struct webauthn_assertion a;
    static uint8_t room[1 << 20];
    struct out o = out_of(room, sizeof room);
    if (!ok(webauthn_read_assertion(in, &a))) return;
    webauthn_put_assertion(&o, &a);
    HOLDS(ok(out_done(&o)) && bytes_equal(out_view(&o), in));
    data(a.data);
}

static void item(struct bytes in)
{
    struct bytes rest = in;
    if (ok(cbor_skip(&rest))) HOLDS(rest.n < in.n);
    else HOLDS(rest.n == in.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
    static void (*const forms[])(struct bytes) = { data, attestation, client, assertion, item };
    if (n) forms[at[0] % 5](bytes_of(at + 1, n - 1));
    return 0;
}
