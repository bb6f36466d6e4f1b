#include "base/test.h"

#include "ledger/ledger.h"
#include "platform/access.h"
#include "wire/mqtt.h"

static const struct identity gw = { .id = "gw-02", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_ATTESTED };
static const struct identity bad = { .id = "gw-02", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_QUARANTINED, .ordered = true };
static const struct identity unproved = { .id = "gw-02", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_QUARANTINED };
static const struct identity out_ = { .id = "gw-02", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_REVOKED };
static const struct identity gone = { .id = "gw-02", .role = ROLE_DEVICE, .life = LIFE_RETIRED, .trust = TRUST_ATTESTED };
static const struct identity op = { .id = "op", .role = ROLE_OPERATOR, .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED };
static const struct identity badop = { .id = "op", .role = ROLE_OPERATOR, .life = LIFE_ENROLLED, .trust = TRUST_QUARANTINED };
static const struct identity outop = { .id = "op", .role = ROLE_OPERATOR, .life = LIFE_ENROLLED, .trust = TRUST_REVOKED };
static const struct identity viewer = { .id = "v", .role = ROLE_VIEWER, .life = LIFE_ENROLLED };
/* ids that look like wildcards match nothing but themselves; the registry would not take them either */
static const struct identity plus = { .id = "+", .role = ROLE_DEVICE, .life = LIFE_ENROLLED };
static const struct identity norole = { .id = "x", .life = LIFE_ENROLLED };

#define P ACT_PUBLISH
#define S ACT_SUBSCRIBE
#define R ACT_RECEIVE
#define START "{\"do\":\"start\"}"
#define STOP "{\"do\":\"stop\"}"

