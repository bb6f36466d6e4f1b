/* Corrective actions and management reviews over the API, and what the site itself proposes as a finding: what its evidence, decisions
 * and emergencies say is not in order, as long as no action is under way about it. */
#include <stdio.h>

#include "service/internal.h"

enum { PROPOSED_MAX = 40 };

static int64_t now(struct service *s)
{
    return s->port.wall_ms(s->port.ctx);
}

static const char *by_of(const struct request *q)
{
    return q->caller->name[0] ? q->caller->name : "root";
}

static void propose(struct service *s, struct request *q, struct doc *list, const char *ref, const struct doc *text)
{
    if (list->count >= PROPOSED_MAX || !ref[0] || action_about(s->port.improvement, ref)) return;
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "ref", ref);
    doc_set_text(&q->arena, d, "source", doc_text(text, "source", ""));
    doc_set_text(&q->arena, d, "text_ja", doc_text(text, "ja", ""));
    doc_set_text(&q->arena, d, "text_en", doc_text(text, "en", ""));
    doc_add(list, d);
}

static struct doc *words(struct request *q, const char *source, const char *ja, const char *en)
{
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "source", source);
    doc_set_text(&q->arena, d, "ja", arena_text(&q->arena, bytes_str(ja)));
    doc_set_text(&q->arena, d, "en", arena_text(&q->arena, bytes_str(en)));
    return d;
}

/* Controls with assets that fail, or of which nothing at all is confirmed. */
static void propose_controls(struct service *s, struct request *q, struct doc *list)
{
    const struct doc *all = assurance_controls(s->port.assurance, &q->arena, now(s));
    char ja[300], en[300];
    for (const struct doc *c = all ? all->first : NULL; c; c = c->next) {
        int64_t assets = doc_int(c, "assets", 0), fail = doc_int(c, "fail", 0), unknown = doc_int(c, "unknown", 0);
        if (!assets || (!fail && unknown < assets)) continue;
        const char *id = doc_text(c, "id", "");
        snprintf(ja, sizeof ja, "%s %.120s：%s %lld／%lld", id, doc_text(c, "name_ja", ""), fail ? "不合格" : "未確認", (long long)(fail ? fail : unknown), (long long)assets);
        snprintf(en, sizeof en, "%s %.120s: %s %lld of %lld", id, doc_text(c, "name_en", ""), fail ? "failing" : "not confirmed", (long long)(fail ? fail : unknown), (long long)assets);
        propose(s, q, list, id, words(q, "evidence", ja, en));
    }
}

static void propose_decisions(struct service *s, struct request *q, struct doc *list)
{
    const struct doc *all = assurance_decisions(s->port.assurance, &q->arena, now(s));
    for (const struct doc *c = all ? all->first : NULL; c; c = c->next) {
        const char *state = doc_text(c, "state", "");
        if (strcmp(state, "expired") != 0 && strcmp(state, "reopened") != 0) continue;
        propose(s, q, list, doc_text(c, "id", ""), words(q, "decision", doc_text(c, "text_ja", ""), doc_text(c, "text_en", "")));
    }
}

static void propose_emergencies(struct service *s, struct request *q, struct doc *list)
{
    char ja[300], en[300];
    for (size_t i = s->port.emergencies ? s->port.emergencies->n : 0; i-- > 0;) {
        const struct emergency *e = &s->port.emergencies->at[i];
        if (e->state != EMERGENCY_ENDED) continue;
        snprintf(ja, sizeof ja, "%s 緊急アクセス：事後確認がまだです", e->id);
        snprintf(en, sizeof en, "%s emergency access: nobody has looked at it yet", e->id);
        propose(s, q, list, e->id, words(q, "incident", ja, en));
    }
}

/* GET /api/v1/improvement: newest first */
outcome get_improvement(struct service *s, struct request *q)
{
    const struct improvement *all = s->port.improvement;
    struct doc *d = doc_map(&q->arena), *list = doc_list(&q->arena), *reviews = doc_list(&q->arena), *proposed = doc_list(&q->arena);
    if (!all) return REFUSE(E_UNSUPPORTED);
    for (size_t i = all->n; i-- > 0;) doc_add(list, action_doc(&q->arena, &all->at[i], now(s)));
    for (size_t i = all->n_reviews; i-- > 0;) doc_add(reviews, review_doc(&q->arena, &all->reviews[i]));
    propose_controls(s, q, proposed);
    propose_decisions(s, q, proposed);
    propose_emergencies(s, q, proposed);
    doc_set(&q->arena, d, "actions", list);
    doc_set(&q->arena, d, "reviews", reviews);
    doc_set(&q->arena, d, "proposed", proposed);
    return answer_doc(q, d);
}

