/* The parameters a figure depends on, as a document and back: what makes an assessment recomputable
 * from itself. Words for people stay in the model; only what is computed with travels. */
#include <stdio.h>

#include "assurance/assess_parts.h"

static struct doc *texts(struct arena *a, const char (*ids)[MODEL_ID], size_t n)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < n; i++) doc_add(list, doc_text_new(a, ids[i]));
    return list;
}

static struct doc *mission_doc(const struct model_mission *x, struct arena *a)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "safety", x->safety);
    doc_set_int(a, d, "tolerance_yen", x->tolerance_yen);
    doc_set_int(a, d, "tolerance_outages_mille", x->tolerance_outages_mille);
    doc_set(a, d, "functions", texts(a, x->functions, x->n_functions));
    return d;
}

static struct doc *function_doc(const struct model_function *x, struct arena *a)
{
    struct doc *d = doc_map(a), *list = doc_list(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_int(a, d, "outage_tolerable_min", x->outage_tolerable_min);
    for (size_t i = 0; i < x->n_depends; i++) {
        struct doc *on = doc_map(a);
        doc_set_text(a, on, "on", x->depends[i]);
        doc_set_text(a, on, "by", x->by[i]);
        doc_set_int(a, on, "effect_mille", x->effect_mille[i]);
        doc_set_int(a, on, "any", x->any[i]);
        doc_set_int(a, on, "needs", x->needs[i]);
        doc_add(list, on);
    }
    doc_set(a, d, "depends", list);
    return d;
}

static struct doc *group_doc(const struct model_group *x, struct arena *a)
{
    struct doc *d = doc_map(a), *list = doc_list(a);
    for (size_t i = 0; i < x->n_depends; i++) {
        struct doc *on = doc_map(a);
        doc_set_text(a, on, "on", x->depends[i]);
        doc_set_int(a, on, "effect_mille", x->effect_mille[i]);
        doc_add(list, on);
    }
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "layer", x->layer);
    doc_set(a, d, "members", texts(a, x->members, x->n_members));
    doc_set(a, d, "depends", list);
    return d;
}

static struct doc *alternative_doc(const struct model_alternative *x, struct arena *a)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "kind", x->kind);
    doc_set_int(a, d, "hours_mille", x->hours_mille);
    doc_set_int(a, d, "capacity_mille", x->capacity_mille);
    return d;
}

static struct doc *threat_doc(const struct model_threat *x, struct arena *a)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "strikes", x->group);
    doc_set_int(a, d, "rate_mid_ppb", x->rate_ppb[1]);
    doc_set_int(a, d, "rate_hi_ppb", x->rate_ppb[2]);
    doc_set_int(a, d, "loss_mean_yen", x->loss_mean_yen);
    doc_set_int(a, d, "outage_min", x->outage_min);
    doc_set_int(a, d, "probes", x->budget);
    doc_set_int(a, d, "effect_ppb", x->effect_ppb);
    return d;
}

static struct doc *control_doc(const struct model *m, const struct model_control *x, struct arena *a)
{
    struct doc *d = doc_map(a), *strength = doc_map(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "root", x->root);
    doc_set(a, d, "scope", texts(a, x->scope, x->n_scope));
    doc_set_int(a, d, "fresh_ms", x->fresh_ms);
    doc_set_int(a, d, "stale_ms", x->stale_ms);
    for (size_t i = 0; i < m->n_threats; i++)
        if (x->strength_ppb[i]) doc_set_int(a, strength, m->threats[i].id, x->strength_ppb[i]);
    doc_set(a, d, "strength_ppb", strength);
    return d;
}

static struct doc *flow_doc(const struct model_flow *x, struct arena *a)
{
    struct doc *d = doc_map(a), *controls = doc_map(a);
    doc_set_text(a, d, "id", x->id);
    doc_set_text(a, d, "from", x->from);
    doc_set_text(a, d, "to", x->to);
    doc_set_int(a, d, "connect_ppb", x->connect_ppb);
    for (size_t i = 0; i < x->n_controls; i++) doc_set_int(a, controls, x->controls[i], x->strength_ppb[i]);
    doc_set(a, d, "controls", controls);
    return d;
}

