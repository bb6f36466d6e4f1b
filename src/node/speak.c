/* Our own signed statements to peers that run Sekimori, by themselves: at once when how we stand changes, else twice a
 * minute; and what comes of theirs. Every statement carries the newest head of its record with a proof that it leads on
 * from the one shown before, and names the head of the other's record it last saw proved: each cosigns the other's. A
 * record that was set back, or rewritten and signed anew, no longer leads on from what the other holds. */
#include <stdio.h>

#include "crypto/seal_keys.h"
#include "ledger/tree.h"
#include "node/peers.h"
#include "wire/dsse.h"

enum { LOOK_EVERY_MS = 100, SPEAK_EVERY_MS = 30000, SPEAK_AGAIN_MS = 500, UNPROVED_MS = 60000, VALID_MS = 24 * MS_HOUR, PROOF_MAX = 64,
    SPOKEN_MAX = 32768, NO_FLOW = 0xffff };

/* ---- how we stand ---- */

/* "limited" while a condition of a mission does not hold: its figures may be within tolerance all the same. */
static const char *verdict_now(struct core *c)
{
    static const char *const words[] = { "within", "near", "over", "unknown" };
    const char *verdict = "unknown";
    struct arena arena = ARENA(8u << 20);
    const struct doc *d = assurance_status(c->assurance, &arena, core_wall(c)), *limits = d ? doc_get(d, "limits") : NULL;
    for (size_t i = 0; d && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], doc_text(d, "state", "")) == 0) verdict = words[i];
    for (const struct doc *l = limits ? limits->first : NULL; l; l = l->next)
        if (strcmp(doc_text(l, "state", ""), "broken") == 0 && verdict == words[0]) verdict = "limited";
    arena_deinit(&arena);
    return verdict;
}

static MUST outcome own_key_id(const struct core *c, char ret[65])
{
    struct key *key = NULL;
    struct hash id;
    TRY(key_read_ed25519_raw(bytes_of(c->ledger_key, sizeof c->ledger_key), &key));
    outcome o = key_id(key, &id);
    key_free(key);
    if (ok(o)) hex_of(hash_view(&id), ret);
    return o;
}

static MUST outcome statement_sign(struct peer_live *p, struct buffer *payload, uint8_t signature[64])
{
    char terms[65];
    struct seal_statement s = { .to = bytes_str(p->a.statement_site), .verdict = bytes_str(p->core->peers->verdict), .at_ms = core_wall(p->core),
        .claimed = (uint32_t)p->a.our_claim, .seen_size = p->kept.size };
    s.until_ms = s.at_ms + VALID_MS < p->a.until_ms ? s.at_ms + VALID_MS : p->a.until_ms;
    bool good = strcmp(p->core->peers->verdict, "within") == 0;
    for (size_t i = 0; good && i < REQUIREMENTS; i++) s.levels[i] = p->a.our_sl[i];
    memcpy(s.seen_root, p->kept.root, sizeof s.seen_root);
    TRY(agreement_terms(&p->a, terms));
    TRY(hex_to(bytes_str(terms), s.terms, sizeof s.terms));
    return seal_statement(p->core, &s, payload, signature);
}

/* ---- proof that our head leads on from what they saw ---- */