void improve_status(struct service *s, struct arena *a, struct doc *status)
{
    const struct improvement *all = s->port.improvement;
    struct doc *d = doc_map(a);
    int64_t open = 0, late = 0;
    for (size_t i = 0; all && i < all->n; i++) {
        open += all->at[i].state != ACTION_EFFECTIVE;
        late += action_late(&all->at[i], now(s));
    }
    doc_set_int(a, d, "open", open);
    doc_set_int(a, d, "late", late);
    doc_set(a, status, "actions", d);
}

static outcome taken(struct service *s, struct request *q, const struct doc *d, bool review)
{
    const char *why = NULL;
    outcome o = improve_judge(s->port.improvement, d, now(s), &why);
    if (!ok(o)) return answer_outcome(q, o, why, doc_text(d, "id", ""));
    const char *id = arena_text(&q->arena, bytes_str(doc_text(d, "id", "")));
    TRY(s->port.write(s->port.ctx, ENTRY_ACTION, d, true));
    service_event(s, "action", d);
    const struct corrective *a = review ? NULL : action_find(s->port.improvement, id);
    if (a) return answer_doc(q, action_doc(&q->arena, a, now(s)));
    return answer_doc(q, review_doc(&q->arena, &s->port.improvement->reviews[s->port.improvement->n_reviews - 1]));
}

static bool owner_good(struct service *s, const char *id)
{
    const struct user *u = users_find(s->port.users, id);
    return strcmp(id, "root") == 0 || (u && !u->revoked);
}

static struct doc *begun(struct request *q, const char *what, const char *id)
{
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "what", what);
    doc_set_text(&q->arena, d, "id", id);
    doc_set_text(&q->arena, d, "by", by_of(q));
    return d;
}

/* Members that are given as texts, as they are. */
static void carry(struct request *q, struct doc *d, const struct doc *in, const char *const *names)
{
    for (; *names; names++)
        if (doc_get(in, *names)) doc_set_text(&q->arena, d, *names, doc_text(in, *names, ""));
}

/* POST /api/v1/improvement {"finding", "source", "ref", "owner", "due"} */
outcome change_improvement(struct service *s, struct request *q)
{
    static const char *const members[] = { "finding", "source", "ref", "owner", "due", NULL };
    struct doc *in;
    char id[ACTION_ID];
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, members));
    if (q->status != 200) return DONE;
    if (!s->port.improvement) return REFUSE(E_UNSUPPORTED);
    if (!owner_good(s, doc_text(in, "owner", ""))) return answer_problem(q, 400, "SK-1401", "owner: expected a registered person", doc_text(in, "owner", ""));
    improve_next_id(s->port.improvement, false, id);
    struct doc *d = begun(q, "open", arena_text(&q->arena, bytes_str(id)));
    carry(q, d, in, members);
    return taken(s, q, d, false);
}

/* The effect is judged by an auditor or one of the three, a review is recorded by an executive (root carries what was said). */
static bool may_step(const struct caller *c, const char *verb)
{
    unsigned roles = strcmp(verb, "judge") == 0 ? USER_BIT(USER_AUDITOR) | USER_SIGNING : strcmp(verb, "review") == 0 ? USER_BIT(USER_EXECUTIVE) : ~0u;
    return c->kind == CALLER_LOCAL_ROOT || (c->roles & roles);
}

/* POST /api/v1/improvement/{id}/{done|judge|move}, /api/v1/improvement/new/review {"text", "effective", "owner", "due"} */
outcome change_improvement_step(struct service *s, struct request *q)
{
    static const char *const members[] = { "text", "owner", "due", "effective", NULL }, *const texts[] = { "text", "owner", "due", NULL };
    const char *verb = q->arg[1];
    struct doc *in;
    char id[ACTION_ID];
    bool review = strcmp(verb, "review") == 0, known = review || strcmp(verb, "done") == 0 || strcmp(verb, "judge") == 0 || strcmp(verb, "move") == 0;
    if (!s->port.improvement || !known || (!review && !action_find(s->port.improvement, q->arg[0]))) return REFUSE(E_UNKNOWN);
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, members));
    if (q->status != 200) return DONE;
    if (!may_step(q->caller, verb)) return answer_problem(q, 403, "SK-1415", "not-your-role", NULL);
    if (doc_get(in, "owner") && !owner_good(s, doc_text(in, "owner", ""))) return answer_problem(q, 400, "SK-1401", "owner: expected a registered person", NULL);
    improve_next_id(s->port.improvement, true, id);
    struct doc *d = begun(q, verb, review ? arena_text(&q->arena, bytes_str(id)) : q->arg[0]);
    carry(q, d, in, texts);
    if (doc_get(in, "effective")) doc_set_bool(&q->arena, d, "effective", doc_bool(in, "effective", false));
    return taken(s, q, d, review);
}
