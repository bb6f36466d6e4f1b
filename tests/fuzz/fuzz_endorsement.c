/* What a device shows of its TPM before it is anybody: its attestation key (TPM2B_PUBLIC) and the endorsement key's
 * certificate. No stranger's certificate has a maker we trust; a key that is taken is restricted and cannot leave. */
#include "fleet/endorse.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    static const uint8_t name[34] = { 0, 0x0b }, secret[32] = { 9 };
    struct attestation_key k;
    struct endorsement e;
    struct buffer credential = BUFFER(1024), seed = BUFFER(1024);
    if (ok(attestation_key_read(in, &k))) {
        uint32_t attributes = (uint32_t)data[6] << 24 | (uint32_t)data[7] << 16 | (uint32_t)data[8] << 8 | data[9];
        HOLDS((attributes & 0x70032) == 0x50032 && k.name[1] == 0x0b);
        for (size_t i = 0; i < n; i++) HOLDS(!ok(attestation_key_read(bytes_of(data, i), &k)));
    }
    HOLDS(!ok(endorsement_judge(in, BYTES_NONE, &e)));
    if (ok(endorsement_wrap(in, bytes_of(name, sizeof name), bytes_of(secret, sizeof secret), &credential, &seed)))
        HOLDS(credential.n >= 2 + 2 + 32 + 2 + 32 && seed.n > 2);
    buffer_deinit(&credential);
    buffer_deinit(&seed);
    return 0;
}
