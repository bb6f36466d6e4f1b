/* Delay and quarantine: time in which a bad peer may be found out before its words are acted on. */
#include "checkpoint/stage.h"

enum stage_result stage_delay(struct stage_case *c)
{
    if (c->waited_ms >= (int64_t)c->flow->delay_s * 1000) return STAGE_PASSES;
    c->word = "delay";
    return STAGE_WAITS;
}

bool stage_delay_sample(const struct flow *f)
{
    struct stage_case early = { .flow = f, .waited_ms = (int64_t)f->delay_s * 1000 - 1 };
    return stage_delay(&early) == STAGE_WAITS;
}
