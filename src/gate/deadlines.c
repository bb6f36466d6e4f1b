#include "gate/deadlines.h"

#include "base/time.h"

static void swap(struct deadline *a, struct deadline *b)
{
    struct deadline t = *a;
    *a = *b;
    *b = t;
}

outcome deadlines_add(struct deadlines *d, int64_t at_ms, uint32_t handle)
{
    if (d->n == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 64;
        struct deadline *rows = mem_grow(d->rows, cap * sizeof *rows);
        if (!rows) return REFUSE(E_MEMORY);
        d->rows = rows;
        d->cap = cap;
    }
    size_t i = d->n++;
    d->rows[i] = (struct deadline) { at_ms, handle };
    for (; i && d->rows[(i - 1) / 2].at_ms > d->rows[i].at_ms; i = (i - 1) / 2)
        swap(&d->rows[i], &d->rows[(i - 1) / 2]);
    return DONE;
}

outcome deadlines_take(struct deadlines *d, int64_t now_ms, struct deadline *ret)
{
    if (!d->n || d->rows[0].at_ms > now_ms) return REFUSE(E_AGAIN);
    *ret = d->rows[0];
    d->rows[0] = d->rows[--d->n];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < d->n && d->rows[left].at_ms < d->rows[least].at_ms) least = left;
        if (right < d->n && d->rows[right].at_ms < d->rows[least].at_ms) least = right;
        if (least == i) return DONE;
        swap(&d->rows[i], &d->rows[least]);
        i = least;
    }
}

int deadlines_wait_ms(const struct deadlines *d, int64_t now_ms)
{
    if (!d->n) return -1;
    int64_t wait = d->rows[0].at_ms - now_ms;
    return wait <= 0 ? 0 : wait > MS_HOUR ? (int)MS_HOUR : (int)wait;
}

void deadlines_deinit(struct deadlines *d)
{
    mem_free(d->rows);
    *d = DEADLINES;
}
