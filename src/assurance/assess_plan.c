#include "assurance/assess_plan.h"

#include <stdlib.h>

#define ARENA_BYTES (64u << 20)

/* --- ids to indices --- */

struct names {
    const char **sorted; /* pointers into the model's array */
    const char *base;
    size_t n, size;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool names_make(struct arena *a, const void *array, size_t n, size_t size, struct names *ret)
{
    *ret = (struct names) { arena_new(a, (n + 1) * sizeof(char *)), array, n, size };
    if (!ret->sorted) return false;
    for (size_t i = 0; i < n; i++) ret->sorted[i] = (const char *)array + i * size;
    if (n) qsort(ret->sorted, n, sizeof *ret->sorted, by_text);
    return true;
}

static size_t names_find(const struct names *x, const char *id)
{
    const char **at = x->n ? bsearch(&id, x->sorted, x->n, sizeof *x->sorted, by_text) : NULL;
    return at ? (size_t)(*at - x->base) / x->size : SIZE_MAX;
}

static void order_of(const struct names *x, size_t *ret)
{
    for (size_t i = 0; i < x->n; i++) ret[i] = (size_t)(x->sorted[i] - x->base) / x->size;
}

struct making {
    struct plan *p;
    const struct model *m;
    struct names groups, controls, threats;
    uint32_t (*needs)[8];  /* by group: what it depends on */
    int64_t *factor;       /* by group, while one edge is unfolded */
};

/* --- functions --- */

/* Everything the edge's group needs, and what that needs: the best path's product. Factors only grow, and each
 * growth starts the group again: ends, since products of numbers <= 1 cannot grow around a cycle. */
static size_t unfold(struct making *k, uint32_t from, uint32_t *list)
{
    size_t n = 0;
    list[n++] = from;
    k->factor[from] = RISK_PPB;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < n; i++) {
            const struct model_group *g = &k->m->groups[list[i]];
            for (size_t d = 0; d < g->n_depends; d++) {
                uint32_t to = k->needs[list[i]][d];
                int64_t f = risk_mul(k->factor[list[i]], (int64_t)g->effect_mille[d] * 1000000);
                if (f <= k->factor[to]) continue;
                if (k->factor[to] == 0) list[n++] = to;
                k->factor[to] = f;
                moved = true;
            }
        }
    }
    return n;
}

static int by_group(const void *a, const void *b)
{
    const struct plan_rest *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return (int)x->edge - (int)y->edge;
}

static MUST outcome rests_make(struct making *k, struct plan_function *f)
{
    uint32_t *list = arena_new(&k->p->arena, (k->m->n_groups + 1) * sizeof *list);
    size_t total = 0;
    if (!list) return REFUSE(E_MEMORY);
    for (int write = 0; write < 2; write++) {
        if (write && !(f->rests = arena_new(&k->p->arena, (total + 1) * sizeof *f->rests))) return REFUSE(E_MEMORY);
        for (size_t e = 0; e < f->n_edges; e++) {
            size_t n = unfold(k, f->edges[e].group, list);
            if (!write) total += n;
            for (size_t i = 0; write && i < n; i++)
                f->rests[f->n_rests++] = (struct plan_rest) { list[i], (uint32_t)k->factor[list[i]], (uint8_t)e };
            for (size_t i = 0; i < n; i++) k->factor[list[i]] = 0;
        }
    }
    qsort(f->rests, f->n_rests, sizeof *f->rests, by_group);
    return DONE;
}

static MUST outcome edge_add(struct making *k, const struct model_function *x, size_t at, struct plan_function *f)
{
    size_t group = names_find(&k->groups, x->depends[at]), other = model_alternative(k->m, x->depends[at]);
    if (group == SIZE_MAX && other == SIZE_MAX) return REFUSE(E_MALFORMED);
    if (group == SIZE_MAX) {
        if (strcmp(k->m->alternatives[other].kind, "buffer") != 0) return DONE;
        f->buffers[f->n_buffers++] = (uint16_t)other;
        f->buffer_hours_mille += k->m->alternatives[other].hours_mille;
        return DONE;
    }
    size_t by = *x->by[at] ? model_alternative(k->m, x->by[at]) : UINT16_MAX;
    if (by == SIZE_MAX) return REFUSE(E_MALFORMED);
    uint8_t members = 0;
    for (size_t i = 0; x->any[at] && i < x->n_depends; i++) if (x->any[i] == x->any[at]) members++;
    f->edges[f->n_edges++] = (struct plan_edge) { (uint32_t)group, (uint16_t)by, x->any[at], x->needs[at], members,
        (int64_t)x->effect_mille[at] * 1000000 };
    return DONE;
}

static MUST outcome functions_make(struct making *k)
{
    for (size_t i = 0; i < k->m->n_functions; i++) {
        const struct model_function *x = &k->m->functions[i];
        for (size_t e = 0; e < x->n_depends; e++) TRY(edge_add(k, x, e, &k->p->functions[i]));
        TRY(rests_make(k, &k->p->functions[i]));
    }
    for (size_t i = 0; i < k->m->n_missions; i++)
        for (size_t f = 0; f < k->m->missions[i].n_functions; f++) {
            size_t at = model_function(k->m, k->m->missions[i].functions[f]);
            if (at == SIZE_MAX) return REFUSE(E_MALFORMED);
            k->p->mission_functions[i][f] = (uint8_t)at;
            k->p->used[at] = true;
        }
    return DONE;
}

