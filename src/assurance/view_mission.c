/* One mission: service terms, what the result rests on, figures, what threatens it most. */
#include "assurance/state.h"

#include <stdio.h>
#include <stdlib.h>

static bool compromised(const struct assurance *a, const char *group)
{
    for (size_t i = 0; i < a->n_events; i++)
        if (!a->events[i].contained
            && strcmp(evidence_group(a->evidence, a->model, a->events[i].asset), group) == 0)
            return true;
    return false;
}

static struct doc *depend_doc(const struct assurance *a, const struct model_function *f, size_t i,
    struct arena *arena)
{
    struct doc *d = doc_map(arena);
    size_t group = model_group(a->model, f->depends[i]), other = model_alternative(a->model, f->depends[i]);
    const struct model_text *name = group != SIZE_MAX ? &a->model->groups[group].name
        : other != SIZE_MAX                           ? &a->model->alternatives[other].name
                                                      : NULL;
    doc_set_text(arena, d, "id", f->depends[i]);
    set_both(arena, d, "name", name ? name->ja : f->depends[i], name ? name->en : f->depends[i]);
    doc_set_text(arena, d, "kind", group != SIZE_MAX ? "group" : other != SIZE_MAX ? "alternative" : "?");
    doc_set_int(arena, d, "effect_mille", f->effect_mille[i]);
    doc_set_text(arena, d, "by", f->by[i]);
    doc_set_bool(arena, d, "compromised", group != SIZE_MAX && compromised(a, f->depends[i]));
    doc_set_bool(arena, d, "simulated", group != SIZE_MAX && a->model->groups[group].simulated);
    doc_set_int(arena, d, "hours_mille", other != SIZE_MAX ? a->model->alternatives[other].hours_mille : 0);
    return d;
}

static struct doc *function_doc(const struct assurance *a, const struct model_function *f, struct arena *arena)
{
    struct doc *d = doc_map(arena), *list = doc_list(arena);
    doc_set_text(arena, d, "id", f->id);
    set_both(arena, d, "name", f->name.ja, f->name.en);
    set_both(arena, d, "minimum", f->minimum.ja, f->minimum.en);
    doc_set_int(arena, d, "outage_tolerable_min", f->outage_tolerable_min);
    doc_set_int(arena, d, "households", f->customers);
    for (size_t i = 0; i < f->n_depends; i++) doc_add(list, depend_doc(a, f, i, arena));
    doc_set(arena, d, "depends", list);
    return d;
}

static struct doc *functions_doc(const struct assurance *a, const struct model_mission *m, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    for (size_t i = 0; i < m->n_functions; i++) {
        size_t at = model_function(a->model, m->functions[i]);
        if (at != SIZE_MAX) doc_add(list, function_doc(a, &a->model->functions[at], arena));
    }
    return list;
}

static struct doc *figures_doc(const struct assess_mission *s, struct arena *arena)
{
    const struct assess_figure *e = &s->figure[RISK_EXPECTED], *c = &s->figure[RISK_DECISION];
    struct doc *d = doc_map(arena);
    doc_set_int(arena, d, "decision_yen", c->residual_yen);
    doc_set_int(arena, d, "expected_yen", e->residual_yen);
    doc_set_int(arena, d, "inherent_decision_yen", c->inherent_yen);
    doc_set_int(arena, d, "inherent_expected_yen", e->inherent_yen);
    doc_set_int(arena, d, "potential_decision_yen", c->potential_yen);
    doc_set_int(arena, d, "potential_expected_yen", e->potential_yen);
    doc_set_int(arena, d, "outages_decision_ppb", c->outage_ppb);
    doc_set_int(arena, d, "outages_expected_ppb", e->outage_ppb);
    set_both(arena, d, "text",
        "控えめに見た値は、攻撃が想定の上限まで多く、実測で裏づけた対策だけが効くとした値です。制限がないものとして計算します。",
        "The decision figure assumes attackers as busy as we believe possible and only proven protection. "
        "Figures are as if no limit were in force.");
    return d;
}

static void money_set(const struct model_mission *m, const struct assess_mission *s, struct arena *arena,
    struct doc *d)
{
    struct sentence now, may;
    char ja[1100], en[1100];
    sentence_yen(s->figure[RISK_DECISION].residual_yen, &now);
    sentence_yen(m->tolerance_yen, &may);
    (void)snprintf(ja, sizeof ja, "%s（許容限度 %s）", now.ja, may.ja);
    (void)snprintf(en, sizeof en, "%s (tolerance %s)", now.en, may.en);
    set_both(arena, d, "money", ja, en);
}

static int by_yen(const void *x, const void *y)
{
    const struct assess_term *p = *(const struct assess_term *const *)x, *q = *(const struct assess_term *const *)y;
    if (p->yen[RISK_DECISION] != q->yen[RISK_DECISION]) return p->yen[RISK_DECISION] > q->yen[RISK_DECISION] ? -1 : 1;
    return p->threat < q->threat ? -1 : p->threat > q->threat;
}

