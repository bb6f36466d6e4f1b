#include "base/time.h"
#include "base/test.h"

/* The machine's clock jumps both ways (N35): time never goes back, and a jump is told once. */
static void test_steady(void)
{
    struct steady s = { 0 };
    int64_t jump, wall = 1800000000000, mono = 5000, last = 0, jumps = 0;
    static const struct { int at; int64_t by; } steps[] = { { 100, -MS_DAY }, { 300, 3650 * MS_DAY }, { 500, -2 * MS_MINUTE }, { 600, 59 * MS_S }, { 700, -500 } };
    for (int i = 0; i < 1000; i++) {
        wall += 7, mono += 7;
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
            if (steps[k].at == i) wall += steps[k].by;
        int64_t now = steady_look(&s, wall, mono, &jump);
        CHECK_QUIET(now >= last && now >= wall && (i == 0 || now - last >= 6 || i > 700 || i == 301));
        jumps += jump != 0;
        last = now;
    }
    CHECK(jumps == 3);
    CHECK(last - wall <= 61500 && last > wall); /* two minutes back, one forward: still ahead */
    struct steady f = { 0 };
    (void)steady_look(&f, 1000, 0, &jump);
    CHECK(steady_look(&f, 1000 - 600, 100, &jump) == 1090 && jump == 0); /* a small step back: slower, until it is caught up */
    for (mono = 107; mono < 8000; mono += 7) (void)steady_look(&f, mono + 400, mono, &jump);
    CHECK(steady_look(&f, 8000 + 400, 8000, &jump) == 8400);
}

int main(void)
{
    test_steady();
    char text[TIME_TEXT];
    int64_t ms;
    time_text(0, text);
    CHECK(strcmp(text, "1970-01-01T00:00:00.000Z") == 0);
    time_text(1763855215123, text);
    CHECK_OK(time_parse(bytes_str(text), &ms));
    CHECK(ms == 1763855215123);
    CHECK_OK(time_parse(BYTES_LIT("2026-02-28T23:59:59Z"), &ms));
    CHECK_OK(time_parse(BYTES_LIT("2026-02-28T23:59:59.5Z"), &ms));
    CHECK(ms % 1000 == 500);
    static const char *const wrong[] = { "", "2026", "2026-02-30T00:00:00Z", "2026-02-28 00:00:00Z",
        "2026-02-28T24:00:00Z", "2026-02-28T00:00:00", "2026-02-28T00:00:00.Z", "2026-02-28T00:00:00Zx" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!ok(time_parse(bytes_str(wrong[i]), &ms)));
    return TEST_END;
}
