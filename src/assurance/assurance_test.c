/* The loop closed: facts -> conditions -> signed decision -> limit -> release -> loosening -> replay. */
#include "assurance/story_test.h"

#define TOLERANCE "3000万"
#define TOLERANCE_YEN 30000000

/* A site in use: model, two gateways and a computer, good evidence, started. */
static void site_ready(struct story *s)
{
    story_begin(s);
    CHECK_OK(assurance_stream(s->a, "commands", COMMANDS, true));
    CHECK_OK(assurance_asset(s->a, "gw-01", "gateways", true));
    CHECK_OK(assurance_asset(s->a, "gw-02", "gateways", true));
    CHECK_OK(assurance_asset(s->a, "pc-01", "computers", true));
    CHECK_OK(assurance_start(s->a, s->now));
    CHECK_OK(story_model_give(s, TOLERANCE, KEYS(MO, AO)));
    story_fact(s, "C8b", "gw-01", FACT_PASS, "good");
    story_fact(s, "C8b", "gw-02", FACT_PASS, "good");
    story_fact(s, "C5", "site", FACT_PASS, "tls13-only");
    story_wait(s, 5 * MS_S);
}

static const struct doc *member(const struct doc *d, const char *one, const char *two)
{
    const struct doc *m = doc_get(d, one);
    return two ? doc_get(m, two) : m;
}

static void test_observe(void)
{
    struct story s;
    site_ready(&s);
    struct arena arena = ARENA(8u << 20);
    const struct doc *d = assurance_status(s.a, &arena, s.now);
    CHECK(doc_bool(d, "observe", false));
    CHECK(strcmp(doc_text(d, "state", ""), "within") == 0);
    CHECK(doc_int(d, "exit", -1) == 0);
    CHECK(doc_get(d, "layers")->count == 5);
    CHECK(!doc_get(d, "at_stake") && !doc_get(d, "decision"));
    size_t handed = s.handed;
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    CHECK(s.handed == handed + 1 && s.n_limits == 3); /* attested, no-event of gw-02, and coverage */
    for (size_t i = 0; i < s.n_limits; i++) CHECK(!s.rows[i].enforced);
    d = assurance_status(s.a, &arena, s.now);
    CHECK(doc_int(d, "limits_observed", 0) == 3 && doc_int(d, "limits_enforced", 9) == 0);
    CHECK(doc_int(member(d, "would_have", NULL), "limits_total", 0) >= 3);
    CHECK(doc_int(member(d, "at_stake", NULL), "hours_mille", 0) == 6500);
    CHECK(doc_int(member(d, "at_stake", NULL), "households", 0) == 4100);
    arena_deinit(&arena);
    story_end(&s);
}

static void test_limit_in_the_same_call(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    CHECK(s.entries[s.n - 1].kind == ENTRY_DECISION && s.entries[s.n - 1].durable);
    size_t before = s.n, handed = s.handed;
    s.now += 100;
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    CHECK(s.handed == handed + 1);
    CHECK(s.entries_at_hand_over == before); /* applied, then written */
    CHECK(s.n > before);
    bool found = false;
    for (size_t i = 0; i < s.n_limits; i++) {
        if (!s.rows[i].enforced) continue;
        found = strcmp(s.rows[i].device, "gw-02") == 0 && s.rows[i].mode == LIMIT_HOLD
            && strcmp(s.rows[i].decision, "D-1") == 0 && strcmp(s.rows[i].stream, COMMANDS) == 0
            && strcmp(s.rows[i].condition, "attested(gw-02)") == 0 && s.rows[i].until_ms == d.expires_ms
            && s.rows[i].since_ms == s.now;
    }
    CHECK(found);
    struct arena arena = ARENA(8u << 20);
    const struct doc *status = assurance_status(s.a, &arena, s.now);
    CHECK(doc_int(status, "exit", 0) == 7 && doc_int(status, "limits_enforced", 0) == 1);
    CHECK(strcmp(doc_text(member(status, "decision", NULL), "state", ""), "reopened") == 0);
    struct doc *why = doc_list(&arena);
    assurance_explain(s.a, s.rows[0].id, &arena, why, s.now);
    assurance_explain(s.a, doc_text(doc_get(status, "limits")->first, "id", ""), &arena, why, s.now);
    static const char *const steps[] = { "limit", "condition", "evidence", "decision", "signer", "authority", "end",
        "appeal" };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bool seen = false;
        for (const struct doc *r = why->first; r; r = r->next)
            seen |= strcmp(doc_text(r, "step", ""), steps[i]) == 0 && doc_text(r, "text_ja", "")[0]
                && doc_text(r, "text_en", "")[0];
        CHECK(seen);
    }
    arena_deinit(&arena);
    story_end(&s);
}

