#include "node/react.h"

#include <stdio.h>

#include "node/alerts.h"
#include "node/core.h"
#include "node/learn.h"
#include "node/work.h"
#include "watch/observed.h"

static void contained_by_person(struct core *c, const struct doc *d)
{
    bool person = strcmp(doc_text(d, "what", ""), "begin") == 0 && !doc_text(d, "rule", "")[0];
    if (person && strcmp(doc_text(d, "measure", ""), "quarantine") == 0)
        core_fact(c, ASSURANCE_CONTAIN, doc_text(d, "device", ""), FACT_PASS, FACT_BY_GATE, false, "quarantined");
}

outcome react_judge(const struct core *c, const struct doc *d, char why[REACTION_WHY])
{
    const char *device = doc_text(d, "device", ""), *what = doc_text(d, "what", "");
    TRY(reaction_judge(&c->reactions, d, port_wall_ms(), why));
    bool about = strcmp(what, "begin") == 0 || strcmp(what, "profile") == 0 || (strcmp(what, "rule") == 0 && *device);
    if (!about) return DONE;
    const struct identity *i = registry_identity(c->registry, device);
    if (i && i->role != ROLE_PEER) return DONE;
    if (why) snprintf(why, REACTION_WHY, i ? "a peer is suspended, not contained (sekimori peer suspend)" : "device: no such identity");
    return REFUSE(i ? E_CONFLICT : E_UNKNOWN);
}

outcome react_taken(struct core *c, const struct doc *d, int64_t at_ms)
{
    TRY(reaction_apply(&c->reactions, d, at_ms));
    c->access.reactions = &c->reactions;
    if (c->exchange) exchange_rejudge(c->exchange);
    if (c->service) contained_by_person(c, d); /* replayed facts come from their own entries */
    return DONE;
}

/* ---- what is seen ---- */

static bool waits(const struct core *c, const char *device, const char *cause)
{
    for (size_t i = 0; i < c->n_reacting; i++)
        if (strcmp(c->reacting[i].device, device) == 0 && strcmp(c->reacting[i].cause, cause) == 0) return true;
    return false;
}

void react_alarm(struct core *c, const char *device, const char *cause, const char *text)
{
    if (c->n_reacting == REACT_WAITING || waits(c, device, cause)) return;
    struct react_waiting *w = &c->reacting[c->n_reacting++];
    snprintf(w->device, sizeof w->device, "%.63s", device);
    snprintf(w->cause, sizeof w->cause, "%.23s", cause);
    snprintf(w->text, sizeof w->text, "%.119s", text);
}

/* Its evidence, its alarms, and the commands to it are every device's own. */
static bool own_path(const struct core *c, const struct identity *who, struct bytes topic)
{
    static const char *const classes[] = { "att", "a", "cmd" };
    struct topic_parts p;
    if (!access_topic(&c->access, topic, &p) || !bytes_equal_str(p.device, who->id)) return false;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (bytes_equal_str(p.class, classes[i])) return true;
    return false;
}

void react_saw(struct core *c, const struct identity *who, struct bytes topic, bool subscribe)
{
    const struct reaction_profile *p = c->reactions.n_profiles ? reaction_profile_of(&c->reactions, who->id) : NULL;
    char text[120];
    if (!p || own_path(c, who, topic) || reaction_inside(p, subscribe, topic)) return;
    observed_text(topic, text, sizeof text);
    react_alarm(c, who->id, "left-profile", text);
}

/* ---- what is done ---- */

/* One a device and hour, as long as nothing else is said of it: whoever floods fills no record. */
static bool said_lately(struct core *c, const char *device, int64_t now_ms)
{
    void *seen = map_get(&c->left_profile, bytes_str(device));
    uintptr_t hour = (uintptr_t)(now_ms / MS_HOUR) + 1;
    if (seen == (void *)hour) return true;
    (void)!ok(map_put(&c->left_profile, bytes_str(device), (void *)hour));
    return false;
}

static void say_left(struct core *c, const struct react_waiting *w, int64_t now_ms)
{
    char ja[256], en[256];
    const struct identity *i = registry_identity(c->registry, w->device);
    const struct reaction_profile *p = reaction_profile_of(&c->reactions, w->device);
    if (said_lately(c, w->device, now_ms)) return;
    snprintf(ja, sizeof ja, "製造者の定め（%.40s）にない通信をした：%.110s", p ? p->name : "", w->text);
    snprintf(en, sizeof en, "it did what its maker's profile (%.40s) does not list: %.110s", p ? p->name : "", w->text);
    learn_said(c, &(struct alert_said) { "left-profile", w->device, i ? i->group : "", w->text, ja, en, now_ms });
}

