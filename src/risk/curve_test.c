#include "risk/curve.h"

#include <math.h>

#include "risk/golden_test.h"

enum { CELLS = 4096, CELL = 250000 };

static uint64_t state = 88172645463325252u;
static double uniform(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (double)((state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static double normal(void)
{
    double u = uniform();
    return sqrt(-2 * log(u > 0 ? u : 1e-300)) * cos(6.283185307179586 * uniform());
}

static size_t causes_of(struct risk_cause *ret)
{
    struct example e;
    struct risk_figure f;
    example_fill(&e, false);
    risk_figures(&e.model, RISK_EXPECTED, &f);
    for (size_t i = 0; i < EXAMPLE_THREATS; i++)
        ret[i] = (struct risk_cause) { f.terms[i].rate, (int64_t)example_threats[i].loss_man[0] * 10000,
            (int64_t)example_threats[i].loss_man[1] * 10000 };
    return EXAMPLE_THREATS;
}

/* Section 3: P0 .3325, VaR95 113.25 M, VaR99 205.75 M, P(> 50 M) .1936. */
static void test_printed(const double *p)
{
    printf("# P0 %.4f VaR95 %lld VaR99 %lld P(>50M) %.4f\n", p[0], (long long)risk_curve_quantile(p, CELLS, CELL, .95),
        (long long)risk_curve_quantile(p, CELLS, CELL, .99), risk_curve_over(p, CELLS, CELL, 50000000));
    CHECK(fabs(p[0] - .3325) < .00005);
    CHECK(risk_curve_quantile(p, CELLS, CELL, .95) == 113250000);
    CHECK(risk_curve_quantile(p, CELLS, CELL, .99) == 205750000);
    CHECK(fabs(risk_curve_over(p, CELLS, CELL, 50000000) - .1936) < .00005);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double one_year(const struct risk_cause *c, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double mu = (log((double)c[i].low_yen) + log((double)c[i].high_yen)) / 2;
        double sigma = (log((double)c[i].high_yen) - log((double)c[i].low_yen)) / (2 * 1.6448536269514722);
        for (double t = -log(1 - uniform()); t < (double)c[i].rate_ppb / 1e9; t -= log(1 - uniform()))
            sum += exp(mu + sigma * normal());
    }
    return sum;
}

/* Against simulated years: 1 M under RELEASE within 1 % of the mean and 2 % of VaR99; fewer, wider. */
static void test_simulated(const struct risk_cause *c, size_t n, const double *p)
{
    size_t years = getenv("RELEASE") ? 1000000 : 200000;
    double slack = getenv("RELEASE") ? 1 : 2, mean = 0, grid = 0;
    double *loss = calloc(years, sizeof *loss);
    CHECK(loss != NULL);
    if (!loss) return;
    for (size_t i = 0; i < years; i++) mean += loss[i] = one_year(c, n);
    mean /= (double)years;
    qsort(loss, years, sizeof *loss, by_value);
    for (size_t k = 0; k < CELLS; k++) grid += (double)k * CELL * p[k];
    double var99 = (double)risk_curve_quantile(p, CELLS, CELL, .99), seen = loss[years - years / 100];
    printf("# %zu years: mean %.0f / %.0f, VaR99 %.0f / %.0f\n", years, grid, mean, var99, seen);
    CHECK(fabs(grid - mean) < .01 * slack * mean && fabs(var99 - seen) < .02 * slack * seen);
    free(loss);
}

int main(void)
{
    static double p[CELLS];
    struct risk_cause c[RISK_CURVE_CAUSES_MAX];
    size_t n = causes_of(c);
    CHECK_OK(risk_curve(c, n, CELL, p, CELLS));
    test_printed(p);
    test_simulated(c, n, p);

    struct risk_cause fixed = { RISK_PPB, 1000, 1000 }; /* one event a year of exactly one cell: Poisson itself */
    CHECK_OK(risk_curve(&fixed, 1, 1000, p, 16));
    for (int k = 0; k < 16; k++) CHECK(fabs(p[k] - exp(-1) / tgamma(k + 1)) < 1e-12);
    CHECK_OK(risk_curve(c, n, CELL, p, 4)); /* beyond the grid: said, not invented */
    CHECK(risk_curve_quantile(p, 4, CELL, .99) == INT64_MAX && risk_curve_over(p, 4, CELL, 1000000) > .5);
    int64_t cell = risk_curve_cell(c, n, RISK_CURVE_CELLS);
    CHECK_OK(risk_curve(c, n, cell, p, RISK_CURVE_CELLS));
    CHECK(risk_curve_over(p, RISK_CURVE_CELLS, cell, cell * (RISK_CURVE_CELLS - 1)) < .001);

    CHECK_OK(risk_curve(NULL, 0, 1, p, 4)); /* nothing threatens: no loss, surely */
    CHECK(p[0] == 1);
    CHECK_IS(risk_curve(c, n, 0, p, 4), E_RANGE);
    CHECK_IS(risk_curve(c, n, CELL, p, RISK_CURVE_CELLS_MAX + 1), E_RANGE);
    fixed.rate_ppb = 501 * RISK_PPB;
    CHECK_IS(risk_curve(&fixed, 1, 1000, p, 16), E_RANGE);
    fixed = (struct risk_cause) { 1, 5, 4 };
    CHECK_IS(risk_curve(&fixed, 1, 1000, p, 16), E_RANGE);
    return TEST_END;
}
