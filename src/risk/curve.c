#include "risk/curve.h"

#include <math.h>
#include <string.h>

#define Z95 1.6448536269514722

/* P(loss <= x) */
static double below(const struct risk_cause *c, double x)
{
    if (x <= 0) return 0;
    if (c->low_yen == c->high_yen) return x >= (double)c->low_yen;
    double mu = (log((double)c->low_yen) + log((double)c->high_yen)) / 2;
    double sigma = (log((double)c->high_yen) - log((double)c->low_yen)) / (2 * Z95);
    return 0.5 * erfc(-(log(x) - mu) / (sigma * 1.4142135623730951));
}

static bool good(const struct risk_cause *c)
{
    return c->rate_ppb >= 0 && c->low_yen > 0 && c->high_yen >= c->low_yen;
}

/* Losses of one event of all causes together, times the rate. */
static void discretise(const struct risk_cause *c, int64_t cell_yen, double *f, size_t cells)
{
    double last = 0, cell = (double)cell_yen;
    for (size_t k = 0; k < cells; k++) {
        double now = below(c, ((double)k + 0.5) * cell);
        f[k] += (double)c->rate_ppb / 1e9 * (now - last);
        last = now;
    }
}

outcome risk_curve(const struct risk_cause *causes, size_t n, int64_t cell_yen, double *ret, size_t cells)
{
    double rate = 0, f[RISK_CURVE_CELLS_MAX] = { 0 };
    if (n > RISK_CURVE_CAUSES_MAX || cell_yen <= 0 || cells == 0 || cells > RISK_CURVE_CELLS_MAX) return REFUSE(E_RANGE);
    for (size_t i = 0; i < n; i++) {
        if (!good(&causes[i])) return REFUSE(E_RANGE);
        rate += (double)causes[i].rate_ppb / 1e9;
        discretise(&causes[i], cell_yen, f, cells);
    }
    if (rate > RISK_CURVE_RATE_MAX) return REFUSE(E_RANGE);
    ret[0] = exp(f[0] - rate);
    for (size_t k = 1; k < cells; k++) f[k] *= (double)k;
    for (size_t k = 1; k < cells; k++) {
        double sum = 0;
        for (size_t j = 1; j <= k; j++) sum += f[j] * ret[k - j];
        ret[k] = sum / (double)k;
    }
    return DONE;
}

int64_t risk_curve_quantile(const double *p, size_t cells, int64_t cell_yen, double probability)
{
    double sum = 0;
    for (size_t k = 0; k < cells; k++)
        if ((sum += p[k]) >= probability) return (int64_t)k * cell_yen;
    return INT64_MAX;
}

double risk_curve_over(const double *p, size_t cells, int64_t cell_yen, int64_t yen)
{
    double sum = 0;
    for (size_t k = 0; k < cells && (int64_t)k * cell_yen <= yen; k++) sum += p[k];
    return sum < 1 ? 1 - sum : 0;
}

int64_t risk_curve_cell(const struct risk_cause *causes, size_t n, size_t cells)
{
    double most = 1; /* of each cause the 99.9 % of one event, or of its usual number of events */
    for (size_t i = 0; i < n; i++) {
        double rate = (double)causes[i].rate_ppb / 1e9, high = (double)causes[i].high_yen;
        most += high * (1 + rate + 2 * sqrt(rate));
    }
    int64_t cell = 1000;
    static const int64_t steps[] = { 1000, 2500, 5000 };
    for (int64_t power = 1; power < 1000000000000; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            cell = steps[i] * power;
            if ((double)cell * (double)cells >= most) return cell;
        }
    return cell;
}
