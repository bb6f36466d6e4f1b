#include "base/port/port.h"
#include "base/test.h"
#include "history/block.h"

static uint64_t seed = 7;
static uint64_t any(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

static struct point made[BLOCK_POINTS], back[BLOCK_POINTS];
static uint8_t room[BLOCK_BYTES_MAX], head[BLOCK_HEAD];

static size_t round_trip(size_t n, struct block *b)
{
    struct out o = out_of(room, sizeof room), h = out_of(head, sizeof head);
    struct block again;
    block_write(made, n, b, &o);
    CHECK_QUIET(ok(out_done(&o)));
    block_head_write(b, &h);
    struct bytes in = out_view(&h);
    CHECK_QUIET(h.n == BLOCK_HEAD && ok(block_head_read(&in, &again)) && in.n == 0);
    CHECK_QUIET(ok(block_read(&again, out_view(&o), back)) && memcmp(made, back, n * sizeof *made) == 0);
    return o.n;
}

static void regular(size_t n)
{
    for (size_t i = 0; i < n; i++)
        made[i] = (struct point) { 1700000000000 + 60000 * (int64_t)i, 1700000000003 + 60000 * (int64_t)i, 12000 + (int64_t)(i % 7), 500 + 200 * i };
}

static void extremes(void)
{
    static const int64_t far[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 9000000000000000, -9000000000000000 };
    for (size_t i = 0; i < BLOCK_POINTS; i++) {
        int64_t milli = far[any() % 7] % 9000000000000001;
        made[i] = (struct point) { far[any() % 7], far[any() % 7], milli, (i * 1000003) | (any() & 1 ? POINT_FLAGGED : 0) };
    }
}

int main(void)
{
    struct block b;
    regular(BLOCK_POINTS);
    size_t bytes = round_trip(BLOCK_POINTS, &b);
    printf("# a regular series: %zu bytes for %d points\n", bytes, BLOCK_POINTS);
    CHECK(bytes < 2 * BLOCK_POINTS && b.n == BLOCK_POINTS && b.min == 12000 && b.max == 12006 && b.first.entry == 500 && b.last_entry == 500 + 200 * 1023);
    int64_t sum = 0;
    for (int i = 0; i < BLOCK_POINTS; i++) sum += made[i].milli;
    CHECK(b.sum == sum && b.ms_min == made[0].ms && b.ms_max == made[BLOCK_POINTS - 1].ms);
    for (size_t n = 1; n < 40; n++) (void)round_trip(n, &b);
    for (int k = 0; k < 200; k++) {
        extremes();
        (void)round_trip(1 + (size_t)(any() % BLOCK_POINTS), &b);
    }
    CHECK(!test_failed_);
    /* every prefix, and bytes changed: refused, or read within bounds */
    regular(100);
    bytes = round_trip(100, &b);
    for (size_t n = 0; n < bytes; n++) CHECK_QUIET(!ok(block_read(&b, bytes_of(room, n), back)));
    for (int k = 0; k < 20000; k++) {
        size_t at = (size_t)(any() % bytes);
        uint8_t was = room[at];
        room[at] = (uint8_t)any();
        (void)!ok(block_read(&b, bytes_of(room, bytes), back));
        room[at] = was;
    }
    b.n = BLOCK_POINTS + 1;
    CHECK_IS(block_read(&b, bytes_of(room, bytes), back), E_MALFORMED);
    b.n = 0;
    CHECK_IS(block_read(&b, bytes_of(room, bytes), back), E_MALFORMED);
    return TEST_END;
}
