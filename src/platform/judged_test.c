/* What is remembered of verdicts never differs from judging anew: random questions between random changes of
 * everything a verdict hangs on. */
#include "platform/judged.h"

#include "base/port/port.h"
#include "base/test.h"
#include "base/time.h"
#include "ledger/ledger.h"

enum { WHO = 6, TURNS = 120000 };
#define DAY_MS (1764288000000 / MS_DAY * MS_DAY)

#define R50 "/0123456789/0123456789/0123456789/0123456789/01234"
static const char *const topics[] = { "sk/v1/w/d-0/m/flow", "sk/v1/w/d-1/m/flow", "sk/v1/w/d-0/a/low", "sk/v1/w/d-1/s/pump", "sk/v1/w/d-0/cmd/pump",
    "sk/v1/w/d-1/cmd/pump", "sk/v1/w/d-0/att/evidence", "plain/x", "sk/v1/w/d-0/m/a-name-so-long-that-its-end-stands-elsewhere/because-a-place-has-only-so-much-room/1",
    "sk/v1/w/d-0/m/a-name-so-long-that-its-end-stands-elsewhere/because-a-place-has-only-so-much-room/2",
    "sk/v1/w/d-0/m/so-long-that-it-is-not-remembered-at-all" R50 R50 R50 R50 R50 };
static const char *const policies[] = { "", "{\"id\":\"no\",\"subject\":\"any\",\"action\":[\"publish\",\"subscribe\"],\"stream\":\"sk/v1/w/d-0/m/#\",\"deny\":true},",
    "{\"id\":\"hours\",\"subject\":\"role:viewer\",\"action\":\"subscribe\",\"stream\":\"sk/v1/w/d-1/#\",\"when\":{\"time\":\"08:00-17:00\"}},",
    "{\"id\":\"work\",\"subject\":\"role:viewer\",\"action\":\"subscribe\",\"stream\":\"sk/v1/w/d-1/#\",\"when\":{\"permit\":true}},",
    "{\"id\":\"trust\",\"subject\":\"role:device\",\"action\":\"publish\",\"stream\":\"plain/#\",\"when\":{\"trust\":\"attested\"}}," };
#define REST "{\"id\":\"glass\",\"subject\":\"any\",\"action\":[\"subscribe\",\"command\"],\"stream\":\"sk/v1/w/d-1/#\",\"when\":{\"emergency\":true}},{\"id\":\"guest\",\"subject\":\"role:contractor\",\"action\":\"subscribe\",\"stream\":\"#\"},{\"id\":\"say\",\"subject\":\"role:device\",\"action\":\"publish\",\"stream\":\"sk/v1/{site}/{own}/#\"}," \
    "{\"id\":\"all\",\"subject\":\"role:operator\",\"action\":[\"subscribe\",\"command\",\"publish\"],\"stream\":\"#\",\"upto\":\"confidential\"}]}"

struct scene {
    struct registry *r;
    struct access a;
    struct grants *g;
    struct limit limit[2];
    struct limits limits;
    struct permit permit[3];
    struct permits permits;
    int64_t now_ms;
    uint64_t state;
};

static unsigned draw(struct scene *s, unsigned n)
{
    s->state = s->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(s->state >> 33) % n;
}

static void identity(struct scene *s, unsigned i, enum trust trust)
{
    static const enum role roles[WHO] = { ROLE_DEVICE, ROLE_DEVICE, ROLE_OPERATOR, ROLE_VIEWER, ROLE_CONTRACTOR, ROLE_OPERATOR };
    struct arena arena = ARENA(65536);
    struct identity who = { .role = roles[i], .life = LIFE_ENROLLED, .trust = trust };
    snprintf(who.id, sizeof who.id, "d-%u", i);
    (void)!ok(registry_apply(s->r, ENTRY_IDENTITY, registry_doc_identity(&arena, &who), 0)); /* some steps are none */
    arena_deinit(&arena);
}

