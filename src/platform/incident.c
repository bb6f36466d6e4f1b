#include "platform/incident.h"
#include "platform/member.h"

#include <stdio.h>

#include "base/mem.h"

static outcome refuse(enum code code, const char *text, const char **ret_why)
{
    if (ret_why) *ret_why = text;
    return REFUSE(code);
}

struct incident *incident_find(const struct incidents *all, const char *id)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->at[i].id, id) == 0) return &all->at[i];
    return NULL;
}

void incident_next_id(const struct incidents *all, char id[INCIDENT_ID])
{
    snprintf(id, INCIDENT_ID, "INC-%zu", all->n + 1);
}

bool incidents_open(const struct incidents *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (!all->at[i].closed_ms) return true;
    return false;
}

bool incident_missed(const struct incident_duty *d, int64_t now_ms)
{
    return !d->done_ms && now_ms > d->due_ms;
}

static struct incident_duty *duty_of(struct incident *i, const char *id)
{
    for (size_t k = 0; k < i->n_duties; k++)
        if (strcmp(i->duties[k].id, id) == 0) return &i->duties[k];
    return NULL;
}

/* ---- steps ---- */

static MUST outcome judge_duties(const struct doc *list, const char **ret_why)
{
    if (!list || list->kind != DOC_LIST || list->count > INCIDENT_DUTIES) return refuse(E_MALFORMED, "duties: expected a list of at most 16", ret_why);
    for (const struct doc *d = list->first; d; d = d->next) {
        const char *id = doc_text(d, "id", "");
        int64_t minutes = doc_int(d, "minutes", 0);
        if (!member_words(id, INCIDENT_DUTY_ID)) return refuse(E_MALFORMED, "duties: id", ret_why);
        if (minutes < 1 || minutes > INCIDENT_MINUTES_MAX) return refuse(E_RANGE, "duties: minutes", ret_why);
        for (const struct doc *e = list->first; e != d; e = e->next)
            if (strcmp(doc_text(e, "id", ""), id) == 0) return refuse(E_CONFLICT, "duties: one twice", ret_why);
    }
    return DONE;
}

static MUST outcome judge_open(const struct incidents *all, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    char next[INCIDENT_ID];
    int64_t noticed;
    const char *cause = doc_text(d, "cause", "");
    incident_next_id(all, next);
    if (all->n == INCIDENT_MAX) return refuse(E_FULL, "no room for another", ret_why);
    if (strcmp(doc_text(d, "id", ""), next) != 0) return refuse(E_CONFLICT, "id: not the next number", ret_why);
    if (*cause && !member_words(cause, sizeof all->at->cause)) return refuse(E_MALFORMED, "cause", ret_why);
    if (!member_words(doc_text(d, "title", ""), INCIDENT_TEXT)) return refuse(E_MALFORMED, "reason: expected 1 to 399 bytes", ret_why);
    if (!ok(time_parse(bytes_str(doc_text(d, "noticed", "")), &noticed)) || noticed > at_ms) return refuse(E_RANGE, "noticed: expected a time that has passed", ret_why);
    if (strlen(doc_text(d, "root", "")) != 64 || doc_int(d, "size", -1) < 0) return refuse(E_MALFORMED, "root", ret_why);
    return judge_duties(doc_get(d, "duties"), ret_why);
}

static MUST outcome judge_close(struct incident *i, const struct doc *d, const char **ret_why)
{
    if (doc_int(d, "loss_yen", -1) < 0 || doc_int(d, "loss_minutes", -1) < 0) return refuse(E_RANGE, "loss: expected yen and minutes, 0 for none", ret_why);
    for (size_t k = 0; k < i->n_duties; k++)
        if (!i->duties[k].done_ms) return refuse(E_CONFLICT, "a report is still owed: sent, or waived with a reason", ret_why);
    return DONE;
}

static MUST outcome judge_step(struct incident *i, const struct doc *d, const char **ret_why)
{
    static const char *const verbs[] = { "manual", "note", "sent", "waive", "close" };
    const char *what = doc_text(d, "what", "");
    bool known = false;
    for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++) known |= strcmp(what, verbs[k]) == 0;
    if (!known) return refuse(E_MALFORMED, "what", ret_why);
    if (!member_words(doc_text(d, "why", ""), INCIDENT_TEXT)) return refuse(E_MALFORMED, "reason: expected 1 to 399 bytes", ret_why);
    if (i->closed_ms) return refuse(E_CONFLICT, "it is closed", ret_why);
    if (strcmp(what, "manual") == 0 && i->manual_ms) return refuse(E_CONFLICT, "manual operation is declared already", ret_why);
    if (strcmp(what, "close") == 0) return judge_close(i, d, ret_why);
    if (strcmp(what, "sent") != 0 && strcmp(what, "waive") != 0) return DONE;
    const struct incident_duty *duty = duty_of(i, doc_text(d, "duty", ""));
    if (!duty) return refuse(E_UNKNOWN, "no such report is due", ret_why);
    return duty->done_ms ? refuse(E_CONFLICT, "that report is done", ret_why) : DONE;
}

outcome incident_judge(const struct incidents *all, const struct doc *d, int64_t at_ms, const char **ret_why)
{
    if (!d || d->kind != DOC_MAP || !member_words(doc_text(d, "by", ""), sizeof all->at->opened_by)) return refuse(E_MALFORMED, "by", ret_why);
    if (strcmp(doc_text(d, "what", ""), "open") == 0) return judge_open(all, d, at_ms, ret_why);
    struct incident *i = incident_find(all, doc_text(d, "id", ""));
    return i ? judge_step(i, d, ret_why) : refuse(E_UNKNOWN, "no such incident", ret_why);
}

