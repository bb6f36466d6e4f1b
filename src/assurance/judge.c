/* Conditions -> limits. Tighten: the data's path first, then the record. Loosen: on disk first. */
#include "assurance/state.h"

static void judge_rule(const struct assurance *a, const struct rule *r, const char *subject, int64_t now_ms,
    struct condition_verdict *ret)
{
    struct condition_world w = world_of(a, now_ms);
    *ret = (struct condition_verdict) { .broken = r->expired };
    if (r->expired) return;
    if (r->condition.kind != CONDITION_TOLERANCE) {
        condition_judge(&r->condition, &w, subject[0] ? subject : r->stream_name, ret);
        return;
    }
    size_t mission = a->model ? model_mission(a->model, r->condition.scope) : SIZE_MAX;
    ret->broken = mission != SIZE_MAX && picture_of(a, mission) == PICTURE_OVER;
}

/* Does the filter leave room for this device? "sk/v1/<site>/<device>/...". */
static bool stream_meets(const char *filter, const char *device)
{
    struct bytes in = bytes_str(filter), level;
    for (int i = 0; i < 4; i++) {
        size_t n = 0;
        while (n < in.n && in.at[n] != '/') n++;
        if (!ok(take(&in, n, &level))) return true;
        if (i < 2 && !bytes_equal_str(level, i == 0 ? "sk" : "v1")) return true; /* a foreign layout: no device in it */
        if (bytes_equal_str(level, "#")) return true;
        if (i == 3) return bytes_equal_str(level, "+") || bytes_equal_str(level, device);
        if (!ok(take(&in, 1, &level))) return true;
    }
    return true;
}

static void cause_set(struct limit_note *n, const struct condition_verdict *v)
{
    memcpy(n->cause.control, v->control, sizeof n->cause.control);
    memcpy(n->cause.asset, v->asset, sizeof n->cause.asset);
    memcpy(n->cause.detail, v->row.detail, sizeof n->cause.detail);
    n->cause.result = v->row.state;
    n->cause.method = v->row.method;
    n->cause.at_ms = v->row.at_ms;
}

static void pend(struct assurance *a, struct limit_note *n, enum limit_event e)
{
    a->unwritten = true;
    /* A limit the record has not seen yet is still "applied" to it. */
    if (n->unwritten && n->pending == LIMIT_APPLIED) return;
    n->unwritten = true;
    n->pending = e;
}

static void row_from_rule(struct limit *row, struct limit_note *n, const struct rule *r)
{
    row->mode = r->mode;
    row->enforced = r->enforced;
    row->until_ms = r->until_ms;
    memcpy(row->decision, r->decision, sizeof row->decision);
    n->loosen = r->loosen;
    n->dwell_ms = r->dwell_ms;
}

static MUST outcome apply(struct assurance *a, const struct rule *r, const char *device,
    const struct condition_verdict *v, int64_t now_ms)
{
    struct limit row = { .since_ms = now_ms };
    struct limit_note note = { .unwritten = true, .pending = LIMIT_APPLIED };
    size_t at;
    if (r->expired) memcpy(row.condition, r->text, sizeof row.condition);
    else condition_name(&r->condition, r->text, device, row.condition);
    TRY(bytes_to_text(bytes_str(device), row.device, sizeof row.device));
    memcpy(row.stream, r->stream, sizeof row.stream);
    memcpy(note.condition_id, r->condition_id, sizeof note.condition_id);
    row_from_rule(&row, &note, r);
    cause_set(&note, v);
    TRY(limits_add(&a->limits, &row, &note, &at));
    if (!row.enforced) a->limits.observed_total++;
    a->unwritten = true;
    return DONE;
}

static bool weaker(const struct rule *r, const struct limit *row)
{
    return row->enforced && (!r->enforced || r->mode < row->mode);
}

static bool same(const struct rule *r, const struct limit *row, const struct limit_note *n)
{
    return r->mode == row->mode && r->enforced == row->enforced && r->until_ms == row->until_ms
        && strcmp(r->decision, row->decision) == 0 && r->loosen == n->loosen && r->dwell_ms == n->dwell_ms;
}

