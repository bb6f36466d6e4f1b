/* Devices as witnesses of the record: each keeps the newest head it was given and shows it at every session
 * (sk/v1/<site>/<device>/e/head). Here it is held against the record there is now, and the newest head is given in
 * answer (cfg/head). A kept head that this record does not lead to means the record was set back, whatever else was set
 * back with it. Nobody can invent one: only heads our own seal signed count. */
#include <stdio.h>

#include "crypto/note.h"
#include "node/core.h"

enum { JUDGED_A_TURN = 16, SAID_MAX = 16 };

/* True when the record leads to this head. */
static bool leads_to(struct core *c, const struct note *n)
{
    struct hash root;
    return ok(ledger_root_at(c->ledger, n->size, &root)) && bytes_equal(hash_view(&root), hash_view(&n->root));
}

static void set_back(struct core *c, const char *id, const struct note *kept)
{
    char size[24], own[24];
    struct witness *w = &c->witness;
    w->set_back = true;
    if (w->said >= SAID_MAX) return;
    w->said++;
    snprintf(size, sizeof size, "%llu", (unsigned long long)kept->size);
    snprintf(own, sizeof own, "%llu", (unsigned long long)ledger_durable(c->ledger));
    core_audit(c, "record-set-back", "kept_by", id, "kept_size", size, "own_size", own, NULL);
    c->self_next_ms = 0; /* control C4 says so now */
}

void witness_shown(struct core *c, const char *by, uint64_t size, const struct hash *root)
{
    struct note n = { .size = size, .root = *root };
    if (!leads_to(c, &n)) set_back(c, by, &n);
}

/* Taps run inside the exchange: what is shown waits for the turn. Beyond a turn's number it is let go: the device
 * shows it again. */
static void on_head(void *ctx, const struct message *m, const struct verdict *v)
{
    struct core *c = ctx;
    struct witness *w = &c->witness;
    (void)v;
    if (!m->from || m->from->role != ROLE_DEVICE || w->n == WITNESS_WAITING || m->payload.n > NOTE_BYTES_MAX) return;
    struct witness_shown *s = &w->waiting[w->n];
    snprintf(s->id, sizeof s->id, "%s", m->from->id);
    s->note_n = m->payload.n;
    if (m->payload.n) memcpy(s->note, m->payload.at, m->payload.n);
    w->n++;
}

outcome witness_start(struct core *c)
{
    char filter[160];
    uint32_t tap;
    snprintf(filter, sizeof filter, "sk/v1/%s/+/e/head", c->config.site);
    return exchange_tap_new(c->exchange, NULL, bytes_str(filter), on_head, c, &tap);
}

static void answer(struct core *c, const char *id)
{
    char topic[160];
    struct bytes head = ledger_head(c->ledger);
    if (head.n == 0) return;
    snprintf(topic, sizeof topic, "sk/v1/%s/%s/cfg/head", c->config.site, id);
    struct message m = { .topic = bytes_str(topic), .payload = head, .qos = 0 };
    (void)!ok(exchange_publish(c->exchange, &m));
}

bool witness_turn(struct core *c)
{
    struct witness *w = &c->witness;
    size_t n = w->n < JUDGED_A_TURN ? w->n : JUDGED_A_TURN;
    for (size_t i = 0; i < n; i++) {
        const struct witness_shown *s = &w->waiting[i];
        struct note kept;
        bool broken = ok(note_read(bytes_of(s->note, s->note_n), c->ledger_key, &kept)) && !leads_to(c, &kept);
        if (broken) set_back(c, s->id, &kept);
        /* A longer head of another branch would take the place of the witness: the device cannot tell them apart. */
        if (!broken || ledger_durable(c->ledger) <= kept.size) answer(c, s->id);
    }
    memmove(w->waiting, w->waiting + n, (w->n - n) * sizeof *w->waiting);
    w->n -= n;
    return w->n > 0;
}
