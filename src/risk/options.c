#include "risk/options.h"

#include <string.h>

struct bought {
    struct risk_control controls[RISK_CONTROLS_MAX];
};

static void buy(struct bought *b, const struct risk_option *o)
{
    struct risk_coverage c = risk_cover(o->p_ppb, o->f_ppb);
    struct risk_control *control = &b->controls[o->control];
    if (c.expected > control->coverage[RISK_EXPECTED]) control->coverage[RISK_EXPECTED] = c.expected;
    if (c.proven > control->coverage[RISK_DECISION]) control->coverage[RISK_DECISION] = c.proven;
}

static struct bought nothing_bought(const struct risk_question *q)
{
    struct bought b = { 0 };
    memcpy(b.controls, q->model->controls, q->model->n_controls * sizeof *b.controls);
    return b;
}

static int64_t figure_of(const struct risk_question *q, const struct bought *b)
{
    struct risk_model m = *q->model;
    m.controls = b->controls;
    int64_t sum = 0;
    for (size_t i = 0; i < m.n_threats; i++) {
        const struct risk_threat *t = &m.threats[i];
        int64_t rate = risk_mul(risk_mul(t->rate[q->figure], risk_bypass(&m, t, q->figure)), t->effect[q->figure]);
        sum = risk_add(sum, risk_mul(rate, t->loss_yen));
    }
    return sum;
}

int64_t risk_option_figure(const struct risk_question *q, const size_t *chosen, size_t n)
{
    struct bought b = nothing_bought(q);
    for (size_t i = 0; i < n; i++) buy(&b, &q->options[chosen[i]]);
    return figure_of(q, &b);
}

int64_t risk_rosi_percent(int64_t saved, int64_t cost)
{
    assert(cost > 0);
    int64_t gain = saved - cost, sign = gain < 0 ? -1 : 1;
    return sign * ((sign * gain * 200 + cost) / (2 * cost));
}

enum aim { AIM_BEST, AIM_NET, AIM_REACH };

struct search {
    const struct risk_question *q;
    enum aim aim;
    int64_t bound_yen; /* budget, or tolerance */
    bool found;
    int64_t value;     /* of the best so far: the smaller the better */
    struct risk_choice best;
};

/* What the aim minimises; cost breaks no tie: the first found stays. */
static int64_t value_of(const struct search *s, int64_t figure, int64_t cost)
{
    switch (s->aim) {
    case AIM_BEST: return figure;
    case AIM_NET: return risk_add(figure, cost);
    case AIM_REACH: return cost;
    }
    assert(false);
}

static void offer(struct search *s, uint32_t set, int64_t figure, int64_t cost)
{
    if (s->aim == AIM_REACH && figure > s->bound_yen) return;
    int64_t value = value_of(s, figure, cost);
    if (s->found && (value > s->value || (value == s->value && cost >= s->best.cost_yen))) return;
    s->found = true;
    s->value = value;
    s->best = (struct risk_choice) { .cost_yen = cost, .figure_yen = figure };
    for (size_t i = 0; i < s->q->n; i++)
        if (set >> i & 1) s->best.order[s->best.n++] = i;
}

/* A node: options below depth are decided, the rest open. `reach` has the chosen ones and every open
 * one that can still be afforded: because coverage never hurts, its figure is a floor for the subtree. */
struct node {
    size_t depth;
    uint32_t set;
    int64_t cost;
};

static bool hopeless(const struct search *s, const struct node *n, const struct bought *chosen)
{
    if (!s->found && s->aim != AIM_REACH) return false;
    struct bought reach = *chosen;
    for (size_t i = n->depth; i < s->q->n; i++)
        if (s->aim != AIM_BEST || n->cost + s->q->options[i].cost_yen <= s->bound_yen) buy(&reach, &s->q->options[i]);
    int64_t floor_yen = figure_of(s->q, &reach);
    if (s->aim == AIM_REACH && floor_yen > s->bound_yen) return true;
    return s->found && value_of(s, floor_yen, n->cost) > s->value;
}

