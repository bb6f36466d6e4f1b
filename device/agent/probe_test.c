#include "device/agent/probe.h"

#include "base/test.h"

int main(void)
{
    static const struct { const char *text; bool good; } targets[] = { { "site:8883", true }, { "[::1]:8883", true }, { "site", false },
        { ":8883", false }, { "site:0", false }, { "site:70000", false }, { "site:88x", false } };
    struct probe p;
    char text[400];
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) CHECK(ok(probe_target(targets[i].text, &p)) == targets[i].good);
    static const uint8_t connack[] = { 0x20, 3, 0, 0, 0 }, alert[] = { 0x15, 3, 3, 0, 2, 2, 70 }, hello[] = { 0x16, 3, 3, 0, 90, 2, 0 };
    CHECK(probe_plain_answer(bytes_of(connack, sizeof connack)) == PROBE_ANSWERED);
    CHECK(probe_plain_answer(BYTES_NONE) == PROBE_REFUSED && probe_plain_answer(bytes_of(alert, sizeof alert)) == PROBE_REFUSED);
    CHECK(probe_tls12_answer(bytes_of(hello, sizeof hello)) == PROBE_ANSWERED);
    CHECK(probe_tls12_answer(bytes_of(alert, sizeof alert)) == PROBE_REFUSED && probe_tls12_answer(BYTES_NONE) == PROBE_REFUSED);
    CHECK_OK(probe_target("127.0.0.1:1", &p)); /* nobody listens there */
    probe_run(&p, BYTES_NONE);
    CHECK(p.plain == PROBE_UNREACHABLE && p.tls12 == PROBE_UNREACHABLE && p.anonymous == PROBE_UNREACHABLE);
    CHECK_OK(probe_write(&p, 5, text, sizeof text));
    CHECK(strcmp(text, "{\"anonymous\":\"unreachable\",\"plain\":\"unreachable\",\"t\":5,\"target\":\"127.0.0.1:1\","
                       "\"tls12\":\"unreachable\"}") == 0);
    return TEST_END;
}
