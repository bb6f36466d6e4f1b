/* A policy of grants in force: taken from a signed document, recorded durably, then swapped in one step; replayed at
 * start. Platform reads it, assurance knows who may sign it: only here do both meet. */
#include "node/core.h"

#include <stdio.h>

enum { POLICY_BYTES = 64 << 20 };

static MUST outcome read_policy(const struct doc *payload, struct grants **ret, char why[ASSURANCE_WHY])
{
    struct grants_error error = { 0 };
    size_t n = 0;
    outcome o = grants_read(payload, ret, &error, 1, &n);
    if (o.code == E_CONFIG) snprintf(why, ASSURANCE_WHY, "grants-wrong: %.170s", error.text);
    return o;
}

static void swap(struct core *c, struct grants *next, const char *hash, int64_t at_ms)
{
    struct grants *old = c->grants;
    c->grants = next;
    c->access.grants = next;
    c->grants_at_ms = at_ms;
    snprintf(c->grants_hash, sizeof c->grants_hash, "%s", hash);
    if (c->exchange) exchange_rejudge(c->exchange);
    grants_free(old);
}

outcome core_grants_default(struct core *c)
{
    struct arena arena = ARENA(1 << 20);
    char why[ASSURANCE_WHY];
    if (c->grants) return DONE;
    outcome o = read_policy(grants_doc(NULL, c->config.site, &arena), &c->grants, why);
    arena_deinit(&arena);
    if (ok(o)) c->access.grants = c->grants;
    return o;
}

static MUST outcome hash_of(const struct doc *payload, char ret_hex[65])
{
    struct buffer b = BUFFER(POLICY_BYTES);
    struct hash h;
    outcome o = doc_write_json(payload, &b);
    if (ok(o)) {
        hash_sha256(buffer_view(&b), &h);
        hex_of(hash_view(&h), ret_hex);
    }
    buffer_deinit(&b);
    return o;
}

static MUST outcome take_policy(struct core *c, struct bytes json, const char *by, struct arena *arena, char why[ASSURANCE_WHY])
{
    struct assurance_signed d;
    struct grants *next;
    char hash[65], before[65];
    TRY(assurance_verify(c->assurance, "grants", json, core_wall(c), arena, &d, why));
    if (d.at_ms <= c->grants_at_ms) {
        snprintf(why, ASSURANCE_WHY, "replayed: at");
        return REFUSE(E_CONFLICT);
    }
    TRY(hash_of(d.payload, hash));
    TRY(read_policy(d.payload, &next, why));
    outcome o = core_write(c, ENTRY_GRANTS, d.envelope, true);
    if (!ok(o)) {
        grants_free(next);
        return o;
    }
    snprintf(before, sizeof before, "%s", c->grants_hash);
    swap(c, next, hash, d.at_ms);
    core_audit(c, "grants-applied", "by", by, "before", before, "after", hash, NULL);
    return DONE;
}

outcome core_grants(void *ctx, struct bytes json, const char *by, char why[ASSURANCE_WHY])
{
    struct arena arena = ARENA(POLICY_BYTES);
    outcome o = take_policy(ctx, json, by, &arena, why);
    arena_deinit(&arena);
    return o;
}

/* What was in force and does not verify or read any more refuses the start: better none than another policy. */
outcome core_grants_replay(struct core *c, struct bytes json, int64_t at_ms)
{
    struct arena arena = ARENA(POLICY_BYTES);
    struct assurance_signed d;
    struct grants *next;
    char why[ASSURANCE_WHY], hash[65];
    outcome o = assurance_verify(c->assurance, "grants", json, at_ms, &arena, &d, why);
    if (ok(o)) o = hash_of(d.payload, hash);
    if (ok(o)) o = read_policy(d.payload, &next, why);
    if (ok(o)) swap(c, next, hash, d.at_ms);
    arena_deinit(&arena);
    return o;
}
