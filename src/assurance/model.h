/* The mission model as reviewed files (YAML in git, canonical JSON in the ledger): missions, functions,
 * dependencies, zones, groups, flows, suppliers, threats, controls, alternatives, options, conditions, tolerance. One reader
 * validates both forms; every error says line, what was expected, and what was probably meant. */
#ifndef ASSURANCE_MODEL_H
#define ASSURANCE_MODEL_H

#include "base/limit.h"
#include "wire/doc.h"

#define MODEL_ID 48
#define MODEL_TEXT 192

struct model_text { char ja[MODEL_TEXT], en[MODEL_TEXT]; };

struct model_function {
    char id[MODEL_ID];
    struct model_text name, minimum;     /* minimum level in words */
    uint32_t outage_tolerable_min;       /* T_tol */
    uint32_t customers;                  /* households */
    char depends[16][MODEL_ID];          /* groups and alternatives */
    uint32_t effect_mille[16];           /* w: fail 1000, degrade 500, work-around 100, nominal 0 */
    char by[16][MODEL_ID];               /* the alternative that works around; "" = none. Lasts its hours, then fail */
    uint8_t any[16], needs[16];          /* k of n: rows with the same any (not 0) stand in for one another, `needs` of them suffice */
    size_t n_depends;
    struct model_text expects;           /* what its users expect, in words; "" = not stated */
};
struct model_zone {
    char id[MODEL_ID];
    struct model_text name;
    uint8_t target[7];                   /* IEC 62443 SL-T: IAC UC SI DC RDF TRE RA, 0..4 */
};
struct model_group {
    char id[MODEL_ID];
    struct model_text name;
    char layer[12];                      /* user service platform network device, or organisation people things data procedure system */
    char zone[MODEL_ID];
    bool simulated;                      /* 模擬: said on screen */
    char members[64][MODEL_ID];          /* declared assets (non-ICT, unmanaged); enrolled devices join by registry */
    size_t n_members;
    char depends[8][MODEL_ID];           /* groups it cannot work without: power, operators, another system */
    uint32_t effect_mille[8];
    size_t n_depends;
};
struct model_flow {                      /* data that goes from group to group: the way a compromise may take */
    char id[MODEL_ID], from[MODEL_ID], to[MODEL_ID];
    bool checkpoint;
    int64_t connect_ppb;                 /* p_conn: stated, or by the zones it joins */
    char controls[8][16];                /* what stands on the flow */
    int64_t strength_ppb[8];
    size_t n_controls;
    char carries[MODEL_TEXT];            /* what, in words; "" = not stated */
};
struct model_supplier {
    char id[MODEL_ID];
    struct model_text name;
    char provides[8][MODEL_ID];          /* groups */
    size_t n_provides;
    char evidence[MODEL_TEXT];           /* what speaks for it, and until when that holds */
    int64_t expires_ms;
};
struct model_option {                    /* what may be bought: more coverage of one control */
    char id[MODEL_ID];
    struct model_text name;
    char control[16];
    uint32_t reaches_mille, fails_mille;
    int64_t capital_yen, yearly_yen;
    uint32_t years;
    bool duty;                           /* a legal or safety duty: done, not weighed */
    int64_t cost_yen;                    /* a year: capital / years, rounded up, + yearly */
};
struct model_alternative {               /* non-ICT measure: local loop, reservoir hours, manual operation, tankers */
    char id[MODEL_ID];
    struct model_text name;
    char kind[12];                       /* "buffer": delays the loss by its hours; "work-around": takes over */
    uint32_t hours_mille;                /* 6.5 h = 6500 */
    uint32_t capacity_mille;             /* share of the service it carries */
    int64_t drilled_ms;                  /* last drill, 0 = never: shown; what counts is its evidence (H1) */
};
struct model_threat {
    char id[MODEL_ID];
    struct model_text name;
    char layer[12];
    char group[MODEL_ID];                /* where it strikes */
    int64_t rate_ppb[3];                 /* lo mid hi, attempts a year, parts per billion: live when events were counted */
    int64_t judged_ppb[3];               /* as judged, before any count */
    uint32_t seen_events, seen_days;     /* authenticated, de-duplicated, capped per source; 0 days = not counted */
    int64_t loss_yen[2];                 /* 5 % and 95 % */
    int64_t loss_mean_yen;               /* stored input, rounded once */
    uint32_t outage_min;                 /* D */
    uint32_t budget;                     /* probe budget m */
    int64_t effect_ppb;                  /* w */
    char author[MODEL_TEXT], source[MODEL_TEXT], reviewed[16];
};
struct model_control {
    char id[16];
    struct model_text name;
    char layer[12], root[MODEL_ID];      /* root group: common cause */
    char scope[8][MODEL_ID];             /* groups whose assets it must cover; "site" = one asset */
    size_t n_scope;
    int64_t fresh_ms, stale_ms;          /* T_f, T_max */
    int64_t strength_ppb[64];            /* by threat index */
};
struct model_condition {                 /* tier A: what a decision may bind */
    char id[MODEL_ID];
    char text[MODEL_ID];                 /* "attested(device)", "coverage(C8b, gateways) >= 900" */
    char stream[LIMIT_PATTERN_MAX];      /* MQTT filter it guards */
    enum limit_mode mode;                /* default hold */
    struct model_text name;
};
struct model_mission {
    char id[MODEL_ID];
    struct model_text name, sentence;    /* sentence: what must not happen, with {time} for T_tol */
    char safety[4];                      /* S0 .. S3 */
    int64_t tolerance_yen;               /* decision figure, a year */
    uint32_t tolerance_outages_mille;    /* a year */
    int64_t utility_yen;                 /* what an hour of the whole service is worth; 0 = not stated */
    char functions[16][MODEL_ID];
    size_t n_functions;
};
#define MODEL_GROUPS_MAX 1024
#define MODEL_FLOWS_MAX 5120
#define MODEL_EVENTS_PER_SOURCE 10u      /* one noisy source never makes the world look ten times worse */