/* Another decision may now ask for another mode or end. What weakens is on disk before it counts: rows are
 * handed over only after this returns. */
static bool align(struct assurance *a, size_t at, const struct rule *r, int64_t now_ms)
{
    struct limit old_row = a->limits.rows[at];
    struct limit_note old_note = a->limits.notes[at];
    if (same(r, &old_row, &old_note)) return false;
    row_from_rule(&a->limits.rows[at], &a->limits.notes[at], r);
    if (!weaker(r, &old_row)) {
        pend(a, &a->limits.notes[at], LIMIT_CHANGED);
        return true;
    }
    struct arena arena = ARENA(65536);
    bool good = entry_write(a, ENTRY_LIMIT, limits_entry(&a->limits, at, LIMIT_CHANGED, now_ms, &arena), true);
    arena_deinit(&arena);
    if (good) return true;
    a->limits.rows[at] = old_row;
    a->limits.notes[at] = old_note;
    return false;
}

static void sweep_by(struct assurance *a, int64_t at_ms)
{
    if (at_ms && (a->sweep_at_ms == 0 || at_ms < a->sweep_at_ms)) a->sweep_at_ms = at_ms;
}

/* The table is full of single devices: the whole stream is limited instead. True when rows changed. */
static bool apply_wide(struct assurance *a, const struct rule *r, const struct condition_verdict *v, int64_t now_ms)
{
    size_t at = limits_find(&a->limits, r->condition_id, r->stream, "");
    if (at == SIZE_MAX) return ok(apply(a, r, "", v, now_ms));
    if (a->limits.notes[at].good_since_ms) pend(a, &a->limits.notes[at], LIMIT_BROKEN);
    a->limits.notes[at].good_since_ms = 0;
    return false;
}

/* True when rows changed. */
static bool judge_subject(struct assurance *a, const struct rule *r, const char *device, int64_t now_ms)
{
    struct condition_verdict v;
    judge_rule(a, r, device, now_ms, &v);
    if (v.changes_ms) sweep_by(a, v.changes_ms > now_ms ? v.changes_ms : now_ms + COALESCE_MS);
    size_t at = limits_find(&a->limits, r->condition_id, r->stream, device);
    if (at == SIZE_MAX) {
        if (!v.broken) return false;
        outcome o = apply(a, r, device, &v, now_ms);
        return o.code == E_FULL && device[0] ? apply_wide(a, r, &v, now_ms) : ok(o);
    }
    struct limit_note *n = &a->limits.notes[at];
    if (v.broken && n->good_since_ms) {
        n->good_since_ms = 0;
        cause_set(n, &v);
        pend(a, n, LIMIT_BROKEN);
    } else if (!v.broken && !n->good_since_ms) {
        n->good_since_ms = now_ms;
        pend(a, n, LIMIT_WAITING);
    }
    return align(a, at, r, now_ms);
}

void limits_hand_over(struct assurance *a)
{
    struct limits view = limits_view(&a->limits);
    view.places = a->places;
    view.n_places = a->n_places;
    view.last_place = a->last_place;
    view.places_epoch = a->places_epoch;
    if (a->port.limits) a->port.limits(a->port.ctx, &view);
}

static void tell_limit(struct assurance *a, size_t at, enum limit_event e, int64_t now_ms)
{
    struct arena arena = ARENA(262144);
    struct doc *d = view_limit(a, at, now_ms, &arena);
    doc_set_text(&arena, d, "event", limit_event_word(e));
    say(a, "limit", d);
    arena_deinit(&arena);
}

/* Writes one pending note; true when the record took it. */
static bool note_write(struct assurance *a, size_t at, int64_t now_ms)
{
    struct limit_note *n = &a->limits.notes[at];
    struct arena arena = ARENA(65536);
    enum limit_event e = n->pending;
    bool good = entry_write(a, ENTRY_LIMIT, limits_entry(&a->limits, at, e, now_ms, &arena), false);
    arena_deinit(&arena);
    if (!good) return false;
    n->unwritten = false;
    tell_limit(a, at, e, now_ms);
    return true;
}

