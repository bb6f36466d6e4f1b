/* Reading: each view renders what a room says, adding no judgement. */
#include <stdio.h>

#include "assurance/compliance.h"
#include "ledger/proof.h"
#include "service/internal.h"

enum { LIST_MAX = 20000, ENTRIES_A_PAGE = 100 };

static int64_t now(struct service *s)
{
    return s->port.wall_ms(s->port.ctx);
}

static struct doc *held_doc(struct arena *a, const struct held *h)
{
    char hash[65];
    struct doc *d = doc_map(a);
    hex_of(bytes_of(h->payload_hash, sizeof h->payload_hash), hash);
    doc_set_text(a, d, "id", h->id);
    doc_set_text(a, d, "from", h->from);
    doc_set_text(a, d, "person", h->person);
    doc_set_text(a, d, "to", h->to);
    doc_set_text(a, d, "topic", h->topic);
    doc_set_text(a, d, "limit", h->limit);
    doc_set_text(a, d, "decision", h->decision);
    doc_set_text(a, d, "why", h->why);
    doc_set_text(a, d, "payload_sha256", hash);
    doc_set_time(a, d, "since", h->since_ms);
    doc_set_time(a, d, "until", h->until_ms);
    return d;
}

static struct doc *held_list(struct service *s, struct arena *a)
{
    const struct held *rows[1024];
    struct doc *list = doc_list(a);
    size_t n = exchange_held(s->port.exchange, rows, 1024);
    for (size_t i = 0; i < n; i++) doc_add(list, held_doc(a, rows[i]));
    return list;
}

outcome get_held(struct service *s, struct request *q)
{
    return answer_doc(q, held_list(s, &q->arena));
}

static struct doc *traffic(struct service *s, struct arena *a)
{
    struct exchange_counts c;
    struct doc *d = doc_map(a);
    exchange_count(s->port.exchange, &c);
    const struct { const char *name; uint64_t v; } rows[] = { { "links", c.links }, { "subscriptions", c.subscriptions },
        { "retained", c.retained }, { "received", c.received }, { "delivered", c.delivered }, { "denied", c.denied },
        { "held", c.held }, { "flagged", c.flagged }, { "observed", c.observed }, { "dropped", c.dropped }, { "yielded", c.yielded },
        { "yields_from", c.yields_from }, { "share_each", c.share_each } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) doc_set_int(a, d, rows[i].name, (int64_t)rows[i].v);
    return d;
}

static struct doc *record_doc(struct service *s, struct arena *a)
{
    uint64_t size;
    struct hash root;
    uint8_t key[32];
    char text[65];
    struct doc *d = doc_map(a);
    outcome health = ledger_health(s->port.ledger);
    ledger_root(s->port.ledger, &size, &root);
    hex_of(hash_view(&root), text);
    doc_set_int(a, d, "size", (int64_t)size);
    doc_set_text(a, d, "root", text);
    ledger_key(s->port.ledger, key);
    hex_of(bytes_of(key, sizeof key), text);
    doc_set_text(a, d, "key", text);
    doc_set_text(a, d, "health", code_word(health.code));
    struct bytes head = ledger_head(s->port.ledger);
    doc_set_text(a, d, "head", head.n ? arena_text(a, head) : "");
    return d;
}

outcome get_status(struct service *s, struct request *q)
{
    struct arena *a = &q->arena;
    struct doc *d = assurance_status(s->port.assurance, a, now(s));
    if (!d) return REFUSE(E_MEMORY);
    doc_set_text(a, d, "site", s->port.site);
    doc_set_text(a, d, "title_ja", s->port.site_name_ja);
    doc_set_text(a, d, "title_en", s->port.site_name_en);
    doc_set_time(a, d, "now", now(s));
    doc_set(a, d, "held", held_list(s, a));
    emergency_status(s, a, d);
    improve_status(s, a, d);
    incident_status(s, a, d);
    doc_set(a, d, "traffic", traffic(s, a));
    doc_set(a, d, "ledger", record_doc(s, a));
    return answer_doc(q, d);
}

