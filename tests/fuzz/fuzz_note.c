/* A signed head from a directory anybody may have touched. Whoever has no key can make no head: the
 * only one ever taken is the kept one, to the byte. */
#include "crypto/note.h"
#include "fuzz.h"

static const uint8_t public_key[32] = { 0x20, 0x14, 0xce, 0x0c, 0x15, 0x6d, 0x5e, 0x49, 0x01, 0xab, 0x56, 0x80, 0x58, 0xf9, 0x9d, 0x4d,
    0x52, 0xf6, 0x33, 0xed, 0x64, 0x65, 0xfd, 0x46, 0x00, 0xbc, 0x5a, 0x0b, 0x1f, 0x7a, 0x2a, 0x22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct note note, again;
    if (!ok(note_read(bytes_of(data, n), public_key, &note))) return 0;
    HOLDS(strcmp(note.origin, "water") == 0 && note.size == 20852163);
    for (size_t i = 0; i < n; i++) HOLDS(!ok(note_read(bytes_of(data, i), public_key, &again)));
    return 0;
}
