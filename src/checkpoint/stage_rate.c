/* Rate and volume: a token bucket of ten seconds' worth, and a bound on each message. Over the rate it waits: agreed
 * data that piled up while the line was down is paced, not lost. */
#include "checkpoint/stage.h"

static int64_t full_milli(const struct flow *f)
{
    return ((int64_t)f->per_minute / 6 + 1) * 1000;
}

enum stage_result stage_rate(struct stage_case *c)
{
    struct flow_memory *m = c->memory;
    int64_t full = full_milli(c->flow), since = c->mono_ms - m->tokens_at_ms;
    if (c->payload.n > c->flow->bytes_max) return stage_refuse(c, "too-large");
    int64_t now = m->tokens_at_ms && since < 600000 ? m->tokens_milli + since * c->flow->per_minute / 60 : full;
    if (now > full) now = full;
    if (now < 1000) {
        c->word = "rate";
        return STAGE_WAITS;
    }
    m->tokens_milli = now - 1000;
    m->tokens_at_ms = c->mono_ms;
    return STAGE_PASSES;
}

bool stage_rate_sample(const struct flow *f)
{
    static uint8_t large[65537];
    struct flow_memory empty = { .tokens_milli = 0, .tokens_at_ms = 1000 };
    struct stage_case over = { .flow = f, .memory = &empty, .mono_ms = 1000 };
    struct stage_case big = { .flow = f, .memory = &empty, .mono_ms = 1000, .payload = bytes_of(large, (size_t)f->bytes_max + 1) };
    return stage_rate(&over) == STAGE_WAITS && stage_rate(&big) == STAGE_REFUSES;
}
