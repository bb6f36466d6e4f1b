/* Agreements: taken from signed documents, recorded durably, then in force; ended or suspended by an operator at once,
 * opened again by people's signatures only. What the record holds is replayed here. */
#include <stdio.h>

#include "node/peers.h"
#include "platform/reduce.h"

enum { AGREEMENT_BYTES = 4 << 20 };

/* ---- rights ---- */

static void add_row(struct arena *a, struct doc *list, const struct peer_live *p, const struct flow *f)
{
    char text[160];
    struct doc *row = doc_map(a);
    snprintf(text, sizeof text, "%s-%s", p->a.id, f->id);
    doc_set_text(a, row, "id", text);
    snprintf(text, sizeof text, "peer-%s", p->a.id);
    doc_set_text(a, row, "subject", text);
    doc_set_text(a, row, "action", f->direction == FLOW_OUT ? "subscribe" : f->command ? "command" : "publish");
    doc_set_text(a, row, "stream", f->local);
    if (f->direction == FLOW_OUT) doc_set_text(a, row, "upto", f->label);
    snprintf(text, sizeof text, "agreement %s, %.60s", p->a.id, f->purpose);
    doc_set_text(a, row, "why", text);
    doc_add(list, row);
}

outcome agreements_grant(struct core *c)
{
    struct arena arena = ARENA(AGREEMENT_BYTES);
    struct grants_error e = { 0 };
    struct grants *next = NULL, *old = c->peers->grants;
    size_t n = 0, rows = 0;
    struct doc *d = doc_map(&arena), *list = doc_list(&arena);
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) {
        const struct peer_live *p = c->peers->at[i];
        for (size_t k = 0; p && k < p->a.n; k++) {
            if (p->flows[k].state == FLOW_ENDED) continue;
            add_row(&arena, list, p, &p->a.flows[k]);
            rows++;
        }
    }
    doc_set_text(&arena, d, "schema", GRANTS_SCHEMA);
    doc_set_text(&arena, d, "site", c->config.site);
    doc_set(&arena, d, "grants", list);
    outcome o = rows ? grants_read(d, &next, &e, 1, &n) : DONE;
    arena_deinit(&arena);
    if (!ok(o)) return o;
    c->peers->grants = next;
    c->access.agreements = next;
    if (c->exchange) exchange_rejudge(c->exchange);
    grants_free(old);
    return DONE;
}

/* ---- peers ---- */

struct peer_live *peer_find(const struct core *c, const char *id)
{
    for (size_t i = 0; c->peers && i < COURIER_PEERS_MAX; i++)
        if (c->peers->at[i] && strcmp(c->peers->at[i]->a.id, id) == 0) return c->peers->at[i];
    return NULL;
}

void peer_free(struct core *c, size_t index)
{
    struct peer_live *p = c->peers->at[index];
    if (!p) return;
    door_close(p, "agreement");
    buffer_deinit(&p->held);
    for (size_t i = 0; i < p->a.n; i++) {
        if (c->exchange) flow_watch(p, i, false);
        if (c->exchange) flow_unlink(p, i);
        flow_forget(p, i);
    }
    arena_deinit(&p->arena);
    c->peers->at[index] = NULL;
    mem_free(p);
}

outcome peers_need(struct core *c)
{
    if (c->peers) return DONE;
    struct peers *s = mem_new(sizeof *s);
    uint8_t *room = s ? mem_new(RING_RECORD_MAX) : NULL;
    if (!room) {
        mem_free(s);
        return REFUSE(E_MEMORY);
    }
    *s = (struct peers) { .channel = CHANNEL_NONE, .backlog = BUFFER(32u << 20), .room = room };
    c->peers = s;
    return own_key(c, "alias.key", s->alias_key); /* without it nothing is reduced, so nothing leaves */
}

void peers_close(struct core *c)
{
    if (!c->peers) return;
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) peer_free(c, i);
    channel_close(&c->peers->channel);
    buffer_deinit(&c->peers->backlog);
    grants_free(c->peers->grants);
    mem_free(c->peers->room);
    explicit_bzero(c->peers->alias_key, sizeof c->peers->alias_key);
    mem_free(c->peers);
    c->peers = NULL;
}

