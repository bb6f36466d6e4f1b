/* Which entry of the record says it last: "decision:D-1", "evidence:C3/gw-02", "grants". So that an answer to "why?" can
 * name its proof. A convenience, never the truth: what has no name here, or no memory, is answered without one. */
#include "node/core.h"

#include <stdio.h>

/* Signed kinds are envelopes; what they are about stands inside. */
static const struct doc *inside(struct arena *a, unsigned kind, const struct doc *d)
{
    struct doc *payload = NULL;
    if (kind != ENTRY_DECISION) return d;
    struct bytes text = bytes_str(doc_text(d, "payload", ""));
    uint8_t *room = arena_new(a, text.n + 1);
    size_t n = 0;
    if (room && ok(base64_to(text, room, text.n, &n))) (void)!ok(doc_read_json(bytes_of(room, n), a, &payload));
    return payload;
}

/* kind, members of its name (the second may be none) */
static const struct { unsigned kind; const char *one, *two; } named[] = { { ENTRY_IDENTITY, "id", NULL }, { ENTRY_LIFE, "id", NULL },
    { ENTRY_STREAM, "name", NULL }, { ENTRY_DECISION, "id", NULL }, { ENTRY_LIMIT, "id", NULL }, { ENTRY_HOLD, "hold", NULL },
    { ENTRY_WORK, "id", NULL }, { ENTRY_EMERGENCY, "id", NULL }, { ENTRY_INCIDENT, "id", NULL }, { ENTRY_REACTION, "id", NULL }, { ENTRY_EVIDENCE, "control", "asset" }, { ENTRY_USER, "id", NULL } };

static void name_of(char *text, size_t size, unsigned kind, const struct doc *d)
{
    text[0] = 0;
    if (kind == ENTRY_GRANTS) snprintf(text, size, "%s", ledger_kind_word(kind));
    for (size_t i = 0; d && i < sizeof named / sizeof *named; i++) {
        if (named[i].kind != kind || !doc_text(d, named[i].one, "")[0]) continue;
        const char *two = named[i].two ? doc_text(d, named[i].two, "") : "";
        snprintf(text, size, "%s:%s%s%s", ledger_kind_word(kind), doc_text(d, named[i].one, ""), *two ? "/" : "", two);
    }
}

void latest_note(struct core *c, unsigned kind, const struct doc *d, uint64_t index)
{
    char name[256];
    struct arena a = ARENA(4u << 20);
    name_of(name, sizeof name, kind, inside(&a, kind, d));
    if (name[0] && index < UINTPTR_MAX) (void)!ok(map_put(&c->latest, bytes_str(name), (void *)(uintptr_t)(index + 1)));
    arena_deinit(&a);
}

outcome latest_find(void *ctx, const char *name, uint64_t *ret)
{
    struct core *c = ctx;
    uintptr_t at = (uintptr_t)map_get(&c->latest, bytes_str(name));
    if (!at) return REFUSE(E_UNKNOWN);
    *ret = at - 1;
    return DONE;
}
