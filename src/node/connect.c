/* The connection checklist, wired: platform/checklist.h keeps it, access holds by it, assurance verifies the owner's signature. */
#include "node/connect.h"

#include <stdio.h>

#include "node/core.h"

outcome connect_taken(struct core *c, const struct doc *d, int64_t at_ms)
{
    TRY(checklist_apply(&c->checklists, d, at_ms));
    c->access.checklists = &c->checklists;
    if (c->exchange) exchange_rejudge(c->exchange);
    return DONE;
}

/* The signature is on exactly these answers. */
static MUST outcome same_answers(const struct checklist *list, const struct doc *payload, char why[ASSURANCE_WHY])
{
    char sha256[65];
    TRY(checklist_sha256(list, sha256));
    if (strcmp(sha256, doc_text(payload, "answers_sha256", "")) == 0) return DONE;
    snprintf(why, ASSURANCE_WHY, "other-answers: they changed since the draft");
    return REFUSE(E_DENIED);
}

static MUST outcome all_measured(struct core *c, const struct checklist *list, char why[ASSURANCE_WHY])
{
    struct checklist_found found[CHECKLIST_MAX];
    struct checklist_site site = { c->registry, &c->works, c->config.site, core_wall(c) };
    size_t n = checklist_measure(&site, list, found);
    for (size_t i = 0; i < n; i++) {
        if (found[i].good) continue;
        snprintf(why, ASSURANCE_WHY, "not-met: %s", found[i].item);
        return REFUSE(E_CONFLICT);
    }
    return DONE;
}

static MUST outcome take_signed(struct core *c, struct bytes json, struct arena *a, char why[ASSURANCE_WHY])
{
    struct assurance_signed s;
    char by[64], told[CHECKLIST_WHY] = "";
    TRY(assurance_verify(c->assurance, "checklist", json, core_wall(c), a, &s, why));
    const char *subject = doc_text(s.payload, "subject", "");
    const struct checklist *list = checklist_of(&c->checklists, subject);
    if (!list) {
        snprintf(why, ASSURANCE_WHY, "unknown-checklist: %.60s", subject);
        return REFUSE(E_UNKNOWN);
    }
    TRY(same_answers(list, s.payload, why));
    TRY(all_measured(c, list, why));
    snprintf(by, sizeof by, "%.30s%s%.30s", s.role, s.person[0] ? " " : "", s.person);
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "what", "sign");
    doc_set_text(a, d, "subject", list->subject);
    doc_set_text(a, d, "by", by);
    doc_set(a, d, "envelope", (struct doc *)s.envelope);
    outcome o = checklist_judge(&c->checklists, d, told);
    if (!ok(o)) snprintf(why, ASSURANCE_WHY, "not-answered: %.150s", told);
    return ok(o) ? core_write(c, ENTRY_CHECKLIST, d, true) : o;
}

outcome core_checklist(void *ctx, struct bytes json, char why[ASSURANCE_WHY])
{
    struct arena a = ARENA(4u << 20);
    outcome o = take_signed(ctx, json, &a, why);
    arena_deinit(&a);
    return o;
}

outcome connect_signed_then(struct core *c, const struct doc *d, int64_t at_ms)
{
    struct arena a = ARENA(4u << 20);
    struct assurance_signed s;
    char why[ASSURANCE_WHY] = "";
    const struct checklist *list = checklist_of(&c->checklists, doc_text(d, "subject", ""));
    outcome o = list ? core_signed_then(c, "checklist", d, &(struct signed_then) { at_ms, &a, &s }) : REFUSE(E_UNKNOWN);
    if (ok(o) && strcmp(doc_text(s.payload, "subject", ""), list->subject) != 0) o = REFUSE(E_DENIED);
    if (ok(o)) o = same_answers(list, s.payload, why);
    arena_deinit(&a);
    return o;
}
