#include "history/block.h"

/* ---- one column: the first value is in the head; then differences of differences, zigzag, as numbers of 7-bit groups ---- */

static void put_number(struct out *o, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) put_u8(o, (uint8_t)(v | 0x80));
    put_u8(o, (uint8_t)v);
}

static outcome take_number(struct bytes *in, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b;
        TRY(take_u8(in, &b));
        if (shift == 63 && b > 1) return REFUSE(E_MALFORMED);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b & 0x80) continue;
        *ret = v;
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}

static uint64_t zigzag(uint64_t v)
{
    return (v << 1) ^ (0 - (v >> 63));
}

static uint64_t unzigzag(uint64_t v)
{
    return (v >> 1) ^ (0 - (v & 1));
}

/* order 1: differences (values jump about); 2: their differences (times and entries go on as they went). */
struct column {
    uint64_t last, step;
    unsigned order;
};

static uint64_t residual(struct column *c, uint64_t v)
{
    uint64_t step = v - c->last, r = c->order == 2 ? step - c->step : step;
    c->last = v;
    c->step = step;
    return r;
}

static uint64_t grown(struct column *c, uint64_t r)
{
    c->step = c->order == 2 ? c->step + r : r;
    c->last += c->step;
    return c->last;
}

enum { COLUMNS = 4 };
static const unsigned orders[COLUMNS] = { 2, 2, 1, 1 };

static uint64_t field(const struct point *p, int column)
{
    switch (column) {
    case 0: return p->entry & ~POINT_FLAGGED;
    case 1: return (uint64_t)p->ms;
    case 2: return (uint64_t)p->recorded_ms - (uint64_t)p->ms;
    default: return (uint64_t)p->milli;
    }
}

static void put_column(const struct point *p, size_t n, int column, struct out *o)
{
    struct column c = { field(&p[0], column), 0, orders[column] };
    for (size_t i = 1; i < n;) {
        uint64_t r = residual(&c, field(&p[i++], column)), run = 0;
        put_number(o, zigzag(r));
        if (r) continue;
        struct column ahead = c;
        for (; i < n && residual(&ahead, field(&p[i], column)) == 0; i++, run++) c = ahead;
        put_number(o, run);
    }
}

static void set_field(struct point *p, int column, uint64_t v)
{
    if (column == 0) p->entry = v;
    else if (column == 1) p->ms = (int64_t)v;
    else if (column == 2) p->recorded_ms = (int64_t)((uint64_t)p->ms + v);
    else p->milli = (int64_t)v;
}

static outcome take_column(struct bytes *in, size_t n, int column, struct point *p)
{
    struct column c = { field(&p[0], column), 0, orders[column] };
    for (size_t i = 1; i < n;) {
        uint64_t z, run = 0;
        TRY(take_number(in, &z));
        if (!z) TRY(take_number(in, &run));
        if (run >= n - i) return REFUSE(E_MALFORMED);
        set_field(&p[i++], column, grown(&c, unzigzag(z)));
        for (; run; run--) set_field(&p[i++], column, grown(&c, 0));
    }
    return DONE;
}

/* Flags: lengths of runs, the first of points without. */
static void put_flags(const struct point *p, size_t n, struct out *o)
{
    bool now = false;
    for (size_t i = 0; i < n; now = !now) {
        uint64_t run = 0;
        for (; i < n && ((p[i].entry & POINT_FLAGGED) != 0) == now; i++) run++;
        put_number(o, run);
    }
}

static outcome take_flags(struct bytes *in, size_t n, struct point *p)
{
    bool now = false;
    for (size_t i = 0; i < n; now = !now) {
        uint64_t run;
        TRY(take_number(in, &run));
        if (run > n - i || (!run && i)) return REFUSE(E_MALFORMED);
        for (; run; run--, i++)
            if (now) p[i].entry |= POINT_FLAGGED;
    }
    return DONE;
}

void block_write(const struct point *p, size_t n, struct block *ret, struct out *o)
{
    struct block b = { .n = (uint32_t)n, .first = p[0], .last_entry = point_entry(&p[n - 1]), .ms_min = p[0].ms, .ms_max = p[0].ms,
        .min = p[0].milli, .max = p[0].milli };
    assert(n > 0 && n <= BLOCK_POINTS);
    b.first.entry = point_entry(&p[0]);
    for (size_t i = 0; i < n; i++) {
        if (p[i].ms < b.ms_min) b.ms_min = p[i].ms;
        if (p[i].ms > b.ms_max) b.ms_max = p[i].ms;
        if (p[i].milli < b.min) b.min = p[i].milli;
        if (p[i].milli > b.max) b.max = p[i].milli;
        b.sum += p[i].milli;
    }
    for (int column = 0; column < COLUMNS; column++) put_column(p, n, column, o);
    put_flags(p, n, o);
    *ret = b;
}

outcome block_read(const struct block *b, struct bytes in, struct point ret[BLOCK_POINTS])
{
    if (!b->n || b->n > BLOCK_POINTS) return REFUSE(E_MALFORMED);
    ret[0] = b->first;
    for (int column = 0; column < COLUMNS; column++) TRY(take_column(&in, b->n, column, ret));
    TRY(take_flags(&in, b->n, ret));
    return at_end(in);
}

void block_head_write(const struct block *b, struct out *o)
{
    put_u32(o, b->n);
    put_u32(o, b->bytes);
    const uint64_t v[] = { b->at, b->seal, b->check, (uint64_t)b->first.ms, (uint64_t)b->first.recorded_ms, (uint64_t)b->first.milli, b->first.entry,
        b->last_entry, (uint64_t)b->ms_min, (uint64_t)b->ms_max, (uint64_t)b->min, (uint64_t)b->max, (uint64_t)b->sum };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) put_u64(o, v[i]);
}

outcome block_head_read(struct bytes *in, struct block *ret)
{
    uint64_t v[13];
    struct block b = { 0 };
    TRY(take_u32(in, &b.n));
    TRY(take_u32(in, &b.bytes));
    for (size_t i = 0; i < 13; i++) TRY(take_u64(in, &v[i]));
    b.at = v[0], b.seal = v[1], b.check = v[2];
    b.first = (struct point) { (int64_t)v[3], (int64_t)v[4], (int64_t)v[5], v[6] };
    b.last_entry = v[7], b.ms_min = (int64_t)v[8], b.ms_max = (int64_t)v[9], b.min = (int64_t)v[10], b.max = (int64_t)v[11], b.sum = (int64_t)v[12];
    if (!b.n || b.n > BLOCK_POINTS) return REFUSE(E_MALFORMED);
    *ret = b;
    return DONE;
}
