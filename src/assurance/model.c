#include "assurance/model.h"

#include <stdio.h>

#include "assurance/condition.h"
#include "assurance/model_value.h"
#include "risk/loss.h"
#include "risk/words.h"

static const char *const layers[] = { "user", "service", "platform", "network", "device", "organisation", "people",
    "things", "data", "procedure", "system", NULL };
static const char *const kinds[] = { "buffer", "work-around", NULL };
static const char *const safety_classes[] = { "S0", "S1", "S2", "S3", NULL };
static const char *const modes[] = { "flag", "hold", "safe", "deny", NULL };

#define OF(type, member) offsetof(struct type, member), sizeof((struct type *)0)->member

size_t model_mission(const struct model *m, const char *id)
{
    return model_find(m->missions, m->n_missions, sizeof *m->missions, id);
}
size_t model_function(const struct model *m, const char *id)
{
    return model_find(m->functions, m->n_functions, sizeof *m->functions, id);
}
size_t model_group(const struct model *m, const char *id)
{
    return model_find(m->groups, m->n_groups, sizeof *m->groups, id);
}
size_t model_alternative(const struct model *m, const char *id)
{
    return model_find(m->alternatives, m->n_alternatives, sizeof *m->alternatives, id);
}
size_t model_threat(const struct model *m, const char *id)
{
    return model_find(m->threats, m->n_threats, sizeof *m->threats, id);
}
size_t model_control(const struct model *m, const char *id)
{
    return model_find(m->controls, m->n_controls, sizeof *m->controls, id);
}
size_t model_condition(const struct model *m, const char *id)
{
    return model_find(m->conditions, m->n_conditions, sizeof *m->conditions, id);
}
size_t model_option(const struct model *m, const char *id)
{
    return model_find(m->options, m->n_options, sizeof *m->options, id);
}
size_t model_zone(const struct model *m, const char *id)
{
    return model_find(m->zones, m->n_zones, sizeof *m->zones, id);
}

/* --- functions and what they depend on --- */

struct dependence {
    char on[MODEL_ID], by[MODEL_ID], effect[12];
    char any[16][MODEL_ID]; /* k of n: stand in for one another */
    size_t n_any;
    uint32_t needs;
};

static void add_dependence(struct model_reader *r, const struct doc *d, const struct dependence *x, uint32_t mille,
    struct model_function *f)
{
    if (model_find(f->depends, f->n_depends, MODEL_ID, x->on) != SIZE_MAX) {
        model_complain(r, d, "depends", "expected each id once, \"%s\" is there twice", x->on);
        return;
    }
    if (f->n_depends == sizeof f->depends / sizeof *f->depends) {
        model_complain(r, d, "depends", "expected at most %zu groups and alternatives",
            sizeof f->depends / sizeof *f->depends);
        return;
    }
    size_t at = f->n_depends++;
    memcpy(f->depends[at], x->on, MODEL_ID);
    memcpy(f->by[at], x->by, MODEL_ID);
    f->effect_mille[at] = mille;
    f->needs[at] = (uint8_t)x->needs;
}

static void read_any(struct model_reader *r, const struct doc *d, void *base)
{
    struct dependence *x = base;
    model_read_ids(r, d, "depends.any", x->any, 16, &x->n_any);
    for (size_t i = 0; i < x->n_any; i++) model_refers(r, d, "depends.any", x->any[i], TO_GROUP, "a group");
}

/* Rows that stand in for one another carry one number, their first row's + 1. */
static void add_redundant(struct model_reader *r, const struct doc *d, struct dependence *x, uint32_t mille,
    struct model_function *f)
{
    size_t first = f->n_depends;
    if (x->n_any < 2 || x->needs >= x->n_any) {
        model_complain(r, d, "depends.any", "expected at least two groups, and needs below their number");
        return;
    }
    for (size_t i = 0; i < x->n_any; i++) {
        memcpy(x->on, x->any[i], sizeof x->on);
        add_dependence(r, d, x, mille, f);
        f->any[f->n_depends - 1] = (uint8_t)(first + 1);
    }
}

