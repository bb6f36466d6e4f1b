/* Peers and their flows: reading, and an operator's tightening (also: refusing what is held). Opening takes a signed
 * agreement, releasing a signed release (changes.c). */
#include "service/internal.h"

outcome get_peers(struct service *s, struct request *q)
{
    return answer_doc(q, s->port.peers(s->port.ctx, &q->arena));
}

/* POST /api/v1/peers/{id}/{suspend|end} {"reason"}, or {id}/statement with a signed envelope */
outcome change_peer(struct service *s, struct request *q)
{
    struct doc *in;
    char why[ASSURANCE_WHY] = "";
    if (strcmp(q->arg[1], "statement") == 0) {
        outcome o = s->port.statement(s->port.ctx, q->arg[0], q->http->body, why);
        return ok(o) ? answer_doc(q, doc_map(&q->arena)) : answer_outcome(q, o, why[0] ? why : NULL, q->arg[0]);
    }
    TRY(doc_read_json(q->http->body, &q->arena, &in));
    const char *reason = doc_text(in, "reason", "");
    if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    TRY(s->port.peer_change(s->port.ctx, q->arg[0], q->arg[1], reason, q->caller->name));
    return answer_doc(q, doc_map(&q->arena));
}

/* POST /api/v1/holds/{id}/refuse {"reason"}: what is held is never sent. */
outcome change_hold(struct service *s, struct request *q)
{
    struct doc *in;
    if (strcmp(q->arg[1], "refuse") != 0) return REFUSE(E_UNKNOWN);
    TRY(body_of(q, &in));
    const char *reason = doc_text(in, "reason", "");
    if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    TRY(exchange_drop_held(s->port.exchange, q->arg[0]));
    TRY(audit_named(s, q, "hold-refused", q->arg[0], reason));
    return answer_doc(q, doc_map(&q->arena));
}
