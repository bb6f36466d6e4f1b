/* Topic and verb allow-list: exactly the flow's topic; of commands, only the agreed values of "do". */
#include "checkpoint/stage.h"

static bool verb_listed(const struct flow *f, struct bytes verb)
{
    for (size_t i = 0; i < 4; i++)
        if (f->verbs[i][0] && bytes_equal_str(verb, f->verbs[i])) return true;
    return false;
}

enum stage_result stage_allow(struct stage_case *c)
{
    if (!bytes_equal_str(c->topic, c->flow->remote)) return stage_refuse(c, "topic-not-agreed");
    if (!c->flow->command) return STAGE_PASSES;
    const struct flat_member *verb = c->flat ? flat_get(c->flat, "do") : NULL;
    return verb && verb->kind == FLAT_TEXT && verb_listed(c->flow, verb->text) ? STAGE_PASSES : stage_refuse(c, "verb-not-agreed");
}

bool stage_allow_sample(const struct flow *f)
{
    struct flat unlisted;
    struct bytes json = BYTES_LIT("{\"do\":\"not agreed\"}");
    struct stage_case topic = { .flow = f, .topic = BYTES_LIT("not/agreed/by/anybody") };
    struct stage_case verb = { .flow = f, .topic = bytes_str(f->remote), .payload = json, .flat = &unlisted };
    return stage_allow(&topic) == STAGE_REFUSES
        && (!f->command || (ok(flat_read(json, &unlisted)) && stage_allow(&verb) == STAGE_REFUSES));
}
