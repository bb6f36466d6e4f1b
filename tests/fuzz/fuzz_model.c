/* A mission model: taken whole, with every list within its room, or refused with every mistake said. */
#include "assurance/model.h"
#include "fuzz.h"

enum { SHOWN = 8 };

static void check_lists(const struct model *m)
{
    HOLDS(m->n_missions <= sizeof m->missions / sizeof *m->missions && m->n_functions <= sizeof m->functions / sizeof *m->functions);
    HOLDS(m->n_groups <= MODEL_GROUPS_MAX && m->n_flows <= MODEL_FLOWS_MAX);
    HOLDS(m->n_threats <= sizeof m->threats / sizeof *m->threats && m->n_controls <= sizeof m->controls / sizeof *m->controls);
    HOLDS(m->n_conditions <= sizeof m->conditions / sizeof *m->conditions);
    for (size_t i = 0; i < m->n_missions; i++) HOLDS(m->missions[i].id[0] && m->missions[i].n_functions <= 16);
    for (size_t i = 0; i < m->n_functions; i++) HOLDS(m->functions[i].id[0] && m->functions[i].n_depends <= 16);
    for (size_t i = 0; i < m->n_groups; i++) HOLDS(m->groups[i].id[0] && m->groups[i].n_members <= 64 && m->groups[i].n_depends <= 8);
    for (size_t i = 0; i < m->n_threats; i++)
        HOLDS(m->threats[i].rate_ppb[0] <= m->threats[i].rate_ppb[1] && m->threats[i].rate_ppb[1] <= m->threats[i].rate_ppb[2]);
    for (size_t i = 0; i < m->n_controls; i++) HOLDS(m->controls[i].fresh_ms >= 0 && m->controls[i].n_scope <= 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(64 << 20);
    struct doc *d = NULL;
    struct model_error errors[SHOWN];
    size_t wrong = 0;
    if (ok(doc_read_json(bytes_of(data, n), &a, &d))) {
        struct model *m = mem_new(sizeof *m);
        HOLDS(m);
        outcome o = model_read(d, m, errors, SHOWN, &wrong);
        HOLDS(ok(o) == (wrong == 0) || o.code == E_MEMORY);
        for (size_t i = 0; i < wrong && i < SHOWN; i++) HOLDS(bytes_is_utf8(bytes_of(errors[i].text, strnlen(errors[i].text, sizeof errors[i].text))));
        if (ok(o)) check_lists(m);
        mem_free(m);
    }
    arena_deinit(&a);
    return 0;
}
