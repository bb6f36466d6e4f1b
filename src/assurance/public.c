/* See public.h. */
#include "assurance/public.h"

#include "assurance/state.h"

#define PUBLIC_BYTES (1u << 20)

static bool text_good(const char *text, size_t max)
{
    size_t n = strlen(text);
    return n > 0 && n <= max && bytes_is_utf8(bytes_of(text, n));
}

static bool pair_good(const struct doc *d, const char *key, size_t max)
{
    const struct doc *p = doc_get(d, key);
    return text_good(doc_text(p, "ja", ""), max) && text_good(doc_text(p, "en", ""), max);
}

static bool services_good(const struct doc *list)
{
    if (!list || list->kind != DOC_LIST || list->count == 0 || list->count > PUBLIC_SERVICES_MAX) return false;
    for (const struct doc *s = list->first; s; s = s->next) {
        bool good = text_good(doc_text(s, "id", ""), MODEL_ID) && pair_good(s, "name", MODEL_TEXT);
        if (!good || !pair_good(s, "expects", MODEL_TEXT) || !pair_good(s, "achieved", SENTENCE_MAX)) return false;
    }
    return true;
}

outcome public_read(const struct doc *payload, int64_t at_ms, int64_t *ret_expires_ms, const char **ret_bad)
{
    int64_t expires;
    bool withdrawn = doc_bool(payload, "withdrawn", false);
    *ret_bad = "id";
    if (!text_good(doc_text(payload, "id", ""), MODEL_ID)) return REFUSE(E_MALFORMED);
    *ret_bad = "expires";
    TRY(document_time(payload, "expires", &expires));
    if (expires <= at_ms || expires - at_ms > PUBLIC_DAYS_MAX * MS_DAY) return REFUSE(E_MALFORMED);
    *ret_bad = "text";
    if (!withdrawn && !pair_good(payload, "text", PUBLIC_TEXT_MAX)) return REFUSE(E_MALFORMED);
    *ret_bad = "services";
    if (!withdrawn && !services_good(doc_get(payload, "services"))) return REFUSE(E_MALFORMED);
    *ret_expires_ms = expires;
    return DONE;
}

/* Verified, read and copied into an arena of its own; nothing is taken yet. */
static MUST outcome public_open(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *scratch, struct public_standing *ret,
    const struct doc **ret_envelope, char why[ASSURANCE_WHY])
{
    struct assurance_signed s;
    struct buffer text = BUFFER(PUBLIC_BYTES);
    const char *bad = "";
    struct doc *copy = NULL;
    TRY(assurance_verify(a, document_type_word(DOCUMENT_PUBLIC), json, now_ms, scratch, &s, why));
    if (s.at_ms <= a->published.at_ms) return document_refuse(CAUSE_REPLAYED, "at", why);
    *ret = (struct public_standing) { .arena = ARENA(PUBLIC_BYTES), .at_ms = s.at_ms, .withdrawn = doc_bool(s.payload, "withdrawn", false) };
    if (!ok(public_read(s.payload, s.at_ms, &ret->expires_ms, &bad))) return document_refuse(CAUSE_MALFORMED, bad, why);
    outcome o = doc_write_json(s.payload, &text);
    if (ok(o)) o = doc_read_json(buffer_view(&text), &ret->arena, &copy);
    buffer_deinit(&text);
    if (!ok(o)) {
        arena_deinit(&ret->arena);
        return document_refuse(CAUSE_MEMORY, NULL, why);
    }
    ret->payload = copy;
    *ret_envelope = s.envelope;
    return DONE;
}

static void stand(struct assurance *a, const struct public_standing *next)
{
    arena_deinit(&a->published.arena);
    a->published = *next;
}

static MUST outcome publish(struct assurance *a, struct bytes json, int64_t now_ms, bool live, char why[ASSURANCE_WHY])
{
    struct arena scratch = ARENA(4u << 20);
    struct public_standing next;
    const struct doc *envelope;
    outcome o = public_open(a, json, now_ms, &scratch, &next, &envelope, why);
    if (ok(o) && live && next.expires_ms <= now_ms) {
        arena_deinit(&next.arena);
        o = document_refuse(CAUSE_EXPIRED, NULL, why);
    }
    if (ok(o) && live && !entry_write(a, ENTRY_PUBLIC, envelope, true)) {
        arena_deinit(&next.arena);
        o = document_refuse(CAUSE_WRITE, NULL, why);
    }
    if (ok(o)) stand(a, &next);
    arena_deinit(&scratch);
    return o;
}

outcome assurance_public(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    why[0] = 0;
    return publish(a, json, now_ms, true, why);
}

outcome public_replay(struct assurance *a, struct bytes json, int64_t at_ms)
{
    char why[ASSURANCE_WHY] = "";
    return publish(a, json, at_ms, false, why);
}

const struct doc *assurance_public_doc(const struct assurance *a, int64_t now_ms)
{
    const struct public_standing *p = &a->published;
    return p->payload && !p->withdrawn && now_ms < p->expires_ms ? p->payload : NULL;
}