static void declare(struct scene *s)
{
    static const char *const labels[] = { "public", "internal", "confidential", "restricted" };
    struct arena arena = ARENA(65536);
    struct stream d = { .name = "one", .pattern = "sk/v1/w/+/m/flow" };
    snprintf(d.label, sizeof d.label, "%s", labels[draw(s, 4)]);
    CHECK_QUIET(ok(registry_apply(s->r, ENTRY_STREAM, registry_doc_stream(&arena, &d), 0)));
    arena_deinit(&arena);
}

/* A command whose payload tells the safe direction. */
static void order(struct scene *s)
{
    struct arena arena = ARENA(65536);
    struct stream d = { .name = "pump", .pattern = "sk/v1/w/+/cmd/pump", .label = "internal", .command = true, .safe = { "stop" } };
    CHECK_QUIET(ok(registry_apply(s->r, ENTRY_STREAM, registry_doc_stream(&arena, &d), 0)));
    arena_deinit(&arena);
}

static void policy(struct scene *s)
{
    struct arena arena = ARENA(1 << 20);
    struct doc *d = NULL;
    struct grants *g = NULL;
    struct grants_error e;
    size_t n;
    char text[1200];
    snprintf(text, sizeof text, "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"zone\":\"+00:00\",\"grants\":[%s" REST, policies[draw(s, sizeof policies / sizeof *policies)]);
    CHECK_QUIET(ok(doc_read_json(bytes_str(text), &arena, &d)) && ok(grants_read(d, &g, &e, 1, &n)));
    grants_free(s->g); /* the next may well come to lie where it was */
    s->g = g;
    s->a.grants = g;
    arena_deinit(&arena);
}

static void impose(struct scene *s)
{
    s->limits.n = draw(s, 4) ? 2 : draw(s, 2);
    s->limits.epoch++;
    for (size_t i = 0; i < s->limits.n; i++) {
        s->limit[i] = (struct limit) { .id = "L-1", .decision = "D-1", .stream = "sk/v1/w/#", .mode = draw(s, 2) ? LIMIT_FLAG : (enum limit_mode)(1 + draw(s, LIMIT_MODES - 1)), .enforced = draw(s, 2) };
        snprintf(s->limit[i].device, sizeof s->limit[i].device, "d-%u", draw(s, 2));
    }
}

static void change(struct scene *s)
{
    switch (draw(s, 6)) {
    case 0: identity(s, draw(s, WHO), (enum trust)draw(s, TRUST_REVOKED)); break;
    case 1: declare(s); break;
    case 2: policy(s); break;
    case 3: impose(s); break;
    case 4: s->permits.n = draw(s, 4); s->permits.epoch++; break;
    default: s->now_ms = DAY_MS + (draw(s, 2) ? 8 * MS_HOUR + 10000 : 8 * MS_HOUR - 10000); break; /* about the hour a window opens */
    }
}

static void compare(struct scene *s, unsigned *ret_remembered)
{
    char id[2][16];
    snprintf(id[0], sizeof id[0], "d-%u", draw(s, WHO));
    snprintf(id[1], sizeof id[1], "d-%u", draw(s, WHO));
    struct question q = { .who = registry_identity(s->r, id[0]), .action = draw(s, 6) ? draw(s, 2) ? ACT_PUBLISH : ACT_RECEIVE : (enum action)draw(s, ACTIONS), .topic = bytes_str(topics[draw(s, sizeof topics / sizeof *topics)]),
        .payload = draw(s, 2) ? BYTES_LIT("{\"do\":\"stop\"}") : BYTES_NONE, .from = draw(s, 3) ? registry_identity(s->r, "d-0") : draw(s, 2) ? registry_identity(s->r, id[1]) : NULL, .now_ms = s->now_ms, .released = draw(s, 8) == 0 };
    struct access plain = s->a;
    struct verdict known;
    plain.judged = NULL;
    *ret_remembered += judged_find(&s->a, &q, &known);
    struct verdict v = access_judge(&s->a, &q), w = access_judge(&plain, &q);
    bool same = v.ruling == w.ruling && v.reason == w.reason && strcmp(v.word, w.word) == 0 && v.limit == w.limit && v.missing == w.missing
        && v.observed_only == w.observed_only && v.safe_direction == w.safe_direction && v.judged == w.judged && v.alarm == w.alarm;
    if (!same) printf("# %s %d %s: %s, judged anew %s\n", id[0], (int)q.action, (const char *)q.topic.at, v.word, w.word);
    CHECK_QUIET(same);
}

