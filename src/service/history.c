/* What was recorded of a topic, point by point or by interval: from the index as far as it goes, then from the record itself.
 * What the record has given up (pruned, erased) is not here either, and each point names its entry, which `ledger proof` proves.
 * A request looks at a bounded piece and says where to go on: the loop that carries messages never waits for a reader of history. */
#include "service/internal.h"

#include <stdio.h>

#include "ledger/data.h"
#include "wire/mqtt.h"

enum {
    LOOK_MOST = 4096,        /* data entries of one request that are not in the index */
    POINTS_MOST = 1000,
    INTERVALS_MOST = 10000,
    LOOK_MS = 5,
    LATE_MS = 24 * 3600 * 1000, /* a reading may be recorded so long after it was measured: a gateway that was alone */
};

struct asked {
    struct service *s;
    struct reader reader;
    struct arena *arena;
    char filter[MQTT_TOPIC_MAX + 1], field[FLAT_NAME_MAX + 1];
    int64_t from_ms, to_ms, every_ms, until_mono_ms; /* every 0: point by point */
    struct doc *points;
    struct history_sum *sums; /* arena's */
    size_t n_sums;
    struct buffer read;       /* an entry */
    struct said said;
    uint64_t next;            /* where to go on */
    int64_t looked, unreadable;
    bool over;                /* behind the end: nothing more will come */
};

/* ---- one point ---- */

struct told { /* views */
    struct bytes topic, unit, payload; /* payload: of a text; BYTES_NONE otherwise */
    struct point p;
    bool number, reduced; /* reduced: nothing is told finer than the reduced form has it, also not of the time */
};

static void put_text(struct asked *a, struct doc *d, const char *key, struct bytes b)
{
    char text[MQTT_TOPIC_MAX + 1];
    if (b.n && bytes_is_utf8(b) && ok(bytes_to_text(b, text, sizeof text))) doc_set_text(a->arena, d, key, text);
}

static void put_point(struct asked *a, const struct told *x)
{
    struct doc *d = doc_map(a->arena);
    if (!d) return;
    doc_set_int(a->arena, d, "index", (int64_t)point_entry(&x->p));
    put_text(a, d, "topic", x->topic);
    doc_set_int(a->arena, d, "ms", x->p.ms);
    doc_set_int(a->arena, d, "recorded_ms", x->p.recorded_ms);
    if (x->number) doc_set_int(a->arena, d, "milli", x->p.milli);
    else if (x->payload.n <= READING_TEXT_MOST) put_text(a, d, "text", x->payload);
    put_text(a, d, "unit", x->unit);
    if (x->p.entry & POINT_FLAGGED) doc_set_bool(a->arena, d, "flagged", true);
    if (x->reduced) doc_set_bool(a->arena, d, "reduced", true);
    doc_add(a->points, d);
}

static void take_point(struct asked *a, const struct told *x)
{
    if (x->p.ms < a->from_ms || x->p.ms > a->to_ms) return;
    if (!a->every_ms) put_point(a, x);
    else if (x->number) history_count(&a->sums[(x->p.ms - a->from_ms) / a->every_ms], x->p.milli, point_entry(&x->p));
}

/* ---- from the record ---- */

static struct message message_of(struct asked *a, struct bytes from, struct bytes topic, struct bytes payload)
{
    char id[ID_MAX];
    bool known = ok(bytes_to_text(from, id, sizeof id));
    return (struct message) { .from = known ? registry_identity(a->s->port.registry, id) : NULL, .topic = topic, .payload = payload };
}

static void take_entry(struct asked *a, const struct ledger_entry *e)
{
    struct data data;
    struct message shown;
    if (e->pruned || e->erased || !ok(data_read(e->payload, &data)) || !mqtt_matches(bytes_str(a->filter), data.topic)) return;
    struct message m = message_of(a, data.from, data.topic, data.payload);
    if (!reader_sees(a->s, &a->reader, &m, true, &shown)) return;
    bool reduced = shown.payload.at != m.payload.at;
    reading_of(shown.payload, e->at_ms, &a->said);
    const struct reading_value *v = reading_get(&a->said, a->field);
    if (!v) return;
    bool number = v->kind != READING_TEXT;
    int64_t ms = a->said.measured_ms;
    take_point(a, &(struct told) { data.topic, a->said.unit, number ? BYTES_NONE : shown.payload,
        { ms, reduced ? ms : e->at_ms, v->milli, e->index | (data.flags & DATA_FLAGGED ? POINT_FLAGGED : 0) }, number, reduced });
}

