/* What a model file lacks of what was seen, in which order, and that a row goes into a file and nothing else of it changes. */
#include "cli/propose.h"
#include "cli/typed_test.h"

static struct model *model;
static struct proposal room[PROPOSE_MOST];

static struct proposals none(void)
{
    return (struct proposals) { .model = model, .at = room };
}

static void read_example(void)
{
    struct cli c = { .arena = ARENA(64u << 20) };
    struct doc *d;
    CHECK(read_model(&c, source("examples/water/mission.yaml"), &d, &model) == EXIT_OK);
    arena_deinit(&c.arena);
}

static void saw(struct proposal *x, const char *what, const char *at, int64_t entry)
{
    CHECK_QUIET(x != NULL);
    if (x) propose_saw(x, &(struct sighting) { "op-1", "gw-01", what, at, entry, 1 });
}

static void the_most_consequential_first(void)
{
    struct proposals p = none();
    saw(propose_group(&p, SEEN_HOST, "host-10-0-0-9"), "x", "2026-01-01T00:00:00Z", 9);
    saw(propose_flow(&p, SEEN_READING, "sensors", "platform"), "m/level", "2026-01-02T00:00:00Z", 4);
    saw(propose_flow(&p, SEEN_COMMAND, "terminals", "gateways"), "cmd/pump", "2026-01-02T00:00:00Z", 5);
    saw(propose_flow(&p, SEEN_COMMAND, "terminals", "plc"), "cmd/set", "2026-01-02T00:00:00Z", 6);
    saw(propose_flow(&p, SEEN_PEER, "kawa", "platform"), "demand", "2026-01-02T00:00:00Z", 7);
    CHECK(propose_flow(&p, SEEN_COMMAND, "gateways", "gateways") == NULL); /* within a group */
    propose_rank(&p);
    CHECK(p.n == 5 && strcmp(room[0].id, "terminals-plc") == 0);           /* losing the controller fails supply */
    CHECK(strcmp(room[1].id, "terminals-gateways") == 0 && room[2].seen == SEEN_PEER && room[3].seen == SEEN_READING && room[4].seen == SEEN_HOST);
    CHECK(propose_find(&p, "kawa-platform") == &room[2] && !propose_find(&p, "nothing"));
}

/* A way that carries commands as well as readings is one row, of the heavier kind; its evidence adds up. */
static void one_way_is_one_row(void)
{
    struct proposals p = none();
    for (int64_t i = 1; i <= 5; i++) {
        char at[32];
        snprintf(at, sizeof at, "2026-01-0%dT00:00:00Z", (int)i);
        saw(propose_flow(&p, i == 2 ? SEEN_COMMAND : SEEN_READING, "gateways", "platform"), i == 5 ? "new\x1b[2J" : "old", at, i == 4 ? 3 : i);
    }
    CHECK(p.n == 1 && room[0].seen == SEEN_COMMAND && room[0].count == 5);
    CHECK(room[0].entries[0] == 5 && room[0].entries[1] == 3 && room[0].entries[2] == 2);
    CHECK(strcmp(room[0].since, "2026-01-01T00:00:00Z") == 0 && strcmp(room[0].last, "2026-01-05T00:00:00Z") == 0);
    CHECK(strcmp(room[0].what, "new\\x1b[2J") == 0); /* N60 */
}

static void what_is_there_is_not_asked(void)
{
    struct arena a = ARENA(65536);
    struct doc *declined = NULL;
    struct proposals p = none();
    static const char text[] = "[{\"from\":\"terminals\",\"id\":\"x\",\"to\":\"gateways\"},{\"id\":\"y\",\"members\":[\"P-4\"]}]";
    CHECK_OK(doc_read_json(bytes_str(text), &a, &declined));
    p.declined = declined;
    CHECK(!propose_flow(&p, SEEN_COMMAND, "terminals", "gateways") && propose_flow(&p, SEEN_COMMAND, "gateways", "terminals"));
    CHECK(propose_is_declined(&p, "", "", "P-4") && !propose_is_declined(&p, "", "", "P-5"));
    p = none();
    model->flows[0] = (struct model_flow) { .id = "terminals-plc", .from = "terminals", .to = "gateways" };
    model->n_flows = 1;
    CHECK(!propose_flow(&p, SEEN_COMMAND, "terminals", "gateways"));
    CHECK(propose_flow(&p, SEEN_COMMAND, "terminals", "plc") != NULL);
    propose_rank(&p);
    CHECK(p.n == 1 && strcmp(room[0].id, "terminals-plc-2") == 0); /* the id is another flow's */
    model->n_flows = 0;
    CHECK(strcmp(propose_group_of(model, "plc-1", ""), "plc") == 0 && strcmp(propose_group_of(model, "gw-9", "gateways"), "gateways") == 0);
    CHECK(!propose_group_of(model, "gw-9", "no-such") && !propose_group_of(model, "gw-9", ""));
    arena_deinit(&a);
}

static void many_are_counted(void)
{
    struct proposals p = none();
    char name[32];
    for (unsigned i = 0; i < PROPOSE_MOST + 3; i++) {
        snprintf(name, sizeof name, "g%u", i);
        (void)propose_flow(&p, SEEN_READING, name, "platform");
    }
    CHECK(p.n == PROPOSE_MOST && p.left == 3);
}

