/* Conditions of a row (work permit, purpose), and why each row speaks or does not. */
#include "base/test.h"
#include "base/time.h"
#include "ledger/ledger.h"
#include "platform/access.h"

static const char policy[] = "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"zone\":\"+09:00\",\"source\":\"grants.yaml\",\"appeal\":\"ext. 4210\",\"grants\":["
    "{\"id\":\"see\",\"line\":7,\"subject\":\"role:viewer\",\"action\":\"history\",\"stream\":\"sk/v1/{site}/+/m/#\",\"when\":{\"purpose\":[\"billing\",\"audit\"]}},"
    "{\"id\":\"work\",\"line\":12,\"subject\":\"contractor-1\",\"action\":[\"subscribe\",\"command\",\"administer\"],\"stream\":\"sk/v1/{site}/#\",\"when\":{\"permit\":true},"
    "\"appeal\":\"the station's foreman\",\"authority\":\"rule 12\"},"
    "{\"id\":\"night\",\"line\":20,\"subject\":\"contractor-1\",\"action\":\"subscribe\",\"stream\":\"sk/v1/{site}/gw-1/#\",\"when\":{\"permit\":true,\"time\":\"08:00-17:00\"}},"
    "{\"id\":\"no\",\"line\":25,\"subject\":\"any\",\"action\":\"history\",\"stream\":\"sk/v1/{site}/+/m/secret\",\"deny\":true,\"why\":\"kept\"}]}";

static const struct identity viewer = { .id = "v-1", .role = ROLE_VIEWER, .life = LIFE_ENROLLED };
static const struct identity worker = { .id = "contractor-1", .role = ROLE_VIEWER, .life = LIFE_ENROLLED };

static int64_t at(const char *text)
{
    int64_t ms = 0;
    CHECK_QUIET(ok(time_parse(bytes_str(text), &ms)));
    return ms;
}

static struct verdict judge(const struct access *a, const struct identity *who, enum action action, const char *topic, const char *purpose, int64_t now_ms)
{
    struct question q = { .who = who, .action = action, .topic = bytes_str(topic), .purpose = purpose, .now_ms = now_ms };
    struct verdict v = access_judge(a, &q), again = access_judge(a, &q); /* the second may come from memory */
    CHECK_QUIET(v.ruling == again.ruling && v.missing == again.missing);
    return v;
}

static void a_purpose_opens(const struct access *a)
{
    static const char topic[] = "sk/v1/w/gw-1/m/flow";
    int64_t now = at("2026-11-23T01:00:00Z");
    CHECK(judge(a, &viewer, ACT_HISTORY, topic, "billing", now).ruling == RULING_ALLOW);
    CHECK(judge(a, &viewer, ACT_HISTORY, topic, NULL, now).missing == MISS_PURPOSE);
    CHECK(judge(a, &viewer, ACT_HISTORY, topic, "audit", now).ruling == RULING_ALLOW);
    static const char *const others[] = { "", "bill", "billing audit", " billing ", "BILLING", "billin" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) CHECK(judge(a, &viewer, ACT_HISTORY, topic, others[i], now).missing == MISS_PURPOSE);
    CHECK(judge(a, &viewer, ACT_HISTORY, "sk/v1/w/gw-1/m/secret", "billing", now).ruling == RULING_DENY);
}

static void a_permit_opens(struct access *a)
{
    int64_t from = at("2026-11-23T01:00:00Z"), until = at("2026-11-23T03:00:00Z");
    struct permit rows[2] = { { .id = "WP-1", .subject = "contractor-1", .stream = "sk/v1/w/gw-1/#", .from_ms = from, .until_ms = until },
        { .id = "WP-2", .subject = "somebody", .stream = "#", .from_ms = 0, .until_ms = INT64_MAX } };
    struct permits permits = { rows, 2, 1 };
    static const char topic[] = "sk/v1/w/gw-1/m/flow";
    CHECK(judge(a, &worker, ACT_RECEIVE, topic, NULL, from).missing == MISS_PERMIT);
    a->permits = &permits;
    CHECK(judge(a, &worker, ACT_RECEIVE, topic, NULL, from - 1).missing == MISS_PERMIT);
    CHECK(judge(a, &worker, ACT_RECEIVE, topic, NULL, from).ruling == RULING_ALLOW);
    CHECK(judge(a, &worker, ACT_RECEIVE, topic, NULL, until - 1).ruling == RULING_ALLOW);
    CHECK(judge(a, &worker, ACT_RECEIVE, topic, NULL, until).missing == MISS_PERMIT);
    CHECK(judge(a, &worker, ACT_RECEIVE, "sk/v1/w/gw-2/m/flow", NULL, from).missing == MISS_PERMIT);
    CHECK(judge(a, &worker, ACT_SUBSCRIBE, "sk/v1/w/gw-1/#", NULL, from).ruling == RULING_ALLOW);
    CHECK(judge(a, &worker, ACT_SUBSCRIBE, "sk/v1/w/#", NULL, from).missing == MISS_PERMIT);
    CHECK(judge(a, &worker, ACT_PUBLISH, "sk/v1/w/gw-1/cmd/pump", NULL, from).ruling == RULING_ALLOW);
    CHECK(judge(a, &worker, ACT_ADMINISTER, "sk/v1/w/gw-1", NULL, from).ruling == RULING_ALLOW);
    CHECK(judge(a, &worker, ACT_ADMINISTER, "sk/v1/w/gw-1/#", NULL, from).ruling == RULING_ALLOW);
    CHECK(judge(a, &worker, ACT_ADMINISTER, "#", NULL, from).ruling == RULING_DENY);
    rows[0].emergency = true; /* is none for work */
    permits.epoch++;
    CHECK(judge(a, &worker, ACT_RECEIVE, topic, NULL, from).missing == MISS_PERMIT);
    permits.n = 0; /* closed: at once */
    permits.epoch++;
    CHECK(judge(a, &worker, ACT_RECEIVE, topic, NULL, from).missing == MISS_PERMIT);
    a->permits = NULL;
}

