/* The yearly picture (tier C) and what is at stake now (tier B): model x evidence x as_of ->
 * figures and one canonical document. A pure function: as_of is an argument, never the clock, and
 * the figures are always those without any automatic limit in force. */
#ifndef ASSURANCE_ASSESS_H
#define ASSURANCE_ASSESS_H

#include "assurance/evidence.h"
#include "risk/engine.h"

/* 2: risk spreads over flows and through what groups need, k of n, service hours, all missions together. On a
 * model with none of these its figures are those of 1, whose assessments stay replayable. */
#define ASSESS_ENGINE "sekimori-risk/2"
#define ASSESS_ROWS_MAX 20000u /* larger snapshots: the rows are left out, their hash and the coverage stay */

struct assess_figure {
    int64_t inherent_yen, residual_yen, potential_yen;
    int64_t outage_ppb; /* falls below the minimum level for longer than T_tol, a year */
};
struct assess_term { /* one threat */
    size_t threat;   /* index in model.threats */
    int64_t effect_ppb[2], bypass_ppb[2], rate_ppb[2], yen[2]; /* [RISK_EXPECTED], [RISK_DECISION] */
    int rank;        /* 5 worst .. 1 */
};
struct assess_mission {
    struct assess_figure figure[2];
    struct assess_term terms[64];
    size_t n_terms;
    int64_t function_outage_ppb[16][2]; /* by index in model_mission.functions */
    int64_t function_hours_ppb[16][2];  /* service hours lost, a year */
    uint32_t measured_mille, declared_mille, default_mille; /* what coverage rests on; sum 1000 */
    int rank;                  /* worst term */
    bool within;               /* decision figure and outages within tolerance */
    uint32_t used_mille;       /* the larger of figure/tolerance and outages/tolerance; capped at 9999 */
    uint32_t figure_mille, outage_mille; /* each by itself */
};
struct assessment {
    int64_t as_of_ms;
    struct assess_mission missions[20]; /* as in the model */
    size_t n_missions;
    int64_t portfolio_yen[2];              /* all missions: causes summed, each paid once */
    struct evidence_coverage coverage[64]; /* by index in model.controls */
    int64_t alternatives[32][2];           /* how far each is proven, [RISK_EXPECTED], [RISK_DECISION] */
    char model_hash[65], evidence_hash[65], result_hash[65];
};

/* model_hash: hex SHA-256 of the model's canonical JSON. *ret is ~200 KB: keep it on the heap. */
MUST outcome assess(const struct model *m, const char *model_hash, const struct evidence *e, int64_t as_of_ms,
    struct assessment *ret);
/* The same on what was computed before (assess_parts.h): only what moved since is computed again. */
struct assess_live;
MUST outcome assess_again(struct assess_live *l, const char *model_hash, const struct evidence *e, int64_t as_of_ms,
    struct assessment *ret);
/* The assessment document: {"schema","engine","as_of","snapshot":{...},"results":{...},"model_hash",
 * "evidence_hash","result_hash"} (docs/assessment.md); NULL = out of memory. Same inputs as assess. */
struct doc *assess_doc(const struct model *m, const struct evidence *e, const struct assessment *s, struct arena *a);
/* Recomputes a document's results from its own snapshot, with no other input. E_MALFORMED when it is not one,
 * E_UNSUPPORTED when another engine made it. *ret_same: results and hashes are what was stored. */
MUST outcome assess_replay(const struct doc *assessment, char ret_hash[65], bool *ret_same);

/* Tier B: what known-compromised assets put at stake, given the event. */
struct assess_stake {
    uint8_t functions[16];    /* indices in model.functions reachable from the assets' groups */
    size_t n_functions;
    uint32_t buffer_hours_mille; /* the least the functions' buffers last (reservoir hours); 0 = none */
    uint32_t customers;       /* largest of the functions */
    int64_t loss_yen;         /* largest mean loss of a threat on those groups */
    bool worked_around;       /* every reached function has a work-around (local loop) for those groups */
};
void assess_at_stake(const struct model *m, const struct evidence *e, const char *const *assets, size_t n,
    struct assess_stake *ret);

#endif
