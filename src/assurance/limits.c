/* See limits.h. */
#include "assurance/limits.h"

static const char *const event_words[LIMIT_EVENT_COUNT] = {
#define X(name, word) [name] = word,
    LIMIT_EVENTS(X)
#undef X
};
static const char *const method_words[FACT_METHODS] = { "gate", "quote", "agent", "third-party", "peer",
    "declaration" };

const char *limit_event_word(enum limit_event e)
{
    return (unsigned)e < LIMIT_EVENT_COUNT ? event_words[e] : "?";
}

const char *fact_method_word(enum fact_method m)
{
    return (unsigned)m < FACT_METHODS ? method_words[m] : "?";
}

outcome limits_init(struct limit_table *t)
{
    *t = (struct limit_table) { .index = MAP };
    t->rows = mem_new_array(LIMIT_MAX, sizeof *t->rows);
    t->notes = mem_new_array(LIMIT_MAX, sizeof *t->notes);
    if (t->rows && t->notes) return DONE;
    limits_deinit(t);
    return REFUSE(E_MEMORY);
}

void limits_deinit(struct limit_table *t)
{
    mem_free(t->rows);
    mem_free(t->notes);
    map_deinit(&t->index);
    *t = (struct limit_table) { .index = MAP };
}

#define KEY_MAX (MODEL_ID + LIMIT_PATTERN_MAX + 64 + 8)
struct limit_key { char text[KEY_MAX]; };

/* Fields are joined by a byte that none of them may hold. */
static struct bytes key_of(struct limit_key *k, const char *condition_id, const char *stream, const char *device)
{
    struct out o = out_of(k->text, sizeof k->text);
    put_str(&o, condition_id);
    put_u8(&o, 0x1f);
    put_str(&o, stream);
    put_u8(&o, 0x1f);
    put_str(&o, device);
    return out_view(&o);
}

static struct bytes key_at(const struct limit_table *t, size_t at, struct limit_key *k)
{
    return key_of(k, t->notes[at].condition_id, t->rows[at].stream, t->rows[at].device);
}

size_t limits_find(const struct limit_table *t, const char *condition_id, const char *stream, const char *device)
{
    struct limit_key k;
    const void *found = map_get(&t->index, key_of(&k, condition_id, stream, device));
    return found ? (size_t)(uintptr_t)found - 1 : SIZE_MAX;
}

size_t limits_find_id(const struct limit_table *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].id, id) == 0) return i;
    return SIZE_MAX;
}

outcome limits_add(struct limit_table *t, const struct limit *row, const struct limit_note *note, size_t *ret_at)
{
    struct limit_key k;
    size_t cap = row->device[0] ? LIMIT_MAX - LIMITS_WIDE_ROWS : LIMIT_MAX;
    if (t->n >= cap) return REFUSE(E_FULL);
    t->rows[t->n] = *row;
    t->notes[t->n] = *note;
    struct limit *mine = &t->rows[t->n];
    if (!mine->id[0]) {
        struct out o = out_of(mine->id, sizeof mine->id - 1);
        put_fmt(&o, "L-%llu", (unsigned long long)(t->last_id + 1));
        mine->id[o.n] = '\0';
    }
    TRY(map_put(&t->index, key_at(t, t->n, &k), (void *)(uintptr_t)(t->n + 1)));
    if (!row->id[0]) t->last_id++;
    *ret_at = t->n++;
    return DONE;
}

void limits_remove(struct limit_table *t, size_t at)
{
    struct limit_key k;
    assert(at < t->n);
    (void)map_take(&t->index, key_at(t, at, &k));
    size_t last = --t->n;
    if (at == last) return;
    t->rows[at] = t->rows[last];
    t->notes[at] = t->notes[last];
    /* The key is there already: replacing its value allocates nothing. */
    outcome o = map_put(&t->index, key_at(t, at, &k), (void *)(uintptr_t)(at + 1));
    assert(ok(o));
}

struct limits limits_view(struct limit_table *t)
{
    return (struct limits) { t->rows, t->n, ++t->epoch };
}

static struct doc *cause_doc(const struct limit_cause *c, struct arena *a)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "control", c->control);
    doc_set_text(a, d, "asset", c->asset);
    doc_set_text(a, d, "result", evidence_state_word(c->result));
    doc_set_text(a, d, "method", c->at_ms ? fact_method_word(c->method) : "");
    doc_set_text(a, d, "detail", c->detail);
    doc_set_time(a, d, "at", c->at_ms);
    return d;
}

