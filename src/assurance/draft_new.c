/* The bytes people sign, made of what a person wants. The server proposes; only a signature makes anything of it. */
#include "assurance/draft_inside.h"

#include <stdio.h>

static MUST outcome say_wrong(const char *member, char why[ASSURANCE_WHY])
{
    return document_refuse(CAUSE_MALFORMED, member, why);
}

/* ---- what was weighed ---- */

static struct decision_option *option_more(struct decision *d, const char *id, const char *ja, const char *en)
{
    struct decision_option *o = &d->options[d->n_options++];
    (void)snprintf(o->id, sizeof o->id, "%s", id);
    (void)snprintf(o->name.ja, sizeof o->name.ja, "%s", ja);
    (void)snprintf(o->name.en, sizeof o->name.en, "%s", en);
    return o;
}

void decision_weigh(struct decision *d, const struct doc *insight)
{
    const struct doc *list = doc_get(doc_get(insight, "options"), "alone"), *functions = doc_get(insight, "functions");
    if (!list) return;
    struct decision_option *as_is = option_more(d, "as-is", "何もしない（現状）", "do nothing (as it is)");
    as_is->left_yen = doc_int(insight, "residual_yen", 0);
    as_is->outages_ppb = doc_int(insight, "outages_decision_ppb", 0);
    as_is->hours_mille = functions && functions->first ? doc_int(functions->first, "hours_decision_mille", 0) : 0;
    for (const struct doc *x = list->first; x && d->n_options < DECISION_OPTIONS_MAX; x = x->next) {
        struct decision_option *o = option_more(d, doc_text(x, "id", ""), doc_text(x, "name_ja", ""), doc_text(x, "name_en", ""));
        o->cost_yen = doc_int(x, "cost_yen", 0);
        o->left_yen = doc_int(x, "left_yen", 0);
        o->outages_ppb = doc_int(x, "outages_ppb", 0);
        o->hours_mille = doc_int(x, "hours_mille", 0);
    }
}

