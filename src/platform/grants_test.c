/* A policy as people write it: what is read, what is refused and how it is said, and who then may. */
#include "platform/grants.h"

#include "base/test.h"
#include "base/time.h"
#include "ledger/ledger.h"
#include "platform/access.h"

#define HEAD "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"zone\":\"+09:00\",\"grants\":["
#define ROW "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x/#\"}"

static outcome read_json(const char *json, struct grants **ret, struct grants_error *e, size_t *ret_n)
{
    struct arena a = ARENA(1 << 20);
    struct doc *d = NULL;
    CHECK_QUIET(ok(doc_read_json(bytes_str(json), &a, &d)));
    outcome o = grants_read(d, ret, e, 1, ret_n);
    arena_deinit(&a);
    return o;
}

static void mistakes_are_named(void)
{
    static const struct { const char *json, *says; } rows[] = {
        { "[]", "expected a map" },
        { "{}", "is needed" },
        { "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\"}", "a policy without rows" },
        { HEAD "]}", "a policy without rows" },
        { "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"grant\":[" ROW "]}", "did you mean \"grants\"?" },
        { "{\"schema\":\"sekimori-grants/2\",\"site\":\"w\",\"grants\":[" ROW "]}", "expected one of sekimori-grants/1" },
        { "{\"schema\":\"sekimori-grants/1\",\"grants\":[" ROW "]}", "site: expected the site's id" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\"}]}", "grants[0].stream: is needed" },
        { HEAD ROW "," ROW "]}", "grants[1].id: \"a\" is used" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publisch\",\"stream\":\"x\"}]}", "did you mean \"publish\"?" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"subscribe\",\"stream\":\"x\",\"deni\":true}]}", "did you mean \"deny\"?" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"subscribe\",\"stream\":\"x\",\"deny\":\"yes\"}]}", "expected true or false" },
        { HEAD "{\"id\":\"a\",\"subject\":\"rolle:viewer\",\"action\":\"publish\",\"stream\":\"x\"}]}", "did you mean \"role:...\"?" },
        { HEAD "{\"id\":\"a\",\"subject\":\"role:viever\",\"action\":\"publish\",\"stream\":\"x\"}]}", "did you mean \"viewer\"?" },
        { HEAD "{\"id\":\"a\",\"subject\":\"+\",\"action\":\"publish\",\"stream\":\"x\"}]}", "expected any, an identity" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x/a+/y\"}]}", "stands for a whole level" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x/{me}/y\"}]}", "variables are {own} and {site}" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x/{own}y\"}]}", "each a whole level" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"$share/g/x/y\"}]}", "topic pattern" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"subscribe\",\"stream\":\"x\",\"upto\":\"secret\"}]}", "expected one of public" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"subscribe\",\"stream\":\"x\",\"upto\":\"public\",\"deny\":true}]}", "no meaning in a deny row" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x\",\"when\":{\"time\":\"8:00-17:00\"}}]}", "expected \"HH:MM-HH:MM\"" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x\",\"when\":{\"trst\":\"attested\"}}]}", "did you mean \"trust\"?" },
        { HEAD "{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x\",\"when\":{\"days\":[\"mon\"]}}]}", "with \"time\"" },
        { "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"grants\":[{\"id\":\"a\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"x\","
          "\"when\":{\"time\":\"08:00-17:00\"}}]}", "\"zone\" is needed" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct grants *g = NULL;
        struct grants_error e = { 0 };
        size_t n = 0;
        outcome o = read_json(rows[i].json, &g, &e, &n);
        if (o.code != E_CONFIG || n == 0 || !strstr(e.text, rows[i].says)) printf("# %s: %s\n", rows[i].json, e.text);
        CHECK(o.code == E_CONFIG && n > 0 && !g && strstr(e.text, rows[i].says));
    }
}

/* ---- who then may ---- */

static const struct identity gw = { .id = "gw-1", .role = ROLE_DEVICE, .group = "pumps", .model = "m1", .life = LIFE_ENROLLED, .trust = TRUST_ATTESTED };
static const struct identity fresh = { .id = "gw-1", .role = ROLE_DEVICE, .group = "pumps", .model = "m1", .life = LIFE_ENROLLED };
static const struct identity op = { .id = "op-1", .role = ROLE_OPERATOR, .life = LIFE_ENROLLED };
static const struct identity op2 = { .id = "op-2", .role = ROLE_OPERATOR, .life = LIFE_ENROLLED };
static const struct identity eye = { .id = "eye", .role = ROLE_VIEWER, .life = LIFE_ENROLLED };
static const struct identity plus = { .id = "+", .role = ROLE_DEVICE, .life = LIFE_ENROLLED };
static const struct identity hash = { .id = "#", .role = ROLE_DEVICE, .life = LIFE_ENROLLED };
static const struct identity dots = { .id = "../", .role = ROLE_DEVICE, .life = LIFE_ENROLLED };
static const struct identity slash = { .id = "a/b", .role = ROLE_DEVICE, .life = LIFE_ENROLLED };

static const char policy[] = HEAD
    "{\"id\":\"own\",\"subject\":\"role:device\",\"action\":\"publish\",\"stream\":[\"sk/v1/{site}/{own}/m/#\",\"sk/v1/{site}/{own}/s/#\"]},"
    "{\"id\":\"order\",\"subject\":\"op-1\",\"action\":\"command\",\"stream\":\"pump\",\"when\":{\"time\":\"08:30-17:15\",\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"]}},"
    "{\"id\":\"night\",\"subject\":\"op-2\",\"action\":\"command\",\"stream\":\"pump\",\"when\":{\"time\":\"22:00-06:00\",\"days\":[\"mon\"]}},"
    "{\"id\":\"read\",\"subject\":\"role:operator\",\"action\":[\"subscribe\",\"history\"],\"stream\":\"sk/v1/{site}/#\",\"upto\":\"confidential\"},"
    "{\"id\":\"eye\",\"subject\":\"role:viewer\",\"action\":\"subscribe\",\"stream\":\"sk/v1/{site}/#\"},"
    "{\"id\":\"secret\",\"subject\":\"any\",\"action\":[\"subscribe\",\"history\"],\"stream\":\"sk/v1/{site}/+/m/secret\",\"deny\":true},"
    "{\"id\":\"take\",\"subject\":\"group:pumps\",\"action\":\"subscribe\",\"stream\":\"sk/v1/{site}/{own}/cmd/#\",\"when\":{\"trust\":\"attested\"}},"
    "{\"id\":\"keys\",\"subject\":\"model:m1\",\"action\":\"administer\",\"stream\":\"sk/v1/{site}/{own}/cfg/#\"}]}";