static struct doc *threats_doc(const struct assurance *a, const struct assess_mission *s, struct arena *arena)
{
    const struct assess_term *order[64];
    struct doc *list = doc_list(arena);
    for (size_t i = 0; i < s->n_terms; i++) order[i] = &s->terms[i];
    qsort(order, s->n_terms, sizeof order[0], by_yen);
    for (size_t i = 0; i < s->n_terms; i++) {
        const struct model_threat *t = &a->model->threats[order[i]->threat];
        char rank[3] = { 'R', (char)('0' + order[i]->rank), 0 };
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "id", t->id);
        set_both(arena, d, "name", t->name.ja, t->name.en);
        doc_set_text(arena, d, "layer", t->layer);
        doc_set_text(arena, d, "group", t->group);
        doc_set_text(arena, d, "rank", rank);
        doc_set_int(arena, d, "decision_yen", order[i]->yen[RISK_DECISION]);
        doc_set_int(arena, d, "expected_yen", order[i]->yen[RISK_EXPECTED]);
        doc_set_int(arena, d, "bypass_decision_ppb", order[i]->bypass_ppb[RISK_DECISION]);
        doc_add(list, d);
    }
    return list;
}

static void assessment_set(const struct assurance *a, struct arena *arena, struct doc *d)
{
    if (a->n_notes == 0) return;
    const struct figure_note *n = &a->notes[a->n_notes - 1];
    struct doc *s = doc_map(arena);
    doc_set_text(arena, s, "id", n->id);
    doc_set_text(arena, s, "hash", n->hash);
    doc_set_time(arena, s, "at", n->at_ms);
    doc_set(arena, d, "assessment", s);
}

static void assessed_set(struct assurance *a, size_t i, struct arena *arena, struct doc *d)
{
    const struct assess_mission *s = &a->picture->missions[i];
    struct sentence text = { "", "" };
    char rank[3] = { 'R', (char)('0' + s->rank), 0 };
    sentence_outage(a->model, i, s, &text);
    set_both(arena, d, "sentence", text.ja, text.en);
    doc_set_time(arena, d, "as_of", a->picture->as_of_ms);
    doc_set_int(arena, d, "measured_mille", s->measured_mille);
    doc_set_int(arena, d, "declared_mille", s->declared_mille);
    doc_set_int(arena, d, "default_mille", s->default_mille);
    doc_set_int(arena, d, "used_mille", s->used_mille);
    doc_set_text(arena, d, "rank", rank);
    doc_set(arena, d, "figures", figures_doc(s, arena));
    money_set(&a->model->missions[i], s, arena, d);
    doc_set(arena, d, "threats", threats_doc(a, s, arena));
    assessment_set(a, arena, d);
}

static struct doc *limits_of(struct assurance *a, const struct model_mission *m, struct arena *arena, int64_t now_ms)
{
    struct doc *all = view_limits(a, arena, now_ms), *list = doc_list(arena);
    struct doc *next;
    for (struct doc *l = all ? all->first : NULL; l; l = next) {
        const struct case_file *c = case_find(a, doc_text(l, "decision", ""));
        next = l->next;
        l->next = NULL; /* moved, not copied: the whole list is nobody else's */
        if (!c || strcmp(c->decision.mission, m->id) == 0) doc_add(list, l);
    }
    return list;
}

struct doc *assurance_mission(struct assurance *a, struct arena *arena, const char *id, int64_t now_ms)
{
    size_t i = !a->model ? SIZE_MAX : id && id[0] ? model_mission(a->model, id) : worst_mission(a);
    if (i == SIZE_MAX) return NULL;
    const struct model_mission *m = &a->model->missions[i];
    enum picture p = picture_of(a, i);
    struct doc *d = doc_map(arena), *t = doc_map(arena);
    doc_set_text(arena, d, "id", m->id);
    set_both(arena, d, "organisation", a->model->organisation.ja, a->model->organisation.en);
    set_both(arena, d, "name", m->name.ja, m->name.en);
    set_both(arena, d, "promise", m->name.ja, m->name.en);
    doc_set_text(arena, d, "state", picture_word(p));
    set_both(arena, d, "state", picture_ja(p), picture_en(p));
    set_both(arena, d, "sentence", "", "");
    if (a->has_picture) assessed_set(a, i, arena, d);
    doc_set(arena, d, "functions", functions_doc(a, m, arena));
    doc_set_int(arena, t, "yen", m->tolerance_yen);
    doc_set_int(arena, t, "outages_mille", m->tolerance_outages_mille);
    doc_set(arena, d, "tolerance", t);
    struct doc *stake = view_stake(a, arena, now_ms);
    if (stake) doc_set(arena, d, "at_stake", stake);
    const struct case_file *c = case_of_mission(a, m->id);
    if (c) doc_set(arena, d, "decision", view_case(a, c, arena, now_ms));
    doc_set(arena, d, "limits", limits_of(a, m, arena, now_ms));
    return d;
}
