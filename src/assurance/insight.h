/* What a figure is made of and hangs on, for people: which control takes away how much, what moved since the last
 * assessment and why, which inputs matter most, what each option would change, what a design cannot do without.
 * Pure: model and coverage in, numbers out. All on the decision figure unless said otherwise. */
#ifndef ASSURANCE_INSIGHT_H
#define ASSURANCE_INSIGHT_H

#include "assurance/assess_parts.h"

#define INSIGHT_ROWS 160

struct insight;
/* E_MEMORY, E_MALFORMED. The model must outlive it. */
MUST outcome insight_new(const struct model *m, struct insight **ret);
void insight_free(struct insight *x);
/* Figures with these inputs; valid until the next call. */
const struct assessment *insight_of(struct insight *x, const struct assess_inputs *in);

struct assess_live *insight_live(struct insight *x);

enum insight_kind { INSIGHT_CONTROL, INSIGHT_ALTERNATIVE, INSIGHT_RATE, INSIGHT_LOSS, INSIGHT_KINDS };
const char *insight_kind_word(enum insight_kind k); /* control alternative rate loss */

/* From one set of inputs to another, one control after the other in id order, then the alternatives: the steps sum
 * to the whole difference exactly. Only those that differ; greatest first. */
struct insight_step {
    enum insight_kind kind;
    size_t at;                      /* index in the model */
    int64_t yen, outage_ppb;        /* change, signed */
};
size_t insight_steps(struct insight *x, size_t mission, const struct assess_inputs *from, const struct assess_inputs *to,
    struct insight_step ret[INSIGHT_ROWS]);
/* Nothing measured and nothing proven: where inherent begins. */
void insight_nothing(const struct model *m, struct assess_inputs *ret);
/* These controls (by model index) work on every asset of their scope, with the alternatives they vouch for. */
void insight_design(const struct model *m, uint64_t controls, struct assess_inputs *ret);

/* One at a time: the figure at each input's good and bad end. A control: proven everywhere or nowhere; a rate or loss:
 * its 5 % and 95 % points. Widest first: the first two are what the result hangs on. */
struct insight_swing {
    enum insight_kind kind;
    size_t at;
    int64_t good_yen, bad_yen;
    int64_t good_outage_ppb, bad_outage_ppb; /* of a control; equal where service does not move */
};
size_t insight_swings(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_swing ret[INSIGHT_ROWS]);

/* Each option alone: risk left, service lost; and the two best sets. */
struct insight_option {
    int64_t saved_yen;              /* expected figure, a year */
    int64_t rosi_percent;
    int64_t decision_yen, outage_ppb; /* left, decision figure */
    int64_t hours_ppb;                /* hours a year without the mission's first function, decision figure */
};
struct insight_offer {
    struct insight_option options[64];  /* by index in the model */
    uint64_t net, reach;            /* greatest net benefit; least cost to tolerance. Duties stand in both */
    int64_t net_cost_yen, reach_cost_yen;
    bool net_found, reach_found;    /* false: too many options, or none suffices */
};
/* Each option alone only: no search for sets. */
void insight_alone(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_offer *ret);
void insight_options(struct insight *x, size_t mission, const struct assess_inputs *in, struct insight_offer *ret);
/* The set within a budget with which the expected figure is lowest; duties stand in it and are paid first. Exact up to 16 options:
 * every set is computed with the whole engine, what flows gain included. E_TOO_LARGE above; E_RANGE: the duties alone cost more. */
struct insight_plan { uint64_t options; int64_t cost_yen, expected_yen, decision_yen, outage_ppb, hours_ppb; };
#define INSIGHT_BUDGET_OPTIONS 16u
MUST outcome insight_budget(struct insight *x, size_t mission, const struct assess_inputs *in, int64_t budget_yen, struct insight_plan *ret);
/* Coverage after buying a set of options. */
void insight_buy(const struct model *m, uint64_t options, struct assess_inputs *in);

/* The cheapest controls with which every mission is within tolerance. A control costs what its cheapest option costs;
 * one without an option counts one yen. E_UNKNOWN: not even all of them are enough. */
MUST outcome insight_required(struct insight *x, uint64_t *ret_controls, bool *ret_exact);

/* All of the above as a document in both languages. before may be NULL. */
struct doc *insight_doc(struct insight *x, size_t mission, const struct assess_inputs *in, const struct assess_inputs *before,
    struct arena *a);

/* The part of it that is cheap enough for a request: inherent, residual, steps, what moved, the two inputs the figure
 * hangs on, the options. NULL where it would not be (INSIGHT_BRIEF_WORK), or out of memory. */
#define INSIGHT_BRIEF_WORK 60000u /* figures x (threats x missions + groups + flows), each 0.2 to 0.45 us: at most 27 ms */
bool insight_brief_fits(const struct model *m);
struct insight_ask {
    size_t mission;
    const struct assess_inputs *now, *before, *decided; /* before, decided: NULL = not known */
    int64_t now_ms;
};
struct doc *insight_brief(struct insight *x, const struct insight_ask *ask, struct arena *a);

/* --- what if: inputs tried on a copy, never stored --- */

/* "control:C8b:950" (per mille proven), "rate:D1:100000000" (a year, ppb), "loss:D1:20000000" (yen an event), "buy:monitoring",
 * joined by commas, at most TRIAL_MAX. Changes m (a copy) and in. E_MALFORMED, E_UNKNOWN; *ret_bad: the first part that is wrong. */
#define TRIAL_MAX 16
MUST outcome insight_try(const char *changes, struct model *m, struct assess_inputs *in, struct bytes *ret_bad);

#endif
