/* Changes of a charter: another key for a role (rotation, a lost key), and deputies for a time. Two of the three sign; a
 * deputy signs neither. See charter.h. */
#include "assurance/charter.h"

#include <stdio.h>

#include "base/time.h"

static MUST outcome text(const struct doc *d, const char *key, char *ret, size_t size)
{
    TRY(bytes_to_text(bytes_str(doc_text(d, key, "")), ret, size));
    return ret[0] ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome when(const struct doc *d, const char *key, int64_t *ret)
{
    const char *word = doc_text(d, key, "");
    return word[0] ? time_parse(bytes_str(word), ret) : REFUSE(E_MALFORMED);
}

static MUST outcome holder_read(const struct doc *d, struct charter_holder *h)
{
    struct hash id;
    TRY(text(d, "person", h->person, sizeof h->person));
    TRY(bytes_to_text(bytes_str(doc_text(d, "rp", "")), h->rp, sizeof h->rp));
    TRY(key_read_public_pem(bytes_str(doc_text(d, "key", "")), &h->key));
    TRY(key_id(h->key, &id));
    hex_of(hash_view(&id), h->key_id);
    return DONE;
}

static void holder_free(struct charter_holder *h)
{
    key_free(h->key);
    *h = (struct charter_holder) { 0 };
}

/* Whoever holds this key, whatever the dates: one key, one person. */
static bool key_taken(const struct charter *c, const char *key_id, const char *but_deputy)
{
    for (unsigned r = 0; r < CHARTER_ROLES; r++)
        if (strcmp(c->roles[r].key_id, key_id) == 0) return true;
    for (size_t i = 0; i < c->n_deputies; i++)
        if (strcmp(c->deputies[i].holder.key_id, key_id) == 0 && strcmp(c->deputies[i].id, but_deputy) != 0) return true;
    return false;
}

static MUST outcome refuse(enum code code, const char **why, const char *word)
{
    *why = word;
    return REFUSE(code);
}

static MUST outcome role_change(const struct charter *c, const struct doc *p, struct charter_change *n, const char **why)
{
    (void)p;
    n->kind = CHARTER_ROTATES;
    if (key_taken(c, n->holder.key_id, "")) return refuse(E_CONFLICT, why, "key: somebody holds it already");
    return DONE;
}

/* Where this deputy stands, or may: the same one's place, a free one, one whose time is over. CHARTER_DEPUTIES: none. */
static size_t slot_of(const struct charter *c, const char *id, int64_t at_ms)
{
    for (size_t i = 0; i < c->n_deputies; i++)
        if (strcmp(c->deputies[i].id, id) == 0) return i;
    if (c->n_deputies < CHARTER_DEPUTIES) return c->n_deputies;
    for (size_t i = 0; i < c->n_deputies; i++)
        if (c->deputies[i].until_ms <= at_ms) return i;
    return CHARTER_DEPUTIES;
}

static MUST outcome deputy_change(const struct charter *c, const struct doc *p, struct charter_change *n, const char **why)
{
    struct charter_deputy *d = &n->deputy;
    const char *rank = doc_text(p, "rank", "");
    n->kind = CHARTER_DEPUTES;
    *why = "id";
    TRY(text(p, "id", d->id, sizeof d->id));
    *why = "rank";
    if (rank[0] != 'R' || rank[1] < '1' || rank[1] > '5' || rank[2]) return REFUSE(E_MALFORMED);
    *why = "from";
    TRY(when(p, "from", &d->from_ms));
    *why = "until";
    TRY(when(p, "until", &d->until_ms));
    if (d->until_ms - d->from_ms > CHARTER_DEPUTY_DAYS * MS_DAY) return refuse(E_RANGE, why, "until: 90 days at most");
    d->role = n->role;
    d->rank = rank[1] - '0';
    if (key_taken(c, n->holder.key_id, d->id)) return refuse(E_CONFLICT, why, "key: somebody holds it already");
    return slot_of(c, d->id, n->at_ms) < CHARTER_DEPUTIES ? DONE : refuse(E_FULL, why, "id: no room for another deputy");
}

static MUST outcome judge(const struct charter *c, const struct doc *p, struct charter_change *n, const char **why)
{
    *why = "reason";
    if (!doc_text(p, "reason", "")[0]) return REFUSE(E_MALFORMED);
    *why = "at";
    TRY(when(p, "at", &n->at_ms));
    if (n->at_ms <= c->changed_ms) return refuse(E_CONFLICT, why, "at: not later than the last change");
    *why = "role";
    TRY(charter_role_parse(doc_text(p, "role", ""), &n->role));
    *why = "key, rp or person";
    TRY(holder_read(p, &n->holder));
    return strcmp(doc_text(p, "type", ""), "deputy") == 0 ? deputy_change(c, p, n, why) : role_change(c, p, n, why);
}

outcome charter_change_read(const struct charter *c, const struct doc *payload, struct charter_change *ret, const char **ret_why)
{
    struct charter_change n = { 0 };
    outcome o = judge(c, payload, &n, ret_why);
    if (ok(o)) *ret = n;
    else holder_free(&n.holder);
    return o;
}

void charter_change_free(struct charter_change *n)
{
    holder_free(&n->holder);
}

static void deputy_put(struct charter *c, struct charter_change *n)
{
    size_t i = slot_of(c, n->deputy.id, n->at_ms);
    assert(i < CHARTER_DEPUTIES); /* charter_change_read looked */
    if (i == c->n_deputies) c->n_deputies++;
    else key_free(c->deputies[i].holder.key);
    c->deputies[i] = n->deputy;
    c->deputies[i].holder = n->holder;
}

void charter_change_apply(struct charter *c, struct charter_change *n)
{
    if (n->kind == CHARTER_DEPUTES) deputy_put(c, n);
    else {
        key_free(c->roles[n->role].key);
        c->roles[n->role] = n->holder;
    }
    c->changed_ms = n->at_ms;
    n->holder = (struct charter_holder) { 0 };
}

outcome charter_signer(const struct charter *c, const char *key_id, int64_t at_ms, struct charter_signer *ret)
{
    struct charter_signer s = { .rank = 5 };
    for (unsigned r = 0; r < CHARTER_ROLES; r++) {
        if (!c->roles[r].key || strcmp(c->roles[r].key_id, key_id) != 0) continue;
        if (!s.holder) s.role = (enum charter_role)r;
        s.holder = &c->roles[r];
        s.roles |= (uint8_t)(1u << r);
    }
    for (size_t i = 0; i < c->n_deputies && !s.holder; i++) {
        const struct charter_deputy *d = &c->deputies[i];
        if (strcmp(d->holder.key_id, key_id) != 0 || at_ms < d->from_ms || at_ms >= d->until_ms) continue;
        s = (struct charter_signer) { .holder = &d->holder, .role = d->role, .roles = (uint8_t)(1u << d->role), .rank = d->rank, .deputy = true };
    }
    if (!s.holder) return REFUSE(E_UNKNOWN);
    *ret = s;
    return DONE;
}

struct doc *charter_change_doc(struct arena *a, const char *site, const struct charter_draft *in)
{
    struct doc *d = doc_map(a);
    char at[TIME_TEXT];
    time_text(in->at_ms, at);
    doc_set_text(a, d, "type", in->deputy_id ? "deputy" : "charter");
    doc_set_text(a, d, "site", site);
    doc_set_text(a, d, "at", at);
    doc_set_text(a, d, "role", in->role);
    doc_set_text(a, d, "key", in->key_pem);
    if (in->rp[0]) doc_set_text(a, d, "rp", in->rp);
    doc_set_text(a, d, "person", in->person);
    doc_set_text(a, d, "reason", in->reason);
    if (!in->deputy_id) return d;
    doc_set_text(a, d, "id", in->deputy_id);
    doc_set_text(a, d, "from", in->from);
    doc_set_text(a, d, "until", in->until);
    doc_set_text(a, d, "rank", in->rank);
    return d;
}
