#include "base/time.h"
#include "base/test.h"

int main(void)
{
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
