/* Assurance's facade: its life, what exists, facts and time. See state.h for who owns what. */
#include "assurance/assess_parts.h"
#include "assurance/state.h"

outcome assurance_new(const struct assurance_port *port, struct assurance **ret)
{
    struct assurance *a = mem_new(sizeof *a);
    if (!a) return REFUSE(E_MEMORY);
    a->port = *port;
    a->written = MAP;
    a->asset_index = MAP;
    a->picture = mem_new(sizeof *a->picture);
    a->cap_events = EVENTS_AT_START;
    a->events = mem_new_array(a->cap_events, sizeof *a->events);
    a->cases = mem_new_array(DECISIONS_MAX, sizeof *a->cases);
    a->references = mem_new_array(REFERENCES_MAX, sizeof *a->references);
    bool whole = a->picture && a->events && a->cases && a->references;
    outcome o = whole ? evidence_new(&a->evidence) : REFUSE(E_MEMORY);
    if (ok(o)) o = limits_init(&a->limits);
    if (!ok(o)) {
        assurance_free(a);
        return o;
    }
    *ret = a;
    return DONE;
}

static void lists_free(struct assurance *a)
{
    for (size_t i = 0; i < a->n_assets; i++) mem_free(a->assets[i]);
    for (size_t i = 0; i < a->n_cases; i++) {
        mem_free(a->cases[i]->inputs);
        mem_free(a->cases[i]);
    }
    for (size_t i = 0; i < a->n_references; i++) {
        arena_deinit(&a->references[i]->arena);
        mem_free(a->references[i]);
    }
    struct bytes key;
    void *value;
    for (size_t at = 0; map_next(&a->written, &at, &key, &value);) mem_free(value);
    map_deinit(&a->written);
    map_deinit(&a->asset_index);
    mem_free(a->assets);
    mem_free(a->streams);
    drafts_free(a);
    mem_free(a->cases);
    mem_free(a->references);
    mem_free(a->promises);
    arena_deinit(&a->published.arena);
}

void assurance_free(struct assurance *a)
{
    if (!a) return;
    lists_free(a);
    limits_deinit(&a->limits);
    evidence_free(a->evidence);
    charter_deinit(&a->charter);
    arena_deinit(&a->model_arena);
    mem_free(a->model);
    assess_live_free(a->live);
    mem_free(a->picture);
    mem_free(a->events);
    mem_free(a->notes);
    mem_free(a);
}

bool entry_write(struct assurance *a, unsigned kind, const struct doc *d, bool durable)
{
    bool good = d && ok(a->port.write(a->port.ctx, kind, d, durable));
    a->write_failed = !good;
    return good;
}

void say(struct assurance *a, const char *event, const struct doc *d)
{
    if (a->port.tell && d && a->started) a->port.tell(a->port.ctx, event, d);
}

struct condition_world world_of(const struct assurance *a, int64_t now_ms)
{
    return (struct condition_world) { a->model, a->evidence, a->events, a->n_events, now_ms };
}

void events_refresh(struct assurance *a)
{
    a->events_dirty = false;
    size_t n = evidence_events(a->evidence, a->events, a->cap_events);
    if (n > a->cap_events) {
        struct evidence_event *more = mem_grow(a->events, n * 2 * sizeof *more);
        if (more) {
            a->events = more;
            a->cap_events = n * 2;
            n = evidence_events(a->evidence, a->events, a->cap_events);
        }
    }
    a->n_events = n < a->cap_events ? n : a->cap_events;
}

/* Puts one new event in its place; the turn refreshes the whole list. */
static void event_insert(struct assurance *a, const struct fact *f)
{
    struct evidence_event e = { .at_ms = f->at_ms };
    size_t low = 0, high = a->n_events;
    memcpy(e.control, f->control, sizeof e.control);
    memcpy(e.asset, f->asset, sizeof e.asset);
    memcpy(e.detail, f->detail, sizeof e.detail);
    if (a->n_events == a->cap_events) {
        events_refresh(a);
        return;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(a->events[middle].asset, e.asset) < 0) low = middle + 1;
        else high = middle;
    }
    memmove(a->events + low + 1, a->events + low, (a->n_events - low) * sizeof e);
    a->events[low] = e;
    a->n_events++;
    a->events_dirty = true;
}