static MUST outcome prove(struct core *c, uint64_t from, uint64_t size, struct arena *a, struct doc *message)
{
    struct hash path[PROOF_MAX];
    char text[65];
    size_t n = 0;
    struct doc *list = doc_list(a);
    if (from && from < size) TRY(ledger_prove_consistency(c->ledger, from, size, path, PROOF_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        hex_of(hash_view(&path[i]), text);
        doc_add(list, doc_text_new(a, text));
    }
    doc_set_int(a, message, "old", (int64_t)from);
    doc_set(a, message, "path", list);
    return DONE;
}

static MUST outcome envelope_of(const struct core *c, struct bytes payload, const uint8_t signature[64], struct arena *a, struct doc **ret)
{
    char id[65];
    struct buffer b = BUFFER(SPOKEN_MAX);
    struct dsse d = { .type = STATEMENT_TYPE, .payload = payload, .n = 1 };
    TRY(own_key_id(c, id));
    d.signatures[0].key_id = id;
    d.signatures[0].signature = bytes_of(signature, 64);
    outcome o = dsse_write(&d, &b);
    if (ok(o)) o = doc_read_json(buffer_view(&b), a, ret);
    buffer_deinit(&b);
    return o;
}

static void carry(struct peer_live *p, struct bytes message)
{
    static uint8_t room[SPOKEN_MAX + 1024];
    struct out o = out_of(room, sizeof room);
    struct courier_message m = { .ticket = (uint32_t)NO_FLOW << 16, .topic = BYTES_LIT(PEER_STATEMENT_TOPIC), .payload = message };
    if (p->a.inbound) {
        door_say(p, m.topic, message);
        return;
    }
    courier_put_message(&o, COURIER_SEND, (uint32_t)p->index, &m);
    if (ok(out_done(&o))) courier_tell(p->core, out_view(&o));
}

static MUST outcome speak(struct peer_live *p, struct arena *a, struct buffer *payload, struct buffer *message)
{
    uint8_t signature[64];
    struct doc *said, *envelope, *held, *d = doc_map(a);
    TRY(statement_sign(p, payload, signature));
    TRY(doc_read_json(buffer_view(payload), a, &said));
    uint64_t size = (uint64_t)doc_int(doc_get(said, "head"), "size", 0);
    TRY(prove(p->core, p->shown ? p->shown : p->theirs, size, a, d));
    TRY(envelope_of(p->core, buffer_view(payload), signature, a, &envelope));
    doc_set(a, d, "statement", envelope);
    if (p->held.n) {
        TRY(doc_read_json(buffer_view(&p->held), a, &held));
        doc_set(a, d, "held", held);
    }
    TRY(doc_write_json(d, message));
    p->shown = size;
    carry(p, buffer_view(message));
    return DONE;
}

static bool due(const struct peer_live *p, int64_t mono_ms)
{
    if (!p->up || !p->a.speaks || (p->spoke_ms && mono_ms - p->spoke_ms < LOOK_EVERY_MS)) return false;
    if (p->answer_due && mono_ms - p->spoke_ms >= SPEAK_AGAIN_MS) return true;
    return !p->spoke_ms || mono_ms - p->spoke_ms >= SPEAK_EVERY_MS || strcmp(p->spoke, p->core->peers->verdict) != 0;
}

void peers_speak(struct core *c, int64_t mono_ms)
{
    struct peers *s = c->peers;
    bool any = false;
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) any |= s->at[i] && s->at[i]->a.speaks && s->at[i]->up;
    if (!any || mono_ms < s->look_ms) return;
    s->look_ms = mono_ms + LOOK_EVERY_MS;
    s->verdict = verdict_now(c);
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) {
        struct peer_live *p = s->at[i];
        struct arena arena = ARENA(1 << 20);
        struct buffer payload = BUFFER(SPOKEN_MAX), message = BUFFER(SPOKEN_MAX);
        if (!p || !due(p, mono_ms)) continue;
        outcome o = speak(p, &arena, &payload, &message);
        p->spoke_ms = mono_ms; /* a seal that is away is asked again in a while */
        p->answer_due = false;
        if (ok(o)) snprintf(p->spoke, sizeof p->spoke, "%s", s->verdict);
        buffer_deinit(&payload);
        buffer_deinit(&message);
        arena_deinit(&arena);
    }
}

/* ---- what they show of the two records ---- */

