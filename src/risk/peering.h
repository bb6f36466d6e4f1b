/* What joining another system adds (risk-method.md, section 5): the rate we must assume from what it
 * claims and how far the claim is vouched for, and the yearly figure behind our checkpoint. */
#ifndef RISK_PEERING_H
#define RISK_PEERING_H

#include "risk/engine.h"

enum risk_claim { RISK_CLAIM_NONE, RISK_CLAIM_SELF, RISK_CLAIM_THIRD, RISK_CLAIMS };
int64_t risk_claim_trust(enum risk_claim claim); /* 0, 0.6, 0.9 */

/* claim + (1 - trust)(class default - claim), never below the claim. */
int64_t risk_peer_rate(int64_t claim_ppb, int64_t default_ppb, enum risk_claim claim);

struct risk_inbound {
    int64_t rate_ppb;       /* risk_peer_rate */
    int64_t connect_ppb;    /* p_conn */
    int64_t effect_ppb;     /* w */
    int64_t loss_yen;
    const int64_t *checks;  /* E of each checkpoint stage */
    size_t n_checks;
};
/* Bypass of a checkpoint: 1 without checks. */
int64_t risk_checkpoint_bypass(const int64_t *checks, size_t n);
/* Yen a year that this inbound flow adds. */
int64_t risk_inbound_yen(const struct risk_inbound *in);

#endif
