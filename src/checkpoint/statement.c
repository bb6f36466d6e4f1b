#include "checkpoint/statement.h"

#include <stdio.h>

#include "base/time.h"
#include "crypto/sign.h"
#include "wire/dsse.h"

enum { AHEAD_MS = 5 * 60 * 1000 };

static const struct { const char *word, *ja; } results[] = {
#define X(name, word, ja) [name] = { word, ja },
    STATEMENT_RESULTS(X)
#undef X
};

const char *statement_word(enum statement_result r)
{
    return results[r].word;
}

const char *statement_word_ja(enum statement_result r)
{
    return results[r].ja;
}

/* By the agreed key, over these bytes. Signatures of others beside it do no harm. */
static enum statement_result signature_of(const struct dsse *d, const char *pem)
{
    struct key *key = NULL;
    struct hash id;
    char text[65];
    struct buffer pae = BUFFER(STATEMENT_BYTES_MAX + 256);
    enum statement_result r = STATEMENT_UNSIGNED;
    outcome o = key_read_public_pem(bytes_str(pem), &key);
    if (ok(o)) o = key_id(key, &id);
    if (ok(o)) hex_of(hash_view(&id), text);
    if (ok(o)) o = dsse_pae(d->type, d->payload, &pae);
    for (size_t i = 0; ok(o) && i < d->n; i++) {
        if (strcmp(d->signatures[i].key_id, text) != 0) continue;
        r = ok(key_verify(key, buffer_view(&pae), d->signatures[i].signature)) ? STATEMENT_VALID : STATEMENT_TAMPERED;
    }
    key_free(key);
    buffer_deinit(&pae);
    return r;
}

static bool levels(const struct doc *d, uint8_t to[REQUIREMENTS])
{
    static const char *const words[REQUIREMENTS] = { "iac", "uc", "si", "dc", "rdf", "tre", "ra" };
    const struct doc *map = doc_get(d, "levels");
    for (size_t i = 0; i < REQUIREMENTS; i++) {
        int64_t v = doc_int(map, words[i], 0);
        if (v < 0 || v > 4) return false;
        to[i] = (uint8_t)v;
    }
    return map && map->kind == DOC_MAP;
}

static bool head_of(const struct doc *d, struct stated_head *to)
{
    if (!d) return true;
    int64_t size = doc_int(d, "size", -1);
    to->size = (uint64_t)size;
    return size >= 0 && ok(hex_to(bytes_str(doc_text(d, "root", "")), to->root, sizeof to->root));
}

/* What only a daemon's own statement has. */
static bool heads(const struct doc *d, struct statement *s)
{
    const char *terms = doc_text(d, "terms", "");
    if (strlen(terms) >= sizeof s->terms) return false;
    snprintf(s->terms, sizeof s->terms, "%s", terms);
    snprintf(s->verdict, sizeof s->verdict, "%.15s", doc_text(d, "verdict", ""));
    return head_of(doc_get(d, "head"), &s->head) && head_of(doc_get(d, "seen"), &s->seen);
}

static bool body(const struct doc *d, struct statement *s)
{
    int64_t claimed = doc_int(d, "claimed", -1);
    bool times = ok(time_parse(bytes_str(doc_text(d, "at", "")), &s->at_ms)) && ok(time_parse(bytes_str(doc_text(d, "until", "")), &s->until_ms));
    s->within = strcmp(doc_text(d, "verdict", ""), "within") == 0;
    s->claim_ppb = claimed * 1000000;
    return times && claimed >= 0 && claimed <= 1000000 && s->until_ms > s->at_ms && strcmp(doc_text(d, "type", ""), "statement") == 0 && levels(d, s->sl) && heads(d, s);
}

static enum statement_result judged(const struct doc *d, const struct agreement *a, int64_t last_at_ms, int64_t now_ms, struct statement *s)
{
    if (!body(d, s)) return STATEMENT_MALFORMED;
    if (strcmp(doc_text(d, "site", ""), a->statement_site) != 0 || strcmp(doc_text(d, "to", ""), a->site) != 0) return STATEMENT_OTHER_SITE;
    if (strcmp(doc_text(d, "policy", ""), STATEMENT_POLICY) != 0) return STATEMENT_OTHER_POLICY;
    if (s->at_ms > now_ms + AHEAD_MS) return STATEMENT_FUTURE;
    if (s->until_ms - s->at_ms > STATEMENT_DAYS_MAX * MS_DAY) return STATEMENT_TOO_LONG;
    if (s->until_ms <= now_ms) return STATEMENT_EXPIRED;
    return s->at_ms <= last_at_ms ? STATEMENT_REPLAYED : STATEMENT_VALID;
}

enum statement_result statement_read(struct bytes json, const struct agreement *a, int64_t last_at_ms, int64_t now_ms, struct statement *ret)
{
    struct arena arena = ARENA(1 << 20);
    struct dsse envelope;
    struct statement s = { 0 };
    struct doc *d = NULL;
    enum statement_result r = STATEMENT_MALFORMED;
    bool good = json.n <= STATEMENT_BYTES_MAX && ok(dsse_read(json, &arena, &envelope)) && strcmp(envelope.type, STATEMENT_TYPE) == 0;
    if (good) r = a->statement_key[0] ? signature_of(&envelope, a->statement_key) : STATEMENT_UNSIGNED;
    if (r == STATEMENT_VALID) r = ok(doc_read_json(envelope.payload, &arena, &d)) ? judged(d, a, last_at_ms, now_ms, &s) : STATEMENT_MALFORMED;
    arena_deinit(&arena);
    if (r == STATEMENT_VALID) *ret = s;
    return r;
}

void statement_stand(struct agreement *a, enum risk_claim signed_vouched, const struct statement *s)
{
    if (!a->statement_key[0]) return;
    bool good = s && s->within;
    a->vouched = good ? signed_vouched : RISK_CLAIM_NONE;
    if (s) a->claim_ppb = s->claim_ppb;
    for (size_t i = 0; i < REQUIREMENTS; i++) a->sl[i] = good ? s->sl[i] : 0;
}

bool statement_worse(const struct statement *s, const struct statement *before)
{
    bool worse = s->claim_ppb > before->claim_ppb || (before->within && !s->within);
    for (size_t i = 0; i < REQUIREMENTS; i++) worse |= s->sl[i] < before->sl[i];
    return worse;
}

outcome statement_key_code(const char *pem, char ret[25])
{
    struct key *key = NULL;
    struct hash id;
    TRY(key_read_public_pem(bytes_str(pem), &key));
    outcome o = key_id(key, &id);
    key_free(key);
    TRY(o);
    struct out w = out_of(ret, 25);
    for (size_t i = 0; i < 10; i += 2) put_fmt(&w, "%s%02x%02x", i ? "-" : "", id.at[i], id.at[i + 1]);
    ret[w.n] = 0;
    return DONE;
}
