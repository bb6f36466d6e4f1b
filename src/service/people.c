/* People and their programs' tokens: list, make, change, revoke. Every change is one entry of the record that says who,
 * from where, why, before and after. */
#include <stdio.h>

#include "service/internal.h"

enum { TOKENS_SHOWN = TOKENS_MAX };

outcome person_change(struct service *s, struct request *q, const char *what, const char *reason, const struct user *before,
    const struct user *after)
{
    char why[USER_WHY];
    struct user_change c = { what, q->caller->name, q->caller->source, reason };
    struct doc *d = user_entry(&q->arena, &c, before ? user_doc(&q->arena, before) : NULL, user_doc(&q->arena, after));
    outcome o = users_judge(s->port.users, ENTRY_USER, d, why);
    if (!ok(o)) return answer_outcome(q, o, why, after->id);
    return s->port.write(s->port.ctx, ENTRY_USER, d, true);
}

/* The tools that are said to be this person's, by id. */
static struct doc *tools_of(struct service *s, struct request *q, const struct user *who)
{
    struct doc *list = doc_list(&q->arena);
    size_t n = registry_identities(s->port.registry, NULL, 0);
    const struct identity **rows = arena_new(&q->arena, (n + 1) * sizeof *rows);
    if (!rows) return NULL;
    n = registry_identities(s->port.registry, rows, n + 1);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i]->person, who->id) == 0) doc_add(list, doc_text_new(&q->arena, rows[i]->id));
    return list;
}

static struct doc *person_view(struct request *q, const struct user *who)
{
    struct doc *d = doc_map(&q->arena), *keys = doc_list(&q->arena);
    for (size_t i = 0; i < who->n_keys; i++) {
        struct doc *k = doc_map(&q->arena);
        char id[2 * PASSKEY_ID_MAX + 1];
        hex_of(bytes_of(who->keys[i].id, who->keys[i].id_n), id);
        char spki[2 * PASSKEY_SPKI_MAX + 1];
        hex_of(bytes_of(who->keys[i].spki, who->keys[i].spki_n), spki);
        doc_set_text(&q->arena, k, "id", id);
        doc_set_text(&q->arena, k, "spki", spki);
        doc_set_text(&q->arena, k, "rp", who->keys[i].rp);
        doc_set_text(&q->arena, k, "label", who->keys[i].label);
        doc_add(keys, k);
    }
    doc_set_text(&q->arena, d, "id", who->id);
    doc_set_text(&q->arena, d, "name", who->name);
    doc_set(&q->arena, d, "roles", user_roles_doc(&q->arena, who->roles));
    doc_set_text(&q->arena, d, "state", who->revoked ? "revoked" : "active");
    doc_set_bool(&q->arena, d, "password", who->has_password);
    doc_set(&q->arena, d, "passkeys", keys);
    return d;
}

outcome get_users(struct service *s, struct request *q)
{
    struct doc *list = doc_list(&q->arena);
    for (size_t i = 0; i < users_count(s->port.users); i++) doc_add(list, person_view(q, users_at(s->port.users, i)));
    return answer_doc(q, list);
}

outcome get_user(struct service *s, struct request *q)
{
    const struct user *who = users_find(s->port.users, q->arg[0]);
    if (!who) return REFUSE(E_UNKNOWN);
    struct doc *d = person_view(q, who);
    doc_set(&q->arena, d, "tools", tools_of(s, q, who));
    return answer_doc(q, d);
}

static MUST outcome answer_link(struct service *s, struct request *q, const struct user *who)
{
    struct service_link l;
    struct doc *d = doc_map(&q->arena);
    TRY(audit_named(s, q, "link-issued", who->id, ""));
    TRY(service_link_new(s, who->id, true, &l));
    doc_set_text(&q->arena, d, "url", l.here);
    doc_set_text(&q->arena, d, "site_url", l.site);
    doc_set_int(&q->arena, d, "minutes", l.minutes);
    explicit_bzero(&l, sizeof l);
    return answer_doc(q, d);
}

/* POST /api/v1/users {"id","name","roles","reason"} -> a one-time link: there is no first password. */
outcome change_users(struct service *s, struct request *q)
{
    struct doc *in;
    struct user who = { 0 };
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "id", "name", "roles", "reason", NULL }));
    if (q->status != 200) return DONE;
    const char *id = doc_text(in, "id", ""), *reason = doc_text(in, "reason", "");
    if (!registry_id_valid(bytes_str(id))) return answer_problem(q, 400, "SK-1401", "id: expected small letters, digits and '-'", id);
    if (!ok(user_roles_read(doc_get(in, "roles"), &who.roles)))
        return answer_problem(q, 400, "SK-1401", "roles: expected operator, mission-owner, asset-owner, executive, auditor, administrator or contractor", NULL);
    if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    snprintf(who.id, sizeof who.id, "%s", id);
    if (!ok(bytes_to_text(bytes_str(doc_text(in, "name", id)), who.name, sizeof who.name))) return REFUSE(E_TOO_LARGE);
    TRY(person_change(s, q, "new", reason, NULL, &who));
    return q->status == 200 ? answer_link(s, q, &who) : DONE;
}

static MUST outcome change_roles(struct service *s, struct request *q, const struct doc *in, const struct user *who)
{
    struct user after = *who;
    if (!ok(user_roles_read(doc_get(in, "roles"), &after.roles))) return answer_problem(q, 400, "SK-1401", "roles: expected known ones", NULL);
    TRY(person_change(s, q, "roles", doc_text(in, "reason", ""), who, &after));
    return q->status == 200 ? answer_doc(q, person_view(q, &after)) : DONE;
}