struct doc *assess_params(const struct model *m, struct arena *a)
{
    struct doc *d = doc_map(a);
    struct doc *missions = doc_list(a), *functions = doc_list(a), *groups = doc_list(a), *alternatives = doc_list(a),
               *threats = doc_list(a), *controls = doc_list(a), *flows = doc_list(a);
    for (size_t i = 0; i < m->n_missions; i++) doc_add(missions, mission_doc(&m->missions[i], a));
    for (size_t i = 0; i < m->n_functions; i++) doc_add(functions, function_doc(&m->functions[i], a));
    for (size_t i = 0; i < m->n_groups; i++) doc_add(groups, group_doc(&m->groups[i], a));
    for (size_t i = 0; i < m->n_alternatives; i++) doc_add(alternatives, alternative_doc(&m->alternatives[i], a));
    for (size_t i = 0; i < m->n_threats; i++) doc_add(threats, threat_doc(&m->threats[i], a));
    for (size_t i = 0; i < m->n_controls; i++) doc_add(controls, control_doc(m, &m->controls[i], a));
    for (size_t i = 0; i < m->n_flows; i++) doc_add(flows, flow_doc(&m->flows[i], a));
    doc_set(a, d, "missions", missions);
    doc_set(a, d, "functions", functions);
    doc_set(a, d, "groups", groups);
    doc_set(a, d, "alternatives", alternatives);
    doc_set(a, d, "threats", threats);
    doc_set(a, d, "controls", controls);
    doc_set(a, d, "flows", flows);
    return d;
}

/* --- reading: every member is there and within bounds, every reference exists --- */

static MUST outcome get_text(const struct doc *d, const char *key, char *to, size_t size)
{
    const struct doc *v = doc_get(d, key);
    if (!v || v->kind != DOC_TEXT || strlen(v->text) >= size) return REFUSE(E_MALFORMED);
    memcpy(to, v->text, strlen(v->text) + 1);
    return DONE;
}

static MUST outcome get_int(const struct doc *d, const char *key, int64_t high, int64_t *ret)
{
    const struct doc *v = doc_get(d, key);
    if (!v || v->kind != DOC_INT || v->number < 0 || v->number > high) return REFUSE(E_MALFORMED);
    *ret = v->number;
    return DONE;
}

static MUST outcome get_u32(const struct doc *d, const char *key, int64_t high, uint32_t *ret)
{
    int64_t v;
    TRY(get_int(d, key, high, &v));
    *ret = (uint32_t)v;
    return DONE;
}

static MUST outcome get_texts(const struct doc *d, const char *key, char (*to)[MODEL_ID], size_t cap, size_t *ret_n)
{
    const struct doc *list = doc_get(d, key);
    if (!list || list->kind != DOC_LIST || list->count > cap) return REFUSE(E_MALFORMED);
    for (const struct doc *v = list->first; v; v = v->next) {
        if (v->kind != DOC_TEXT || strlen(v->text) >= MODEL_ID) return REFUSE(E_MALFORMED);
        memcpy(to[(*ret_n)++], v->text, strlen(v->text) + 1);
    }
    return DONE;
}

static MUST outcome read_group(const struct doc *d, unsigned engine, struct model *m)
{
    struct model_group *x = &m->groups[m->n_groups++];
    TRY(get_text(d, "id", x->id, sizeof x->id));
    TRY(get_text(d, "layer", x->layer, sizeof x->layer));
    TRY(get_texts(d, "members", x->members, sizeof x->members / sizeof *x->members, &x->n_members));
    const struct doc *list = doc_get(d, "depends");
    if (engine == 1) return DONE;
    if (!list || list->kind != DOC_LIST || list->count > sizeof x->depends / sizeof *x->depends) return REFUSE(E_MALFORMED);
    for (const struct doc *v = list->first; v; v = v->next) {
        size_t at = x->n_depends++;
        TRY(get_text(v, "on", x->depends[at], MODEL_ID));
        TRY(get_u32(v, "effect_mille", 1000, &x->effect_mille[at]));
    }
    return DONE;
}

