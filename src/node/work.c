/* Work permits at work: replayed, swapped into access in one step, closed when their window is over. Platform knows who may
 * work where, assurance who may approve it: only here do both meet. */
#include "node/work.h"

#include <stdio.h>

#include "node/core.h"
#include "node/emergency.h"
#include "node/learn.h"

/* The open ones, as the data's path reads them; the old rows are nobody's once the pointer is swapped. */
outcome work_swap(struct core *c)
{
    struct permit *rows = NULL;
    size_t n = emergency_permits(c, NULL);
    for (size_t i = 0; i < c->works.n; i++) n += c->works.at[i]->state == WORK_STARTED;
    if (n && !(rows = mem_new_array(n, sizeof *rows))) return REFUSE(E_MEMORY);
    size_t k = 0;
    for (size_t i = 0; i < c->works.n; i++) {
        const struct work *w = c->works.at[i];
        if (w->state != WORK_STARTED) continue;
        struct permit *p = &rows[k++];
        snprintf(p->id, sizeof p->id, "%s", w->id);
        snprintf(p->subject, sizeof p->subject, "%.63s", w->subject);
        snprintf(p->stream, sizeof p->stream, "%.127s", w->stream);
        p->from_ms = w->from_ms;
        p->until_ms = w->until_ms;
    }
    (void)emergency_permits(c, rows ? rows + k : NULL);
    mem_free(c->permit_rows);
    c->permit_rows = rows;
    c->permits = (struct permits) { rows, n, c->permits.epoch + 1 };
    c->access.permits = &c->permits;
    if (c->exchange) exchange_rejudge(c->exchange);
    return DONE;
}

outcome work_taken(struct core *c, const struct doc *d, int64_t at_ms)
{
    TRY(work_apply(&c->works, d, at_ms));
    return strcmp(doc_text(d, "what", ""), "unusual") == 0 ? DONE : work_swap(c);
}

void work_turn(struct core *c, int64_t wall_ms)
{
    if (wall_ms < works_next_end(&c->works)) return;
    struct arena a = ARENA(65536);
    for (size_t i = 0; i < c->works.n; i++) {
        const struct work *w = c->works.at[i];
        if (!work_overdue(w, wall_ms)) continue;
        struct work_step s = { "close", w->id, "sekimori", "window-over" };
        const struct doc *d = work_step_doc(&a, &s);
        (void)!ok(core_write(c, ENTRY_WORK, d, false)); /* the window counts by itself: the path asks the time */
        if (c->service) service_event(c->service, "work", d);
    }
    arena_deinit(&a);
}

void work_close(struct core *c)
{
    works_deinit(&c->works);
    mem_free(c->permit_rows);
    c->permit_rows = NULL;
}

/* Whether a permit's streams have to do with this device. */
static bool covers_device(const struct core *c, const char *filter, const char *id)
{
    char prefix[ID_MAX + 16];
    int n = snprintf(prefix, sizeof prefix, "sk/v1/%s/", c->config.site);
    if (n < 0 || strncmp(filter, prefix, (size_t)n) != 0) return false;
    size_t len = strlen(id);
    const char *level = filter + n;
    if (level[0] == '#' || level[0] == '+') return true;
    return strncmp(level, id, len) == 0 && (level[len] == '/' || level[len] == 0);
}

const struct work *work_covering(const struct core *c, const char *id, int64_t wall_ms)
{
    for (size_t i = 0; i < c->works.n; i++) {
        const struct work *w = c->works.at[i];
        if (work_open(w, wall_ms) && (strcmp(w->subject, id) == 0 || covers_device(c, w->stream, id))) return w;
    }
    return NULL;
}

/* ---- approval ---- */

/* The signature is on exactly what was asked for. */
static MUST outcome same_request(const struct work *w, const struct doc *payload, struct arena *a, char why[ASSURANCE_WHY])
{
    const struct doc *asked = work_doc(a, w);
    for (size_t i = 0; document_permit_members[i]; i++) {
        const char *key = document_permit_members[i];
        if (strcmp(doc_text(asked, key, ""), doc_text(payload, key, "")) == 0) continue;
        snprintf(why, ASSURANCE_WHY, "other-request: %s", key);
        return REFUSE(E_DENIED);
    }
    return DONE;
}

/* Whoever asks does not approve; nor does whoever will work. */
static MUST outcome other_person(struct core *c, const struct work *w, const struct assurance_signed *d, char why[ASSURANCE_WHY])
{
    const char *const parties[] = { w->requester, w->subject, w->person };
    for (size_t i = 0; i < sizeof parties / sizeof *parties; i++) {
        const struct user *u = users_find(c->users, parties[i]);
        bool named = d->person[0] && strcmp(d->person, parties[i]) == 0;
        unsigned role = strcmp(d->role, "asset-owner") == 0 ? USER_BIT(USER_ASSET_OWNER) : USER_BIT(USER_MISSION_OWNER);
        if (!named && !(u && (u->roles & role))) continue;
        snprintf(why, ASSURANCE_WHY, "one-person-twice: %.60s asked for it or works on it", parties[i]);
        return REFUSE(E_DENIED);
    }
    return DONE;
}

outcome work_approved_then(struct core *c, const struct doc *d, int64_t at_ms)
{
    struct arena a = ARENA(4u << 20);
    struct assurance_signed s;
    char why[ASSURANCE_WHY] = "";
    const struct work *w = work_find(&c->works, doc_text(d, "id", ""));
    outcome o = w ? core_signed_then(c, "permit", d, &(struct signed_then) { at_ms, &a, &s }) : REFUSE(E_UNKNOWN);
    if (ok(o)) o = same_request(w, s.payload, &a, why);
    arena_deinit(&a);
    return o;
}

static MUST outcome approve(struct core *c, struct bytes json, struct arena *a, char why[ASSURANCE_WHY])
{
    struct assurance_signed d;
    char by[64];
    TRY(assurance_verify(c->assurance, "permit", json, core_wall(c), a, &d, why));
    const char *id = doc_text(d.payload, "id", "");
    const struct work *w = work_find(&c->works, id);
    if (!w) {
        snprintf(why, ASSURANCE_WHY, "unknown-permit: %.60s", id);
        return REFUSE(E_UNKNOWN);
    }
    TRY(same_request(w, d.payload, a, why));
    TRY(other_person(c, w, &d, why));
    snprintf(by, sizeof by, "%.30s%s%.30s", d.role, d.person[0] ? " " : "", d.person);
    struct work_step s = { "approve", w->id, by, "" };
    struct doc *step = work_step_doc(a, &s);
    doc_set(a, step, "envelope", (struct doc *)d.envelope);
    char told[WORK_WHY] = "";
    outcome o = work_judge(&c->works, step, told);
    if (!ok(o)) snprintf(why, ASSURANCE_WHY, "permit: %.150s", told);
    return ok(o) ? core_write(c, ENTRY_WORK, step, true) : o;
}

outcome core_permit(void *ctx, struct bytes json, char why[ASSURANCE_WHY])
{
    struct arena a = ARENA(4u << 20);
    outcome o = approve(ctx, json, &a, why);
    arena_deinit(&a);
    return o;
}
