/* Challenges and evidence: at every session, on demand, and every so often; what appraisal finds becomes
 * a step of trust and a fact. Evidence arrives through a tap inside the exchange and is judged after
 * the packet is done, since judging may change limits. */
#include <stdio.h>

#include "node/core.h"

/* AGAIN_MS: every answer is an entry of the record; a device that subscribes without end must not fill it. */
enum { RETRY_MS = 250, AGAIN_MS = 500, REFERENCES_MAX = 16 };

static struct challenge *find_or_make(struct core *c, const char *id)
{
    struct challenge *ch = map_get(&c->challenges, bytes_str(id));
    if (ch) return ch;
    ch = mem_new(sizeof *ch);
    if (!ch || !ok(map_put(&c->challenges, bytes_str(id), ch))) {
        mem_free(ch);
        return NULL;
    }
    snprintf(ch->id, sizeof ch->id, "%s", id);
    ch->evidence = BUFFER(16384);
    return ch;
}

const struct challenge *attest_of(const struct core *c, const char *id)
{
    return map_get(&c->challenges, bytes_str(id));
}

/* The device is the topic's fourth level: sk/v1/<site>/<device>/att/evidence. */
static void on_evidence(void *ctx, const struct message *m, const struct verdict *v)
{
    struct core *c = ctx;
    (void)v;
    if (!m->from) return;
    struct challenge *ch = map_get(&c->challenges, bytes_str(m->from->id));
    if (!ch || !ch->open) return;
    ch->evidence.n = 0;
    if (!ok(buffer_put(&ch->evidence, m->payload))) return;
    ch->arrived = true;
    c->challenge_next_ms = 0;
}

outcome attest_start(struct core *c)
{
    char filter[160];
    uint32_t tap;
    snprintf(filter, sizeof filter, "sk/v1/%s/+/att/evidence", c->config.site);
    return exchange_tap_new(c->exchange, NULL, bytes_str(filter), on_evidence, c, &tap);
}

enum { QUESTION_MAX = 128 };

static void question_of(const struct challenge *ch, char body[QUESTION_MAX])
{
    char nonce[65];
    hex_of(bytes_of(ch->nonce, sizeof ch->nonce), nonce);
    snprintf(body, QUESTION_MAX, "{\"nonce\":\"%s\",\"pcrs\":[8]}", nonce);
}

static void send_challenge(struct core *c, struct challenge *ch)
{
    char topic[200], body[QUESTION_MAX];
    question_of(ch, body);
    snprintf(topic, sizeof topic, "sk/v1/%s/%s/att/challenge", c->config.site, ch->id);
    struct message m = { .topic = bytes_str(topic), .payload = bytes_str(body), .qos = 0 };
    (void)!ok(exchange_publish(c->exchange, &m));
    ch->tries++;
    ch->next_ms = port_mono_ms() + RETRY_MS;
}

static outcome open_challenge(struct core *c, const char *id, struct challenge **ret)
{
    const struct identity *who = registry_identity(c->registry, id);
    if (!who) return REFUSE(E_UNKNOWN);
    struct challenge *ch = find_or_make(c, id);
    if (!ch) return REFUSE(E_MEMORY);
    port_random(ch->nonce, sizeof ch->nonce);
    if (!ch->open) ch->asked_ms = port_mono_ms(); /* asking again gives no more time to answer */
    ch->open = true;
    ch->arrived = ch->ignored = ch->soon = ch->by_auth = false;
    ch->tries = 0;
    *ret = ch;
    return DONE;
}

outcome attest_ask(struct core *c, const char *id)
{
    struct challenge *ch;
    TRY(open_challenge(c, id, &ch));
    send_challenge(c, ch);
    c->challenge_next_ms = ch->next_ms;
    return DONE;
}

/* The exchange is being called: what the evidence is worth is said at the next turn. */
outcome attest_by_auth(struct core *c, uint32_t link, const struct identity *who, struct bytes data, struct buffer *ret)
{
    struct challenge *ch;
    char body[QUESTION_MAX];
    if (who->role != ROLE_DEVICE || !who->has_ak) return REFUSE(E_UNSUPPORTED);
    if (data.n == 0) {
        TRY(open_challenge(c, who->id, &ch));
        question_of(ch, body);
        ch->by_auth = true;
        ch->auth_link = link;
        ch->next_ms = ch->asked_ms + (int64_t)RETRY_MS * CHALLENGE_TRIES; /* the question is not repeated by publish */
        ch->tries = CHALLENGE_TRIES;
        c->challenge_next_ms = 0;
        return buffer_put(ret, bytes_str(body));
    }
    ch = map_get(&c->challenges, bytes_str(who->id));
    if (!ch || !ch->open || !ch->by_auth || ch->auth_link != link) return REFUSE(E_CONFLICT);
    ch->evidence.n = 0;
    TRY(buffer_put(&ch->evidence, data));
    ch->arrived = true;
    c->challenge_next_ms = 0;
    return DONE;
}

