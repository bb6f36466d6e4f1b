/* How a compromise travels over data flows (risk-method.md, section 2, "Propagation"). Groups and flows are
 * indices; `pass` says per flow what share of attempts gets through: p_conn times the bypass of the flow's
 * controls. Four passes, each from the values of the one before: bounded, order-free, safe with cycles. Sums
 * are the union bound: never below the exact probability. Pure; the caller owns every array. */
#ifndef RISK_SPREAD_H
#define RISK_SPREAD_H

#include "risk/engine.h"

#define RISK_HOPS 4
/* p_conn by the zones that a flow joins: our judgement, a model may state another. */
#define RISK_CONNECT_SAME ((int64_t)300000000)       /* same zone */
#define RISK_CONNECT_GATE ((int64_t)100000000)       /* across a gate */
#define RISK_CONNECT_CHECKPOINT ((int64_t)30000000)  /* across a checkpoint */

struct risk_flow {
    uint32_t from, to; /* groups */
};
struct risk_network {
    size_t n_groups, n_flows;
    const struct risk_flow *flows;
    uint32_t *first; /* n_groups + 1: where a group's flows begin in order */
    uint32_t *order; /* n_flows: flows by their from */
};
/* Fills first and order. E_RANGE when a flow names a group that is not there. */
MUST outcome risk_network_index(struct risk_network *n);

/* Rate of compromise of each group, attempts a year: own + what arrives. work: n_groups. Saturates. */
void risk_spread(const struct risk_network *n, const int64_t *pass_ppb, const int64_t *own_ppb, int64_t *ret_ppb,
    int64_t *work);

/* Given one compromise at `source`: the probability bound of each group's. */
struct risk_reach {
    int64_t *share_ppb;  /* n_groups; zero before the first use, and again after risk_reach_clear */
    int64_t *work;       /* n_groups, zero before the first use */
    uint32_t *at;        /* n_groups: the groups with a share, in order of discovery */
    size_t n;
};
void risk_reach(const struct risk_network *n, const int64_t *pass_ppb, uint32_t source, struct risk_reach *r);
void risk_reach_clear(struct risk_reach *r);

#endif