static MUST outcome read_alternative(const struct doc *d, unsigned engine, struct model *m)
{
    (void)engine;
    struct model_alternative *x = &m->alternatives[m->n_alternatives++];
    TRY(get_text(d, "id", x->id, sizeof x->id));
    TRY(get_text(d, "kind", x->kind, sizeof x->kind));
    TRY(get_u32(d, "hours_mille", 8760000, &x->hours_mille));
    return get_u32(d, "capacity_mille", 1000, &x->capacity_mille);
}

static MUST outcome read_redundancy(const struct doc *d, uint8_t *ret_any, uint8_t *ret_needs)
{
    int64_t any, needs;
    TRY(get_int(d, "any", 16, &any));
    TRY(get_int(d, "needs", 15, &needs));
    *ret_any = (uint8_t)any;
    *ret_needs = (uint8_t)needs;
    return DONE;
}

/* A set has more members than it needs, at least one, all of one mind, and groups only. */
static bool redundancy_good(const struct model_function *x)
{
    for (size_t i = 0; i < x->n_depends; i++) {
        size_t members = 0;
        for (size_t k = 0; x->any[i] && k < x->n_depends; k++) {
            if (x->any[k] != x->any[i]) continue;
            members++;
            if (x->needs[k] != x->needs[i] || x->effect_mille[k] != x->effect_mille[i] || *x->by[k]) return false;
        }
        if (x->any[i] ? x->needs[i] == 0 || x->needs[i] >= members : x->needs[i] != 0) return false;
    }
    return true;
}