struct asset *asset_find(const struct assurance *a, const char *id)
{
    return map_get(&a->asset_index, bytes_str(id));
}

static MUST outcome asset_add(struct assurance *a, const char *id, struct asset **ret)
{
    if (a->n_assets == a->cap_assets) {
        size_t cap = a->cap_assets ? a->cap_assets * 2 : 64;
        struct asset **more = mem_grow(a->assets, cap * sizeof(struct asset *));
        if (!more) return REFUSE(E_MEMORY);
        a->assets = more;
        a->cap_assets = cap;
    }
    struct asset *one = mem_new(sizeof *one);
    if (!one) return REFUSE(E_MEMORY);
    outcome o = bytes_to_text(bytes_str(id), one->id, sizeof one->id);
    if (ok(o)) o = map_put(&a->asset_index, bytes_str(id), one);
    if (!ok(o)) {
        mem_free(one);
        return o;
    }
    a->assets[a->n_assets++] = one;
    *ret = one;
    return DONE;
}

outcome assurance_asset(struct assurance *a, const char *id, const char *group, bool present)
{
    char text[MODEL_ID];
    if (!id[0]) return REFUSE(E_RANGE);
    TRY(bytes_to_text(bytes_str(group), text, sizeof text));
    struct asset *one = asset_find(a, id);
    if (one ? one->present == present && strcmp(one->group, text) == 0 : !present) return DONE; /* nothing new */
    if (!one) TRY(asset_add(a, id, &one));
    TRY(evidence_asset(a->evidence, id, group, present));
    memcpy(one->group, text, sizeof one->group);
    one->present = present;
    if (!a->started) return DONE;
    events_refresh(a);
    a->sweep_due_ms = a->sweep_due_ms ? a->sweep_due_ms : 1; /* at the next turn */
    figures_due(a, 1, "asset");
    return DONE;
}

outcome assurance_stream(struct assurance *a, const char *name, const char *pattern, bool command)
{
    struct stream_name one = { .command = command };
    TRY(bytes_to_text(bytes_str(name), one.name, sizeof one.name));
    TRY(bytes_to_text(bytes_str(pattern), one.pattern, sizeof one.pattern));
    for (size_t i = 0; i < a->n_streams; i++) {
        if (strcmp(a->streams[i].name, name) != 0) continue;
        bool same = strcmp(a->streams[i].pattern, pattern) == 0 && a->streams[i].command == command;
        a->streams[i] = one;
        a->rules_due = a->rules_due || !same;
        return DONE;
    }
    if (a->n_streams == a->cap_streams) {
        size_t cap = a->cap_streams ? a->cap_streams * 2 : 16;
        struct stream_name *more = mem_grow(a->streams, cap * sizeof *more);
        if (!more) return REFUSE(E_MEMORY);
        a->streams = more;
        a->cap_streams = cap;
    }
    a->streams[a->n_streams++] = one;
    a->rules_due = true;
    return DONE;
}

outcome assurance_start(struct assurance *a, int64_t now_ms)
{
    a->started = true;
    events_refresh(a);
    cases_expire(a, now_ms);
    rules_build(a, now_ms);
    judge_all(a, now_ms);
    limits_hand_over(a);
    figures_compute(a, now_ms, "start");
    return DONE;
}

static const char *const result_words[FACT_RESULTS] = { "none", "pass", "fail", "error" };

static struct bytes written_key(struct out *o, const struct fact *f)
{
    put_str(o, f->control);
    put_u8(o, 0x1f);
    put_str(o, f->asset);
    put_u8(o, 0x1f);
    put_u8(o, (uint8_t)f->method);
    return out_view(o);
}

