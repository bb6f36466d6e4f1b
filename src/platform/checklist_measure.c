/* What the checklist measures: asked of the registry and the permits at that moment, never believed. */
#include "platform/checklist.h"

#include <stdio.h>

static bool own_key(const struct checklist_site *s, const struct identity *i)
{
    return i->has_key && i->not_after_ms > s->now_ms;
}

static bool known_place(const struct checklist_site *s, const struct identity *i)
{
    (void)s;
    return i->group[0];
}

/* A stream whose device level is this one, or any. */
static bool declared_data(const struct checklist_site *s, const struct identity *i)
{
    const struct stream *rows[512];
    char prefix[ID_MAX + 16];
    size_t n = registry_streams(s->registry, rows, 512), len = strlen(i->id);
    int head = snprintf(prefix, sizeof prefix, "sk/v1/%s/", s->site);
    for (size_t k = 0; k < n && k < 512 && head > 0; k++) {
        const char *level = rows[k]->pattern + head;
        if (strncmp(rows[k]->pattern, prefix, (size_t)head) != 0) continue;
        if (level[0] == '+' || level[0] == '#') return true;
        if (strncmp(level, i->id, len) == 0 && level[len] == '/') return true;
    }
    return false;
}

static bool permit_asked(const struct checklist_site *s, const struct identity *i)
{
    for (size_t k = 0; s->works && k < s->works->n; k++) {
        const struct work *w = s->works->at[k];
        bool ended = w->state == WORK_STOPPED || w->state == WORK_CLOSED || w->state == WORK_REFUSED;
        if (!ended && strcmp(w->subject, i->id) == 0) return true;
    }
    return false;
}

size_t checklist_measure(const struct checklist_site *s, const struct checklist *c, struct checklist_found ret[CHECKLIST_MAX])
{
    static const struct { const char *item; bool (*good)(const struct checklist_site *s, const struct identity *i); } rows[] = {
        { "own-key", own_key }, { "known-place", known_place }, { "declared-data", declared_data }, { "permit-asked", permit_asked } };
    const struct identity *i = registry_identity(s->registry, c->subject);
    size_t n = 0;
    for (size_t k = 0; k < checklist_items_n; k++) {
        const struct checklist_item *item = &checklist_items[k];
        if (!item->measured || !checklist_asked(item, c->role)) continue;
        ret[n] = (struct checklist_found) { item->id, false };
        for (size_t m = 0; i && m < sizeof rows / sizeof *rows; m++)
            if (strcmp(rows[m].item, item->id) == 0) ret[n].good = rows[m].good(s, i);
        n++;
    }
    return n;
}
