/* The parts of a model beyond missions, threats and controls: zones, flows, what a group needs, suppliers,
 * what may be bought, and what was counted about a threat. */
#include <stdio.h>

#include "assurance/model_value.h"
#include "risk/loss.h"
#include "risk/spread.h"
#include "risk/words.h"

#define OF(type, member) offsetof(struct type, member), sizeof((struct type *)0)->member

const char *const model_effects[] = { "fail", "degrade", "work-around", "nominal", NULL };
const uint32_t model_effects_mille[] = { 1000, 500, 100, 0 };

/* --- zones --- */

static void read_target(struct model_reader *r, const struct doc *d, void *base)
{
    struct model_zone *z = base;
    size_t n = 0;
    if (d->kind != DOC_LIST || d->count != sizeof z->target) {
        model_complain(r, d, "target", "expected seven levels 0 to 4: IAC, UC, SI, DC, RDF, TRE, RA");
        return;
    }
    for (const struct doc *v = d->first; v; v = v->next, n++) {
        if (v->kind != DOC_INT || v->number < 0 || v->number > 4) model_complain(r, v, "target", "expected a level 0 to 4");
        else z->target[n] = (uint8_t)v->number;
    }
}

const struct field model_zone_rows[] = {
    { "id", FIELD_ID, true, OF(model_zone, id) },
    { "name", FIELD_PAIR, true, OF(model_zone, name) },
    { "target", FIELD_OWN, false, 0, 0, .own = read_target },
    { 0 },
};

/* --- what a group needs --- */

struct need {
    char group[MODEL_ID], effect[12];
};

static void add_need(struct model_reader *r, const struct doc *d, const struct need *x, struct model_group *g)
{
    size_t at = g->n_depends;
    if (strcmp(x->group, g->id) == 0 || model_find(g->depends, at, MODEL_ID, x->group) != SIZE_MAX) {
        model_complain(r, d, "depends", "expected each other group once, found \"%s\"", x->group);
        return;
    }
    if (at == sizeof g->depends / sizeof *g->depends) {
        model_complain(r, d, "depends", "expected at most %zu groups", at);
        return;
    }
    memcpy(g->depends[at], x->group, MODEL_ID);
    for (size_t i = 0; model_effects[i]; i++)
        if (strcmp(model_effects[i], x->effect) == 0) g->effect_mille[at] = model_effects_mille[i];
    g->n_depends++;
}

void model_read_group_depends(struct model_reader *r, const struct doc *d, void *base)
{
    static const char *const words[] = { "fail", "degrade", "nominal", NULL };
    static const struct field rows[] = {
        { "group", FIELD_ID, true, OF(need, group) },
        { "effect", FIELD_WORD, true, OF(need, effect), .words = words },
        { 0 },
    };
    if (d->kind != DOC_LIST) {
        model_complain(r, d, "depends", "expected a list of {group: id, effect: fail|degrade|nominal}");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next) {
        struct need x = { 0 };
        size_t before = r->n;
        model_read_map(r, m, rows, &x);
        if (r->n == before) add_need(r, m, &x, base);
    }
}

/* --- flows --- */

static void read_flow_controls(struct model_reader *r, const struct doc *d, void *base)
{
    static const char *const words[] = { "none", "weak", "medium", "strong", NULL };
    struct model_flow *f = base;
    if (d->kind != DOC_MAP) {
        model_complain(r, d, "controls", "expected a map from control to none, weak, medium or strong");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next) {
        char word[8];
        struct risk_strength s;
        if (f->n_controls == sizeof f->controls / sizeof *f->controls) {
            model_complain(r, m, "controls", "expected at most %zu", f->n_controls);
            return;
        }
        if (!model_refers(r, m, "controls", m->key, TO_CONTROL, "a control")) continue;
        if (!model_value_word(r, m, "controls", words, word, sizeof word) || !ok(risk_strength(word, &s))) continue;
        snprintf(f->controls[f->n_controls], sizeof *f->controls, "%s", m->key);
        f->strength_ppb[f->n_controls++] = s.mid;
    }
}

