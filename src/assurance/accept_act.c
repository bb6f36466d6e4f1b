/* Signed documents that act once: declarations, releases, loosenings. See accept.c for what lasts. */
#include "assurance/state.h"

#include <stdio.h>

#define OPEN_BYTES (4u << 20)
#define LOOSEN_SKEW_MS (5 * MS_S) /* between a signer's clock and ours */

/* *ret_at: the time now, then the document's. */
static MUST outcome admit(struct assurance *a, struct bytes json, enum document_type want, struct arena *arena,
    struct document *ret, int64_t *ret_at, char why[DOCUMENT_WHY])
{
    int64_t now_ms = *ret_at;
    TRY(document_open_why(json, arena, ret, why));
    ret->judged_ms = now_ms;
    TRY(document_verify(&a->charter, want, ret, why));
    if (!ok(document_time(ret->payload, "at", ret_at))) return document_refuse(CAUSE_MALFORMED, "at", why);
    return DONE;
}

/* --- declaration --- */

static MUST outcome declaration_read(const struct doc *p, struct fact *f, int64_t *ret_expires)
{
    *f = (struct fact) { .method = FACT_BY_DECLARATION, .authenticated = true };
    TRY(bytes_to_text(bytes_str(doc_text(p, "control", "")), f->control, sizeof f->control));
    TRY(bytes_to_text(bytes_str(doc_text(p, "asset", "")), f->asset, sizeof f->asset));
    TRY(bytes_to_text(bytes_str(doc_text(p, "detail", "")), f->detail, sizeof f->detail));
    const char *word = doc_text(p, "result", "");
    if (strcmp(word, "pass") == 0) f->result = FACT_PASS;
    else if (strcmp(word, "fail") == 0) f->result = FACT_FAIL;
    else return REFUSE(E_MALFORMED);
    TRY(document_time(p, "at", &f->at_ms));
    *ret_expires = 0;
    if (doc_text(p, "expires", "")[0]) TRY(document_time(p, "expires", ret_expires));
    return f->control[0] && f->asset[0] ? DONE : REFUSE(E_MALFORMED);
}

static struct promise *promise_find(const struct assurance *a, const struct fact *f)
{
    for (size_t i = 0; i < a->n_promises; i++)
        if (strcmp(a->promises[i].control, f->control) == 0 && strcmp(a->promises[i].asset, f->asset) == 0)
            return &a->promises[i];
    return NULL;
}

static MUST outcome promise_keep(struct assurance *a, const struct fact *f, int64_t expires_ms)
{
    struct promise *p = promise_find(a, f);
    if (!p && a->n_promises == a->cap_promises) {
        size_t cap = a->cap_promises ? a->cap_promises * 2 : 16;
        struct promise *more = mem_grow(a->promises, cap * sizeof *more);
        if (!more) return REFUSE(E_MEMORY);
        a->promises = more;
        a->cap_promises = cap;
    }
    if (!p) p = &a->promises[a->n_promises++];
    memcpy(p->control, f->control, sizeof p->control);
    memcpy(p->asset, f->asset, sizeof p->asset);
    p->at_ms = f->at_ms;
    p->expires_ms = expires_ms;
    return DONE;
}

outcome declaration_apply(struct assurance *a, const struct document *d, int64_t now_ms)
{
    struct fact f;
    int64_t expires;
    TRY(declaration_read(d->payload, &f, &expires));
    TRY(promise_keep(a, &f, expires));
    fact_take(a, &f, now_ms > f.at_ms ? now_ms : f.at_ms);
    return DONE;
}

void declarations_expire(struct assurance *a, int64_t now_ms)
{
    for (size_t i = 0; i < a->n_promises; i++) {
        struct promise *p = &a->promises[i];
        if (!p->expires_ms || now_ms < p->expires_ms) continue;
        /* An error is "unknown": it ends a pass of the same method, and clears no fail. */
        struct fact f = { .result = FACT_ERROR, .method = FACT_BY_DECLARATION, .authenticated = true,
            .at_ms = p->expires_ms };
        memcpy(f.control, p->control, sizeof f.control);
        memcpy(f.asset, p->asset, sizeof f.asset);
        (void)snprintf(f.detail, sizeof f.detail, "declaration-expired");
        p->expires_ms = 0;
        fact_take(a, &f, now_ms);
    }
}

static MUST outcome declaration_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    char why[DOCUMENT_WHY])
{
    struct document d;
    struct fact f;
    int64_t at = now_ms, expires;
    TRY(admit(a, json, DOCUMENT_DECLARATION, arena, &d, &at, why));
    if (!ok(declaration_read(d.payload, &f, &expires)) || strchr(f.control, ' ') || strchr(f.asset, ' '))
        return document_refuse(CAUSE_MALFORMED, "declaration", why);
    if (at > now_ms + DECISION_AHEAD_MS) return document_refuse(CAUSE_FUTURE, NULL, why);
    if (expires && expires <= now_ms) return document_refuse(CAUSE_EXPIRED, NULL, why);
    const struct promise *old = promise_find(a, &f);
    if (old && at <= old->at_ms) return document_refuse(CAUSE_REPLAYED, "at", why);
    if (!entry_write(a, ENTRY_DECLARATION, d.json, true)) return document_refuse(CAUSE_WRITE, NULL, why);
    return ok(declaration_apply(a, &d, now_ms)) ? DONE : document_refuse(CAUSE_MEMORY, NULL, why);
}

/* --- release --- */

