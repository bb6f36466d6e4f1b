/* Orders of the machine's root to give payloads up: prune by age or size, erase one device's. */
#include <stdio.h>

#include "service/internal.h"

static outcome answer_prunable(struct request *q, const struct ledger_prunable *p, bool dry)
{
    struct doc *d = doc_map(&q->arena);
    doc_set_int(&q->arena, d, "end", (int64_t)p->end);
    doc_set_int(&q->arena, d, "entries", (int64_t)p->entries);
    doc_set_int(&q->arena, d, "bytes", (int64_t)p->bytes);
    doc_set_bool(&q->arena, d, "more", p->more);
    doc_set_bool(&q->arena, d, "dry_run", dry);
    return answer_doc(q, d);
}

/* POST /api/v1/ledger/prune {"class":"data","before":TIME?,"keep_bytes":N?,"dry_run":BOOL?,"reason":TEXT?} */
outcome change_prune(struct service *s, struct request *q)
{
    struct doc *in;
    struct ledger_rule rule = { 0 };
    struct ledger_prunable p;
    TRY(body_of(q, &in));
    const char *before = doc_text(in, "before", ""), *class = doc_text(in, "class", "");
    if (strcmp(class, "data") != 0) /* control entries are what the state is made from at start */
        return answer_problem(q, 400, "SK-1401", "class: expected data; control entries are kept for ever", class);
    if (*before && !ok(time_parse(bytes_str(before), &rule.before_ms)))
        return answer_problem(q, 400, "SK-1401", "before: expected a time like 2026-01-31T00:00:00Z", before);
    rule.keep_bytes = (uint64_t)doc_int(in, "keep_bytes", 0);
    if (rule.before_ms <= 0 && !rule.keep_bytes) return answer_problem(q, 400, "SK-1401", "before: expected a time", NULL);
    if (rule.before_ms > s->port.wall_ms(s->port.ctx))
        return answer_problem(q, 400, "SK-1401", "before: expected a time that has passed", before);
    bool dry = doc_bool(in, "dry_run", false), frozen = s->port.incidents && incidents_open(s->port.incidents);
    if (frozen && !dry) return answer_problem(q, 409, "SK-1409", "an incident is open: nothing recorded is given up until it is closed", NULL);
    outcome o = dry ? ledger_prunable(s->port.ledger, &rule, &p)
                    : s->port.prune(s->port.ctx, &rule, doc_text(in, "reason", "by order"), q->caller->name, &p);
    if (o.code == E_UNKNOWN) {
        p = (struct ledger_prunable) { 0 };
        o = DONE;
    }
    TRY(o);
    return answer_prunable(q, &p, dry);
}

/* What the console shows of its last values is forgotten too. */
static void forget_readings(struct service *s, const char *id)
{
    for (size_t i = 0; i < s->n_readings; i++)
        if (strcmp(s->readings[i].from, id) == 0) explicit_bzero(s->readings[i].value, sizeof s->readings[i].value);
}

/* POST /api/v1/ledger/erase/{id} {"reason"} */
outcome change_erase(struct service *s, struct request *q)
{
    struct doc *in;
    TRY(body_of(q, &in));
    const char *reason = doc_text(in, "reason", "");
    if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    if (s->port.incidents && incidents_open(s->port.incidents))
        return answer_problem(q, 409, "SK-1409", "an incident is open: nothing recorded is given up until it is closed", NULL);
    TRY(s->port.erase(s->port.ctx, q->arg[0], reason, q->caller->name));
    forget_readings(s, q->arg[0]);
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "erased", q->arg[0]);
    return answer_doc(q, d);
}