static void any_text_becomes_an_id(void)
{
    char a[MODEL_ID], b[MODEL_ID], c[MODEL_ID];
    propose_id("P-4", a);
    CHECK(strcmp(a, "P-4") == 0);
    propose_id("ポンプ1号", a), propose_id("ポンプ2号", b);
    CHECK(strcmp(a, b) != 0 && strlen(a) < MODEL_ID && a[0] != '-');
    propose_id("", a), propose_id("-", b), propose_id("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", c);
    CHECK(a[0] == 'x' && b[0] == 'x' && strlen(c) < MODEL_ID && strlen(c) > 40);
}

/* ---- into the file ---- */

static void inserts(const char *text, const char *want)
{
    static const char *const lines[] = { "{id: a}", "{id: b}" };
    struct buffer b = BUFFER(65536);
    outcome o = propose_insert(bytes_str(text), "flows", lines, 2, &b);
    bool good = want ? ok(o) && bytes_equal_str(buffer_view(&b), want) : o.code == E_UNSUPPORTED;
    if (!good) printf("# of %s\n# came %.*s\n", text, (int)b.n, (const char *)b.at);
    CHECK(good);
    buffer_deinit(&b);
}

static void only_the_list_grows(void)
{
    inserts("flows:\n  - {id: x} # c\n\n# next\nz: 1\n", "flows:\n  - {id: x} # c\n  - {id: a}\n  - {id: b}\n\n# next\nz: 1\n");
    inserts("a: 1\nflows:  # ways\n- id: x\n  to: y\n  # inside\nz: 1", "a: 1\nflows:  # ways\n- id: x\n  to: y\n  # inside\n- {id: a}\n- {id: b}\nz: 1");
    inserts("flows:\n    - id: x\n      carries: >\n        long\n\n        text", "flows:\n    - id: x\n      carries: >\n        long\n\n        text\n    - {id: a}\n    - {id: b}\n");
    inserts("a: 1\r\nflows: [] # none yet\r\nz: 1\r\n", "a: 1\r\nflows: # none yet\r\n  - {id: a}\r\n  - {id: b}\r\nz: 1\r\n");
    inserts("a: 1", "a: 1\n\nflows:\n  - {id: a}\n  - {id: b}\n");
    inserts("a: 1\r\n", "a: 1\r\n\r\nflows:\r\n  - {id: a}\r\n  - {id: b}\r\n");
    inserts("", "flows:\n  - {id: a}\n  - {id: b}\n");
    inserts("flowsy: 1\n flows: 2\n", "flowsy: 1\n flows: 2\n\nflows:\n  - {id: a}\n  - {id: b}\n");
    inserts("flows:\nz: 1\n", "flows:\n  - {id: a}\n  - {id: b}\nz: 1\n");
    inserts("flows: [{id: x}]\n", NULL);
    inserts("flows:\n  [{id: x}]\n", NULL);
    inserts("flows: &a\n  - {id: x}\n", NULL);
    inserts("flows: []\n  - {id: x}\n", NULL);
}

static void a_row_is_a_line(void)
{
    struct arena a = ARENA(65536);
    char text[400];
    struct out o = out_of(text, sizeof text - 1);
    struct proposal x = { .seen = SEEN_PEER, .id = "kawa-platform", .from = "kawa", .to = "platform", .group = "kawa", .layer = "organisation",
        .name_ja = "川", .name_en = "a \"b\": #c", .members = { "12" }, .n_members = 1, .what = "sk/v1/w/x" };
    struct doc *rows = propose_rows(&x, &a);
    CHECK(rows->count == 2);
    for (const struct doc *d = rows->first; d; d = d->next) {
        propose_line(doc_get(d, "row"), &o);
        put_str(&o, "\n");
    }
    text[o.n] = 0;
    CHECK(!o.over && strcmp(text, "{id: kawa, name: {ja: \"川\", en: \"a \\\"b\\\": #c\"}, layer: organisation, members: [\"12\"]}\n"
                                 "{id: kawa-platform, from: kawa, to: platform, carries: \"sk/v1/w/x\"}\n") == 0);
    struct out small = out_of(text, 10);
    propose_line(doc_get(rows->first, "row"), &small);
    CHECK(small.over);
    arena_deinit(&a);
}

/* Answers are judged before anything is asked of a site. */
static void answers_are_judged(void)
{
    static const struct { const char *words, *says; int code; } rows[] = {
        { "mission propose", "sekimori mission propose", EXIT_USAGE },
        { "mission propose m --decline a", "--reason", EXIT_USAGE },
        { "mission propose m --confirm a --reason b", "usage", EXIT_USAGE },
        { "mission propose m --confirm a --decline a --reason b", "usage", EXIT_USAGE },
        { "mission propose m --confirm a --confirm b --confirm c --confirm d --confirm e --confirm f", "SK-1143", EXIT_USAGE },
        { "mission propose /no/such.yaml", "/no/such.yaml", EXIT_CONFIGURATION },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool good = typed(rows[i].words) == rows[i].code && strstr(said, rows[i].says);
        if (!good) printf("# %s: %s\n", rows[i].words, said);
        CHECK(good);
    }
}

int main(void)
{
    typed_begin();
    read_example();
    the_most_consequential_first();
    one_way_is_one_row();
    what_is_there_is_not_asked();
    many_are_counted();
    any_text_becomes_an_id();
    only_the_list_grows();
    a_row_is_a_line();
    answers_are_judged();
    mem_free(model);
    typed_end();
    return TEST_END;
}
