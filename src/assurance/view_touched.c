/* Whom it touches when an asset does less: the functions that rest on its group, and their missions. From the model's own words. */
#include "assurance/state.h"

static const struct model_mission *mission_with(const struct model *m, const char *function)
{
    for (size_t i = 0; i < m->n_missions; i++)
        for (size_t k = 0; k < m->missions[i].n_functions; k++)
            if (strcmp(m->missions[i].functions[k], function) == 0) return &m->missions[i];
    return NULL;
}

static struct doc *touched(struct arena *arena, const struct model *m, const struct model_function *f, uint32_t effect_mille)
{
    const struct model_mission *of = mission_with(m, f->id);
    struct doc *d = doc_map(arena);
    doc_set_text(arena, d, "function", f->id);
    doc_set_text(arena, d, "name_ja", f->name.ja);
    doc_set_text(arena, d, "name_en", f->name.en);
    doc_set_text(arena, d, "mission", of ? of->id : "");
    doc_set_text(arena, d, "mission_ja", of ? of->name.ja : "");
    doc_set_text(arena, d, "mission_en", of ? of->name.en : "");
    doc_set_int(arena, d, "effect_mille", effect_mille);
    return d;
}

struct doc *assurance_touched(struct assurance *a, struct arena *arena, const char *asset)
{
    struct doc *list = doc_list(arena);
    const char *group = a->model ? evidence_group(a->evidence, a->model, asset) : "";
    for (size_t i = 0; group[0] && i < a->model->n_functions; i++) {
        const struct model_function *f = &a->model->functions[i];
        for (size_t k = 0; k < f->n_depends; k++)
            if (strcmp(f->depends[k], group) == 0) doc_add(list, touched(arena, a->model, f, f->effect_mille[k]));
    }
    return list;
}