static size_t enforced(const struct story *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_limits && i < 16; i++) n += s->rows[i].enforced;
    return n;
}

static const char *limit_id(const struct story *s)
{
    for (size_t i = 0; i < s->n_limits; i++)
        if (s->rows[i].enforced) return s->rows[i].id;
    return "";
}

static outcome loosen(struct story *s, const char *id, const size_t *keys, size_t n)
{
    struct arena arena = ARENA(65536);
    outcome o = story_give(s, assurance_loosen, document_loosen_new(&arena, SITE, id, s->now), keys, n);
    arena_deinit(&arena);
    return o;
}

static void test_people_loosen(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    s.now += 100;
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    char id[LIMIT_ID_MAX];
    (void)snprintf(id, sizeof id, "%s", limit_id(&s));
    CHECK_IS(loosen(&s, id, KEYS(MO, AO)), E_CONFLICT);
    CHECK(story_why(&s, "condition-still-broken"));
    s.now += 5000;
    story_fact(&s, "C8b", "gw-02", FACT_PASS, "good");
    CHECK(enforced(&s) == 1); /* a good fact loosens nothing by itself */
    story_wait(&s, MS_HOUR);
    CHECK(enforced(&s) == 1);
    CHECK_IS(loosen(&s, id, KEYS(MO)), E_DENIED);
    CHECK(story_why(&s, "signature-missing"));
    CHECK_IS(loosen(&s, id, KEYS(MO, STRANGER)), E_DENIED);
    CHECK(story_why(&s, "unknown-signer"));
    CHECK_IS(loosen(&s, "L-999", KEYS(MO, AO)), E_UNKNOWN);
    s.refuse_writes = true;
    CHECK_IS(loosen(&s, id, KEYS(MO, AO)), E_IO);
    CHECK(enforced(&s) == 1); /* loosen: on disk first */
    s.refuse_writes = false;
    CHECK_OK(loosen(&s, id, KEYS(EX, AO)));
    CHECK(enforced(&s) == 0);
    CHECK(s.entries[s.n - 1].kind == ENTRY_LIMIT && s.entries[s.n - 1].durable
        && strstr(s.entries[s.n - 1].json, "\"envelope\":{") && strstr(s.entries[s.n - 1].json, "\"loosened\""));
    story_end(&s);
}

static void test_dwell_then_auto(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    d.loosen = DECISION_LOOSEN_AUTO;
    CHECK_OK(story_decide(&s, &d, KEYS(EX, MO, AO)));
    s.now += 100;
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    CHECK(enforced(&s) == 1);
    s.now += 1000;
    story_fact(&s, "C8b", "gw-02", FACT_PASS, "good");
    story_wait(&s, 9 * MS_S);
    CHECK(enforced(&s) == 1);
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch"); /* broken again: the dwell starts anew */
    s.now += 1000;
    story_fact(&s, "C8b", "gw-02", FACT_PASS, "good");
    story_wait(&s, 9 * MS_S);
    CHECK(enforced(&s) == 1);
    s.refuse_writes = true;
    story_wait(&s, 3 * MS_S);
    CHECK(enforced(&s) == 1);
    s.refuse_writes = false;
    story_wait(&s, 2 * MS_S);
    CHECK(enforced(&s) == 0);
    story_end(&s);
}

static void test_strangers(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    size_t n = s.n, handed = s.handed;
    for (int i = 0; i < 10000; i++) {
        struct fact f = { "C8b", "gw-02", FACT_FAIL, FACT_BY_QUOTE, false, true, s.now, "forged" };
        assurance_fact(s.a, &f, s.now);
    }
    story_wait(&s, 30 * MS_S);
    CHECK(s.n == n && s.handed == handed && enforced(&s) == 0);
    struct arena arena = ARENA(8u << 20);
    const struct doc *status = assurance_status(s.a, &arena, s.now);
    CHECK(doc_int(status, "unauthenticated", 0) == 10000 && doc_int(status, "exit", -1) == 0);
    CHECK(!doc_get(status, "at_stake"));
    arena_deinit(&arena);
    story_end(&s);
}

