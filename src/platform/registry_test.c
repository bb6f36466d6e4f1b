#include "base/test.h"

#include "ledger/ledger.h"
#include "platform/registry.h"

/* Applies JSON; the same path replay takes. */
static outcome apply(struct registry *r, unsigned kind, const char *json)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    outcome o = doc_read_json(bytes_str(json), &a, &d);
    if (ok(o)) o = registry_apply(r, kind, d, 1000);
    arena_deinit(&a);
    return o;
}

/* What is asked before a change is recorded; it must say what apply then says. */
static outcome judged(const struct registry *r, unsigned kind, const char *json)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    outcome o = doc_read_json(bytes_str(json), &a, &d);
    if (ok(o)) o = registry_judge(r, kind, d);
    arena_deinit(&a);
    return o;
}

#define KEY_A "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define KEY_B "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\""
#define TOOL(more) "{\"id\":\"tool\",\"role\":\"operator\",\"life\":\"enrolled\",\"trust\":\"attested\"" more "}"
#define GW "\"id\":\"gw-02\",\"role\":\"device\",\"group\":\"gateways\",\"model\":\"m\""

static void rows(void)
{
    static const struct {
        const char *claim;
        unsigned kind;
        const char *json;
        enum code want;
    } steps[] = {
        { "invite", ENTRY_INVITE, "{\"token\":" KEY_A "," GW ",\"until\":5,\"used\":false}", OK },
        { "used", ENTRY_INVITE, "{\"token\":" KEY_A "," GW ",\"until\":5,\"used\":true}", OK },
        { "used stays used", ENTRY_INVITE, "{\"token\":" KEY_A "," GW ",\"until\":5,\"used\":false}", E_CONFLICT },
        { "short token", ENTRY_INVITE, "{\"token\":\"aa\"," GW "}", E_MALFORMED },
        { "enrol", ENTRY_IDENTITY, "{" GW ",\"life\":\"enrolled\",\"trust\":\"unattested\",\"key\":" KEY_A "}", OK },
        { "other's key", ENTRY_IDENTITY,
            "{\"id\":\"x\",\"role\":\"viewer\",\"life\":\"enrolled\",\"trust\":\"unattested\",\"key\":" KEY_A "}", E_CONFLICT },
        { "unknown key", ENTRY_IDENTITY, "{" GW ",\"life\":\"enrolled\",\"trust\":\"attested\",\"admin\":true}", E_MALFORMED },
        { "bad id", ENTRY_IDENTITY,
            "{\"id\":\"+\",\"role\":\"viewer\",\"life\":\"enrolled\",\"trust\":\"attested\"}", E_MALFORMED },
        { "bad role", ENTRY_IDENTITY,
            "{\"id\":\"x\",\"role\":\"root\",\"life\":\"enrolled\",\"trust\":\"attested\"}", E_MALFORMED },
        { "odd hex", ENTRY_IDENTITY,
            "{\"id\":\"x\",\"role\":\"viewer\",\"life\":\"enrolled\",\"trust\":\"attested\",\"key\":\"zz\"}", E_MALFORMED },
        { "operator", ENTRY_IDENTITY,
            "{\"id\":\"op\",\"role\":\"operator\",\"life\":\"enrolled\",\"trust\":\"attested\",\"key\":" KEY_B "}", OK },
        { "quote", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"unattested\",\"event\":\"quote-good\",\"to\":\"attested\"}", OK },
        { "not from here", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"unattested\",\"event\":\"quote-good\",\"to\":\"attested\"}", E_CONFLICT },
        { "not in the table", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"attested\",\"event\":\"release\",\"to\":\"unattested\"}", E_CONFLICT },
        { "other end", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"attested\",\"event\":\"quote-bad\",\"to\":\"attested\"}", E_CONFLICT },
        { "bad quote", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"attested\",\"event\":\"quote-bad\",\"to\":\"quarantined\",\"why\":\"firmware-mismatch\"}", OK },
        { "good again", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"quarantined\",\"event\":\"quote-good\",\"to\":\"attested\"}", OK },
        { "ordered", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"attested\",\"event\":\"quarantine\",\"to\":\"quarantined\"}", OK },
        { "a quote does not lift an order", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"quarantined\",\"event\":\"quote-good\",\"to\":\"attested\"}", E_CONFLICT },
        { "released", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"quarantined\",\"event\":\"release\",\"to\":\"unattested\"}", OK },
        { "revoked", ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"trust\",\"from\":\"unattested\",\"event\":\"revoke\",\"to\":\"revoked\"}", OK },
        { "revoked stays", ENTRY_IDENTITY, "{" GW ",\"life\":\"enrolled\",\"trust\":\"unattested\",\"key\":" KEY_A "}", E_CONFLICT },
        { "retire", ENTRY_LIFE, "{\"id\":\"op\",\"what\":\"life\",\"from\":\"enrolled\",\"event\":\"retire\",\"to\":\"retired\"}", OK },
        { "no way back", ENTRY_IDENTITY,
            "{\"id\":\"op\",\"role\":\"operator\",\"life\":\"enrolled\",\"trust\":\"attested\",\"key\":" KEY_B "}", E_CONFLICT },
        { "nobody", ENTRY_LIFE, "{\"id\":\"nobody\",\"what\":\"life\",\"from\":\"enrolled\",\"event\":\"retire\",\"to\":\"retired\"}", E_UNKNOWN },
        { "a device is nobody's tool", ENTRY_INVITE, "{\"token\":" KEY_B ",\"id\":\"gw-9\",\"role\":\"device\",\"person\":\"hanako\"}", E_MALFORMED },
        { "a person's id is one", ENTRY_IDENTITY, TOOL(",\"person\":\"Hana Ko\""), E_MALFORMED },
        { "a tool, as records were before", ENTRY_IDENTITY, TOOL(""), OK },
        { "whose it is may be said later", ENTRY_IDENTITY, TOOL(",\"person\":\"hanako\""), OK },
        { "and stays", ENTRY_IDENTITY, TOOL(",\"person\":\"taro\""), E_CONFLICT },
        { "not unsaid either", ENTRY_IDENTITY, TOOL(""), E_CONFLICT },
        { "no invite for another", ENTRY_INVITE, "{\"token\":" KEY_B ",\"id\":\"tool\",\"role\":\"operator\",\"person\":\"taro\"}", E_CONFLICT },
        { "nor as a device", ENTRY_INVITE, "{\"token\":" KEY_B ",\"id\":\"tool\",\"role\":\"device\"}", E_CONFLICT },
        { "other kinds pass by", ENTRY_AUDIT, "{}", OK },
    };
    struct registry *r = NULL;
    CHECK_OK(registry_new(&r));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t epoch = registry_epoch(r);
        CHECK(judged(r, steps[i].kind, steps[i].json).code == steps[i].want);
        CHECK_QUIET(registry_epoch(r) == epoch);
        outcome o = apply(r, steps[i].kind, steps[i].json);
        if (o.code != steps[i].want) printf("# %s: %s %s\n", steps[i].claim, code_word(o.code), o.at ? o.at : "");
        CHECK(o.code == steps[i].want);
        if (steps[i].want != OK) CHECK_QUIET(registry_epoch(r) == epoch);
    }
    const struct identity *gw = registry_identity(r, "gw-02");
    CHECK(gw && gw->trust == TRUST_REVOKED && gw->life == LIFE_ENROLLED && strcmp(gw->group, "gateways") == 0);
    CHECK(registry_identities(r, NULL, 0) == 3 && strcmp(registry_person(r, "tool"), "hanako") == 0);
    CHECK(registry_person(r, "op")[0] == 0 && registry_person(r, "no-one")[0] == 0);
    const struct identity *list[1];
    CHECK(registry_identities(r, list, 1) == 1 && list[0] == gw);
    uint8_t key[32];
    memset(key, 0xaa, sizeof key);
    CHECK(registry_by_key(r, key) == gw && registry_invite(r, key) && registry_invite(r, key)->used);
    registry_free(r);
}

