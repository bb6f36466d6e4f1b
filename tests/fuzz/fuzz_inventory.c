/* A spreadsheet's export: rows are bounded, cells are text safe to show. */
#include "fuzz.h"
#include "watch/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(16 << 20);
    struct inventory v = { 0 };
    if (ok(inventory_read(bytes_of(data, n), &a, &v))) {
        HOLDS(v.n <= INVENTORY_ROWS && v.n <= n);
        for (size_t i = 0; i < v.n; i++) {
            HOLDS(v.rows[i].n_addresses <= INVENTORY_ADDRESSES);
            for (size_t f = 0; f < FIELD_COUNT; f++) HOLDS(bytes_is_utf8(bytes_str(v.rows[i].cells[f])) && !strpbrk(v.rows[i].cells[f], "\n\r\x1b"));
        }
    }
    arena_deinit(&a);
    return 0;
}
