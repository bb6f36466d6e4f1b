/* Emergency access over the API: asked for by one signed-in person, opened by another, ended by anybody who may see it, looked at
 * afterwards by a third. On the machine root counts as one person of the name "root". */
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

const struct emergency *emergency_of_caller(struct service *s, const struct caller *c)
{
    bool known = c->kind == CALLER_SESSION || c->kind == CALLER_TOKEN;
    return known && s->port.emergencies ? emergency_of(s->port.emergencies, c->name, now(s)) : NULL;
}

void emergency_widen(struct service *s, struct caller *c)
{
    if (emergency_of_caller(s, c)) c->roles |= USER_BIT(USER_OPERATOR);
}

outcome emergency_note(struct service *s, struct request *q)
{
    char detail[200];
    const struct emergency *e = emergency_of_caller(s, q->caller);
    if (!e || bytes_equal_str(q->http->path, "/api/v1/status")) return DONE; /* what every page asks by itself, every few seconds */
    snprintf(detail, sizeof detail, "%.*s %.*s", (int)q->http->method.n, (const char *)q->http->method.at,
        (int)(q->http->path.n < 150 ? q->http->path.n : 150), (const char *)q->http->path.at);
    return bytes_is_utf8(bytes_str(detail)) ? audit_named(s, q, "emergency-action", e->id, detail) : DONE;
}

/* The newest open one, on every answer to whoever is signed in: programs that show nothing else show this. */
void emergency_header(struct service *s, struct request *q)
{
    const struct emergencies *all = s->port.emergencies;
    char until[TIME_TEXT];
    size_t n = strlen(q->fields);
    for (size_t i = all && q->caller->kind != CALLER_NOBODY ? all->n : 0; i-- > 0;) {
        const struct emergency *e = &all->at[i];
        if (!emergency_is_open(e, now(s))) continue;
        time_text(e->until_ms, until);
        snprintf(q->fields + n, sizeof q->fields - n, "Sekimori-Emergency: %s %s %s\r\n", e->id, until, e->subject);
        return;
    }
}

void emergency_status(struct service *s, struct arena *a, struct doc *status)
{
    const struct emergencies *all = s->port.emergencies;
    struct doc *list = doc_list(a);
    for (size_t i = all ? all->n : 0; i-- > 0;)
        if (all->at[i].state <= EMERGENCY_ENDED) doc_add(list, emergency_doc(a, &all->at[i], now(s)));
    doc_set(a, status, "emergencies", list);
}

/* GET /api/v1/emergency: newest first */
outcome get_emergencies(struct service *s, struct request *q)
{
    const struct emergencies *all = s->port.emergencies;
    struct doc *list = doc_list(&q->arena);
    for (size_t i = all ? all->n : 0; i-- > 0;) doc_add(list, emergency_doc(&q->arena, &all->at[i], now(s)));
    return answer_doc(q, list);
}

static outcome step_taken(struct service *s, struct request *q, const struct doc *d)
{
    const char *why = NULL;
    char id[PERMIT_ID_MAX];
    outcome o = emergency_judge(s->port.emergencies, d, now(s), &why);
    if (!ok(o)) return answer_outcome(q, o, why, doc_text(d, "id", ""));
    snprintf(id, sizeof id, "%s", doc_text(d, "id", ""));
    TRY(s->port.write(s->port.ctx, ENTRY_EMERGENCY, d, true));
    service_event(s, "emergency", d);
    const struct emergency *e = emergency_find(s->port.emergencies, id);
    return e ? answer_doc(q, emergency_doc(&q->arena, e, now(s))) : REFUSE(E_UNKNOWN);
}

/* Whose access may be opened: a person's, or a tool's. Never a device's. */
static bool subject_good(struct service *s, const char *id)
{
    const struct identity *i = registry_identity(s->port.registry, id);
    const struct user *u = users_find(s->port.users, id);
    if (i) return (i->role == ROLE_OPERATOR || i->role == ROLE_VIEWER) && i->life == LIFE_ENROLLED && i->trust != TRUST_REVOKED;
    return u && !u->revoked;
}

/* POST /api/v1/emergency {"subject", "reason", "minutes"} */
outcome change_emergencies(struct service *s, struct request *q)
{
    struct doc *in, *d = doc_map(&q->arena);
    char id[PERMIT_ID_MAX];
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "subject", "reason", "minutes", NULL }));
    if (q->status != 200) return DONE;
    if (!s->port.emergencies) return REFUSE(E_UNSUPPORTED);
    const char *subject = doc_text(in, "subject", by_of(q));
    if (!subject_good(s, subject)) return answer_problem(q, 400, "SK-1401", "subject: expected a person, or a tool with the role operator or viewer", subject);
    emergency_next_id(s->port.emergencies, id);
    doc_set_text(&q->arena, d, "what", "ask");
    doc_set_text(&q->arena, d, "id", arena_text(&q->arena, bytes_str(id)));
    doc_set_text(&q->arena, d, "subject", subject);
    doc_set_text(&q->arena, d, "by", by_of(q));
    doc_set_text(&q->arena, d, "reason", doc_text(in, "reason", ""));
    doc_set_int(&q->arena, d, "minutes", doc_int(in, "minutes", 60));
    return step_taken(s, q, d);
}

/* Opening takes who could act himself; looking at it afterwards is the auditor's or a signing role's. */
static bool may_step(const struct caller *c, const char *verb)
{
    unsigned roles = strcmp(verb, "open") == 0 ? USER_BIT(USER_OPERATOR) | USER_BIT(USER_ADMINISTRATOR) | USER_SIGNING
        : strcmp(verb, "review") == 0          ? USER_BIT(USER_AUDITOR) | USER_SIGNING
                                               : ~0u;
    return c->kind == CALLER_LOCAL_ROOT || (c->kind == CALLER_SESSION && !c->person) || (c->roles & roles);
}

/* POST /api/v1/emergency/{id}/{open|end|review} {"reason"} */
outcome change_emergency(struct service *s, struct request *q)
{
    struct doc *in, *d = doc_map(&q->arena);
    const char *verb = q->arg[1];
    bool known = strcmp(verb, "open") == 0 || strcmp(verb, "end") == 0 || strcmp(verb, "review") == 0;
    if (!known || !s->port.emergencies || !emergency_find(s->port.emergencies, q->arg[0])) return REFUSE(E_UNKNOWN);
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", NULL }));
    if (q->status != 200) return DONE;
    if (!may_step(q->caller, verb)) return answer_problem(q, 403, "SK-1415", "not-your-role", NULL);
    doc_set_text(&q->arena, d, "what", verb);
    doc_set_text(&q->arena, d, "id", q->arg[0]);
    doc_set_text(&q->arena, d, "by", by_of(q));
    doc_set_text(&q->arena, d, "why", doc_text(in, "reason", ""));
    return step_taken(s, q, d);
}
