/* sekimori-risk-bench [ROUNDS]: 1,000 groups, 30 threats, 40 controls, 5,000 flows, 20 missions, without curves: how long the
 * whole takes, and one changed fact, from the fact to every mission's figures. One line of JSON, microseconds of processor time. The
 * incremental result is compared with the whole, byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "assurance/assess_parts.h"
#include "base/time.h"

enum { GROUPS = 1000, FLOWS = 5000, THREATS = 30, CONTROLS = 40, MISSIONS = 20, FUNCTIONS = 60, ASSETS = 5000, ROUNDS_MAX = 10000 };

static struct model *m;
static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (state * 2685821657736338717u >> 11) % below;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* one thread: others on this machine do not count */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void fill_network(void)
{
    for (int i = 0; i < GROUPS; i++) {
        struct model_group *g = &m->groups[m->n_groups++];
        snprintf(g->id, MODEL_ID, "g%04d", i);
        snprintf(g->layer, sizeof g->layer, "device");
        if (draw(4)) continue;
        snprintf(g->depends[0], MODEL_ID, "g%04d", (int)draw(GROUPS));
        g->effect_mille[0] = 500, g->n_depends = strcmp(g->depends[0], g->id) != 0;
    }
    for (int i = 0; i < FLOWS; i++) {
        struct model_flow *f = &m->flows[m->n_flows++];
        snprintf(f->id, MODEL_ID, "f%04d", i);
        snprintf(f->from, MODEL_ID, "g%04d", (int)draw(GROUPS));
        snprintf(f->to, MODEL_ID, "g%04d", (int)draw(GROUPS));
        f->connect_ppb = draw(3) ? 100000000 : 300000000;
        f->n_controls = 1 + draw(2);
        for (size_t c = 0; c < f->n_controls; c++) {
            snprintf(f->controls[c], 16, "C%02d", (int)draw(8));
            f->strength_ppb[c] = 700000000;
        }
    }
}

static void fill_missions(void)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        struct model_function *f = &m->functions[m->n_functions++];
        snprintf(f->id, MODEL_ID, "n%02d", i);
        f->outage_tolerable_min = 240;
        for (f->n_depends = 0; f->n_depends < 16; f->n_depends++) {
            snprintf(f->depends[f->n_depends], MODEL_ID, "g%04d", (int)((size_t)i * 16 + f->n_depends) % GROUPS);
            f->effect_mille[f->n_depends] = draw(2) ? 1000 : 500;
        }
    }
    for (int i = 0; i < MISSIONS; i++) {
        struct model_mission *x = &m->missions[m->n_missions++];
        snprintf(x->id, MODEL_ID, "m%02d", i);
        x->tolerance_yen = 100000000, x->tolerance_outages_mille = 1000;
        for (x->n_functions = 0; x->n_functions < 4; x->n_functions++)
            snprintf(x->functions[x->n_functions], MODEL_ID, "n%02d", (int)((size_t)i * 3 + x->n_functions) % FUNCTIONS);
    }
}

static void fill_risk(void)
{
    for (int i = 0; i < THREATS; i++) {
        struct model_threat *t = &m->threats[m->n_threats++];
        *t = (struct model_threat) { .rate_ppb = { 1, RISK_PPB, 4 * RISK_PPB }, .loss_mean_yen = 30000000, .outage_min = 480,
            .budget = i % 3 ? 3 : 10, .effect_ppb = RISK_PPB };
        snprintf(t->id, MODEL_ID, "t%02d", i);
        snprintf(t->group, MODEL_ID, "g%04d", (int)draw(GROUPS));
    }
    for (int i = 0; i < CONTROLS; i++) {
        struct model_control *c = &m->controls[m->n_controls++];
        *c = (struct model_control) { .fresh_ms = MS_DAY, .stale_ms = 3 * MS_DAY };
        snprintf(c->id, 16, "C%02d", i);
        for (c->n_scope = 0; c->n_scope < 8; c->n_scope++) snprintf(c->scope[c->n_scope], MODEL_ID, "g%04d", i * 8 + (int)c->n_scope);
        for (int t = 0; t < THREATS; t++) c->strength_ppb[t] = draw(3) ? 0 : 700000000;
    }
}

