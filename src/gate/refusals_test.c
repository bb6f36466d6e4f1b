#include "gate/refusals.h"

#include "base/mem.h"
#include "base/test.h"

static struct refusals *fresh(void)
{
    struct refusals *r = mem_new(sizeof *r);
    assert(r);
    return r;
}

static void test_first_at_once_then_counted(void)
{
    struct refusals *r = fresh();
    uint32_t n = 0;
    CHECK(refusals_wait_ms(r, 1000) == -1);
    refusals_note(r, LISTENER_MQTT, LINK_FOREIGN_CERTIFICATE, "192.0.2.1", 1000);
    CHECK(refusals_wait_ms(r, 1000) == 0);
    const struct refusal_row *row = refusals_next(r, 1000, &n);
    CHECK(row && n == 1 && strcmp(row->source, "192.0.2.1") == 0);
    CHECK(!refusals_next(r, 1000, &n));
    for (int i = 0; i < 9999; i++)
        refusals_note(r, LISTENER_MQTT, LINK_FOREIGN_CERTIFICATE, "192.0.2.1", 1000 + i);
    CHECK(!refusals_next(r, 10999, &n)); /* not before the minute is over */
    CHECK(refusals_wait_ms(r, 1000) == REFUSALS_EVERY_MS);
    CHECK(refusals_next(r, 1000 + REFUSALS_EVERY_MS, &n) && n == 9999);
    CHECK(!refusals_next(r, 1000 + REFUSALS_EVERY_MS, &n));
    /* another reason or another listener is another row */
    refusals_note(r, LISTENER_MQTT, LINK_TIMEOUT, "192.0.2.1", 62000);
    refusals_note(r, LISTENER_EST, LINK_TIMEOUT, "192.0.2.1", 62000);
    CHECK(refusals_next(r, 62000, &n) && n == 1);
    CHECK(refusals_next(r, 62000, &n) && n == 1);
    mem_free(r);
}

static void test_bounded(void)
{
    struct refusals *r = fresh();
    uint32_t n = 0, told = 0, others = 0;
    for (int i = 0; i < 5000; i++) {
        char source[LINK_ADDRESS_MAX];
        snprintf(source, sizeof source, "2001:db8:0:%x::1", (unsigned)i);
        refusals_note(r, LISTENER_MQTT, LINK_TLS_OTHER, source, 5);
    }
    for (const struct refusal_row *row; (row = refusals_next(r, 5, &n));) {
        told++;
        if (strcmp(row->source, "other") == 0) others += n;
    }
    CHECK(told == REFUSALS_MAX + 1);
    CHECK(others == 5000 - REFUSALS_MAX);
    CHECK(refusals_wait_ms(r, 5) == -1);
    /* rows whose minute is over make room again */
    refusals_note(r, LISTENER_MQTT, LINK_TLS_OTHER, "198.51.100.1", 6 + REFUSALS_EVERY_MS);
    const struct refusal_row *row = refusals_next(r, 6 + REFUSALS_EVERY_MS, &n);
    CHECK(row && strcmp(row->source, "198.51.100.1") == 0 && n == 1);
    mem_free(r);
}

static void test_given_back(void)
{
    struct refusals *r = fresh();
    uint32_t n = 0;
    refusals_note(r, LISTENER_HTTPS, LINK_TOO_MANY, "a", 7);
    refusals_note(r, LISTENER_HTTPS, LINK_TOO_MANY, "a", 7);
    const struct refusal_row *row = refusals_next(r, 7, &n);
    CHECK(row && n == 2);
    refusals_return(r, row, n);
    CHECK(refusals_wait_ms(r, 7) == 0);
    n = 0;
    CHECK(refusals_next(r, 7, &n) == row && n == 2); /* nothing lost, nothing late */
    mem_free(r);
}

int main(void)
{
    test_first_at_once_then_counted();
    test_bounded();
    test_given_back();
    return TEST_END;
}