static void read_connect(struct model_reader *r, const struct doc *d, void *base)
{
    struct model_flow *f = base;
    if (model_value_ppb(r, d, "connect", RISK_PPB, &f->connect_ppb) && f->connect_ppb == 0)
        model_complain(r, d, "connect", "expected more than 0: what never connects is no flow");
}

const struct field model_flow_rows[] = {
    { "id", FIELD_ID, true, OF(model_flow, id) },
    { "from", FIELD_ID, true, OF(model_flow, from) },
    { "to", FIELD_ID, true, OF(model_flow, to) },
    { "carries", FIELD_TEXT, false, OF(model_flow, carries) },
    { "checkpoint", FIELD_BOOL, false, OF(model_flow, checkpoint) },
    { "connect", FIELD_OWN, false, 0, 0, .own = read_connect },
    { "controls", FIELD_OWN, false, 0, 0, .own = read_flow_controls },
    { 0 },
};

/* --- suppliers and options --- */

static void read_provides(struct model_reader *r, const struct doc *d, void *base)
{
    struct model_supplier *s = base;
    model_read_ids(r, d, "provides", s->provides, sizeof s->provides / sizeof *s->provides, &s->n_provides);
    for (size_t i = 0; i < s->n_provides; i++) model_refers(r, d, "provides", s->provides[i], TO_GROUP, "a group");
}

const struct field model_supplier_rows[] = {
    { "id", FIELD_ID, true, OF(model_supplier, id) },
    { "name", FIELD_PAIR, true, OF(model_supplier, name) },
    { "provides", FIELD_OWN, true, 0, 0, .own = read_provides },
    { "evidence", FIELD_TEXT, true, OF(model_supplier, evidence) },
    { "expires", FIELD_DATE, true, OF(model_supplier, expires_ms) },
    { 0 },
};

const struct field model_option_rows[] = {
    { "id", FIELD_ID, true, OF(model_option, id) },
    { "name", FIELD_PAIR, true, OF(model_option, name) },
    { "control", FIELD_ID, true, OF(model_option, control) },
    { "reaches", FIELD_MILLE, true, OF(model_option, reaches_mille), 1, 1000 },
    { "fails", FIELD_MILLE, false, OF(model_option, fails_mille), 0, 1000 },
    { "capital", FIELD_YEN, false, OF(model_option, capital_yen), 0, 1000000000000 },
    { "yearly", FIELD_YEN, false, OF(model_option, yearly_yen), 0, 1000000000000 },
    { "years", FIELD_COUNT, false, OF(model_option, years), 1, 100 },
    { "duty", FIELD_BOOL, false, OF(model_option, duty) },
    { 0 },
};

/* --- what was counted --- */

struct counted {
    char source[MODEL_ID];
    uint32_t events;
};

static void read_by(struct model_reader *r, const struct doc *d, void *base)
{
    static const struct field rows[] = {
        { "source", FIELD_ID, true, OF(counted, source) },
        { "events", FIELD_COUNT, true, OF(counted, events), 0, 1000000 },
        { 0 },
    };
    struct model_threat *t = base;
    if (d->kind != DOC_LIST || d->count > 64) {
        model_complain(r, d, "observed.by", "expected a list of at most 64 {source: id, events: N}");
        return;
    }
    char seen[64][MODEL_ID];
    size_t n = 0;
    for (const struct doc *m = d->first; m; m = m->next) {
        struct counted x = { 0 };
        model_read_map(r, m, rows, &x);
        if (model_find(seen, n, MODEL_ID, x.source) != SIZE_MAX)
            model_complain(r, m, "observed.by", "expected each source once, \"%s\" is there twice", x.source);
        memcpy(seen[n++], x.source, MODEL_ID);
        t->seen_events += x.events < MODEL_EVENTS_PER_SOURCE ? x.events : MODEL_EVENTS_PER_SOURCE;
    }
}

