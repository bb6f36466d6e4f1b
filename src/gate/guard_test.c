#include "gate/guard.h"

#include "base/mem.h"
#include "base/test.h"

static void test_caps(void)
{
    struct guard g = GUARD;
    g.caps = (struct guard_caps) { 2, 3, 2 };
    CHECK_OK(guard_enter(&g, "a"));
    CHECK_OK(guard_enter(&g, "a"));
    CHECK_IS(guard_enter(&g, "a"), E_DENIED); /* its own share */
    CHECK_OK(guard_enter(&g, "b"));
    CHECK_IS(guard_enter(&g, "c"), E_FULL); /* the total */
    CHECK(g.connections == 3);
    guard_leave(&g, "a");
    CHECK_OK(guard_enter(&g, "c"));
    guard_leave(&g, "a");
    guard_leave(&g, "b");
    guard_leave(&g, "c");
    CHECK(g.connections == 0 && g.sources.n == 0);

    CHECK(guard_may_shake(&g));
    guard_shake_begin(&g);
    guard_shake_begin(&g);
    CHECK(!guard_may_shake(&g));
    guard_shake_end(&g);
    CHECK(guard_may_shake(&g));
    guard_shake_end(&g);
    guard_deinit(&g);
}

static void test_out_of_memory(void)
{
    for (uint64_t k = 1; k <= 4; k++) {
        struct guard g = GUARD;
        mem_fail_at(k);
        outcome o = guard_enter(&g, "a");
        mem_fail_at(0);
        if (ok(o)) guard_leave(&g, "a");
        else CHECK(o.code == E_MEMORY);
        CHECK_QUIET(g.connections == 0);
        guard_deinit(&g);
    }
}

int main(void)
{
    test_caps();
    test_out_of_memory();
    return TEST_END;
}
