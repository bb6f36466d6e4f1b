/* Devices that do not run our code, listed from the inventory of those who own them. */
#include <stdio.h>

#include "service/internal.h"

enum { ROWS_MAX = 100 };

/* GET /api/v1/unmanaged */
outcome get_unmanaged(struct service *s, struct request *q)
{
    const struct unmanaged_list *l = registry_unmanaged(s->port.registry);
    struct doc *list = doc_list(&q->arena);
    for (size_t i = 0; i < l->n; i++) {
        const struct unmanaged *u = l->at[i];
        bool managed = registry_identity(s->port.registry, u->id);
        if (u->gone || managed) continue;
        struct doc *d = unmanaged_doc(&q->arena, u);
        doc_set_text(&q->arena, d, "role", "unmanaged");
        doc_add(list, d);
    }
    return answer_doc(q, list);
}

/* GET /api/v1/alerts: what devices do otherwise than usual. */
outcome get_alerts(struct service *s, struct request *q)
{
    return answer_doc(q, s->port.alerts ? s->port.alerts(s->port.ctx, &q->arena) : doc_list(&q->arena));
}

/* GET /api/v1/checks: the standing checks and what each found. */
outcome get_checks(struct service *s, struct request *q)
{
    return answer_doc(q, s->port.checks ? s->port.checks(s->port.ctx, &q->arena) : doc_list(&q->arena));
}

/* GET /api/v1/causes: alerts by what they are about. */
outcome get_causes(struct service *s, struct request *q)
{
    return answer_doc(q, s->port.causes ? s->port.causes(s->port.ctx, &q->arena) : doc_list(&q->arena));
}

/* POST /api/v1/causes/{cause}/{ack|mute|unmute|test} {"reason", "minutes"} */
outcome change_cause(struct service *s, struct request *q)
{
    struct doc *in;
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", "minutes", NULL }));
    if (q->status != 200) return DONE;
    int64_t minutes = doc_int(in, "minutes", 0);
    bool mute = strcmp(q->arg[1], "mute") == 0;
    if (!*doc_text(in, "reason", "") && strcmp(q->arg[1], "test") != 0) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    if (mute && (minutes < 1 || minutes > 30 * 24 * 60)) return answer_problem(q, 400, "SK-1401", "minutes: expected 1 to 43200", NULL);
    struct service_alert_step step = { q->arg[0], q->arg[1], q->caller->name, doc_text(in, "reason", ""),
        s->port.wall_ms(s->port.ctx) + minutes * MS_MINUTE };
    TRY(s->port.cause_step ? s->port.cause_step(s->port.ctx, &step) : REFUSE(E_UNSUPPORTED));
    return answer_doc(q, doc_map(&q->arena));
}

/* POST /api/v1/alerts {"what": "unknown-host", "address", "protocol"} -> {"told"}: false when it was told before. */
outcome change_alerts(struct service *s, struct request *q)
{
    struct doc *in = NULL, *d = doc_map(&q->arena);
    TRY(doc_read_json(q->http->body, &q->arena, &in));
    outcome o = s->port.observed ? s->port.observed(s->port.ctx, in) : REFUSE(E_UNSUPPORTED);
    if (o.code == E_MALFORMED) return answer_problem(q, 400, "SK-1401", "expected what, address and protocol of a host", NULL);
    if (!ok(o) && o.code != E_CONFLICT && o.code != E_FULL) return o;
    doc_set_bool(&q->arena, d, "told", ok(o));
    return answer_doc(q, d);
}

/* All rows are judged before the first is written. */
static outcome judge(struct service *s, struct request *q, const struct doc *rows, bool *ret_good)
{
    *ret_good = false;
    if (!rows || rows->kind != DOC_LIST || !rows->count || rows->count > ROWS_MAX)
        return answer_problem(q, 400, "SK-1401", "rows: expected a list of 1 to 100", NULL);
    for (const struct doc *d = rows->first; d; d = d->next) {
        outcome o = registry_judge(s->port.registry, ENTRY_UNMANAGED, d);
        if (o.code == E_CONFLICT) return answer_problem(q, 409, "SK-1410", "this device is managed already", doc_text(d, "id", ""));
        if (!ok(o)) return answer_problem(q, 400, "SK-1401", "a row is not an unmanaged device", doc_text(d, "id", ""));
    }
    *ret_good = true;
    return DONE;
}

/* POST /api/v1/unmanaged {"rows": [...], "dry_run"} -> {"new", "changed", "same"} */
outcome change_unmanaged(struct service *s, struct request *q)
{
    struct doc *in = NULL;
    bool good = false;
    int64_t counts[3] = { 0 };
    TRY(doc_read_json(q->http->body, &q->arena, &in));
    const struct doc *rows = doc_get(in, "rows");
    TRY(judge(s, q, rows, &good));
    if (!good) return DONE;
    bool dry = doc_bool(in, "dry_run", false);
    for (const struct doc *d = rows->first; d; d = d->next) {
        const struct unmanaged_list *l = registry_unmanaged(s->port.registry);
        bool same = unmanaged_same(l, d), known = unmanaged_find(l, doc_text(d, "id", ""));
        counts[same ? 2 : known]++;
        if (!same && !dry) TRY(s->port.write(s->port.ctx, ENTRY_UNMANAGED, d, true));
    }
    struct doc *d = doc_map(&q->arena);
    doc_set_int(&q->arena, d, "new", counts[0]);
    doc_set_int(&q->arena, d, "changed", counts[1]);
    doc_set_int(&q->arena, d, "same", counts[2]);
    return answer_doc(q, d);
}