static int64_t decision_yen(struct story *s)
{
    struct arena arena = ARENA(8u << 20);
    int64_t yen = doc_int(doc_get(assurance_mission(s->a, &arena, "mizu", s->now), "figures"), "decision_yen", -1);
    arena_deinit(&arena);
    return yen;
}

/* N37: evidence older than its limit is no proof: the figure rises, its condition breaks, its limit is in force within a second. */
static void test_stale(void)
{
    struct story s;
    site_ready(&s);
    int64_t proven = decision_yen(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    story_wait(&s, 71 * MS_HOUR);
    CHECK(enforced(&s) == 0);
    story_fact(&s, "C8b", "gw-01", FACT_PASS, "good");
    int64_t end = T0 + 72 * MS_HOUR;
    story_wait(&s, end - s.now + MS_S);
    CHECK(enforced(&s) == 1); /* gw-02's pass went stale; the computer never attested, which breaks nothing */
    for (size_t i = 0; i < s.n_limits; i++)
        CHECK(!s.rows[i].enforced || (strcmp(s.rows[i].device, "gw-02") == 0 && s.rows[i].since_ms - end <= MS_S));
    CHECK(proven > 0 && decision_yen(&s) > proven);
    story_end(&s);
}

static void test_expiry(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    d.expires_ms = s.now + MS_HOUR;
    d.fallback = LIMIT_SAFE;
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    story_wait(&s, MS_HOUR - MS_S);
    CHECK(enforced(&s) == 0);
    story_wait(&s, MS_S);
    CHECK(enforced(&s) == 1 && s.rows[0].mode == LIMIT_SAFE && s.rows[0].device[0] == 0
        && strcmp(s.rows[0].condition, "decision-in-force(D-1)") == 0);
    struct arena arena = ARENA(8u << 20);
    const struct doc *status = assurance_status(s.a, &arena, s.now);
    CHECK(strcmp(doc_text(doc_get(status, "decision"), "state", ""), "expired") == 0);
    arena_deinit(&arena);
    struct decision again = story_decision(&s, "D-2", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &again, KEYS(MO, AO, EX)));
    CHECK(enforced(&s) == 0); /* a new decision ends the old one's fallback */
    story_end(&s);
}

static void test_tolerance_only_where_signed(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    s.now += MS_MINUTE;
    CHECK_OK(story_model_give(&s, "1万", KEYS(MO, AO))); /* tolerance far below the figure */
    struct arena arena = ARENA(16u << 20);
    const struct doc *status = assurance_status(s.a, &arena, s.now);
    CHECK(strcmp(doc_text(status, "state", ""), "over") == 0 && doc_int(status, "exit", 0) == 7);
    CHECK(enforced(&s) == 0); /* yen alone close nothing */
    CHECK(strcmp(doc_text(doc_get(status, "decision"), "state", ""), "reopened") == 0);
    struct decision bad = story_decision(&s, "D-2", 10000);
    bad.rules[bad.n_rules++] = (struct decision_rule) { "figure", "sk/v1/mizu/+/cfg/+", LIMIT_HOLD, true };
    bad.dwell_ms = 600 * MS_S;
    CHECK_IS(story_decide(&s, &bad, KEYS(MO, AO, EX)), E_DENIED);
    CHECK(story_why(&s, "margin-too-small"));
    s.now += MS_MINUTE;
    CHECK_OK(story_model_give(&s, TOLERANCE, KEYS(MO, AO)));
    struct decision good = story_decision(&s, "D-3", TOLERANCE_YEN);
    good.rules[good.n_rules++] = (struct decision_rule) { "figure", "sk/v1/mizu/+/cfg/+", LIMIT_HOLD, true };
    good.dwell_ms = 600 * MS_S;
    CHECK_OK(story_decide(&s, &good, KEYS(MO, AO, EX)));
    CHECK(enforced(&s) == 0);
    s.now += MS_MINUTE;
    CHECK_OK(story_model_give(&s, "1万", KEYS(MO, AO)));
    CHECK(enforced(&s) == 1); /* now the signed decision says so */
    arena_deinit(&arena);
    story_end(&s);
}

