#include "base/test.h"

#include <string.h>

#include "platform/life.h"

static void stories(void)
{
    static const struct {
        enum life now;
        enum life_event e;
        int want; /* -1: cannot happen */
    } rows[] = {
        { LIFE_NONE, LIFE_INVITE, LIFE_EXPECTED },
        { LIFE_NONE, LIFE_ENROL, -1 },
        { LIFE_EXPECTED, LIFE_ENROL, LIFE_ENROLLED },
        { LIFE_ENROLLED, LIFE_ENROL, LIFE_ENROLLED },
        { LIFE_ENROLLED, LIFE_RETIRE, LIFE_RETIRED },
        { LIFE_ENROLLED, LIFE_DESTROY, -1 },
        { LIFE_RETIRED, LIFE_ENROL, -1 },
        { LIFE_RETIRED, LIFE_INVITE, -1 },
        { LIFE_RETIRED, LIFE_DESTROY, LIFE_DESTROYED },
        { LIFE_LOST, LIFE_ENROL, -1 },
        { LIFE_LOST, LIFE_INVITE, LIFE_EXPECTED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum life got = LIFE_NONE;
        outcome o = life_step(rows[i].now, rows[i].e, &got);
        CHECK(rows[i].want < 0 ? o.code == E_CONFLICT : ok(o) && (int)got == rows[i].want);
    }
    for (int e = 0; e < LIFE_EVENTS; e++) {
        enum life l;
        CHECK_IS(life_step(LIFE_DESTROYED, (enum life_event)e, &l), E_CONFLICT);
    }
}

static void trusts(void)
{
    enum trust t;
    for (int e = 0; e < TRUST_EVENTS; e++)
        CHECK_IS(trust_step(TRUST_REVOKED, (enum trust_event)e, &t), E_CONFLICT);
    for (int now = 0; now < TRUST_REVOKED; now++) {
        CHECK(ok(trust_step((enum trust)now, TRUST_REVOKE, &t)) && t == TRUST_REVOKED);
        CHECK(ok(trust_step((enum trust)now, TRUST_QUOTE_BAD, &t)) && t == TRUST_QUARANTINED);
        /* an old quote never raises trust */
        CHECK(ok(trust_step((enum trust)now, TRUST_QUOTE_OLD, &t)) && t != TRUST_ATTESTED);
    }
    CHECK(ok(trust_step(TRUST_QUARANTINED, TRUST_RELEASE, &t)) && t == TRUST_UNATTESTED);
    CHECK_IS(trust_step(TRUST_ATTESTED, TRUST_RELEASE, &t), E_CONFLICT);
}

static void words(void)
{
    for (int i = 0; i < LIVES; i++) {
        enum life l = LIVES;
        CHECK_QUIET(ok(life_parse(life_word((enum life)i), &l)) && (int)l == i);
        CHECK_QUIET(strlen(life_word_ja((enum life)i)) > 1);
    }
    for (int i = 0; i < TRUSTS; i++) {
        enum trust t = TRUSTS;
        CHECK_QUIET(ok(trust_parse(trust_word((enum trust)i), &t)) && (int)t == i);
        CHECK_QUIET(strlen(trust_word_ja((enum trust)i)) > 1);
    }
    for (int i = 0; i < LIFE_EVENTS; i++) {
        enum life_event e = LIFE_EVENTS;
        CHECK_QUIET(ok(life_event_parse(life_event_word((enum life_event)i), &e)) && (int)e == i);
    }
    for (int i = 0; i < TRUST_EVENTS; i++) {
        enum trust_event e = TRUST_EVENTS;
        CHECK_QUIET(ok(trust_event_parse(trust_event_word((enum trust_event)i), &e)) && (int)e == i);
    }
    enum life l;
    enum trust t;
    CHECK_IS(life_parse("Enrolled", &l), E_UNKNOWN);
    CHECK_IS(trust_parse("", &t), E_UNKNOWN);
}

int main(void)
{
    stories();
    trusts();
    words();
    return TEST_END;
}
