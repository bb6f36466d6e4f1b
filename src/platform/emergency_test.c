/* Emergency access: two persons to open it, a third to look at it afterwards, no longer than it may be. */
#include "platform/emergency.h"

#include "base/test.h"

static struct emergencies all;
static const char *why;

static enum code step(const char *json, int64_t at_ms)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    CHECK_QUIET(ok(doc_read_json(bytes_str(json), &a, &d)));
    enum code judged = emergency_judge(&all, d, at_ms, &why).code;
    enum code applied = emergency_apply(&all, d, at_ms).code;
    CHECK_QUIET(judged == applied);
    arena_deinit(&a);
    return applied;
}

#define ASK(id, minutes) "{\"what\":\"ask\",\"id\":\"" id "\",\"subject\":\"watch-1\",\"by\":\"hanako\",\"reason\":\"the console is dead\",\"minutes\":" minutes "}"

int main(void)
{
    static const struct { const char *json; int64_t at_ms; enum code want; } rows[] = {
        { "{}", 0, E_MALFORMED },
        { ASK("BG-2", "60"), 0, E_CONFLICT },
        { ASK("BG-1", "0"), 0, E_RANGE },
        { ASK("BG-1", "241"), 0, E_RANGE },
        { "{\"what\":\"ask\",\"id\":\"BG-1\",\"subject\":\"w\",\"by\":\"hanako\",\"reason\":\"\",\"minutes\":9}", 0, E_MALFORMED },
        { "{\"what\":\"ask\",\"id\":\"BG-1\",\"subject\":\"w\",\"by\":\"\",\"reason\":\"r\",\"minutes\":9}", 0, E_MALFORMED },
        { "{\"what\":\"open\",\"id\":\"BG-1\",\"by\":\"jiro\"}", 0, E_UNKNOWN },
        { ASK("BG-1", "60"), 1000, OK },
        { ASK("BG-2", "60"), 1000, E_CONFLICT }, /* one of this subject is under way */
        { "{\"what\":\"review\",\"id\":\"BG-1\",\"by\":\"saburo\",\"why\":\"w\"}", 1000, E_CONFLICT },
        { "{\"what\":\"open\",\"id\":\"BG-1\",\"by\":\"hanako\"}", 2000, E_CONFLICT },  /* the same person */
        { "{\"what\":\"open\",\"id\":\"BG-1\",\"by\":\"watch-1\"}", 2000, E_CONFLICT }, /* who will act */
        { "{\"what\":\"open\",\"id\":\"BG-1\",\"by\":\"jiro\"}", 1000 + EMERGENCY_OPEN_WITHIN, E_CONFLICT },
        { "{\"what\":\"open\",\"id\":\"BG-1\",\"by\":\"jiro\"}", 2000, OK },
        { "{\"what\":\"open\",\"id\":\"BG-1\",\"by\":\"jiro\"}", 2000, E_CONFLICT },
        { "{\"what\":\"shut\",\"id\":\"BG-1\",\"by\":\"jiro\"}", 2000, E_MALFORMED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum code got = step(rows[i].json, rows[i].at_ms);
        if (got != rows[i].want) printf("# %s: %d\n", rows[i].json, (int)got);
        CHECK(got == rows[i].want);
    }
    int64_t end = 2000 + 60 * MS_MINUTE;
    CHECK(emergency_of(&all, "watch-1", 2000) && emergency_of(&all, "watch-1", end - 1) && !emergency_of(&all, "watch-1", end));
    CHECK(!emergency_of(&all, "hanako", 2000) && !emergency_overdue(&all.at[0], end - 1) && emergency_overdue(&all.at[0], end));
    CHECK(step("{\"what\":\"end\",\"id\":\"BG-1\",\"by\":\"sekimori\",\"why\":\"time-over\"}", end) == OK);
    CHECK(!emergency_of(&all, "watch-1", 2000) && all.at[0].state == EMERGENCY_ENDED);
    CHECK(step("{\"what\":\"review\",\"id\":\"BG-1\",\"by\":\"jiro\",\"why\":\"w\"}", end) == E_CONFLICT); /* who opened it */
    CHECK(step("{\"what\":\"review\",\"id\":\"BG-1\",\"by\":\"saburo\",\"why\":\"\"}", end) == E_MALFORMED);
    struct arena a = ARENA(65536);
    const struct doc *d = emergency_doc(&a, &all.at[0], end + EMERGENCY_REVIEW_WITHIN + 1);
    CHECK(doc_text(d, "review_due", "")[0] && doc_bool(d, "review_late", false));
    CHECK(step("{\"what\":\"review\",\"id\":\"BG-1\",\"by\":\"saburo\",\"why\":\"one pump started by hand\"}", end) == OK);
    CHECK(step(ASK("BG-2", "240"), end) == OK && emergency_overdue(&all.at[1], end + EMERGENCY_OPEN_WITHIN));
    CHECK(step("{\"what\":\"end\",\"id\":\"BG-2\",\"by\":\"sekimori\"}", end) == OK && all.at[1].state == EMERGENCY_LAPSED);
    CHECK(step("{\"what\":\"open\",\"id\":\"BG-2\",\"by\":\"jiro\"}", end) == E_CONFLICT);
    arena_deinit(&a);
    emergencies_deinit(&all);
    return TEST_END;
}