static void test_replay_equals(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    struct arena arena = ARENA(1u << 20);
    d.rules[d.n_rules++] = (struct decision_rule) { "tls", "sk/v1/mizu/+/upd/+", LIMIT_DENY, true };
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    CHECK_OK(story_give(&s, assurance_declaration,
        document_declaration_new(&arena, SITE, "H1", "reservoir", true, "inspected", s.now, s.now + 90 * MS_DAY),
        KEYS(MO)));
    s.now += 100;
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    story_wait(&s, 3 * MS_S);
    story_fact(&s, "C5", "site", FACT_FAIL, "tls12-accepted");
    story_wait(&s, 3 * MS_S);
    story_fact(&s, "C5", "site", FACT_PASS, "tls13-only");
    story_wait(&s, 70 * MS_S);
    struct story copy = s;
    copy.n = 0; /* what the copy writes goes nowhere near the original */
    copy.entries = NULL;
    copy.cap = 0;
    copy.a = story_machine(&copy);
    CHECK_OK(assurance_stream(copy.a, "commands", COMMANDS, true));
    CHECK_OK(assurance_asset(copy.a, "gw-01", "gateways", true));
    CHECK_OK(assurance_asset(copy.a, "gw-02", "gateways", true));
    CHECK_OK(assurance_asset(copy.a, "pc-01", "computers", true));
    for (size_t i = 0; i < s.n; i++)
        CHECK_OK(assurance_replay(copy.a, s.entries[i].kind, bytes_str(s.entries[i].json), s.entries[i].at_ms));
    story_wait(&s, 30 * MS_S);
    copy.now = s.now;
    CHECK_OK(assurance_asset(copy.a, "pc-02", "computers", true));
    CHECK_OK(assurance_asset(s.a, "pc-02", "computers", true)); /* both figure at this very moment */
    (void)assurance_turn(s.a, s.now);
    CHECK_OK(assurance_start(copy.a, copy.now));
    CHECK(copy.n == 0); /* nothing new to say */
    CHECK(copy.n_limits == s.n_limits && enforced(&copy) == enforced(&s) && enforced(&s) == 2);
    char *one = story_status(&s, s.a), *two = story_status(&copy, copy.a);
    CHECK(strcmp(one, two) == 0);
    if (strcmp(one, two) != 0) printf("# %s\n# %s\n", one, two);
    mem_free(one);
    mem_free(two);
    for (size_t i = 0; i < copy.n; i++) mem_free(copy.entries[i].json);
    mem_free(copy.entries);
    assurance_free(copy.a);
    arena_deinit(&arena);
    story_end(&s);
}

static void test_record_changed(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &d, KEYS(MO, AO, EX)));
    struct story_entry *e = &s.entries[s.n - 1];
    char *sig = strstr(e->json, "\"sig\":\"");
    CHECK(e->kind == ENTRY_DECISION && sig);
    sig[12] = sig[12] == 'A' ? 'B' : 'A';
    struct story copy = { .now = s.now };
    copy.a = story_machine(&copy);
    for (size_t i = 0; i + 1 < s.n; i++)
        CHECK_OK(assurance_replay(copy.a, s.entries[i].kind, bytes_str(s.entries[i].json), s.entries[i].at_ms));
    CHECK_IS(assurance_replay(copy.a, e->kind, bytes_str(e->json), e->at_ms), E_CHANGED);
    assurance_free(copy.a);
    story_end(&s);
}

static void test_assessment_replays(void)
{
    struct story s;
    site_ready(&s);
    size_t replayed = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.entries[i].kind != ENTRY_ASSESSMENT) continue;
        struct arena arena = ARENA(8u << 20);
        struct doc *d;
        char hash[65];
        bool same = false;
        CHECK_OK(doc_read_json(bytes_str(s.entries[i].json), &arena, &d));
        CHECK_OK(assurance_replay_assessment(d, hash, &same));
        CHECK(same && strcmp(hash, doc_text(d, "result_hash", "")) == 0);
        replayed++;
        arena_deinit(&arena);
    }
    CHECK(replayed > 0 && replayed == story_count(&s, ENTRY_ASSESSMENT));
    story_end(&s);
}

static void test_evidence_by_change(void)
{
    struct story s;
    site_ready(&s);
    size_t n = story_count(&s, ENTRY_EVIDENCE);
    for (int i = 0; i < 100; i++) {
        s.now += MS_MINUTE;
        story_fact(&s, "C8b", "gw-01", FACT_PASS, "good");
    }
    CHECK(story_count(&s, ENTRY_EVIDENCE) == n);
    s.now += 5 * MS_HOUR;
    story_fact(&s, "C8b", "gw-01", FACT_PASS, "good");
    CHECK(story_count(&s, ENTRY_EVIDENCE) == n + 1); /* kept fresh for a restart */
    story_end(&s);
}

