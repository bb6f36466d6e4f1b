/* Prints one digest over the exact engine's results on 20,000 random models and networks. Built at -O0 and -O3
 * (and by gcc and clang, in the check): every build must print the digest that it is given. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "risk/random_test.h"

static uint64_t hash = 14695981039346656037u;

static void take(int64_t v)
{
    for (int i = 0; i < 8; i++) hash = (hash ^ ((uint64_t)v >> 8 * i & 0xff)) * 1099511628211u;
}

static int64_t any_size(void)
{
    uint64_t v = draw(UINT64_MAX);
    return (int64_t)(v >> draw(52));
}

static void model(void)
{
    struct random_model r;
    random_fill(&r);
    for (int k = 0; k < RISK_FIGURES; k++) {
        struct risk_figure f;
        risk_figures(&r.model, k, &f);
        take(f.inherent_yen), take(f.residual_yen), take(f.potential_yen), take(f.outage_ppb);
        for (size_t t = 0; t < r.model.n_threats; t++) take(f.terms[t].bypass), take(f.terms[t].rate), take(f.terms[t].yen);
    }
    int64_t a = any_size(), b = any_size();
    take(risk_mul(a, b)), take(risk_mul_portable(a, b));
}

static void network(void)
{
    struct random_network x;
    int64_t rate[RANDOM_GROUPS], share[RANDOM_GROUPS] = { 0 }, work[RANDOM_GROUPS] = { 0 };
    uint32_t at[RANDOM_GROUPS];
    random_network(&x);
    if (!ok(risk_network_index(&x.n))) return;
    struct risk_reach r = { share, work, at, 0 };
    risk_reach(&x.n, x.pass, (uint32_t)draw(RANDOM_GROUPS), &r);
    risk_spread(&x.n, x.pass, x.own, rate, work);
    for (size_t g = 0; g < RANDOM_GROUPS; g++) take(rate[g]), take(share[g]);
}

int main(int argc, char **argv)
{
    char text[24];
    for (int i = 0; i < 20000; i++) model(), network();
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    printf("%s\n", text);
    return argc == 2 && strcmp(argv[1], text) == 0 ? 0 : 1;
}
