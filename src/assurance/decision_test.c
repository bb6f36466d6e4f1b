/* What people sign is refused for every good reason, each by its own stable word (N36, N38). */
#include "assurance/story_test.h"

#define TOLERANCE "3000万"
#define TOLERANCE_YEN 30000000

static void site_ready(struct story *s)
{
    story_begin(s);
    CHECK_OK(assurance_asset(s->a, "gw-01", "gateways", true));
    CHECK_OK(assurance_start(s->a, s->now));
    CHECK_OK(story_model_give(s, TOLERANCE, KEYS(MO, AO)));
    story_fact(s, "C8b", "gw-01", FACT_PASS, "good");
    story_wait(s, 5 * MS_S);
}

/* One change to an otherwise good decision, and the word it is refused by. */
struct row {
    const char *claim, *why;
    enum code code;
    void (*change)(struct decision *d);
};
static void other_site(struct decision *d) { (void)snprintf(d->site, sizeof d->site, "umi"); }
static void other_mission(struct decision *d) { (void)snprintf(d->mission, sizeof d->mission, "denki"); }
static void other_hash(struct decision *d) { d->assessment_hash[0] = d->assessment_hash[0] == 'a' ? 'b' : 'a'; }
static void other_yen(struct decision *d) { d->decision_yen -= 1; }
static void other_expected(struct decision *d) { d->expected_yen += 1; }
static void no_such_assessment(struct decision *d) { (void)snprintf(d->assessment_id, sizeof d->assessment_id, "A-999"); }
static void milder_rank(struct decision *d) { d->rank = 1; }
static void too_long(struct decision *d) { d->expires_ms = d->at_ms + decision_validity_ms(d->rank) + 1; }
static void backdated_too_long(struct decision *d)
{
    d->at_ms -= 400 * MS_DAY;
    d->expires_ms = d->at_ms + 401 * MS_DAY;
}
static void over(struct decision *d)
{
    d->at_ms -= 2 * MS_DAY;
    d->expires_ms = d->at_ms + MS_DAY;
}
static void ahead(struct decision *d) { d->at_ms += MS_HOUR; }
static void own_tolerance(struct decision *d) { d->tolerance_yen *= 10; }
static void no_condition(struct decision *d) { (void)snprintf(d->rules[0].condition, MODEL_ID, "no-such"); }
static void other_stream(struct decision *d) { (void)snprintf(d->rules[0].stream, LIMIT_PATTERN_MAX, "sk/v1/mizu/#"); }
static void thin_margin(struct decision *d)
{
    d->rules[0] = (struct decision_rule) { "figure", "sk/v1/mizu/+/cfg/+", LIMIT_HOLD, true };
    d->dwell_ms = 600 * MS_S;
    d->margin_mille = 199;
}
static void short_dwell(struct decision *d)
{
    d->rules[0] = (struct decision_rule) { "figure", "sk/v1/mizu/+/cfg/+", LIMIT_HOLD, true };
    d->dwell_ms = 599 * MS_S;
}

static const struct row rows[] = {
    { "for another site", "other-site", E_DENIED, other_site },
    { "for another mission", "unknown-mission", E_UNKNOWN, other_mission },
    { "wrong hash", "other-snapshot", E_DENIED, other_hash },
    { "wrong decision figure", "other-snapshot", E_DENIED, other_yen },
    { "wrong expected figure", "other-snapshot", E_DENIED, other_expected },
    { "unknown assessment", "unknown-assessment", E_UNKNOWN, no_such_assessment },
    { "milder rank", "rank-too-low", E_DENIED, milder_rank },
    { "longer than the rank allows", "expiry-beyond-rank", E_DENIED, too_long },
    { "the same, backdated", "expiry-beyond-rank", E_DENIED, backdated_too_long },
    { "already over", "expired", E_EXPIRED, over },
    { "dated ahead", "not-yet", E_DENIED, ahead },
    { "a tolerance of its own", "other-tolerance", E_DENIED, own_tolerance },
    { "a condition that is not there", "unknown-condition", E_UNKNOWN, no_condition },
    { "a stream that is not declared", "wrong-stream", E_DENIED, other_stream },
    { "a figure may limit only with room", "margin-too-small", E_DENIED, thin_margin },
    { "and with a long dwell", "margin-too-small", E_DENIED, short_dwell },
};

