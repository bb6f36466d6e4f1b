#include "risk/loss.h"

#include <math.h>

#define Z95 1.6448536269514722

outcome risk_loss_mean(int64_t low, int64_t high, int64_t *ret)
{
    if (low <= 0 || high < low || high > 1000000000000000) return REFUSE(E_RANGE);
    double mu = (log((double)low) + log((double)high)) / 2;
    double sigma = (log((double)high) - log((double)low)) / (2 * Z95);
    double mean = exp(mu + sigma * sigma / 2);
    if (!(mean < 9e17)) return REFUSE(E_RANGE);
    *ret = (int64_t)llround(mean);
    return DONE;
}

struct gamma {
    double a, b; /* shape; rate in years */
};

static outcome posterior(const int64_t prior[3], uint32_t events, uint32_t days, struct gamma *ret)
{
    if (prior[0] <= 0 || prior[1] <= 0 || prior[2] <= prior[0]) return REFUSE(E_RANGE);
    double sigma = log((double)prior[2] / (double)prior[0]) / (2 * Z95), s2 = sigma * sigma;
    double mean = (double)prior[1] / 1e9 * exp(s2 / 2), a = 1 / (exp(s2) - 1);
    *ret = (struct gamma) { a + events, a / mean + days / 365.0 };
    return ret->a / ret->b < 9e8 ? DONE : REFUSE(E_RANGE);
}

outcome risk_rate_update(const int64_t prior[3], uint32_t events, uint32_t days, int64_t *ret)
{
    struct gamma g;
    TRY(posterior(prior, events, days, &g));
    *ret = (int64_t)llround(g.a / g.b * 1e9);
    return DONE;
}

outcome risk_rate_live(const int64_t prior[3], uint32_t events, uint32_t days, int64_t ret[3])
{
    struct gamma g;
    TRY(posterior(prior, events, days, &g));
    double mean = g.a / g.b, s2 = log(1 + 1 / g.a), s = sqrt(s2);
    double low = mean * exp(-s2 / 2 - Z95 * s), high = mean * exp(-s2 / 2 + Z95 * s);
    ret[1] = (int64_t)llround(mean * 1e9);
    ret[0] = (int64_t)llround(low * 1e9);
    ret[2] = high > mean ? (int64_t)llround(high * 1e9) : ret[1];
    if (ret[0] < 1) ret[0] = 1;
    return DONE;
}
