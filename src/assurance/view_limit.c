/* What people see of limits, events and decisions: finished words, no judgement left to the reader. */
#include "assurance/state.h"

#include <stdio.h>
#include <stdlib.h>

void set_both(struct arena *arena, struct doc *d, const char *key, const char *ja, const char *en)
{
    char name[48];
    (void)snprintf(name, sizeof name, "%s_ja", key);
    doc_set_text(arena, d, name, ja);
    (void)snprintf(name, sizeof name, "%s_en", key);
    doc_set_text(arena, d, name, en);
}

static const struct { const char *verb_ja, *verb_en, *withholds_ja, *withholds_en; } mode_rows[LIMIT_MODES] = {
    [LIMIT_NONE] = { "", "", "", "" },
    [LIMIT_FLAG] = { "データに注意の印を付けて通します", "its messages pass with a flag",
        "何も止めません。通すデータに注意の印を付けます。", "Nothing is withheld; messages pass with a flag." },
    [LIMIT_HOLD] = { "指令を承認待ちで保留します", "its commands are held for release by two people",
        "指令を、二人が承認するまで保留します。安全側の指令、計測値、警報、現地の制御は止めません。",
        "Commands wait until two people release them. Safe-direction commands, readings, alarms and local control "
        "pass." },
    [LIMIT_SAFE] = { "安全側の指令だけを通します", "only its safe-direction commands pass",
        "安全側でない指令を断ります。安全側の指令、計測値、警報、現地の制御は止めません。",
        "Commands other than safe-direction ones are refused. Safe-direction commands, readings, alarms and local "
        "control pass." },
    [LIMIT_DENY] = { "指令を断ります", "its commands are refused",
        "指令を断ります。安全側の指令、警報、現地の制御は止めません。",
        "Commands are refused. Safe-direction commands, alarms and local control pass." },
};

/* The condition's own name in the model, else the words of its text. */
static void condition_words(const struct assurance *a, size_t at, const char **ja, const char **en)
{
    const struct limit_note *n = &a->limits.notes[at];
    *ja = *en = a->limits.rows[at].condition;
    if (strcmp(n->condition_id, LIMITS_EXPIRED) == 0) {
        *ja = "判断が有効であること";
        *en = "the decision is in force";
    }
    size_t i = a->model ? model_condition(a->model, n->condition_id) : SIZE_MAX;
    if (i == SIZE_MAX) return;
    if (a->model->conditions[i].name.ja[0]) *ja = a->model->conditions[i].name.ja;
    if (a->model->conditions[i].name.en[0]) *en = a->model->conditions[i].name.en;
}

static const char *subject_of(const struct assurance *a, const struct limit *row)
{
    if (row->device[0]) return row->device;
    const struct stream_name *s = stream_find(a, row->stream);
    return s ? s->name : row->stream;
}

static void text_set(const struct assurance *a, size_t at, struct arena *arena, struct doc *d)
{
    const struct limit *row = &a->limits.rows[at];
    const struct limit_note *n = &a->limits.notes[at];
    const char *ja, *en, *subject = subject_of(a, row);
    char because_ja[300] = "", because_en[300] = "", text_ja[800], text_en[800];
    condition_words(a, at, &ja, &en);
    if (n->cause.control[0]) {
        (void)snprintf(because_ja, sizeof because_ja, "（%s %s%s%s）", n->cause.control,
            evidence_state_word_ja(n->cause.result), n->cause.detail[0] ? "：" : "", n->cause.detail);
        (void)snprintf(because_en, sizeof because_en, " (%s %s%s%s)", n->cause.control,
            evidence_state_word(n->cause.result), n->cause.detail[0] ? ": " : "", n->cause.detail);
    }
    if (n->good_since_ms) {
        (void)snprintf(text_ja, sizeof text_ja, "%s：条件「%s」は元に戻りました。解除までは%s。", subject, ja,
            mode_rows[row->mode].verb_ja);
        (void)snprintf(text_en, sizeof text_en, "%s: \"%s\" holds again; until the limit is loosened, %s.", subject, en,
            mode_rows[row->mode].verb_en);
    } else {
        (void)snprintf(text_ja, sizeof text_ja, "%s：条件「%s」を満たしていません%s。%s%s。", subject, ja, because_ja,
            mode_rows[row->mode].verb_ja, row->enforced ? "" : "（見守り中のため実際には制限していません）");
        (void)snprintf(text_en, sizeof text_en, "%s: \"%s\" does not hold%s; %s%s.", subject, en, because_en,
            mode_rows[row->mode].verb_en, row->enforced ? "" : " (observe mode: nothing is limited)");
    }
    set_both(arena, d, "text", text_ja, text_en);
    set_both(arena, d, "name", ja, en);
}

