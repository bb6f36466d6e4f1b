/* The words people choose and the numbers behind them (risk-method.md, sections 2 and 9.1). */
#ifndef RISK_WORDS_H
#define RISK_WORDS_H

#include "risk/engine.h"

/* "F1" .. "F5": attempts a year lo, mid, hi in ppb. E_UNKNOWN. */
MUST outcome risk_frequency(const char *word, int64_t ret_ppb[3]);
/* "none" 0, "weak" .30, "medium" .70, "strong" .90; display bounds lo, hi. E_UNKNOWN. */
struct risk_strength {
    int64_t mid, lo, hi;
};
MUST outcome risk_strength(const char *word, struct risk_strength *ret);

/* Trust by how a fact was seen, in the order of enum fact_method. */
enum risk_method { RISK_BY_GATE, RISK_BY_QUOTE, RISK_BY_AGENT, RISK_BY_THIRD, RISK_BY_PEER, RISK_BY_DECLARATION,
    RISK_METHODS };
int64_t risk_trust(enum risk_method method);

/* R5 worst .. R1: threat level x vulnerability x impact. safety: class S3, impact always 3. */
int risk_rank(int64_t rate_mid_ppb, int64_t bypass_ppb, int64_t impact_yen, int64_t tolerance_yen, bool safety);
/* NIST SP 800-30 Rev. 1, table I-2: likelihood x impact, 0 very low .. 4 very high. */
int risk_nist_level(int likelihood, int impact);
/* IPA/ISMS risk sheet for small companies: importance x likelihood(threat, vulnerability), each 1..3; 1..9. */
int risk_sme_level(int threat, int vulnerability, int importance);
/* Threagile's severity of likelihood x impact, each 1..4: 0 low, 1 medium, 2 elevated, 3 high, 4 critical. */
int risk_threagile_severity(int likelihood, int impact);
/* Gordon-Loeb: never spend more than 1/e of what is expected to be lost; rounded down. */
int64_t risk_spend_hint(int64_t expected_loss_yen);

#endif
