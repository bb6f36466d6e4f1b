/* A mission's insight, worked out when a page asks; each bounded (assurance/insight.h). */
#include "service/internal.h"

enum { CHANGES_MAX = 1200 };

outcome get_insight(struct service *s, struct request *q)
{
    struct doc *d = assurance_insight(s->port.assurance, &q->arena, q->arg[0], s->port.wall_ms(s->port.ctx));
    return d ? answer_doc(q, d) : REFUSE(E_UNKNOWN);
}

/* GET ...?set=control:C8b:950,rate:D1:100000000,buy:monitoring */
outcome get_what_if(struct service *s, struct request *q)
{
    char changes[CHANGES_MAX] = "", why[ASSURANCE_WHY] = "";
    const struct doc *d = NULL;
    struct bytes set = http_query(q->http, "set");
    if (set.n) TRY(http_decode(set, changes, sizeof changes));
    outcome o = assurance_what_if(s->port.assurance, &q->arena, q->arg[0], changes, &d, why);
    if (!ok(o) && why[0])
        return answer_problem(q, 400, "SK-1401", "set: expected control:ID:0..1000, rate:ID:PPB, loss:ID:YEN or buy:ID", why);
    return ok(o) ? answer_doc(q, d) : o;
}

outcome get_curve(struct service *s, struct request *q)
{
    const struct doc *d = NULL;
    TRY(assurance_curve(s->port.assurance, &q->arena, q->arg[0], &d));
    return answer_doc(q, d);
}
