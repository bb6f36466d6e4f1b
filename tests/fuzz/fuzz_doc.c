/* Any text. What is read can be written, and the canonical text is its own canonical text. */
#include "fuzz.h"
#include "wire/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(64 << 20), b = ARENA(64 << 20);
    struct buffer once = BUFFER(16 << 20), twice = BUFFER(16 << 20);
    struct doc *d;
    if (ok(doc_read_json(bytes_of(data, n), &a, &d))) {
        HOLDS(ok(doc_write_json(d, &once)));
        HOLDS(ok(doc_read_json(buffer_view(&once), &b, &d)));
        HOLDS(ok(doc_write_json(d, &twice)));
        HOLDS(bytes_equal(buffer_view(&once), buffer_view(&twice)));
        (void)doc_text(d, "a", "");
    }
    buffer_deinit(&once);
    buffer_deinit(&twice);
    arena_deinit(&a);
    arena_deinit(&b);
    return 0;
}