/* The record's own memory of what it holds: NULL when memory is out. */
static struct written *written_of(struct assurance *a, const struct fact *f)
{
    uint8_t text[FACT_CONTROL_MAX + FACT_ASSET_MAX + 8];
    struct out o = out_of(text, sizeof text);
    struct bytes key = written_key(&o, f);
    struct written *w = map_get(&a->written, key);
    if (w) return w;
    w = mem_new(sizeof *w);
    if (w && !ok(map_put(&a->written, key, w))) {
        mem_free(w);
        w = NULL;
    }
    return w;
}

/* An entry for every change of result, and often enough that a restart finds a pass still fresh. */
static bool worth_writing(const struct assurance *a, const struct fact *f, const struct written *w)
{
    if (w->at_ms == 0 || w->result != f->result || w->confirmed != f->confirmed) return true;
    size_t at = a->model ? model_control(a->model, f->control) : SIZE_MAX;
    int64_t fresh = at != SIZE_MAX ? a->model->controls[at].fresh_ms : MS_DAY;
    return f->at_ms - w->at_ms >= fresh / 4;
}

static struct doc *evidence_entry(const struct fact *f, struct arena *arena)
{
    struct doc *d = doc_map(arena);
    doc_set_text(arena, d, "type", "evidence");
    doc_set_text(arena, d, "control", f->control);
    doc_set_text(arena, d, "asset", f->asset);
    doc_set_text(arena, d, "result", result_words[f->result]);
    doc_set_text(arena, d, "method", fact_method_word(f->method));
    doc_set_bool(arena, d, "confirmed", f->confirmed);
    doc_set_time(arena, d, "at", f->at_ms);
    doc_set_text(arena, d, "detail", f->detail);
    return d;
}

static void evidence_write(struct assurance *a, const struct fact *f, bool changed)
{
    struct written *w = written_of(a, f);
    if (w && !changed && !worth_writing(a, f, w)) return;
    struct arena arena = ARENA(65536);
    if (entry_write(a, ENTRY_EVIDENCE, evidence_entry(f, &arena), false) && w)
        *w = (struct written) { f->result, f->confirmed, f->at_ms };
    arena_deinit(&arena);
}

static MUST outcome words_read(const struct doc *d, struct fact *f)
{
    unsigned r = 0, m = 0;
    while (r < FACT_RESULTS && strcmp(doc_text(d, "result", ""), result_words[r]) != 0) r++;
    while (m < FACT_METHODS && strcmp(doc_text(d, "method", ""), fact_method_word((enum fact_method)m)) != 0) m++;
    if (r == FACT_RESULTS || m == FACT_METHODS) return REFUSE(E_MALFORMED);
    f->result = (enum fact_result)r;
    f->method = (enum fact_method)m;
    return DONE;
}

outcome evidence_entry_apply(struct assurance *a, const struct doc *d, int64_t at_ms)
{
    struct fact f = { .authenticated = true, .confirmed = doc_bool(d, "confirmed", false) };
    struct evidence_change change;
    TRY(bytes_to_text(bytes_str(doc_text(d, "control", "")), f.control, sizeof f.control));
    TRY(bytes_to_text(bytes_str(doc_text(d, "asset", "")), f.asset, sizeof f.asset));
    TRY(bytes_to_text(bytes_str(doc_text(d, "detail", "")), f.detail, sizeof f.detail));
    TRY(words_read(d, &f));
    TRY(document_time(d, "at", &f.at_ms));
    struct written *w = written_of(a, &f);
    if (w) *w = (struct written) { f.result, f.confirmed, f.at_ms };
    if (strcmp(f.control, CONTAIN_CONTROL) == 0) {
        evidence_contain(a->evidence, f.asset, f.at_ms);
        return DONE;
    }
    /* The entry's own time may be a little before the fact's: the record, not the clock, is right here. */
    return evidence_fact(a->evidence, &f, at_ms > f.at_ms ? at_ms : f.at_ms, &change);
}

