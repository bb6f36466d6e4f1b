#include "base/test.h"
#include "wire/doc.h"

/* What is read, written again. */
static outcome rewrite(struct bytes in, struct buffer *out)
{
    struct arena a = ARENA(1 << 20);
    struct doc *d = NULL;
    outcome o = doc_read_json(in, &a, &d);
    if (ok(o)) o = doc_write_json(d, out);
    arena_deinit(&a);
    return o;
}

struct good_row {
    const char *claim, *in, *want;
};
static const struct good_row good[] = {
    { "an empty map", "{}", "{}" },
    { "an empty list", " [ ] ", "[]" },
    { "keys are sorted by bytes", "{\"b\":1,\"a\":2,\"\xe3\x81\x82\":3,\"B\":4}",
      "{\"B\":4,\"a\":2,\"b\":1,\"\xe3\x81\x82\":3}" },
    { "nesting is kept", "{\"z\":[1,{\"y\":[],\"x\":null}],\"a\":true}",
      "{\"a\":true,\"z\":[1,{\"x\":null,\"y\":[]}]}" },
    { "the largest integers", "[9223372036854775807,-9223372036854775808]",
      "[9223372036854775807,-9223372036854775808]" },
    { "minus zero is zero", "[-0]", "[0]" },
    { "escapes are minimal", "[\"\\u0041\\/\\\"\\\\\\b\\f\\n\\r\\t\\u001F\\u007f\"]",
      "[\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f\"]" },
    { "surrogate pairs become UTF-8", "[\"\\ud83d\\ude00\"]", "[\"\xf0\x9f\x98\x80\"]" },
    { "a scalar is a text too", "\"x\"", "\"x\"" },
    { "brackets inside strings are no depth",
      "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"]",
      "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"]" },
};

struct bad_row {
    const char *claim;
    struct bytes in;
};
static const struct bad_row bad[] = {
    { "nothing", BYTES_NONE },
    { "white space only", BYTES_LIT(" \n") },
    { "a real", BYTES_LIT("[1.0]") },
    { "an exponent", BYTES_LIT("[1e3]") },
    { "an integer over 64 bits", BYTES_LIT("[9223372036854775808]") },
    { "a leading zero", BYTES_LIT("[01]") },
    { "a duplicate key", BYTES_LIT("{\"a\":1,\"b\":2,\"a\":1}") },
    { "a duplicate key spelled otherwise", BYTES_LIT("{\"a\":1,\"\\u0061\":1}") },
    { "an escaped NUL", BYTES_LIT("[\"\\u0000\"]") },
    { "an escaped NUL in a key", BYTES_LIT("{\"a\\u0000\":1}") },
    { "a raw NUL", BYTES_LIT("[\"a\0b\"]") },
    { "a NUL after the end", BYTES_LIT("{}\0") },
    { "a raw control", BYTES_LIT("[\"\n\"]") },
    { "a lone surrogate", BYTES_LIT("[\"\\ud83d\"]") },
    { "broken UTF-8", BYTES_LIT("[\"\xc3\x28\"]") },
    { "overlong UTF-8", BYTES_LIT("[\"\xc0\xaf\"]") },
    { "text after the end", BYTES_LIT("{} {}") },
    { "a trailing comma", BYTES_LIT("[1,]") },
    { "a comment", BYTES_LIT("[1] // x") },
    { "single quotes", BYTES_LIT("['a']") },
    { "NaN", BYTES_LIT("[NaN]") },
    { "unpaired brackets", BYTES_LIT("[}") },
    { "an unfinished escape", BYTES_LIT("\"\\") },
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct buffer out = BUFFER(1 << 16);
        printf("# %s\n", good[i].claim);
        CHECK_OK(rewrite(bytes_str(good[i].in), &out));
        CHECK(bytes_equal_str(buffer_view(&out), good[i].want));
        struct buffer again = BUFFER(1 << 16); /* canonical text reads back as itself */
        CHECK_OK(rewrite(buffer_view(&out), &again));
        CHECK(bytes_equal(buffer_view(&out), buffer_view(&again)));
        buffer_deinit(&out);
        buffer_deinit(&again);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buffer out = BUFFER(1 << 16);
        printf("# %s\n", bad[i].claim);
        CHECK_IS(rewrite(bad[i].in, &out), E_MALFORMED);
        CHECK(out.n == 0);
        buffer_deinit(&out);
    }
}

static void test_depth(void)
{
    for (size_t depth = DOC_DEPTH_MAX - 1; depth <= DOC_DEPTH_MAX + 1; depth++) {
        char text[2 * (DOC_DEPTH_MAX + 1)];
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct buffer out = BUFFER(1 << 16);
        CHECK_IS(rewrite(bytes_of(text, 2 * depth), &out), depth > DOC_DEPTH_MAX ? E_MALFORMED : OK);
        buffer_deinit(&out);
    }
    static char deep[200000]; /* would overflow a recursive parser's stack */
    memset(deep, '[', sizeof deep);
    struct buffer out = BUFFER(1 << 16);
    CHECK_IS(rewrite(bytes_of(deep, sizeof deep), &out), E_MALFORMED);
    buffer_deinit(&out);
}