static void next_set(const struct limit *row, const struct limit_note *n, struct arena *arena, struct doc *d)
{
    if (!row->enforced)
        set_both(arena, d, "next", "原因を確かめてください。制限するには、三者の署名による判断が必要です。",
            "Find the cause. To limit, three people sign a decision that enforces it.");
    else if (strcmp(n->condition_id, LIMITS_EXPIRED) == 0)
        set_both(arena, d, "next", "判断の期限が切れました。新しい判断に三者が署名すると、この制限は終わります。",
            "The decision is over. This limit ends when three people sign a new one.");
    else if (!n->good_since_ms)
        set_both(arena, d, "next",
            "原因を取り除き、機器の再確認を受けてください。急ぐ指令は、二人の署名で1件ずつ通せます。",
            "Remove the cause and have the device attested again. An urgent command can be released by two people, "
            "one at a time.");
    else if (n->loosen == DECISION_LOOSEN_AUTO)
        set_both(arena, d, "next", "条件は元に戻りました。定めた時間を置いて自動で解除します。",
            "The condition holds again; the limit ends by itself after the agreed time.");
    else
        set_both(arena, d, "next", "条件は元に戻りました。二人の署名で解除できます。",
            "The condition holds again; two people may sign to end the limit.");
}

static const char *limit_state(const struct limit_note *n)
{
    if (!n->good_since_ms) return "broken";
    return n->loosen == DECISION_LOOSEN_AUTO ? "waiting" : "good";
}

static struct doc *cause_doc(const struct limit_cause *c, struct arena *arena)
{
    struct doc *d = doc_map(arena);
    doc_set_text(arena, d, "control", c->control);
    doc_set_text(arena, d, "asset", c->asset);
    doc_set_text(arena, d, "result", evidence_state_word(c->result));
    doc_set_text(arena, d, "method", c->at_ms ? fact_method_word(c->method) : "");
    doc_set_text(arena, d, "detail", c->detail);
    doc_set_time(arena, d, "at", c->at_ms);
    return d;
}

struct doc *view_limit(struct assurance *a, size_t at, int64_t now_ms, struct arena *arena)
{
    const struct limit *row = &a->limits.rows[at];
    const struct limit_note *n = &a->limits.notes[at];
    bool automatic = n->good_since_ms && n->loosen == DECISION_LOOSEN_AUTO && row->enforced;
    struct doc *d = doc_map(arena);
    doc_set_text(arena, d, "id", row->id);
    doc_set_bool(arena, d, "enforced", row->enforced);
    doc_set_text(arena, d, "mode", decision_mode_word(row->mode));
    doc_set_text(arena, d, "condition", row->condition);
    doc_set_text(arena, d, "condition_id", n->condition_id);
    doc_set_text(arena, d, "device", row->device);
    doc_set_text(arena, d, "stream", row->stream);
    doc_set_text(arena, d, "decision", row->decision);
    doc_set_time(arena, d, "since", row->since_ms);
    doc_set_time(arena, d, "until", row->until_ms == NO_END_MS ? 0 : row->until_ms);
    doc_set_text(arena, d, "state", limit_state(n));
    doc_set_time(arena, d, "good_since", n->good_since_ms);
    doc_set_time(arena, d, "loosen_at", automatic ? n->good_since_ms + n->dwell_ms : 0);
    doc_set_text(arena, d, "loosen_by", n->loosen == DECISION_LOOSEN_AUTO ? "auto" : "two");
    if (n->cause.control[0]) doc_set(arena, d, "cause", cause_doc(&n->cause, arena));
    text_set(a, at, arena, d);
    set_both(arena, d, "withholds", mode_rows[row->mode].withholds_ja, mode_rows[row->mode].withholds_en);
    next_set(row, n, arena, d);
    struct doc *weight = view_weight(a, at, now_ms, arena);
    if (weight) doc_set(arena, d, "weight", weight);
    return d;
}

/* Enforced first, then the older ones; by id at last, so that a replay shows the same order. */
static int by_weight(const void *x, const void *y, void *ctx)
{
    const struct limit_table *t = ctx;
    const struct limit *p = &t->rows[*(const size_t *)x], *q = &t->rows[*(const size_t *)y];
    if (p->enforced != q->enforced) return p->enforced ? -1 : 1;
    if (p->since_ms != q->since_ms) return p->since_ms < q->since_ms ? -1 : 1;
    size_t n = strlen(p->id), m = strlen(q->id);
    return n != m ? (n < m ? -1 : 1) : strcmp(p->id, q->id);
}

