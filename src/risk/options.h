/* From cost to investment (risk-method.md, section 4): which measures to buy. An option raises one
 * control's coverage for a yearly cost. Exact up to 20 options, greedy above. */
#ifndef RISK_OPTIONS_H
#define RISK_OPTIONS_H

#include "risk/engine.h"

#define RISK_OPTIONS_MAX 64
#define RISK_OPTIONS_EXACT 20

struct risk_option {
    size_t control;        /* index in the model */
    int64_t p_ppb, f_ppb;  /* coverage reached; never lowers what is there */
    int64_t cost_yen;      /* a year, > 0 */
};
struct risk_choice {
    size_t order[RISK_OPTIONS_MAX]; /* indices of options: ascending if exact, in order of purchase if greedy */
    size_t n;
    int64_t cost_yen, figure_yen;   /* figure with them */
};
struct risk_question {
    const struct risk_model *model;
    int figure;
    const struct risk_option *options;
    size_t n;
};

/* The figure if only these options were bought. */
int64_t risk_option_figure(const struct risk_question *q, const size_t *chosen, size_t n);
/* (saved - cost) / cost in percent, rounded half away from zero. */
int64_t risk_rosi_percent(int64_t saved_yen, int64_t cost_yen);

/* The lowest figure within a budget. E_TOO_LARGE over RISK_OPTIONS_EXACT. */
MUST outcome risk_options_best(const struct risk_question *q, int64_t budget_yen, struct risk_choice *ret);
/* The greatest saved - cost. */
MUST outcome risk_options_net(const struct risk_question *q, struct risk_choice *ret);
/* The least cost that brings the figure to tolerance or below; E_UNKNOWN when none does. */
MUST outcome risk_options_reach(const struct risk_question *q, int64_t tolerance_yen, struct risk_choice *ret);
/* Greatest saving per yen first; the better of that and the best single one. E_TOO_LARGE over RISK_OPTIONS_MAX. */
MUST outcome risk_options_greedy(const struct risk_question *q, int64_t budget_yen, struct risk_choice *ret);

#endif
