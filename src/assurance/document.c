/* See document.h: opening, checking and describing signed documents. Drafts: document_new.c. */
#include "assurance/document.h"

#include "base/time.h"

enum { RULE_ANY_TWO = 0, RULE_EITHER_OWNER = -1 };

static const struct { const char *word; int rule; } type_rows[DOCUMENT_KINDS] = {
#define X(name, word, rule) [name] = { word, rule },
    DOCUMENT_TYPES(X)
#undef X
};

static const struct { const char *word; enum code code; } cause_rows[DOCUMENT_CAUSE_COUNT] = {
#define X(name, word, code) [name] = { word, code },
    DOCUMENT_CAUSES(X)
#undef X
};

static const char type_prefix[] = "application/vnd.sekimori.", type_suffix[] = "+json";

const char *document_type_word(enum document_type t)
{
    return (unsigned)t < DOCUMENT_KINDS ? type_rows[t].word : "?";
}

outcome document_refuse(enum document_cause c, const char *detail, char why[DOCUMENT_WHY])
{
    struct out o = out_of(why, DOCUMENT_WHY - 1);
    put_str(&o, cause_rows[c].word);
    if (detail && detail[0]) {
        put_str(&o, ": ");
        put(&o, bytes_of(detail, strnlen(detail, DOCUMENT_WHY - 40)));
    }
    why[o.n] = '\0';
    return REFUSE(cause_rows[c].code);
}

