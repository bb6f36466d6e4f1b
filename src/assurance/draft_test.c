/* Decisions on their way: signatures one by one, differences of view, refusals by name, and the same from the record. */
#include "assurance/draft.h"

#include "assurance/story_test.h"

#define CHECK_SAY(is, want) CHECK(strcmp((is), (want)) == 0)

static outcome hand_in(struct story *s, const struct doc *payload, const size_t *keys, size_t n)
{
    return story_give(s, assurance_draft, payload, keys, n);
}

/* What the page asks for, with these words more. */
static const struct doc *composed(struct story *s, struct arena *a, const char *json)
{
    struct doc *wish;
    const struct doc *ret = NULL;
    CHECK_OK(doc_read_json(bytes_str(json), a, &wish));
    outcome o = assurance_compose(s->a, wish, s->now, a, &ret, s->why);
    if (!ok(o)) printf("# why: %s\n", s->why);
    return ok(o) ? ret : NULL;
}

static const struct doc *wanted(struct story *s, struct arena *a)
{
    return composed(s, a, "{\"mission\":\"mizu\",\"enforce\":[\"attested\"],\"observe\":[\"tls\"],\"reason_ja\":\"理由\",\"days\":6,\"accept\":\"conditions\"}");
}

static const struct doc *draft_of(struct story *s, struct arena *a, const char *id)
{
    const struct doc *list = assurance_drafts(s->a, a, s->now);
    for (const struct doc *d = list ? list->first : NULL; d; d = d->next)
        if (strcmp(doc_text(d, "id", ""), id) == 0) return d;
    return NULL;
}

static const char *decision_state(struct story *s, struct arena *a, const char *id)
{
    const struct doc *list = assurance_decisions(s->a, a, s->now);
    for (const struct doc *d = list ? list->first : NULL; d; d = d->next)
        if (strcmp(doc_text(d, "id", ""), id) == 0) return doc_text(d, "state", "");
    return "";
}

static void test_three_signatures(struct story *s, struct arena *a)
{
    const struct doc *p = wanted(s, a);
    CHECK(p != NULL);
    const char *id = doc_text(p, "id", "");
    CHECK_SAY(id, "D-1");
    CHECK_IS(hand_in(s, p, KEYS(AO)), E_CONFLICT);
    CHECK(story_why(s, "not-your-turn"));
    CHECK_IS(hand_in(s, p, KEYS(STRANGER)), E_DENIED);
    CHECK(story_why(s, "unknown-signer"));
    CHECK(draft_of(s, a, id) == NULL);
    CHECK_OK(hand_in(s, p, KEYS(MO)));
    CHECK_SAY(doc_text(draft_of(s, a, id), "next", ""), "asset-owner");
    CHECK_SAY(doc_text(draft_of(s, a, id), "cause", "?"), "");
    CHECK_IS(hand_in(s, p, KEYS(MO)), E_CONFLICT);
    CHECK(story_why(s, "replayed"));
    CHECK_IS(hand_in(s, p, KEYS(EX)), E_CONFLICT);
    CHECK(story_why(s, "not-your-turn"));
    CHECK_OK(hand_in(s, p, KEYS(AO)));
    CHECK_SAY(doc_text(draft_of(s, a, id), "next", ""), "executive");
    CHECK_SAY(decision_state(s, a, id), "");
    CHECK_OK(hand_in(s, p, KEYS(EX)));
    CHECK_SAY(decision_state(s, a, id), "in-force");
    CHECK(draft_of(s, a, id) == NULL);
    CHECK_IS(hand_in(s, p, KEYS(MO)), E_CONFLICT);
    CHECK(story_why(s, "replayed"));
}

static void test_difference(struct story *s, struct arena *a)
{
    const struct doc *p = wanted(s, a);
    CHECK(p != NULL);
    CHECK_SAY(doc_text(p, "id", ""), "D-2");
    CHECK_OK(hand_in(s, p, KEYS(MO)));
    const struct doc *q = composed(s, a, "{\"draft\":\"D-2\",\"role\":\"asset-owner\",\"difference\":\"網羅率が足りない\"}");
    CHECK(q != NULL);
    CHECK_IS(hand_in(s, q, KEYS(EX)), E_CONFLICT);
    CHECK_OK(hand_in(s, q, KEYS(AO)));
    const struct doc *d = draft_of(s, a, "D-2");
    CHECK(doc_int(d, "revision", 0) == 2);
    CHECK_SAY(doc_text(doc_get(d, "differences")->first, "text", ""), "網羅率が足りない");
    CHECK_SAY(doc_text(d, "next", ""), "mission-owner");
    CHECK_IS(hand_in(s, p, KEYS(MO)), E_CONFLICT); /* the words before them, again */
    CHECK(story_why(s, "replayed"));
    CHECK_OK(hand_in(s, q, KEYS(MO)));
    CHECK_OK(hand_in(s, q, KEYS(EX)));
    CHECK_SAY(decision_state(s, a, "D-2"), "in-force");
    CHECK_SAY(decision_state(s, a, "D-1"), "superseded");
}

