#include "risk/words.h"

#include <string.h>

#define MILLE ((int64_t)1000000)

/* clang-format off */
static const struct { const char *word; int64_t ppb[3]; } frequencies[] = {
    { "F1", {    10 * MILLE,    30 * MILLE,    100 * MILLE } },
    { "F2", {   100 * MILLE,   300 * MILLE,   1000 * MILLE } },
    { "F3", {   300 * MILLE,  1000 * MILLE,   4000 * MILLE } },
    { "F4", {  1000 * MILLE,  4000 * MILLE,  12000 * MILLE } },
    { "F5", { 12000 * MILLE, 50000 * MILLE, 200000 * MILLE } },
};

static const struct { const char *word; struct risk_strength s; } strengths[] = {
    { "none",   {   0 * MILLE,   0 * MILLE,   0 * MILLE } },
    { "weak",   { 300 * MILLE, 150 * MILLE, 500 * MILLE } },
    { "medium", { 700 * MILLE, 500 * MILLE, 850 * MILLE } },
    { "strong", { 900 * MILLE, 800 * MILLE, 950 * MILLE } },
};

static const int64_t trusts[RISK_METHODS] = {
    [RISK_BY_GATE] = 1000 * MILLE, [RISK_BY_QUOTE] = 1000 * MILLE, [RISK_BY_AGENT] = 900 * MILLE,
    [RISK_BY_THIRD] = 850 * MILLE, [RISK_BY_PEER] = 700 * MILLE, [RISK_BY_DECLARATION] = 500 * MILLE,
};

/* rows likelihood, columns impact; 0 very low, 1 low, 2 moderate, 3 high, 4 very high */
static const int nist_i2[5][5] = {
    { 0, 0, 0, 1, 1 },
    { 0, 1, 1, 1, 2 },
    { 0, 1, 2, 2, 3 },
    { 0, 1, 2, 3, 4 },
    { 0, 1, 2, 3, 4 },
};
/* clang-format on */

outcome risk_frequency(const char *word, int64_t ret_ppb[3])
{
    for (size_t i = 0; i < sizeof frequencies / sizeof *frequencies; i++) {
        if (strcmp(word, frequencies[i].word) != 0) continue;
        memcpy(ret_ppb, frequencies[i].ppb, sizeof frequencies[i].ppb);
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

outcome risk_strength(const char *word, struct risk_strength *ret)
{
    for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++) {
        if (strcmp(word, strengths[i].word) != 0) continue;
        *ret = strengths[i].s;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

int64_t risk_trust(enum risk_method method)
{
    assert(method < RISK_METHODS);
    return trusts[method];
}

static int rank_of_product(int product)
{
    if (product >= 18) return 5;
    if (product >= 12) return 4;
    if (product >= 6) return 3;
    if (product >= 3) return 2;
    return 1;
}

int risk_rank(int64_t rate_mid, int64_t v, int64_t impact_yen, int64_t tolerance_yen, bool safety)
{
    int threat = rate_mid >= RISK_PPB ? 3 : rate_mid >= RISK_PPB / 10 ? 2 : 1;
    int vulnerability = v >= RISK_PPB / 2 ? 3 : v >= RISK_PPB / 10 ? 2 : 1;
    int impact = safety || impact_yen >= tolerance_yen ? 3 : impact_yen >= tolerance_yen / 10 ? 2 : 1;
    return rank_of_product(threat * vulnerability * impact);
}

int risk_nist_level(int likelihood, int impact)
{
    assert(likelihood >= 0 && likelihood < 5 && impact >= 0 && impact < 5);
    return nist_i2[likelihood][impact];
}

int risk_sme_level(int threat, int vulnerability, int importance)
{
    static const int likelihood[3][3] = { { 1, 1, 1 }, { 1, 1, 2 }, { 1, 2, 3 } };
    assert(threat >= 1 && threat <= 3 && vulnerability >= 1 && vulnerability <= 3);
    assert(importance >= 1 && importance <= 3);
    return importance * likelihood[threat - 1][vulnerability - 1];
}

int risk_threagile_severity(int likelihood, int impact)
{
    assert(likelihood >= 1 && likelihood <= 4 && impact >= 1 && impact <= 4);
    int product = likelihood * impact;
    if (product >= 16) return 4;
    if (product >= 9) return 3;
    if (product >= 4) return 2;
    return product >= 2 ? 1 : 0;
}

int64_t risk_spend_hint(int64_t expected_loss_yen)
{
    int64_t hint = risk_mul(expected_loss_yen, 367879441); /* 1/e, rounded down */
    return hint > 0 && risk_mul(hint, 2718281828) > expected_loss_yen ? hint - 1 : hint;
}
