/* A finding, its owner and due date, what was done, whether it helped by another's judgement, and the review of it all. */
#include "platform/improve.h"

#include "base/test.h"

static struct improvement all;
static const char *why;

static enum code step(const char *json, int64_t at_ms)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    CHECK_QUIET(ok(doc_read_json(bytes_str(json), &a, &d)));
    enum code judged = improve_judge(&all, d, at_ms, &why).code, applied = improve_apply(&all, d, at_ms).code;
    CHECK_QUIET(judged == applied);
    arena_deinit(&a);
    return applied;
}

#define T1 ((int64_t)1795392000000)
#define DUE "\"due\":\"2026-12-23T00:00:00.000Z\""
#define OPEN(id, more) "{\"what\":\"open\",\"id\":\"" id "\",\"finding\":\"no drill this year\",\"source\":\"audit\",\"owner\":\"hanako\",\"by\":\"jiro\"," more "}"

int main(void)
{
    static const struct { const char *json; int64_t at_ms; enum code want; } rows[] = {
        { "{}", T1, E_MALFORMED },
        { OPEN("CA-2", DUE), T1, E_CONFLICT },
        { OPEN("CA-1", "\"due\":\"soon\""), T1, E_MALFORMED },
        { OPEN("CA-1", "\"due\":\"2026-11-01T00:00:00.000Z\""), T1, E_RANGE },
        { OPEN("CA-1", "\"due\":\"2036-11-01T00:00:00.000Z\""), T1, E_RANGE },
        { "{\"what\":\"open\",\"id\":\"CA-1\",\"finding\":\"x\",\"source\":\"rumour\",\"owner\":\"hanako\",\"by\":\"jiro\"," DUE "}", T1, E_MALFORMED },
        { "{\"what\":\"open\",\"id\":\"CA-1\",\"finding\":\"x\",\"source\":\"audit\",\"owner\":\"\",\"by\":\"jiro\"," DUE "}", T1, E_MALFORMED },
        { "{\"what\":\"done\",\"id\":\"CA-1\",\"by\":\"hanako\",\"text\":\"x\"}", T1, E_UNKNOWN },
        { OPEN("CA-1", "\"ref\":\"C9b\"," DUE), T1, OK },
        { "{\"what\":\"judge\",\"id\":\"CA-1\",\"by\":\"jiro\",\"text\":\"x\",\"effective\":true}", T1, E_CONFLICT }, /* not done yet */
        { "{\"what\":\"done\",\"id\":\"CA-1\",\"by\":\"hanako\",\"text\":\"\"}", T1, E_MALFORMED },
        { "{\"what\":\"move\",\"id\":\"CA-1\",\"by\":\"jiro\",\"text\":\"ill\",\"owner\":\"taro\"," DUE "}", T1 + 1, OK },
        { "{\"what\":\"done\",\"id\":\"CA-1\",\"by\":\"taro\",\"text\":\"drilled\"}", T1 + 2, OK },
        { "{\"what\":\"done\",\"id\":\"CA-1\",\"by\":\"taro\",\"text\":\"drilled\"}", T1 + 2, E_CONFLICT },
        { "{\"what\":\"judge\",\"id\":\"CA-1\",\"by\":\"taro\",\"text\":\"x\",\"effective\":true}", T1 + 3, E_CONFLICT }, /* who did it */
        { "{\"what\":\"judge\",\"id\":\"CA-1\",\"by\":\"jiro\",\"text\":\"x\"}", T1 + 3, E_MALFORMED },
        { "{\"what\":\"judge\",\"id\":\"CA-1\",\"by\":\"jiro\",\"text\":\"too slow\",\"effective\":false}", T1 + 3, E_MALFORMED }, /* until when? */
        { "{\"what\":\"judge\",\"id\":\"CA-1\",\"by\":\"jiro\",\"text\":\"too slow\",\"effective\":false," DUE "}", T1 + 3, OK },
        { "{\"what\":\"done\",\"id\":\"CA-1\",\"by\":\"taro\",\"text\":\"drilled again\"}", T1 + 4, OK },
        { "{\"what\":\"judge\",\"id\":\"CA-1\",\"by\":\"jiro\",\"text\":\"in time\",\"effective\":true}", T1 + 5, OK },
        { "{\"what\":\"judge\",\"id\":\"CA-1\",\"by\":\"jiro\",\"text\":\"in time\",\"effective\":true}", T1 + 5, E_CONFLICT },
        { OPEN("CA-2", "\"ref\":\"C9b\"," DUE), T1 + 6, OK },
        { "{\"what\":\"review\",\"id\":\"MR-2\",\"by\":\"reiko\",\"text\":\"x\"}", T1, E_CONFLICT },
        { "{\"what\":\"review\",\"id\":\"MR-1\",\"by\":\"reiko\",\"text\":\"\"}", T1, E_MALFORMED },
        { "{\"what\":\"review\",\"id\":\"MR-1\",\"by\":\"reiko\",\"text\":\"go on\"}", T1 + 60 * MS_DAY, OK },
        { "{\"what\":\"forget\",\"id\":\"CA-2\",\"by\":\"reiko\",\"text\":\"x\"}", T1, E_MALFORMED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum code is = step(rows[i].json, rows[i].at_ms);
        if (is != rows[i].want) printf("# row %zu: %s\n", i, why ? why : "");
        CHECK(is == rows[i].want);
    }
    const struct corrective *a = action_find(&all, "CA-1"), *b = action_find(&all, "CA-2");
    CHECK(a && a->state == ACTION_EFFECTIVE && a->reopened == 1 && strcmp(a->owner, "taro") == 0 && strcmp(a->judged_by, "jiro") == 0);
    CHECK(b && action_about(&all, "C9b") == b && !action_about(&all, "C1") && !action_about(&all, ""));
    CHECK(!action_late(b, b->due_ms) && action_late(b, b->due_ms + 1) && !action_late(a, b->due_ms + 1));
    CHECK(all.n_reviews == 1 && all.reviews[0].open == 1 && all.reviews[0].late == 1 && all.reviews[0].effective == 1);
    improve_deinit(&all);
    return TEST_END;
}