enum set { NO_LIMITS, HOLD, OBSERVE, SAFE, DENY, HOLD_ALL, FLAG, FLAG_OBSERVE, HOLD_AND_DENY, OBSERVE_AND_HOLD, SETS };
static const struct limit rows_of[SETS][2] = {
    [HOLD] = { { .id = "L-1", .decision = "D-1", .condition = "attested(gw-02)", .device = "gw-02", .stream = "sk/v1/w/+/cmd/#", .mode = LIMIT_HOLD, .enforced = true } },
    [OBSERVE] = { { .id = "L-1", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/+/cmd/#", .mode = LIMIT_HOLD } },
    [SAFE] = { { .id = "L-1", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/+/cmd/#", .mode = LIMIT_SAFE, .enforced = true } },
    [DENY] = { { .id = "L-1", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/#", .mode = LIMIT_DENY, .enforced = true } },
    [HOLD_ALL] = { { .id = "L-2", .decision = "D-1", .device = "", .stream = "sk/v1/w/#", .mode = LIMIT_HOLD, .enforced = true } },
    [FLAG] = { { .id = "L-3", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/+/m/#", .mode = LIMIT_FLAG, .enforced = true } },
    [FLAG_OBSERVE] = { { .id = "L-3", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/+/m/#", .mode = LIMIT_FLAG } },
    [HOLD_AND_DENY] = { { .id = "L-1", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/#", .mode = LIMIT_HOLD, .enforced = true },
        { .id = "L-9", .decision = "D-2", .device = "", .stream = "sk/v1/w/#", .mode = LIMIT_DENY, .enforced = true } },
    [OBSERVE_AND_HOLD] = { { .id = "L-8", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/#", .mode = LIMIT_DENY },
        { .id = "L-1", .decision = "D-2", .device = "gw-02", .stream = "sk/v1/w/#", .mode = LIMIT_HOLD, .enforced = true } },
};

static const struct {
    const char *claim;
    const struct identity *who;
    enum action action;
    const char *topic, *payload;
    const struct identity *from;
    enum set limits;
    enum ruling want;
    const char *word;
} rows[] = {
    { "a stranger", NULL, P, "sk/v1/w/gw-02/m/flow", "", NULL, 0, RULING_DENY, "unknown-identity" },
    { "no role", &norole, P, "sk/v1/w/x/m/flow", "", NULL, 0, RULING_DENY, "unknown-identity" },
    { "connect", &gw, ACT_CONNECT, "", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "connect in quarantine, to attest", &bad, ACT_CONNECT, "", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "connect revoked", &out_, ACT_CONNECT, "", "", NULL, 0, RULING_DENY, "revoked" },
    { "connect retired", &gone, ACT_CONNECT, "", "", NULL, 0, RULING_DENY, "not-enrolled" },
    { "own reading", &gw, P, "sk/v1/w/gw-02/m/flow", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "own state", &gw, P, "sk/v1/w/gw-02/s/pump", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "own event", &gw, P, "sk/v1/w/gw-02/e/x/y", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "own alarm", &gw, P, "sk/v1/w/gw-02/a/low", "", NULL, 0, RULING_ALLOW, "alarm" },
    { "own evidence", &gw, P, "sk/v1/w/gw-02/att/evidence", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "own reply", &gw, P, "sk/v1/w/gw-02/cmd/pump/reply", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "own command", &gw, P, "sk/v1/w/gw-02/cmd/pump", "", NULL, 0, RULING_DENY, "no-grant" },
    { "own challenge", &gw, P, "sk/v1/w/gw-02/att/challenge", "", NULL, 0, RULING_DENY, "no-grant" },
    { "another's reading", &gw, P, "sk/v1/w/gw-03/m/flow", "", NULL, 0, RULING_DENY, "no-grant" },
    { "another's alarm", &gw, P, "sk/v1/w/gw-03/a/low", "", NULL, 0, RULING_DENY, "no-grant" },
    { "another site", &gw, P, "sk/v1/x/gw-02/m/flow", "", NULL, 0, RULING_DENY, "no-grant" },
    { "server topic", &gw, P, "sk/v1/w/_gate/risk", "", NULL, 0, RULING_DENY, "no-grant" },
    { "$SYS", &op, S, "$SYS/#", "", NULL, 0, RULING_DENY, "no-grant" },
    { "wildcard id", &plus, P, "sk/v1/w/other/m/flow", "", NULL, 0, RULING_DENY, "no-grant" },
    { "revoked reading", &out_, P, "sk/v1/w/gw-02/m/flow", "", NULL, 0, RULING_DENY, "revoked" },
    { "revoked alarm", &out_, P, "sk/v1/w/gw-02/a/low", "", NULL, 0, RULING_DENY, "revoked" },
    { "quarantined reading", &bad, P, "sk/v1/w/gw-02/m/flow", "", NULL, 0, RULING_FLAG, "quarantined" },
    { "quarantined alarm", &bad, P, "sk/v1/w/gw-02/a/low", "", NULL, 0, RULING_FLAG, "quarantined" },
    { "quarantined evidence", &bad, P, "sk/v1/w/gw-02/att/evidence", "", NULL, 0, RULING_FLAG, "quarantined" },
    { "quarantined, another's", &bad, P, "sk/v1/w/gw-03/m/flow", "", NULL, 0, RULING_DENY, "no-grant" },
    { "operator commands", &op, P, "sk/v1/w/gw-02/cmd/pump", START, NULL, 0, RULING_ALLOW, "allowed" },
    { "operator, deeper", &op, P, "sk/v1/w/gw-02/cmd/pump/reply", "", NULL, 0, RULING_DENY, "no-grant" },
    { "operator readings", &op, P, "sk/v1/w/gw-02/m/flow", "", NULL, 0, RULING_DENY, "no-grant" },
    { "operator as server", &op, P, "sk/v1/w/_gate/cmd", "", NULL, 0, RULING_DENY, "no-grant" },
    { "operator commands the server", &op, P, "sk/v1/w/_gate/cmd/x", "", NULL, 0, RULING_DENY, "no-grant" },
    { "quarantined operator", &badop, P, "sk/v1/w/gw-02/cmd/pump", STOP, NULL, 0, RULING_DENY, "quarantined" },
    { "quarantined operator reads", &badop, R, "sk/v1/w/gw-02/m/flow", "", &gw, 0, RULING_DENY, "quarantined" },
    { "viewer publishes", &viewer, P, "sk/v1/w/gw-02/cmd/pump", STOP, NULL, 0, RULING_DENY, "no-grant" },
    { "viewer reads", &viewer, R, "sk/v1/w/gw-02/m/flow", "", &gw, 0, RULING_ALLOW, "allowed" },
    { "viewer, server topic", &viewer, R, "sk/v1/w/_gate/risk", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "viewer, evidence", &viewer, R, "sk/v1/w/gw-02/att/evidence", "", &gw, 0, RULING_DENY, "no-grant" },
    { "operator, evidence", &op, R, "sk/v1/w/gw-02/att/evidence", "", &gw, 0, RULING_DENY, "no-grant" },
    { "subscribe all of the site", &viewer, S, "sk/v1/w/#", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "subscribe everything", &viewer, S, "#", "", NULL, 0, RULING_DENY, "no-grant" },
    { "subscribe all sites", &viewer, S, "sk/v1/+/#", "", NULL, 0, RULING_DENY, "no-grant" },
    { "subscribe evidence", &viewer, S, "sk/v1/w/+/att/#", "", NULL, 0, RULING_DENY, "no-grant" },
    { "subscribe one evidence", &viewer, S, "sk/v1/w/gw-02/att/evidence", "", NULL, 0, RULING_DENY, "no-grant" },
    { "device, own commands", &gw, S, "sk/v1/w/gw-02/cmd/#", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "device, one command", &gw, S, "sk/v1/w/gw-02/cmd/pump", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "device, all commands", &gw, S, "sk/v1/w/+/cmd/#", "", NULL, 0, RULING_DENY, "no-grant" },
    { "device, own tree", &gw, S, "sk/v1/w/gw-02/#", "", NULL, 0, RULING_DENY, "no-grant" },
    { "device, challenge", &gw, S, "sk/v1/w/gw-02/att/challenge", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "device, own evidence", &gw, S, "sk/v1/w/gw-02/att/evidence", "", NULL, 0, RULING_DENY, "no-grant" },
    { "receive a command", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, 0, RULING_ALLOW, "allowed" },
    { "receive another's", &gw, R, "sk/v1/w/gw-03/cmd/pump", START, &op, 0, RULING_DENY, "no-grant" },
    { "command of a revoked one", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &outop, 0, RULING_DENY, "publisher-not-permitted" },
    { "retained of a retired one", &viewer, R, "sk/v1/w/gw-02/s/pump", "", &gone, 0, RULING_DENY, "publisher-not-permitted" },
    { "quarantined gets a command", &bad, R, "sk/v1/w/gw-02/cmd/pump", START, &op, 0, RULING_DENY, "quarantined" },
    { "quarantined, safe direction", &bad, R, "sk/v1/w/gw-02/cmd/pump", STOP, &op, 0, RULING_ALLOW, "allowed" },
    { "quarantined, challenge", &bad, R, "sk/v1/w/gw-02/att/challenge", "", NULL, 0, RULING_ALLOW, "allowed" },
    { "quarantined, configuration", &bad, R, "sk/v1/w/gw-02/cfg/x", "", NULL, 0, RULING_DENY, "quarantined" },
    { "held", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, HOLD, RULING_HOLD, "limit" },
    { "held in quarantine", &bad, R, "sk/v1/w/gw-02/cmd/pump", START, &op, HOLD, RULING_HOLD, "limit" },
    { "safe direction passes", &gw, R, "sk/v1/w/gw-02/cmd/pump", STOP, &op, HOLD, RULING_ALLOW, "allowed" },
    { "safe direction passes DENY", &gw, R, "sk/v1/w/gw-02/cmd/pump", STOP, &op, DENY, RULING_ALLOW, "allowed" },
    { "two do's are not safe", &gw, R, "sk/v1/w/gw-02/cmd/pump", "{\"do\":\"stop\",\"do\":\"start\"}", &op, HOLD, RULING_HOLD, "limit" },
    { "not JSON is not safe", &gw, R, "sk/v1/w/gw-02/cmd/pump", "stop", &op, HOLD, RULING_HOLD, "limit" },
    { "safe in another stream only", &gw, R, "sk/v1/w/gw-02/cmd/other", STOP, &op, HOLD, RULING_HOLD, "limit" },
    { "observed", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, OBSERVE, RULING_ALLOW, "observed" },
    { "by its evidence only, no decision", &unproved, R, "sk/v1/w/gw-02/cmd/pump", START, &op, 0, RULING_ALLOW, "allowed" },
    { "by its evidence only, observed", &unproved, R, "sk/v1/w/gw-02/cmd/pump", START, &op, OBSERVE, RULING_ALLOW, "observed" },
    { "by its evidence only, held by decision", &unproved, R, "sk/v1/w/gw-02/cmd/pump", START, &op, HOLD, RULING_HOLD, "limit" },
    { "by its evidence only, reading", &unproved, P, "sk/v1/w/gw-02/m/flow", "", NULL, 0, RULING_FLAG, "quarantined" },
    { "observed, quarantined all the same", &bad, R, "sk/v1/w/gw-02/cmd/pump", START, &op, OBSERVE, RULING_DENY, "quarantined" },
    { "SAFE refuses", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, SAFE, RULING_DENY, "limit" },
    { "DENY refuses", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, DENY, RULING_DENY, "limit" },
    { "DENY leaves configuration", &gw, R, "sk/v1/w/gw-02/cfg/x", "", NULL, DENY, RULING_ALLOW, "allowed" },
    { "DENY leaves readings", &viewer, R, "sk/v1/w/gw-02/m/flow", "", &gw, DENY, RULING_ALLOW, "allowed" },
    { "DENY leaves alarms", &viewer, R, "sk/v1/w/gw-02/a/low", "", &gw, DENY, RULING_ALLOW, "alarm" },
    { "DENY leaves publishing", &gw, P, "sk/v1/w/gw-02/m/flow", "", NULL, DENY, RULING_ALLOW, "allowed" },
    { "another device's limit", &(const struct identity) { .id = "gw-03", .role = ROLE_DEVICE, .life = LIFE_ENROLLED }, R,
        "sk/v1/w/gw-03/cmd/pump", START, &op, HOLD, RULING_ALLOW, "allowed" },
    { "everybody's limit", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, HOLD_ALL, RULING_HOLD, "limit" },
    { "an observer's copy", &op, R, "sk/v1/w/gw-02/cmd/pump", START, &op, HOLD_ALL, RULING_ALLOW, "allowed" },
    { "a reply is no command", &op, R, "sk/v1/w/gw-02/cmd/pump/reply", "", &gw, HOLD_ALL, RULING_ALLOW, "allowed" },
    { "flagged", &gw, P, "sk/v1/w/gw-02/m/flow", "", NULL, FLAG, RULING_FLAG, "limit" },
    { "flag observed", &gw, P, "sk/v1/w/gw-02/m/flow", "", NULL, FLAG_OBSERVE, RULING_ALLOW, "observed" },
    { "flag of another stream", &gw, P, "sk/v1/w/gw-02/s/pump", "", NULL, FLAG, RULING_ALLOW, "allowed" },
    { "the strictest speaks", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, HOLD_AND_DENY, RULING_DENY, "limit" },
    { "enforced before observed", &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, OBSERVE_AND_HOLD, RULING_HOLD, "limit" },
};

static struct registry *make(void)
{
    struct registry *r = NULL;
    struct arena a = ARENA(65536);
    struct stream s = { .name = "pump", .pattern = "sk/v1/w/+/cmd/pump", .command = true, .recorded = true, .safe = { "stop", "close" } };
    CHECK_OK(registry_new(&r));
    CHECK_OK(registry_apply(r, ENTRY_STREAM, registry_doc_stream(&a, &s), 0));
    arena_deinit(&a);
    return r;
}

static const char *result_of(enum ruling r)
{
    return r == RULING_DENY ? "deny" : r == RULING_HOLD ? "hold" : r == RULING_FLAG ? "flag" : "pass";
}

/* Explaining says the same as judging, and its last row says what was ruled. */
static void explained(const struct access *a, const struct question *q, const struct verdict *v)
{
    struct arena arena = ARENA(1 << 18);
    struct doc *list = doc_list(&arena);
    struct verdict e = access_explain(a, q, &arena, list);
    CHECK_QUIET(e.ruling == v->ruling && strcmp(e.word, v->word) == 0 && e.limit == v->limit && e.reason == v->reason);
    const struct doc *last = NULL;
    for (const struct doc *d = list->first; d; d = d->next) {
        if (doc_int(d, "level", 0)) continue; /* a row of the policy, below the step "grant" */
        if (last) CHECK_QUIET(strcmp(doc_text(last, "result", "deny"), "deny") != 0);
        last = d;
    }
    CHECK_QUIET(last != NULL);
    if (v->ruling != RULING_ALLOW) CHECK_QUIET(strcmp(doc_text(last, "result", ""), result_of(v->ruling)) == 0);
    for (const struct doc *d = list->first; d; d = d->next) {
        CHECK_QUIET(doc_text(d, "step", NULL) && doc_text(d, "text_en", NULL) && doc_text(d, "text_ja", NULL));
        CHECK_QUIET(!strchr(doc_text(d, "text_en", "{"), '{') || strcmp(doc_text(d, "step", ""), "grant") == 0 || doc_int(d, "level", 0));
    }
    arena_deinit(&arena);
}

/* A peer: its agreement's rows allow, nothing else does; the site's deny rows win; its commands wait for two people. */
static void test_peers(struct registry *r)
{
    static const struct identity cloud = { .id = "peer-cloud", .role = ROLE_PEER, .life = LIFE_ENROLLED };
    static const struct identity caged = { .id = "peer-cloud", .role = ROLE_PEER, .life = LIFE_ENROLLED, .trust = TRUST_QUARANTINED };
    static const char agreed[] = "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"grants\":["
        "{\"id\":\"a\",\"subject\":\"peer-cloud\",\"action\":\"subscribe\",\"stream\":\"sk/v1/w/gw-02/m/flow\"},"
        "{\"id\":\"b\",\"subject\":\"peer-cloud\",\"action\":\"publish\",\"stream\":\"sk/v1/w/peer-cloud/m/x\"},"
        "{\"id\":\"c\",\"subject\":\"peer-cloud\",\"action\":\"command\",\"stream\":\"sk/v1/w/gw-02/cmd/pump\"}]}";
    static const char site[] = "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"grants\":["
        "{\"id\":\"all\",\"subject\":\"any\",\"action\":[\"publish\",\"subscribe\",\"command\"],\"stream\":\"sk/v1/w/#\",\"upto\":\"restricted\"},"
        "{\"id\":\"no\",\"subject\":\"any\",\"action\":\"publish\",\"stream\":\"sk/v1/w/+/m/x\",\"deny\":true}]}";
    static const struct { const struct identity *who; enum action action; const char *topic, *payload; const struct identity *from; bool with_site; enum ruling want; const char *word; } peers[] = {
        { &cloud, R, "sk/v1/w/gw-02/m/flow", "", &gw, false, RULING_ALLOW, "allowed" },
        { &cloud, R, "sk/v1/w/gw-02/m/level", "", &gw, false, RULING_DENY, "no-grant" },
        { &cloud, S, "sk/v1/w/#", "", NULL, true, RULING_DENY, "no-grant" },
        { &cloud, P, "sk/v1/w/peer-cloud/m/x", "", NULL, false, RULING_ALLOW, "allowed" },
        { &cloud, P, "sk/v1/w/peer-cloud/m/x", "", NULL, true, RULING_DENY, "no-grant" },
        { &cloud, P, "sk/v1/w/peer-cloud/m/y", "", NULL, true, RULING_DENY, "no-grant" },
        { &cloud, P, "sk/v1/w/gw-02/cmd/pump", START, NULL, true, RULING_ALLOW, "allowed" },
        { &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &cloud, true, RULING_HOLD, "peer" },
        { &gw, R, "sk/v1/w/gw-02/cmd/pump", STOP, &cloud, true, RULING_ALLOW, "allowed" },
        { &gw, R, "sk/v1/w/gw-02/cmd/pump", START, &op, true, RULING_ALLOW, "allowed" },
        { &gw, R, "sk/v1/w/gw-02/cmd/valve", START, &cloud, true, RULING_DENY, "publisher-not-permitted" },
        { &caged, R, "sk/v1/w/gw-02/m/flow", "", &gw, false, RULING_DENY, "quarantined" } };
    struct arena arena = ARENA(1 << 20);
    struct doc *d = NULL;
    struct grants *rights = NULL, *policy = NULL;
    struct grants_error e = { 0 };
    size_t n = 0;
    CHECK_OK(doc_read_json(bytes_str(agreed), &arena, &d));
    CHECK_OK(grants_read(d, &rights, &e, 1, &n));
    CHECK_OK(doc_read_json(bytes_str(site), &arena, &d));
    CHECK_OK(grants_read(d, &policy, &e, 1, &n));
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        struct access a = { .registry = r, .site = "w", .grants = peers[i].with_site ? policy : NULL, .agreements = rights };
        struct question q = { peers[i].who, peers[i].action, bytes_str(peers[i].topic), bytes_str(peers[i].payload), peers[i].from, 0, false };
        struct verdict v = access_judge(&a, &q);
        if (v.ruling != peers[i].want || strcmp(v.word, peers[i].word) != 0) printf("# peer %zu: %d %s\n", i, v.ruling, v.word);
        CHECK(v.ruling == peers[i].want && strcmp(v.word, peers[i].word) == 0);
        explained(&a, &q, &v);
        q.released = true;
        CHECK_QUIET(access_judge(&a, &q).ruling == (v.ruling == RULING_HOLD ? RULING_ALLOW : v.ruling));
        a.agreements = NULL; /* no agreement: nothing at all */
        q.released = false;
        CHECK_QUIET(peers[i].who->role != ROLE_PEER || access_judge(&a, &q).ruling == RULING_DENY);
    }
    grants_free(rights);
    grants_free(policy);
    arena_deinit(&arena);
}

/* Measures for a time: what each stops, and what none of them does. */
static void measures_for_a_time(struct registry *r)
{
    static const struct identity con = { .id = "op", .role = ROLE_OPERATOR, .life = LIFE_ENROLLED };
    static const char *const entries[] = {
        "{\"what\":\"profile\",\"device\":\"gw-02\",\"name\":\"meter\",\"by\":\"root\",\"publish\":[\"sk/v1/+/+/m/flow\"],\"subscribe\":[\"sk/v1/+/+/cfg/#\"]}",
        "{\"what\":\"begin\",\"id\":\"RC-1\",\"device\":\"gw-02\",\"measure\":\"narrow\",\"by\":\"root\",\"why\":\"x\",\"until\":\"1970-01-01T00:00:10Z\"}",
        "{\"what\":\"begin\",\"id\":\"RC-1\",\"device\":\"gw-02\",\"measure\":\"hold\",\"by\":\"root\",\"why\":\"x\",\"until\":\"1970-01-01T00:00:10Z\"}",
        "{\"what\":\"begin\",\"id\":\"RC-1\",\"device\":\"gw-02\",\"measure\":\"quarantine\",\"by\":\"root\",\"why\":\"x\",\"until\":\"1970-01-01T00:00:10Z\"}",
        "{\"what\":\"begin\",\"id\":\"RC-1\",\"device\":\"op\",\"measure\":\"quarantine\",\"by\":\"root\",\"why\":\"x\",\"until\":\"1970-01-01T00:00:10Z\"}",
        "{\"what\":\"begin\",\"id\":\"RC-1\",\"device\":\"op\",\"measure\":\"hold\",\"by\":\"root\",\"why\":\"x\",\"until\":\"1970-01-01T00:00:10Z\"}" };
    static const struct {
        const char *claim;
        int entry;
        const struct identity *who, *from;
        enum action action;
        const char *topic, *payload;
        enum ruling want;
        const char *word;
    } cases[] = {
        { "inside its profile", 1, &gw, NULL, P, "sk/v1/w/gw-02/m/flow", "1", RULING_ALLOW, "allowed" },
        { "outside it", 1, &gw, NULL, P, "sk/v1/w/gw-02/m/other", "1", RULING_DENY, "outside-profile" },
        { "its commands", 1, &gw, NULL, S, "sk/v1/w/gw-02/cmd/#", "", RULING_ALLOW, "allowed" },
        { "an alarm is outside no profile", 1, &gw, NULL, P, "sk/v1/w/gw-02/a/low", "1", RULING_ALLOW, "alarm" },
        { "its evidence", 1, &gw, NULL, P, "sk/v1/w/gw-02/att/evidence", "1", RULING_ALLOW, "allowed" },
        { "a command reaches it", 1, &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, RULING_ALLOW, "allowed" },
        { "hold: a command", 2, &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, RULING_HOLD, "contained" },
        { "hold: the safe direction", 2, &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", STOP, RULING_ALLOW, "allowed" },
        { "hold: a reading", 2, &gw, NULL, P, "sk/v1/w/gw-02/m/other", "1", RULING_ALLOW, "allowed" },
        { "hold: by who sends it", 5, &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, RULING_HOLD, "contained" },
        { "hold: by who sends it, safe", 5, &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", STOP, RULING_ALLOW, "allowed" },
        { "quarantine: a reading, marked", 3, &gw, NULL, P, "sk/v1/w/gw-02/m/flow", "1", RULING_FLAG, "contained" },
        { "quarantine: an alarm", 3, &gw, NULL, P, "sk/v1/w/gw-02/a/low", "1", RULING_ALLOW, "alarm" },
        { "quarantine: a command", 3, &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, RULING_DENY, "contained" },
        { "quarantine: the safe direction", 3, &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", STOP, RULING_ALLOW, "allowed" },
        { "quarantine: a tool sends nothing", 4, &con, NULL, P, "sk/v1/w/gw-02/cmd/pump", START, RULING_DENY, "contained" },
        { "quarantine: and hears nothing", 4, &con, NULL, S, "sk/v1/w/gw-02/m/#", "", RULING_DENY, "contained" },
        { "quarantine of a tool: the device goes on", 4, &gw, NULL, P, "sk/v1/w/gw-02/m/flow", "1", RULING_ALLOW, "allowed" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = ARENA(1 << 20);
        struct reactions all = { .at = NULL };
        struct doc *d = NULL;
        CHECK_OK(doc_read_json(bytes_str(entries[0]), &arena, &d));
        CHECK_OK(reaction_apply(&all, d, 0));
        CHECK_OK(doc_read_json(bytes_str(entries[cases[i].entry]), &arena, &d));
        CHECK_OK(reaction_apply(&all, d, 0));
        struct access a = { .registry = r, .site = "w", .reactions = &all };
        struct question q = { cases[i].who, cases[i].action, bytes_str(cases[i].topic), bytes_str(cases[i].payload), cases[i].from, 5000, false };
        struct verdict v = access_judge(&a, &q);
        if (v.ruling != cases[i].want || strcmp(v.word, cases[i].word) != 0) printf("# %s: %d %s\n", cases[i].claim, v.ruling, v.word);
        CHECK(v.ruling == cases[i].want && strcmp(v.word, cases[i].word) == 0);
        explained(&a, &q, &v);
        q.released = true;
        CHECK_QUIET(access_judge(&a, &q).ruling == (v.ruling == RULING_HOLD ? RULING_ALLOW : v.ruling));
        q.released = false;
        q.now_ms = 10000; /* its time is over, whether or not anybody ended it */
        CHECK_QUIET(access_judge(&a, &q).ruling == RULING_ALLOW);
        reactions_deinit(&all);
        arena_deinit(&arena);
    }
}

/* A contractor's credentials: worth nothing but within an open permit, whatever the grants say. */
static void contractors_work_by_permit(struct registry *r)
{
    static const struct identity con = { .id = "con-1", .role = ROLE_CONTRACTOR, .life = LIFE_ENROLLED };
    static const struct identity other = { .id = "con-2", .role = ROLE_CONTRACTOR, .life = LIFE_ENROLLED };
    static const struct permit permit[] = { { "WP-1", "con-1", "sk/v1/w/gw-02/#", 100, 200 } };
    static const struct permits open = { permit, 1, 1 };
    static const struct {
        const char *claim;
        const struct identity *who, *from;
        enum action action;
        const char *topic, *payload;
        int64_t now;
        bool released;
        enum ruling want;
        const char *word;
    } cases[] = {
        { "connects", &con, NULL, ACT_CONNECT, "", "", 50, false, RULING_ALLOW, "allowed" },
        { "commands within", &con, NULL, P, "sk/v1/w/gw-02/cmd/pump", START, 150, false, RULING_ALLOW, "allowed" },
        { "arrives within", &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, 150, false, RULING_ALLOW, "allowed" },
        { "before the window", &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, 99, false, RULING_HOLD, "no-permit" },
        { "at its end", &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, 200, false, RULING_HOLD, "no-permit" },
        { "of another contractor", &gw, &other, R, "sk/v1/w/gw-02/cmd/pump", START, 150, false, RULING_HOLD, "no-permit" },
        { "released by two", &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", START, 250, true, RULING_ALLOW, "allowed" },
        { "safe direction outside", &gw, &con, R, "sk/v1/w/gw-02/cmd/pump", STOP, 250, false, RULING_ALLOW, "allowed" },
        { "another device", &con, NULL, P, "sk/v1/w/gw-03/m/level", "9", 150, false, RULING_DENY, "no-permit" },
        { "a reading within: no grant", &con, NULL, P, "sk/v1/w/gw-02/m/level", "9", 150, false, RULING_DENY, "no-grant" },
        { "a reading outside", &con, NULL, P, "sk/v1/w/gw-02/m/level", "9", 250, false, RULING_DENY, "no-permit" },
        { "reads within", &con, &gw, R, "sk/v1/w/gw-02/m/level", "9", 150, false, RULING_ALLOW, "allowed" },
        { "reads outside", &con, &gw, R, "sk/v1/w/gw-02/m/level", "9", 250, false, RULING_DENY, "no-permit" },
        { "subscribes within", &con, NULL, S, "sk/v1/w/gw-02/m/#", "", 150, false, RULING_ALLOW, "allowed" },
        { "subscribes to more", &con, NULL, S, "sk/v1/w/#", "", 150, false, RULING_DENY, "no-permit" },
        { "history outside", &con, NULL, ACT_HISTORY, "sk/v1/w/gw-02/m/level", "", 250, false, RULING_DENY, "no-permit" },
    };
    struct access a = { .registry = r, .site = "w", .permits = &open };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct question q = { .who = cases[i].who, .action = cases[i].action, .topic = bytes_str(cases[i].topic),
            .payload = bytes_str(cases[i].payload), .from = cases[i].from, .now_ms = cases[i].now, .released = cases[i].released };
        struct verdict v = access_judge(&a, &q);
        if (v.ruling != cases[i].want || strcmp(v.word, cases[i].word) != 0) printf("# %s: %d %s\n", cases[i].claim, v.ruling, v.word);
        CHECK(v.ruling == cases[i].want && strcmp(v.word, cases[i].word) == 0);
    }
    a.permits = NULL;
    struct question q = { .who = &gw, .action = R, .topic = bytes_str("sk/v1/w/gw-02/cmd/pump"), .payload = bytes_str(START), .from = &con, .now_ms = 150 };
    CHECK(access_judge(&a, &q).ruling == RULING_HOLD);
}

int main(void)
{
    struct registry *r = make();
    test_peers(r);
    measures_for_a_time(r);
    contractors_work_by_permit(r);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct limits limits = { rows_of[rows[i].limits], rows_of[rows[i].limits][1].id[0] ? 2 : rows[i].limits != NO_LIMITS, 1 };
        struct access a = { r, &limits, "w" };
        struct question q = { rows[i].who, rows[i].action, bytes_str(rows[i].topic), bytes_str(rows[i].payload), rows[i].from, 0, false };
        if (i % 2 == 0 && !limits.n) a.limits = NULL;
        struct verdict v = access_judge(&a, &q);
        if (v.ruling != rows[i].want || strcmp(v.word, rows[i].word) != 0)
            printf("# %s: %d %s\n", rows[i].claim, v.ruling, v.word);
        CHECK(v.ruling == rows[i].want && strcmp(v.word, rows[i].word) == 0);
        CHECK_QUIET((v.reason == 0) == (v.ruling == RULING_ALLOW || v.ruling == RULING_FLAG));
        CHECK_QUIET(v.observed_only == (strcmp(v.word, "observed") == 0 || (rows[i].limits == OBSERVE && v.limit)));
        explained(&a, &q, &v);
        /* without memory: a safe direction cannot be told and does not pass a limit; nothing else changes */
        mem_fail_at(1);
        struct verdict w = access_judge(&a, &q);
        mem_fail_at(0);
        CHECK_QUIET(w.ruling == v.ruling || (v.safe_direction && w.ruling != RULING_FLAG));
        /* a release satisfies HOLD and nothing else */
        q.released = true;
        w = access_judge(&a, &q);
        CHECK_QUIET(v.ruling == RULING_HOLD ? w.ruling == RULING_ALLOW : w.ruling == v.ruling);
    }
    registry_free(r);
    return TEST_END;
}
