/* One way: nothing moves against the direction of its flow. */
#include "checkpoint/stage.h"

enum stage_result stage_one_way(struct stage_case *c)
{
    return c->direction == c->flow->direction ? STAGE_PASSES : stage_refuse(c, "wrong-direction");
}

bool stage_one_way_sample(const struct flow *f)
{
    struct stage_case back = { .flow = f, .direction = f->direction == FLOW_IN ? FLOW_OUT : FLOW_IN, .topic = bytes_str(f->remote) };
    return stage_one_way(&back) == STAGE_REFUSES;
}