static void read_dependence(struct model_reader *r, const struct doc *m, const struct field *rows,
    struct model_function *f)
{
    struct dependence x = { 0 };
    size_t before = r->n;
    model_read_map(r, m, rows, &x);
    if (r->n != before) return;
    if ((*x.on != 0) == (x.n_any != 0)) {
        model_complain(r, m, "depends", "expected either group, or any with needs");
        return;
    }
    if (*x.on && !model_refers(r, m, "depends.group", x.on, TO_GROUP, "a group")) return;
    bool around = strcmp(x.effect, "work-around") == 0;
    if (around != (*x.by != 0))
        model_complain(r, m, "depends.by", "expected with effect work-around, and only there: the alternative");
    if (*x.by && !model_refers(r, m, "depends.by", x.by, TO_ALTERNATIVE, "an alternative")) return;
    size_t i = 0;
    while (strcmp(model_effects[i], x.effect) != 0) i++;
    if (x.n_any) {
        if (x.needs == 0) x.needs = 1;
        add_redundant(r, m, &x, model_effects_mille[i], f);
    } else if (x.needs) {
        model_complain(r, m, "depends.needs", "expected only with any");
    } else {
        add_dependence(r, m, &x, model_effects_mille[i], f);
    }
}

static void read_depends(struct model_reader *r, const struct doc *d, void *base)
{
    static const struct field rows[] = {
        { "group", FIELD_ID, false, OF(dependence, on) },
        { "any", FIELD_OWN, false, 0, 0, .own = read_any },
        { "needs", FIELD_COUNT, false, OF(dependence, needs), 1, 16 },
        { "effect", FIELD_WORD, true, OF(dependence, effect), .words = model_effects },
        { "by", FIELD_ID, false, OF(dependence, by) },
        { 0 },
    };
    if (d->kind != DOC_LIST) {
        model_complain(r, d, "depends", "expected a list of {group: id, effect: fail|degrade|work-around|nominal}");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next) read_dependence(r, m, rows, base);
}

/* Alternatives of a function stand among what it depends on, with effect nominal. */
static void read_alternatives_of(struct model_reader *r, const struct doc *d, void *base)
{
    char ids[16][MODEL_ID];
    size_t n = 0;
    model_read_ids(r, d, "alternatives", ids, 16, &n);
    for (size_t i = 0; i < n; i++) {
        struct dependence x = { 0 };
        memcpy(x.on, ids[i], sizeof x.on);
        if (model_refers(r, d, "alternatives", x.on, TO_ALTERNATIVE, "an alternative")) add_dependence(r, d, &x, 0, base);
    }
}

static const struct field function_rows[] = {
    { "id", FIELD_ID, true, OF(model_function, id) },
    { "name", FIELD_PAIR, true, OF(model_function, name) },
    { "minimum", FIELD_PAIR, true, OF(model_function, minimum) },
    { "tolerable_outage", FIELD_MINUTES, true, OF(model_function, outage_tolerable_min), 1, 525600 },
    { "customers", FIELD_COUNT, true, OF(model_function, customers), 0, 1000000000 },
    { "depends", FIELD_OWN, true, 0, 0, .own = read_depends },
    { "alternatives", FIELD_OWN, false, 0, 0, .own = read_alternatives_of },
    { "expects", FIELD_PAIR, false, OF(model_function, expects) },
    { 0 },
};

/* --- missions --- */

static void read_functions_of(struct model_reader *r, const struct doc *d, void *base)
{
    struct model_mission *m = base;
    model_read_ids(r, d, "functions", m->functions, sizeof m->functions / sizeof *m->functions, &m->n_functions);
    if (m->n_functions == 0) model_complain(r, d, "functions", "expected at least one function");
    for (size_t i = 0; i < m->n_functions; i++)
        model_refers(r, d, "functions", m->functions[i], TO_FUNCTION, "a function");
}

static void read_tolerance(struct model_reader *r, const struct doc *d, void *base)
{
    static const struct field rows[] = {
        { "yen", FIELD_YEN, true, OF(model_mission, tolerance_yen), 1, 1000000000000000 },
        { "outages", FIELD_MILLE, true, OF(model_mission, tolerance_outages_mille), 1, 1000000 },
        { 0 },
    };
    model_read_map(r, d, rows, base);
}

