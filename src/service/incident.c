/* Incidents over the API: opened by who operates or signs, with the record's root of that moment, which is signed at once. */
#include <stdio.h>

#include "service/internal.h"

static int64_t now(struct service *s)
{
    return s->port.wall_ms(s->port.ctx);
}

static const char *by_of(const struct request *q)
{
    return q->caller->name[0] ? q->caller->name : "root";
}

static struct doc *incident_list(struct service *s, struct arena *a, bool open)
{
    const struct incidents *all = s->port.incidents;
    struct doc *list = doc_list(a);
    for (size_t i = all ? all->n : 0; i-- > 0;)
        if (!open || !all->at[i].closed_ms) doc_add(list, incident_doc(a, &all->at[i], now(s)));
    return list;
}

void incident_status(struct service *s, struct arena *a, struct doc *status)
{
    doc_set(a, status, "incidents", incident_list(s, a, true));
}

/* GET /api/v1/incidents: newest first */
outcome get_incidents(struct service *s, struct request *q)
{
    return answer_doc(q, incident_list(s, &q->arena, false));
}

static outcome taken(struct service *s, struct request *q, const struct doc *d)
{
    const char *why = NULL;
    char id[INCIDENT_ID];
    outcome o = incident_judge(s->port.incidents, d, now(s), &why);
    if (!ok(o)) return answer_outcome(q, o, why, doc_text(d, "id", ""));
    snprintf(id, sizeof id, "%s", doc_text(d, "id", ""));
    TRY(s->port.write(s->port.ctx, ENTRY_INCIDENT, d, true));
    (void)!ok(s->port.head(s->port.ctx)); /* in the record either way; the next head covers it */
    service_event(s, "incident", d);
    const struct incident *i = incident_find(s->port.incidents, id);
    return i ? answer_doc(q, incident_doc(&q->arena, i, now(s))) : REFUSE(E_UNKNOWN);
}

static bool cause_known(struct service *s, struct arena *a, const char *cause)
{
    const struct doc *list = s->port.causes ? s->port.causes(s->port.ctx, a) : NULL;
    for (const struct doc *c = list ? list->first : NULL; c; c = c->next)
        if (strcmp(doc_text(c, "cause", ""), cause) == 0) return true;
    return false;
}

/* What was so when it was opened: everything before this size, under this root. */
static void freeze(struct service *s, struct request *q, struct doc *d)
{
    uint64_t size;
    struct hash root;
    char text[65];
    ledger_root(s->port.ledger, &size, &root);
    hex_of(hash_view(&root), text);
    doc_set_int(&q->arena, d, "size", (int64_t)size);
    doc_set_text(&q->arena, d, "root", arena_text(&q->arena, bytes_str(text)));
}

static struct doc *duties_again(struct arena *a, const struct doc *in)
{
    struct doc *list = doc_list(a);
    for (const struct doc *d = in && in->kind == DOC_LIST ? in->first : NULL; d; d = d->next) {
        struct doc *m = doc_map(a);
        doc_set_text(a, m, "id", doc_text(d, "id", ""));
        doc_set_int(a, m, "minutes", doc_int(d, "minutes", 0));
        doc_add(list, m);
    }
    return list;
}

/* POST /api/v1/incidents {"cause", "title", "noticed", "duties": [{"id", "minutes"}]} */
outcome change_incidents(struct service *s, struct request *q)
{
    struct doc *in, *d = doc_map(&q->arena);
    char id[INCIDENT_ID], at[TIME_TEXT];
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "cause", "title", "noticed", "duties", NULL }));
    if (q->status != 200) return DONE;
    if (!s->port.incidents) return REFUSE(E_UNSUPPORTED);
    const char *cause = doc_text(in, "cause", "");
    if (*cause && !cause_known(s, &q->arena, cause)) return answer_problem(q, 404, "SK-1404", "no alert of this cause", cause);
    incident_next_id(s->port.incidents, id);
    time_text(now(s), at);
    doc_set_text(&q->arena, d, "what", "open");
    doc_set_text(&q->arena, d, "id", arena_text(&q->arena, bytes_str(id)));
    doc_set_text(&q->arena, d, "by", by_of(q));
    doc_set_text(&q->arena, d, "cause", cause);
    doc_set_text(&q->arena, d, "title", doc_text(in, "title", ""));
    doc_set_text(&q->arena, d, "noticed", doc_text(in, "noticed", arena_text(&q->arena, bytes_str(at))));
    doc_set(&q->arena, d, "duties", duties_again(&q->arena, doc_get(in, "duties")));
    freeze(s, q, d);
    return taken(s, q, d);
}

/* POST /api/v1/incidents/{id}/{manual|note|sent|waive|close} {"reason", "duty", "loss_yen", "loss_minutes"} */
outcome change_incident(struct service *s, struct request *q)
{
    struct doc *in, *d = doc_map(&q->arena);
    if (!s->port.incidents || !incident_find(s->port.incidents, q->arg[0]) || strcmp(q->arg[1], "open") == 0) return REFUSE(E_UNKNOWN);
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", "duty", "loss_yen", "loss_minutes", NULL }));
    if (q->status != 200) return DONE;
    doc_set_text(&q->arena, d, "what", q->arg[1]);
    doc_set_text(&q->arena, d, "id", q->arg[0]);
    doc_set_text(&q->arena, d, "by", by_of(q));
    doc_set_text(&q->arena, d, "why", doc_text(in, "reason", ""));
    if (doc_get(in, "duty")) doc_set_text(&q->arena, d, "duty", doc_text(in, "duty", ""));
    static const char *const losses[] = { "loss_yen", "loss_minutes" };
    for (size_t i = 0; i < 2; i++)
        if (doc_get(in, losses[i])) doc_set_int(&q->arena, d, losses[i], doc_int(in, losses[i], -1));
    return taken(s, q, d);
}
