/* A batch of origin and the messages beside it, as anybody may have stored them. Whoever has no key proves nothing: what is
 * told as proved was signed. */
#include "fuzz.h"
#include "ledger/origin.h"
#include "wire/cose.h"

static void on_finding(void *ctx, const struct origin_finding *f)
{
    (void)ctx;
    HOLDS(f->device[0] && f->last >= f->n);
}

static void check(struct bytes in)
{
    struct origin_check *c;
    static const uint8_t key[32] = { 1 };
    if (!ok(origin_check_new(on_finding, NULL, &c))) return;
    if (ok(origin_check_key(c, bytes_str("gw"), key))) {
        HOLDS(ok(origin_check_message(c, 1, bytes_str("sk/v1/w/gw/e/origin"), in)));
        HOLDS(ok(origin_check_message(c, 2, bytes_str("sk/v1/w/gw/m/level"), in)));
        HOLDS(ok(origin_check_message(c, 3, bytes_str("sk/v1/w/gw/e/gap"), in)));
        HOLDS(ok(origin_check_message(c, 4, in, bytes_str("{\"n\":1,\"v\":2}"))));
        origin_check_end(c);
        HOLDS(!origin_check_device(c, 0) || !origin_check_device(c, 0)->proved);
    }
    origin_check_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
    struct bytes in = bytes_of(at, n);
    struct cose_sign1 s;
    struct origin_batch b;
    struct hash key;
    if (ok(cose_read(in, &s))) HOLDS(s.payload.at + s.payload.n <= in.at + in.n && s.kid.n <= in.n && s.spki.n <= in.n);
    if (ok(origin_read(in, &b))) HOLDS(b.first && b.count && b.count <= ORIGIN_BATCH_MAX && b.leaves.n == b.count * ORIGIN_LEAF);
    (void)!ok(origin_open(in, &b, &key));
    check(in);
    return 0;
}