static const struct field mission_rows[] = {
    { "id", FIELD_ID, true, OF(model_mission, id) },
    { "name", FIELD_PAIR, true, OF(model_mission, name) },
    { "sentence", FIELD_PAIR, true, OF(model_mission, sentence) },
    { "safety", FIELD_WORD, false, OF(model_mission, safety), .words = safety_classes },
    { "tolerance", FIELD_OWN, true, 0, 0, .own = read_tolerance },
    { "utility", FIELD_YEN, false, OF(model_mission, utility_yen), 1, 1000000000000 },
    { "functions", FIELD_OWN, true, 0, 0, .own = read_functions_of },
    { 0 },
};

/* --- groups and alternatives --- */

static void read_members(struct model_reader *r, const struct doc *d, void *base)
{
    struct model_group *g = base;
    model_read_ids(r, d, "members", g->members, sizeof g->members / sizeof *g->members, &g->n_members);
}

static const struct field group_rows[] = {
    { "id", FIELD_ID, true, OF(model_group, id) },
    { "name", FIELD_PAIR, true, OF(model_group, name) },
    { "layer", FIELD_WORD, true, OF(model_group, layer), .words = layers },
    { "zone", FIELD_ID, false, OF(model_group, zone) },
    { "simulated", FIELD_BOOL, false, OF(model_group, simulated) },
    { "members", FIELD_OWN, false, 0, 0, .own = read_members },
    { "depends", FIELD_OWN, false, 0, 0, .own = model_read_group_depends },
    { 0 },
};

static const struct field alternative_rows[] = {
    { "id", FIELD_ID, true, OF(model_alternative, id) },
    { "name", FIELD_PAIR, true, OF(model_alternative, name) },
    { "kind", FIELD_WORD, true, OF(model_alternative, kind), .words = kinds },
    { "hours", FIELD_HOURS, true, OF(model_alternative, hours_mille), 1, 8760000 },
    { "capacity", FIELD_MILLE, false, OF(model_alternative, capacity_mille), 1, 1000 },
    { "drilled", FIELD_DATE, false, OF(model_alternative, drilled_ms) },
    { 0 },
};

/* --- threats --- */

static void read_rate(struct model_reader *r, const struct doc *d, void *base)
{
    static const char *const frequencies[] = { "F1", "F2", "F3", "F4", "F5", NULL };
    static const char *const keys[3] = { "lo", "mid", "hi" };
    struct model_threat *t = base;
    if (d->kind == DOC_TEXT) {
        char word[4];
        if (model_value_word(r, d, "rate", frequencies, word, sizeof word) && !ok(risk_frequency(word, t->rate_ppb)))
            model_complain(r, d, "rate", "expected one of F1, F2, F3, F4, F5");
        return;
    }
    if (d->kind != DOC_MAP || d->count != 3) {
        model_complain(r, d, "rate", "expected F1 to F5, or {lo, mid, hi} as text, attempts a year");
        return;
    }
    for (int i = 0; i < 3; i++) {
        const struct doc *v = doc_get(d, keys[i]);
        if (!v) model_complain(r, d, "rate", "expected lo, mid and hi");
        if (!v || !model_value_ppb(r, v, "rate", 1000000 * RISK_PPB, &t->rate_ppb[i])) return;
    }
    if (t->rate_ppb[0] <= 0 || t->rate_ppb[0] > t->rate_ppb[1] || t->rate_ppb[1] > t->rate_ppb[2])
        model_complain(r, d, "rate", "expected 0 < lo <= mid <= hi");
}

struct loss {
    int64_t low, high, mean;
};

