#include "checkpoint/example_test.h"

static struct agreement a;

static void replaced(const char *from, const char *to, char *out, size_t size)
{
    const char *at = strstr(EXAMPLE, from);
    CHECK_QUIET(at != NULL);
    snprintf(out, size, "%.*s%s%s", (int)(at - EXAMPLE), EXAMPLE, to, at + strlen(from));
}

static void test_wrong(void)
{
    static const struct { const char *from, *to, *says; } rows[] = {
        { "agreement/1", "agreement/2", "schema" }, { "\"per_minute\"", "\"per_minut\"", "did you mean \"per_minute\"" },
        { "127.0.0.1", "192.0.2.1", "plaintext only to 127" }, { "plaintext-loopback", "tls", "link.ca" }, { "127.0.0.1", "127.0.0.1.evil.example\",\"x\":\"", "unknown key" },
        { "out/demand", "out/+", "no + or #" }, { "out/demand", "$SYS/x", "no + or #" }, { "out/demand", "sekimori/statement", "own" }, { "\"in\",\"local\":\"sk/v1/mizu/peer", "\"inn\",\"local\":\"sk/v1/mizu/peer", "did you mean \"in\"" },
        { "\"stages\":{\"hold\":true}", "\"stages\":{}", "needs \"hold: true\"" }, { "\"verbs\":[\"stop\",\"start\"],", "", "with \"verbs\"" },
        { "\"to\":\"9.5\"", "\"to\":\"-1\"", "\"from\" is above" }, { "\"to\":\"9.5\"", "\"to\":\"9,5\"", "expected a number" },
        { "out/pump", "out/demand", "earlier flow" }, { "sk/v1/mizu/gw-02/cmd/pump", "sk/v1/mizu/gw-02/m/level", "a device's command" },
        { "peer-cloud/m/demand", "level-01/m/demand", "peer's own name" }, { "in/level\",\"label\":\"internal", "in/level\",\"label\":\"restricted\",\"x\":\"", "unknown key" },
        { "\"reduce\":", "\"delay\":3,\"reduce\":", "not for this direction" }, { "\"age_s\":60", "\"age_s\":0", "from 1 to" },
        { "\"until\":\"2030", "\"until\":\"soon", "until" }, { "\"id\":\"cloud\"", "\"id\":\"../x\"", "small letters" }, { "\"purpose\":\"help\",", "", "purpose" },
        { "\"per_minute\":6,", "\"per_minute\":600001,", "from 1 to 600000" }, { "\"contact\":\"soc@cloud.example\",", "", "contact" },
        { "\"flows\":[", "\"flows\":[7,", "expected a map" } };
    static char text[8192];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = ARENA(1 << 20);
        struct agreement_error e = { 0 };
        size_t n = 0;
        replaced(rows[i].from, rows[i].to, text, sizeof text);
        CHECK_IS(example_read(text, &arena, &a, &e, &n), E_CONFIG);
        if (!strstr(e.text, rows[i].says)) printf("# %s -> %s\n", rows[i].to, e.text);
        CHECK(n == 1 && strstr(e.text, rows[i].says));
        arena_deinit(&arena);
    }
}

/* A peer that connects to us, and that says of itself what we say of ourselves. */
#define PEM "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\\n-----END PUBLIC KEY-----\\n"
#define LINK "\"host\":\"127.0.0.1\",\"port\":1883,\"transport\":\"plaintext-loopback\""
#define CERT "\"client_ca\":\"-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n\",\"client_key\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
#define OURS "\"vouched\":\"none\",\"ours\":{\"claimed\":100,\"levels\":{\"si\":2}},\"statement\":{\"site\":\"kawa\",\"key\":\"" PEM "\"}"

static outcome read_with(const char *link, const char *standing, struct arena *arena, struct agreement_error *e)
{
    static char first[8192], text[8192];
    size_t n = 0;
    const char *at;
    replaced(LINK, link, first, sizeof first);
    at = strstr(first, "\"vouched\":\"none\"");
    CHECK_QUIET(at != NULL);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - first), first, standing, at + strlen("\"vouched\":\"none\""));
    return example_read(text, arena, &a, e, &n);
}