static void pending_write(struct assurance *a, int64_t now_ms)
{
    if (!a->unwritten) return;
    a->unwritten = false;
    for (size_t i = 0; i < a->limits.n; i++) {
        if (!a->limits.notes[i].unwritten) continue;
        if (note_write(a, i, now_ms)) continue;
        a->unwritten = true; /* the record is in trouble: the limits stand, the next turn tries again */
        return;
    }
}

/* Writes `e` for every row `chosen` marks, the last durably, which makes all durable; then removes them. Nothing
 * is removed when the record did not take it. */
static bool remove_chosen(struct assurance *a, const uint8_t *chosen, enum limit_event e, int64_t now_ms)
{
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < a->limits.n; i++)
        if (chosen[i]) last = i;
    if (last == SIZE_MAX) return false;
    for (size_t i = 0; i <= last; i++) {
        if (!chosen[i]) continue;
        struct arena arena = ARENA(65536);
        bool good = entry_write(a, ENTRY_LIMIT, limits_entry(&a->limits, i, e, now_ms, &arena), i == last);
        arena_deinit(&arena);
        if (!good) return false;
    }
    for (size_t i = last + 1; i-- > 0;) {
        if (!chosen[i]) continue;
        tell_limit(a, i, e, now_ms);
        limits_remove(&a->limits, i); /* what moves here came from behind, and was dealt with */
    }
    return true;
}

/* Nothing asks for it any more: no rule, or only observed and good again. */
static bool is_over(const struct assurance *a, size_t at)
{
    const struct limit *row = &a->limits.rows[at];
    const struct limit_note *n = &a->limits.notes[at];
    if (!rule_find(a, n->condition_id, row->stream)) return true;
    return !row->enforced && n->good_since_ms;
}

static bool end_over(struct assurance *a, int64_t now_ms)
{
    if (a->limits.n == 0) return false;
    uint8_t *chosen = mem_new(a->limits.n);
    if (!chosen) return false; /* limits stay a while longer */
    for (size_t i = 0; i < a->limits.n; i++) chosen[i] = is_over(a, i);
    bool changed = remove_chosen(a, chosen, LIMIT_ENDED, now_ms);
    mem_free(chosen);
    return changed;
}

/* A limit of a device that left, or of a whole stream made when the table was full: good once no asset breaks it. */
static void judge_leftover(struct assurance *a, size_t at, int64_t now_ms)
{
    struct limit *row = &a->limits.rows[at];
    struct limit_note *n = &a->limits.notes[at];
    const struct rule *r = rule_find(a, n->condition_id, row->stream);
    if (!r || r->expired || !condition_per_asset(&r->condition) || n->good_since_ms) return;
    const struct asset *asset = asset_find(a, row->device);
    bool gone = row->device[0] && (!asset || !asset->present);
    bool wide_over = !row->device[0] && a->limits.n < LIMIT_MAX - LIMITS_WIDE_ROWS;
    if (!gone && !wide_over) return;
    n->good_since_ms = now_ms;
    pend(a, n, LIMIT_WAITING);
}

static bool judge_rule_all(struct assurance *a, const struct rule *r, int64_t now_ms)
{
    if (r->expired || !condition_per_asset(&r->condition)) return judge_subject(a, r, "", now_ms);
    struct condition_world w = world_of(a, now_ms);
    bool changed = false;
    for (size_t k = 0; k < a->n_assets; k++) {
        const struct asset *one = a->assets[k];
        if (!one->present || !condition_covers(&r->condition, &w, one->id) || !stream_meets(r->stream, one->id))
            continue;
        changed |= judge_subject(a, r, one->id, now_ms);
    }
    return changed;
}

