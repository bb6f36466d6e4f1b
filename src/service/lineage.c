/* Where data is from: of a stream, what it is computed from and how; of an entry of the record, which entries it was made of. Who
 * may not read what an entry holds, whole or reduced, learns of it only that it was counted. */
#include "service/internal.h"

#include <stdio.h>

#include "ledger/data.h"
#include "platform/derived.h"
#include "platform/reduce.h"
#include "wire/mqtt.h"

enum { INPUTS_SHOWN = 100, LOOK_MOST = 20000 };

static void set_declared(struct service *s, struct arena *a, struct doc *d, const struct stream *t)
{
    char text[STREAM_SOURCE + ID_MAX];
    uint64_t entry;
    snprintf(text, sizeof text, "stream:%s", t->name);
    if (s->port.latest && ok(s->port.latest(s->port.ctx, text, &entry))) doc_set_int(a, d, "declared_in_entry", (int64_t)entry);
    snprintf(text, sizeof text, "%s:%d", t->source, t->line);
    if (t->source[0]) doc_set_text(a, d, "declared_at", text);
}

static struct doc *stream_doc(struct service *s, struct arena *a, const struct stream *t)
{
    struct doc *d = doc_map(a), *list = doc_list(a);
    char text[REDUCE_TEXT];
    doc_set_text(a, d, "stream", t->name);
    doc_set_text(a, d, "topic", t->pattern);
    doc_set_text(a, d, "label", label_word(label_of(t)));
    set_declared(s, a, d, t);
    for (size_t i = 0; i < t->n_reductions; i++) doc_add(list, doc_text_new(a, reduce_text(t, &t->reductions[i], text)));
    if (t->n_reductions) doc_set(a, d, "reductions", list);
    return d;
}

static struct doc *lineage_doc(struct service *s, struct arena *a, const struct stream *t)
{
    const struct derivation *v = &t->derive;
    struct doc *d = stream_doc(s, a, t), *inputs = doc_list(a);
    if (!v->how) return d;
    doc_set_text(a, d, "how", derive_word(v->how));
    if (v->how == DERIVE_REDUCED) {
        doc_set_text(a, d, "to", label_word((enum label)v->to));
    } else {
        doc_set_text(a, d, "field", v->field[0] ? v->field : "payload");
        doc_set_int(a, d, "every_s", v->every_s);
        doc_set_int(a, d, "at_least", v->at_least);
    }
    for (size_t i = 0; i < v->n; i++) {
        const struct stream *in = registry_stream_named(s->port.registry, v->from[i]);
        if (in) doc_add(inputs, stream_doc(s, a, in));
    }
    doc_set(a, d, "inputs", inputs);
    return d;
}

struct looking {
    struct service *s;
    struct reader reader;
    struct arena *arena;
    const struct stream *out;
    struct derived_inputs range;
    struct doc *list;
    int64_t looked, hidden;
};

static bool is_input(const struct looking *l, const struct stream *in)
{
    for (size_t i = 0; in && i < l->out->derive.n; i++)
        if (strcmp(l->out->derive.from[i], in->name) == 0) return true;
    return false;
}

/* A recorded message as whoever asks may see it; false: not, or not to be read any more. */
static bool sees(struct service *s, const struct reader *r, const struct ledger_entry *e, struct data *ret)
{
    char from[ID_MAX];
    struct message shown;
    if (e->kind != ENTRY_DATA || e->pruned || e->erased || !ok(data_read(e->payload, ret)) || !ok(bytes_to_text(ret->from, from, sizeof from))) return false;
    struct message m = { .from = registry_identity(s->port.registry, from), .topic = ret->topic, .payload = ret->payload };
    return reader_sees(s, r, &m, true, &shown);
}

static struct doc *entry_row(struct arena *a, const struct ledger_entry *e, const struct data *data)
{
    struct doc *d = doc_map(a);
    char *topic = arena_text(a, data->topic), *from = arena_text(a, data->from);
    doc_set_int(a, d, "entry", (int64_t)e->index);
    doc_set_time(a, d, "at", e->at_ms);
    doc_set_text(a, d, "topic", topic ? topic : "");
    doc_set_text(a, d, "from", from ? from : "");
    if (data->flags & DATA_FLAGGED) doc_set_bool(a, d, "flagged", true);
    return d;
}