static void test_peer(void)
{
    static const struct { const char *link, *standing, *says; } wrong[] = {
        { "\"listen\":true", OURS, "link.client_ca" }, { "\"listen\":true," CERT ",\"host\":\"x\"", OURS, "they connect" },
        { "\"listen\":true,\"client_ca\":\"-----BEGIN CERTIFICATE-----\",\"client_key\":\"00\"", OURS, "64 hex" },
        { LINK, "\"vouched\":\"none\",\"ours\":{\"claimed\":1}", "needs \"statement\"" } };
    struct arena arena = ARENA(1 << 20);
    struct agreement_error e = { 0 };
    char mine[65], theirs[65], other[65];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_IS(read_with(wrong[i].link, wrong[i].standing, &arena, &e), E_CONFIG);
        CHECK(strstr(e.text, wrong[i].says));
    }
    CHECK_OK(read_with("\"listen\":true," CERT, OURS, &arena, &e));
    CHECK(a.inbound && a.client_key[1] == 0x11 && a.speaks && a.our_claim == 100 && a.our_sl[2] == 2 && strcmp(a.statement_site, "kawa") == 0);
    /* The other side's document: its own names and topics, the same terms. */
    CHECK_OK(agreement_terms(&a, mine));
    struct agreement b = a;
    snprintf(b.site, sizeof b.site, "kawa");
    snprintf(b.statement_site, sizeof b.statement_site, "mizu");
    b.flows[0] = a.flows[2], b.flows[2] = a.flows[0]; /* in any order */
    for (size_t i = 0; i < b.n; i++) {
        b.flows[i].direction = b.flows[i].direction == FLOW_IN ? FLOW_OUT : FLOW_IN;
        snprintf(b.flows[i].local, sizeof b.flows[i].local, "elsewhere/%zu", i);
        b.flows[i].tolerance_yen = 1;
    }
    CHECK_OK(agreement_terms(&b, theirs));
    CHECK(strcmp(mine, theirs) == 0);
    struct agreement c = b;
    for (int i = 0; i < 6; i++, c = b) {
        if (i == 0) c.until_ms++;
        if (i == 1) c.flows[1].per_minute++;
        if (i == 2) c.flows[1].purpose[0] = 'X';
        if (i == 3) c.flows[1].direction = c.flows[1].direction == FLOW_IN ? FLOW_OUT : FLOW_IN;
        if (i == 4) snprintf(c.flows[1].label, sizeof c.flows[1].label, "public");
        if (i == 5) c.n--;
        CHECK_QUIET(ok(agreement_terms(&c, other)) && strcmp(mine, other) != 0);
    }
    a.statement_site[0] = 0;
    CHECK_IS(agreement_terms(&a, mine), E_MISSING);
    arena_deinit(&arena);
}

static void test_life(void)
{
    enum flow_state s = FLOW_REQUESTED;
    static const enum flow_event good[] = { FLOW_OFFER, FLOW_AGREE, FLOW_VERIFY, FLOW_OPEN, FLOW_SUSPEND, FLOW_AGREE, FLOW_VERIFY, FLOW_OPEN, FLOW_END };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK_OK(flow_step(s, good[i], &s));
    CHECK(s == FLOW_ENDED);
    CHECK_IS(flow_step(FLOW_AGREED, FLOW_OPEN, &s), E_CONFLICT);    /* never live unverified */
    CHECK_IS(flow_step(FLOW_SUSPENDED, FLOW_OPEN, &s), E_CONFLICT); /* nor by itself again */
    CHECK_IS(flow_step(FLOW_SUSPENDED, FLOW_VERIFY, &s), E_CONFLICT);
    CHECK_IS(flow_step(FLOW_OFFERED, FLOW_VERIFY, &s), E_CONFLICT); /* one signature is none */
    for (int i = 0; i < FLOW_STATE_COUNT; i++) CHECK_QUIET(flow_state_word((enum flow_state)i)[0] && flow_state_word_ja((enum flow_state)i)[0]);
}

int main(void)
{
    struct arena arena = ARENA(1 << 20);
    struct agreement_error e = { 0 };
    size_t n = 0;
    outcome o = example_read(EXAMPLE, &arena, &a, &e, &n);
    if (!ok(o)) printf("# %s\n", e.text);
    CHECK_OK(o);
    CHECK(a.n == 3 && a.flows[0].n_fields == 2 && a.flows[0].fields[0].high_milli == 9500 && a.flows[0].within_milli == 1000);
    CHECK(a.flows[1].direction == FLOW_OUT && a.flows[2].command && strcmp(a.client_id, "mizu-cloud") == 0 && a.dwell_s == 600);
    CHECK(a.claim_ppb == 100000000 && a.default_ppb == 2000000000);
    test_wrong();
    test_peer();
    test_life();
    arena_deinit(&arena);
    return TEST_END;
}
