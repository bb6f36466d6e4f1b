#include "risk/spread.h"

#include <string.h>

outcome risk_network_index(struct risk_network *n)
{
    memset(n->first, 0, (n->n_groups + 1) * sizeof *n->first);
    for (size_t i = 0; i < n->n_flows; i++) {
        if (n->flows[i].from >= n->n_groups || n->flows[i].to >= n->n_groups) return REFUSE(E_RANGE);
        n->first[n->flows[i].from + 1]++;
    }
    for (size_t g = 0; g < n->n_groups; g++) n->first[g + 1] += n->first[g];
    for (size_t i = 0; i < n->n_flows; i++) n->order[n->first[n->flows[i].from]++] = (uint32_t)i;
    for (size_t g = n->n_groups; g > 0; g--) n->first[g] = n->first[g - 1];
    n->first[0] = 0;
    return DONE;
}

void risk_spread(const struct risk_network *n, const int64_t *pass_ppb, const int64_t *own_ppb, int64_t *ret_ppb,
    int64_t *work)
{
    memcpy(ret_ppb, own_ppb, n->n_groups * sizeof *ret_ppb);
    for (int hop = 0; hop < RISK_HOPS; hop++) {
        memcpy(work, own_ppb, n->n_groups * sizeof *work);
        for (size_t i = 0; i < n->n_flows; i++) {
            const struct risk_flow *f = &n->flows[i];
            if (ret_ppb[f->from]) work[f->to] = risk_add(work[f->to], risk_mul(ret_ppb[f->from], pass_ppb[i]));
        }
        memcpy(ret_ppb, work, n->n_groups * sizeof *ret_ppb);
    }
}

void risk_reach_clear(struct risk_reach *r)
{
    for (size_t i = 0; i < r->n; i++) r->share_ppb[r->at[i]] = 0;
    r->n = 0;
}

/* One pass: what the groups of before pass on. Groups found on the way join the list; only those that were
 * on it pass anything on, so that a hop is a hop. */
static void hop(const struct risk_network *n, const int64_t *pass_ppb, struct risk_reach *r)
{
    size_t before = r->n;
    for (size_t i = 0; i < before; i++) {
        uint32_t from = r->at[i];
        for (uint32_t k = n->first[from]; k < n->first[from + 1]; k++) {
            uint32_t flow = n->order[k], to = n->flows[flow].to;
            int64_t more = risk_mul(r->share_ppb[from], pass_ppb[flow]);
            if (more == 0) continue;
            if (r->work[to] == 0 && r->share_ppb[to] == 0) r->at[r->n++] = to;
            r->work[to] += more;
            if (r->work[to] > RISK_PPB) r->work[to] = RISK_PPB;
        }
    }
}

void risk_reach(const struct risk_network *n, const int64_t *pass_ppb, uint32_t source, struct risk_reach *r)
{
    assert(source < n->n_groups);
    risk_reach_clear(r);
    r->share_ppb[source] = RISK_PPB; /* it is there: nothing adds to certainty */
    r->at[r->n++] = source;
    for (int i = 0; i < RISK_HOPS; i++) {
        hop(n, pass_ppb, r);
        for (size_t k = 0; k < r->n; k++) {
            uint32_t g = r->at[k];
            r->share_ppb[g] = g == source ? RISK_PPB : r->work[g];
            r->work[g] = 0;
        }
    }
}
