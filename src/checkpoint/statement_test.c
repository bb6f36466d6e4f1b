/* Statements valid, expired, unsigned, replayed, of another policy or site, future, tampered, too long, against every kind of
 * flow in both directions: only a valid one ever makes anything easier. */
#include "checkpoint/example_test.h"
#include "checkpoint/judge.h"
#include "checkpoint/statement.h"
#include "base/time.h"
#include "crypto/sign.h"
#include "wire/dsse.h"

#define NOW INT64_C(1764288000000)
static struct agreement a;
static struct key *theirs, *stranger;
static char theirs_pem[400];

struct wanted { const char *site, *to, *policy, *verdict; int64_t at_ms, until_ms; int64_t claimed; const struct key *by; bool tamper; };
static const struct wanted good = { "kawa", "mizu", STATEMENT_POLICY, "within", NOW - 1000, NOW + MS_DAY, 100, NULL, false };

/* A whole envelope; tamper: the payload changes after it was signed. */
static void make(const struct wanted *w, struct buffer *ret)
{
    struct arena arena = ARENA(1 << 20);
    struct buffer payload = BUFFER(8192), pae = BUFFER(16384);
    char at[TIME_TEXT], until[TIME_TEXT], id[65];
    uint8_t signature[160];
    size_t n = 0;
    struct hash h;
    const struct key *by = w->by ? w->by : theirs;
    time_text(w->at_ms, at);
    time_text(w->until_ms, until);
    CHECK_QUIET(ok(buffer_fmt(&payload, "{\"at\":\"%s\",\"claimed\":%lld,\"levels\":{\"iac\":1,\"si\":1},\"policy\":\"%s\",\"site\":\"%s\",\"to\":\"%s\",\"type\":\"statement\","
        "\"until\":\"%s\",\"verdict\":\"%s\"}", at, (long long)w->claimed, w->policy, w->site, w->to, until, w->verdict)));
    CHECK_QUIET(ok(dsse_pae(STATEMENT_TYPE, buffer_view(&payload), &pae)) && ok(key_id(by, &h)));
    CHECK_QUIET(ok(key_sign(by, buffer_view(&pae), signature, sizeof signature, &n)));
    hex_of(hash_view(&h), id);
    if (w->tamper) payload.at[payload.n - 3] ^= 1;
    struct dsse d = { .type = STATEMENT_TYPE, .payload = buffer_view(&payload), .n = 1 };
    d.signatures[0].key_id = id;
    d.signatures[0].signature = bytes_of(signature, n);
    ret->n = 0;
    CHECK_QUIET(ok(dsse_write(&d, ret)));
    buffer_deinit(&payload);
    buffer_deinit(&pae);
    arena_deinit(&arena);
}

static struct judgement judged(const struct agreement *with, size_t flow)
{
    struct judging j = { .agreement = with, .flow = &with->flows[flow], .proven = with->flows[flow].offered };
    return judge_open(&j, NOW);
}

/* N39: whatever is wrong with a statement, the agreement's signed fallback stands as if there were none. */
static void test_table(void)
{
    const struct { const char *claim; struct wanted w; int64_t last_ms; enum statement_result want; } rows[] = {
        { "valid", good, 0, STATEMENT_VALID },
        { "expired", { "kawa", "mizu", STATEMENT_POLICY, "within", NOW - 2 * MS_DAY, NOW - 1, 100, NULL, false }, 0, STATEMENT_EXPIRED },
        { "unsigned by the agreed key", { "kawa", "mizu", STATEMENT_POLICY, "within", NOW - 1000, NOW + MS_DAY, 100, stranger, false }, 0, STATEMENT_UNSIGNED },
        { "replayed", good, NOW - 1000, STATEMENT_REPLAYED },
        { "older than one before", good, NOW - 500, STATEMENT_REPLAYED },
        { "other policy", { "kawa", "mizu", "trust-us/9", "within", NOW - 1000, NOW + MS_DAY, 100, NULL, false }, 0, STATEMENT_OTHER_POLICY },
        { "future", { "kawa", "mizu", STATEMENT_POLICY, "within", NOW + 6 * MS_MINUTE, NOW + MS_DAY, 100, NULL, false }, 0, STATEMENT_FUTURE },
        { "tampered", { "kawa", "mizu", STATEMENT_POLICY, "within", NOW - 1000, NOW + MS_DAY, 100, NULL, true }, 0, STATEMENT_TAMPERED },
        { "of another site", { "umi", "mizu", STATEMENT_POLICY, "within", NOW - 1000, NOW + MS_DAY, 100, NULL, false }, 0, STATEMENT_OTHER_SITE },
        { "to another reader", { "kawa", "umi", STATEMENT_POLICY, "within", NOW - 1000, NOW + MS_DAY, 100, NULL, false }, 0, STATEMENT_OTHER_SITE },
        { "longer than a week", { "kawa", "mizu", STATEMENT_POLICY, "within", NOW - 1000, NOW + 8 * MS_DAY, 100, NULL, false }, 0, STATEMENT_TOO_LONG },
        { "of over tolerance", { "kawa", "mizu", STATEMENT_POLICY, "over", NOW - 1000, NOW + MS_DAY, 100, NULL, false }, 0, STATEMENT_VALID } };
    static const int64_t loss[] = { 39060064, 500000, 39060064 }; /* reading in, reading out, command in */
    struct buffer b = BUFFER(65536);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct statement s = { 0 };
        make(&rows[i].w, &b);
        enum statement_result r = statement_read(buffer_view(&b), &a, rows[i].last_ms, NOW, &s);
        if (r != rows[i].want) printf("# %s: %s\n", rows[i].claim, statement_word(r));
        CHECK(r == rows[i].want);
        bool helps = i == 0;
        for (size_t f = 0; f < a.n; f++) {
            static struct agreement none, with;
            none = with = a;
            none.flows[f].loss_yen = with.flows[f].loss_yen = loss[f];
            statement_stand(&none, RISK_CLAIM_THIRD, NULL);
            statement_stand(&with, RISK_CLAIM_THIRD, r == STATEMENT_VALID ? &s : NULL);
            struct judgement bare = judged(&none, f), now = judged(&with, f);
            CHECK_QUIET(bare.rate_used_ppb == 2000000000);
            CHECK(helps ? now.rate_used_ppb == 290000000 && now.added_bare_yen < bare.added_bare_yen
                        : now.rate_used_ppb == bare.rate_used_ppb && now.added_yen == bare.added_yen && now.verdict == bare.verdict && now.stages == bare.stages);
        }
        for (size_t n = 0; i == 0 && n < b.n; n += 7) CHECK_QUIET(statement_read(bytes_of(b.at, n), &a, 0, NOW, &s) != STATEMENT_VALID);
        for (size_t k = 0; i == 0 && k < b.n; k++) {
            b.at[k] ^= 0x10;
            CHECK_QUIET(statement_read(buffer_view(&b), &a, 0, NOW, &s) != STATEMENT_VALID);
            b.at[k] ^= 0x10;
        }
    }
    buffer_deinit(&b);
}

