/* See document.h: opening, checking and describing signed documents. Drafts: document_new.c. */
#include "assurance/document.h"

#include "assurance/passkey.h"
#include "base/time.h"

enum { RULE_ANY_TWO = 0, RULE_EITHER_OWNER = -1, RULE_ANY_ONE = -2 };

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

/* A passkey signs the SHA-256 of the bytes a key file would sign. */
static MUST outcome passkey_good(const struct charter_holder *h, struct bytes pae, struct bytes signature)
{
    struct webauthn_assertion assertion;
    struct webauthn_data data;
    struct buffer spki = BUFFER(1024);
    struct hash digest;
    const char *why;
    TRY(webauthn_read_assertion(signature, &assertion));
    hash_sha256(pae, &digest);
    struct passkey_want want = { .challenge = hash_view(&digest), .rp = h->rp };
    outcome o = key_write_public_der(h->key, &spki);
    if (ok(o)) o = passkey_check(&want, buffer_view(&spki), &assertion, &data, &why);
    buffer_deinit(&spki);
    return o;
}

static bool signature_good(const struct charter_holder *h, const struct document *d, size_t i)
{
    struct buffer pae = BUFFER(DOCUMENT_BYTES_MAX + 256);
    struct bytes signature = d->envelope.signatures[i].signature;
    outcome o = dsse_pae(d->envelope.type, d->envelope.payload, &pae);
    if (ok(o)) o = h->rp[0] ? passkey_good(h, buffer_view(&pae), signature) : key_verify(h->key, buffer_view(&pae), signature);
    buffer_deinit(&pae);
    return ok(o);
}

void document_signers(const struct charter *c, const struct document *d, enum charter_role *roles, bool *good)
{
    for (size_t i = 0; i < d->envelope.n; i++) {
        struct charter_signer s;
        bool known = ok(charter_signer(c, d->envelope.signatures[i].key_id, d->judged_ms, &s));
        roles[i] = known ? s.role : CHARTER_ROLES;
        good[i] = known && signature_good(s.holder, d, i);
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
    if (rule == RULE_ANY_ONE) return roles ? 0 : (uint8_t)all;
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
        struct charter_signer s;
        if (!good[i] || !ok(charter_signer(c, d->envelope.signatures[i].key_id, d->judged_ms, &s))) continue;
        mask |= s.roles;
        n++;
    }
    return wanting(d->type, mask, n);
}

static MUST outcome verify_one(const struct charter *c, struct document *d, size_t i, char why[DOCUMENT_WHY])
{
    struct charter_signer s;
    const char *id = d->envelope.signatures[i].key_id;
    bool charters = d->type == DOCUMENT_CHARTER || d->type == DOCUMENT_DEPUTY || d->type == DOCUMENT_LOGIN;
    if (!ok(charter_signer(c, id, d->judged_ms, &s))) return document_refuse(CAUSE_SIGNER, id, why);
    if (!signature_good(s.holder, d, i)) return document_refuse(CAUSE_SIGNATURE, charter_role_word(s.role), why);
    if (charters && s.deputy) return document_refuse(CAUSE_DEPUTY, charter_role_word(s.role), why);
    if (d->roles & s.roles) return document_refuse(CAUSE_ONE_PERSON, charter_role_word(s.role), why);
    d->roles |= s.roles;
    if (s.rank < d->rank_worst) d->rank_worst = s.rank;
    for (unsigned r = 0; r < CHARTER_ROLES; r++)
        if (s.roles & 1u << r) d->key_of[r] = id;
    return DONE;
}

static MUST outcome verify_signatures(const struct charter *c, struct document *d, char why[DOCUMENT_WHY])
{
    d->roles = 0;
    d->rank_worst = 5;
    for (size_t i = 0; i < d->envelope.n; i++) TRY(verify_one(c, d, i, why));
    return DONE;
}

static MUST outcome verify_whole(const struct document *d, char why[DOCUMENT_WHY])
{
    uint8_t rest = wanting(d->type, d->roles, d->envelope.n);
    for (unsigned r = 0; r < CHARTER_ROLES; r++)
        if (rest & 1u << r)
            return document_refuse(CAUSE_MISSING, charter_role_word((enum charter_role)r), why);
    return DONE;
}

outcome document_verify_begun(const struct charter *c, enum document_type want, struct document *d, char why[DOCUMENT_WHY])
{
    why[0] = '\0';
    if (d->type != want || strcmp(doc_text(d->payload, "type", ""), type_rows[want].word) != 0)
        return document_refuse(CAUSE_TYPE, document_type_word(d->type), why);
    if (!c || !c->roles[0].key) return document_refuse(CAUSE_NO_CHARTER, NULL, why);
    if (strcmp(doc_text(d->payload, "site", ""), c->site) != 0)
        return document_refuse(CAUSE_SITE, doc_text(d->payload, "site", ""), why);
    return verify_signatures(c, d, why);
}

outcome document_verify(const struct charter *c, enum document_type want, struct document *d, char why[DOCUMENT_WHY])
{
    TRY(document_verify_begun(c, want, d, why));
    return verify_whole(d, why);
}

void document_keep_good(const struct charter *c, struct document *d)
{
    char why[DOCUMENT_WHY];
    size_t n = 0;
    d->roles = 0;
    d->rank_worst = 5;
    for (size_t i = 0; i < d->envelope.n; i++)
        if (ok(verify_one(c, d, i, why))) d->envelope.signatures[n++] = d->envelope.signatures[i];
    d->envelope.n = n;
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
