/* See users.h: the table, and the rules for a change of it. The password file: passwords.c. */
#include "service/users_inside.h"

#include <stdio.h>

static const struct { const char *word, *ja, *en; } roles[USER_ROLE_COUNT] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    USER_ROLES(X)
#undef X
};
static const char *const scopes[TOKEN_SCOPE_COUNT] = {
#define X(name, word, ja, en) [name] = word,
    TOKEN_SCOPES(X)
#undef X
};

outcome users_new(struct users **ret)
{
    struct users *u = mem_new(sizeof *u);
    if (!u) return REFUSE(E_MEMORY);
    *ret = u;
    return DONE;
}

void users_free(struct users *u)
{
    if (u) explicit_bzero(u->verifiers, sizeof u->verifiers);
    mem_free(u);
}

size_t users_count(const struct users *u)
{
    return u->n;
}

struct user *users_at(struct users *u, size_t i)
{
    assert(i < u->n);
    return &u->rows[i];
}

struct user *users_find(struct users *u, const char *id)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->rows[i].id, id) == 0) return &u->rows[i];
    return NULL;
}

struct user *users_by_passkey(struct users *u, struct bytes credential, struct passkey **ret_key)
{
    for (size_t i = 0; i < u->n; i++)
        for (size_t k = 0; !u->rows[i].revoked && k < u->rows[i].n_keys; k++) {
            struct passkey *p = &u->rows[i].keys[k];
            if (!bytes_equal(bytes_of(p->id, p->id_n), credential)) continue;
            *ret_key = p;
            return &u->rows[i];
        }
    return NULL;
}

size_t users_tokens(const struct users *u, const struct token **ret, size_t cap)
{
    for (size_t i = 0; i < u->n_tokens && i < cap; i++) ret[i] = &u->tokens[i];
    return u->n_tokens < cap ? u->n_tokens : cap;
}

const struct token *users_token_named(const struct users *u, const char *name)
{
    for (size_t i = 0; i < u->n_tokens; i++)
        if (strcmp(u->tokens[i].name, name) == 0) return &u->tokens[i];
    return NULL;
}

const struct token *users_token(struct users *u, struct bytes text, int64_t wall_ms, struct user **ret_user)
{
    struct hash h;
    if (text.n != sizeof TOKEN_PREFIX - 1 + 64 || !bytes_starts(text, BYTES_LIT(TOKEN_PREFIX))) return NULL;
    hash_sha256(text, &h);
    for (size_t i = 0; i < u->n_tokens; i++) {
        const struct token *t = &u->tokens[i];
        if (!bytes_equal_secret(bytes_of(t->hash, 32), hash_view(&h))) continue;
        struct user *who = users_find(u, t->user);
        if (t->revoked || t->until_ms <= wall_ms || !who || who->revoked) return NULL;
        *ret_user = who;
        return t;
    }
    return NULL;
}

/* ---- documents ---- */

static MUST outcome mask_read(const struct doc *list, const char *(*word)(unsigned), unsigned n, unsigned *ret)
{
    unsigned mask = 0;
    if (!list || list->kind != DOC_LIST) return REFUSE(E_MALFORMED);
    for (const struct doc *m = list->first; m; m = m->next) {
        unsigned i = 0;
        if (m->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
        while (i < n && strcmp(m->text, word(i)) != 0) i++;
        if (i == n) return REFUSE(E_UNKNOWN);
        mask |= 1u << i;
    }
    *ret = mask;
    return mask ? DONE : REFUSE(E_RANGE);
}

static struct doc *mask_doc(struct arena *a, const char *(*word)(unsigned), unsigned n, unsigned mask)
{
    struct doc *list = doc_list(a);
    for (unsigned i = 0; i < n; i++)
        if (mask & 1u << i) doc_add(list, doc_text_new(a, word(i)));
    return list;
}

static const char *role_at(unsigned i)
{
    return roles[i].word;
}

static const char *scope_at(unsigned i)
{
    return scopes[i];
}

outcome user_roles_read(const struct doc *list, unsigned *ret)
{
    return mask_read(list, role_at, USER_ROLE_COUNT, ret);
}

outcome token_scopes_read(const struct doc *list, unsigned *ret)
{
    return mask_read(list, scope_at, TOKEN_SCOPE_COUNT, ret);
}

struct doc *user_roles_doc(struct arena *a, unsigned mask)
{
    return mask_doc(a, role_at, USER_ROLE_COUNT, mask);
}

static struct doc *passkey_doc(struct arena *a, const struct passkey *k)
{
    struct doc *d = doc_map(a);
    char id[2 * PASSKEY_ID_MAX + 1], spki[2 * PASSKEY_SPKI_MAX + 1];
    hex_of(bytes_of(k->id, k->id_n), id);
    hex_of(bytes_of(k->spki, k->spki_n), spki);
    doc_set_text(a, d, "id", id);
    doc_set_text(a, d, "spki", spki);
    doc_set_text(a, d, "rp", k->rp);
    doc_set_text(a, d, "label", k->label);
    doc_set_int(a, d, "count", k->count);
    return d;
}

struct doc *user_doc(struct arena *a, const struct user *who)
{
    struct doc *d = doc_map(a), *keys = doc_list(a);
    char hash[65] = "";
    if (who->has_password) hex_of(bytes_of(who->verifier_hash, 32), hash);
    for (size_t i = 0; i < who->n_keys; i++) doc_add(keys, passkey_doc(a, &who->keys[i]));
    doc_set_text(a, d, "id", who->id);
    doc_set_text(a, d, "name", who->name);
    doc_set(a, d, "roles", user_roles_doc(a, who->roles));
    doc_set_text(a, d, "state", who->revoked ? "revoked" : "active");
    doc_set_text(a, d, "verifier_sha256", hash);
    doc_set(a, d, "passkeys", keys);
    return d;
}

struct doc *token_doc(struct arena *a, const struct token *t)
{
    struct doc *d = doc_map(a);
    char hash[65], until[TIME_TEXT];
    hex_of(bytes_of(t->hash, 32), hash);
    time_text(t->until_ms, until);
    doc_set_text(a, d, "name", t->name);
    doc_set_text(a, d, "user", t->user);
    doc_set(a, d, "scopes", mask_doc(a, scope_at, TOKEN_SCOPE_COUNT, t->scopes));
    doc_set_text(a, d, "sha256", hash);
    doc_set_text(a, d, "until", until);
    doc_set_text(a, d, "state", t->revoked ? "revoked" : "active");
    return d;
}

struct doc *user_entry(struct arena *a, const struct user_change *c, struct doc *before, struct doc *after)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "what", c->what);
    doc_set_text(a, d, "by", c->by);
    doc_set_text(a, d, "from", c->source);
    doc_set_text(a, d, "reason", c->reason);
    if (before) doc_set(a, d, "before", before);
    doc_set(a, d, "after", after);
    return d;
}