static void act(struct core *c, const struct react_waiting *w, int64_t now_ms)
{
    const struct identity *i = registry_identity(c->registry, w->device);
    struct reaction_case k = { w->device, i ? i->group : "", w->cause, now_ms };
    const struct reaction_rule *r = i && i->role != ROLE_PEER ? reaction_rule_for(&c->reactions, &k) : NULL;
    if (!r || work_covering(c, w->device, now_ms)) return; /* planned work raises no reaction */
    if (reaction_on(&c->reactions, w->device, r->measure, now_ms)) return;
    struct arena a = ARENA(65536);
    char why[REACTION_TEXT];
    snprintf(why, sizeof why, "%.23s: %.110s", w->cause, w->text);
    struct reaction_begin b = { w->device, w->cause, r->id, r->by, why, r->measure, now_ms + r->minutes * MS_MINUTE };
    const struct doc *d = reaction_begin_doc(&a, &c->reactions, &b);
    outcome o = d ? react_judge(c, d, NULL) : REFUSE(E_MEMORY);
    if (ok(o)) o = core_write(c, ENTRY_REACTION, d, false); /* a tightening: in force, then on disk */
    if (ok(o) && c->service) service_event(c->service, "reaction", d);
    if (!ok(o)) core_audit(c, "reaction-failed", "device", w->device, "why", code_word(o.code), NULL);
    arena_deinit(&a);
}

static void end_overdue(struct core *c, int64_t wall_ms)
{
    for (size_t i = 0; c->reactions.running && i < c->reactions.n; i++) {
        if (!reaction_overdue(c->reactions.at[i], wall_ms)) continue;
        struct arena a = ARENA(65536);
        const struct doc *d = reaction_end_doc(&a, c->reactions.at[i]->id, "sekimori", "time-over");
        (void)!ok(core_write(c, ENTRY_REACTION, d, false)); /* its end counts by itself: the path asks the time */
        if (c->service) service_event(c->service, "reaction", d);
        arena_deinit(&a);
    }
}

void react_turn(struct core *c, int64_t wall_ms)
{
    for (size_t i = 0; i < c->n_reacting; i++) {
        const struct react_waiting w = c->reacting[i];
        act(c, &w, wall_ms);
        if (strcmp(w.cause, "left-profile") == 0) say_left(c, &w, wall_ms);
    }
    c->n_reacting = 0;
    end_overdue(c, wall_ms);
}

/* ---- rules ---- */

static MUST outcome take_rule(struct core *c, struct bytes json, struct arena *a, char why[ASSURANCE_WHY])
{
    static const char *const texts[] = { "id", "cause", "device", "group", "measure" };
    struct assurance_signed s;
    char by[64], told[REACTION_WHY] = "";
    TRY(assurance_verify(c->assurance, "reaction", json, core_wall(c), a, &s, why));
    struct doc *d = doc_map(a);
    snprintf(by, sizeof by, "%.30s%s%.30s", s.role, s.person[0] ? " " : "", s.person);
    doc_set_text(a, d, "what", "rule");
    doc_set_text(a, d, "by", by);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) doc_set_text(a, d, texts[i], doc_text(s.payload, texts[i], ""));
    doc_set_int(a, d, "minutes", doc_int(s.payload, "minutes", 0));
    doc_set_int(a, d, "at_most", doc_int(s.payload, "at_most", 0));
    doc_set(a, d, "envelope", (struct doc *)s.envelope);
    outcome o = react_judge(c, d, told);
    if (!ok(o)) snprintf(why, ASSURANCE_WHY, "reaction: %.150s", told);
    return ok(o) ? core_write(c, ENTRY_REACTION, d, true) : o;
}

outcome core_reaction_rule(void *ctx, struct bytes json, char why[ASSURANCE_WHY])
{
    struct arena a = ARENA(4u << 20);
    outcome o = take_rule(ctx, json, &a, why);
    arena_deinit(&a);
    return o;
}

outcome react_rule_then(struct core *c, const struct doc *d, int64_t at_ms)
{
    static const char *const texts[] = { "id", "cause", "device", "group", "measure" };
    struct arena a = ARENA(4u << 20);
    struct assurance_signed s;
    outcome o = core_signed_then(c, "reaction", d, &(struct signed_then) { at_ms, &a, &s });
    for (size_t i = 0; ok(o) && i < sizeof texts / sizeof *texts; i++)
        if (strcmp(doc_text(d, texts[i], ""), doc_text(s.payload, texts[i], "")) != 0) o = REFUSE(E_DENIED);
    bool same = !ok(o) || (doc_int(d, "minutes", 0) == doc_int(s.payload, "minutes", 0) && doc_int(d, "at_most", 0) == doc_int(s.payload, "at_most", 0));
    arena_deinit(&a);
    return same ? o : REFUSE(E_DENIED);
}