/* The mean is computed once, here, and then travels as an input; a model may state it. */
static void read_loss(struct model_reader *r, const struct doc *d, void *base)
{
    static const struct field rows[] = {
        { "low", FIELD_YEN, true, OF(loss, low), 1, 1000000000000000 },
        { "high", FIELD_YEN, true, OF(loss, high), 1, 1000000000000000 },
        { "mean", FIELD_YEN, false, OF(loss, mean), 1, 1000000000000000 },
        { 0 },
    };
    struct model_threat *t = base;
    struct loss x = { 0 };
    size_t before = r->n;
    model_read_map(r, d, rows, &x);
    if (r->n != before) return;
    if (x.low > x.high) model_complain(r, d, "loss", "expected low <= high, the 5 %% and 95 %% points");
    else if (x.mean == 0 && !ok(risk_loss_mean(x.low, x.high, &x.mean)))
        model_complain(r, d, "loss", "expected a narrower range: its mean is beyond measure");
    t->loss_yen[0] = x.low;
    t->loss_yen[1] = x.high;
    t->loss_mean_yen = x.mean;
}

static void read_effect(struct model_reader *r, const struct doc *d, void *base)
{
    static const char *const words[] = { "fail", "degrade", NULL };
    char word[12];
    if (model_value_word(r, d, "effect", words, word, sizeof word))
        ((struct model_threat *)base)->effect_ppb = strcmp(word, "fail") == 0 ? RISK_PPB : RISK_PPB / 2;
}

static const struct field threat_rows[] = {
    { "id", FIELD_ID, true, OF(model_threat, id) },
    { "name", FIELD_PAIR, true, OF(model_threat, name) },
    { "layer", FIELD_WORD, true, OF(model_threat, layer), .words = layers },
    { "strikes", FIELD_ID, true, OF(model_threat, group) },
    { "rate", FIELD_OWN, true, 0, 0, .own = read_rate },
    { "loss", FIELD_OWN, true, 0, 0, .own = read_loss },
    { "outage", FIELD_MINUTES, true, OF(model_threat, outage_min), 0, 525600 },
    { "probes", FIELD_COUNT, true, OF(model_threat, budget), 1, RISK_BUDGET_MAX },
    { "effect", FIELD_OWN, false, 0, 0, .own = read_effect },
    { "observed", FIELD_OWN, false, 0, 0, .own = model_read_observed },
    { "author", FIELD_TEXT, true, OF(model_threat, author) },
    { "source", FIELD_TEXT, true, OF(model_threat, source) },
    { "reviewed", FIELD_DAY, true, OF(model_threat, reviewed) },
    { 0 },
};

/* --- controls --- */

static void read_scope(struct model_reader *r, const struct doc *d, void *base)
{
    struct model_control *c = base;
    model_read_ids(r, d, "scope", c->scope, sizeof c->scope / sizeof *c->scope, &c->n_scope);
    if (c->n_scope == 0) model_complain(r, d, "scope", "expected at least one group, alternative or site");
    for (size_t i = 0; i < c->n_scope; i++)
        model_refers(r, d, "scope", c->scope[i], TO_GROUP | TO_ALTERNATIVE | TO_SITE, "a group, an alternative or site");
}

static void read_strength(struct model_reader *r, const struct doc *d, void *base)
{
    static const char *const words[] = { "none", "weak", "medium", "strong", NULL };
    if (d->kind != DOC_MAP) {
        model_complain(r, d, "strength", "expected a map from threat to none, weak, medium or strong");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next) {
        char word[8];
        struct risk_strength s;
        if (!model_refers(r, m, "strength", m->key, TO_THREAT, "a threat")) continue;
        if (!model_value_word(r, m, "strength", words, word, sizeof word) || !ok(risk_strength(word, &s))) continue;
        ((struct model_control *)base)->strength_ppb[model_threat(r->model, m->key)] = s.mid;
    }
}

static const struct field control_rows[] = {
    { "id", FIELD_ID, true, OF(model_control, id) },
    { "name", FIELD_PAIR, true, OF(model_control, name) },
    { "layer", FIELD_WORD, true, OF(model_control, layer), .words = layers },
    { "root", FIELD_ID, false, OF(model_control, root) },
    { "scope", FIELD_OWN, true, 0, 0, .own = read_scope },
    { "fresh", FIELD_MS, true, OF(model_control, fresh_ms), 1, INT64_C(315360000000) },
    { "stale", FIELD_MS, true, OF(model_control, stale_ms), 1, INT64_C(315360000000) },
    { "strength", FIELD_OWN, true, 0, 0, .own = read_strength },
    { 0 },
};

/* --- conditions --- */