static outcome search_all(struct search *s)
{
    if (s->q->n > RISK_OPTIONS_EXACT) return REFUSE(E_TOO_LARGE);
    struct node stack[2 * RISK_OPTIONS_EXACT + 2] = { { 0, 0, 0 } };
    size_t top = 1; /* at most one waiting sibling a level */
    while (top) {
        struct node n = stack[--top];
        struct bought chosen = nothing_bought(s->q);
        for (size_t i = 0; i < n.depth; i++)
            if (n.set >> i & 1) buy(&chosen, &s->q->options[i]);
        if (n.depth == s->q->n) {
            offer(s, n.set, figure_of(s->q, &chosen), n.cost);
            continue;
        }
        if (hopeless(s, &n, &chosen)) continue;
        int64_t with = n.cost + s->q->options[n.depth].cost_yen;
        stack[top++] = (struct node) { n.depth + 1, n.set, n.cost };
        if (s->aim == AIM_BEST && with > s->bound_yen) continue;
        stack[top++] = (struct node) { n.depth + 1, n.set | 1u << n.depth, with };
    }
    return DONE;
}

outcome risk_options_best(const struct risk_question *q, int64_t budget_yen, struct risk_choice *ret)
{
    struct search s = { .q = q, .aim = AIM_BEST, .bound_yen = budget_yen };
    TRY(search_all(&s));
    *ret = s.best;
    return DONE;
}

outcome risk_options_net(const struct risk_question *q, struct risk_choice *ret)
{
    struct search s = { .q = q, .aim = AIM_NET };
    TRY(search_all(&s));
    *ret = s.best;
    return DONE;
}

outcome risk_options_reach(const struct risk_question *q, int64_t tolerance_yen, struct risk_choice *ret)
{
    struct search s = { .q = q, .aim = AIM_REACH, .bound_yen = tolerance_yen };
    TRY(search_all(&s));
    if (!s.found) return REFUSE(E_UNKNOWN);
    *ret = s.best;
    return DONE;
}

/* a / b > c / d, exactly: by continued fractions instead of products that might not fit. */
static bool better_ratio(int64_t a, int64_t b, int64_t c, int64_t d)
{
    for (;;) {
        int64_t left = a / b, right = c / d;
        if (left != right) return left > right;
        a %= b;
        c %= d;
        if (a == 0 || c == 0) return a > c;
        int64_t t = a; /* a/b > c/d  <=>  d/c > b/a */
        int64_t u = b;
        a = d;
        b = c;
        c = u;
        d = t;
    }
}

/* The affordable option that saves most per yen; q->n when none saves anything. */
static size_t next_purchase(const struct risk_question *q, const struct bought *b, const bool *taken, int64_t left)
{
    int64_t now = figure_of(q, b), best_saved = 0, best_cost = 1;
    size_t best = q->n;
    for (size_t i = 0; i < q->n; i++) {
        if (taken[i] || q->options[i].cost_yen > left) continue;
        struct bought with = *b;
        buy(&with, &q->options[i]);
        int64_t saved = now - figure_of(q, &with);
        if (!better_ratio(saved, q->options[i].cost_yen, best_saved, best_cost)) continue;
        best = i;
        best_saved = saved;
        best_cost = q->options[i].cost_yen;
    }
    return best;
}

static void best_single(const struct risk_question *q, int64_t budget_yen, struct risk_choice *ret)
{
    for (size_t i = 0; i < q->n; i++) {
        if (q->options[i].cost_yen > budget_yen) continue;
        int64_t figure = risk_option_figure(q, &i, 1);
        if (figure < ret->figure_yen)
            *ret = (struct risk_choice) { .order = { i }, .n = 1, .cost_yen = q->options[i].cost_yen, .figure_yen = figure };
    }
}

outcome risk_options_greedy(const struct risk_question *q, int64_t budget_yen, struct risk_choice *ret)
{
    if (q->n > RISK_OPTIONS_MAX) return REFUSE(E_TOO_LARGE);
    struct risk_choice choice = { 0 };
    struct bought b = nothing_bought(q);
    bool taken[RISK_OPTIONS_MAX] = { false };
    for (;;) {
        size_t i = next_purchase(q, &b, taken, budget_yen - choice.cost_yen);
        if (i == q->n) break;
        taken[i] = true;
        buy(&b, &q->options[i]);
        choice.order[choice.n++] = i;
        choice.cost_yen += q->options[i].cost_yen;
    }
    choice.figure_yen = figure_of(q, &b);
    best_single(q, budget_yen, &choice);
    *ret = choice;
    return DONE;
}