struct model {                           /* ~7 MB: keep it on the heap; copy it with model_copy */
    char schema[16];                     /* "sekimori/1" */
    struct model_text organisation;
    struct model_mission missions[20];
    struct model_function functions[64];
    struct model_group groups[MODEL_GROUPS_MAX];
    struct model_flow flows[MODEL_FLOWS_MAX];
    struct model_zone zones[64];
    struct model_supplier suppliers[64];
    struct model_option options[64];
    struct model_alternative alternatives[32];
    struct model_threat threats[64];
    struct model_control controls[64];
    struct model_condition conditions[64];
    size_t n_missions, n_functions, n_groups, n_alternatives, n_threats, n_controls, n_conditions, n_flows, n_zones,
        n_suppliers, n_options;
};
/* Copies what is used. */
void model_copy(struct model *to, const struct model *from);

/* Index by id; SIZE_MAX when there is none. */
size_t model_mission(const struct model *m, const char *id);
size_t model_function(const struct model *m, const char *id);
size_t model_group(const struct model *m, const char *id);
size_t model_alternative(const struct model *m, const char *id);
size_t model_threat(const struct model *m, const char *id);
size_t model_control(const struct model *m, const char *id);
size_t model_condition(const struct model *m, const char *id);
size_t model_option(const struct model *m, const char *id);
size_t model_zone(const struct model *m, const char *id);

struct model_error { int line; char text[240]; }; /* "line 12: threats[1].rate: expected ..."; line 0 = unknown */

#define MODEL_SCHEMA "sekimori/1"

/* Fills errors (up to cap) and returns E_CONFIG when there is any; *ret written only when none. */
MUST outcome model_read(const struct doc *d, struct model *ret, struct model_error *errors, size_t cap, size_t *ret_n);

#endif
