/* The connection checklist: shown, answered by named people, asked for. Its signature is a signed document (changes.c). */
#include <stdio.h>

#include "service/internal.h"

static struct doc *list_doc(struct service *s, struct request *q, const struct checklist *c)
{
    struct checklist_found found[CHECKLIST_MAX];
    struct checklist_site site = { s->port.registry, s->port.works, s->port.site, s->port.wall_ms(s->port.ctx) };
    size_t n = checklist_measure(&site, c, found);
    return checklist_doc(&q->arena, c, found, n);
}

/* GET /api/v1/checklists -> {"asked": [role], "lists": [...]}; the held ones and the others, by identity */
outcome get_checklists(struct service *s, struct request *q)
{
    const struct identity *rows[4096];
    const struct checklists *all = s->port.checklists;
    struct doc *d = doc_map(&q->arena), *asked = doc_list(&q->arena), *lists = doc_list(&q->arena);
    for (unsigned r = 0; all && r < ROLES; r++)
        if (all->asked[r]) doc_add(asked, doc_text_new(&q->arena, role_word((enum role)r)));
    size_t n = all && all->of.n ? registry_identities(s->port.registry, rows, 4096) : 0;
    for (size_t i = 0; i < n && i < 4096; i++) {
        const struct checklist *c = checklist_of(all, rows[i]->id);
        if (c) doc_add(lists, list_doc(s, q, c));
    }
    doc_set(&q->arena, d, "asked", asked);
    doc_set(&q->arena, d, "lists", lists);
    return answer_doc(q, d);
}

outcome get_checklist(struct service *s, struct request *q)
{
    const struct checklist *c = checklist_of(s->port.checklists, q->arg[0]);
    return c ? answer_doc(q, list_doc(s, q, c)) : REFUSE(E_UNKNOWN);
}

static outcome record_it(struct service *s, struct request *q, const struct doc *d)
{
    char why[CHECKLIST_WHY] = "";
    outcome o = checklist_judge(s->port.checklists, d, why);
    if (o.code == E_MALFORMED) return answer_problem(q, 400, "SK-1401", why, NULL);
    if (!ok(o)) return answer_outcome(q, o, why, doc_text(d, "subject", ""));
    TRY(s->port.write(s->port.ctx, ENTRY_CHECKLIST, d, true));
    service_event(s, "checklist", d);
    return DONE;
}

/* POST /api/v1/checklists {"role","on"}: whoever enrols in this role from now on is held until it is signed. */
outcome change_checklists(struct service *s, struct request *q)
{
    struct doc *in, *d = doc_map(&q->arena);
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "role", "on", NULL }));
    if (q->status != 200) return DONE;
    if (!s->port.checklists) return REFUSE(E_UNSUPPORTED);
    doc_set_text(&q->arena, d, "what", "ask");
    doc_set_text(&q->arena, d, "role", doc_text(in, "role", ""));
    doc_set_bool(&q->arena, d, "on", doc_bool(in, "on", true));
    doc_set_text(&q->arena, d, "by", q->caller->name);
    TRY(record_it(s, q, d));
    return q->status == 200 ? answer_doc(q, d) : DONE;
}

/* POST /api/v1/checklists/{id}/{item} {"answer","note","person"}; person: who answered, where root on the machine writes it down */
outcome change_checklist(struct service *s, struct request *q)
{
    struct doc *in, *d = doc_map(&q->arena);
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "answer", "note", "person", NULL }));
    if (q->status != 200) return DONE;
    if (!s->port.checklists) return REFUSE(E_UNSUPPORTED);
    bool root = q->caller->kind == CALLER_LOCAL_ROOT;
    const char *person = doc_text(in, "person", "");
    if (root && !*person) return answer_problem(q, 400, "SK-1401", "person: expected who answers (--person)", NULL);
    if (!root && *person && strcmp(person, q->caller->name) != 0) return answer_problem(q, 403, "SK-1415", "nobody answers in another's name", person);
    doc_set_text(&q->arena, d, "what", "answer");
    doc_set_text(&q->arena, d, "subject", q->arg[0]);
    doc_set_text(&q->arena, d, "item", q->arg[1]);
    doc_set_text(&q->arena, d, "answer", doc_text(in, "answer", ""));
    doc_set_text(&q->arena, d, "note", doc_text(in, "note", ""));
    doc_set_text(&q->arena, d, "by", root ? person : q->caller->name);
    TRY(record_it(s, q, d));
    const struct checklist *c = checklist_of(s->port.checklists, q->arg[0]);
    return q->status == 200 && c ? answer_doc(q, list_doc(s, q, c)) : DONE;
}