struct doc *limits_entry(const struct limit_table *t, size_t at, enum limit_event e, int64_t now_ms, struct arena *a)
{
    const struct limit *row = &t->rows[at];
    const struct limit_note *note = &t->notes[at];
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "type", "limit");
    doc_set_text(a, d, "id", row->id);
    doc_set_text(a, d, "event", event_words[e]);
    doc_set_time(a, d, "at", now_ms);
    doc_set_text(a, d, "condition", row->condition);
    doc_set_text(a, d, "condition_id", note->condition_id);
    doc_set_text(a, d, "device", row->device);
    doc_set_text(a, d, "stream", row->stream);
    doc_set_text(a, d, "mode", decision_mode_word(row->mode));
    doc_set_bool(a, d, "enforced", row->enforced);
    doc_set_text(a, d, "decision", row->decision);
    doc_set_time(a, d, "since", row->since_ms);
    doc_set_time(a, d, "until", row->until_ms);
    doc_set_time(a, d, "good_since", note->good_since_ms);
    doc_set_text(a, d, "loosen", note->loosen == DECISION_LOOSEN_AUTO ? "auto" : "two");
    doc_set_int(a, d, "dwell_ms", note->dwell_ms);
    doc_set(a, d, "cause", cause_doc(&note->cause, a));
    return d;
}

/* Times are "" for none. */
static MUST outcome optional_time(const struct doc *d, const char *key, int64_t *ret)
{
    *ret = 0;
    return doc_text(d, key, "")[0] ? document_time(d, key, ret) : DONE;
}

static MUST outcome copy(const struct doc *d, const char *key, char *ret, size_t size)
{
    return bytes_to_text(bytes_str(doc_text(d, key, "")), ret, size);
}

static MUST outcome cause_read(const struct doc *d, struct limit_cause *c)
{
    TRY(copy(d, "control", c->control, sizeof c->control));
    TRY(copy(d, "asset", c->asset, sizeof c->asset));
    TRY(copy(d, "detail", c->detail, sizeof c->detail));
    TRY(optional_time(d, "at", &c->at_ms));
    for (unsigned s = 0; s < EVIDENCE_STATES; s++)
        if (strcmp(doc_text(d, "result", ""), evidence_state_word((enum evidence_state)s)) == 0)
            c->result = (enum evidence_state)s;
    for (unsigned m = 0; m < FACT_METHODS; m++)
        if (strcmp(doc_text(d, "method", ""), method_words[m]) == 0) c->method = (enum fact_method)m;
    return DONE;
}

static MUST outcome entry_read(const struct doc *d, struct limit *row, struct limit_note *note)
{
    TRY(copy(d, "id", row->id, sizeof row->id));
    TRY(copy(d, "condition", row->condition, sizeof row->condition));
    TRY(copy(d, "device", row->device, sizeof row->device));
    TRY(copy(d, "stream", row->stream, sizeof row->stream));
    TRY(copy(d, "decision", row->decision, sizeof row->decision));
    TRY(copy(d, "condition_id", note->condition_id, sizeof note->condition_id));
    TRY(decision_mode_parse(doc_text(d, "mode", ""), &row->mode));
    row->enforced = doc_bool(d, "enforced", false);
    TRY(optional_time(d, "since", &row->since_ms));
    TRY(optional_time(d, "until", &row->until_ms));
    TRY(optional_time(d, "good_since", &note->good_since_ms));
    note->loosen = strcmp(doc_text(d, "loosen", ""), "auto") == 0 ? DECISION_LOOSEN_AUTO : DECISION_LOOSEN_TWO;
    note->dwell_ms = doc_int(d, "dwell_ms", 0);
    TRY(cause_read(doc_get(d, "cause"), &note->cause));
    return row->id[0] && note->condition_id[0] ? DONE : REFUSE(E_MALFORMED);
}

/* "L-17" -> 17, so that ids go on after a restart. */
static uint64_t number_of(const char *id)
{
    uint64_t v = 0;
    for (const char *c = id + (strncmp(id, "L-", 2) == 0 ? 2 : 0); *c >= '0' && *c <= '9'; c++)
        v = v * 10 + (uint64_t)(*c - '0');
    return v;
}

outcome limits_replay(struct limit_table *t, const struct doc *d, size_t *ret_at)
{
    struct limit row = { 0 };
    struct limit_note note = { 0 };
    const char *event = doc_text(d, "event", "");
    TRY(entry_read(d, &row, &note));
    size_t at = limits_find(t, note.condition_id, row.stream, row.device);
    uint64_t number = number_of(row.id);
    if (number > t->last_id) t->last_id = number;
    *ret_at = SIZE_MAX;
    if (strcmp(event, event_words[LIMIT_LOOSENED]) == 0 || strcmp(event, event_words[LIMIT_ENDED]) == 0) {
        if (at != SIZE_MAX) limits_remove(t, at);
        return DONE;
    }
    if (strcmp(event, event_words[LIMIT_APPLIED]) == 0 && !row.enforced) t->observed_total++;
    if (at == SIZE_MAX) return limits_add(t, &row, &note, ret_at);
    t->rows[at] = row;
    t->notes[at] = note;
    *ret_at = at;
    return DONE;
}
