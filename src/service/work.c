/* Work permits: asked for, seen, begun, ended. Approvals are signed documents (changes.c). A contractor sees and does what his
 * open permit covers, and nothing else here. */
#include <stdio.h>

#include "service/internal.h"

static int64_t now(struct service *s)
{
    return s->port.wall_ms(s->port.ctx);
}

bool contractor_waits(struct service *s, const struct caller *c)
{
    if (!(c->roles & USER_BIT(USER_CONTRACTOR)) || !s->port.works) return c->roles & USER_BIT(USER_CONTRACTOR);
    for (size_t i = 0; i < s->port.works->n; i++) {
        const struct work *w = s->port.works->at[i];
        if (work_open(w, now(s)) && strcmp(w->subject, c->name) == 0) return false;
    }
    return true;
}

static bool may_see(const struct caller *c, const struct work *w)
{
    return !(c->roles & USER_BIT(USER_CONTRACTOR)) || strcmp(w->subject, c->name) == 0 || strcmp(w->requester, c->name) == 0;
}

/* GET /api/v1/work: newest first */
outcome get_works(struct service *s, struct request *q)
{
    struct doc *list = doc_list(&q->arena);
    const struct works *all = s->port.works;
    for (size_t i = all ? all->n : 0; i-- > 0;)
        if (may_see(q->caller, all->at[i])) doc_add(list, work_doc(&q->arena, all->at[i]));
    return answer_doc(q, list);
}

outcome get_work(struct service *s, struct request *q)
{
    const struct work *w = s->port.works ? work_find(s->port.works, q->arg[0]) : NULL;
    return w && may_see(q->caller, w) ? answer_doc(q, work_doc(&q->arena, w)) : REFUSE(E_UNKNOWN);
}

/* ---- asking for one ---- */

/* A declared stream's name, or a filter of this site's topics. */
static const char *stream_of(struct service *s, struct request *q, const char *text)
{
    const struct stream *named = registry_stream_named(s->port.registry, text);
    char whole[ID_MAX + 16];
    if (named) return arena_text(&q->arena, bytes_str(named->pattern));
    snprintf(whole, sizeof whole, "sk/v1/%s/#", s->port.site);
    return mqtt_filter_valid(bytes_str(text)) && mqtt_covers(bytes_str(whole), bytes_str(text)) ? text : NULL;
}

/* Whose credentials: a person's, or those of a person's tool. Never a device's. */
static bool subject_good(struct service *s, const char *id)
{
    const struct identity *i = registry_identity(s->port.registry, id);
    const struct user *u = users_find(s->port.users, id);
    if (i) return i->role != ROLE_DEVICE && i->role != ROLE_PEER && i->life == LIFE_ENROLLED && i->trust != TRUST_REVOKED;
    return u && !u->revoked;
}

static bool supervisor_good(struct service *s, const char *id)
{
    const struct user *u = users_find(s->port.users, id);
    return u && !u->revoked && (u->roles & (USER_BIT(USER_OPERATOR) | USER_BIT(USER_ASSET_OWNER)));
}

static const char *time_given(struct service *s, struct request *q, const struct doc *in, const char *key)
{
    char text[TIME_TEXT];
    const char *given = doc_text(in, key, "");
    if (*given) return given;
    time_text(now(s), text);
    return arena_text(&q->arena, bytes_str(text));
}

static struct doc *request_doc(struct service *s, struct request *q, const struct doc *in, const char *stream)
{
    static const char *const as_given[] = { "subject", "person", "company", "number", "supervisor", "purpose", NULL };
    char id[PERMIT_ID_MAX];
    struct doc *d = doc_map(&q->arena);
    work_next_id(s->port.works, id);
    doc_set_text(&q->arena, d, "what", "request");
    doc_set_text(&q->arena, d, "id", arena_text(&q->arena, bytes_str(id)));
    for (size_t i = 0; as_given[i]; i++) doc_set_text(&q->arena, d, as_given[i], doc_text(in, as_given[i], ""));
    doc_set_text(&q->arena, d, "stream", stream);
    doc_set_text(&q->arena, d, "from", time_given(s, q, in, "from"));
    doc_set_text(&q->arena, d, "until", doc_text(in, "until", ""));
    bool root = q->caller->kind == CALLER_LOCAL_ROOT; /* on the machine, whoever asked is named */
    doc_set_text(&q->arena, d, "requester", root && *doc_text(in, "requester", "") ? doc_text(in, "requester", "") : q->caller->name);
    return d;
}