/* Another may add his own difference and nothing else; nobody's words are put into another's mouth. */
static void test_words_of_others(struct story *s, struct arena *a)
{
    const struct doc *p = wanted(s, a);
    CHECK_OK(hand_in(s, p, KEYS(MO)));
    s->now += 1000;
    CHECK_IS(hand_in(s, composed(s, a, "{\"draft\":\"D-3\",\"role\":\"executive\",\"difference\":\"x\"}"), KEYS(AO)), E_CONFLICT);
    CHECK(story_why(s, "other-draft"));
    struct decision *d = arena_new(a, sizeof *d);
    CHECK_OK(decision_read(composed(s, a, "{\"draft\":\"D-3\",\"role\":\"asset-owner\",\"difference\":\"x\"}"), d, NULL));
    d->rules[0].enforced = false;
    CHECK_IS(hand_in(s, decision_doc(d, a), KEYS(AO)), E_CONFLICT);
    CHECK(story_why(s, "other-draft"));
    CHECK_OK(hand_in(s, decision_doc(d, a), KEYS(MO)));
    CHECK(doc_int(draft_of(s, a, "D-3"), "revision", 0) == 2);
}

static const struct doc *opinion(struct story *s, struct arena *a, const char *json)
{
    struct doc *wish;
    const struct doc *ret = NULL;
    CHECK_OK(doc_read_json(bytes_str(json), a, &wish));
    CHECK_OK(assurance_compose_opinion(s->a, wish, s->now, a, &ret, s->why));
    return ret;
}

static void test_opinions(struct story *s, struct arena *a)
{
    const struct doc *back = opinion(s, a, "{\"draft\":\"D-3\",\"answer\":\"send-back\",\"text\":\"再検討を\"}");
    CHECK_IS(story_give(s, assurance_opinion, back, KEYS(MO)), E_CONFLICT);
    CHECK(story_why(s, "not-your-turn"));
    CHECK_IS(story_give(s, assurance_opinion, back, KEYS(STRANGER)), E_DENIED);
    CHECK_OK(story_give(s, assurance_opinion, back, KEYS(EX)));
    CHECK_SAY(doc_text(draft_of(s, a, "D-3"), "state", ""), "sent-back");
    CHECK_SAY(doc_text(doc_get(draft_of(s, a, "D-3"), "ended"), "text", ""), "再検討を");
    CHECK_IS(story_give(s, assurance_opinion, back, KEYS(EX)), E_CONFLICT);
    CHECK(story_why(s, "replayed"));
    CHECK_OK(hand_in(s, wanted(s, a), KEYS(MO)));
    const struct doc *gone = opinion(s, a, "{\"draft\":\"D-4\",\"answer\":\"withdraw\",\"text\":\"誤り\"}");
    s->now += 1000;
    CHECK_OK(hand_in(s, composed(s, a, "{\"draft\":\"D-4\",\"role\":\"asset-owner\",\"difference\":\"x\"}"), KEYS(AO)));
    CHECK_IS(story_give(s, assurance_opinion, gone, KEYS(MO)), E_CONFLICT);
    CHECK(story_why(s, "other-draft"));
    CHECK_OK(story_give(s, assurance_opinion, opinion(s, a, "{\"draft\":\"D-4\",\"answer\":\"withdraw\",\"text\":\"誤り\"}"), KEYS(MO)));
    CHECK_SAY(doc_text(draft_of(s, a, "D-4"), "state", ""), "withdrawn");
}

