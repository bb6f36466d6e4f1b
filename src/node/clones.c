/* One key in two places (N54): two holders who take each other's session back and forth. A device that moves comes from its new
 * address and stays; only who is there twice comes from the one, the other, the one and the other again within two minutes. Which
 * of them is the device nobody can say from here: the identity is contained as by an order, so that both are, and people look. */
#include <stdio.h>

#include "node/alerts.h"
#include "node/core.h"

enum { ROWS_MAX = 20000, WITHIN_MS = 2 * MS_MINUTE, TURNS = 4 };

struct clone_row {
    struct { char source[LINK_ADDRESS_MAX]; int64_t ms; } last[TURNS]; /* newest first */
};

static struct clone_row *row_of(struct core *c, const char *id)
{
    struct clone_row *r = map_get(&c->clones, bytes_str(id));
    if (r || c->clones.n == ROWS_MAX) return r;
    r = mem_new(sizeof *r);
    if (r && ok(map_put(&c->clones, bytes_str(id), r))) return r;
    mem_free(r);
    return NULL;
}

static void note(struct clone_row *r, const char *source, int64_t mono_ms)
{
    memmove(&r->last[1], &r->last[0], sizeof r->last - sizeof r->last[0]);
    snprintf(r->last[0].source, sizeof r->last[0].source, "%s", source);
    r->last[0].ms = mono_ms;
}

static bool to_and_fro(const struct clone_row *r, int64_t mono_ms)
{
    if (!r->last[TURNS - 1].source[0] || mono_ms - r->last[TURNS - 1].ms > WITHIN_MS) return false;
    return strcmp(r->last[0].source, r->last[2].source) == 0 && strcmp(r->last[1].source, r->last[3].source) == 0
        && strcmp(r->last[0].source, r->last[1].source) != 0;
}

static void raise_alert(struct core *c, const struct identity *who, const char *one, const char *other)
{
    char ja[400], en[400];
    snprintf(ja, sizeof ja, "機器 %s の鍵が二か所（%.63s と %.63s）で使われています。両方を隔離しました", who->id, one, other);
    snprintf(en, sizeof en, "the key of %s is used in two places (%.63s and %.63s); both are quarantined", who->id, one, other);
    alerts_note(c, &(struct alert_said) { .what = "clone", .device = who->id, .group = who->group, .name = "clone", .text_ja = ja, .text_en = en,
        .at_ms = core_wall(c) });
}

static void contain(struct core *c, const struct identity *who, const struct clone_row *r)
{
    char why[160];
    enum trust to;
    struct arena a = ARENA(65536);
    struct out o = out_of(why, sizeof why - 1);
    put_fmt(&o, "one key in two places: %s and %s", r->last[0].source, r->last[1].source);
    why[o.n] = 0;
    core_audit(c, "clone-seen", "id", who->id, "one", r->last[0].source, "other", r->last[1].source, NULL);
    if (ok(registry_trust_step(who, TRUST_QUARANTINE, &to)) && to != who->trust)
        (void)!ok(core_write(c, ENTRY_LIFE, registry_doc_life(&a, who->id, "trust", trust_word(who->trust), "quarantine", trust_word(to), why, "core"), false));
    arena_deinit(&a);
    core_fact(c, "C7", who->id, FACT_FAIL, FACT_BY_GATE, true, "one-key-in-two-places");
    raise_alert(c, who, r->last[0].source, r->last[1].source);
}

void clones_up(struct core *c, const struct identity *who, const char *source)
{
    int64_t now = port_mono_ms();
    struct clone_row *r = who->role == ROLE_DEVICE ? row_of(c, who->id) : NULL;
    if (!r) return;
    note(r, source, now);
    if (!to_and_fro(r, now)) return;
    contain(c, who, r);
    memset(&r->last[1], 0, sizeof r->last - sizeof r->last[0]); /* told; it takes as many turns again */
}

void clones_close(struct core *c)
{
    size_t at = 0;
    struct bytes id;
    void *value;
    while (map_next(&c->clones, &at, &id, &value)) mem_free(value);
    map_deinit(&c->clones);
}