static struct doc *identity_doc(struct service *s, struct arena *a, const struct identity *who)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", who->id);
    doc_set_text(a, d, "role", role_word(who->role));
    doc_set_text(a, d, "group", who->group);
    doc_set_text(a, d, "model", who->model);
    if (role_personal(who->role)) doc_set_text(a, d, "person", who->person);
    doc_set_text(a, d, "life", life_word(who->life));
    doc_set_text(a, d, "life_ja", life_word_ja(who->life));
    doc_set_text(a, d, "trust", trust_word(who->trust));
    doc_set_text(a, d, "trust_ja", trust_word_ja(who->trust));
    doc_set_text(a, d, "why", who->why);
    doc_set_text(a, d, "grade", who->has_ek ? "tpm-endorsed" : who->has_ak ? "tpm-quote" : "key-file");
    doc_set_text(a, d, "maker", who->maker);
    doc_set_time(a, d, "changed", who->changed_ms);
    doc_set_time(a, d, "certificate_until", who->not_after_ms);
    struct bytes json;
    const uint8_t *nonce;
    const char *word = "";
    int64_t at = 0;
    if (!ok(s->port.evidence(s->port.ctx, who->id, &json, &nonce, &word, &at))) word = "", at = 0;
    doc_set_text(a, d, "appraisal", word);
    doc_set_time(a, d, "appraised", at);
    struct origin_count n;
    if (!s->port.origin || !s->port.origin(s->port.ctx, who->id, &n)) return d;
    doc_set_int(a, d, "numbered", (int64_t)n.last);
    doc_set_int(a, d, "missing", (int64_t)n.missing);
    doc_set_int(a, d, "again", (int64_t)n.again);
    doc_set_int(a, d, "named_lost", (int64_t)n.lost);
    return d;
}

outcome get_devices(struct service *s, struct request *q)
{
    const struct identity **rows = arena_new(&q->arena, LIST_MAX * sizeof *rows);
    struct doc *list = doc_list(&q->arena);
    if (!rows) return REFUSE(E_MEMORY);
    size_t n = registry_identities(s->port.registry, rows, LIST_MAX);
    for (size_t i = 0; i < n; i++) doc_add(list, identity_doc(s, &q->arena, rows[i]));
    return answer_doc(q, list);
}

outcome get_device(struct service *s, struct request *q)
{
    const struct identity *who = registry_identity(s->port.registry, q->arg[0]);
    return who ? answer_doc(q, identity_doc(s, &q->arena, who)) : REFUSE(E_UNKNOWN);
}

/* Everything an outside verifier needs: the raw evidence, the nonce asked, the attestation key. */
outcome get_evidence(struct service *s, struct request *q)
{
    const struct identity *who = registry_identity(s->port.registry, q->arg[0]);
    struct bytes json;
    const uint8_t *nonce;
    const char *word;
    int64_t at;
    char nonce_text[65], key_text[4 * 256];
    if (!who) return REFUSE(E_UNKNOWN);
    TRY(s->port.evidence(s->port.ctx, who->id, &json, &nonce, &word, &at));
    struct doc *d = doc_map(&q->arena), *raw;
    TRY(doc_read_json(json, &q->arena, &raw));
    hex_of(bytes_of(nonce, 32), nonce_text);
    base64_of(bytes_of(who->ak_spki, who->ak_spki_n), key_text);
    doc_set_text(&q->arena, d, "id", who->id);
    doc_set_text(&q->arena, d, "nonce", nonce_text);
    doc_set_text(&q->arena, d, "attestation_key_spki", key_text);
    doc_set_text(&q->arena, d, "appraisal", word);
    doc_set_time(&q->arena, d, "at", at);
    doc_set(&q->arena, d, "evidence", raw);
    return answer_doc(q, d);
}