static void keys_change(void)
{
    struct registry *r = NULL;
    uint8_t a[32], b[32];
    memset(a, 0xaa, sizeof a);
    memset(b, 0xbb, sizeof b);
    CHECK_OK(registry_new(&r));
    CHECK_OK(apply(r, ENTRY_IDENTITY, "{" GW ",\"life\":\"enrolled\",\"trust\":\"attested\",\"key\":" KEY_A "}"));
    const struct identity *gw = registry_by_key(r, a);
    CHECK_OK(apply(r, ENTRY_IDENTITY, "{" GW ",\"life\":\"enrolled\",\"trust\":\"unattested\",\"key\":" KEY_B "}"));
    CHECK(gw && registry_by_key(r, b) == gw && !registry_by_key(r, a));
    registry_free(r);
}

static void round_trip(void)
{
    struct registry *r = NULL;
    struct arena a = ARENA(65536);
    CHECK_OK(registry_new(&r));
    struct identity i = { .id = "gw-1", .role = ROLE_DEVICE, .group = "g", .model = "m", .life = LIFE_ENROLLED,
        .trust = TRUST_QUARANTINED, .ordered = true, .has_key = true, .key_hash = { 1, 2 }, .serial = { 9, 8, 7 },
        .serial_n = 3, .not_after_ms = 99, .has_ak = true, .ak_spki = { 4, 5, 6 }, .ak_spki_n = 91, .why = "because" };
    CHECK_OK(registry_apply(r, ENTRY_IDENTITY, registry_doc_identity(&a, &i), 7));
    i.changed_ms = 7;
    const struct identity *got = registry_identity(r, "gw-1");
    CHECK(got && memcmp(got, &i, sizeof i) == 0);
    struct invite v = { .token_hash = { 3 }, .id = "new-1", .role = ROLE_DEVICE, .group = "g", .model = "m", .until_ms = 5 };
    CHECK_OK(registry_apply(r, ENTRY_INVITE, registry_doc_invite(&a, &v), 8));
    const struct invite *vs[4];
    CHECK(registry_invites(r, vs, 4) == 1 && memcmp(vs[0], &v, sizeof v) == 0);
    CHECK(registry_identity(r, "new-1") && registry_identity(r, "new-1")->life == LIFE_EXPECTED);
    struct identity tool = { .id = "tool", .role = ROLE_CONTRACTOR, .person = "hanako", .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED, .changed_ms = 7 };
    CHECK_OK(registry_apply(r, ENTRY_IDENTITY, registry_doc_identity(&a, &tool), 7));
    CHECK(memcmp(registry_identity(r, "tool"), &tool, sizeof tool) == 0);
    struct invite w = { .token_hash = { 4 }, .id = "tool-2", .role = ROLE_OPERATOR, .person = "hanako", .until_ms = 5 };
    CHECK_OK(registry_apply(r, ENTRY_INVITE, registry_doc_invite(&a, &w), 8));
    CHECK(registry_invites(r, vs, 4) == 2 && memcmp(vs[1], &w, sizeof w) == 0 && strcmp(registry_person(r, "tool-2"), "hanako") == 0);
    struct stream s = { .name = "pump", .pattern = "sk/v1/w/+/cmd/pump", .owner = "o", .label = "internal", .unit = "",
        .recorded = true, .fail = FAIL_PASS_FLAG, .command = true, .safe = { "stop", "close" }, .expiry_s = 30 };
    CHECK_OK(registry_apply(r, ENTRY_STREAM, registry_doc_stream(&a, &s), 9));
    const struct stream *st = registry_stream(r, BYTES_LIT("sk/v1/w/gw-1/cmd/pump"));
    CHECK(st && memcmp(st, &s, sizeof s) == 0);
    arena_deinit(&a);
    registry_free(r);
}

