/* Who may: what is in force, read only (changes come as signed documents, changes.c), and how the grants know whoever
 * reads a page. Nothing here judges. */
#include <stdio.h>

#include "service/internal.h"

outcome get_grants(struct service *s, struct request *q)
{
    return answer_doc(q, grants_doc(s->port.access->grants, s->port.site, &q->arena));
}

bool person_identity(struct service *s, const char *id, struct identity *ret)
{
    const struct user *who = users_find(s->port.users, id);
    if (!who || who->revoked) return false;
    unsigned roles = who->roles;
    enum role role = roles & USER_BIT(USER_OPERATOR) ? ROLE_OPERATOR : roles & USER_BIT(USER_ADMINISTRATOR) ? ROLE_ADMINISTRATOR
        : roles & USER_BIT(USER_CONTRACTOR) ? ROLE_CONTRACTOR : ROLE_VIEWER;
    *ret = (struct identity) { .role = role,
        .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED };
    snprintf(ret->id, sizeof ret->id, "%s", who->id);
    return true;
}

struct reader reader_of(const struct request *q)
{
    const struct caller *c = q->caller;
    struct reader r = { .root = c->kind == CALLER_LOCAL_ROOT || (c->kind == CALLER_SESSION && !c->person) };
    struct bytes purpose = http_query(q->http, "purpose");
    if (!r.root) snprintf(r.person, sizeof r.person, "%s", c->name);
    if (!registry_id_valid(purpose) || !ok(bytes_to_text(purpose, r.purpose, sizeof r.purpose))) r.purpose[0] = 0;
    return r;
}

bool reader_sees(struct service *s, const struct reader *r, const struct message *m, bool history, struct message *ret)
{
    struct identity who;
    struct showing how = { history, r->purpose };
    *ret = *m;
    return r->root || (person_identity(s, r->person, &who) && exchange_shows(s->port.exchange, &who, m, &how, ret));
}

enum shown reader_form(struct service *s, const struct reader *r, const struct message *m)
{
    struct identity who;
    struct showing how = { true, r->purpose };
    if (r->root) return SHOWN_WHOLE;
    return person_identity(s, r->person, &who) ? exchange_shown(s->port.exchange, &who, m, &how) : SHOWN_NOT;
}

bool may_administer(struct service *s, struct request *q, const char *topic, outcome *ret)
{
    struct reader r = reader_of(q);
    struct identity who;
    struct verdict v;
    if (r.root) return true;
    bool known = person_identity(s, r.person, &who);
    struct question ask = { .who = known ? &who : NULL, .action = ACT_ADMINISTER, .topic = bytes_str(topic),
        .now_ms = s->port.wall_ms(s->port.ctx), .purpose = r.purpose, .passing = true };
    if (access_judge(s->port.access, &ask).ruling == RULING_ALLOW) return true;
    struct doc *d = why_doc(s, q, &(struct why) { &ask, "administer" }, &v);
    *ret = audit_named(s, q, "administer-refused", topic, v.word);
    if (ok(*ret)) *ret = answer_problem(q, 403, "SK-1417", v.word, topic);
    if (ok(*ret) && q->doc) doc_set(&q->arena, (struct doc *)q->doc, "why", d);
    return false;
}