void model_read_observed(struct model_reader *r, const struct doc *d, void *base)
{
    static const struct field rows[] = {
        { "days", FIELD_COUNT, true, OF(model_threat, seen_days), 1, 36500 },
        { "by", FIELD_OWN, true, 0, 0, .own = read_by },
        { 0 },
    };
    model_read_map(r, d, rows, base);
}

/* --- what needs the whole --- */

static const char *zone_of(const struct model *m, const char *group)
{
    size_t at = model_group(m, group);
    return at == SIZE_MAX ? "" : m->groups[at].zone;
}

static void finish_flow(struct model_reader *r, const struct doc *at, struct model_flow *f)
{
    bool both = model_refers(r, at, "from", f->from, TO_GROUP, "a group");
    both = model_refers(r, at, "to", f->to, TO_GROUP, "a group") && both;
    if (!both) return;
    if (strcmp(f->from, f->to) == 0) model_complain(r, at, "to", "expected another group than from");
    if (f->connect_ppb) return;
    bool same = strcmp(zone_of(r->model, f->from), zone_of(r->model, f->to)) == 0;
    f->connect_ppb = f->checkpoint ? RISK_CONNECT_CHECKPOINT : same ? RISK_CONNECT_SAME : RISK_CONNECT_GATE;
}

static void finish_groups(struct model_reader *r, const struct doc *d)
{
    struct model *m = r->model;
    for (size_t i = 0; i < m->n_groups; i++) {
        struct model_group *g = &m->groups[i];
        if (g->n_depends == 0 && (m->n_zones == 0 || *g->zone == 0)) continue;
        const struct doc *at = model_member(d, "groups", i);
        snprintf(r->place, sizeof r->place, "groups[%zu]", i);
        if (m->n_zones && *g->zone) model_refers(r, at, "zone", g->zone, TO_ZONE, "a zone");
        for (size_t k = 0; k < g->n_depends; k++) model_refers(r, at, "depends", g->depends[k], TO_GROUP, "a group");
    }
}

static void finish_options(struct model_reader *r, const struct doc *d)
{
    for (size_t i = 0; i < r->model->n_options; i++) {
        struct model_option *o = &r->model->options[i];
        const struct doc *at = model_member(d, "options", i);
        snprintf(r->place, sizeof r->place, "options[%zu]", i);
        model_refers(r, at, "control", o->control, TO_CONTROL, "a control");
        if (o->reaches_mille + o->fails_mille > 1000)
            model_complain(r, at, "fails", "expected reaches and fails together at most 1");
        if (o->years == 0) o->years = 1;
        o->cost_yen = (o->capital_yen + o->years - 1) / o->years + o->yearly_yen;
        if (o->cost_yen == 0) model_complain(r, at, "capital", "expected a cost: capital, yearly or both");
    }
}

static void finish_rates(struct model_reader *r, const struct doc *d)
{
    for (size_t i = 0; i < r->model->n_threats; i++) {
        struct model_threat *t = &r->model->threats[i];
        memcpy(t->judged_ppb, t->rate_ppb, sizeof t->judged_ppb);
        if (t->seen_days == 0 || t->rate_ppb[0] <= 0) continue;
        snprintf(r->place, sizeof r->place, "threats[%zu]", i);
        if (!ok(risk_rate_live(t->judged_ppb, t->seen_events, t->seen_days, t->rate_ppb)))
            model_complain(r, model_member(d, "threats", i), "observed", "expected a rate with lo below hi to learn from");
    }
}

void model_parts_finish(struct model_reader *r, const struct doc *d)
{
    const struct doc *list = doc_get(d, "flows"), *at = list ? list->first : NULL;
    for (size_t i = 0; i < r->model->n_flows; i++, at = at ? at->next : NULL) {
        snprintf(r->place, sizeof r->place, "flows[%zu]", i);
        finish_flow(r, at, &r->model->flows[i]);
    }
    finish_groups(r, d);
    finish_options(r, d);
    finish_rates(r, d);
}