/* A peer of this agreement takes the place of the one before; its tree lives in arena, which becomes its own. */
static MUST outcome take_place(struct core *c, const struct agreement *a, struct arena arena, int64_t at_ms, const char hash[65])
{
    struct peer_live *old = peer_find(c, a->id), *p = mem_new(sizeof *p);
    size_t index = 0;
    while (!old && index < COURIER_PEERS_MAX && c->peers->at[index]) index++;
    if (old) index = old->index;
    if (!p || index == COURIER_PEERS_MAX) {
        mem_free(p);
        return REFUSE(p ? E_FULL : E_MEMORY);
    }
    *p = (struct peer_live) { .core = c, .index = index, .a = *a, .arena = arena, .at_ms = at_ms, .held = BUFFER(STATEMENT_BYTES_MAX) };
    if (a->speaks && !ok(agreement_terms(a, p->terms))) p->terms[0] = '-'; /* equal to nobody's */
    snprintf(p->hash, sizeof p->hash, "%s", hash);
    p->vouched = a->vouched;
    peer_stand_as(p, old);
    for (size_t i = 0; old && i < a->n; i++)
        for (size_t k = 0; k < old->a.n; k++)
            if (strcmp(a->flows[i].id, old->a.flows[k].id) == 0) p->flows[i].memory = old->flows[k].memory; /* no replay passes by it */
    uint32_t generation = old ? old->flows[0].generation + 64 : 0;
    bool asked = old && old->asked;
    peer_free(c, index);
    c->peers->at[index] = p;
    for (size_t i = 0; i < a->n; i++) {
        p->flows[i].generation = generation;
        p->flows[i].state = FLOW_AGREED;
        p->flows[i].proven = stages_self_test(&a->flows[i], a->flows[i].offered);
        if (c->exchange) flow_watch(p, i, true);
    }
    if (asked) snprintf(p->down_why, sizeof p->down_why, "reopening"); /* the courier is told anew: its session begins again */
    links_peers(c);
    return agreements_grant(c);
}

outcome peers_ca(const struct core *c, struct buffer *ret)
{
    for (size_t i = 0; c->peers && i < COURIER_PEERS_MAX; i++) {
        const struct peer_live *p = c->peers->at[i];
        if (!p || !p->a.inbound || !peer_wanted(p)) continue;
        TRY(buffer_put(ret, bytes_str(p->a.client_ca)));
        TRY(buffer_put(ret, BYTES_LIT("\n")));
    }
    return DONE;
}

/* ---- taking one ---- */

static MUST outcome read_agreement(const struct core *c, const struct doc *payload, struct agreement *ret, char why[ASSURANCE_WHY])
{
    struct agreement_error e = { 0 };
    size_t n = 0;
    outcome o = agreement_read(payload, ret, &e, 1, &n);
    if (o.code == E_CONFIG) snprintf(why, ASSURANCE_WHY, "agreement-wrong: %.170s", e.text);
    if (!ok(o)) return o;
    if (strcmp(ret->site, c->config.site) == 0) return DONE;
    snprintf(why, ASSURANCE_WHY, "other-site: %.60s", ret->site);
    return REFUSE(E_DENIED);
}

/* What a stream is labelled may not be above what the flow says leaves. */
static MUST outcome labels_good(const struct core *c, const struct agreement *a, char why[ASSURANCE_WHY])
{
    for (size_t i = 0; i < a->n; i++) {
        const struct flow *f = &a->flows[i];
        const struct stream *s = registry_stream(c->registry, bytes_str(f->local));
        struct stream as = { 0 };
        snprintf(as.label, sizeof as.label, "%s", f->label);
        bool leaves = label_of(s) <= label_of(&as) || reduce_choose(s, label_of(&as));
        if (f->direction != FLOW_OUT || leaves) continue;
        snprintf(why, ASSURANCE_WHY, "label: flow %s lets %s leave, its stream is %s", f->id, f->label, label_word(label_of(s)));
        return REFUSE(E_DENIED);
    }
    return DONE;
}

static MUST outcome may_replace(const struct core *c, const struct agreement *a, int64_t at_ms, char why[ASSURANCE_WHY])
{
    const struct peer_live *old = peer_find(c, a->id);
    int64_t now = port_wall_ms();
    const char *cause = now >= a->until_ms ? "expired: until" : old && at_ms <= old->at_ms ? "replayed: at" : NULL;
    if (!cause && old && old->tightened_ms && now < old->tightened_ms + (int64_t)a->dwell_s * 1000)
        cause = "dwell: tightened too short a while ago";
    if (!cause) return DONE;
    snprintf(why, ASSURANCE_WHY, "%s", cause);
    return REFUSE(cause[0] == 'e' ? E_EXPIRED : E_CONFLICT);
}

static MUST outcome need_identity(struct core *c, const struct agreement *a, struct arena *arena, char why[ASSURANCE_WHY])
{
    struct identity i = { .role = ROLE_PEER, .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED };
    snprintf(i.id, sizeof i.id, "peer-%s", a->id);
    const struct identity *now = registry_identity(c->registry, i.id);
    if (now && now->role == ROLE_PEER) return DONE;
    if (!now) return core_write(c, ENTRY_IDENTITY, registry_doc_identity(arena, &i), true);
    snprintf(why, ASSURANCE_WHY, "name-taken: %s is a device or a person here", i.id);
    return REFUSE(E_CONFLICT);
}

static MUST outcome hash_of(const struct doc *payload, char ret_hex[65])
{
    struct buffer b = BUFFER(AGREEMENT_BYTES);
    struct hash h;
    outcome o = doc_write_json(payload, &b);
    if (ok(o)) hash_sha256(buffer_view(&b), &h);
    if (ok(o)) hex_of(hash_view(&h), ret_hex);
    buffer_deinit(&b);
    return o;
}