static void read_mode(struct model_reader *r, const struct doc *d, void *base)
{
    static const enum limit_mode of[] = { LIMIT_FLAG, LIMIT_HOLD, LIMIT_SAFE, LIMIT_DENY };
    char word[8];
    if (!model_value_word(r, d, "mode", modes, word, sizeof word)) return;
    for (size_t i = 0; modes[i]; i++)
        if (strcmp(modes[i], word) == 0) ((struct model_condition *)base)->mode = of[i];
}

/* An MQTT filter: wildcards alone in their level, '#' only at the end. */
static bool filter_good(const char *f)
{
    for (size_t i = 0; f[i]; i++) {
        if (f[i] != '+' && f[i] != '#') continue;
        bool alone = (i == 0 || f[i - 1] == '/') && (f[i + 1] == 0 || (f[i] == '+' && f[i + 1] == '/'));
        if (!alone) return false;
    }
    return *f != 0;
}

static const struct field condition_rows[] = {
    { "id", FIELD_ID, true, OF(model_condition, id) },
    { "name", FIELD_PAIR, true, OF(model_condition, name) },
    { "when", FIELD_TEXT, true, OF(model_condition, text) },
    { "stream", FIELD_TEXT, true, OF(model_condition, stream) },
    { "mode", FIELD_OWN, false, 0, 0, .own = read_mode },
    { 0 },
};

static void check_condition(struct model_reader *r, const struct doc *d, struct model_condition *c)
{
    struct condition parsed;
    if (c->mode == LIMIT_NONE) c->mode = LIMIT_HOLD;
    if (*c->stream && !filter_good(c->stream)) model_complain(r, d, "stream", "expected an MQTT filter, found \"%.60s\"", c->stream);
    if (*c->text == 0) return;
    if (!ok(condition_read(c->text, &parsed))) {
        model_complain(r, d, "when", "expected a condition such as \"attested(device)\", \"coverage(C8b, gateways) >= 900\", "
            "\"event-free(gateways)\", found \"%.47s\"", c->text);
        return;
    }
    if (parsed.kind == CONDITION_COVERAGE) model_refers(r, d, "when", parsed.control, TO_CONTROL, "a control");
    if (parsed.kind == CONDITION_TOLERANCE || *parsed.scope == 0) return;
    /* a single device may be named as well: only a near miss of a group is surely wrong */
    const char *meant = model_meant(r->model, TO_GROUP | TO_ALTERNATIVE | TO_SITE, parsed.scope);
    if (meant && parsed.kind == CONDITION_COVERAGE)
        model_refers(r, d, "when", parsed.scope, TO_GROUP | TO_ALTERNATIVE | TO_SITE, "a group, an alternative or site");
}

/* --- sections --- */

struct section {
    const char *key;
    const struct field *rows;
    size_t array_at, size, cap, count_at;
    bool optional;
};