/* ---- reading one back ---- */

static MUST outcome hex_member(const struct doc *d, const char *key, uint8_t *at, size_t cap, size_t *ret_n)
{
    const char *text = doc_text(d, key, "");
    size_t n = strlen(text) / 2;
    if (n > cap || strlen(text) % 2) return REFUSE(E_MALFORMED);
    *ret_n = n;
    return n ? hex_to(bytes_str(text), at, n) : DONE;
}

static MUST outcome passkey_read(const struct doc *d, struct passkey *ret)
{
    struct passkey k = { .count = (uint32_t)doc_int(d, "count", 0) };
    TRY(hex_member(d, "id", k.id, sizeof k.id, &k.id_n));
    TRY(hex_member(d, "spki", k.spki, sizeof k.spki, &k.spki_n));
    TRY(bytes_to_text(bytes_str(doc_text(d, "rp", "")), k.rp, sizeof k.rp));
    TRY(bytes_to_text(bytes_str(doc_text(d, "label", "")), k.label, sizeof k.label));
    if (!k.id_n || !k.spki_n || !k.rp[0]) return REFUSE(E_MALFORMED);
    *ret = k;
    return DONE;
}

static MUST outcome keys_read(const struct doc *list, struct user *who)
{
    if (!list || list->kind != DOC_LIST || list->count > PASSKEYS_MAX) return REFUSE(E_MALFORMED);
    for (const struct doc *m = list->first; m; m = m->next) TRY(passkey_read(m, &who->keys[who->n_keys++]));
    return DONE;
}

static MUST outcome state_read(const struct doc *d, bool *ret_revoked)
{
    const char *word = doc_text(d, "state", "");
    *ret_revoked = strcmp(word, "revoked") == 0;
    return *ret_revoked || strcmp(word, "active") == 0 ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome user_read(const struct doc *d, struct user *ret)
{
    struct user u = { 0 };
    size_t n;
    if (!registry_id_valid(bytes_str(doc_text(d, "id", "")))) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(bytes_str(doc_text(d, "id", "")), u.id, sizeof u.id));
    TRY(bytes_to_text(bytes_str(doc_text(d, "name", "")), u.name, sizeof u.name));
    TRY(user_roles_read(doc_get(d, "roles"), &u.roles));
    TRY(state_read(d, &u.revoked));
    TRY(hex_member(d, "verifier_sha256", u.verifier_hash, sizeof u.verifier_hash, &n));
    if (n && n != sizeof u.verifier_hash) return REFUSE(E_MALFORMED);
    u.has_password = n > 0;
    TRY(keys_read(doc_get(d, "passkeys"), &u));
    *ret = u;
    return u.name[0] ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome token_read(const struct doc *d, struct token *ret)
{
    struct token t = { 0 };
    size_t n;
    if (!registry_id_valid(bytes_str(doc_text(d, "name", "")))) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(bytes_str(doc_text(d, "name", "")), t.name, sizeof t.name));
    TRY(bytes_to_text(bytes_str(doc_text(d, "user", "")), t.user, sizeof t.user));
    TRY(token_scopes_read(doc_get(d, "scopes"), &t.scopes));
    TRY(hex_member(d, "sha256", t.hash, sizeof t.hash, &n));
    TRY(time_parse(bytes_str(doc_text(d, "until", "")), &t.until_ms));
    TRY(state_read(d, &t.revoked));
    *ret = t;
    return n == sizeof t.hash ? DONE : REFUSE(E_MALFORMED);
}

