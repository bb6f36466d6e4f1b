/* What a device numbers, counted as it comes: numbers that are missing and that the device did not name as lost, and numbers
 * that came again. Facts (control C13, by device) and audit entries; since this core started. That a batch's signature covers
 * what is in the record is proved offline (sekimori-verify origin); here nobody's word is taken for the order alone. */
#include <stdio.h>

#include "node/core.h"
#include "wire/cose.h"
#include "wire/origin.h"

enum { ROWS_MAX = 20000, SAID_AN_HOUR = 8, EVERY_MS = 250, GRACE_MS = 10000 }; /* a device names what it lost soon after the hole itself */

struct origin_row {
    char id[ID_MAX];
    struct origin_count n;
    uint64_t next;              /* 0: nothing came yet */
    uint64_t from, to, again;   /* not told yet: the newest hole (to 0: none) and the newest number that came again (0: none) */
    int64_t hole_ms;            /* mono, when the hole was seen */
    bool broken, batch;         /* since the last batch; a batch came */
    int64_t hour;
    uint32_t said;
};

static struct origin_row *row_of(struct core *c, const char *id)
{
    struct origin_row *r = map_get(&c->origins, bytes_str(id));
    if (r || c->origins.n == ROWS_MAX) return r;
    r = mem_new(sizeof *r);
    if (!r) return NULL;
    snprintf(r->id, sizeof r->id, "%s", id);
    if (ok(map_put(&c->origins, bytes_str(id), r))) return r;
    mem_free(r);
    return NULL;
}

/* The first that comes after a start says where this device is; a hole before it is not ours to see. */
static void numbered(struct origin_row *r, uint64_t n)
{
    if (!r->next || n == r->next) {
        r->next = n + 1;
    } else if (n > r->next) {
        if (!r->to) r->from = r->next, r->hole_ms = port_mono_ms();
        r->to = n - 1;
        r->n.missing += n - r->next;
        r->next = n + 1;
    } else {
        r->again = n;
        r->n.again++;
        r->broken = true;
    }
    r->n.last = r->next - 1;
}

/* {"from","to"}: numbers its buffer had to give up, and says so. */
static void named_lost(struct origin_row *r, struct bytes payload)
{
    struct arena a = ARENA(16384);
    struct doc *d = NULL;
    if (ok(doc_read_json(payload, &a, &d))) {
        int64_t from = doc_int(d, "from", 0), to = doc_int(d, "to", 0);
        uint64_t lost = from > 0 && to >= from && (uint64_t)to < r->next ? (uint64_t)(to - from) + 1 : 0;
        r->n.lost += lost;
        r->n.missing -= lost < r->n.missing ? lost : r->n.missing;
        if (lost && (uint64_t)from <= r->from && (uint64_t)to >= r->to) r->from = r->to = 0;
    }
    arena_deinit(&a);
}

static bool batch_number(struct bytes payload, uint64_t *ret)
{
    struct cose_sign1 s;
    struct origin_batch b;
    if (!ok(cose_read(payload, &s)) || !ok(origin_read(s.payload, &b))) return false;
    return !__builtin_add_overflow(b.first, b.count, ret);
}

/* Inside the exchange: only counted here, told in the turn. */
static void on_message(void *ctx, const struct message *m, const struct verdict *v)
{
    struct core *c = ctx;
    struct bytes site, device, tail;
    uint64_t n;
    (void)v;
    if (!m->from || m->from->role != ROLE_DEVICE || !origin_topic(m->topic, &site, &device, &tail)) return;
    bool batch = bytes_equal_str(tail, ORIGIN_TAIL);
    if (!bytes_equal_str(device, m->from->id) || !(batch ? batch_number(m->payload, &n) : origin_number(m->payload, &n))) return;
    struct origin_row *r = row_of(c, m->from->id);
    if (!r) return;
    numbered(r, n);
    r->batch |= batch;
    if (bytes_equal_str(tail, "e/gap")) named_lost(r, m->payload);
    c->origins_new |= r->to || r->again || r->batch;
}

outcome origin_start(struct core *c)
{
    static const char *const tails[] = { "m/#", "e/#" };
    char filter[160];
    uint32_t tap;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(filter, sizeof filter, "sk/v1/%s/+/%s", c->config.site, tails[i]);
        TRY(exchange_tap_new(c->exchange, NULL, bytes_str(filter), on_message, c, &tap));
    }
    return DONE;
}

static bool may_say(struct origin_row *r, int64_t hour)
{
    if (r->hour != hour) r->hour = hour, r->said = 0;
    return r->said++ < SAID_AN_HOUR;
}

static void say(struct core *c, struct origin_row *r, const char *what)
{
    char first[24], last[24];
    bool gap = strcmp(what, "origin-gap") == 0;
    snprintf(first, sizeof first, "%llu", (unsigned long long)(gap ? r->from : r->again));
    snprintf(last, sizeof last, "%llu", (unsigned long long)(gap ? r->to : r->again));
    if (may_say(r, core_wall(c) / MS_HOUR)) core_audit(c, what, "id", r->id, "from", first, "to", last, NULL);
    core_fact(c, "C13", r->id, FACT_FAIL, FACT_BY_GATE, false, what);
}

/* True: a hole still waits to be named. */
static bool row_turn(struct core *c, struct origin_row *r, int64_t mono_ms)
{
    bool waits = r->to && mono_ms - r->hole_ms < GRACE_MS;
    if (r->to && !waits) {
        say(c, r, "origin-gap");
        r->broken = true;
        r->from = r->to = 0;
    }
    if (r->again) say(c, r, "origin-again");
    if (r->batch && !r->broken && !waits) core_fact(c, "C13", r->id, FACT_PASS, FACT_BY_GATE, false, "origin-good");
    if (r->batch) r->broken = false;
    r->batch = false;
    r->again = 0;
    return waits;
}

void origin_turn(struct core *c, int64_t mono_ms)
{
    struct bytes id;
    void *value;
    bool waits = false;
    if (!c->origins_new || mono_ms < c->origins_due_ms) return;
    for (size_t at = 0; map_next(&c->origins, &at, &id, &value);) waits |= row_turn(c, value, mono_ms);
    c->origins_new = waits;
    c->origins_due_ms = mono_ms + EVERY_MS; /* all rows are looked at: not in every turn */
}

bool origin_counted(const struct core *c, const char *id, struct origin_count *ret)
{
    const struct origin_row *r = map_get(&c->origins, bytes_str(id));
    if (r) *ret = r->n;
    return r != NULL;
}

void origin_close(struct core *c)
{
    size_t at = 0;
    struct bytes id;
    void *value;
    while (map_next(&c->origins, &at, &id, &value)) mem_free(value);
    map_deinit(&c->origins);
}
