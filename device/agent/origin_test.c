/* Batches: due by number or time, in one run of numbers, and read back as they were signed. */
#include "device/agent/origin.h"

#include "base/test.h"
#include "crypto/init.h"
#include "wire/cose.h"
#include "wire/origin.h"

static struct bytes tail, payload;

int main(void)
{
    struct origin o = { 0 };
    struct key *k = NULL, *other = NULL;
    struct buffer signed_ = BUFFER(16384), tbs = BUFFER(16384);
    struct cose_sign1 c;
    struct origin_batch b;
    tail = bytes_str("m/level");
    payload = bytes_str("{\"n\":1,\"v\":2}");
    CHECK_OK(crypto_init());
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_OK(key_new(KEY_ED25519, &other));
    CHECK(!origin_due(&o, 0) && origin_wait_ms(&o, 0) == -1);
    CHECK_IS(origin_sign(&o, "w", "gw", k, &signed_), E_UNKNOWN);
    CHECK_OK(origin_add(&o, 7, tail, payload, 1000));
    CHECK(!origin_due(&o, 1000 + ORIGIN_BATCH_MS)); /* what may be a batch alone */
    CHECK_OK(origin_add(&o, 8, tail, payload, 2000));
    CHECK(origin_wait_ms(&o, 2000) == ORIGIN_BATCH_MS - 1000 && origin_due(&o, 1000 + ORIGIN_BATCH_MS));
    CHECK_IS(origin_add(&o, 10, tail, payload, 2000), E_CONFLICT);
    for (uint64_t n = 9; n < 7 + ORIGIN_BATCH_ROWS + 1; n++) CHECK_QUIET(ok(origin_add(&o, n, tail, payload, 2000)));
    CHECK(origin_due(&o, 2000) && origin_wait_ms(&o, 2000) == 0);
    CHECK_IS(origin_add(&o, 7 + ORIGIN_BATCH_ROWS + 1, tail, payload, 2000), E_FULL);
    CHECK_IS(origin_sign(&o, "w", "gw", other, &signed_), E_UNSUPPORTED);
    CHECK_OK(origin_sign(&o, "w", "gw", k, &signed_));
    CHECK_OK(cose_read(buffer_view(&signed_), &c));
    CHECK_OK(cose_signed(c.protected, c.payload, &tbs));
    CHECK_OK(key_verify_p256(k, buffer_view(&tbs), c.signature));
    CHECK_OK(origin_read(c.payload, &b));
    CHECK(b.first == 7 && b.count == ORIGIN_BATCH_ROWS + 1 && memcmp(b.leaves.at, o.leaves, b.leaves.n) == 0);
    printf("# %zu bytes for %llu messages\n", signed_.n, (unsigned long long)b.count);
    origin_clear(&o);
    CHECK_OK(origin_add(&o, 100, tail, payload, 1));
    CHECK(o.first == 100 && o.count == 1);
    key_free(k);
    key_free(other);
    buffer_deinit(&signed_);
    buffer_deinit(&tbs);
    return TEST_END;
}