static void tell_events(struct assurance *a, const struct fact *f, bool open)
{
    struct evidence_event e = { .at_ms = f->at_ms };
    memcpy(e.control, f->control, sizeof e.control);
    memcpy(e.asset, f->asset, sizeof e.asset);
    memcpy(e.detail, f->detail, sizeof e.detail);
    struct arena arena = ARENA(65536);
    struct doc *d = view_event(a, &e, &arena);
    doc_set_bool(&arena, d, "open", open);
    say(a, "event", d);
    arena_deinit(&arena);
}

static void contain(struct assurance *a, const struct fact *f, int64_t now_ms)
{
    evidence_contain(a->evidence, f->asset, f->at_ms);
    events_refresh(a);
    if (!a->started) return;
    evidence_write(a, f, true);
    tell_events(a, f, false);
    figures_due(a, now_ms + COALESCE_MS, "fact");
}

void fact_take(struct assurance *a, const struct fact *in, int64_t now_ms)
{
    struct fact f = *in;
    struct evidence_change change;
    if (f.at_ms > now_ms || f.at_ms <= 0) f.at_ms = now_ms;
    if (f.authenticated && strcmp(f.control, CONTAIN_CONTROL) == 0) {
        contain(a, &f, now_ms);
        return;
    }
    if (!ok(evidence_fact(a->evidence, &f, now_ms, &change)) || !f.authenticated) return;
    if (change.cleared) events_refresh(a);
    else if (change.event) event_insert(a, &f);
    if (!a->started) return;
    judge_fact(a, &f, change.adverse, now_ms); /* tighten: apply, then write */
    evidence_write(a, &f, change.changed || change.event || change.cleared);
    if (change.event || change.cleared) tell_events(a, &f, change.event);
    if (change.adverse && now_ms - a->computed_ms >= COALESCE_MS) figures_compute(a, now_ms, "fact");
    else if (change.changed) figures_due(a, now_ms + COALESCE_MS, "fact");
    else if (change.refreshed) figures_due(a, now_ms + FRESHEN_MS, "time");
}

void assurance_fact(struct assurance *a, const struct fact *f, int64_t now_ms)
{
    assert(memchr(f->control, 0, sizeof f->control) && memchr(f->asset, 0, sizeof f->asset)
        && memchr(f->detail, 0, sizeof f->detail));
    if ((unsigned)f->result >= FACT_RESULTS || (unsigned)f->method >= FACT_METHODS) return;
    fact_take(a, f, now_ms);
}

static int64_t sooner(int64_t a, int64_t b)
{
    if (a == 0) return b;
    return b == 0 || a < b ? a : b;
}

int assurance_turn(struct assurance *a, int64_t now_ms)
{
    if (!a->started) return 1000;
    if (a->events_dirty) events_refresh(a);
    bool over = cases_expire(a, now_ms);
    if (over || a->rules_due) rules_build(a, now_ms);
    bool time_up = a->sweep_at_ms && now_ms >= a->sweep_at_ms;
    bool facts_up = a->sweep_due_ms && now_ms >= a->sweep_due_ms;
    if (over || a->rules_due || time_up || facts_up) judge_all(a, now_ms);
    a->rules_due = false;
    declarations_expire(a, now_ms);
    judge_loosen(a, now_ms);
    figures_turn(a, now_ms);
    int64_t next = sooner(sooner(judge_next(a), figures_next(a)), sooner(a->sweep_at_ms, a->sweep_due_ms));
    int64_t wait = next ? next - now_ms : 1000;
    if (a->write_failed && wait < 100) wait = 100; /* the record refuses: no use in asking at once */
    return wait < 0 ? 0 : wait > 1000 ? 1000 : (int)wait;
}