static void rewritten(struct peer_live *p, const struct statement *s, const char *why)
{
    char kept[24], shown[24];
    snprintf(kept, sizeof kept, "%llu", (unsigned long long)p->kept.size);
    snprintf(shown, sizeof shown, "%llu", (unsigned long long)s->head.size);
    if (!(p->sights >> SIGHT_HISTORY & 1))
        core_audit(p->core, "peer-record-rewritten", "peer", p->a.id, "why", why, "kept_size", kept, "shown_size", shown, NULL);
    peer_saw(p, SIGHT_HISTORY);
}

/* The newest statement of ours that they hold: only our own key's word can tell us that our record was set back. */
static void held_back(struct peer_live *p, const struct doc *held)
{
    struct arena arena = ARENA(1 << 20);
    struct buffer json = BUFFER(STATEMENT_BYTES_MAX), pae = BUFFER(STATEMENT_BYTES_MAX);
    struct key *key = NULL;
    struct dsse d;
    struct doc *said = NULL;
    struct hash root;
    outcome o = held ? doc_write_json(held, &json) : REFUSE(E_MISSING);
    if (ok(o)) o = dsse_read(buffer_view(&json), &arena, &d);
    if (ok(o)) o = dsse_pae(d.type, d.payload, &pae);
    if (ok(o)) o = key_read_ed25519_raw(bytes_of(p->core->ledger_key, sizeof p->core->ledger_key), &key);
    if (ok(o)) o = d.n == 1 && strcmp(d.type, STATEMENT_TYPE) == 0 ? key_verify(key, buffer_view(&pae), d.signatures[0].signature) : REFUSE(E_MALFORMED);
    if (ok(o)) o = doc_read_json(d.payload, &arena, &said);
    if (ok(o)) o = hex_to(bytes_str(doc_text(doc_get(said, "head"), "root", "")), root.at, sizeof root.at);
    if (ok(o)) witness_shown(p->core, p->a.id, (uint64_t)doc_int(doc_get(said, "head"), "size", 0), &root);
    key_free(key);
    buffer_deinit(&json);
    buffer_deinit(&pae);
    arena_deinit(&arena);
}

static bool leads_on(const struct peer_live *p, const struct statement *s, const struct doc *path)
{
    struct hash at[PROOF_MAX];
    struct tree_head old = { .size = p->kept.size }, head = { .size = s->head.size };
    size_t n = 0;
    memcpy(old.root.at, p->kept.root, sizeof p->kept.root);
    memcpy(head.root.at, s->head.root, sizeof s->head.root);
    for (const struct doc *m = path && path->kind == DOC_LIST ? path->first : NULL; m; m = m->next)
        if (n == PROOF_MAX || m->kind != DOC_TEXT || !ok(hex_to(bytes_str(m->text), at[n++].at, sizeof at[0].at))) return false;
    return ok(tree_check_consistency(&old, &head, at, n));
}

bool peer_heads(struct peer_live *p, const struct statement *s, const struct doc *message)
{
    int64_t now = port_mono_ms(), from = doc_int(message, "old", -1);
    const struct stated_head *h = &s->head;
    if (s->seen.size) {
        p->answer_due |= s->seen.size != p->shown;
        if (s->seen.size != p->shown) p->shown = 0;
        p->theirs = s->seen.size;
    }
    held_back(p, doc_get(message, "held"));
    if (!h->size) return false;
    if (h->size < p->kept.size) return rewritten(p, s, "earlier"), false;
    if (h->size == p->kept.size) return memcmp(h->root, p->kept.root, 32) == 0 ? true : (rewritten(p, s, "other-root"), false);
    bool proved = !p->kept.size || ((uint64_t)from == p->kept.size && leads_on(p, s, doc_get(message, "path")));
    if (proved) {
        p->kept = *h;
        p->unproved_ms = 0;
        return true;
    }
    if ((uint64_t)from == p->kept.size) return rewritten(p, s, "does-not-lead-on"), false;
    if (!p->unproved_ms) p->unproved_ms = now;
    if (now - p->unproved_ms > UNPROVED_MS) rewritten(p, s, "never-proved");
    p->answer_due = true; /* with what we hold, so that they prove from there */
    return false;
}
