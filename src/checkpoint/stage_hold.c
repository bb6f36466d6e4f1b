/* Hold for release: a command from outside waits for two people. The one judgement of the platform holds it (access.c,
 * whose table knows peers); this stage says that it must. */
#include "checkpoint/stage.h"

enum stage_result stage_hold(struct stage_case *c)
{
    return c->flow->command ? STAGE_HOLDS : STAGE_PASSES;
}

bool stage_hold_sample(const struct flow *f)
{
    struct stage_case c = { .flow = f };
    return stage_hold(&c) == STAGE_HOLDS;
}
