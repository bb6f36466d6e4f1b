/* An audit pack from anywhere: what verifies is within the tree it names, and no shorter text of it does. */
#include "fuzz.h"
#include "ledger/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pack_result r;
    if (!ok(pack_verify(bytes_of(data, n), "", &r))) return 0;
    HOLDS(r.entries <= r.size && r.hashes <= r.entries && r.from_ms < r.to_ms);
    HOLDS(r.entries == 0 || (r.first <= r.last && r.last < r.size));
    HOLDS(n > 0 && !ok(pack_verify(bytes_of(data, n - 1), "", &r)));
    return 0;
}