static const char *wrong_of(struct service *s, struct request *q, const struct doc *in, const char *stream)
{
    int64_t until;
    bool contractor = q->caller->roles & USER_BIT(USER_CONTRACTOR);
    if (!subject_good(s, doc_text(in, "subject", ""))) return "subject: expected an enrolled tool's identity or a person of this site";
    if (contractor && strcmp(q->caller->name, doc_text(in, "subject", "")) != 0) return "subject: a contractor asks for himself only";
    if (!stream) return "stream: expected a declared stream's name or topics of this site";
    if (!supervisor_good(s, doc_text(in, "supervisor", ""))) return "supervisor: expected a person with the role operator or asset-owner (sekimori user list)";
    if (!ok(time_parse(bytes_str(doc_text(in, "until", "")), &until)) || until <= now(s)) return "until: expected a time to come, such as 2026-11-28T15:00:00Z";
    return NULL;
}

/* POST /api/v1/work {"subject","person","company","stream","number","supervisor","purpose","from","until","dry_run"} */
outcome change_works(struct service *s, struct request *q)
{
    struct doc *in;
    char why[WORK_WHY] = "";
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "subject", "person", "company", "stream", "number", "supervisor", "purpose", "requester",
                                   "from", "until", "dry_run", NULL }));
    if (q->status != 200) return DONE;
    if (!s->port.works) return REFUSE(E_UNSUPPORTED);
    const char *stream = stream_of(s, q, doc_text(in, "stream", ""));
    const char *wrong = wrong_of(s, q, in, stream);
    if (wrong) return answer_problem(q, 400, "SK-1401", wrong, NULL);
    struct doc *d = request_doc(s, q, in, stream);
    outcome o = work_judge(s->port.works, d, why);
    if (!ok(o)) return answer_outcome(q, o, why, NULL);
    if (doc_bool(in, "dry_run", false)) return answer_doc(q, d);
    const char *id = doc_text(d, "id", "");
    TRY(s->port.write(s->port.ctx, ENTRY_WORK, d, true));
    service_event(s, "work", d);
    const struct work *w = work_find(s->port.works, id);
    return w ? answer_doc(q, work_doc(&q->arena, w)) : REFUSE(E_UNKNOWN);
}

/* ---- steps ---- */

/* Who may take it: root on the machine, the supervisor; withdrawing also whoever asked; refusing also the owners' roles. */
static bool may_step(const struct request *q, const struct work *w, const char *verb)
{
    const struct caller *c = q->caller;
    if (c->kind == CALLER_LOCAL_ROOT || (c->kind == CALLER_SESSION && !c->person)) return true;
    if (strcmp(c->name, w->supervisor) == 0) return true;
    if (strcmp(verb, "refuse") != 0) return false;
    return strcmp(c->name, w->requester) == 0 || (c->roles & (USER_BIT(USER_ASSET_OWNER) | USER_BIT(USER_MISSION_OWNER)));
}

/* POST /api/v1/work/{id}/{start|stop|refuse} {"reason"} */
outcome change_work(struct service *s, struct request *q)
{
    struct doc *in;
    char why[WORK_WHY] = "";
    const char *verb = q->arg[1];
    const struct work *w = s->port.works ? work_find(s->port.works, q->arg[0]) : NULL;
    bool start = strcmp(verb, "start") == 0, refuse = strcmp(verb, "refuse") == 0;
    if (!w || !may_see(q->caller, w) || !(start || refuse || strcmp(verb, "stop") == 0)) return REFUSE(E_UNKNOWN);
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", NULL }));
    if (q->status != 200) return DONE;
    if (!may_step(q, w, verb)) return answer_problem(q, 403, "SK-1418", "not-the-supervisor", w->supervisor);
    if (refuse && !*doc_text(in, "reason", "")) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    if (start && now(s) < w->from_ms) return answer_problem(q, 409, "SK-1407", "its window has not begun", w->id);
    struct work_step step = { verb, w->id, q->caller->name, doc_text(in, "reason", "") };
    struct doc *d = work_step_doc(&q->arena, &step);
    outcome o = work_judge(s->port.works, d, why);
    if (!ok(o)) return answer_outcome(q, o, why, w->id);
    TRY(s->port.write(s->port.ctx, ENTRY_WORK, d, true));
    service_event(s, "work", d);
    return answer_doc(q, work_doc(&q->arena, w));
}