void attest_link_up(struct core *c, const char *id)
{
    const struct identity *who = registry_identity(c->registry, id);
    if (!who || who->role != ROLE_DEVICE || !who->has_ak) return;
    struct challenge *ch = map_get(&c->challenges, bytes_str(id));
    if (ch && ch->open && ch->tries) send_challenge(c, ch); /* it subscribed just now */
    else if (ch && port_mono_ms() - ch->asked_ms < AGAIN_MS) ch->soon = true, c->challenge_next_ms = 0;
    else (void)!ok(attest_ask(c, id));
}

static void step_trust(struct core *c, const struct identity *who, enum trust_event e, const char *event, const char *why)
{
    enum trust to;
    if (!ok(registry_trust_step(who, e, &to)) || to == who->trust) return;
    struct arena a = ARENA(65536);
    const struct doc *d = registry_doc_life(&a, who->id, "trust", trust_word(who->trust), event, trust_word(to), why, "core");
    (void)!ok(core_write(c, ENTRY_LIFE, d, false));
    arena_deinit(&a);
}

static size_t references_of(struct core *c, const char *model, struct reference *rows)
{
    const struct doc *docs[REFERENCES_MAX];
    size_t n = assurance_references(c->assurance, model, docs, REFERENCES_MAX), kept = 0;
    for (size_t i = 0; i < n; i++)
        if (ok(reference_read(docs[i], &rows[kept]))) kept++;
    return kept;
}

/* Whoever asked by AUTH is answered; what is no judgement is no proof either. */
static void answer_auth(struct core *c, struct challenge *ch, bool good)
{
    if (!ch->by_auth) return;
    ch->by_auth = false;
    exchange_attested(c->exchange, ch->auth_link, good);
}

static void judge(struct core *c, struct challenge *ch)
{
    struct reference references[REFERENCES_MAX];
    struct appraised result;
    const struct identity *who = registry_identity(c->registry, ch->id);
    ch->arrived = false;
    if (!who) return;
    size_t n = references_of(c, who->model, references);
    appraise(who, buffer_view(&ch->evidence), ch->nonce, references, n, &result);
    /* The answer to an earlier question is no answer: it neither proves nor accuses. Unanswered in the
     * end, the device is degraded. */
    if (result.result == APPRAISE_NONCE) {
        if (!ch->ignored) core_audit(c, "evidence-ignored", "id", ch->id, "reason", appraisal_word(result.result), NULL);
        ch->ignored = true; /* one entry a challenge, whatever is replayed */
        answer_auth(c, ch, false);
        return;
    }
    if (ch->has_good) appraise_after(&ch->good, &result);
    if (result.result == APPRAISE_GOOD) ch->good = result, ch->has_good = true;
    ch->open = false;
    ch->last = result.result;
    ch->answered_ms = port_wall_ms();
    const char *word = appraisal_word(result.result);
    bool no_judgement = result.result == APPRAISE_NO_REFERENCE || result.result == APPRAISE_NO_KEY;
    if (no_judgement) answer_auth(c, ch, false);
    if (no_judgement) return;
    bool good = result.result == APPRAISE_GOOD;
    /* the limit first: what acts in the data's path must not wait for the record */
    core_fact(c, "C8b", ch->id, good ? FACT_PASS : FACT_FAIL, FACT_BY_QUOTE, !good, word);
    /* signed just now by the key that the endorsed TPM proved to hold when it enrolled */
    if (good && who->has_ek) core_fact(c, "C8a", ch->id, FACT_PASS, FACT_BY_QUOTE, false, who->maker);
    step_trust(c, who, good ? TRUST_QUOTE_GOOD : TRUST_QUOTE_BAD, good ? "quote-good" : "quote-bad", word);
    answer_auth(c, ch, good);
}

static void unanswered(struct core *c, struct challenge *ch)
{
    const struct identity *who = registry_identity(c->registry, ch->id);
    ch->open = false;
    answer_auth(c, ch, false);
    if (who && who->trust == TRUST_ATTESTED) step_trust(c, who, TRUST_QUOTE_OLD, "quote-old", "no answer to a challenge");
}

int attest_turn(struct core *c, int64_t mono_ms)
{
    if (mono_ms < c->challenge_next_ms) return (int)(c->challenge_next_ms - mono_ms);
    const int64_t every = (int64_t)c->config.attest_every_s * MS_S;
    int64_t next = mono_ms + every;
    size_t at = 0;
    struct bytes key;
    void *value;
    while (map_next(&c->challenges, &at, &key, &value)) {
        struct challenge *ch = value;
        int64_t rest = ch->soon ? AGAIN_MS : every;
        if (ch->arrived) judge(c, ch);
        else if (ch->open && mono_ms >= ch->next_ms && ch->tries >= CHALLENGE_TRIES) unanswered(c, ch);
        else if (ch->open && mono_ms >= ch->next_ms) send_challenge(c, ch);
        else if (!ch->open && mono_ms >= ch->asked_ms + rest) (void)!ok(attest_ask(c, ch->id));
        int64_t wants = ch->open ? ch->next_ms : ch->asked_ms + (ch->soon ? AGAIN_MS : every);
        if (wants < next) next = wants;
    }
    c->challenge_next_ms = next;
    return (int)(next - mono_ms);
}