static void specific(void)
{
    struct registry *r = NULL;
    CHECK_OK(registry_new(&r));
    CHECK_OK(apply(r, ENTRY_STREAM, "{\"name\":\"all\",\"pattern\":\"sk/v1/w/#\"}"));
    CHECK_OK(apply(r, ENTRY_STREAM, "{\"name\":\"m\",\"pattern\":\"sk/v1/w/+/m/#\"}"));
    CHECK_OK(apply(r, ENTRY_STREAM, "{\"name\":\"flow\",\"pattern\":\"sk/v1/w/+/m/flow\",\"recorded\":true}"));
    CHECK_OK(apply(r, ENTRY_STREAM, "{\"name\":\"gw\",\"pattern\":\"sk/v1/w/gw/#\"}"));
    static const struct { const char *topic, *want; } rows_[] = {
        { "sk/v1/w/a/m/flow", "flow" }, { "sk/v1/w/a/m/x", "m" }, { "sk/v1/w/a/e/x", "all" },
        { "sk/v1/w/gw/m/flow", "gw" }, { "sk/v1/other/a", NULL } };
    for (size_t i = 0; i < sizeof rows_ / sizeof *rows_; i++) {
        const struct stream *s = registry_stream(r, bytes_str(rows_[i].topic));
        CHECK(s ? rows_[i].want && strcmp(s->name, rows_[i].want) == 0 : !rows_[i].want);
    }
    CHECK_OK(apply(r, ENTRY_STREAM, "{\"name\":\"gw\",\"pattern\":\"sk/v1/other/+\"}")); /* moved */
    CHECK(strcmp(registry_stream(r, BYTES_LIT("sk/v1/w/gw/m/flow"))->name, "flow") == 0);
    CHECK(strcmp(registry_stream(r, BYTES_LIT("sk/v1/other/a"))->name, "gw") == 0);
    CHECK(registry_streams(r, NULL, 0) == 4);
    CHECK_IS(apply(r, ENTRY_STREAM, "{\"name\":\"x\",\"pattern\":\"a/#/b\"}"), E_MALFORMED);
    CHECK_IS(apply(r, ENTRY_STREAM, "{\"name\":\"x\",\"pattern\":\"$SYS/#\"}"), E_MALFORMED);
    CHECK_IS(apply(r, ENTRY_STREAM, "{\"name\":\"x\",\"pattern\":\"a\",\"expiry_s\":601}"), E_RANGE);
    CHECK_IS(apply(r, ENTRY_STREAM, "{\"name\":\"x\",\"pattern\":\"a\",\"safe\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}"), E_MALFORMED);
    CHECK_IS(apply(r, ENTRY_STREAM, "{\"name\":\"x\",\"pattern\":\"a\",\"fail\":\"open\"}"), E_MALFORMED);
    registry_free(r);
}