static outcome look(void *ctx, const struct ledger_entry *e)
{
    struct looking *l = ctx;
    struct data data;
    if (e->index > l->range.last || l->list->count == INPUTS_SHOWN || ++l->looked > LOOK_MOST) return REFUSE(E_FULL);
    if (e->kind != ENTRY_DATA) return DONE;
    bool readable = !e->pruned && !e->erased && ok(data_read(e->payload, &data));
    if (readable && !is_input(l, registry_stream(l->s->port.registry, data.topic))) return DONE;
    if (readable && sees(l->s, &l->reader, e, &data)) doc_add(l->list, entry_row(l->arena, e, &data));
    else l->hidden++;
    return DONE;
}

/* The site's own words on a derived message; false: it is none. */
static bool derived_of(struct service *s, const struct data *d, const struct stream **ret, struct derived_inputs *in)
{
    struct mqtt_properties p;
    bool from = false;
    *ret = NULL;
    if (d->from.n || !(d->flags & DATA_PROPERTIES) || !ok(mqtt_read_list(d->properties, &p))) return false;
    for (size_t i = 0; i < p.users; i++) {
        char name[ID_MAX];
        if (bytes_equal_str(p.user[i].name, DERIVED_INPUTS)) from = ok(derived_inputs_read(p.user[i].value, in));
        if (bytes_equal_str(p.user[i].name, DERIVED_BY) && ok(bytes_to_text(p.user[i].value, name, sizeof name)))
            *ret = registry_stream_named(s->port.registry, name);
    }
    return from && *ret;
}

static outcome of_entry(struct service *s, struct request *q, uint64_t index)
{
    struct buffer b = BUFFER(8u << 20);
    struct ledger_entry e;
    struct data data;
    struct looking l = { .s = s, .reader = reader_of(q), .arena = &q->arena, .list = doc_list(&q->arena) };
    outcome o = ledger_read(s->port.ledger, index, &b, &e);
    if (ok(o) && !sees(s, &l.reader, &e, &data)) o = REFUSE(E_UNKNOWN);
    if (!ok(o)) {
        buffer_deinit(&b);
        return o;
    }
    struct doc *row = entry_row(&q->arena, &e, &data), *d;
    bool derived = derived_of(s, &data, &l.out, &l.range);
    const struct stream *t = derived ? l.out : registry_stream(s->port.registry, data.topic);
    buffer_deinit(&b);
    d = t ? lineage_doc(s, &q->arena, t) : doc_map(&q->arena);
    doc_set(&q->arena, d, "entry", row);
    if (!derived) return answer_doc(q, d);
    o = ledger_scan(s->port.ledger, l.range.first, CLASS_DATA, look, &l);
    if (!ok(o) && o.code != E_FULL) return o;
    doc_set_int(&q->arena, d, "first", (int64_t)l.range.first);
    doc_set_int(&q->arena, d, "last", (int64_t)l.range.last);
    doc_set_int(&q->arena, d, "n", (int64_t)l.range.n);
    doc_set_int(&q->arena, d, "left_out", (int64_t)l.range.left_out);
    doc_set_int(&q->arena, d, "hidden", l.hidden);
    doc_set_bool(&q->arena, d, "more", l.list->count == INPUTS_SHOWN || l.looked > LOOK_MOST);
    doc_set(&q->arena, d, "entries", l.list);
    return answer_doc(q, d);
}

/* GET /api/v1/lineage/STREAM or /ENTRY. */
outcome get_lineage(struct service *s, struct request *q)
{
    uint64_t index;
    const struct stream *t = registry_stream_named(s->port.registry, q->arg[0]);
    if (t) return answer_doc(q, lineage_doc(s, &q->arena, t));
    if (!ok(number_of(q->arg[0], &index)) || index >= ledger_durable(s->port.ledger)) return REFUSE(E_UNKNOWN);
    return of_entry(s, q, index);
}
