/* The picture of losses in a year: compound Poisson of lognormal losses by Panjer's recursion on a grid. An
 * illustration (floating point, three digits, never hashed): decisions rest on the exact figures. */
#ifndef RISK_CURVE_H
#define RISK_CURVE_H

#include "risk/engine.h"

#define RISK_CURVE_CELLS 2048  /* on pages */
#define RISK_CURVE_CELLS_MAX 8192
#define RISK_CURVE_CAUSES_MAX 64
#define RISK_CURVE_RATE_MAX 500 /* events a year; above, the grid says nothing */

struct risk_cause {
    int64_t rate_ppb;           /* events a year */
    int64_t low_yen, high_yen;  /* 5 % and 95 % points of the loss; equal = always that */
};
/* Losses are rounded to the nearest cell; what lies beyond the grid is nowhere: the probabilities then sum
 * to less than 1. E_RANGE for a rate or range that is none. */
MUST outcome risk_curve(const struct risk_cause *causes, size_t n, int64_t cell_yen, double *ret, size_t cells);
/* The loss not exceeded with this probability; INT64_MAX when it lies beyond the grid. */
int64_t risk_curve_quantile(const double *p, size_t cells, int64_t cell_yen, double probability);
/* P(loss in a year > yen), with what lies beyond the grid. */
double risk_curve_over(const double *p, size_t cells, int64_t cell_yen, int64_t yen);
/* A round cell that holds the 99.9 % of these causes on `cells` cells. */
int64_t risk_curve_cell(const struct risk_cause *causes, size_t n, size_t cells);

#endif