static outcome look(void *ctx, const struct ledger_entry *e)
{
    struct asked *a = ctx;
    a->next = e->index;
    a->over = e->at_ms > a->to_ms + LATE_MS;
    if (a->over || ++a->looked >= LOOK_MOST || a->points->count >= POINTS_MOST) return REFUSE(E_FULL);
    if ((a->looked & 63) == 0 && a->s->port.mono_ms(a->s->port.ctx) >= a->until_mono_ms) return REFUSE(E_FULL);
    a->next++;
    if (e->pruned || e->erased) a->unreadable++;
    take_entry(a, e);
    return DONE;
}

/* What the index does not have yet: the last moments, or all of it while it is made again. */
static outcome from_record(struct asked *a, bool *ret_more)
{
    struct ledger *l = a->s->port.ledger;
    uint64_t since;
    TRY(ledger_since(l, a->from_ms, &since));
    if (since > a->next) a->next = since;
    outcome o = a->next < ledger_durable(l) ? ledger_scan(l, a->next, CLASS_DATA, look, a) : DONE;
    *ret_more = o.code == E_FULL && !a->over;
    return ok(o) || o.code == E_FULL ? DONE : o;
}

/* ---- from the index ---- */

static enum history_form may(void *ctx, const struct history_series *s)
{
    static const enum history_form forms[] = { [SHOWN_NOT] = HISTORY_NOT, [SHOWN_REDUCED] = HISTORY_READ, [SHOWN_WHOLE] = HISTORY_WHOLE };
    struct asked *a = ctx;
    struct message m = message_of(a, bytes_str(s->subject), bytes_str(s->topic), BYTES_NONE);
    return forms[reader_form(a->s, &a->reader, &m)];
}

static outcome indexed(void *ctx, const struct history_series *s, const struct point *p)
{
    struct asked *a = ctx;
    struct ledger_entry e;
    struct data data = { 0 };
    bool number = s->kind == READING_MAIN || s->kind == READING_FIELD;
    if (!number) TRY(ledger_read(a->s->port.ledger, point_entry(p), &a->read, &e));
    if (s->kind == READING_OTHER) take_entry(a, &e);
    if (s->kind == READING_OTHER || (!number && (e.pruned || e.erased || !ok(data_read(e.payload, &data))))) return DONE;
    if (!number) reading_of(data.payload, e.at_ms, &a->said);
    take_point(a, &(struct told) { bytes_str(s->topic), number ? bytes_str(s->unit) : a->said.unit, data.payload, *p, number, false });
    return DONE;
}

static outcome match(struct asked *a, unsigned kinds, struct buffer *series)
{
    series->n = 0;
    return history_match(a->s->port.history, &(struct history_ask) { bytes_str(a->filter), a->field, kinds, a, may }, series);
}

static struct history_want want(const struct asked *a, const struct buffer *series)
{
    return (struct history_want) { .series = (const uint32_t *)(const void *)series->at, .n = series->n / sizeof(uint32_t), .from_ms = a->from_ms,
        .to_ms = a->to_ms, .after = a->next, .before = UINT64_MAX, .until_ms = a->until_mono_ms };
}

/* What must be read to be judged goes first, as far as the time goes; then the rest, as far as that. */
static outcome read_sums(struct asked *a, struct buffer *series, uint64_t *ret_end)
{
    struct history *h = a->s->port.history;
    uint64_t next = a->next;
    TRY(match(a, 1u << READING_OTHER, series));
    struct history_want w = want(a, series);
    *ret_end = UINT64_MAX;
    if (!w.n) return DONE;
    do {
        w.after = next;
        TRY(history_points(h, &w, POINTS_MOST, indexed, a, &next));
    } while (next < history_end(h) && a->s->port.mono_ms(a->s->port.ctx) < a->until_mono_ms);
    *ret_end = next;
    return DONE;
}

