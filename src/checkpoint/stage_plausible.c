/* Plausibility: what a peer reports of something we measure ourselves must agree with our own sensor. A sensor that is
 * silent proves nothing, so nothing passes then. */
#include "checkpoint/stage.h"

enum stage_result stage_plausible(struct stage_case *c)
{
    const struct flat_member *v = c->flat ? flat_get(c->flat, c->flow->like_field) : NULL;
    if (!v || !v->numeric) return stage_refuse(c, "schema");
    if (!c->has_like) return stage_refuse(c, "no-own-value");
    int64_t apart = v->milli > c->like_milli ? v->milli - c->like_milli : c->like_milli - v->milli;
    return apart <= c->flow->within_milli ? STAGE_PASSES : stage_refuse(c, "implausible");
}

bool stage_plausible_sample(const struct flow *f)
{
    struct flat flat = { .n = 1 };
    struct stage_case c = { .flow = f, .flat = &flat, .has_like = true };
    flat.at[0] = (struct flat_member) { .name = bytes_str(f->like_field), .kind = FLAT_NUMBER, .numeric = true, .milli = f->within_milli + 1 };
    return stage_plausible(&c) == STAGE_REFUSES;
}