static void test_refusals(void)
{
    struct story s;
    site_ready(&s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
        size_t n = s.n;
        rows[i].change(&d);
        printf("# %s\n", rows[i].claim);
        CHECK_IS(story_decide(&s, &d, KEYS(MO, AO, EX)), rows[i].code);
        CHECK(story_why(&s, rows[i].why));
        CHECK(s.n == n); /* nothing written, nothing applied */
    }
    struct decision good = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK(good.rank >= 1 && good.rank < 5 && good.rank > 1);
    CHECK_OK(story_decide(&s, &good, KEYS(MO, AO, EX)));
    CHECK_IS(story_decide(&s, &good, KEYS(MO, AO, EX)), E_CONFLICT);
    CHECK(story_why(&s, "replayed"));
    struct decision next = story_decision(&s, "D-2", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &next, KEYS(EX, MO, AO)));
    CHECK_IS(story_decide(&s, &good, KEYS(MO, AO, EX)), E_CONFLICT); /* superseded ones too */
    story_end(&s);
}

static void test_who_signs(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_IS(story_decide(&s, &d, KEYS(MO, AO)), E_DENIED);
    CHECK(story_why(&s, "signature-missing"));
    CHECK_IS(story_decide(&s, &d, KEYS(MO, AO, STRANGER)), E_DENIED);
    CHECK(story_why(&s, "unknown-signer"));
    CHECK_IS(story_decide(&s, &d, KEYS(MO, AO, EX, STRANGER)), E_DENIED);
    CHECK(story_why(&s, "unknown-signer"));
    struct arena arena = ARENA(1u << 20);
    /* one person in two slots: the executive's key id over the mission owner's signature, and the key twice */
    char *json = story_sign(&s, decision_doc(&d, &arena), KEYS(MO, AO));
    struct hash mo, ex;
    char mo_id[65], ex_id[65];
    CHECK_OK(key_id(s.keys[MO], &mo));
    CHECK_OK(key_id(s.keys[EX], &ex));
    hex_of(hash_view(&mo), mo_id);
    hex_of(hash_view(&ex), ex_id);
    struct document two;
    CHECK_OK(document_open(bytes_str(json), &arena, &two));
    struct dsse forged = two.envelope;
    forged.signatures[forged.n] = forged.signatures[0];
    forged.signatures[forged.n++].key_id = ex_id;
    struct buffer b = BUFFER(1u << 20);
    CHECK_OK(dsse_write(&forged, &b));
    CHECK_IS(assurance_decision(s.a, buffer_view(&b), s.now, s.why), E_CRYPTO);
    CHECK(story_why(&s, "bad-signature"));
    b.n = 0;
    struct doc *twice = NULL;
    CHECK_OK(doc_read_json(bytes_str(json), &arena, &twice));
    struct doc *sigs = (struct doc *)doc_get(twice, "signatures"), *again = arena_new(&arena, sizeof *again);
    *again = *sigs->first;
    again->next = NULL;
    doc_add(sigs, again);
    CHECK_OK(doc_write_json(twice, &b));
    CHECK_IS(assurance_decision(s.a, buffer_view(&b), s.now, s.why), E_DENIED);
    CHECK(story_why(&s, "one-person-twice"));
    buffer_deinit(&b);
    mem_free(json);
    arena_deinit(&arena);
    story_end(&s);
}

