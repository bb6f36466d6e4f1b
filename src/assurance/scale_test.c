/* 5,000 assets: how long from an adverse fact to its limit, and from a fleet's to theirs. Printed, with bounds
 * only so wide that they catch a change of order. */
#include <time.h>

#include "assurance/story_test.h"

#define ASSETS 5000
#define TOLERANCE "30000万"
#define TOLERANCE_YEN 300000000

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void name_of(int i, char ret[16])
{
    (void)snprintf(ret, 16, "gw-%04d", i);
}

static int64_t handed_us; /* when the data's path last got limits */
static void timed_limits(void *ctx, const struct limits *limits)
{
    story_limits(ctx, limits);
    handed_us = now_us();
}

static void fleet_ready(struct story *s)
{
    char id[16];
    story_begin(s);
    assurance_free(s->a);
    struct assurance_port port = { s, story_write, timed_limits, story_tell };
    CHECK_OK(assurance_new(&port, &s->a));
    CHECK_OK(assurance_replay(s->a, ENTRY_CHARTER, bytes_str(s->entries[0].json), s->now));
    for (int i = 0; i < ASSETS; i++) {
        name_of(i, id);
        CHECK_QUIET(ok(assurance_asset(s->a, id, "gateways", true)));
    }
    CHECK_OK(assurance_start(s->a, s->now));
    CHECK_OK(story_model_give(s, TOLERANCE, KEYS(MO, AO)));
    for (int i = 0; i < ASSETS; i++) {
        name_of(i, id);
        story_fact(s, "C8b", id, FACT_PASS, "good");
    }
    story_wait(s, 5 * MS_S);
    struct decision d = story_decision(s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(s, &d, KEYS(MO, AO, EX)));
}

static void test_one(struct story *s)
{
    s->now += 10 * MS_S;
    size_t handed = s->handed;
    int64_t begin = now_us();
    story_fact(s, "C8b", "gw-2500", FACT_FAIL, "pcr-mismatch");
    int64_t end = now_us();
    CHECK(s->handed == handed + 1 && s->n_limits >= 1);
    printf("# %d assets: fact to limit %lld us, with figures and record %lld us\n", ASSETS,
        (long long)(handed_us - begin), (long long)(end - begin));
    CHECK(handed_us - begin < 200000);
    struct arena arena = ARENA(64u << 20);
    begin = now_us();
    const struct doc *status = assurance_status(s->a, &arena, s->now);
    printf("# status %lld us\n", (long long)(now_us() - begin));
    CHECK(doc_get(doc_get(status, "at_stake"), "assets")->count == 1); /* one bad device shows among 5,000 */
    CHECK(doc_int(status, "exit", 0) == 7);
    arena_deinit(&arena);
}

static void test_fleet(struct story *s)
{
    char id[16];
    int64_t begin = now_us(), worst = 0;
    for (int i = 0; i < ASSETS; i++) {
        int64_t one = now_us();
        name_of(i, id);
        story_fact(s, "C8b", id, FACT_FAIL, "pcr-mismatch");
        one = now_us() - one;
        worst = one > worst ? one : worst;
    }
    printf("# %d bad devices in one second: %lld us, worst single %lld us, limits %zu\n", ASSETS,
        (long long)(now_us() - begin), (long long)worst, s->n_limits);
    CHECK(s->n_limits > 3000); /* the table is full: the whole stream is limited besides */
    struct arena arena = ARENA(256u << 20);
    bool wide = false;
    const struct doc *all = assurance_limits(s->a, &arena, s->now);
    for (const struct doc *l = all->first; l; l = l->next)
        wide |= doc_bool(l, "enforced", false) && doc_text(l, "device", "x")[0] == 0
            && strcmp(doc_text(l, "stream", ""), COMMANDS) == 0;
    CHECK(wide);
    arena_deinit(&arena);
    begin = now_us();
    story_wait(s, 2 * MS_S);
    printf("# turns of the next 2 s: %lld us\n", (long long)(now_us() - begin));
}

int main(void)
{
    struct story s;
    fleet_ready(&s);
    test_one(&s);
    test_fleet(&s);
    story_end(&s);
    return TEST_END;
}
