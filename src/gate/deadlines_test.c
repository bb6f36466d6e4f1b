#include "gate/deadlines.h"

#include "base/test.h"

static void test_order(void)
{
    struct deadlines d = DEADLINES;
    struct deadline got;
    CHECK(deadlines_wait_ms(&d, 0) == -1);
    CHECK_IS(deadlines_take(&d, INT64_MAX, &got), E_AGAIN);
    uint32_t x = 12345;
    for (uint32_t i = 0; i < 1000; i++) {
        x = x * 1103515245u + 12345u;
        CHECK_QUIET(ok(deadlines_add(&d, (int64_t)(x >> 16) % 500, i)));
    }
    int64_t last = -1;
    bool sorted = true, once = true;
    static bool seen[1000];
    for (int i = 0; i < 1000; i++) {
        CHECK_QUIET(ok(deadlines_take(&d, 1000, &got)));
        sorted = sorted && got.at_ms >= last;
        once = once && !seen[got.handle];
        seen[got.handle] = true;
        last = got.at_ms;
    }
    CHECK(sorted);
    CHECK(once);
    CHECK(d.n == 0);
    deadlines_deinit(&d);
}

static void test_due(void)
{
    struct deadlines d = DEADLINES;
    struct deadline got;
    CHECK_OK(deadlines_add(&d, 10000, 7));
    CHECK(deadlines_wait_ms(&d, 4000) == 6000);
    CHECK_IS(deadlines_take(&d, 9999, &got), E_AGAIN);
    CHECK(deadlines_wait_ms(&d, 10001) == 0);
    CHECK_OK(deadlines_take(&d, 10000, &got));
    CHECK(got.handle == 7);
    deadlines_deinit(&d);
    mem_fail_at(1);
    CHECK_IS(deadlines_add(&d, 1, 1), E_MEMORY);
    mem_fail_at(0);
}

int main(void)
{
    test_order();
    test_due();
    return TEST_END;
}