/* ---- rules ---- */

static MUST outcome refuse(enum code c, const char *text, char *why)
{
    if (why) snprintf(why, USER_WHY, "%s", text);
    return REFUSE(c);
}

/* Separation of duties: what one person may be at once. */
static MUST outcome apart(unsigned mask, char *why)
{
    if (__builtin_popcount(mask & USER_SIGNING) > 1)
        return refuse(E_CONFLICT, "one person holds one signing role at most (mission-owner, asset-owner, executive)", why);
    if ((mask & USER_BIT(USER_ADMINISTRATOR)) && (mask & USER_SIGNING))
        return refuse(E_CONFLICT, "an administrator never signs: no signing role beside it", why);
    if ((mask & USER_BIT(USER_AUDITOR)) && mask != USER_BIT(USER_AUDITOR))
        return refuse(E_CONFLICT, "an auditor sees all and changes nothing: no other role beside it", why);
    if ((mask & USER_BIT(USER_CONTRACTOR)) && mask != USER_BIT(USER_CONTRACTOR))
        return refuse(E_CONFLICT, "a contractor acts within work permits only: no other role beside it", why);
    return DONE;
}

static MUST outcome judge_user(const struct users *u, const struct doc *d, struct user *ret, char *why)
{
    if (!ok(user_read(doc_get(d, "after"), ret))) return refuse(E_MALFORMED, "id, name or roles are not as they must be", why);
    TRY(apart(ret->roles, why));
    const struct user *now = users_find((struct users *)u, ret->id);
    bool fresh = strcmp(doc_text(d, "what", ""), "new") == 0;
    if (strcmp(ret->id, "root") == 0) return refuse(E_CONFLICT, "root is the machine's own name", why);
    if (fresh && now) return refuse(E_CONFLICT, "this id is taken (a revoked one is never given again)", why);
    if (!fresh && !now) return refuse(E_UNKNOWN, "no such person", why);
    if (now && now->revoked) return refuse(E_REVOKED, "revoked for good", why);
    if (!now && u->n == USERS_MAX) return refuse(E_FULL, "no room for another person", why);
    for (size_t k = 0; k < ret->n_keys; k++) {
        struct passkey *other;
        const struct user *owner = users_by_passkey((struct users *)u, bytes_of(ret->keys[k].id, ret->keys[k].id_n), &other);
        if (owner && owner != now) return refuse(E_CONFLICT, "this passkey is another person's", why);
    }
    return DONE;
}

static MUST outcome judge_token(const struct users *u, const struct doc *d, struct token *ret, char *why)
{
    if (!ok(token_read(doc_get(d, "after"), ret))) return refuse(E_MALFORMED, "name, scopes or end are not as they must be", why);
    const struct token *now = users_token_named(u, ret->name);
    const struct user *who = users_find((struct users *)u, ret->user);
    bool fresh = strcmp(doc_text(d, "what", ""), "new") == 0;
    if (!who) return refuse(E_UNKNOWN, "no such person", why);
    if (fresh && who->revoked) return refuse(E_REVOKED, "the person is revoked", why);
    if (fresh && now) return refuse(E_CONFLICT, "this name is taken (a revoked one is never given again)", why);
    if (!fresh && (!now || !ret->revoked || memcmp(now->hash, ret->hash, 32) != 0)) return refuse(E_UNKNOWN, "no such token", why);
    return now || u->n_tokens < TOKENS_MAX ? DONE : refuse(E_FULL, "no room for another token", why);
}

outcome users_judge(const struct users *u, unsigned kind, const struct doc *d, char why[USER_WHY])
{
    struct user who;
    struct token t;
    if (why) why[0] = 0;
    if (kind == ENTRY_USER) return judge_user(u, d, &who, why);
    return kind == ENTRY_TOKEN ? judge_token(u, d, &t, why) : DONE;
}

outcome users_apply(struct users *u, unsigned kind, const struct doc *d)
{
    struct user who;
    struct token t;
    if (kind == ENTRY_USER) {
        TRY(judge_user(u, d, &who, NULL));
        struct user *row = users_find(u, who.id);
        if (!row) row = &u->rows[u->n++];
        who.wrong = row->wrong;
        who.wrong_at_ms = row->wrong_at_ms;
        who.locked_until_ms = row->locked_until_ms;
        *row = who;
    } else if (kind == ENTRY_TOKEN) {
        TRY(judge_token(u, d, &t, NULL));
        struct token *row = (struct token *)users_token_named(u, t.name);
        if (!row) row = &u->tokens[u->n_tokens++];
        *row = t;
    }
    return DONE;
}