static outcome observe(struct evidence *e, int asset, int control, enum fact_result result, int64_t now)
{
    struct fact f = { .result = result, .authenticated = true, .at_ms = now };
    struct evidence_change change;
    snprintf(f.control, sizeof f.control, "C%02d", control);
    snprintf(f.asset, sizeof f.asset, "a%04d", asset);
    return evidence_fact(e, &f, now, &change);
}

static outcome fill_evidence(struct evidence *e, int64_t now)
{
    char id[16], group[16];
    for (int i = 0; i < ASSETS; i++) {
        snprintf(id, sizeof id, "a%04d", i);
        snprintf(group, sizeof group, "g%04d", i / 5);
        TRY(evidence_asset(e, id, group, true));
    }
    for (int c = 0; c < CONTROLS; c++)
        for (int i = 0; i < 40; i++) TRY(observe(e, c * 40 + i, c, draw(20) ? FACT_PASS : FACT_FAIL, now));
    return DONE;
}

static struct assessment *whole, *again;
struct times {
    int64_t plan, whole[ROUNDS_MAX], fact[ROUNDS_MAX], flow[ROUNDS_MAX];
    size_t n;
};

/* One fact of this control: taken, gathered, every figure. */
static outcome one_fact(struct evidence *e, struct assess_live *l, int control, int64_t now, int64_t *ret_ns)
{
    int asset = control * 40 + (int)draw(40);
    int64_t begin = now_ns();
    TRY(observe(e, asset, control, draw(2) ? FACT_PASS : FACT_FAIL, now));
    assess_live_figures(l, assess_live_gather(l, e, now), again);
    *ret_ns = now_ns() - begin;
    return DONE;
}

static outcome one_round(struct evidence *e, struct assess_live *live, int64_t now, struct times *t)
{
    struct assess_live *fresh;
    TRY(one_fact(e, live, 8 + (int)draw(CONTROLS - 8), now, &t->fact[t->n]));
    TRY(one_fact(e, live, (int)draw(8), now, &t->flow[t->n])); /* one that stands on flows: every reach anew */
    int64_t begin = now_ns();
    TRY(assess_live_new(m, &fresh));
    t->plan = now_ns() - begin;
    const struct assess_inputs *in = assess_live_gather(fresh, e, now);
    begin = now_ns();
    assess_live_figures(fresh, in, whole);
    t->whole[t->n++] = now_ns() - begin;
    assess_live_free(fresh);
    return memcmp(whole, again, sizeof *whole) == 0 ? DONE : REFUSE(E_CHANGED);
}

static outcome run(size_t rounds, struct times *t)
{
    struct evidence *e;
    struct assess_live *live;
    int64_t now = 1795000000000;
    TRY(evidence_new(&e));
    TRY(fill_evidence(e, now));
    TRY(assess_live_new(m, &live));
    assess_live_figures(live, assess_live_gather(live, e, now), again);
    outcome o = DONE;
    for (size_t i = 0; ok(o) && i < rounds; i++) o = one_round(e, live, now += 1000, t);
    assess_live_free(live);
    evidence_free(e);
    return o;
}

static void say(const char *name, int64_t *ns, size_t n)
{
    qsort(ns, n, sizeof *ns, by_size);
    printf("\"%s_us\":{\"p50\":%.0f,\"p99\":%.0f},", name, (double)ns[n / 2] / 1000, (double)ns[n * 99 / 100] / 1000);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 200;
    struct times *t = calloc(1, sizeof *t);
    m = calloc(1, sizeof *m), whole = calloc(1, sizeof *whole), again = calloc(1, sizeof *again);
    if (rounds < 1 || rounds > ROUNDS_MAX || !t || !m || !whole || !again) return 2;
    fill_network();
    fill_missions();
    fill_risk();
    outcome o = run((size_t)rounds, t);
    if (!ok(o)) return fprintf(stderr, "risk bench: %s\n", code_word(o.code)), 1;
    printf("{");
    say("whole", t->whole, t->n);
    say("one_fact", t->fact, t->n);
    say("one_fact_on_flows", t->flow, t->n);
    printf("\"plan_us\":%.0f,\"same\":true,\"rounds\":%ld}\n", (double)t->plan / 1000, rounds);
    free(t), free(m), free(whole), free(again);
    return 0;
}
