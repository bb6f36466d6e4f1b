/* See document.h: the drafts people sign, and putting signatures on them. */
#include "assurance/document.h"

static struct doc *draft(struct arena *a, enum document_type t, const char *site, int64_t at_ms)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "type", document_type_word(t));
    doc_set_text(a, d, "site", site);
    doc_set_time(a, d, "at", at_ms);
    return d;
}

/* The member again, for another parent; what is below it is shared. */
static struct doc *again(struct arena *a, const struct doc *member)
{
    struct doc *d = arena_new(a, sizeof *d);
    if (!d) return NULL;
    *d = *member;
    d->next = NULL;
    return d;
}

struct doc *document_model_new(struct arena *a, const char *site, const struct doc *model, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_MODEL, site, at_ms);
    for (const struct doc *m = model->first; m; m = m->next) doc_set(a, d, m->key, again(a, m));
    return d;
}

/* A list of maps, each with the line it was written in. */
static struct doc *lined(struct arena *a, const struct doc *rows)
{
    struct doc *list = doc_list(a);
    for (const struct doc *row = rows->first; row; row = row->next) {
        struct doc *own = doc_map(a);
        for (const struct doc *m = row->first; m; m = m->next) doc_set(a, own, m->key, again(a, m));
        if (row->line > 0) doc_set_int(a, own, "line", row->line);
        doc_add(list, own);
    }
    return list;
}

struct doc *document_grants_new(struct arena *a, const char *site, const struct doc *policy, const char *source, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_GRANTS, site, at_ms);
    for (const struct doc *m = policy->first; m; m = m->next) {
        bool rows = source && strcmp(m->key, "grants") == 0 && m->kind == DOC_LIST;
        doc_set(a, d, m->key, rows ? lined(a, m) : again(a, m));
    }
    if (source && !doc_get(policy, "source")) doc_set_text(a, d, "source", source);
    return d;
}

struct doc *document_agreement_new(struct arena *a, const char *site, const struct doc *agreement, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_AGREEMENT, site, at_ms);
    for (const struct doc *m = agreement->first; m; m = m->next) doc_set(a, d, m->key, again(a, m));
    return d;
}

struct doc *document_statement_new(struct arena *a, const char *site, const struct statement_draft *s, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_STATEMENT, site, at_ms);
    doc_set_text(a, d, "to", s->to);
    doc_set_text(a, d, "policy", s->policy);
    doc_set_text(a, d, "verdict", s->verdict);
    doc_set_time(a, d, "until", s->until_ms);
    doc_set_int(a, d, "claimed", s->claimed);
    doc_set(a, d, "levels", again(a, s->levels));
    return d;
}

struct doc *document_model_of(struct arena *a, const struct doc *payload)
{
    static const char *const ours[] = { "type", "site", "at" };
    struct doc *d = doc_map(a);
    for (const struct doc *m = payload->first; m; m = m->next) {
        bool skip = false;
        for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) skip = skip || strcmp(m->key, ours[i]) == 0;
        if (!skip) doc_set(a, d, m->key, again(a, m));
    }
    return d;
}

struct doc *document_reference_new(struct arena *a, const char *site, const char *model, const char *version,
    const struct doc *pcrs, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_REFERENCE, site, at_ms);
    doc_set_text(a, d, "model", model);
    doc_set_text(a, d, "version", version);
    doc_set(a, d, "pcrs", again(a, pcrs));
    return d;
}

struct doc *document_declaration_new(struct arena *a, const char *site, const char *control, const char *asset,
    bool pass, const char *detail, int64_t at_ms, int64_t expires_ms)
{
    struct doc *d = draft(a, DOCUMENT_DECLARATION, site, at_ms);
    doc_set_text(a, d, "control", control);
    doc_set_text(a, d, "asset", asset);
    doc_set_text(a, d, "result", pass ? "pass" : "fail");
    doc_set_text(a, d, "detail", detail);
    doc_set_time(a, d, "expires", expires_ms);
    return d;
}

struct doc *document_release_new(struct arena *a, const char *site, const char *hold, const char *payload_sha256,
    int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_RELEASE, site, at_ms);
    doc_set_text(a, d, "hold", hold);
    doc_set_text(a, d, "payload_sha256", payload_sha256);
    return d;
}

const char *const document_destruction_members[] = { "device", "serial", "model", "media", "method", "technique", "tool", "verification",
    "destination", "by", "witness", "reason", NULL };

struct doc *document_destruction_new(struct arena *a, const char *site, const char *const texts[DOCUMENT_DESTRUCTION_MEMBERS], int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_DESTRUCTION, site, at_ms);
    for (size_t i = 0; document_destruction_members[i]; i++) doc_set_text(a, d, document_destruction_members[i], texts[i] ? texts[i] : "");
    return d;
}

struct doc *document_retirement_new(struct arena *a, const char *site, const char *authority, uint32_t left, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_RETIREMENT, site, at_ms);
    doc_set_text(a, d, "authority", authority);
    doc_set_int(a, d, "left", left);
    return d;
}

struct doc *document_login_new(struct arena *a, const char *site, const char *user, const char *challenge, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_LOGIN, site, at_ms);
    doc_set_text(a, d, "user", user);
    doc_set_text(a, d, "challenge", challenge);
    return d;
}

const char *const document_permit_members[] = { "id", "subject", "person", "company", "stream", "number", "supervisor", "purpose", "from",
    "until", "request_sha256", NULL };