/* In this order: what is referred to comes before what refers. */
#define SECTION(name, type, rows, optional)                                                        \
    { #name, rows, offsetof(struct model, name), sizeof(struct type),                              \
        sizeof((struct model *)0)->name / sizeof(struct type), offsetof(struct model, n_##name), optional }
static const struct section sections[] = {
    SECTION(zones, model_zone, model_zone_rows, true),
    SECTION(groups, model_group, group_rows, false),
    SECTION(alternatives, model_alternative, alternative_rows, true),
    SECTION(functions, model_function, function_rows, false),
    SECTION(missions, model_mission, mission_rows, false),
    SECTION(threats, model_threat, threat_rows, false),
    SECTION(controls, model_control, control_rows, false),
    SECTION(flows, model_flow, model_flow_rows, true),
    SECTION(suppliers, model_supplier, model_supplier_rows, true),
    SECTION(options, model_option, model_option_rows, true),
    SECTION(conditions, model_condition, condition_rows, true),
};
#define SECTIONS (sizeof sections / sizeof *sections)

static void read_section(struct model_reader *r, const struct doc *d, const struct section *s)
{
    char *array = (char *)r->model + s->array_at;
    size_t *n = (size_t *)(void *)((char *)r->model + s->count_at), at = 0;
    snprintf(r->place, sizeof r->place, "%s", s->key);
    if (d->kind != DOC_LIST) {
        model_complain(r, d, "", "expected a list");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next, at++) {
        snprintf(r->place, sizeof r->place, "%s[%zu]", s->key, at);
        if (*n == s->cap) {
            model_complain(r, m, "", "expected at most %zu", s->cap);
            return;
        }
        char *item = array + *n * s->size;
        if (s->rows == threat_rows) ((struct model_threat *)(void *)item)->effect_ppb = RISK_PPB;
        if (s->rows == alternative_rows) ((struct model_alternative *)(void *)item)->capacity_mille = 1000;
        model_read_map(r, m, s->rows, item);
        if (*item && model_find(array, *n, s->size, item) != SIZE_MAX)
            model_complain(r, m, "id", "expected each id once, \"%s\" is there twice", item);
        if (s->rows == condition_rows) check_condition(r, m, (struct model_condition *)(void *)item);
        ++*n;
    }
}

/* A mission on which nothing can be stated is a mistake, not a safe mission. */
static void check_sentences(struct model_reader *r, const struct doc *d)
{
    const struct model *m = r->model;
    for (size_t i = 0; i < m->n_missions; i++) {
        snprintf(r->place, sizeof r->place, "missions[%zu]", i);
        const struct model_text *s = &m->missions[i].sentence;
        if (!strstr(s->ja, "{time}") || !strstr(s->en, "{time}"))
            model_complain(r, model_member(d, "missions", i), "sentence", "expected {time} in both languages");
    }
}

static bool depended_upon(const struct model *m, const char *group)
{
    for (size_t i = 0; i < m->n_functions; i++)
        if (model_find(m->functions[i].depends, m->functions[i].n_depends, MODEL_ID, group) != SIZE_MAX) return true;
    for (size_t i = 0; i < m->n_groups; i++)
        if (model_find(m->groups[i].depends, m->groups[i].n_depends, MODEL_ID, group) != SIZE_MAX) return true;
    for (size_t i = 0; i < m->n_flows; i++)
        if (strcmp(m->flows[i].from, group) == 0) return true;
    return false;
}

static void check_threats(struct model_reader *r, const struct doc *d)
{
    const struct model *m = r->model;
    for (size_t i = 0; i < m->n_threats; i++) {
        snprintf(r->place, sizeof r->place, "threats[%zu]", i);
        const struct doc *at = model_member(d, "threats", i);
        if (*m->threats[i].group == 0 || !model_refers(r, at, "strikes", m->threats[i].group, TO_GROUP, "a group")) continue;
        if (!depended_upon(m, m->threats[i].group))
            model_complain(r, at, "strikes", "expected a group that a function or another group depends on, or a flow leaves; nothing depends on \"%s\"",
                m->threats[i].group);
    }
}

static void check_controls(struct model_reader *r, const struct doc *d)
{
    const struct model *m = r->model;
    for (size_t i = 0; i < m->n_controls; i++) {
        snprintf(r->place, sizeof r->place, "controls[%zu]", i);
        if (m->controls[i].fresh_ms > m->controls[i].stale_ms)
            model_complain(r, model_member(d, "controls", i), "stale", "expected at least as long as fresh");
    }
}

/* Groups, alternatives and "site" share one space of names: a scope must mean one thing. */
static void check_names(struct model_reader *r, const struct doc *d)
{
    const struct model *m = r->model;
    for (size_t i = 0; i < m->n_alternatives; i++) {
        snprintf(r->place, sizeof r->place, "alternatives[%zu]", i);
        const char *id = m->alternatives[i].id;
        if (model_group(m, id) != SIZE_MAX || strcmp(id, EVIDENCE_SITE) == 0)
            model_complain(r, model_member(d, "alternatives", i), "id", "expected a name that no group has, found \"%s\"", id);
    }
    for (size_t i = 0; i < m->n_groups; i++) {
        snprintf(r->place, sizeof r->place, "groups[%zu]", i);
        for (size_t k = 0; k < i; k++)
            for (size_t j = 0; j < m->groups[i].n_members; j++)
                if (model_find(m->groups[k].members, m->groups[k].n_members, MODEL_ID, m->groups[i].members[j]) != SIZE_MAX)
                    model_complain(r, model_member(d, "groups", i), "members", "expected each member in one group, \"%s\" is in \"%s\" too",
                        m->groups[i].members[j], m->groups[k].id);
    }
    snprintf(r->place, sizeof r->place, "groups");
    size_t at = model_group(m, EVIDENCE_SITE);
    if (at != SIZE_MAX) model_complain(r, model_member(d, "groups", at), "id", "expected another name: site means the whole");
}

static void read_head(struct model_reader *r, const struct doc *d)
{
    static const char *const schemas[] = { MODEL_SCHEMA, NULL };
    static const struct field rows[] = {
        { "schema", FIELD_WORD, true, OF(model, schema), .words = schemas },
        { "organisation", FIELD_PAIR, true, OF(model, organisation) },
        { 0 },
    };
    struct doc head = { .kind = DOC_MAP, .line = d->line };
    struct doc copies[2];
    for (const struct doc *m = d->first; m; m = m->next) {
        bool mine = strcmp(m->key, "schema") == 0 || strcmp(m->key, "organisation") == 0;
        if (!mine || head.count == 2) continue;
        copies[head.count] = *m;
        copies[head.count].next = head.first;
        head.first = &copies[head.count++];
    }
    model_read_map(r, &head, rows, r->model);
}

static const char *section_at(const void *ctx, size_t i)
{
    (void)ctx;
    if (i < SECTIONS) return sections[i].key;
    return i == SECTIONS ? "organisation" : i == SECTIONS + 1 ? "schema" : NULL;
}

static void read_all(struct model_reader *r, const struct doc *d)
{
    for (const struct doc *m = d->first; m; m = m->next) {
        bool known = false;
        const char *name;
        for (size_t i = 0; (name = section_at(NULL, i)); i++) known |= strcmp(name, m->key) == 0;
        if (known) continue;
        const char *meant = model_nearest(m->key, section_at, NULL);
        if (meant) model_complain(r, m, m->key, "unknown key (did you mean \"%s\"?)", meant);
        else model_complain(r, m, m->key, "unknown key");
    }
    read_head(r, d);
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct doc *s = doc_get(d, sections[i].key);
        r->place[0] = 0;
        bool optional = sections[i].optional;
        if (s) read_section(r, s, &sections[i]);
        if (!s && !optional) model_complain(r, d, sections[i].key, "expected, but missing");
        if (s && !optional && s->kind == DOC_LIST && s->count == 0)
            model_complain(r, s, "", "expected at least one");
    }
    check_sentences(r, d);
    check_threats(r, d);
    check_controls(r, d);
    check_names(r, d);
    model_parts_finish(r, d);
}

void model_copy(struct model *to, const struct model *from)
{
    memcpy(to->schema, from->schema, sizeof to->schema);
    to->organisation = from->organisation;
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct section *s = &sections[i];
        size_t n = *(const size_t *)(const void *)((const char *)from + s->count_at);
        memcpy((char *)to + s->array_at, (const char *)from + s->array_at, n * s->size);
        *(size_t *)(void *)((char *)to + s->count_at) = n;
    }
}

/* By line, as a person reads the file; equal lines keep their order. */
static void sort_errors(struct model_error *errors, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && errors[k - 1].line > errors[k].line; k--) {
            struct model_error e = errors[k];
            errors[k] = errors[k - 1];
            errors[k - 1] = e;
        }
}

outcome model_read(const struct doc *d, struct model *ret, struct model_error *errors, size_t cap, size_t *ret_n)
{
    struct model_reader r = { .model = mem_new(sizeof *ret), .errors = errors, .cap = cap };
    *ret_n = 0;
    if (!r.model) return REFUSE(E_MEMORY);
    if (d->kind == DOC_MAP) read_all(&r, d);
    else model_complain(&r, d, "", "expected a map with schema, organisation, missions, functions, ...");
    *ret_n = r.n;
    sort_errors(errors, r.n < cap ? r.n : cap);
    if (r.n == 0) model_copy(ret, r.model);
    mem_free(r.model);
    return r.n ? REFUSE(E_CONFIG) : DONE;
}
