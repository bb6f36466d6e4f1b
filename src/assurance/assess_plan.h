/* A model as indices: what the figures are computed on, made once per model. Ids are resolved, orders fixed (by
 * id, whatever the file's), what a function rests on through other groups unfolded. */
#ifndef ASSURANCE_ASSESS_PLAN_H
#define ASSURANCE_ASSESS_PLAN_H

#include "assurance/model.h"
#include "risk/spread.h"

struct plan_rest { /* losing `group` costs the function's edge this much of itself */
    uint32_t group, factor_ppb; /* product along the path, maximum over paths */
    uint8_t edge;
};
struct plan_edge {
    uint32_t group;
    uint16_t alternative;          /* works around; UINT16_MAX = none */
    uint8_t any, needs, members;   /* k of n; any 0 = alone */
    int64_t effect_ppb;
};
struct plan_function {
    struct plan_edge edges[16];
    size_t n_edges;
    struct plan_rest *rests;       /* by group, then edge */
    size_t n_rests;
    uint16_t buffers[16];          /* alternatives */
    size_t n_buffers;
    int64_t buffer_hours_mille;
};
struct plan_flow {
    uint8_t controls[8];           /* indices in the model */
    uint8_t n_controls;
    uint64_t set;                  /* the same controls */
};
struct plan {
    const struct model *model;
    size_t control[RISK_CONTROLS_MAX], threat[RISK_THREATS_MAX]; /* index in the model, by id */
    uint32_t root[RISK_CONTROLS_MAX];                            /* by the order above */
    uint32_t strikes[RISK_THREATS_MAX];                          /* group, by the order above; UINT32_MAX = none */
    struct plan_function functions[64];
    uint8_t mission_functions[20][16];
    bool used[64];                                               /* by some mission */
    struct risk_network network;
    struct plan_flow *flows;
    int64_t *connect_ppb;
    uint64_t flow_controls;                                      /* controls that stand on some flow, by model index */
    struct arena arena;
};

/* E_MALFORMED: a reference that leads nowhere. The model must outlive the plan. */
MUST outcome plan_new(const struct model *m, struct plan **ret);
void plan_free(struct plan *p);

#endif
