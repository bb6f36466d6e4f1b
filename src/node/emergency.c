#include "node/emergency.h"

#include <stdio.h>

#include "node/core.h"
#include "node/work.h"

size_t emergency_permits(const struct core *c, struct permit *room)
{
    size_t n = 0;
    for (size_t i = 0; i < c->emergencies.n; i++) {
        const struct emergency *e = &c->emergencies.at[i];
        if (e->state != EMERGENCY_OPEN) continue;
        if (room) {
            struct permit *p = &room[n];
            *p = (struct permit) { .from_ms = e->at_ms[EMERGENCY_OPEN], .until_ms = e->until_ms, .emergency = true };
            snprintf(p->id, sizeof p->id, "%s", e->id);
            snprintf(p->subject, sizeof p->subject, "%s", e->subject);
            snprintf(p->stream, sizeof p->stream, "sk/v1/%s/#", c->config.site);
        }
        n++;
    }
    return n;
}

outcome emergency_taken(struct core *c, const struct doc *d, int64_t at_ms)
{
    TRY(emergency_apply(&c->emergencies, d, at_ms));
    return work_swap(c);
}

void emergency_turn(struct core *c, int64_t wall_ms)
{
    for (size_t i = 0; i < c->emergencies.n; i++) {
        if (!emergency_overdue(&c->emergencies.at[i], wall_ms)) continue;
        struct arena a = ARENA(65536);
        struct doc *d = doc_map(&a);
        doc_set_text(&a, d, "what", "end");
        doc_set_text(&a, d, "id", c->emergencies.at[i].id);
        doc_set_text(&a, d, "by", "sekimori");
        doc_set_text(&a, d, "why", "time-over");
        (void)!ok(core_write(c, ENTRY_EMERGENCY, d, false)); /* its end counts by itself: the path asks the time */
        if (c->service) service_event(c->service, "emergency", d);
        arena_deinit(&a);
    }
}
