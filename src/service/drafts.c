/* Decisions on their way: what there is, and the bytes to sign of what a person wants. Handing in is /api/v1/documents/{draft,opinion}. */
#include "assurance/draft.h"

#include "service/internal.h"

outcome get_drafts(struct service *s, struct request *q)
{
    return answer_doc(q, assurance_drafts(s->port.assurance, &q->arena, s->port.wall_ms(s->port.ctx)));
}

/* POST /api/v1/drafts/{compose|opinion}: answers a payload; keeps nothing. */
outcome compose_draft(struct service *s, struct request *q)
{
    static const struct {
        const char *what;
        outcome (*make)(struct assurance *a, const struct doc *wish, int64_t now_ms, struct arena *arena, const struct doc **ret, char *why);
    } rows[] = { { "compose", assurance_compose }, { "opinion", assurance_compose_opinion } };
    char why[ASSURANCE_WHY] = "";
    struct doc *wish;
    const struct doc *payload = NULL;
    TRY(body_of(q, &wish));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].what, q->arg[0]) != 0) continue;
        outcome o = rows[i].make(s->port.assurance, wish, s->port.wall_ms(s->port.ctx), &q->arena, &payload, why);
        return ok(o) ? answer_doc(q, payload) : answer_outcome(q, o, why[0] ? why : NULL, NULL);
    }
    return REFUSE(E_UNKNOWN);
}
