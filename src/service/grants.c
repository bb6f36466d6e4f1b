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
    *ret = (struct identity) { .role = who->roles & USER_BIT(USER_OPERATOR) ? ROLE_OPERATOR : ROLE_VIEWER,
        .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED };
    snprintf(ret->id, sizeof ret->id, "%s", who->id);
    return true;
}

struct reader reader_of(const struct caller *c)
{
    struct reader r = { .root = c->kind == CALLER_LOCAL_ROOT || (c->kind == CALLER_SESSION && !c->person) };
    if (!r.root) snprintf(r.person, sizeof r.person, "%s", c->name);
    return r;
}

bool reader_sees(struct service *s, const struct reader *r, const struct message *m, bool history)
{
    struct identity who;
    if (r->root) return true;
    return person_identity(s, r->person, &who) && exchange_shows(s->port.exchange, &who, m, history);
}
