/* Ids that must be somewhere else in the model. */
#include <stdio.h>

#include "assurance/evidence.h"
#include "assurance/model_value.h"

size_t model_find(const void *array, size_t n, size_t size, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp((const char *)array + i * size, id) == 0) return i;
    return SIZE_MAX;
}

struct targets {
    const struct model *model;
    int kinds;
};

static const char *target_at(const void *ctx, size_t i)
{
    const struct targets *t = ctx;
    const struct model *m = t->model;
    const struct { int kind; const void *array; size_t n, size; } rows[] = {
        { TO_FUNCTION, m->functions, m->n_functions, sizeof *m->functions },
        { TO_GROUP, m->groups, m->n_groups, sizeof *m->groups },
        { TO_ALTERNATIVE, m->alternatives, m->n_alternatives, sizeof *m->alternatives },
        { TO_THREAT, m->threats, m->n_threats, sizeof *m->threats },
        { TO_CONTROL, m->controls, m->n_controls, sizeof *m->controls },
        { TO_ZONE, m->zones, m->n_zones, sizeof *m->zones },
        { TO_SITE, EVIDENCE_SITE, 1, 0 },
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        if (!(t->kinds & rows[k].kind)) continue;
        if (i < rows[k].n) return (const char *)rows[k].array + i * rows[k].size;
        i -= rows[k].n;
    }
    return NULL;
}

const char *model_meant(const struct model *m, int kinds, const char *id)
{
    struct targets t = { m, kinds };
    return model_nearest(id, target_at, &t);
}

bool model_refers(struct model_reader *r, const struct doc *at, const char *key, const char *id, int kinds,
    const char *noun)
{
    struct targets t = { r->model, kinds };
    const char *c;
    for (size_t i = 0; (c = target_at(&t, i)); i++)
        if (strcmp(c, id) == 0) return true;
    const char *meant = model_meant(r->model, kinds, id);
    if (meant) model_complain(r, at, key, "expected %s, there is no \"%.47s\" (did you mean \"%s\"?)", noun, id, meant);
    else model_complain(r, at, key, "expected %s, there is no \"%.47s\"", noun, id);
    return false;
}

void model_read_ids(struct model_reader *r, const struct doc *d, const char *key, char (*to)[MODEL_ID], size_t cap,
    size_t *n)
{
    if (d->kind != DOC_LIST) {
        model_complain(r, d, key, "expected a list of ids");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next) {
        if (m->kind != DOC_TEXT || !model_id_good(m->text, MODEL_ID))
            model_complain(r, m, key, "expected an id of letters, digits, - and _");
        else if (model_find(to, *n, MODEL_ID, m->text) != SIZE_MAX)
            model_complain(r, m, key, "expected each id once, \"%s\" is there twice", m->text);
        else if (*n == cap) {
            model_complain(r, m, key, "expected at most %zu ids", cap);
            return;
        } else
            snprintf(to[(*n)++], MODEL_ID, "%s", m->text);
    }
}

const struct doc *model_member(const struct doc *d, const char *section, size_t at)
{
    const struct doc *m = doc_get(d, section);
    m = m ? m->first : NULL;
    while (m && at--) m = m->next;
    return m;
}
