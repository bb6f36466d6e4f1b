/* The table of stages, and running a set of them. Costs: 0 nothing is withheld from honest traffic, 1-2 malformed or
 * stale data, 3 data when our own sensor is silent, 4 detail, 8 time, 9 a person. */
#include "checkpoint/stage.h"

/*                      cost  checks    iac uc si dc rdf tre ra */
const struct stage stages_table[STAGE_COUNT] = {
    [STAGE_ALLOW]     = { stage_allow, stage_allow_sample, 0, { 0, 0 }, { 0, 1, 0, 0, 1, 0, 0 } },
    [STAGE_ONE_WAY]   = { stage_one_way, stage_one_way_sample, 0, { 0, 0 }, { 0, 0, 0, 0, 1, 0, 0 } },
    [STAGE_RATE]      = { stage_rate, stage_rate_sample, 0, { 0, 0 }, { 0, 0, 0, 0, 0, 0, 1 } },
    [STAGE_SCHEMA]    = { stage_schema, stage_schema_sample, 1, { 2, 2 }, { 0, 0, 1, 0, 0, 0, 0 } },
    [STAGE_FRESH]     = { stage_fresh, stage_fresh_sample, 2, { 1, 0 }, { 1, 0, 1, 0, 0, 0, 0 } },
    [STAGE_PLAUSIBLE] = { stage_plausible, stage_plausible_sample, 3, { 2, 0 }, { 0, 0, 1, 0, 0, 0, 0 } },
    [STAGE_REDUCE]    = { stage_reduce, stage_reduce_sample, 4, { 2, 0 }, { 0, 0, 0, 2, 0, 0, 0 } },
    [STAGE_DELAY]     = { stage_delay, stage_delay_sample, 8, { 1, 0 }, { 0, 0, 0, 0, 0, 1, 0 } },
    [STAGE_HOLD]      = { stage_hold, stage_hold_sample, 9, { 3, 0 }, { 0, 2, 1, 0, 0, 0, 0 } },
};

/* Waiting must not spend the quota, so what takes time comes before it. */
static const enum stage_id order[STAGE_COUNT] = { STAGE_ONE_WAY, STAGE_ALLOW, STAGE_SCHEMA, STAGE_FRESH, STAGE_PLAUSIBLE,
    STAGE_DELAY, STAGE_REDUCE, STAGE_RATE, STAGE_HOLD };

enum stage_result stage_refuse(struct stage_case *c, const char *word)
{
    c->word = word;
    return STAGE_REFUSES;
}

enum stage_result stages_run(struct stage_case *c, unsigned mask)
{
    struct flow_memory kept = *c->memory;
    enum stage_result result = STAGE_PASSES;
    for (size_t i = 0; i < STAGE_COUNT && result == STAGE_PASSES; i++)
        if (mask >> order[i] & 1) result = stages_table[order[i]].run(c);
    if (result == STAGE_REFUSES || result == STAGE_WAITS) *c->memory = kept;
    return result;
}

unsigned stages_self_test(const struct flow *f, unsigned mask)
{
    unsigned good = 0;
    for (unsigned i = 0; i < STAGE_COUNT; i++)
        if (mask >> i & 1 && stages_table[i].refuses_forbidden(f)) good |= 1u << i;
    return good;
}