static struct registry *declared(void)
{
    static const struct stream rows[] = { { .name = "pump", .pattern = "sk/v1/w/+/cmd/pump", .label = "internal", .command = true },
        { .name = "bills", .pattern = "sk/v1/w/+/m/bills", .label = "confidential" },
        { .name = "plans", .pattern = "sk/v1/w/+/m/plans", .label = "restricted" }, { .name = "open", .pattern = "sk/v1/w/+/m/open", .label = "public" } };
    struct registry *r = NULL;
    struct arena a = ARENA(65536);
    CHECK_OK(registry_new(&r));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) CHECK_OK(registry_apply(r, ENTRY_STREAM, registry_doc_stream(&a, &rows[i]), 0));
    arena_deinit(&a);
    return r;
}

#define P ACT_PUBLISH
#define S ACT_SUBSCRIBE
#define R ACT_RECEIVE
#define H ACT_HISTORY
/* local time of the policy's zone: 2026-11-23 is a Monday */
static const struct {
    const char *claim;
    const struct identity *who;
    enum action action;
    const char *topic, *at, *word;
} rows[] = {
    { "own reading", &gw, P, "sk/v1/w/gw-1/m/flow", "2026-11-23T00:00:00Z", "allowed" },
    { "the row's second stream", &gw, P, "sk/v1/w/gw-1/s/x", "2026-11-23T00:00:00Z", "allowed" },
    { "another's", &gw, P, "sk/v1/w/gw-2/m/flow", "2026-11-23T00:00:00Z", "no-grant" },
    { "another site's", &gw, P, "sk/v1/x/gw-1/m/flow", "2026-11-23T00:00:00Z", "no-grant" },
    { "N15 +", &plus, P, "sk/v1/w/gw-1/m/flow", "2026-11-23T00:00:00Z", "no-grant" },
    { "N15 #", &hash, P, "sk/v1/w/gw-1/m/flow", "2026-11-23T00:00:00Z", "no-grant" },
    { "N15 ../", &dots, P, "sk/v1/w/../m/flow", "2026-11-23T00:00:00Z", "no-grant" },
    { "N15 a/b", &slash, P, "sk/v1/w/a/b/m/flow", "2026-11-23T00:00:00Z", "no-grant" },
    { "an order on Monday morning", &op, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-23T00:00:00Z", "allowed" },
    { "a minute before", &op, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-22T23:29:59Z", "no-grant" },
    { "as it opens", &op, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-22T23:30:00Z", "allowed" },
    { "as it closes", &op, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-23T08:15:00Z", "no-grant" },
    { "on Sunday", &op, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-22T01:00:00Z", "no-grant" },
    { "over midnight, the evening", &op2, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-23T13:00:00Z", "allowed" },
    { "over midnight, the morning after", &op2, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-23T20:59:59Z", "allowed" },
    { "over midnight, the morning before", &op2, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-22T20:00:00Z", "no-grant" },
    { "a command wants the grant of commands", &gw, P, "sk/v1/w/gw-1/cmd/pump", "2026-11-23T00:00:00Z", "no-grant" },
    { "up to the ceiling", &op, R, "sk/v1/w/gw-1/m/bills", "2026-11-23T00:00:00Z", "allowed" },
    { "above the ceiling", &op, R, "sk/v1/w/gw-1/m/plans", "2026-11-23T00:00:00Z", "label" },
    { "above the ceiling, history", &op, H, "sk/v1/w/gw-1/m/plans", "2026-11-23T00:00:00Z", "label" },
    { "above the ceiling, subscribed by name", &op, S, "sk/v1/w/gw-1/m/plans", "2026-11-23T00:00:00Z", "label" },
    { "history within", &op, H, "sk/v1/w/gw-1/m/bills", "2026-11-23T00:00:00Z", "allowed" },
    { "no history granted", &eye, H, "sk/v1/w/gw-1/m/open", "2026-11-23T00:00:00Z", "no-grant" },
    { "without upto: internal", &eye, R, "sk/v1/w/gw-1/m/bills", "2026-11-23T00:00:00Z", "label" },
    { "a public stream", &eye, R, "sk/v1/w/gw-1/m/open", "2026-11-23T00:00:00Z", "allowed" },
    { "an undeclared one is internal", &eye, R, "sk/v1/w/gw-1/m/flow", "2026-11-23T00:00:00Z", "allowed" },
    { "N14 denied, received", &op, R, "sk/v1/w/gw-1/m/secret", "2026-11-23T00:00:00Z", "no-grant" },
    { "N14 denied, history", &op, H, "sk/v1/w/gw-1/m/secret", "2026-11-23T00:00:00Z", "no-grant" },
    { "N14 denied, subscribed", &op, S, "sk/v1/w/gw-1/m/secret", "2026-11-23T00:00:00Z", "no-grant" },
    { "the broad filter stands", &op, S, "sk/v1/w/#", "2026-11-23T00:00:00Z", "allowed" },
    { "a broader one does not", &op, S, "sk/v1/#", "2026-11-23T00:00:00Z", "no-grant" },
    { "attested takes orders", &gw, S, "sk/v1/w/gw-1/cmd/#", "2026-11-23T00:00:00Z", "allowed" },
    { "unattested does not", &fresh, S, "sk/v1/w/gw-1/cmd/#", "2026-11-23T00:00:00Z", "no-grant" },
    { "administers its own", &gw, ACT_ADMINISTER, "sk/v1/w/gw-1/cfg/x", "2026-11-23T00:00:00Z", "allowed" },
    { "nobody else's", &gw, ACT_ADMINISTER, "sk/v1/w/gw-2/cfg/x", "2026-11-23T00:00:00Z", "no-grant" },
};

static void who_then_may(const struct access *a)
{
    for (int round = 0; round < 2; round++) /* what is remembered answers alike */
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct question q = { .who = rows[i].who, .action = rows[i].action, .topic = bytes_str(rows[i].topic) };
            struct arena arena = ARENA(65536);
            struct doc *list = doc_list(&arena);
            CHECK_QUIET(ok(time_parse(bytes_str(rows[i].at), &q.now_ms)));
            struct verdict v = access_judge(a, &q), e = access_explain(a, &q, &arena, list);
            if (strcmp(v.word, rows[i].word) != 0) printf("# %s: %s\n", rows[i].claim, v.word);
            CHECK(strcmp(v.word, rows[i].word) == 0 && strcmp(e.word, v.word) == 0);
            CHECK_QUIET((v.ruling == RULING_ALLOW) == (strcmp(rows[i].word, "allowed") == 0));
            arena_deinit(&arena);
        }
}

/* What was remembered ends with what it hung on: the trust of the same identity, a new declaration. */
static void nothing_is_remembered_too_long(struct access *a, struct registry *r)
{
    struct identity who = gw;
    struct arena arena = ARENA(65536);
    struct stream s = { .name = "bills", .pattern = "sk/v1/w/+/m/bills", .label = "restricted" };
    struct question q = { .who = &who, .action = R, .topic = BYTES_LIT("sk/v1/w/gw-1/cmd/pump"), .now_ms = 1 };
    CHECK(access_judge(a, &q).ruling == RULING_ALLOW);
    who.trust = TRUST_DEGRADED;
    CHECK(access_judge(a, &q).ruling == RULING_DENY);
    q = (struct question) { .who = &op, .action = R, .topic = BYTES_LIT("sk/v1/w/gw-1/m/bills") };
    CHECK(access_judge(a, &q).ruling == RULING_ALLOW);
    CHECK_OK(registry_apply(r, ENTRY_STREAM, registry_doc_stream(&arena, &s), 0));
    CHECK(strcmp(access_judge(a, &q).word, "label") == 0);
    arena_deinit(&arena);
}

/* A window that closed does not undo what was rightly published in it; a right that is gone does (N13). */
static void publishers(const struct access *a)
{
    struct question q = { .who = &eye, .action = R, .topic = BYTES_LIT("sk/v1/w/gw-1/cmd/pump"), .from = &op, .now_ms = 0 };
    CHECK(access_judge(a, &q).ruling == RULING_ALLOW);
    q.from = &gw;
    CHECK(strcmp(access_judge(a, &q).word, "publisher-not-permitted") == 0);
}

/* What is in force can be shown, and read again as the same. */
static void shown_and_read_again(const struct grants *g)
{
    struct arena arena = ARENA(1 << 20);
    struct buffer one = BUFFER(1 << 20), two = BUFFER(1 << 20);
    struct grants *again = NULL;
    struct grants_error e = { 0 };
    size_t n = 0;
    const struct doc *d = grants_doc(g, "w", &arena);
    CHECK_OK(doc_write_json(d, &one));
    CHECK_OK(grants_read(d, &again, &e, 1, &n));
    CHECK_OK(doc_write_json(grants_doc(again, "w", &arena), &two));
    CHECK(again && grants_count(again) == grants_count(g) && bytes_equal(buffer_view(&one), buffer_view(&two)));
    grants_free(again);
    buffer_deinit(&one);
    buffer_deinit(&two);
    arena_deinit(&arena);
}

/* A new site's rows are the same whether they stand in the program or were read as a policy. */
static void defaults_read_as_a_policy(void)
{
    struct arena arena = ARENA(1 << 20);
    struct grants *g = NULL;
    struct grants_error e = { 0 };
    size_t n = 0, read_n = 0;
    CHECK_OK(grants_read(grants_doc(NULL, "w", &arena), &g, &e, 1, &n));
    const struct grant *ours = grants_rows(NULL, &n), *read = g ? grants_rows(g, &read_n) : NULL;
    CHECK(n > 0 && n == read_n);
    for (size_t i = 0; i < n && i < read_n; i++)
        CHECK(strcmp(ours[i].id, read[i].id) == 0 && ours[i].kind == read[i].kind && strcmp(ours[i].subject, read[i].subject) == 0
            && ours[i].actions == read[i].actions && ours[i].deny == read[i].deny && strcmp(ours[i].pattern, read[i].pattern) == 0
            && (ours[i].deny || ours[i].upto == read[i].upto) && !read[i].trusted && !read[i].timed && !read[i].stream[0]);
    grants_free(g);
    arena_deinit(&arena);
}

static void memory_is_refused(void)
{
    for (uint64_t k = 1; k < 200; k++) {
        struct arena arena = ARENA(1 << 20);
        struct doc *d = NULL;
        struct grants *g = NULL;
        struct grants_error e;
        size_t n = 0;
        CHECK_QUIET(ok(doc_read_json(bytes_str(policy), &arena, &d)));
        mem_fail_at(k);
        outcome o = grants_read(d, &g, &e, 1, &n);
        mem_fail_at(0);
        CHECK_QUIET(ok(o) ? g != NULL : o.code == E_MEMORY && !g);
        grants_free(g);
        arena_deinit(&arena);
        if (ok(o)) {
            CHECK(k > 3);
            return;
        }
    }
    CHECK(false);
}

int main(void)
{
    struct registry *r = declared();
    struct grants *g = NULL;
    struct grants_error e = { 0 };
    size_t n;
    mistakes_are_named();
    CHECK_OK(read_json(policy, &g, &e, &n));
    if (!g) return printf("# %s\n", e.text), 1;
    CHECK(grants_count(g) == 9 && strcmp(grants_site(g), "w") == 0);
    struct access a = { .registry = r, .site = "w", .grants = g };
    who_then_may(&a);
    publishers(&a);
    nothing_is_remembered_too_long(&a, r);
    shown_and_read_again(g);
    shown_and_read_again(NULL);
    defaults_read_as_a_policy();
    memory_is_refused();
    grants_free(g);
    registry_free(r);
    return TEST_END;
}
