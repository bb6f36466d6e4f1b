/* What repeats, as audit entries: one per (what, who) a minute, then a count; bounded whatever strangers, or a
 * device gone mad, do. A refusal is never a fact that tightens. */
#include <stdio.h>

#include "node/core.h"

enum { REFUSALS_MAX = 1024 };

static void write_refusal(struct core *c, struct refusal *r, int64_t mono_ms)
{
    char count[24];
    snprintf(count, sizeof count, "%llu", (unsigned long long)r->count);
    r->count = 0;
    r->until_ms = mono_ms + MS_MINUTE;
    core_audit(c, "refused", "reason", r->reason, "source", r->source, "count", count, "detail", r->detail, NULL);
    r->detail[0] = 0;
}

/* The row of (reason, source), or of (reason, "other") when the table is full. */
static struct refusal *row_of(struct core *c, const char *reason, const char *source)
{
    char key[REFUSAL_REASON_MAX + LINK_ADDRESS_MAX + 2];
    snprintf(key, sizeof key, "%.*s %.*s", REFUSAL_REASON_MAX - 1, reason, LINK_ADDRESS_MAX - 1, source);
    struct refusal *r = map_get(&c->refusals, bytes_str(key));
    if (r) return r;
    const char *from = c->refusals.n >= REFUSALS_MAX ? "other" : source;
    if (from != source) {
        snprintf(key, sizeof key, "%.*s other", REFUSAL_REASON_MAX - 1, reason);
        r = map_get(&c->refusals, bytes_str(key));
        if (r) return r;
    }
    r = mem_new(sizeof *r);
    if (!r || !ok(map_put(&c->refusals, bytes_str(key), r))) {
        mem_free(r);
        return NULL;
    }
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    snprintf(r->source, sizeof r->source, "%s", from);
    return r;
}

void core_counted(struct core *c, const char *reason, const char *source, const char *detail, uint64_t count)
{
    struct refusal *r = row_of(c, reason, source);
    if (!r) return;
    r->count += count;
    if (!r->detail[0]) snprintf(r->detail, sizeof r->detail, "%s", detail);
    int64_t now = port_mono_ms();
    if (now >= r->until_ms) write_refusal(c, r, now);
}

void core_refused(struct core *c, enum listener l, enum link_refusal why, const char *source, uint64_t count)
{
    char key[LINK_ADDRESS_MAX];
    (void)l;
    link_source_key(source, key); /* the core has its own refusals beside what the gate has grouped already */
    core_counted(c, link_refusal_word(why), key, "", count);
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
    char name[REFUSAL_REASON_MAX + LINK_ADDRESS_MAX + 2];
    snprintf(name, sizeof name, "%s %s", quiet->reason, quiet->source);
    mem_free(map_take(&c->refusals, bytes_str(name)));
}
