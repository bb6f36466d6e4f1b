#include "risk/peering.h"

int64_t risk_claim_trust(enum risk_claim claim)
{
    static const int64_t trust[RISK_CLAIMS] = { 0, 600000000, 900000000 };
    assert(claim < RISK_CLAIMS);
    return trust[claim];
}

int64_t risk_peer_rate(int64_t claim_ppb, int64_t default_ppb, enum risk_claim claim)
{
    if (default_ppb <= claim_ppb) return claim_ppb;
    return risk_add(claim_ppb, risk_mul(RISK_PPB - risk_claim_trust(claim), default_ppb - claim_ppb));
}

int64_t risk_checkpoint_bypass(const int64_t *checks, size_t n)
{
    int64_t through = RISK_PPB;
    for (size_t i = 0; i < n; i++) {
        assert(checks[i] >= 0 && checks[i] <= RISK_PPB);
        through = risk_mul(through, RISK_PPB - checks[i]);
    }
    return RISK_BETA + risk_mul(RISK_PPB - RISK_BETA, through);
}

int64_t risk_inbound_yen(const struct risk_inbound *in)
{
    int64_t rate = risk_mul(risk_mul(in->rate_ppb, in->connect_ppb), in->effect_ppb);
    return risk_mul(risk_mul(rate, risk_checkpoint_bypass(in->checks, in->n_checks)), in->loss_yen);
}
