/* Refusals as audit entries: one per (reason, source) a minute, then a count; bounded whatever
 * strangers do. A refusal is never a fact that tightens. */
#include <stdio.h>

#include "node/core.h"

enum { REFUSALS_MAX = 1024 };

static void write_refusal(struct core *c, struct refusal *r, int64_t mono_ms)
{
    char count[24];
    snprintf(count, sizeof count, "%llu", (unsigned long long)r->count);
    r->count = 0;
    r->until_ms = mono_ms + MS_MINUTE;
    core_audit(c, "refused", "reason", link_refusal_word(r->why), "source", r->source, "count", count, NULL);
}

void core_refused(struct core *c, enum listener l, enum link_refusal why, const char *source, uint64_t count)
{
    char key[128];
    (void)l;
    const char *from = c->refusals.n >= REFUSALS_MAX ? "other" : source;
    snprintf(key, sizeof key, "%d %s", (int)why, source);
    struct refusal *r = map_get(&c->refusals, bytes_str(key));
    if (!r && from != source) {
        snprintf(key, sizeof key, "%d other", (int)why);
        r = map_get(&c->refusals, bytes_str(key));
    }
    if (!r) {
        r = mem_new(sizeof *r);
        if (!r || !ok(map_put(&c->refusals, bytes_str(key), r))) {
            mem_free(r);
            return;
        }
        r->why = why;
        snprintf(r->source, sizeof r->source, "%s", from);
    }
    r->count += count;
    int64_t now = port_mono_ms();
    if (now >= r->until_ms) write_refusal(c, r, now);
}

void core_refusals_turn(struct core *c, int64_t mono_ms)
{
    size_t at = 0;
    struct bytes key;
    void *value;
    struct refusal *quiet = NULL;
    while (map_next(&c->refusals, &at, &key, &value)) {
        struct refusal *r = value;
        if (mono_ms < r->until_ms) continue;
        if (r->count) write_refusal(c, r, mono_ms);
        else quiet = r;
    }
    if (!quiet) return; /* one forgotten a turn keeps this loop simple and the table short */
    char name[128];
    snprintf(name, sizeof name, "%d %s", (int)quiet->why, quiet->source);
    mem_free(map_take(&c->refusals, bytes_str(name)));
}