/* More topics than there are places: what is given up is judged again, nothing else. */
static void overflow(struct scene *s)
{
    char topic[40];
    const struct identity *who = registry_identity(s->r, "d-2");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 70000; i++) {
            int n = snprintf(topic, sizeof topic, "x/%d", i);
            struct question q = { .who = who, .action = ACT_PUBLISH, .topic = bytes_of(topic, (size_t)n), .now_ms = s->now_ms };
            CHECK_QUIET(strcmp(access_judge(&s->a, &q).word, "allowed") == 0);
        }
    }
}

/* One topic heard by more than have a row beside it: each is answered from memory, and the same as anew; another
 * topic in its place inherits nothing. */
static void audience(struct scene *s)
{
    enum { EARS = 40 };
    char id[16];
    unsigned known = 0;
    struct verdict v;
    for (unsigned i = 0; i < EARS; i++) {
        struct arena arena = ARENA(65536);
        struct identity who = { .role = i % 3 ? ROLE_OPERATOR : ROLE_CONTRACTOR, .life = LIFE_ENROLLED, .trust = TRUST_ATTESTED };
        snprintf(who.id, sizeof who.id, "ear-%u", i);
        CHECK_QUIET(ok(registry_apply(s->r, ENTRY_IDENTITY, registry_doc_identity(&arena, &who), 0)));
        arena_deinit(&arena);
    }
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 2 * EARS; i++) {
            snprintf(id, sizeof id, "ear-%u", i / 2);
            struct question q = { .who = registry_identity(s->r, id), .action = ACT_RECEIVE, .from = registry_identity(s->r, "d-0"), .now_ms = s->now_ms,
                .topic = i % 2 ? BYTES_LIT("sk/v1/w/d-0/m/flow") : BYTES_LIT("sk/v1/w/d-0/cmd/pump") };
            struct access plain = s->a;
            plain.judged = NULL;
            known += round > 0 && i % 2 && judged_find(&s->a, &q, &v);
            v = access_judge(&s->a, &q);
            CHECK_QUIET(strcmp(v.word, access_judge(&plain, &q).word) == 0);
        }
    }
    printf("# %u of %u receivers were answered from memory\n", known, 2 * EARS);
    CHECK(known > EARS); /* few collide in the table */
}

int main(void)
{
    struct scene s = { .state = 20261128, .now_ms = DAY_MS, .permit = { { "WP-1", "d-3", "sk/v1/w/d-1/#", 0, INT64_MAX }, { "WP-2", "d-4", "#", 0, INT64_MAX },
        { "BG-1", "d-0", "sk/v1/w/#", 0, INT64_MAX, true } } };
    unsigned remembered = 0;
    CHECK_OK(registry_new(&s.r));
    s.limits.rows = s.limit;
    s.permits.rows = s.permit;
    s.a = (struct access) { .registry = s.r, .site = "w", .limits = &s.limits, .permits = &s.permits };
    CHECK_OK(judged_new(&s.a.judged));
    for (unsigned i = 0; i < WHO; i++) identity(&s, i, TRUST_ATTESTED);
    order(&s);
    policy(&s);
    for (unsigned i = 0; i < TURNS; i++) {
        if (draw(&s, 150) == 0) change(&s);
        compare(&s, &remembered);
    }
    printf("# %u of %u questions were answered from memory\n", remembered, (unsigned)TURNS);
    CHECK(remembered > TURNS / 20);
    s.limits.n = 0;
    s.limits.epoch++;
    identity(&s, 2, TRUST_ATTESTED);
    overflow(&s);
    audience(&s);
    judged_free(s.a.judged);
    grants_free(s.g);
    registry_free(s.r);
    return TEST_END;
}