static MUST outcome revoke(struct service *s, struct request *q, const struct doc *in, const struct user *who)
{
    struct user after = *who;
    after.revoked = true;
    after.has_password = false;
    after.n_keys = 0;
    TRY(person_change(s, q, "revoked", doc_text(in, "reason", ""), who, &after));
    if (q->status != 200) return DONE;
    sessions_end(s, after.id, NULL);
    return answer_doc(q, person_view(q, &after));
}

/* POST /api/v1/users/{id}/{link|roles|revoke} {"reason", "roles"} */
outcome change_user(struct service *s, struct request *q)
{
    struct doc *in;
    const struct user *who = users_find(s->port.users, q->arg[0]);
    if (!who) return REFUSE(E_UNKNOWN);
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", strcmp(q->arg[1], "roles") == 0 ? "roles" : "reason", NULL }));
    if (q->status != 200) return DONE;
    if (who->revoked) return REFUSE(E_REVOKED);
    if (strcmp(q->arg[1], "link") == 0) return answer_link(s, q, who);
    if (!*doc_text(in, "reason", "")) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    if (strcmp(q->arg[1], "roles") == 0) return change_roles(s, q, in, who);
    return strcmp(q->arg[1], "revoke") == 0 ? revoke(s, q, in, who) : REFUSE(E_UNKNOWN);
}

/* ---- tokens ---- */

static struct doc *token_view(struct service *s, struct request *q, const struct token *t)
{
    struct doc *d = token_doc(&q->arena, t);
    doc_set_text(&q->arena, d, "sha256", "");
    if (!t->revoked && t->until_ms <= s->port.wall_ms(s->port.ctx)) doc_set_text(&q->arena, d, "state", "over");
    return d;
}

outcome get_tokens(struct service *s, struct request *q)
{
    const struct token *rows[TOKENS_SHOWN];
    struct doc *list = doc_list(&q->arena);
    size_t n = users_tokens(s->port.users, rows, TOKENS_SHOWN);
    for (size_t i = 0; i < n; i++) doc_add(list, token_view(s, q, rows[i]));
    return answer_doc(q, list);
}

static MUST outcome token_change(struct service *s, struct request *q, const struct user_change *c, const struct token *before,
    const struct token *after)
{
    char why[USER_WHY];
    struct doc *d = user_entry(&q->arena, c, before ? token_doc(&q->arena, before) : NULL, token_doc(&q->arena, after));
    outcome o = users_judge(s->port.users, ENTRY_TOKEN, d, why);
    if (!ok(o)) return answer_outcome(q, o, why, after->name);
    return s->port.write(s->port.ctx, ENTRY_TOKEN, d, true);
}

/* POST /api/v1/tokens {"name","user","scopes","days","reason"} -> the token, said once. */
outcome change_tokens(struct service *s, struct request *q)
{
    struct doc *in;
    struct token t = { 0 };
    char text[sizeof TOKEN_PREFIX + 64] = TOKEN_PREFIX;
    struct hash h;
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "name", "user", "scopes", "days", "reason", NULL }));
    if (q->status != 200) return DONE;
    int64_t days = doc_int(in, "days", 0);
    if (days < 1 || days > TOKEN_DAYS_MAX) return answer_problem(q, 400, "SK-1401", "days: expected 1 to 365", NULL);
    if (!ok(token_scopes_read(doc_get(in, "scopes"), &t.scopes)))
        return answer_problem(q, 400, "SK-1401", "scope: expected read, operate, enrol or documents", NULL);
    if (!*doc_text(in, "reason", "")) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    if (!ok(bytes_to_text(bytes_str(doc_text(in, "name", "")), t.name, sizeof t.name))) return REFUSE(E_TOO_LARGE);
    if (!ok(bytes_to_text(bytes_str(doc_text(in, "user", "")), t.user, sizeof t.user))) return REFUSE(E_TOO_LARGE);
    t.until_ms = s->port.wall_ms(s->port.ctx) + days * MS_DAY;
    session_text(text + sizeof TOKEN_PREFIX - 1);
    hash_sha256(bytes_str(text), &h);
    memcpy(t.hash, h.at, sizeof t.hash);
    TRY(token_change(s, q, &(struct user_change) { "new", q->caller->name, q->caller->source, doc_text(in, "reason", "") }, NULL, &t));
    if (q->status != 200) return DONE;
    struct doc *d = token_view(s, q, &t);
    doc_set_text(&q->arena, d, "token", text);
    explicit_bzero(text, sizeof text);
    return answer_doc(q, d);
}

/* POST /api/v1/tokens/{name}/revoke {"reason"} */
outcome change_token(struct service *s, struct request *q)
{
    struct doc *in;
    const struct token *now = users_token_named(s->port.users, q->arg[0]);
    if (!now) return REFUSE(E_UNKNOWN);
    TRY(body_of(q, &in));
    if (!*doc_text(in, "reason", "")) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    struct token after = *now;
    after.revoked = true;
    TRY(token_change(s, q, &(struct user_change) { "revoked", q->caller->name, q->caller->source, doc_text(in, "reason", "") }, now, &after));
    if (q->status != 200) return DONE;
    events_sweep(s);
    return answer_doc(q, token_view(s, q, &after));
}