outcome decision_choose(struct decision *d, const char *option)
{
    const char *want = option[0] ? option : "as-is";
    if (!d->n_options && !option[0]) return DONE;
    for (size_t i = 0; i < d->n_options; i++) {
        if (strcmp(d->options[i].id, want) != 0) continue;
        (void)snprintf(d->chosen, sizeof d->chosen, "%s", want);
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

void decision_cite(const struct assurance *a, struct decision *d)
{
    const struct figure_note *n = a->n_notes ? &a->notes[a->n_notes - 1] : NULL;
    const struct figure_line *l = n ? figure_line_of(n, d->mission) : NULL;
    d->rank = 5;
    if (!l) return;
    memcpy(d->assessment_id, n->id, sizeof d->assessment_id);
    memcpy(d->assessment_hash, n->hash, sizeof d->assessment_hash);
    d->decision_yen = l->decision_yen;
    d->expected_yen = l->expected_yen;
    d->rank = l->rank >= 1 && l->rank <= 5 ? l->rank : 5;
}

/* ---- a new one ---- */

/* "D-7" after "D-6", whether decided or on its way. */
static void next_id(const struct assurance *a, char id[DECISION_ID])
{
    unsigned long last = 0;
    for (size_t i = 0; i < a->n_cases + a->n_drafts; i++) {
        const char *is = i < a->n_cases ? a->cases[i]->decision.id : a->drafts[i - a->n_cases]->id;
        unsigned long v = 0;
        const char *p = strncmp(is, "D-", 2) == 0 ? is + 2 : "x";
        while (*p >= '0' && *p <= '9' && v < 1000000) v = v * 10 + (unsigned long)(*p++ - '0');
        if (!*p && v > last) last = v;
    }
    (void)snprintf(id, DECISION_ID, "D-%lu", last + 1);
}

static MUST outcome add_rules(const struct assurance *a, struct decision *d, const struct doc *list, bool enforced, char why[ASSURANCE_WHY])
{
    for (const struct doc *x = list && list->kind == DOC_LIST ? list->first : NULL; x; x = x->next) {
        const char *id = x->kind == DOC_TEXT ? x->text : "";
        size_t at = model_condition(a->model, id);
        if (at == SIZE_MAX || d->n_rules == DECISION_RULES_MAX) return document_refuse(CAUSE_CONDITION, id, why);
        const struct model_condition *m = &a->model->conditions[at];
        struct decision_rule *r = &d->rules[d->n_rules++];
        *r = (struct decision_rule) { .mode = m->mode, .enforced = enforced };
        memcpy(r->condition, m->id, sizeof r->condition);
        memcpy(r->stream, m->stream, sizeof r->stream);
    }
    return DONE;
}

static MUST outcome add_words(const struct doc *wish, struct decision *d, char why[ASSURANCE_WHY])
{
    const char *ja = doc_text(wish, "reason_ja", ""), *en = doc_text(wish, "reason_en", "");
    bool good = ok(bytes_to_text(bytes_str(*ja ? ja : en), d->reason.ja, sizeof d->reason.ja))
        && ok(bytes_to_text(bytes_str(*en ? en : ja), d->reason.en, sizeof d->reason.en));
    return good && d->reason.ja[0] ? DONE : say_wrong("reason", why);
}

static MUST outcome add_terms(const struct doc *wish, struct decision *d, char why[ASSURANCE_WHY])
{
    const char *accept = doc_text(wish, "accept", "accept"), *loosen = doc_text(wish, "loosen", "two");
    int64_t days = doc_int(wish, "days", decision_validity_ms(d->rank) / MS_DAY), dwell_s = doc_int(wish, "dwell_s", 10);
    d->accept = strcmp(accept, "conditions") == 0 ? DECISION_CONDITIONS : DECISION_ACCEPT;
    if (d->accept == DECISION_ACCEPT && strcmp(accept, "accept") != 0) return say_wrong("accept", why);
    d->loosen = strcmp(loosen, "auto") == 0 ? DECISION_LOOSEN_AUTO : DECISION_LOOSEN_TWO;
    if (d->loosen == DECISION_LOOSEN_TWO && strcmp(loosen, "two") != 0) return say_wrong("loosen", why);
    if (!ok(decision_mode_parse(doc_text(wish, "fallback", "hold"), &d->fallback))) return say_wrong("fallback", why);
    if (dwell_s < 0 || dwell_s > 30 * 86400) return say_wrong("dwell_s", why);
    d->dwell_ms = dwell_s * MS_S;
    if (days < 1 || days > 365) return say_wrong("days", why);
    d->expires_ms = d->at_ms + days * MS_DAY;
    if (doc_text(wish, "expires", "")[0] && !ok(document_time(wish, "expires", &d->expires_ms))) return say_wrong("expires", why);
    return d->expires_ms > d->at_ms ? DONE : say_wrong("expires", why);
}

static MUST outcome fill(struct assurance *a, const struct doc *wish, int64_t now_ms, struct arena *arena, struct decision *d, char why[ASSURANCE_WHY])
{
    const char *mission = doc_text(wish, "mission", "");
    if (!a->model) return document_refuse(CAUSE_NO_MODEL, NULL, why);
    size_t at = model_mission(a->model, mission);
    if (at == SIZE_MAX) return document_refuse(CAUSE_MISSION, mission, why);
    d->at_ms = now_ms;
    d->margin_mille = DECISION_MARGIN_MILLE;
    d->tolerance_yen = a->model->missions[at].tolerance_yen;
    memcpy(d->mission, a->model->missions[at].id, sizeof d->mission);
    (void)snprintf(d->site, sizeof d->site, "%s", a->charter.site);
    next_id(a, d->id);
    decision_cite(a, d);
    if (!d->assessment_id[0]) return document_refuse(CAUSE_ASSESSMENT, NULL, why);
    TRY(add_terms(wish, d, why));
    TRY(add_words(wish, d, why));
    TRY(add_rules(a, d, doc_get(wish, "enforce"), true, why));
    TRY(add_rules(a, d, doc_get(wish, "observe"), false, why));
    decision_weigh(d, assurance_insight(a, arena, d->mission, now_ms));
    const char *choice = doc_text(wish, "choose", "");
    return ok(decision_choose(d, choice)) ? DONE : document_refuse(CAUSE_OPTION, choice, why);
}

/* ---- a difference of view, within what is on its way ---- */

static MUST outcome differ(struct assurance *a, const struct doc *wish, int64_t now_ms, struct arena *arena, struct decision *d, char why[ASSURANCE_WHY])
{
    struct document of;
    struct decision *in;
    const struct draft *dr = draft_find(a, doc_text(wish, "draft", ""));
    if (!dr || dr->end != DRAFT_GOES) return document_refuse(CAUSE_DRAFT, doc_text(wish, "draft", ""), why);
    if (!ok(draft_read(a, dr, now_ms, arena, &of, &in))) return document_refuse(CAUSE_MEMORY, NULL, why);
    *d = *in;
    if (d->n_differences == DECISION_DIFFERENCES_MAX) return say_wrong("difference", why);
    struct decision_difference *x = &d->differences[d->n_differences++];
    const char *text = doc_text(wish, "difference", "");
    if (!ok(charter_role_parse(doc_text(wish, "role", ""), &x->role))) return say_wrong("role", why);
    if (!text[0] || !ok(bytes_to_text(bytes_str(text), x->text, sizeof x->text))) return say_wrong("difference", why);
    d->at_ms = now_ms > dr->at_ms ? now_ms : dr->at_ms + 1;
    return DONE;
}

outcome assurance_compose(struct assurance *a, const struct doc *wish, int64_t now_ms, struct arena *arena, const struct doc **ret,
    char why[ASSURANCE_WHY])
{
    struct decision *d = arena_new(arena, sizeof *d);
    why[0] = 0;
    if (!d) return document_refuse(CAUSE_MEMORY, NULL, why);
    *d = (struct decision) { 0 };
    if (doc_get(wish, "draft")) TRY(differ(a, wish, now_ms, arena, d, why));
    else TRY(fill(a, wish, now_ms, arena, d, why));
    struct document whole = { .payload = decision_doc(d, arena), .rank_worst = 5 };
    struct decision *again = arena_new(arena, sizeof *again);
    if (!whole.payload || !again) return document_refuse(CAUSE_MEMORY, NULL, why);
    TRY(decision_check(a, &whole, now_ms, again, why)); /* nobody signs what would be refused */
    *ret = whole.payload;
    return DONE;
}

outcome assurance_compose_opinion(struct assurance *a, const struct doc *wish, int64_t now_ms, struct arena *arena, const struct doc **ret,
    char why[ASSURANCE_WHY])
{
    const struct draft *dr = draft_find(a, doc_text(wish, "draft", ""));
    const char *text = doc_text(wish, "text", "");
    struct doc *d = doc_map(arena);
    why[0] = 0;
    if (!dr || dr->end != DRAFT_GOES) return document_refuse(CAUSE_DRAFT, doc_text(wish, "draft", ""), why);
    if (!text[0] || strlen(text) >= DRAFT_WORDS) return say_wrong("text", why);
    doc_set_text(arena, d, "type", document_type_word(DOCUMENT_OPINION));
    doc_set_text(arena, d, "site", a->charter.site);
    doc_set_time(arena, d, "at", now_ms);
    doc_set_text(arena, d, "decision", dr->id);
    doc_set_text(arena, d, "payload_sha256", dr->payload_hash);
    doc_set_text(arena, d, "answer", doc_text(wish, "answer", ""));
    doc_set_text(arena, d, "text", text);
    *ret = d;
    return d ? DONE : document_refuse(CAUSE_MEMORY, NULL, why);
}