static void test_containment(void)
{
    struct story s;
    site_ready(&s);
    s.now += 100;
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    struct arena arena = ARENA(8u << 20);
    CHECK(doc_get(assurance_status(s.a, &arena, s.now), "at_stake") != NULL);
    s.now += 100;
    story_fact(&s, ASSURANCE_CONTAIN, "gw-02", FACT_PASS, "quarantined");
    CHECK(doc_get(assurance_status(s.a, &arena, s.now), "at_stake") == NULL);
    const struct doc *m = assurance_mission(s.a, &arena, "mizu", s.now);
    CHECK(m && doc_get(m, "figures") && doc_get(m, "functions")->count == 1 && doc_get(m, "threats")->count == 1);
    CHECK(assurance_mission(s.a, &arena, "no-such", s.now) == NULL);
    CHECK(assurance_controls(s.a, &arena, s.now)->count == 3);
    CHECK(strcmp(doc_text(assurance_controls(s.a, &arena, s.now)->first, "id", ""), "C8b") == 0);
    CHECK(doc_get(assurance_charter(s.a, &arena), "roles")->count == 3);
    CHECK(strlen(doc_text(assurance_model_doc(s.a, &arena), "hash", "")) == 64);
    arena_deinit(&arena);
    story_end(&s);
}

static int64_t sum_of(const struct doc *steps)
{
    int64_t sum = 0;
    for (const struct doc *x = steps ? steps->first : NULL; x; x = x->next) sum += doc_int(x, "change_yen", 0);
    return sum;
}

/* What moved is still known after a restart. */
static void insight_replayed(const struct story *s, int64_t moved)
{
    struct story copy = *s;
    struct arena arena = ARENA(8u << 20);
    copy.n = 0, copy.cap = 0, copy.entries = NULL;
    copy.a = story_machine(&copy);
    CHECK_OK(assurance_stream(copy.a, "commands", COMMANDS, true));
    CHECK_OK(assurance_asset(copy.a, "gw-01", "gateways", true));
    CHECK_OK(assurance_asset(copy.a, "gw-02", "gateways", true));
    CHECK_OK(assurance_asset(copy.a, "pc-01", "computers", true));
    for (size_t i = 0; i < s->n; i++)
        CHECK_QUIET(ok(assurance_replay(copy.a, s->entries[i].kind, bytes_str(s->entries[i].json), s->entries[i].at_ms)));
    CHECK_OK(assurance_start(copy.a, copy.now));
    const struct doc *x = assurance_insight(copy.a, &arena, "mizu", copy.now);
    CHECK(sum_of(doc_get(x, "decided")) == moved);
    arena_deinit(&arena);
    for (size_t i = 0; i < copy.n; i++) mem_free(copy.entries[i].json);
    mem_free(copy.entries);
    assurance_free(copy.a);
}

/* The figure from inherent to residual, exactly; what moved since the last assessment and since the decision. */
static void test_insight(void)
{
    struct story s;
    site_ready(&s);
    story_wait(&s, MS_MINUTE);
    struct decision decision = story_decision(&s, "D-1", TOLERANCE_YEN);
    CHECK_OK(story_decide(&s, &decision, KEYS(MO, AO, EX)));
    int64_t before = decision_yen(&s);
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    story_wait(&s, MS_MINUTE);
    struct arena arena = ARENA(8u << 20);
    const struct doc *x = assurance_insight(s.a, &arena, "mizu", s.now), *y = assurance_insight(s.a, &arena, "", s.now);
    int64_t now = decision_yen(&s);
    CHECK(now > before && doc_int(x, "residual_yen", -1) == now && doc_bool(x, "whole", false));
    CHECK(doc_int(x, "inherent_yen", 0) + sum_of(doc_get(x, "steps")) == now);
    const struct doc *limits = assurance_limits(s.a, &arena, s.now), *w = doc_get(limits->first, "weight");
    CHECK(strcmp(doc_text(limits->first, "device", ""), "gw-02") == 0 && doc_int(w, "avoided_yen", 0) == 28041228);
    CHECK(doc_int(w, "withheld_mille", 0) == 1000 && doc_int(w, "lasts_min", 0) == -1); /* the model states no utility */
    CHECK(doc_get(x, "moved")->count == 1 && sum_of(doc_get(x, "moved")) == now - before);
    CHECK(strcmp(doc_text(doc_get(x, "moved")->first, "id", ""), "C8b") == 0);
    CHECK(strcmp(doc_text(x, "decision", ""), "D-1") == 0 && sum_of(doc_get(x, "decided")) == now - before);
    CHECK(doc_get(x, "hangs_on")->count == 2 && !doc_get(x, "options")); /* the model offers none */
    CHECK(strcmp(doc_text(x, "answer", ""), "limited") == 0 && strcmp(doc_text(y, "id", ""), "mizu") == 0);
    CHECK(!assurance_insight(s.a, &arena, "other", s.now));
    insight_replayed(&s, now - before);
    arena_deinit(&arena);
    story_end(&s);
}

