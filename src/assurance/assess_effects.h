/* What one threat does to each function: through the group it strikes, what that group carries, where flows take
 * it, and what works around it. Four views at once: expected, decision, every measure off, every owned one whole. */
#ifndef ASSURANCE_ASSESS_EFFECTS_H
#define ASSURANCE_ASSESS_EFFECTS_H

#include "assurance/assess_parts.h"
#include "assurance/assess_plan.h"

enum { VIEW_EXPECTED = RISK_EXPECTED, VIEW_DECISION = RISK_DECISION, VIEW_OFF, VIEW_FULL, VIEWS };
/* The first two move with every fact; the others only with the model and with what is owned at all. */
enum { VIEWS_MOVING = 2 };

struct effects {
    int64_t effect[RISK_FIGURES], off, full, outage[RISK_FIGURES];
};

struct spreading {
    int64_t *pass[VIEWS];           /* by flow */
    struct risk_reach reach[VIEWS];
    int64_t *own, *work;            /* by group */
    int views;                      /* how many of the reaches are of the threat at hand */
    struct arena arena;
};
MUST outcome spreading_new(const struct plan *p, struct spreading *ret);
void spreading_free(struct spreading *s);
/* What flows on which a moved control stands let through, by coverage; views: VIEWS_MOVING or VIEWS. */
struct moved {
    uint64_t controls; /* by index in the model; all at first */
    int views;
};
void spreading_flows(struct spreading *s, const struct plan *p, const struct assess_inputs *in, struct moved moved);
/* threat: place in the plan's order. ret: by function of the model; those no mission uses stay as they are. */
void effects_of(struct spreading *s, const struct plan *p, const struct assess_inputs *in, size_t threat,
    struct effects ret[64], int views);

#endif