static MUST outcome type_parse(const char *payload_type, enum document_type *ret)
{
    struct bytes in = bytes_str(payload_type), prefix, word;
    TRY(take(&in, sizeof type_prefix - 1, &prefix));
    if (!bytes_equal_str(prefix, type_prefix)) return REFUSE(E_UNKNOWN);
    if (in.n < sizeof type_suffix - 1) return REFUSE(E_SHORT);
    TRY(take(&in, in.n - (sizeof type_suffix - 1), &word));
    if (!bytes_equal_str(in, type_suffix)) return REFUSE(E_UNKNOWN);
    for (unsigned t = 0; t < DOCUMENT_KINDS; t++) {
        if (!bytes_equal_str(word, type_rows[t].word)) continue;
        *ret = (enum document_type)t;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

outcome document_open(struct bytes json, struct arena *a, struct document *ret)
{
    struct document d = { 0 };
    struct doc *tree, *payload;
    if (json.n > DOCUMENT_BYTES_MAX) return REFUSE(E_TOO_LARGE);
    TRY(doc_read_json(json, a, &tree));
    TRY(dsse_read(json, a, &d.envelope));
    TRY(type_parse(d.envelope.type, &d.type));
    TRY(doc_read_json(d.envelope.payload, a, &payload));
    if (payload->kind != DOC_MAP) return REFUSE(E_MALFORMED);
    d.json = tree;
    d.payload = payload;
    *ret = d;
    return DONE;
}

static bool signed_twice(struct bytes json, struct arena *a)
{
    struct doc *tree;
    if (!ok(doc_read_json(json, a, &tree))) return false;
    const struct doc *list = doc_get(tree, "signatures");
    if (!list || list->kind != DOC_LIST || list->count > DSSE_SIGNATURES_MAX) return false;
    for (const struct doc *s = list->first; s; s = s->next)
        for (const struct doc *t = s->next; t; t = t->next)
            if (doc_text(s, "keyid", "")[0] && strcmp(doc_text(s, "keyid", ""), doc_text(t, "keyid", "")) == 0)
                return true;
    return false;
}

outcome document_open_why(struct bytes json, struct arena *a, struct document *ret, char why[DOCUMENT_WHY])
{
    why[0] = '\0';
    outcome o = document_open(json, a, ret);
    if (ok(o)) return o;
    if (o.code == E_MEMORY) return document_refuse(CAUSE_MEMORY, NULL, why);
    if (json.n <= DOCUMENT_BYTES_MAX && signed_twice(json, a)) return document_refuse(CAUSE_ONE_PERSON, NULL, why);
    return document_refuse(CAUSE_MALFORMED, "envelope", why);
}

/* The role whose key id this is; CHARTER_ROLES if none. In a small organisation a person holding two roles is
 * known by the first only: one person, one signature. */
static enum charter_role role_of(const struct charter *c, const char *id)
{
    for (unsigned r = 0; r < CHARTER_ROLES; r++)
        if (c->roles[r].key && strcmp(c->roles[r].key_id, id) == 0) return (enum charter_role)r;
    return CHARTER_ROLES;
}

/* Every role this key holds: one, but in a small organisation. */
static uint8_t roles_of_key(const struct charter *c, const char *id)
{
    unsigned mask = 0;
    for (unsigned r = 0; r < CHARTER_ROLES; r++)
        if (strcmp(c->roles[r].key_id, id) == 0) mask |= 1u << r;
    return (uint8_t)mask;
}

static bool signature_good(const struct charter *c, const struct document *d, size_t i, enum charter_role r)
{
    struct buffer pae = BUFFER(DOCUMENT_BYTES_MAX + 256);
    outcome o = dsse_pae(d->envelope.type, d->envelope.payload, &pae);
    if (ok(o)) o = key_verify(c->roles[r].key, buffer_view(&pae), d->envelope.signatures[i].signature);
    buffer_deinit(&pae);
    return ok(o);
}

void document_signers(const struct charter *c, const struct document *d, enum charter_role *roles, bool *good)
{
    for (size_t i = 0; i < d->envelope.n; i++) {
        roles[i] = role_of(c, d->envelope.signatures[i].key_id);
        good[i] = roles[i] != CHARTER_ROLES && signature_good(c, d, i, roles[i]);
    }
}

static unsigned bits(unsigned mask)
{
    return (unsigned)__builtin_popcount(mask);
}

/* Roles still wanted when `roles` have signed with n keys; 0 = the rule is met. */
static uint8_t wanting(enum document_type t, uint8_t roles, size_t n)
{
    const unsigned all = (1u << CHARTER_ROLES) - 1;
    const unsigned owners = 1u << CHARTER_MISSION_OWNER | 1u << CHARTER_ASSET_OWNER;
    int rule = type_rows[t].rule;
    if (rule == RULE_EITHER_OWNER) return roles & owners ? 0 : (uint8_t)owners;
    if (rule == RULE_ANY_TWO) return n >= 2 && bits(roles) >= 2 ? 0 : (uint8_t)(all & ~roles);
    return (uint8_t)((unsigned)rule & ~roles);
}

uint8_t document_wanting(const struct charter *c, const struct document *d)
{
    enum charter_role roles[DSSE_SIGNATURES_MAX];
    bool good[DSSE_SIGNATURES_MAX];
    uint8_t mask = 0;
    size_t n = 0;
    document_signers(c, d, roles, good);
    for (size_t i = 0; i < d->envelope.n; i++) {
        if (!good[i]) continue;
        mask |= roles_of_key(c, d->envelope.signatures[i].key_id);
        n++;
    }
    return wanting(d->type, mask, n);
}

static MUST outcome verify_signatures(const struct charter *c, struct document *d, char why[DOCUMENT_WHY])
{
    enum charter_role roles[DSSE_SIGNATURES_MAX];
    bool good[DSSE_SIGNATURES_MAX];
    document_signers(c, d, roles, good);
    d->roles = 0;
    for (size_t i = 0; i < d->envelope.n; i++) {
        const char *id = d->envelope.signatures[i].key_id;
        if (roles[i] == CHARTER_ROLES) return document_refuse(CAUSE_SIGNER, id, why);
        if (!good[i]) return document_refuse(CAUSE_SIGNATURE, charter_role_word(roles[i]), why);
        uint8_t mask = roles_of_key(c, id);
        if (d->roles & mask) return document_refuse(CAUSE_ONE_PERSON, charter_role_word(roles[i]), why);
        d->roles |= mask;
    }
    uint8_t rest = wanting(d->type, d->roles, d->envelope.n);
    for (unsigned r = 0; r < CHARTER_ROLES; r++)
        if (rest & 1u << r)
            return document_refuse(CAUSE_MISSING, charter_role_word((enum charter_role)r), why);
    return DONE;
}

outcome document_verify(const struct charter *c, enum document_type want, struct document *d,
    char why[DOCUMENT_WHY])
{
    why[0] = '\0';
    if (d->type != want || strcmp(doc_text(d->payload, "type", ""), type_rows[want].word) != 0)
        return document_refuse(CAUSE_TYPE, document_type_word(d->type), why);
    if (!c || !c->roles[0].key) return document_refuse(CAUSE_NO_CHARTER, NULL, why);
    if (strcmp(doc_text(d->payload, "site", ""), c->site) != 0)
        return document_refuse(CAUSE_SITE, doc_text(d->payload, "site", ""), why);
    return verify_signatures(c, d, why);
}

outcome document_hash(const struct doc *d, char ret_hex[65])
{
    struct buffer b = BUFFER(16u << 20);
    struct hash h;
    outcome o = doc_write_json(d, &b);
    if (ok(o)) {
        hash_sha256(buffer_view(&b), &h);
        hex_of(hash_view(&h), ret_hex);
    }
    buffer_deinit(&b);
    return o;
}

outcome document_time(const struct doc *d, const char *key, int64_t *ret_ms)
{
    const char *text = doc_text(d, key, "");
    if (!text[0]) return REFUSE(E_MALFORMED);
    return time_parse(bytes_str(text), ret_ms);
}

void document_set_time(struct arena *a, struct doc *d, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT] = "";
    if (at_ms != 0) time_text(at_ms, text);
    doc_set_text(a, d, key, text);
}