static void order(void)
{
    struct registry *r = NULL;
    CHECK_OK(registry_new(&r));
    for (int i = 0; i < 500; i++) {
        char json[200];
        (void)snprintf(json, sizeof json,
            "{\"id\":\"d-%d\",\"role\":\"device\",\"life\":\"enrolled\",\"trust\":\"unattested\"}", i * 7919 % 500);
        CHECK_QUIET(ok(apply(r, ENTRY_IDENTITY, json)));
    }
    const struct identity *list[500];
    CHECK(registry_identities(r, list, 500) == 500);
    for (int i = 1; i < 500; i++) CHECK_QUIET(strcmp(list[i - 1]->id, list[i]->id) < 0);
    registry_free(r);
}

/* Whichever allocation fails: refused whole, and the same step works afterwards. */
static void out_of_memory(void)
{
    static const struct { unsigned kind; const char *json; } steps[] = {
        { ENTRY_INVITE, "{\"token\":" KEY_A "," GW ",\"until\":5}" },
        { ENTRY_IDENTITY, "{" GW ",\"life\":\"enrolled\",\"trust\":\"unattested\",\"key\":" KEY_A "}" },
        { ENTRY_STREAM, "{\"name\":\"a\",\"pattern\":\"a/+\"}" },
    };
    for (uint64_t k = 1; k < 40; k++) {
        struct registry *r = NULL;
        if (!ok(registry_new(&r))) continue;
        for (size_t i = 0; i < 3; i++) {
            struct arena a = ARENA(65536);
            struct doc *d = NULL;
            CHECK_QUIET(ok(doc_read_json(bytes_str(steps[i].json), &a, &d)));
            mem_fail_at(k);
            uint64_t epoch = registry_epoch(r);
            outcome o = registry_apply(r, steps[i].kind, d, 1);
            mem_fail_at(0);
            CHECK_QUIET(ok(o) || (o.code == E_MEMORY && registry_epoch(r) == epoch));
            if (!ok(o)) CHECK_QUIET(ok(registry_apply(r, steps[i].kind, d, 1)));
            arena_deinit(&a);
        }
        CHECK_QUIET(registry_identities(r, NULL, 0) == 1 && registry_streams(r, NULL, 0) == 1);
        registry_free(r);
    }
}

int main(void)
{
    rows();
    keys_change();
    round_trip();
    specific();
    order();
    out_of_memory();
    return TEST_END;
}
