/* An envelope from anybody. What is read is written and read back the same. */
#include "fuzz.h"
#include "wire/dsse.h"

static void check_again(const struct dsse *d)
{
    struct arena a = ARENA(64 << 20);
    struct buffer b = BUFFER(16 << 20), signed_bytes = BUFFER(16 << 20);
    struct dsse back;
    HOLDS(ok(dsse_write(d, &b)) && ok(dsse_read(buffer_view(&b), &a, &back)));
    HOLDS(back.n == d->n && bytes_equal(back.payload, d->payload));
    HOLDS(strcmp(back.type, d->type) == 0);
    for (size_t i = 0; i < d->n; i++)
        HOLDS(bytes_equal(back.signatures[i].signature, d->signatures[i].signature));
    HOLDS(ok(dsse_pae(d->type, d->payload, &signed_bytes)));
    buffer_deinit(&b);
    buffer_deinit(&signed_bytes);
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(64 << 20);
    struct dsse d;
    if (ok(dsse_read(bytes_of(data, n), &a, &d))) {
        HOLDS(d.n >= 1 && d.n <= DSSE_SIGNATURES_MAX && *d.type);
        check_again(&d);
    }
    arena_deinit(&a);
    return 0;
}