static outcome index_sums(struct asked *a, struct buffer *series)
{
    uint64_t end = 0, next = 0;
    outcome o = REFUSE(E_CHANGED);
    for (int tries = 0; tries < 3 && o.code == E_CHANGED; tries++) {
        memset(a->sums, 0, a->n_sums * sizeof *a->sums);
        TRY(read_sums(a, series, &end));
        TRY(match(a, 1u << READING_MAIN | 1u << READING_FIELD, series));
        struct history_want w = want(a, series);
        w.before = end;
        if (end != UINT64_MAX) w.until_ms = INT64_MAX;
        o = history_sums(a->s->port.history, &w, a->every_ms, a->sums, &next);
    }
    a->next = next;
    return o;
}

static outcome from_index(struct asked *a, bool *ret_more)
{
    struct history *h = a->s->port.history;
    struct buffer series = BUFFER(4u << 20);
    outcome o = DONE;
    *ret_more = false;
    if (!h || a->next >= history_end(h)) return DONE;
    if (a->every_ms) o = index_sums(a, &series);
    else {
        o = match(a, ~0u, &series);
        struct history_want w = want(a, &series);
        if (ok(o)) o = history_points(h, &w, POINTS_MOST, indexed, a, &a->next);
    }
    buffer_deinit(&series);
    *ret_more = a->next < history_end(h);
    return o;
}

static outcome text_of(struct request *q, const char *name, char *ret, size_t size)
{
    struct bytes b = http_query(q->http, name);
    ret[0] = 0;
    return b.n ? http_decode(b, ret, size) : DONE;
}

/* Whole days are days of the place that asks: zone is minutes east of UTC. */
static const char *asked_every(struct request *q, struct asked *a)
{
    char every[16], zone[16];
    int64_t east = 0;
    if (!ok(text_of(q, "every", every, sizeof every)) || (*every && !ok(time_length(bytes_str(every), &a->every_ms)))) return "every: expected 90s, 30m, 24h or 7d";
    if (!ok(text_of(q, "zone", zone, sizeof zone)) || (*zone && !ok(flat_decimal(bytes_str(zone), &east)))) return "zone: expected minutes east of UTC";
    east /= 1000;
    if (east < -24 * 60 || east > 24 * 60) return "zone: expected minutes east of UTC";
    if (!a->every_ms) return NULL;
    int64_t into = (a->from_ms + east * MS_MINUTE) % a->every_ms;
    a->from_ms -= into < 0 ? into + a->every_ms : into;
    if ((a->to_ms - a->from_ms) / a->every_ms >= INTERVALS_MOST) return "every: expected at most 10000 intervals";
    a->n_sums = (size_t)((a->to_ms - a->from_ms) / a->every_ms + 1);
    a->sums = arena_new(a->arena, a->n_sums * sizeof *a->sums);
    return NULL;
}

/* What is asked: NULL when it can be answered, else which part cannot. */
static const char *asked_read(struct request *q, struct asked *a, char after[24])
{
    char from[TIME_TEXT + 8], to[TIME_TEXT + 8];
    if (!ok(text_of(q, "topic", a->filter, sizeof a->filter)) || !mqtt_filter_valid(bytes_str(a->filter))) return "topic: expected a topic, or a filter with + and #";
    if (!ok(text_of(q, "field", a->field, sizeof a->field))) return "field: expected a name";
    if (!ok(text_of(q, "from", from, sizeof from)) || !ok(time_parse(bytes_str(from), &a->from_ms))) return "from: expected a time like 2026-01-31T00:00:00Z";
    if (!ok(text_of(q, "to", to, sizeof to)) || !ok(time_parse(bytes_str(to), &a->to_ms))) return "to: expected a time like 2026-01-31T00:00:00Z";
    if (a->to_ms < a->from_ms) return "to: expected a time after from";
    return ok(text_of(q, "after", after, 24)) ? NULL : "after: expected a number";
}

