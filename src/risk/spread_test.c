#include "risk/spread.h"

#include <string.h>

#include "base/test.h"
#include "risk/random_test.h"

enum { CASES = 100000 };

/* Poolsappasit's example (section 8): D -> B, C; B, C -> A. The rate bound is never below the exact .606. */
static void test_attack_graph(void)
{
    enum { D, B, C, A };
    struct risk_flow flows[] = { { D, B }, { D, C }, { B, A }, { C, A } };
    int64_t pass[] = { 850000000, 700000000, 650000000, RISK_PPB }, own[4] = { 700000000 }, rate[4], work[4];
    uint32_t first[5], order[4];
    struct risk_network n = { 4, 4, flows, first, order };
    CHECK_OK(risk_network_index(&n));
    risk_spread(&n, pass, own, rate, work);
    CHECK(rate[D] == 700000000 && rate[B] == 595000000 && rate[C] == 490000000);
    CHECK(rate[A] == 386750000 + 490000000);
    /* exact, by the network's joint distribution given D: both, B alone, C alone */
    int64_t given = risk_mul(pass[0], pass[1]) + risk_mul(risk_mul(pass[0], RISK_PPB - pass[1]), pass[2]) +
        risk_mul(RISK_PPB - pass[0], pass[1]);
    int64_t exact = risk_mul(own[D], given), with_c = risk_mul(own[D], pass[1]);
    CHECK(exact == 606025000);                                        /* paper .61 */
    CHECK(with_c * 10000 / exact == 8085);                            /* Pr(C|A), paper .81 */
    CHECK(rate[A] >= exact);
}

static void test_hops_and_cycles(void)
{
    struct risk_flow flows[] = { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 4 }, { 4, 5 }, { 5, 0 } };
    int64_t pass[6], own[6] = { RISK_PPB }, rate[6], work[6] = { 0 }, share[6] = { 0 };
    uint32_t first[7], order[6], at[6];
    for (int i = 0; i < 6; i++) pass[i] = RISK_PPB / 2;
    struct risk_network n = { 6, 6, flows, first, order };
    CHECK_OK(risk_network_index(&n));
    risk_spread(&n, pass, own, rate, work);
    CHECK(rate[4] == RISK_PPB / 16 && rate[5] == 0); /* four hops, not five */
    memset(work, 0, sizeof work);
    struct risk_reach r = { share, work, at, 0 };
    risk_reach(&n, pass, 0, &r);
    CHECK(r.n == 5 && share[0] == RISK_PPB && share[4] == RISK_PPB / 16 && share[5] == 0);
    risk_reach(&n, pass, 4, &r); /* around the corner */
    CHECK(share[0] == RISK_PPB / 4 && share[2] == RISK_PPB / 16 && share[3] == 0);
    risk_reach_clear(&r);
    for (int i = 0; i < 6; i++) CHECK(share[i] == 0 && work[i] == 0);
    flows[3].to = 6;
    CHECK_IS(risk_network_index(&n), E_RANGE);
}

struct result {
    int64_t rate[RANDOM_GROUPS], share[RANDOM_GROUPS];
};

static void solve(struct random_network *x, uint32_t source, struct result *ret)
{
    int64_t work[RANDOM_GROUPS] = { 0 };
    uint32_t at[RANDOM_GROUPS];
    *ret = (struct result) { 0 };
    x->n.flows = x->flows, x->n.first = x->first, x->n.order = x->order;
    CHECK_QUIET(ok(risk_network_index(&x->n)));
    struct risk_reach r = { ret->share, work, at, 0 };
    risk_reach(&x->n, x->pass, source, &r);
    risk_spread(&x->n, x->pass, x->own, ret->rate, work);
}

static bool no_more(const struct result *a, const struct result *b)
{
    for (size_t g = 0; g < RANDOM_GROUPS; g++)
        if (a->rate[g] > b->rate[g] || a->share[g] > b->share[g]) return false;
    return true;
}

/* Shares are the rates of one event with certainty as the ceiling; tighter flows never carry more; the order
 * of flows is irrelevant. */
static void check_case(void)
{
    struct random_network x, other;
    struct result before, after;
    random_network(&x);
    uint32_t source = (uint32_t)draw(RANDOM_GROUPS);
    solve(&x, source, &before);
    for (size_t g = 0; g < RANDOM_GROUPS; g++)
        CHECK_QUIET(before.rate[g] >= x.own[g] && before.share[g] >= 0 && before.share[g] <= RISK_PPB);

    other = x;
    size_t i = draw(RANDOM_FLOWS), k = draw(RANDOM_FLOWS);
    other.pass[i] = draw_ppb(other.pass[i]);
    solve(&other, source, &after);
    CHECK_QUIET(no_more(&after, &before));

    other = x;
    other.flows[i] = x.flows[k], other.pass[i] = x.pass[k], other.flows[k] = x.flows[i], other.pass[k] = x.pass[i];
    solve(&other, source, &after);
    CHECK_QUIET(memcmp(&after, &before, sizeof before) == 0);

    other = x;
    memset(other.own, 0, sizeof other.own);
    other.own[source] = RISK_PPB;
    solve(&other, source, &after);
    for (size_t g = 0; g < RANDOM_GROUPS; g++) CHECK_QUIET(before.share[g] <= after.rate[g]);
}

int main(void)
{
    test_attack_graph();
    test_hops_and_cycles();
    for (int i = 0; i < CASES; i++) check_case();
    CHECK(test_failed_ == 0);
    return TEST_END;
}
