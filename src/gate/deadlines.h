/* Deadlines of links: a binary heap of (when, handle). Rows are never moved or removed early; an
 * owner whose deadline moved later re-adds itself when the old row falls due. */
#ifndef GATE_DEADLINES_H
#define GATE_DEADLINES_H

#include "base/mem.h"

struct deadline {
    int64_t at_ms;
    uint32_t handle;
};

struct deadlines {
    struct deadline *rows;
    size_t n, cap;
};
#define DEADLINES ((struct deadlines) { 0, 0, 0 })

MUST outcome deadlines_add(struct deadlines *d, int64_t at_ms, uint32_t handle);
/* The earliest row that is due; E_AGAIN when none is. */
MUST outcome deadlines_take(struct deadlines *d, int64_t now_ms, struct deadline *ret);
/* Milliseconds until the earliest, -1 when there is none; at most an hour. */
int deadlines_wait_ms(const struct deadlines *d, int64_t now_ms);
void deadlines_deinit(struct deadlines *d);

#endif
