/* See precedence.h. */
#include "assurance/precedence.h"

#define UNPLACED UINT8_MAX

struct placing {
    const struct model *m;
    uint8_t place[MODEL_GROUPS_MAX]; /* by group */
};

static bool before(const struct model *m, size_t a, size_t b)
{
    const struct model_mission *x = &m->missions[a], *y = &m->missions[b];
    int safety = strcmp(x->safety, y->safety);
    if (safety) return safety > 0;
    if (x->utility_yen != y->utility_yen) return x->utility_yen > y->utility_yen;
    return a < b;
}

/* How many missions come before this one. */
static uint8_t rank(const struct model *m, size_t mission)
{
    uint8_t n = 0;
    for (size_t i = 0; i < m->n_missions; i++)
        if (i != mission && before(m, i, mission)) n++;
    return n;
}

static void place_group(struct placing *p, const char *id, uint8_t place)
{
    size_t at = model_group(p->m, id);
    if (at == SIZE_MAX || p->place[at] <= place) return; /* an alternative has no streams; a group stands where it stands */
    p->place[at] = place;
    const struct model_group *g = &p->m->groups[at];
    for (size_t i = 0; i < g->n_depends; i++) place_group(p, g->depends[i], place);
}

static void place_mission(struct placing *p, size_t mission)
{
    const struct model_mission *m = &p->m->missions[mission];
    uint8_t place = rank(p->m, mission);
    for (size_t i = 0; i < m->n_functions; i++) {
        size_t at = model_function(p->m, m->functions[i]);
        const struct model_function *f = at != SIZE_MAX ? &p->m->functions[at] : NULL;
        for (size_t k = 0; f && k < f->n_depends; k++) place_group(p, f->depends[k], place);
    }
}

size_t precedence_of(const struct model *m, struct precedence rows[MODEL_GROUPS_MAX], uint8_t *ret_last)
{
    struct placing p = { .m = m };
    size_t n = 0;
    memset(p.place, UNPLACED, sizeof p.place);
    for (size_t i = 0; i < m->n_missions; i++) place_mission(&p, i);
    for (size_t i = 0; i < m->n_groups; i++) {
        if (p.place[i] == UNPLACED) continue;
        memcpy(rows[n].group, m->groups[i].id, sizeof rows[n].group);
        rows[n++].place = p.place[i];
    }
    *ret_last = (uint8_t)m->n_missions;
    return n;
}