/* --- groups, flows, controls, threats --- */

static MUST outcome groups_make(struct making *k)
{
    k->needs = arena_new(&k->p->arena, (k->m->n_groups + 1) * sizeof *k->needs);
    k->factor = arena_new(&k->p->arena, (k->m->n_groups + 1) * sizeof *k->factor);
    if (!k->needs || !k->factor) return REFUSE(E_MEMORY);
    memset(k->factor, 0, (k->m->n_groups + 1) * sizeof *k->factor);
    for (size_t i = 0; i < k->m->n_groups; i++)
        for (size_t d = 0; d < k->m->groups[i].n_depends; d++) {
            size_t at = names_find(&k->groups, k->m->groups[i].depends[d]);
            if (at == SIZE_MAX) return REFUSE(E_MALFORMED);
            k->needs[i][d] = (uint32_t)at;
        }
    return DONE;
}

static MUST outcome flow_make(struct making *k, size_t i, struct risk_flow *ret)
{
    const struct model_flow *x = &k->m->flows[i];
    struct plan_flow *f = &k->p->flows[i];
    size_t from = names_find(&k->groups, x->from), to = names_find(&k->groups, x->to);
    if (from == SIZE_MAX || to == SIZE_MAX) return REFUSE(E_MALFORMED);
    *ret = (struct risk_flow) { (uint32_t)from, (uint32_t)to };
    k->p->connect_ppb[i] = x->connect_ppb;
    *f = (struct plan_flow) { .n_controls = (uint8_t)x->n_controls };
    for (size_t c = 0; c < x->n_controls; c++) {
        size_t at = names_find(&k->controls, x->controls[c]);
        if (at == SIZE_MAX) return REFUSE(E_MALFORMED);
        f->controls[c] = (uint8_t)at;
        f->set |= (uint64_t)1 << at;
        k->p->flow_controls |= (uint64_t)1 << at;
    }
    return DONE;
}

static MUST outcome network_make(struct making *k)
{
    struct plan *p = k->p;
    size_t n = k->m->n_flows, groups = k->m->n_groups;
    struct risk_flow *flows = arena_new(&p->arena, (n + 1) * sizeof *flows);
    p->flows = arena_new(&p->arena, (n + 1) * sizeof *p->flows);
    p->connect_ppb = arena_new(&p->arena, (n + 1) * sizeof *p->connect_ppb);
    p->network = (struct risk_network) { groups, n, flows, arena_new(&p->arena, (groups + 1) * sizeof(uint32_t)),
        arena_new(&p->arena, (n + 1) * sizeof(uint32_t)) };
    if (!flows || !p->flows || !p->connect_ppb || !p->network.first || !p->network.order) return REFUSE(E_MEMORY);
    for (size_t i = 0; i < n; i++) TRY(flow_make(k, i, &flows[i]));
    return risk_network_index(&p->network);
}

static void controls_make(struct making *k)
{
    struct plan *p = k->p;
    order_of(&k->controls, p->control);
    order_of(&k->threats, p->threat);
    for (size_t i = 0; i < k->m->n_controls; i++) {
        const char *root = k->m->controls[p->control[i]].root;
        for (size_t j = 0; *root && j <= i && p->root[i] == 0; j++)
            if (strcmp(k->m->controls[p->control[j]].root, root) == 0) p->root[i] = (uint32_t)j + 1;
    }
    for (size_t i = 0; i < k->m->n_threats; i++) {
        size_t at = names_find(&k->groups, k->m->threats[p->threat[i]].group);
        p->strikes[i] = at == SIZE_MAX ? UINT32_MAX : (uint32_t)at;
    }
}

static MUST outcome make(struct making *k)
{
    const struct model *m = k->m;
    struct arena *a = &k->p->arena;
    bool good = names_make(a, m->groups, m->n_groups, sizeof *m->groups, &k->groups)
        && names_make(a, m->controls, m->n_controls, sizeof *m->controls, &k->controls)
        && names_make(a, m->threats, m->n_threats, sizeof *m->threats, &k->threats);
    if (!good) return REFUSE(E_MEMORY);
    controls_make(k);
    TRY(groups_make(k));
    TRY(functions_make(k));
    return network_make(k);
}

outcome plan_new(const struct model *m, struct plan **ret)
{
    struct plan *p = mem_new(sizeof *p);
    if (!p) return REFUSE(E_MEMORY);
    p->model = m;
    p->arena = ARENA(ARENA_BYTES);
    struct making k = { .p = p, .m = m };
    outcome o = make(&k);
    if (!ok(o)) {
        plan_free(p);
        return o;
    }
    *ret = p;
    return DONE;
}

void plan_free(struct plan *p)
{
    if (!p) return;
    arena_deinit(&p->arena);
    mem_free(p);
}