static void release_key(const struct doc *p, char ret[160])
{
    (void)snprintf(ret, 160, "%.15s %.64s %.32s", doc_text(p, "hold", ""), doc_text(p, "payload_sha256", ""),
        doc_text(p, "at", ""));
}

void release_remember(struct assurance *a, const struct doc *payload)
{
    release_key(payload, a->releases[a->n_releases++ % RELEASES_MAX]);
}

static bool release_used(const struct assurance *a, const struct doc *payload)
{
    char key[160];
    size_t n = a->n_releases < RELEASES_MAX ? a->n_releases : RELEASES_MAX;
    release_key(payload, key);
    for (size_t i = 0; i < n; i++)
        if (strcmp(a->releases[i], key) == 0) return true;
    return false;
}

static MUST outcome release_check(struct assurance *a, const struct document *d, int64_t at, int64_t now_ms,
    char why[DOCUMENT_WHY])
{
    uint8_t hash[32];
    const char *hold = doc_text(d->payload, "hold", "");
    if (!hold[0] || strlen(hold) > 15) return document_refuse(CAUSE_MALFORMED, "hold", why);
    if (!ok(hex_to(bytes_str(doc_text(d->payload, "payload_sha256", "")), hash, sizeof hash)))
        return document_refuse(CAUSE_MALFORMED, "payload_sha256", why);
    if (at > now_ms + DECISION_AHEAD_MS) return document_refuse(CAUSE_FUTURE, NULL, why);
    if (at < now_ms - RELEASE_AGE_MS) return document_refuse(CAUSE_EXPIRED, hold, why);
    return release_used(a, d->payload) ? document_refuse(CAUSE_REPLAYED, hold, why) : DONE;
}

static MUST outcome release_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    struct document *d, char why[DOCUMENT_WHY])
{
    int64_t at = now_ms;
    TRY(admit(a, json, DOCUMENT_RELEASE, arena, d, &at, why));
    TRY(release_check(a, d, at, now_ms, why));
    if (!entry_write(a, ENTRY_RELEASE, d->json, true)) return document_refuse(CAUSE_WRITE, NULL, why);
    release_remember(a, d->payload);
    return DONE;
}

outcome assurance_release(struct assurance *a, struct bytes json, int64_t now_ms, char ret_hold[16],
    char ret_payload_hash[65], char why[ASSURANCE_WHY])
{
    struct arena arena = ARENA(OPEN_BYTES);
    struct document d;
    why[0] = '\0';
    outcome o = release_accept(a, json, now_ms, &arena, &d, why);
    if (ok(o)) {
        uint8_t hash[32] = { 0 };
        (void)snprintf(ret_hold, 16, "%s", doc_text(d.payload, "hold", ""));
        o = hex_to(bytes_str(doc_text(d.payload, "payload_sha256", "")), hash, sizeof hash);
        hex_of(bytes_of(hash, sizeof hash), ret_payload_hash);
    }
    arena_deinit(&arena);
    return o;
}

/* --- loosen --- */

/* One entry holds both: that the limit was loosened, and the people's signed word for it. */
static bool loosen_write(struct assurance *a, size_t at, const struct document *d, int64_t now_ms,
    struct arena *arena)
{
    struct doc *entry = limits_entry(&a->limits, at, LIMIT_LOOSENED, now_ms, arena);
    struct doc *signed_word = arena_new(arena, sizeof *signed_word);
    if (signed_word) *signed_word = *d->json;
    doc_set(arena, entry, "envelope", signed_word);
    return entry_write(a, ENTRY_LIMIT, entry, true);
}

static MUST outcome loosen_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    char why[DOCUMENT_WHY])
{
    struct document d;
    int64_t signed_at = now_ms;
    TRY(admit(a, json, DOCUMENT_LOOSEN, arena, &d, &signed_at, why));
    const char *id = doc_text(d.payload, "limit", "");
    size_t at = limits_find_id(&a->limits, id);
    if (at == SIZE_MAX) return document_refuse(CAUSE_LIMIT, id, why);
    if (signed_at > now_ms + DECISION_AHEAD_MS) return document_refuse(CAUSE_FUTURE, id, why);
    /* A word given before the condition was good again, was given about something else. */
    if (!a->limits.notes[at].good_since_ms) return document_refuse(CAUSE_STILL_BROKEN, id, why);
    if (signed_at < a->limits.notes[at].good_since_ms - LOOSEN_SKEW_MS) return document_refuse(CAUSE_REPLAYED, id, why);
    if (!loosen_write(a, at, &d, now_ms, arena)) return document_refuse(CAUSE_WRITE, NULL, why);
    struct doc *gone = view_limit(a, at, now_ms, arena);
    doc_set_text(arena, gone, "event", limit_event_word(LIMIT_LOOSENED));
    limits_remove(&a->limits, at);
    limits_hand_over(a);
    say(a, "limit", gone);
    return DONE;
}

static outcome door(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY],
    outcome (*accept)(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena, char *why))
{
    struct arena arena = ARENA(OPEN_BYTES);
    why[0] = '\0';
    outcome o = accept(a, json, now_ms, &arena, why);
    if (!ok(o) && !why[0]) (void)snprintf(why, ASSURANCE_WHY, "%s", code_word(o.code));
    arena_deinit(&arena);
    return o;
}

outcome assurance_declaration(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    return door(a, json, now_ms, why, declaration_accept);
}

outcome assurance_loosen(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    return door(a, json, now_ms, why, loosen_accept);
}