static void test_what_if(void)
{
    struct story s;
    site_ready(&s);
    struct arena arena = ARENA(32u << 20);
    const struct doc *d = NULL;
    int64_t before = decision_yen(&s);
    CHECK_OK(assurance_what_if(s.a, &arena, "mizu", "control:C8b:0", &d, s.why));
    CHECK(doc_int(doc_get(d, "as_is"), "decision_yen", 0) == before);
    CHECK(doc_int(doc_get(d, "tried"), "decision_yen", 0) > before);
    CHECK_OK(assurance_what_if(s.a, &arena, "mizu", "rate:D1:1000000,loss:D1:1000", &d, s.why));
    CHECK(doc_int(doc_get(d, "tried"), "decision_yen", -1) < before);
    CHECK(decision_yen(&s) == before); /* nothing was stored */
    static const char *const bad[] = { "", "C8b:1", "control:C8b", "control:C8b:1001", "control:C8b:-1", "control:C9:1", "rate:D1:0", "buy:x",
        "loss:D1:1x", "control:C8b:1,", "control:C8b:99999999999999999999", "a,b,c,d,e,f,g,h" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (i != 9) CHECK_QUIET(!ok(assurance_what_if(s.a, &arena, "mizu", bad[i], &d, s.why)));
    CHECK_IS(assurance_what_if(s.a, &arena, "other", "control:C8b:0", &d, s.why), E_UNKNOWN);
    CHECK_OK(assurance_curve(s.a, &arena, "mizu", &d));
    const struct doc *first = doc_get(d, "decision")->first;
    CHECK(doc_int(first, "over_ppm", 0) > doc_int(first->next, "over_ppm", 0) && doc_get(d, "expected")->count == doc_get(d, "decision")->count);
    arena_deinit(&arena);
    story_end(&s);
}

/* The k-th allocation fails, for every k: whatever is refused has changed nothing people rely on. */
static void test_memory(void)
{
    struct story s;
    site_ready(&s);
    struct decision d = story_decision(&s, "D-1", TOLERANCE_YEN);
    struct arena arena = ARENA(1u << 20);
    char *json = story_sign(&s, decision_doc(&d, &arena), KEYS(MO, AO, EX));
    uint64_t k = 1;
    for (outcome o = REFUSE(E_MEMORY); !ok(o) && k < 20000; k++) {
        mem_fail_at(k);
        o = assurance_decision(s.a, bytes_str(json), s.now, s.why);
        mem_fail_at(0);
        if (!ok(o) && o.code == E_CONFLICT) break; /* it was accepted, only the telling failed */
    }
    CHECK(k > 10 && k < 20000);
    for (k = 1; k < 3000; k += k < 200 ? 1 : 13) {
        s.now += 2000;
        mem_fail_at(k);
        story_fact(&s, "C8b", "gw-02", k % 2 ? FACT_FAIL : FACT_PASS, "pcr-mismatch");
        (void)assurance_turn(s.a, s.now);
        struct arena view = ARENA(8u << 20);
        (void)!assurance_status(s.a, &view, s.now);
        (void)!assurance_mission(s.a, &view, "mizu", s.now);
        mem_fail_at(0);
        arena_deinit(&view);
    }
    s.now += 2000;
    story_fact(&s, "C8b", "gw-02", FACT_FAIL, "pcr-mismatch");
    story_wait(&s, 2 * MS_S);
    CHECK(enforced(&s) == 1);
    mem_free(json);
    arena_deinit(&arena);
    story_end(&s);
}

int main(void)
{
    test_observe();
    test_limit_in_the_same_call();
    test_people_loosen();
    test_dwell_then_auto();
    test_strangers();
    test_stale();
    test_expiry();
    test_tolerance_only_where_signed();
    test_replay_equals();
    test_record_changed();
    test_assessment_replays();
    test_evidence_by_change();
    test_containment();
    test_insight();
    test_what_if();
    test_memory();
    return TEST_END;
}