outcome get_readings(struct service *s, struct request *q)
{
    struct doc *list = doc_list(&q->arena);
    struct reader reader = reader_of(q);
    for (size_t i = 0; i < s->n_readings; i++) {
        const struct reading *r = &s->readings[i];
        struct message m = { .from = registry_identity(s->port.registry, r->from), .topic = bytes_str(r->topic), .payload = bytes_str(r->value) }, shown;
        if (!reader_sees(s, &reader, &m, true, &shown)) continue;
        struct doc *d = doc_map(&q->arena);
        const char *value = shown.payload.at == m.payload.at ? r->value : arena_text(&q->arena, shown.payload);
        doc_set_text(&q->arena, d, "topic", r->topic);
        doc_set_text(&q->arena, d, "from", r->from);
        doc_set_text(&q->arena, d, "payload", value ? value : "");
        if (value != r->value) doc_set_bool(&q->arena, d, "reduced", true);
        doc_set_bool(&q->arena, d, "flagged", r->flagged);
        doc_set_time(&q->arena, d, "at", r->at_ms);
        doc_add(list, d);
    }
    return answer_doc(q, list);
}

outcome get_mission(struct service *s, struct request *q)
{
    struct doc *d = assurance_mission(s->port.assurance, &q->arena, q->arg[0], now(s));
    return d ? answer_doc(q, d) : REFUSE(E_UNKNOWN);
}

outcome get_controls(struct service *s, struct request *q)
{
    return answer_doc(q, assurance_controls(s->port.assurance, &q->arena, now(s)));
}

outcome get_compliance(struct service *s, struct request *q)
{
    struct doc *guidelines;
    TRY(compliance_guidelines(&q->arena, &guidelines));
    return answer_doc(q, compliance_doc(guidelines, assurance_controls(s->port.assurance, &q->arena, now(s)), NULL, &q->arena));
}

outcome get_decisions(struct service *s, struct request *q)
{
    return answer_doc(q, assurance_decisions(s->port.assurance, &q->arena, now(s)));
}

outcome get_limits(struct service *s, struct request *q)
{
    return answer_doc(q, assurance_limits(s->port.assurance, &q->arena, now(s)));
}

outcome get_assessments(struct service *s, struct request *q)
{
    return answer_doc(q, assurance_assessments(s->port.assurance, &q->arena));
}

outcome get_charter(struct service *s, struct request *q)
{
    return answer_doc(q, assurance_charter(s->port.assurance, &q->arena));
}

outcome get_model(struct service *s, struct request *q)
{
    return answer_doc(q, assurance_model_doc(s->port.assurance, &q->arena));
}

outcome get_streams(struct service *s, struct request *q)
{
    const struct stream *rows[4096];
    struct doc *list = doc_list(&q->arena);
    size_t n = registry_streams(s->port.registry, rows, 4096);
    for (size_t i = 0; i < n; i++) doc_add(list, registry_doc_stream(&q->arena, rows[i]));
    return answer_doc(q, list);
}

outcome get_invites(struct service *s, struct request *q)
{
    const struct invite **rows = arena_new(&q->arena, LIST_MAX * sizeof *rows);
    struct doc *list = doc_list(&q->arena);
    if (!rows) return REFUSE(E_MEMORY);
    size_t n = registry_invites(s->port.registry, rows, LIST_MAX);
    for (size_t i = 0; i < n; i++) {
        struct doc *d = doc_map(&q->arena);
        doc_set_text(&q->arena, d, "id", rows[i]->id);
        doc_set_text(&q->arena, d, "role", role_word(rows[i]->role));
        doc_set_text(&q->arena, d, "person", rows[i]->person);
        doc_set_bool(&q->arena, d, "used", rows[i]->used);
        doc_set_time(&q->arena, d, "until", rows[i]->until_ms);
        doc_add(list, d);
    }
    return answer_doc(q, list);
}