struct doc *document_permit_new(struct arena *a, const char *site, const struct doc *request, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_PERMIT, site, at_ms);
    for (size_t i = 0; document_permit_members[i]; i++)
        doc_set_text(a, d, document_permit_members[i], doc_text(request, document_permit_members[i], ""));
    return d;
}

struct doc *document_checklist_new(struct arena *a, const char *site, const struct doc *list, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_CHECKLIST, site, at_ms), *answers = doc_map(a);
    const struct doc *items = doc_get(list, "items");
    for (const struct doc *i = items ? items->first : NULL; i; i = i->next) doc_set_text(a, answers, doc_text(i, "item", ""), doc_text(i, "answer", ""));
    doc_set_text(a, d, "subject", doc_text(list, "subject", ""));
    doc_set_text(a, d, "answers_sha256", doc_text(list, "answers_sha256", ""));
    doc_set(a, d, "answers", answers);
    return d;
}

struct doc *document_reaction_new(struct arena *a, const char *site, const struct doc *rule, int64_t at_ms)
{
    static const char *const texts[] = { "id", "cause", "device", "group", "measure" };
    struct doc *d = draft(a, DOCUMENT_REACTION, site, at_ms);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) doc_set_text(a, d, texts[i], doc_text(rule, texts[i], ""));
    doc_set_int(a, d, "minutes", doc_int(rule, "minutes", 0));
    doc_set_int(a, d, "at_most", doc_int(rule, "at_most", 0));
    return d;
}

struct doc *document_loosen_new(struct arena *a, const char *site, const char *limit, int64_t at_ms)
{
    struct doc *d = draft(a, DOCUMENT_LOOSEN, site, at_ms);
    doc_set_text(a, d, "limit", limit);
    return d;
}

/* A draft: the payload itself, of a type we know. */
static MUST outcome envelope_of_draft(const struct doc *payload, struct arena *a, struct buffer *canonical,
    struct dsse *ret)
{
    const char *word = doc_text(payload, "type", "");
    for (unsigned t = 0; t < DOCUMENT_KINDS; t++) {
        if (strcmp(word, document_type_word((enum document_type)t)) != 0) continue;
        TRY(doc_write_json(payload, canonical));
        char type[64];
        struct out o = out_of(type, sizeof type - 1);
        put_fmt(&o, "application/vnd.sekimori.%s+json", word);
        TRY(out_done(&o));
        type[o.n] = '\0';
        const char *own = arena_text(a, bytes_str(type));
        if (!own) return REFUSE(E_MEMORY);
        *ret = (struct dsse) { .type = own, .payload = buffer_view(canonical) };
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}

static MUST outcome add_signature(struct dsse *e, const struct key *k, struct arena *a)
{
    struct hash id;
    char hex[65];
    TRY(key_id(k, &id));
    hex_of(hash_view(&id), hex);
    for (size_t i = 0; i < e->n; i++)
        if (strcmp(e->signatures[i].key_id, hex) == 0) return REFUSE(E_CONFLICT);
    if (e->n == DSSE_SIGNATURES_MAX) return REFUSE(E_FULL);
    uint8_t *signature = arena_new(a, 144);
    const char *own = arena_text(a, bytes_str(hex));
    if (!signature || !own) return REFUSE(E_MEMORY);
    struct buffer pae = BUFFER(DOCUMENT_BYTES_MAX + 256);
    size_t n = 0;
    outcome o = dsse_pae(e->type, e->payload, &pae);
    if (ok(o)) o = key_sign(k, buffer_view(&pae), signature, 144, &n);
    buffer_deinit(&pae);
    TRY(o);
    e->signatures[e->n].key_id = own;
    e->signatures[e->n].signature = bytes_of(signature, n);
    e->n++;
    return DONE;
}

static MUST outcome sign_into(struct bytes in, const struct key *k, struct arena *a, struct buffer *canonical,
    struct buffer *ret)
{
    struct doc *tree;
    struct dsse e;
    TRY(doc_read_json(in, a, &tree));
    if (doc_get(tree, "payloadType")) TRY(dsse_read(in, a, &e));
    else TRY(envelope_of_draft(tree, a, canonical, &e));
    TRY(add_signature(&e, k, a));
    return dsse_write(&e, ret);
}

outcome document_sign(struct bytes in, const struct key *k, struct buffer *ret)
{
    struct arena a = ARENA(16u << 20);
    struct buffer canonical = BUFFER(DOCUMENT_BYTES_MAX);
    outcome o = sign_into(in, k, &a, &canonical, ret);
    buffer_deinit(&canonical);
    arena_deinit(&a);
    return o;
}

static MUST outcome merge_into(struct bytes one, struct bytes other, struct arena *a, struct buffer *ret)
{
    struct dsse to, from;
    TRY(dsse_read(one, a, &to));
    TRY(dsse_read(other, a, &from));
    if (strcmp(to.type, from.type) != 0 || !bytes_equal(to.payload, from.payload)) return REFUSE(E_CHANGED);
    for (size_t i = 0; i < from.n; i++) {
        bool have = false;
        for (size_t k = 0; k < to.n; k++)
            have = have || strcmp(to.signatures[k].key_id, from.signatures[i].key_id) == 0;
        if (have) continue;
        if (to.n == DSSE_SIGNATURES_MAX) return REFUSE(E_FULL);
        to.signatures[to.n++] = from.signatures[i];
    }
    return dsse_write(&to, ret);
}

outcome document_merge(struct bytes one, struct bytes other, struct buffer *ret)
{
    struct arena a = ARENA(16u << 20);
    outcome o = merge_into(one, other, &a, ret);
    arena_deinit(&a);
    return o;
}
