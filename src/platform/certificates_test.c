#include "base/test.h"

#include "platform/registry.h"

static struct identity device(const char *id, uint8_t key, uint8_t serial, int64_t until)
{
    struct identity i = { .life = LIFE_ENROLLED, .has_key = true, .serial_n = 2, .not_after_ms = until };
    (void)snprintf(i.id, sizeof i.id, "%s", id);
    memset(i.key_hash, key, sizeof i.key_hash);
    i.serial[0] = 0x40, i.serial[1] = serial;
    return i;
}

static const struct certificate *at(const struct certificates *c, uint8_t serial)
{
    const uint8_t raw[] = { 0x40, serial };
    return certificates_find(c, bytes_of(raw, sizeof raw));
}

static void renewals(void)
{
    struct certificates c = CERTIFICATES;
    struct identity i = device("gw-1", 1, 1, 1000);
    CHECK_OK(certificates_add(&c, &i, 0));
    i = device("gw-1", 1, 2, 2000);
    CHECK_OK(certificates_add(&c, &i, 500));
    CHECK_OK(certificates_add(&c, &i, 600)); /* told again: no other one */
    certificates_end(&c, &i, 600);
    CHECK(certificates_good(&c, "gw-1", 600) == 2);
    CHECK(at(&c, 1) && !at(&c, 1)->ended_ms && at(&c, 2));
    CHECK(certificates_good(&c, "gw-1", 1500) == 1);
    i = device("gw-1", 1, 3, 3000);
    CHECK_OK(certificates_add(&c, &i, 1500));
    CHECK(!at(&c, 1) && at(&c, 2) && at(&c, 3)); /* what is over by its date is forgotten */
    i.trust = TRUST_REVOKED;
    certificates_end(&c, &i, 1600);
    CHECK(at(&c, 2)->ended_ms == 1600 && at(&c, 3)->ended_ms == 1600 && at(&c, 3)->reason == ENDED_UNSPECIFIED);
    i.life = LIFE_RETIRED;
    certificates_end(&c, &i, 1700);
    CHECK(at(&c, 2)->ended_ms == 1600); /* once */
    CHECK(certificates_good(&c, "gw-1", 1700) == 0 && certificates_good(&c, "gw-2", 1700) == 0);
    certificates_deinit(&c);
}

static void ends(void)
{
    static const struct { enum life life; enum ended reason; } rows[] = { { LIFE_LOST, ENDED_KEY }, { LIFE_RETIRED, ENDED_CESSATION },
        { LIFE_DESTROYED, ENDED_CESSATION }, { LIFE_TRANSFERRED, ENDED_AFFILIATION } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct certificates c = CERTIFICATES;
        struct identity i = device("gw-1", 1, 1, 1000), other = device("gw-2", 2, 9, 1000);
        CHECK_OK(certificates_add(&c, &i, 0));
        CHECK_OK(certificates_add(&c, &other, 0));
        i.life = rows[k].life;
        certificates_end(&c, &i, 10);
        CHECK(at(&c, 1)->ended_ms == 10 && at(&c, 1)->reason == rows[k].reason && !at(&c, 9)->ended_ms);
        i = device("gw-1", 3, 4, 1000); /* another key: the first one's certificate is over */
        CHECK_OK(certificates_add(&c, &i, 20));
        certificates_end(&c, &i, 20);
        CHECK(!at(&c, 4)->ended_ms);
        i = device("gw-1", 5, 6, 1000);
        CHECK_OK(certificates_add(&c, &i, 30));
        certificates_end(&c, &i, 30);
        CHECK(at(&c, 4)->ended_ms == 30 && at(&c, 4)->reason == ENDED_SUPERSEDED && !at(&c, 6)->ended_ms);
        size_t from = 0, n = 0;
        while (certificates_next(&c, &from)) n++;
        CHECK(n == 4);
        certificates_deinit(&c);
    }
}

int main(void)
{
    renewals();
    ends();
    return TEST_END;
}