static MUST outcome read_function(const struct doc *d, unsigned engine, struct model *m)
{
    struct model_function *x = &m->functions[m->n_functions++];
    TRY(get_text(d, "id", x->id, sizeof x->id));
    TRY(get_u32(d, "outage_tolerable_min", 525600, &x->outage_tolerable_min));
    const struct doc *list = doc_get(d, "depends");
    if (!list || list->kind != DOC_LIST || list->count > sizeof x->depends / sizeof *x->depends) return REFUSE(E_MALFORMED);
    for (const struct doc *v = list->first; v; v = v->next) {
        size_t at = x->n_depends++;
        TRY(get_text(v, "on", x->depends[at], MODEL_ID));
        TRY(get_text(v, "by", x->by[at], MODEL_ID));
        TRY(get_u32(v, "effect_mille", 1000, &x->effect_mille[at]));
        if (*x->by[at] && model_alternative(m, x->by[at]) == SIZE_MAX) return REFUSE(E_MALFORMED);
        if (engine > 1) TRY(read_redundancy(v, &x->any[at], &x->needs[at]));
    }
    return redundancy_good(x) ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome read_mission(const struct doc *d, unsigned engine, struct model *m)
{
    (void)engine;
    struct model_mission *x = &m->missions[m->n_missions++];
    TRY(get_text(d, "id", x->id, sizeof x->id));
    TRY(get_text(d, "safety", x->safety, sizeof x->safety));
    TRY(get_int(d, "tolerance_yen", INT64_C(1000000000000000), &x->tolerance_yen));
    TRY(get_u32(d, "tolerance_outages_mille", 1000000, &x->tolerance_outages_mille));
    TRY(get_texts(d, "functions", x->functions, sizeof x->functions / sizeof *x->functions, &x->n_functions));
    for (size_t i = 0; i < x->n_functions; i++)
        if (model_function(m, x->functions[i]) == SIZE_MAX) return REFUSE(E_MALFORMED);
    return DONE;
}

static MUST outcome read_threat(const struct doc *d, unsigned engine, struct model *m)
{
    (void)engine;
    struct model_threat *x = &m->threats[m->n_threats++];
    TRY(get_text(d, "id", x->id, sizeof x->id));
    TRY(get_text(d, "strikes", x->group, sizeof x->group));
    TRY(get_int(d, "rate_mid_ppb", 1000000 * RISK_PPB, &x->rate_ppb[1]));
    TRY(get_int(d, "rate_hi_ppb", 1000000 * RISK_PPB, &x->rate_ppb[2]));
    TRY(get_int(d, "loss_mean_yen", INT64_MAX, &x->loss_mean_yen));
    TRY(get_u32(d, "outage_min", 525600, &x->outage_min));
    TRY(get_u32(d, "probes", RISK_BUDGET_MAX, &x->budget));
    TRY(get_int(d, "effect_ppb", RISK_PPB, &x->effect_ppb));
    return x->budget ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome read_control(const struct doc *d, unsigned engine, struct model *m)
{
    (void)engine;
    struct model_control *x = &m->controls[m->n_controls++];
    TRY(get_text(d, "id", x->id, sizeof x->id));
    TRY(get_text(d, "root", x->root, sizeof x->root));
    TRY(get_texts(d, "scope", x->scope, sizeof x->scope / sizeof *x->scope, &x->n_scope));
    TRY(get_int(d, "fresh_ms", INT64_C(315360000000), &x->fresh_ms));
    TRY(get_int(d, "stale_ms", INT64_C(315360000000), &x->stale_ms));
    if (x->stale_ms < x->fresh_ms) return REFUSE(E_MALFORMED);
    const struct doc *strength = doc_get(d, "strength_ppb");
    if (!strength || strength->kind != DOC_MAP) return REFUSE(E_MALFORMED);
    for (const struct doc *v = strength->first; v; v = v->next) {
        size_t at = model_threat(m, v->key);
        if (at == SIZE_MAX || v->kind != DOC_INT || v->number < 0 || v->number > RISK_PPB) return REFUSE(E_MALFORMED);
        x->strength_ppb[at] = v->number;
    }
    return DONE;
}

static MUST outcome read_flow(const struct doc *d, unsigned engine, struct model *m)
{
    (void)engine;
    struct model_flow *x = &m->flows[m->n_flows++];
    const struct doc *controls = doc_get(d, "controls");
    TRY(get_text(d, "id", x->id, sizeof x->id));
    TRY(get_text(d, "from", x->from, sizeof x->from));
    TRY(get_text(d, "to", x->to, sizeof x->to));
    TRY(get_int(d, "connect_ppb", RISK_PPB, &x->connect_ppb));
    if (!controls || controls->kind != DOC_MAP || controls->count > sizeof x->controls / sizeof *x->controls)
        return REFUSE(E_MALFORMED);
    for (const struct doc *v = controls->first; v; v = v->next) {
        if (model_control(m, v->key) == SIZE_MAX || v->kind != DOC_INT || v->number < 0 || v->number > RISK_PPB)
            return REFUSE(E_MALFORMED);
        memcpy(x->controls[x->n_controls], v->key, strlen(v->key) + 1);
        x->strength_ppb[x->n_controls++] = v->number;
    }
    return DONE;
}

outcome assess_params_read(const struct doc *d, unsigned engine, struct model *ret)
{
    static const struct {
        const char *key;
        size_t cap;
        outcome (*read)(const struct doc *d, unsigned engine, struct model *m);
        unsigned since;
    } sections[] = { /* what is referred to first */
        { "groups", sizeof ret->groups / sizeof *ret->groups, read_group, 1 },
        { "alternatives", sizeof ret->alternatives / sizeof *ret->alternatives, read_alternative, 1 },
        { "functions", sizeof ret->functions / sizeof *ret->functions, read_function, 1 },
        { "missions", sizeof ret->missions / sizeof *ret->missions, read_mission, 1 },
        { "threats", sizeof ret->threats / sizeof *ret->threats, read_threat, 1 },
        { "controls", sizeof ret->controls / sizeof *ret->controls, read_control, 1 },
        { "flows", sizeof ret->flows / sizeof *ret->flows, read_flow, 2 },
    };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const struct doc *list = doc_get(d, sections[i].key);
        if (engine < sections[i].since) continue;
        if (!list || list->kind != DOC_LIST || list->count > sections[i].cap) return REFUSE(E_MALFORMED);
        for (const struct doc *v = list->first; v; v = v->next) TRY(sections[i].read(v, engine, ret));
    }
    return DONE;
}
