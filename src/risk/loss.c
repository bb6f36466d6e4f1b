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

outcome risk_rate_update(const int64_t prior[3], uint32_t events, uint32_t days, int64_t *ret)
{
    if (prior[0] <= 0 || prior[1] <= 0 || prior[2] <= prior[0]) return REFUSE(E_RANGE);
    double sigma = log((double)prior[2] / (double)prior[0]) / (2 * Z95), s2 = sigma * sigma;
    double mean = (double)prior[1] / 1e9 * exp(s2 / 2);
    double a = 1 / (exp(s2) - 1), b = a / mean;
    double rate = (a + events) / (b + days / 365.0);
    if (!(rate < 9e9)) return REFUSE(E_RANGE);
    *ret = (int64_t)llround(rate * 1e9);
    return DONE;
}
