/* Origin's time: recent, not from the future, and rising: a replay does not pass twice. */
#include "checkpoint/stage.h"

enum { AHEAD_MS = 60000 };

enum stage_result stage_fresh(struct stage_case *c)
{
    const struct flat_member *t = c->flat ? flat_get(c->flat, c->flow->time_field) : NULL;
    if (!t || !t->numeric || t->milli % 1000) return stage_refuse(c, "no-time");
    int64_t at = t->milli / 1000;
    if (at > c->wall_ms + AHEAD_MS) return stage_refuse(c, "future");
    if (at < c->wall_ms - (int64_t)c->flow->age_s * 1000) return stage_refuse(c, "late");
    if (at <= c->memory->newest_ms) return stage_refuse(c, c->again ? "duplicate" : "replay");
    c->memory->newest_ms = at;
    return STAGE_PASSES;
}

bool stage_fresh_sample(const struct flow *f)
{
    const int64_t now = INT64_C(800000000000);
    const int64_t bad[] = { now - (int64_t)f->age_s * 1000 - 1, now + AHEAD_MS + 1, now };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct flow_memory m = { .newest_ms = bad[i] == now ? now : 0 };
        struct flat flat = { .n = 1 };
        struct stage_case c = { .flow = f, .memory = &m, .flat = &flat, .wall_ms = now };
        flat.at[0] = (struct flat_member) { .name = bytes_str(f->time_field), .kind = FLAT_NUMBER, .numeric = true, .milli = bad[i] * 1000 };
        if (stage_fresh(&c) != STAGE_REFUSES) return false;
    }
    return true;
}