/* ---- the record ---- */

outcome get_ledger(struct service *s, struct request *q)
{
    return answer_doc(q, record_doc(s, &q->arena));
}

outcome number_of(const char *text, uint64_t *ret)
{
    uint64_t v = 0;
    if (!*text || strlen(text) > 18) return REFUSE(E_MALFORMED);
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (uint64_t)(*text - '0');
    }
    *ret = v;
    return DONE;
}

static struct doc *entry_doc(struct arena *a, const struct ledger_entry *e)
{
    struct doc *d = doc_map(a), *payload = NULL;
    doc_set_int(a, d, "index", (int64_t)e->index);
    doc_set_text(a, d, "kind", ledger_kind_word(e->kind));
    doc_set_time(a, d, "at", e->at_ms);
    doc_set_bool(a, d, "pruned", e->pruned);
    if (e->kind != ENTRY_DATA && ok(doc_read_json(e->payload, a, &payload))) doc_set(a, d, "payload", payload);
    return d;
}

struct entry_page {
    struct arena *arena;
    struct doc *list;
    size_t n;
    const char *kind;
};

static outcome page_entry(void *ctx, const struct ledger_entry *e)
{
    struct entry_page *p = ctx;
    if (*p->kind && strcmp(p->kind, ledger_kind_word(e->kind)) != 0) return DONE;
    doc_add(p->list, entry_doc(p->arena, e));
    return ++p->n < ENTRIES_A_PAGE ? DONE : REFUSE(E_FULL);
}

static bool kind_known(const char *word)
{
    static const enum ledger_kind kinds[] = {
#define X(name, id, word, class, ja) name,
        LEDGER_KINDS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(word, ledger_kind_word(kinds[i])) == 0) return true;
    return false;
}

/* Control entries from ?after on, at most a page; ?kind narrows. */
outcome get_entries(struct service *s, struct request *q)
{
    char after[24] = "0", kind[32] = "";
    uint64_t first;
    struct bytes b = http_query(q->http, "after");
    if (b.n) TRY(http_decode(b, after, sizeof after));
    b = http_query(q->http, "kind");
    if (b.n) TRY(http_decode(b, kind, sizeof kind));
    TRY(number_of(after, &first));
    if (*kind && !kind_known(kind)) return answer_problem(q, 400, "SK-1401", "kind: no such kind of entry", kind);
    struct entry_page p = { &q->arena, doc_list(&q->arena), 0, kind };
    outcome o = ledger_scan(s->port.ledger, first, CLASS_CONTROL, page_entry, &p);
    if (!ok(o) && o.code != E_FULL) return o;
    return answer_doc(q, p.list);
}

/* Inclusion under the newest signed head, ready for sekimori-verify. */
outcome get_proof(struct service *s, struct request *q)
{
    uint64_t index;
    struct buffer b = BUFFER(PROOF_BYTES_MAX);
    TRY(number_of(q->arg[0], &index));
    if (index >= ledger_size(s->port.ledger)) return REFUSE(E_UNKNOWN);
    TRY(s->port.head(s->port.ctx));
    outcome o = proof_make(s->port.ledger, index, &b);
    if (ok(o)) o = answer_text(q, "application/json", buffer_view(&b));
    buffer_deinit(&b);
    return o;
}

/* The whole entry by its index: what `assessment replay` takes to another machine. */
outcome get_assessment(struct service *s, struct request *q)
{
    uint64_t index;
    struct buffer b = BUFFER(8u << 20);
    struct ledger_entry e;
    TRY(number_of(q->arg[0], &index));
    outcome o = ledger_read(s->port.ledger, index, &b, &e);
    struct doc *d = ok(o) ? entry_doc(&q->arena, &e) : NULL;
    buffer_deinit(&b);
    return ok(o) ? answer_doc(q, d) : o;
}