static void put_sum(struct asked *a, struct doc *list, size_t i)
{
    char text[48];
    const struct history_sum *s = &a->sums[i];
    struct doc *d = doc_map(a->arena);
    __int128 half = s->sum < 0 ? -s->n / 2 : s->n / 2;
    struct out o = out_of(text, sizeof text - 1);
    doc_set_int(a->arena, d, "ms", a->from_ms + (int64_t)i * a->every_ms);
    doc_set_int(a->arena, d, "n", s->n);
    doc_set_int(a->arena, d, "min_milli", s->min);
    doc_set_int(a->arena, d, "max_milli", s->max);
    doc_set_int(a->arena, d, "mean_milli", (int64_t)((s->sum + half) / s->n));
    bool small = s->sum <= INT64_MAX && s->sum >= INT64_MIN;
    if (small) put_fmt(&o, "%lld", (long long)s->sum);
    else put_fmt(&o, "%.0Lf", (long double)s->sum);
    text[o.n] = 0;
    doc_set_text(a->arena, d, "sum_milli", text);
    doc_set_int(a->arena, d, "first", (int64_t)s->first);
    doc_set_int(a->arena, d, "last", (int64_t)s->last);
    doc_add(list, d);
}

static void put_sums(struct asked *a, struct doc *d)
{
    struct doc *list = doc_list(a->arena);
    for (size_t i = 0; i < a->n_sums; i++)
        if (a->sums[i].n) put_sum(a, list, i);
    doc_set_int(a->arena, d, "from_ms", a->from_ms);
    doc_set_int(a->arena, d, "every_ms", a->every_ms);
    doc_set(a->arena, d, "intervals", list);
}

/* What was given up before anybody asked: said once, with the first piece. */
static outcome given_up(struct asked *a)
{
    struct ledger *l = a->s->port.ledger;
    uint64_t first, last, pruned = ledger_pruned_end(l);
    if (!a->s->port.history) return DONE;
    a->unreadable += (int64_t)history_given_up(a->s->port.history, a->from_ms, a->to_ms);
    if (!pruned) return DONE;
    TRY(ledger_since(l, a->from_ms, &first));
    TRY(ledger_since(l, a->to_ms + 1, &last));
    if (last > pruned) last = pruned;
    if (last > history_end(a->s->port.history)) last = history_end(a->s->port.history); /* the rest is read below */
    if (last > first) a->unreadable += (int64_t)(last - first);
    return DONE;
}

static outcome answer_asked(struct request *q, struct asked *a, bool more)
{
    struct doc *d = doc_map(&q->arena);
    if (a->every_ms) put_sums(a, d);
    else doc_set(&q->arena, d, "points", a->points);
    doc_set_int(&q->arena, d, "next", (int64_t)a->next);
    doc_set_bool(&q->arena, d, "more", more);
    doc_set_int(&q->arena, d, "unreadable", a->unreadable);
    return answer_doc(q, d);
}

/* GET /api/v1/history?topic=FILTER&from=TIME&to=TIME[&field=NAME][&after=INDEX] -> {"points":[...],"next":INDEX,"more":BOOL,
 * "unreadable":N}: N entries of the piece, of whatever topic, were given up. With &every=1d[&zone=540]: {"intervals":[...],"from_ms",
 * "every_ms",...}: those with anything in them; of several pieces add up n and sum_milli. */
outcome get_history(struct service *s, struct request *q)
{
    char after[24];
    struct asked a = { .s = s, .reader = reader_of(q), .arena = &q->arena, .points = doc_list(&q->arena), .read = BUFFER(LEDGER_PAYLOAD_MAX + 64) };
    const char *wrong = asked_read(q, &a, after);
    bool more = false;
    if (!wrong) wrong = asked_every(q, &a);
    if (wrong) return answer_problem(q, 400, "SK-1401", wrong, NULL);
    if (!a.points || (a.every_ms && !a.sums)) return REFUSE(E_MEMORY);
    if (*after) TRY(number_of(after, &a.next));
    else TRY(given_up(&a));
    a.until_mono_ms = s->port.mono_ms(s->port.ctx) + LOOK_MS;
    outcome o = from_index(&a, &more);
    bool room = !more && a.points->count < POINTS_MOST;
    if (ok(o) && room) o = from_record(&a, &more);
    else if (ok(o)) more = true;
    buffer_deinit(&a.read);
    return ok(o) ? answer_asked(q, &a, more) : o;
}