/* Written durably before it opens anything. */
static MUST outcome take_agreement(struct core *c, struct bytes json, struct arena *arena, char why[ASSURANCE_WHY])
{
    static struct agreement a;
    struct assurance_signed d;
    char hash[65];
    TRY(assurance_verify(c->assurance, "agreement", json, port_wall_ms(), arena, &d, why));
    TRY(read_agreement(c, d.payload, &a, why));
    TRY(peers_need(c));
    TRY(labels_good(c, &a, why));
    TRY(may_replace(c, &a, d.at_ms, why));
    TRY(hash_of(d.payload, hash));
    TRY(need_identity(c, &a, arena, why));
    TRY(core_write(c, ENTRY_AGREEMENT, d.envelope, true));
    return take_place(c, &a, *arena, d.at_ms, hash);
}

outcome core_agreement(void *ctx, struct bytes json, const char *by, char why[ASSURANCE_WHY])
{
    struct arena arena = ARENA(AGREEMENT_BYTES);
    struct core *c = ctx;
    outcome o = take_agreement(c, json, &arena, why);
    if (!ok(o)) arena_deinit(&arena);
    else core_audit(c, "agreement-applied", "by", by, NULL);
    return o;
}

/* ---- replay ---- */

outcome core_agreement_replay(struct core *c, struct bytes json, int64_t at_ms)
{
    static struct agreement a;
    struct arena arena = ARENA(AGREEMENT_BYTES);
    struct assurance_signed d;
    char why[ASSURANCE_WHY], hash[65];
    outcome o = assurance_verify(c->assurance, "agreement", json, at_ms, &arena, &d, why);
    if (ok(o)) o = read_agreement(c, d.payload, &a, why);
    if (ok(o)) o = peers_need(c);
    if (ok(o)) o = hash_of(d.payload, hash);
    if (ok(o)) o = take_place(c, &a, arena, d.at_ms, hash);
    if (!ok(o)) arena_deinit(&arena);
    return o;
}

static size_t flow_named(const struct peer_live *p, const char *id)
{
    size_t i = 0;
    while (i < p->a.n && strcmp(p->a.flows[i].id, id) != 0) i++;
    return i;
}

/* What was tightened, suspended or ended stays so over a restart. */
void core_flow_replay(struct core *c, const struct doc *d, int64_t at_ms)
{
    struct peer_live *p = peer_find(c, doc_text(d, "peer", ""));
    if (!p || strcmp(p->hash, doc_text(d, "agreement", "")) != 0) return;
    size_t i = flow_named(p, doc_text(d, "flow", ""));
    if (i == p->a.n) return;
    struct flow_live *f = &p->flows[i];
    const char *state = doc_text(d, "state", ""), *verdict = doc_text(d, "verdict", "");
    if (strcmp(state, "suspended") == 0) f->state = FLOW_SUSPENDED;
    if (strcmp(state, "ended") == 0) f->state = FLOW_ENDED;
    snprintf(f->why, sizeof f->why, "%s", doc_text(d, "why", ""));
    flow_changed(f, d, at_ms);
    p->sights |= (unsigned)doc_int(d, "sights", 0) & ((1u << SIGHT_COUNT) - 1);
    if (p->sights) p->tightened_ms = at_ms;
    if (!verdict[0]) return;
    f->judged = true;
    f->j.stages = (unsigned)doc_int(d, "stages", 0) & ((1u << STAGE_COUNT) - 1);
    f->j.fallback = doc_bool(d, "fallback", false);
    f->j.verdict = strcmp(verdict, "allow") == 0 ? FLOW_ALLOW : strcmp(verdict, "limit") == 0 ? FLOW_LIMIT : FLOW_DENY;
    f->j.since_ms = at_ms;
}

/* After replay: rights as they stand, and ears on our own sensors. */
outcome peers_start(struct core *c)
{
    if (!c->peers) return DONE;
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++)
        for (size_t k = 0; c->peers->at[i] && k < c->peers->at[i]->a.n; k++) flow_watch(c->peers->at[i], k, true);
    return agreements_grant(c);
}

/* ---- an operator's order ---- */

outcome core_peer_change(void *ctx, const char *id, const char *verb, const char *reason, const char *by)
{
    struct core *c = ctx;
    struct peer_live *p = peer_find(c, id);
    char why[96];
    enum flow_event e = strcmp(verb, "end") == 0 ? FLOW_END : FLOW_SUSPEND;
    if (!p || (e == FLOW_SUSPEND && strcmp(verb, "suspend") != 0)) return REFUSE(E_UNKNOWN);
    snprintf(why, sizeof why, "%.30s: %.60s", by, reason);
    size_t changed = 0;
    for (size_t i = 0; i < p->a.n; i++) {
        enum flow_state before = p->flows[i].state;
        flow_to(p, i, e, why, true);
        changed += p->flows[i].state != before;
    }
    if (!changed) return REFUSE(E_CONFLICT);
    core_audit(c, "peer-changed", "peer", id, "verb", verb, "by", by, "reason", reason, NULL);
    TRY(agreements_grant(c));
    return ledger_sync(c->ledger); /* in force since above; answered once a power cut cannot undo it */
}