/* What may no longer be decided is refused at the next signature, and said before. */
static void test_old(struct story *s, struct arena *a)
{
    const struct doc *p = wanted(s, a);
    CHECK_OK(hand_in(s, p, KEYS(MO)));
    int64_t then = s->now;
    s->now += 6 * MS_DAY;
    CHECK_IS(hand_in(s, p, KEYS(AO)), E_EXPIRED);
    CHECK(story_why(s, "expired"));
    CHECK(strncmp(doc_text(draft_of(s, a, doc_text(p, "id", "")), "cause", ""), "expired", 7) == 0);
    s->now = then;
    struct decision *d = arena_new(a, sizeof *d);
    CHECK_OK(decision_read(p, d, NULL));
    d->decision_yen++;
    (void)snprintf(d->id, sizeof d->id, "D-77");
    CHECK_IS(hand_in(s, decision_doc(d, a), KEYS(MO)), E_DENIED);
    CHECK(story_why(s, "other-snapshot"));
    CHECK_SAY(doc_text(wanted(s, a), "id", ""), "D-6");
    CHECK(composed(s, a, "{\"mission\":\"mizu\",\"days\":6}") == NULL);
    CHECK(story_why(s, "malformed: reason"));
    CHECK(composed(s, a, "{\"mission\":\"mizu\",\"reason_ja\":\"x\",\"days\":6,\"enforce\":[\"nothing\"]}") == NULL);
    CHECK(story_why(s, "unknown-condition"));
    CHECK(composed(s, a, "{\"mission\":\"mizu\",\"reason_ja\":\"x\",\"days\":364}") == NULL);
    CHECK(story_why(s, "expiry-beyond-rank"));
}

/* At most so many at once; nothing is kept that the record did not take. */
static void test_bounds(struct story *s, struct arena *a)
{
    unsigned n = 0;
    while (n < 2 * DRAFTS_OPEN_MAX && ok(hand_in(s, wanted(s, a), KEYS(MO)))) n++;
    CHECK(n == DRAFTS_OPEN_MAX - 1); /* one was there */
    CHECK(story_why(s, "too-many-drafts"));
    CHECK_OK(story_give(s, assurance_opinion, opinion(s, a, "{\"draft\":\"D-6\",\"answer\":\"withdraw\",\"text\":\"x\"}"), KEYS(MO)));
    s->refuse_writes = true;
    const struct doc *p = wanted(s, a);
    CHECK_IS(hand_in(s, p, KEYS(MO)), E_IO);
    CHECK(draft_of(s, a, doc_text(p, "id", "")) == NULL);
    s->refuse_writes = false;
}

static char *drafts_text(struct assurance *a, int64_t now)
{
    struct arena arena = ARENA(8u << 20);
    struct buffer b = BUFFER(8u << 20);
    CHECK_OK(doc_write_json(assurance_drafts(a, &arena, now), &b));
    char *text = mem_text(buffer_view(&b));
    buffer_deinit(&b);
    arena_deinit(&arena);
    return text;
}

static void test_from_the_record(struct story *s)
{
    struct story copy = { .now = s->now };
    copy.a = story_machine(&copy);
    for (size_t i = 0; i < s->n; i++) CHECK_QUIET(ok(assurance_replay(copy.a, s->entries[i].kind, bytes_str(s->entries[i].json), s->entries[i].at_ms)));
    CHECK_OK(assurance_start(copy.a, s->now));
    char *one = drafts_text(s->a, s->now), *other = drafts_text(copy.a, s->now);
    CHECK_SAY(one, other);
    mem_free(one);
    mem_free(other);
    assurance_free(copy.a);
    for (size_t i = 0; i < copy.n; i++) mem_free(copy.entries[i].json);
    mem_free(copy.entries);
}

int main(void)
{
    struct story s;
    struct arena a = ARENA(64u << 20);
    story_begin(&s);
    CHECK_OK(assurance_start(s.a, s.now));
    CHECK_OK(assurance_asset(s.a, "gw-1", "gateways", true));
    CHECK_OK(assurance_stream(s.a, "commands", COMMANDS, true));
    CHECK_OK(story_model_give(&s, "1000万", KEYS(MO, AO)));
    story_fact(&s, "C8b", "gw-1", FACT_PASS, "quote");
    story_wait(&s, 3000);
    test_three_signatures(&s, &a);
    test_difference(&s, &a);
    test_words_of_others(&s, &a);
    test_opinions(&s, &a);
    test_old(&s, &a);
    test_bounds(&s, &a);
    test_from_the_record(&s);
    arena_deinit(&a);
    story_end(&s);
    return TEST_END;
}
