/* What was recorded of a topic, point by point, straight from the record: what the record has given up (pruned, erased) is not
 * here either, and each point names its entry, which `ledger proof` proves. A request looks at a bounded piece and says where
 * to go on: the loop that carries messages never waits for a reader of history. */
#include "service/internal.h"

#include "ledger/data.h"
#include "wire/flat.h"
#include "wire/mqtt.h"

enum {
    LOOK_MOST = 4096,        /* data entries of one request */
    POINTS_MOST = 1000,
    LOOK_MS = 5,
    LATE_MS = 24 * 3600 * 1000, /* a reading may be recorded so long after it was measured: a gateway that was alone */
    TEXT_MOST = 256,
};

struct asked {
    struct service *s;
    struct reader reader;
    struct arena *arena;
    char filter[MQTT_TOPIC_MAX + 1], field[FLAT_NAME_MAX + 1];
    int64_t from_ms, to_ms, until_mono_ms;
    struct doc *points;
    uint64_t next;      /* where to go on */
    int64_t looked, unreadable;
    bool over;          /* behind the end: nothing more will come */
};

/* The first entry that is not older; the record is in order of its own clock. */
static outcome first_since(struct ledger *l, int64_t at_ms, uint64_t *ret)
{
    uint64_t low = 0, high = ledger_durable(l);
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 64);
    outcome o = DONE;
    while (ok(o) && low < high) {
        struct ledger_entry e;
        uint64_t mid = low + (high - low) / 2;
        o = ledger_read(l, mid, &b, &e);
        if (ok(o) && e.at_ms < at_ms) low = mid + 1;
        else high = mid;
    }
    buffer_deinit(&b);
    *ret = low;
    return o;
}

/* A number by its field ("v" and "value" where none is named), or the whole payload as one. */
static const struct flat_member *number_in(const struct flat *f, const char *field)
{
    static const char *const usual[] = { "v", "value" };
    const struct flat_member *m = *field ? flat_get(f, field) : NULL;
    for (size_t i = 0; !*field && !m && i < sizeof usual / sizeof *usual; i++) m = flat_get(f, usual[i]);
    return m && m->numeric ? m : NULL;
}

static void put_value(struct asked *a, struct doc *d, struct bytes payload, int64_t *measured_ms)
{
    struct flat f UNSET;
    int64_t milli;
    char text[TEXT_MOST + 1];
    if (!*a->field && ok(flat_decimal(payload, &milli))) {
        doc_set_int(a->arena, d, "milli", milli);
        return;
    }
    bool flat = ok(flat_read(payload, &f));
    const struct flat_member *m = flat ? number_in(&f, a->field) : NULL, *t = flat ? flat_get(&f, "t") : NULL, *u = flat ? flat_get(&f, "u") : NULL;
    if (t && t->numeric && t->milli > 0) *measured_ms = t->milli / 1000;
    if (m) doc_set_int(a->arena, d, "milli", m->milli);
    if (u && u->kind == FLAT_TEXT && bytes_is_utf8(u->text) && ok(bytes_to_text(u->text, text, sizeof text))) doc_set_text(a->arena, d, "unit", text);
    if (m || *a->field || payload.n > TEXT_MOST || !bytes_is_utf8(payload) || !ok(bytes_to_text(payload, text, sizeof text))) return;
    doc_set_text(a->arena, d, "text", text);
}

static void put_point(struct asked *a, const struct ledger_entry *e, const struct data *data, bool reduced)
{
    char topic[MQTT_TOPIC_MAX + 1];
    struct doc *d = doc_map(a->arena);
    int64_t measured = e->at_ms;
    if (!d || !ok(bytes_to_text(data->topic, topic, sizeof topic))) return;
    put_value(a, d, data->payload, &measured);
    if (measured < a->from_ms || measured > a->to_ms) return;
    doc_set_int(a->arena, d, "index", (int64_t)e->index);
    doc_set_text(a->arena, d, "topic", topic);
    doc_set_int(a->arena, d, "ms", measured);
    doc_set_int(a->arena, d, "recorded_ms", reduced ? measured : e->at_ms); /* no finer than what he is told of the time */
    if (reduced) doc_set_bool(a->arena, d, "reduced", true);
    if (data->flags & DATA_FLAGGED) doc_set_bool(a->arena, d, "flagged", true);
    doc_add(a->points, d);
}

static outcome look(void *ctx, const struct ledger_entry *e)
{
    struct asked *a = ctx;
    struct data data;
    char from[ID_MAX];
    a->next = e->index;
    a->over = e->at_ms > a->to_ms + LATE_MS;
    if (a->over || ++a->looked >= LOOK_MOST || a->points->count >= POINTS_MOST) return REFUSE(E_FULL);
    if ((a->looked & 63) == 0 && a->s->port.mono_ms(a->s->port.ctx) >= a->until_mono_ms) return REFUSE(E_FULL);
    a->next++;
    if (e->pruned || e->erased) a->unreadable++;
    if (e->pruned || e->erased || !ok(data_read(e->payload, &data))) return DONE;
    if (!mqtt_matches(bytes_str(a->filter), data.topic) || !ok(bytes_to_text(data.from, from, sizeof from))) return DONE;
    struct message m = { .from = registry_identity(a->s->port.registry, from), .topic = data.topic, .payload = data.payload }, shown;
    if (!reader_sees(a->s, &a->reader, &m, true, &shown)) return DONE;
    bool reduced = shown.payload.at != m.payload.at;
    data.payload = shown.payload;
    put_point(a, e, &data, reduced);
    return DONE;
}

static outcome text_of(struct request *q, const char *name, char *ret, size_t size)
{
    struct bytes b = http_query(q->http, name);
    ret[0] = 0;
    return b.n ? http_decode(b, ret, size) : DONE;
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

/* GET /api/v1/history?topic=FILTER&from=TIME&to=TIME[&field=NAME][&after=INDEX] -> {"points":[...],"next":INDEX,"more":BOOL,
 * "unreadable":N}: N entries of the piece, of whatever topic, were given up. */
outcome get_history(struct service *s, struct request *q)
{
    char after[24];
    struct asked a = { .s = s, .reader = reader_of(q), .arena = &q->arena, .points = doc_list(&q->arena) };
    const char *wrong = asked_read(q, &a, after);
    if (wrong) return answer_problem(q, 400, "SK-1401", wrong, NULL);
    if (*after) TRY(number_of(after, &a.next));
    else TRY(first_since(s->port.ledger, a.from_ms, &a.next));
    a.until_mono_ms = s->port.mono_ms(s->port.ctx) + LOOK_MS;
    outcome o = a.next < ledger_durable(s->port.ledger) ? ledger_scan(s->port.ledger, a.next, CLASS_DATA, look, &a) : DONE;
    if (!ok(o) && o.code != E_FULL) return o;
    struct doc *d = doc_map(&q->arena);
    doc_set(&q->arena, d, "points", a.points);
    doc_set_int(&q->arena, d, "next", (int64_t)a.next);
    doc_set_bool(&q->arena, d, "more", o.code == E_FULL && !a.over);
    doc_set_int(&q->arena, d, "unreadable", a.unreadable);
    return answer_doc(q, d);
}