/* Every prefix is refused, and no one-byte change hurts. */
static void test_damage(void)
{
    const struct bytes text = BYTES_LIT("{\"a\":[1,-2,{\"b\":\"\\u3042\xe3\x81\x82\"}],\"c\":null}");
    for (size_t n = 0; n < text.n; n++) {
        struct buffer out = BUFFER(1 << 16);
        CHECK_QUIET(rewrite(bytes_of(text.at, n), &out).code == E_MALFORMED);
        buffer_deinit(&out);
    }
    for (size_t i = 0; i < text.n; i++) {
        for (int v = 0; v < 256; v++) {
            char copy[64];
            CHECK_QUIET(text.n <= sizeof copy);
            memcpy(copy, text.at, text.n);
            copy[i] = (char)v;
            struct buffer out = BUFFER(1 << 16), again = BUFFER(1 << 16);
            outcome o = rewrite(bytes_of(copy, text.n), &out);
            CHECK_QUIET(o.code == OK || o.code == E_MALFORMED);
            if (ok(o)) CHECK_QUIET(ok(rewrite(buffer_view(&out), &again)));
            if (ok(o)) CHECK_QUIET(bytes_equal(buffer_view(&out), buffer_view(&again)));
            buffer_deinit(&out);
            buffer_deinit(&again);
        }
    }
    CHECK(text.n > 0);
}

static void test_lookups(void)
{
    struct arena a = ARENA(1 << 16);
    struct doc *d = NULL;
    CHECK_OK(doc_read_json(
        BYTES_LIT("{\"t\":\"x\",\"i\":7,\"b\":true,\"l\":[1,2,3],\"n\":null}"), &a, &d));
    CHECK(d->kind == DOC_MAP && d->count == 5 && d->line == 0);
    CHECK(strcmp(doc_text(d, "t", "-"), "x") == 0 && doc_int(d, "i", 0) == 7);
    CHECK(doc_bool(d, "b", false));
    CHECK(strcmp(doc_text(d, "i", "-"), "-") == 0); /* another kind */
    CHECK(doc_int(d, "t", 5) == 5 && doc_int(d, "absent", 6) == 6);
    CHECK(doc_get(d, "n") && doc_get(d, "n")->kind == DOC_NULL);
    CHECK(doc_get(d, "l")->count == 3 && doc_get(d, "l")->first->next->number == 2);
    CHECK(!doc_get(NULL, "x") && !doc_get(doc_get(d, "l"), "x"));
    arena_deinit(&a);
}

static void test_builders(void)
{
    struct arena a = ARENA(1 << 16);
    struct buffer b = BUFFER(1 << 16);
    struct doc *d = doc_map(&a), *l = doc_list(&a);
    doc_set_text(&a, d, "name", "ポンプ");
    doc_set(&a, d, "rows", l);
    for (int i = 0; i < 3; i++) doc_add(l, doc_int_new(&a, i));
    doc_set_bool(&a, d, "held", true);
    doc_set_int(&a, d, "held", 2); /* replaces */
    doc_set_int(&a, d, "zz", 1);
    CHECK(d->count == 4);
    CHECK_OK(doc_write_json(d, &b));
    CHECK(bytes_equal_str(buffer_view(&b),
                          "{\"held\":2,\"name\":\"ポンプ\",\"rows\":[0,1,2],\"zz\":1}"));
    struct doc *broken = doc_text_new(&a, "\xff");
    doc_set(&a, d, "broken", broken);
    size_t before = b.n;
    CHECK_IS(doc_write_json(d, &b), E_MALFORMED);
    CHECK(b.n == before);
    buffer_deinit(&b);
    arena_deinit(&a);
}

static struct doc *build(struct arena *a)
{
    struct doc *d = doc_map(a), *l = doc_list(a);
    doc_set_text(a, d, "k", "v");
    doc_set(a, d, "l", l);
    doc_add(l, doc_int_new(a, 1));
    return d;
}

/* Whichever allocation fails, an incomplete document is never written. */
static void test_memory(void)
{
    const char *text = "{\"k\":\"v\",\"l\":[1]}";
    size_t refused = 0;
    for (uint64_t k = 1; k <= 32; k++) {
        struct arena a = ARENA(1 << 16);
        struct buffer b = BUFFER(1 << 16);
        mem_fail_at(k);
        outcome o = doc_write_json(build(&a), &b);
        mem_fail_at(0);
        if (ok(o)) CHECK_QUIET(bytes_equal_str(buffer_view(&b), text));
        else CHECK_QUIET(o.code == E_MEMORY && b.n == 0);
        refused += !ok(o);
        buffer_deinit(&b);
        arena_deinit(&a);
    }
    CHECK(refused > 0);
    for (size_t max = 0; max < 2000; max += 16) { /* the arena's own bound */
        struct arena a = ARENA(max);
        struct buffer b = BUFFER(1 << 16);
        outcome o = doc_write_json(build(&a), &b);
        CHECK_QUIET(ok(o) ? bytes_equal_str(buffer_view(&b), text) : o.code == E_MEMORY);
        struct doc *d = NULL;
        outcome r = doc_read_json(bytes_str(text), &a, &d);
        CHECK_QUIET(ok(r) ? d != NULL : r.code == E_MEMORY && d == NULL);
        buffer_deinit(&b);
        arena_deinit(&a);
    }
    struct doc list = { .kind = DOC_LIST };
    struct buffer b = BUFFER(4);
    doc_add(&list, NULL);
    CHECK_IS(doc_write_json(&list, &b), E_MEMORY);
    CHECK_IS(doc_write_json(NULL, &b), E_MEMORY);
    struct doc fits = { .kind = DOC_TEXT, .text = "too long" };
    CHECK_IS(doc_write_json(&fits, &b), E_TOO_LARGE);
    CHECK(b.n == 0);
    buffer_deinit(&b);
}

int main(void)
{
    test_rows();
    test_depth();
    test_damage();
    test_lookups();
    test_builders();
    test_memory();
    return TEST_END;
}
