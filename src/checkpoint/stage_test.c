/* Each stage: what must pass, what must not, and that its own forbidden sample is refused. */
#include "checkpoint/example_test.h"
#include "checkpoint/judge.h"

#define NOW INT64_C(1764288000000)
static struct agreement a;

struct row { const char *claim; int flow; unsigned stages; const char *topic, *payload; enum stage_result want; const char *word; };
#define ONE(s) (1u << (s))

static void test_rows(void)
{
    static const struct row rows[] = {
        { "the agreed topic", 0, ONE(STAGE_ALLOW), "out/demand", "{}", STAGE_PASSES, "" },
        { "another topic", 0, ONE(STAGE_ALLOW), "out/demand/x", "{}", STAGE_REFUSES, "topic-not-agreed" },
        { "an agreed verb", 2, ONE(STAGE_ALLOW), "out/pump", "{\"do\":\"stop\"}", STAGE_PASSES, "" },
        { "another verb", 2, ONE(STAGE_ALLOW), "out/pump", "{\"do\":\"drain\"}", STAGE_REFUSES, "verb-not-agreed" },
        { "a verb twice", 2, ONE(STAGE_ALLOW), "out/pump", "{\"do\":\"stop\",\"do\":\"drain\"}", STAGE_REFUSES, "verb-not-agreed" },
        { "no object", 2, ONE(STAGE_ALLOW), "out/pump", "stop", STAGE_REFUSES, "verb-not-agreed" },
        { "schema and range good", 0, ONE(STAGE_SCHEMA), "", "{\"v\":\"9.5\",\"t\":1}", STAGE_PASSES, "" },
        { "above the range", 0, ONE(STAGE_SCHEMA), "", "{\"v\":9.501,\"t\":1}", STAGE_REFUSES, "range" },
        { "a field too many", 0, ONE(STAGE_SCHEMA), "", "{\"v\":1,\"t\":1,\"x\":1}", STAGE_REFUSES, "schema" },
        { "a field too few", 0, ONE(STAGE_SCHEMA), "", "{\"v\":1}", STAGE_REFUSES, "schema" },
        { "a text for a number", 0, ONE(STAGE_SCHEMA), "", "{\"v\":\"high\",\"t\":1}", STAGE_REFUSES, "schema" },
        { "nested", 0, ONE(STAGE_SCHEMA), "", "{\"v\":{},\"t\":1}", STAGE_REFUSES, "schema" },
        { "fresh", 0, ONE(STAGE_FRESH), "", "{\"t\":1764287999000}", STAGE_PASSES, "" },
        { "late", 0, ONE(STAGE_FRESH), "", "{\"t\":1764287939999}", STAGE_REFUSES, "late" },
        { "from the future", 0, ONE(STAGE_FRESH), "", "{\"t\":1764288060001}", STAGE_REFUSES, "future" },
        { "without time", 0, ONE(STAGE_FRESH), "", "{\"v\":1}", STAGE_REFUSES, "no-time" },
        { "near our own value", 0, ONE(STAGE_PLAUSIBLE), "", "{\"v\":\"4.0\"}", STAGE_PASSES, "" },
        { "far from it", 0, ONE(STAGE_PLAUSIBLE), "", "{\"v\":\"4.1\"}", STAGE_REFUSES, "implausible" },
        { "too young", 0, ONE(STAGE_DELAY), "", "", STAGE_WAITS, "delay" },
        { "a command", 2, ONE(STAGE_HOLD), "", "", STAGE_HOLDS, "" },
        { "against the direction", 1, ONE(STAGE_ONE_WAY), "", "", STAGE_REFUSES, "wrong-direction" },
        { "too large", 2, ONE(STAGE_RATE), "", "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", STAGE_REFUSES, "too-large" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flow_memory memory = { 0 };
        struct flat flat;
        struct stage_case c = { .flow = &a.flows[rows[i].flow], .memory = &memory, .direction = FLOW_IN, .topic = bytes_str(rows[i].topic),
            .payload = bytes_str(rows[i].payload), .wall_ms = NOW, .mono_ms = 5000, .has_like = true, .like_milli = 3000, .word = "" };
        if (ok(flat_read(c.payload, &flat))) c.flat = &flat;
        bool good = stages_run(&c, rows[i].stages) == rows[i].want && strcmp(c.word, rows[i].word) == 0;
        if (!good) printf("# %s: %s\n", rows[i].claim, c.word);
        CHECK(good);
    }
}

static void test_rate(void)
{
    struct flow_memory m = { 0 };
    struct stage_case c = { .flow = &a.flows[0], .memory = &m, .mono_ms = 1000 };
    int passed = 0;
    for (int i = 0; i < 100; i++) passed += stages_run(&c, ONE(STAGE_RATE)) == STAGE_PASSES;
    CHECK(passed == 11); /* ten seconds' worth and one */
    c.mono_ms += 999;
    CHECK(stages_run(&c, ONE(STAGE_RATE)) == STAGE_WAITS);
    c.mono_ms += 1;
    CHECK(stages_run(&c, ONE(STAGE_RATE)) == STAGE_PASSES);
}

static void test_replay(void)
{
    struct flow_memory m = { 0 };
    struct flat flat;
    struct stage_case c = { .flow = &a.flows[0], .memory = &m, .wall_ms = NOW, .mono_ms = 1, .flat = &flat };
    CHECK_OK(flat_read(BYTES_LIT("{\"t\":1764287999000}"), &flat));
    CHECK(stages_run(&c, ONE(STAGE_FRESH)) == STAGE_PASSES);
    CHECK(stages_run(&c, ONE(STAGE_FRESH)) == STAGE_REFUSES && strcmp(c.word, "replay") == 0);
    c.again = true; /* the link's own redelivery is not the peer's fault */
    CHECK(stages_run(&c, ONE(STAGE_FRESH)) == STAGE_REFUSES && sight_of(c.word) == SIGHT_COUNT);
    m = (struct flow_memory) { .tokens_at_ms = 1 };
    CHECK(stages_run(&c, ONE(STAGE_FRESH) | ONE(STAGE_RATE)) == STAGE_WAITS && m.newest_ms == 0); /* waiting is not having passed */
}

static void test_reduce(void)
{
    static const uint8_t key[32] = { 9 }, other[32] = { 8 };
    struct flow_memory m = { 0 };
    struct flat flat;
    struct buffer out = BUFFER(4096);
    char first[256];
    struct stage_case c = { .flow = &a.flows[1], .memory = &m, .direction = FLOW_OUT, .mono_ms = 1, .flat = &flat, .alias_key = key, .out = &out };
    CHECK_OK(flat_read(BYTES_LIT("{\"v\":\"3.20\",\"who\":\"level-01\",\"secret\":\"x\"}"), &flat));
    CHECK(stages_run(&c, ONE(STAGE_REDUCE)) == STAGE_PASSES);
    CHECK_OK(bytes_to_text(buffer_view(&out), first, sizeof first));
    CHECK(strncmp(first, "{\"v\":\"3.20\",\"who\":\"", 18) == 0 && !strstr(first, "level-01") && !strstr(first, "secret") && strlen(first) == 33);
    CHECK(stages_run(&c, ONE(STAGE_REDUCE)) == STAGE_REFUSES && strcmp(c.word, "thinned") == 0);
    c.mono_ms += 10000;
    CHECK(stages_run(&c, ONE(STAGE_REDUCE)) == STAGE_PASSES && bytes_equal_str(buffer_view(&out), first));
    c.mono_ms += 10000;
    c.alias_key = other;
    CHECK(stages_run(&c, ONE(STAGE_REDUCE)) == STAGE_PASSES && !bytes_equal_str(buffer_view(&out), first));
    buffer_deinit(&out);
}

int main(void)
{
    struct arena arena = ARENA(1 << 20);
    struct agreement_error e = { 0 };
    size_t n = 0;
    CHECK_OK(example_read(EXAMPLE, &arena, &a, &e, &n));
    test_rows();
    test_rate();
    test_replay();
    test_reduce();
    for (size_t i = 0; i < a.n; i++) CHECK(stages_self_test(&a.flows[i], a.flows[i].offered) == a.flows[i].offered);
    for (int i = 0; i < STAGE_COUNT; i++) CHECK_QUIET(stage_word((enum stage_id)i)[0] && stage_word_ja((enum stage_id)i)[0]);
    arena_deinit(&arena);
    return TEST_END;
}