static const struct doc *nth(const struct doc *list, const char *step, size_t k)
{
    for (const struct doc *d = list->first; d; d = d->next)
        if (strcmp(doc_text(d, "step", ""), step) == 0 && k-- == 0) return d;
    return NULL;
}

/* The nearest row first, each with its place and its reason in both languages. */
static void every_row_is_told(const struct access *a)
{
    struct arena arena = ARENA(1 << 20);
    struct doc *list = doc_list(&arena);
    struct question q = { .who = &worker, .action = ACT_RECEIVE, .topic = BYTES_LIT("sk/v1/w/gw-1/m/flow"), .now_ms = at("2026-11-22T23:30:00Z"), .passing = true };
    CHECK(access_explain(a, &q, &arena, list).ruling == RULING_DENY);
    const struct doc *one = nth(list, "tried", 0), *two = nth(list, "tried", 1), *three = nth(list, "tried", 2);
    CHECK(one && strcmp(doc_text(one, "at", ""), "grants.yaml:12") == 0 && strstr(doc_text(one, "text_en", ""), "no work permit is open"));
    CHECK(one && strstr(doc_text(one, "text_ja", ""), "作業許可") && doc_int(one, "level", 0) == 1);
    CHECK(two && strcmp(doc_text(two, "grant", ""), "night") == 0 && strstr(doc_text(two, "text_en", ""), "08:00-17:00"));
    CHECK(three && strstr(doc_text(three, "text_en", ""), "it is about history"));
    CHECK(nth(list, "tried", 3) && !nth(list, "tried", 4));
    CHECK(nth(list, "tried", 3) && strstr(doc_text(nth(list, "tried", 3), "text_en", ""), "it is about history; kept"));
    arena_deinit(&arena);
}

/* A long policy is not poured out: the near rows, and how many others. */
static void a_long_policy_is_summed_up(void)
{
    struct arena arena = ARENA(8 << 20);
    struct doc *d = doc_map(&arena), *rows = doc_list(&arena), *list = doc_list(&arena);
    struct grants *g = NULL;
    struct grants_error e;
    size_t n;
    doc_set_text(&arena, d, "schema", GRANTS_SCHEMA);
    doc_set_text(&arena, d, "site", "w");
    for (int i = 0; i < 300; i++) {
        char id[16];
        struct doc *row = doc_map(&arena);
        snprintf(id, sizeof id, "r-%d", i);
        doc_set_text(&arena, row, "id", id);
        doc_set_text(&arena, row, "subject", i % 3 ? "somebody" : "v-1");
        doc_set_text(&arena, row, "action", i % 2 ? "history" : "subscribe");
        doc_set_text(&arena, row, "stream", "x/#");
        doc_add(rows, row);
    }
    doc_set(&arena, d, "grants", rows);
    CHECK_OK(grants_read(d, &g, &e, 1, &n));
    struct grant_ask ask = { .who = &viewer, .action = GRANT_HISTORY, .topic = BYTES_LIT("y") };
    CHECK(grants_tried(g, "w", NULL, &ask, &arena, list) == 0);
    CHECK(list->count <= GRANT_TRIED + 3 && strstr(doc_text(list->last, "text_en", ""), "200 more rows are for other subjects"));
    grants_free(g);
    arena_deinit(&arena);
}

int main(void)
{
    struct arena arena = ARENA(1 << 20);
    struct registry *r = NULL;
    struct doc *d = NULL;
    struct grants *g = NULL;
    struct grants_error e = { 0 };
    size_t n;
    CHECK_OK(registry_new(&r));
    CHECK_OK(doc_read_json(bytes_str(policy), &arena, &d));
    CHECK_OK(grants_read(d, &g, &e, 1, &n));
    if (!g) return printf("# %s\n", e.text), 1;
    struct access a = { .registry = r, .site = "w", .grants = g };
    CHECK(strcmp(grants_source(g), "grants.yaml") == 0 && strcmp(grants_appeal(g), "ext. 4210") == 0);
    a_purpose_opens(&a);
    a_permit_opens(&a);
    every_row_is_told(&a);
    a_long_policy_is_summed_up();
    grants_free(g);
    registry_free(r);
    arena_deinit(&arena);
    return TEST_END;
}