static MUST outcome room(struct incidents *all)
{
    if (all->n < all->cap) return DONE;
    size_t cap = all->cap ? 2 * all->cap : 4;
    struct incident *more = mem_grow(all->at, cap * sizeof *more);
    if (!more) return REFUSE(E_MEMORY);
    all->at = more;
    all->cap = cap;
    return DONE;
}

static void copy(char *to, size_t size, const struct doc *d, const char *key)
{
    snprintf(to, size, "%s", doc_text(d, key, ""));
}

static MUST outcome apply_open(struct incidents *all, const struct doc *d, int64_t at_ms)
{
    TRY(room(all));
    struct incident *i = &all->at[all->n];
    *i = (struct incident) { .opened_ms = at_ms, .size = (uint64_t)doc_int(d, "size", 0) };
    TRY(time_parse(bytes_str(doc_text(d, "noticed", "")), &i->noticed_ms));
    copy(i->id, sizeof i->id, d, "id");
    copy(i->cause, sizeof i->cause, d, "cause");
    copy(i->title, sizeof i->title, d, "title");
    copy(i->root, sizeof i->root, d, "root");
    copy(i->opened_by, sizeof i->opened_by, d, "by");
    for (const struct doc *e = doc_get(d, "duties")->first; e; e = e->next) {
        struct incident_duty *duty = &i->duties[i->n_duties++];
        copy(duty->id, sizeof duty->id, e, "id");
        duty->due_ms = i->noticed_ms + doc_int(e, "minutes", 0) * MS_MINUTE;
    }
    all->n++;
    return DONE;
}

outcome incident_apply(struct incidents *all, const struct doc *d, int64_t at_ms)
{
    TRY(incident_judge(all, d, at_ms, NULL));
    const char *what = doc_text(d, "what", "");
    if (strcmp(what, "open") == 0) return apply_open(all, d, at_ms);
    struct incident *i = incident_find(all, doc_text(d, "id", ""));
    if (strcmp(what, "manual") == 0) {
        i->manual_ms = at_ms;
        copy(i->manual, sizeof i->manual, d, "why");
        copy(i->manual_by, sizeof i->manual_by, d, "by");
    } else if (strcmp(what, "close") == 0) {
        i->closed_ms = at_ms;
        i->loss_yen = doc_int(d, "loss_yen", 0);
        i->loss_minutes = doc_int(d, "loss_minutes", 0);
        copy(i->finding, sizeof i->finding, d, "why");
        copy(i->closed_by, sizeof i->closed_by, d, "by");
    } else if (strcmp(what, "note") != 0) {
        struct incident_duty *duty = duty_of(i, doc_text(d, "duty", ""));
        duty->done_ms = at_ms;
        duty->waived = strcmp(what, "waive") == 0;
        copy(duty->by, sizeof duty->by, d, "by");
        copy(duty->why, sizeof duty->why, d, "why");
    }
    return DONE;
}

void incidents_deinit(struct incidents *all)
{
    mem_free(all->at);
    *all = (struct incidents) { 0 };
}

/* ---- shown ---- */

static struct doc *duties_doc(struct arena *a, const struct incident *i, int64_t now_ms)
{
    struct doc *list = doc_list(a);
    for (size_t k = 0; k < i->n_duties; k++) {
        const struct incident_duty *duty = &i->duties[k];
        struct doc *d = doc_map(a);
        int64_t then = duty->done_ms ? duty->done_ms : now_ms;
        doc_set_text(a, d, "id", duty->id);
        doc_set_time(a, d, "due", duty->due_ms);
        doc_set_time(a, d, "done", duty->done_ms);
        doc_set_bool(a, d, "waived", duty->waived);
        doc_set_bool(a, d, "late", !duty->waived && then > duty->due_ms);
        doc_set_text(a, d, "by", duty->by);
        doc_set_text(a, d, "why", duty->why);
        doc_add(list, d);
    }
    return list;
}

struct doc *incident_doc(struct arena *a, const struct incident *i, int64_t now_ms)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", i->id);
    doc_set_text(a, d, "cause", i->cause);
    doc_set_text(a, d, "title", i->title);
    doc_set_text(a, d, "state", i->closed_ms ? "closed" : "open");
    doc_set_text(a, d, "state_ja", i->closed_ms ? "終結" : "対応中");
    doc_set_text(a, d, "state_en", i->closed_ms ? "closed" : "open");
    doc_set_text(a, d, "opened_by", i->opened_by);
    doc_set_time(a, d, "opened", i->opened_ms);
    doc_set_time(a, d, "noticed", i->noticed_ms);
    doc_set_int(a, d, "size", (int64_t)i->size);
    doc_set_text(a, d, "root", i->root);
    doc_set_text(a, d, "manual", i->manual);
    doc_set_text(a, d, "manual_by", i->manual_by);
    doc_set_time(a, d, "manual_since", i->manual_ms);
    doc_set(a, d, "duties", duties_doc(a, i, now_ms));
    doc_set_time(a, d, "closed", i->closed_ms);
    doc_set_text(a, d, "closed_by", i->closed_by);
    doc_set_text(a, d, "finding", i->finding);
    doc_set_int(a, d, "loss_yen", i->loss_yen);
    doc_set_int(a, d, "loss_minutes", i->loss_minutes);
    return d;
}
