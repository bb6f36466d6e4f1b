/* Tier B: what is at stake now, given that assets are known to be compromised. */
#include "assurance/assess.h"

static bool reached(const struct model *m, const struct evidence *e, const struct model_function *f,
    const char *const *assets, size_t n, bool *ret_around)
{
    bool any = false, around = true;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < f->n_depends; k++) {
            if (strcmp(evidence_group(e, m, assets[i]), f->depends[k]) != 0 || f->effect_mille[k] == 0) continue;
            any = true;
            around = around && *f->by[k];
        }
    *ret_around = around;
    return any;
}

static uint32_t buffer_hours(const struct model *m, const struct model_function *f)
{
    uint32_t hours = 0;
    for (size_t i = 0; i < f->n_depends; i++) {
        size_t at = model_alternative(m, f->depends[i]);
        if (at != SIZE_MAX && strcmp(m->alternatives[at].kind, "buffer") == 0) hours += m->alternatives[at].hours_mille;
    }
    return hours;
}

void assess_at_stake(const struct model *m, const struct evidence *e, const char *const *assets, size_t n,
    struct assess_stake *ret)
{
    *ret = (struct assess_stake) { .worked_around = true };
    for (size_t i = 0; i < m->n_functions && ret->n_functions < 16; i++) {
        const struct model_function *f = &m->functions[i];
        bool around;
        if (!reached(m, e, f, assets, n, &around)) continue;
        ret->functions[ret->n_functions++] = (uint8_t)i;
        ret->worked_around = ret->worked_around && around;
        uint32_t hours = buffer_hours(m, f);
        if (hours && (ret->buffer_hours_mille == 0 || hours < ret->buffer_hours_mille)) ret->buffer_hours_mille = hours;
        if (f->customers > ret->customers) ret->customers = f->customers;
    }
    if (ret->n_functions == 0) ret->worked_around = false;
    for (size_t i = 0; i < m->n_threats; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(evidence_group(e, m, assets[k]), m->threats[i].group) == 0)
                ret->loss_yen = m->threats[i].loss_mean_yen > ret->loss_yen ? m->threats[i].loss_mean_yen : ret->loss_yen;
}