void judge_all(struct assurance *a, int64_t now_ms)
{
    bool changed = false;
    if (!a->started) return; /* the record is still being read: start judges */
    a->sweep_at_ms = a->sweep_due_ms = 0;
    for (size_t i = 0; i < a->n_rules; i++) changed |= judge_rule_all(a, &a->rules[i], now_ms);
    for (size_t i = 0; i < a->limits.n; i++) judge_leftover(a, i, now_ms);
    if (changed) limits_hand_over(a);
    pending_write(a, now_ms);
    if (end_over(a, now_ms)) limits_hand_over(a);
}

void judge_fact(struct assurance *a, const struct fact *f, bool adverse, int64_t now_ms)
{
    struct condition_world w = world_of(a, now_ms);
    const struct asset *asset = asset_find(a, f->asset);
    bool changed = false, at_once = adverse && now_ms - a->wide_judged_ms >= WIDE_COALESCE_MS;
    if (at_once) a->wide_judged_ms = now_ms;
    for (size_t i = 0; i < a->n_rules; i++) {
        const struct rule *r = &a->rules[i];
        if (r->expired || !condition_concerns(&r->condition, f->control)) continue;
        if (!condition_per_asset(&r->condition)) {
            if (at_once) changed |= judge_subject(a, r, "", now_ms);
            else if (!a->sweep_due_ms) a->sweep_due_ms = now_ms + WIDE_COALESCE_MS;
            continue;
        }
        if (!asset || !asset->present || !condition_covers(&r->condition, &w, f->asset)) continue;
        if (stream_meets(r->stream, f->asset)) changed |= judge_subject(a, r, f->asset, now_ms);
    }
    if (changed) limits_hand_over(a);
    pending_write(a, now_ms);
}

void judge_figures(struct assurance *a, int64_t now_ms)
{
    bool changed = false;
    if (!a->started) return;
    for (size_t i = 0; i < a->n_rules; i++)
        if (!a->rules[i].expired && a->rules[i].condition.kind == CONDITION_TOLERANCE)
            changed |= judge_subject(a, &a->rules[i], "", now_ms);
    if (changed) limits_hand_over(a);
    pending_write(a, now_ms);
}

static bool may_loosen(const struct limit *row, const struct limit_note *n, int64_t now_ms)
{
    return row->enforced && n->good_since_ms && n->loosen == DECISION_LOOSEN_AUTO
        && now_ms >= n->good_since_ms + n->dwell_ms;
}

void judge_loosen(struct assurance *a, int64_t now_ms)
{
    bool any = false, over = false;
    if (a->unwritten) pending_write(a, now_ms);
    for (size_t i = 0; i < a->limits.n; i++) {
        any |= may_loosen(&a->limits.rows[i], &a->limits.notes[i], now_ms);
        over |= !a->limits.rows[i].enforced && a->limits.notes[i].good_since_ms;
    }
    bool changed = over && end_over(a, now_ms);
    uint8_t *chosen = any ? mem_new(a->limits.n + 1) : NULL;
    for (size_t i = 0; chosen && i < a->limits.n; i++)
        chosen[i] = may_loosen(&a->limits.rows[i], &a->limits.notes[i], now_ms);
    if (chosen) changed |= remove_chosen(a, chosen, LIMIT_LOOSENED, now_ms);
    mem_free(chosen);
    if (changed) limits_hand_over(a);
}

int64_t judge_next(const struct assurance *a)
{
    int64_t next = 0;
    for (size_t i = 0; i < a->limits.n; i++) {
        const struct limit_note *n = &a->limits.notes[i];
        if (!n->good_since_ms || !a->limits.rows[i].enforced || n->loosen != DECISION_LOOSEN_AUTO) continue;
        int64_t at = n->good_since_ms + n->dwell_ms;
        if (next == 0 || at < next) next = at;
    }
    for (size_t i = 0; i < a->n_cases; i++) {
        const struct case_file *c = a->cases[i];
        if (c->expired || c->superseded_by[0]) continue;
        if (next == 0 || c->decision.expires_ms < next) next = c->decision.expires_ms;
    }
    return next;
}
