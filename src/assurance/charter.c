/* See charter.h. */
#include "assurance/charter.h"

#include "base/time.h"

static const struct { const char *word, *ja, *en; } role_rows[CHARTER_ROLES] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    CHARTER_ROLE_ROWS(X)
#undef X
};

const char *charter_role_word(enum charter_role r)
{
    return (unsigned)r < CHARTER_ROLES ? role_rows[r].word : "?";
}

const char *charter_role_ja(enum charter_role r)
{
    return (unsigned)r < CHARTER_ROLES ? role_rows[r].ja : "?";
}

const char *charter_role_en(enum charter_role r)
{
    return (unsigned)r < CHARTER_ROLES ? role_rows[r].en : "?";
}

outcome charter_role_parse(const char *word, enum charter_role *ret)
{
    for (unsigned r = 0; r < CHARTER_ROLES; r++) {
        if (strcmp(word, role_rows[r].word) != 0) continue;
        *ret = (enum charter_role)r;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

static MUST outcome role_read(const struct doc *roles, unsigned r, struct charter *c)
{
    const struct doc *one = doc_get(roles, role_rows[r].word);
    const char *pem = doc_text(one, "key", "");
    if (!one || pem[0] == '\0') return REFUSE(E_MALFORMED);
    TRY(key_read_public_pem(bytes_str(pem), &c->roles[r].key));
    struct hash id;
    TRY(key_id(c->roles[r].key, &id));
    hex_of(hash_view(&id), c->roles[r].key_id);
    return DONE;
}

/* Persons holding the roles, told apart by key. */
static unsigned persons(const struct charter *c)
{
    unsigned n = 0;
    for (unsigned r = 0; r < CHARTER_ROLES; r++) {
        bool seen = false;
        for (unsigned q = 0; q < r; q++)
            seen = seen || strcmp(c->roles[q].key_id, c->roles[r].key_id) == 0;
        n += !seen;
    }
    return n;
}

static MUST outcome read_into(const struct doc *d, struct charter *c)
{
    if (strcmp(doc_text(d, "type", ""), "charter") != 0) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(bytes_str(doc_text(d, "site", "")), c->site, sizeof c->site));
    if (c->site[0] == '\0') return REFUSE(E_MALFORMED);
    c->small_organisation = doc_bool(d, "small_organisation", false);
    const struct doc *roles = doc_get(d, "roles");
    if (!roles || roles->kind != DOC_MAP || roles->count != CHARTER_ROLES) return REFUSE(E_MALFORMED);
    for (unsigned r = 0; r < CHARTER_ROLES; r++) TRY(role_read(roles, r, c));
    if (persons(c) < (c->small_organisation ? 2u : 3u)) return REFUSE(E_CONFLICT);
    return DONE;
}

outcome charter_read(const struct doc *d, struct charter *ret)
{
    struct charter c = { 0 };
    outcome o = read_into(d, &c);
    if (!ok(o)) {
        charter_deinit(&c);
        return o;
    }
    *ret = c;
    return DONE;
}

void charter_deinit(struct charter *c)
{
    for (unsigned r = 0; r < CHARTER_ROLES; r++) key_free(c->roles[r].key);
    for (size_t i = 0; i < c->n_deputies; i++) key_free(c->deputies[i].holder.key);
    memset(c, 0, sizeof *c);
}

struct doc *charter_doc(struct arena *a, const char *site, const char *const pems[CHARTER_ROLES],
    bool small_organisation)
{
    struct doc *d = doc_map(a), *roles = doc_map(a);
    doc_set_text(a, d, "type", "charter");
    doc_set_text(a, d, "site", site);
    for (unsigned r = 0; r < CHARTER_ROLES; r++) {
        struct doc *one = doc_map(a);
        doc_set_text(a, one, "key", pems[r]);
        doc_set(a, roles, role_rows[r].word, one);
    }
    doc_set(a, d, "roles", roles);
    doc_set_bool(a, d, "small_organisation", small_organisation);
    return d;
}

static struct doc *deputies_view(const struct charter *c, struct arena *a)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < c->n_deputies; i++) {
        const struct charter_deputy *p = &c->deputies[i];
        struct doc *one = doc_map(a);
        char from[TIME_TEXT], until[TIME_TEXT], rank[3] = { 'R', (char)('0' + p->rank), 0 };
        time_text(p->from_ms, from);
        time_text(p->until_ms, until);
        doc_set_text(a, one, "id", p->id);
        doc_set_text(a, one, "role", role_rows[p->role].word);
        doc_set_text(a, one, "role_ja", role_rows[p->role].ja);
        doc_set_text(a, one, "role_en", role_rows[p->role].en);
        doc_set_text(a, one, "person", p->holder.person);
        doc_set_text(a, one, "key_id", p->holder.key_id);
        doc_set_text(a, one, "from", from);
        doc_set_text(a, one, "until", until);
        doc_set_text(a, one, "rank", rank);
        doc_add(list, one);
    }
    return list;
}

struct doc *charter_view(const struct charter *c, struct arena *a)
{
    struct doc *d = doc_map(a), *roles = doc_list(a);
    doc_set_text(a, d, "site", c->site);
    doc_set_bool(a, d, "small_organisation", c->small_organisation);
    for (unsigned r = 0; r < CHARTER_ROLES; r++) {
        struct doc *one = doc_map(a);
        doc_set_text(a, one, "role", role_rows[r].word);
        doc_set_text(a, one, "role_ja", role_rows[r].ja);
        doc_set_text(a, one, "role_en", role_rows[r].en);
        doc_set_text(a, one, "key_id", c->roles[r].key_id);
        doc_set_text(a, one, "person", c->roles[r].person);
        doc_set_bool(a, one, "passkey", c->roles[r].rp[0] != 0);
        doc_add(roles, one);
    }
    doc_set(a, d, "roles", roles);
    doc_set(a, d, "deputies", deputies_view(c, a));
    return d;
}