/* Every byte of a good envelope, changed: never accepted. */
static void test_forged_bytes(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    struct arena arena = ARENA(1u << 20);
    char *json = story_sign(&s, decision_doc(&d, &arena), KEYS(MO, AO, EX));
    size_t n = strlen(json), refused = 0, tried = 0, written = s.n;
    for (size_t i = 0; i < n; i += 3) {
        char old = json[i];
        json[i] = old == 'x' ? 'y' : 'x';
        outcome o = assurance_decision(s.a, bytes_str(json), s.now, s.why);
        /* base64 padding bits carry no meaning: the same bytes may come out */
        refused += !ok(o) && s.why[0];
        tried++;
        json[i] = old;
        if (ok(o)) break;
    }
    CHECK(refused == tried && s.n == written);
    for (size_t cut = 0; cut < n; cut += 7) {
        outcome o = assurance_decision(s.a, bytes_of(json, cut), s.now, s.why);
        CHECK_QUIET(!ok(o));
    }
    CHECK_OK(assurance_decision(s.a, bytes_str(json), s.now, s.why));
    mem_free(json);
    arena_deinit(&arena);
    story_end(&s);
}

static outcome release(struct story *s, int64_t at, const size_t *keys, size_t n, char hold[16], char hash[65])
{
    struct arena arena = ARENA(65536);
    static const char sha[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char *json = story_sign(s, document_release_new(&arena, SITE, "H-1", sha, at), keys, n);
    outcome o = assurance_release(s->a, bytes_str(json), s->now, hold, hash, s->why);
    mem_free(json);
    arena_deinit(&arena);
    return o;
}

static void test_release(void)
{
    struct story s;
    site_ready(&s);
    char hold[16] = "", hash[65] = "";
    CHECK_IS(release(&s, s.now, KEYS(MO), hold, hash), E_DENIED);
    CHECK(story_why(&s, "signature-missing"));
    CHECK_IS(release(&s, s.now, KEYS(AO, STRANGER), hold, hash), E_DENIED);
    CHECK_IS(release(&s, s.now - 11 * MS_MINUTE, KEYS(MO, AO), hold, hash), E_EXPIRED);
    CHECK_IS(release(&s, s.now + 6 * MS_MINUTE, KEYS(MO, AO), hold, hash), E_DENIED);
    CHECK(hold[0] == 0);
    CHECK_OK(release(&s, s.now, KEYS(MO, AO), hold, hash));
    CHECK(strcmp(hold, "H-1") == 0 && hash[0] == 'a' && hash[63] == 'a' && hash[64] == 0);
    CHECK(s.entries[s.n - 1].kind == ENTRY_RELEASE && s.entries[s.n - 1].durable);
    CHECK_IS(release(&s, s.now, KEYS(MO, AO), hold, hash), E_CONFLICT);
    CHECK(story_why(&s, "replayed"));
    CHECK_OK(release(&s, s.now + 1, KEYS(EX, AO), hold, hash)); /* another word of two others */
    story_end(&s);
}

static void test_other_documents(void)
{
    struct story s;
    site_ready(&s);
    struct arena arena = ARENA(1u << 20);
    struct doc *pcrs = doc_map(&arena);
    doc_set_text(&arena, pcrs, "8", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    struct doc *ref = document_reference_new(&arena, SITE, "gw-model", "1.4", pcrs, s.now);
    CHECK_IS(story_give(&s, assurance_reference, ref, KEYS(MO)), E_DENIED);
    CHECK(story_why(&s, "signature-missing"));
    CHECK_OK(story_give(&s, assurance_reference, ref, KEYS(AO)));
    CHECK_IS(story_give(&s, assurance_reference, ref, KEYS(AO)), E_CONFLICT);
    const struct doc *got[4];
    CHECK(assurance_references(s.a, "gw-model", got, 4) == 1 && strcmp(doc_text(got[0], "version", ""), "1.4") == 0);
    CHECK(assurance_references(s.a, "other", got, 4) == 0);
    struct doc *word = document_declaration_new(&arena, SITE, "H1", "reservoir", true, "seen", s.now,
        s.now + MS_HOUR);
    CHECK_IS(story_give(&s, assurance_declaration, word, KEYS(EX)), E_DENIED);
    CHECK_IS(story_give(&s, assurance_model, word, KEYS(MO)), E_MALFORMED);
    CHECK(story_why(&s, "wrong-type"));
    CHECK_OK(story_give(&s, assurance_declaration, word, KEYS(AO)));
    CHECK_IS(story_give(&s, assurance_declaration, word, KEYS(AO)), E_CONFLICT);
    const struct doc *h1 = assurance_controls(s.a, &arena, s.now)->first->next->next;
    CHECK(doc_int(h1, "pass", 0) == 1 && doc_int(h1, "proven_mille", 0) == 500);
    story_wait(&s, MS_HOUR);
    h1 = assurance_controls(s.a, &arena, s.now)->first->next->next;
    CHECK(doc_int(h1, "pass", 9) == 0 && doc_int(h1, "unknown", 0) == 1); /* its own end came */
    CHECK_IS(story_model_give(&s, TOLERANCE, KEYS(AO)), E_DENIED);
    CHECK_IS(story_model_give(&s, TOLERANCE, KEYS(MO)), E_DENIED);
    CHECK_IS(story_model_give(&s, "三千万", KEYS(MO, AO)), E_CONFIG);
    CHECK(story_why(&s, "model-wrong") && strlen(s.why) > 20);
    s.now -= 2 * MS_HOUR;
    CHECK_IS(story_model_give(&s, TOLERANCE, KEYS(MO, AO)), E_CONFLICT);
    CHECK(story_why(&s, "replayed"));
    arena_deinit(&arena);
    story_end(&s);
}

/* A model may not quietly take away what three people enforced. */
static void test_model_keeps_conditions(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    s.now += MS_MINUTE;
    struct arena arena = ARENA(1u << 20);
    struct doc *model = story_model_doc(&arena, TOLERANCE);
    struct doc *first = (struct doc *)doc_get(model, "conditions")->first;
    doc_set_text(&arena, first, "when", "attested(computers)");
    CHECK_IS(story_give(&s, assurance_model, document_model_new(&arena, SITE, model, s.now), KEYS(MO, AO)), E_CONFLICT);
    CHECK(story_why(&s, "condition-in-force"));
    arena_deinit(&arena);
    story_end(&s);
}

static void test_charter(void)
{
    struct story s;
    story_begin(&s);
    char pem[3][400];
    const char *pems[3] = { pem[0], pem[1], pem[0] };
    struct arena arena = ARENA(65536);
    for (size_t r = 0; r < 2; r++) {
        struct buffer b = BUFFER(4096);
        CHECK_OK(key_write_public_pem(s.keys[r], &b));
        CHECK_OK(bytes_to_text(buffer_view(&b), pem[r], sizeof pem[r]));
        buffer_deinit(&b);
    }
    struct charter c;
    CHECK_IS(charter_read(charter_doc(&arena, SITE, pems, false), &c), E_CONFLICT); /* one person, two roles */
    CHECK_OK(charter_read(charter_doc(&arena, SITE, pems, true), &c));              /* said aloud: small organisation */
    /* there one signature of that person speaks for both roles, and two persons still sign */
    struct doc *word = document_release_new(&arena, SITE, "H-1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", s.now);
    struct document d;
    char *one = story_sign(&s, word, KEYS(MO)), *two = story_sign(&s, word, KEYS(MO, AO)), why[DOCUMENT_WHY];
    CHECK_OK(document_open(bytes_str(one), &arena, &d));
    CHECK_IS(document_verify(&c, DOCUMENT_RELEASE, &d, why), E_DENIED);
    CHECK_OK(document_open(bytes_str(two), &arena, &d));
    CHECK_OK(document_verify(&c, DOCUMENT_RELEASE, &d, why));
    CHECK(document_wanting(&c, &d) == 0);
    charter_deinit(&c);
    pems[1] = pem[0];
    CHECK_IS(charter_read(charter_doc(&arena, SITE, pems, true), &c), E_CONFLICT); /* but never one alone */
    mem_free(one);
    mem_free(two);
    arena_deinit(&arena);
    story_end(&s);
}

static void test_merge_and_show(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    struct arena arena = ARENA(1u << 20);
    struct doc *p = decision_doc(&d, &arena);
    char *one = story_sign(&s, p, KEYS(MO)), *two = story_sign(&s, p, KEYS(EX)), *three = story_sign(&s, p, KEYS(AO));
    struct buffer b = BUFFER(1u << 20), c = BUFFER(1u << 20), again = BUFFER(1u << 20);
    CHECK_OK(document_merge(bytes_str(one), bytes_str(two), &b)); /* each signed apart, by medium */
    CHECK_OK(document_merge(buffer_view(&b), bytes_str(three), &c));
    CHECK_IS(document_sign(buffer_view(&c), s.keys[MO], &again), E_CONFLICT);
    struct document opened;
    CHECK_OK(document_open(bytes_str(one), &arena, &opened));
    struct charter charter;
    struct doc *tree = NULL;
    CHECK_OK(doc_read_json(bytes_str(s.entries[0].json), &arena, &tree));
    CHECK_OK(charter_read(tree, &charter));
    CHECK(document_wanting(&charter, &opened) == (1u << AO | 1u << EX));
    enum charter_role roles[DSSE_SIGNATURES_MAX];
    bool good[DSSE_SIGNATURES_MAX];
    document_signers(&charter, &opened, roles, good);
    CHECK(opened.envelope.n == 1 && roles[0] == CHARTER_MISSION_OWNER && good[0]);
    struct decision other = d;
    other.expires_ms -= 1000;
    char *different = story_sign(&s, decision_doc(&other, &arena), KEYS(AO));
    b.n = 0;
    CHECK_IS(document_merge(bytes_str(one), bytes_str(different), &b), E_CHANGED);
    CHECK_OK(assurance_decision(s.a, buffer_view(&c), s.now, s.why));
    charter_deinit(&charter);
    buffer_deinit(&b);
    buffer_deinit(&c);
    buffer_deinit(&again);
    mem_free(one);
    mem_free(two);
    mem_free(three);
    mem_free(different);
    arena_deinit(&arena);
    story_end(&s);
}

/* What was weighed and where views differed is signed with the rest, and comes back as it was. */
static void test_deliberated(void)
{
    struct story s;
    struct arena arena = ARENA(1u << 20);
    struct decision back;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-7", TOLERANCE_YEN);
    d.options[d.n_options++] = (struct decision_option) { "as-is", { "現状", "as it is" }, 0, 7, 8, 9 };
    d.options[d.n_options++] = (struct decision_option) { "watch", { "監視", "monitoring" }, 900000, 5, 6, 7 };
    (void)snprintf(d.chosen, sizeof d.chosen, "watch");
    d.differences[d.n_differences++] = (struct decision_difference) { CHARTER_ASSET_OWNER, "来年度に導入すること" };
    struct doc *p = decision_doc(&d, &arena);
    CHECK_OK(decision_read(p, &back, NULL));
    CHECK(back.n_options == 2 && back.options[1].cost_yen == 900000 && strcmp(back.options[1].name.ja, "監視") == 0);
    CHECK(strcmp(back.chosen, "watch") == 0 && back.n_differences == 1 && back.differences[0].role == CHARTER_ASSET_OWNER);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    const struct doc *seen = assurance_decisions(s.a, &arena, s.now)->first;
    CHECK(doc_get(seen, "options")->count == 2 && strcmp(doc_text(doc_get(seen, "differences")->first, "text", ""), "来年度に導入すること") == 0);
    doc_set_text(&arena, p, "chosen", "else");
    CHECK_IS(decision_read(p, &back, NULL), E_MALFORMED);
    doc_set_text(&arena, p, "chosen", "as-is");
    doc_set_text(&arena, (struct doc *)doc_get(p, "differences")->first, "role", "operator");
    CHECK(!ok(decision_read(p, &back, NULL)));
    arena_deinit(&arena);
    story_end(&s);
}

int main(void)
{
    test_refusals();
    test_who_signs();
    test_forged_bytes();
    test_release();
    test_other_documents();
    test_model_keeps_conditions();
    test_charter();
    test_merge_and_show();
    test_deliberated();
    return TEST_END;
}