/* After its end, of the agreement or of the statement that vouched: what was signed beforehand for each kind and direction. */
static void test_fallback(void)
{
    for (size_t f = 0; f < a.n; f++)
        for (int pass = 0; pass < 2; pass++) {
            struct flow flow = a.flows[f];
            struct judging j = { .agreement = &a, .flow = &flow, .proven = flow.offered, .expired = true };
            flow.fallback_pass = pass;
            flow.tolerance_yen = INT64_C(1000000000000); /* whatever the figures say */
            struct judgement now = judge_open(&j, NOW);
            CHECK(now.fallback && now.human && now.verdict == (pass ? FLOW_LIMIT : FLOW_DENY) && now.stages == flow.offered);
            j.proven &= ~(1u << STAGE_ALLOW); /* and not even that where a stage that must run does not prove itself */
            CHECK(judge_open(&j, NOW).verdict == FLOW_DENY);
        }
}

int main(void)
{
    struct arena arena = ARENA(1 << 20);
    struct agreement_error e = { 0 };
    struct buffer pem = BUFFER(4096);
    size_t n = 0;
    char code[25], text[8192];
    CHECK_OK(example_read(EXAMPLE, &arena, &a, &e, &n));
    CHECK(a.statement_key[0] == 0);
    CHECK_OK(key_new(KEY_ED25519, &theirs));
    CHECK_OK(key_new(KEY_ED25519, &stranger));
    CHECK_OK(key_write_public_pem(theirs, &pem));
    CHECK_OK(bytes_to_text(buffer_view(&pem), theirs_pem, sizeof theirs_pem));
    struct statement s = { 0 };
    struct buffer b = BUFFER(65536);
    make(&good, &b);
    CHECK(statement_read(buffer_view(&b), &a, 0, NOW, &s) == STATEMENT_UNSIGNED); /* no key was agreed */
    a.statement_key = theirs_pem;
    snprintf(a.statement_site, sizeof a.statement_site, "kawa");
    test_table();
    test_fallback();
    CHECK_OK(statement_key_code(theirs_pem, code));
    CHECK(strlen(code) == 24 && code[4] == '-');
    CHECK(!ok(statement_key_code("no key", code)));
    struct statement before = { .within = true, .claim_ppb = 5, .sl = { 1 } }, after = before;
    CHECK(!statement_worse(&after, &before));
    after.sl[0] = 0;
    CHECK(statement_worse(&after, &before));
    const char *at = strstr(EXAMPLE, "\"vouched\":\"none\"");
    snprintf(text, sizeof text, "%.*s\"statement\":{\"site\":\"kawa\",\"key\":\"x\"},%s", (int)(at - EXAMPLE), EXAMPLE, at);
    CHECK_IS(example_read(text, &arena, &a, &e, &n), E_CONFIG);
    CHECK(strstr(e.text, "public key"));
    key_free(theirs);
    key_free(stranger);
    buffer_deinit(&b);
    buffer_deinit(&pem);
    arena_deinit(&arena);
    return TEST_END;
}