struct doc *view_limits(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    struct doc *list = doc_list(arena);
    size_t *order = arena_new(arena, (a->limits.n + 1) * sizeof *order);
    if (!order) return NULL;
    for (size_t i = 0; i < a->limits.n; i++) order[i] = i;
    qsort_r(order, a->limits.n, sizeof *order, by_weight, &a->limits);
    for (size_t i = 0; i < a->limits.n; i++) doc_add(list, view_limit(a, order[i], now_ms, arena));
    return list;
}

struct doc *assurance_limits(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    return view_limits(a, arena, now_ms);
}

/* --- events and what they put at stake --- */

struct doc *view_event(struct assurance *a, const struct evidence_event *e, struct arena *arena)
{
    struct doc *d = doc_map(arena);
    char ja[400], en[400];
    size_t at = a->model ? model_control(a->model, e->control) : SIZE_MAX;
    const char *name_ja = at != SIZE_MAX ? a->model->controls[at].name.ja : e->control;
    const char *name_en = at != SIZE_MAX ? a->model->controls[at].name.en : e->control;
    doc_set_text(arena, d, "id", e->asset);
    doc_set_text(arena, d, "group", a->model ? evidence_group(a->evidence, a->model, e->asset) : "");
    doc_set_text(arena, d, "control", e->control);
    doc_set_text(arena, d, "detail", e->detail);
    doc_set_time(arena, d, "since", e->at_ms);
    (void)snprintf(ja, sizeof ja, "%s：%s（%s）", e->asset, name_ja, e->detail);
    (void)snprintf(en, sizeof en, "%s: %s (%s)", e->asset, name_en, e->detail);
    set_both(arena, d, "text", ja, en);
    return d;
}

/* Distinct assets of events not yet contained; events come sorted by asset. */
static size_t loose_assets(const struct assurance *a, const char **ret, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_events && n < cap; i++) {
        if (a->events[i].contained || (n && strcmp(ret[n - 1], a->events[i].asset) == 0)) continue;
        ret[n++] = a->events[i].asset;
    }
    return n;
}

static int64_t buffer_hours(const struct model *m, const struct model_function *f)
{
    int64_t sum = 0;
    for (size_t i = 0; i < f->n_depends; i++) {
        size_t at = model_alternative(m, f->depends[i]);
        if (at != SIZE_MAX && strcmp(m->alternatives[at].kind, "buffer") == 0) sum += m->alternatives[at].hours_mille;
    }
    return sum;
}

static struct doc *stake_functions(const struct assurance *a, const struct assess_stake *s, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    for (size_t i = 0; i < s->n_functions; i++) {
        const struct model_function *f = &a->model->functions[s->functions[i]];
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "id", f->id);
        set_both(arena, d, "name", f->name.ja, f->name.en);
        set_both(arena, d, "minimum", f->minimum.ja, f->minimum.en);
        doc_set_int(arena, d, "households", f->customers);
        doc_set_int(arena, d, "hours_mille", buffer_hours(a->model, f));
        doc_add(list, d);
    }
    return list;
}

#define STAKE_ROWS_SHOWN 64

struct doc *view_stake(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    (void)now_ms;
    const char **assets = arena_new(arena, (a->n_events + 1) * sizeof *assets);
    size_t n = assets && a->model ? loose_assets(a, assets, a->n_events) : 0;
    if (n == 0) return NULL;
    struct assess_stake s = { 0 };
    struct sentence text = { "", "" };
    assess_at_stake(a->model, a->evidence, assets, n, &s);
    sentence_stake(a->model, &s, &text);
    struct doc *d = doc_map(arena), *rows = doc_list(arena);
    doc_set_int(arena, d, "hours_mille", s.buffer_hours_mille);
    doc_set_int(arena, d, "households", s.customers);
    doc_set_bool(arena, d, "worked_around", s.worked_around);
    doc_set_int(arena, d, "loss_yen", s.loss_yen);
    doc_set_int(arena, d, "count", (int64_t)n);
    set_both(arena, d, "text", text.ja, text.en);
    doc_set(arena, d, "functions", stake_functions(a, &s, arena));
    size_t shown = 0;
    for (size_t i = 0; i < a->n_events && shown < STAKE_ROWS_SHOWN; i++) {
        if (a->events[i].contained) continue;
        doc_add(rows, view_event(a, &a->events[i], arena));
        shown++;
    }
    doc_set(arena, d, "assets", rows);
    return d;
}
