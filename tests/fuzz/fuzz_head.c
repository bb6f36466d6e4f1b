/* A head as a device without the record's key reads it: two of them, the kept one and the one just given, parted by a
 * zero byte. Whatever is given, the order of two heads does not depend on who looks. */
#include "device/agent/head.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const enum head_step mirrored[HEAD_STEPS] = { [HEAD_FIRST] = HEAD_FIRST, [HEAD_SAME] = HEAD_SAME,
        [HEAD_LATER] = HEAD_EARLIER, [HEAD_EARLIER] = HEAD_LATER, [HEAD_OTHER] = HEAD_OTHER };
    const uint8_t *parted = n ? memchr(data, 0, n) : NULL;
    size_t first = parted ? (size_t)(parted - data) : n;
    struct bytes kept = bytes_of(data, first), given = parted ? bytes_of(parted + 1, n - first - 1) : BYTES_NONE;
    struct note a, b;
    enum head_step one, other;
    bool has_a = ok(note_peek(kept, &a)), has_b = ok(note_peek(given, &b));
    if (has_a) HOLDS(ok(note_origin_check(bytes_str(a.origin))) && kept.n <= NOTE_BYTES_MAX);
    outcome o = head_judge(kept, given, &one);
    HOLDS(has_b || !ok(o));
    if (has_b && !has_a) HOLDS(ok(o) && one == HEAD_FIRST);
    if (!has_a || !has_b) return 0;
    HOLDS(ok(o) == (strcmp(a.origin, b.origin) == 0));
    if (ok(o)) HOLDS(ok(head_judge(given, kept, &other)) && other == mirrored[one]);
    return 0;
}
