/* The yearly picture in time: when it is computed, what of it is written, and what reopens a case. */
#include "assurance/assess_parts.h"
#include "assurance/state.h"

#include <stdio.h>

static const struct { const char *word, *ja, *en; } picture_rows[PICTURES] = {
    [PICTURE_WITHIN] = { "within", "許容限度内", "within tolerance" },
    [PICTURE_NEAR] = { "near", "許容限度に接近", "near tolerance" },
    [PICTURE_OVER] = { "over", "許容限度超過", "over tolerance" },
    [PICTURE_UNKNOWN] = { "unknown", "未確認", "not confirmed" },
};

const char *picture_word(enum picture p) { return picture_rows[p].word; }
const char *picture_ja(enum picture p) { return picture_rows[p].ja; }
const char *picture_en(enum picture p) { return picture_rows[p].en; }

/* Nothing known at all is its own state, never drawn as good; a little known counts as it stands. */
enum picture picture_of(const struct assurance *a, size_t mission)
{
    if (!a->has_picture || !a->model || mission >= a->picture->n_missions) return PICTURE_UNKNOWN;
    const struct assess_mission *m = &a->picture->missions[mission];
    if (m->measured_mille + m->declared_mille == 0) return PICTURE_UNKNOWN;
    if (!m->within) return PICTURE_OVER;
    return m->used_mille > NEAR_MILLE ? PICTURE_NEAR : PICTURE_WITHIN;
}

size_t worst_mission(const struct assurance *a)
{
    static const int badness[PICTURES] = { [PICTURE_WITHIN] = 0, [PICTURE_UNKNOWN] = 1, [PICTURE_NEAR] = 2,
        [PICTURE_OVER] = 3 };
    size_t worst = SIZE_MAX;
    for (size_t i = 0; a->model && i < a->model->n_missions; i++) {
        if (worst == SIZE_MAX) {
            worst = i;
            continue;
        }
        int mine = badness[picture_of(a, i)], its = badness[picture_of(a, worst)];
        bool more = a->has_picture && a->picture->missions[i].used_mille > a->picture->missions[worst].used_mille;
        if (mine > its || (mine == its && more)) worst = i;
    }
    return worst;
}

const struct figure_note *figure_find(const struct assurance *a, const char *id)
{
    for (size_t i = a->n_notes; i-- > 0;)
        if (strcmp(a->notes[i].id, id) == 0) return &a->notes[i];
    return NULL;
}

const struct figure_line *figure_line_of(const struct figure_note *n, const char *mission)
{
    for (size_t i = 0; n && i < n->n_missions; i++)
        if (strcmp(n->missions[i].id, mission) == 0) return &n->missions[i];
    return NULL;
}

static uint32_t coverage_mille(const struct assurance *a)
{
    int64_t sum = 0, n = 0;
    for (size_t i = 0; i < a->model->n_controls; i++) {
        if (a->picture->coverage[i].assets == 0) continue;
        sum += a->picture->coverage[i].proven_ppb / 1000000;
        n++;
    }
    return n ? (uint32_t)(sum / n) : 0;
}

static void note_make(const struct assurance *a, int64_t now_ms, const char *cause, struct figure_note *ret)
{
    *ret = (struct figure_note) { .at_ms = now_ms, .coverage_mille = coverage_mille(a) };
    (void)snprintf(ret->id, sizeof ret->id, "A-%llu", (unsigned long long)(a->last_assessment + 1));
    (void)snprintf(ret->cause, sizeof ret->cause, "%s", cause);
    memcpy(ret->hash, a->picture->result_hash, sizeof ret->hash);
    memcpy(ret->model_hash, a->picture->model_hash, sizeof ret->model_hash);
    ret->n_missions = a->picture->n_missions;
    for (size_t i = 0; i < ret->n_missions; i++) {
        const struct assess_mission *m = &a->picture->missions[i];
        struct figure_line *l = &ret->missions[i];
        memcpy(l->id, a->model->missions[i].id, sizeof l->id);
        l->decision_yen = m->figure[RISK_DECISION].residual_yen;
        l->expected_yen = m->figure[RISK_EXPECTED].residual_yen;
        l->outage_ppb = m->figure[RISK_DECISION].outage_ppb;
        l->unknown_mille = m->default_mille;
        l->rank = m->rank;
        l->picture = picture_of(a, i);
    }
}

static outcome note_keep(struct assurance *a, const struct figure_note *n)
{
    if (a->n_notes == ASSESSMENTS_MAX) {
        memmove(a->notes, a->notes + 1, (a->n_notes - 1) * sizeof *a->notes);
        a->n_notes--;
    } else if (a->n_notes == a->cap_notes) {
        size_t cap = a->cap_notes ? a->cap_notes * 2 : 64;
        struct figure_note *more = mem_grow(a->notes, cap * sizeof *more);
        if (!more) return REFUSE(E_MEMORY);
        a->notes = more;
        a->cap_notes = cap;
    }
    a->notes[a->n_notes++] = *n;
    a->last_assessment++;
    a->written_ms = n->at_ms;
    return DONE;
}

static struct doc *summary_doc(const struct figure_note *n, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    for (size_t i = 0; i < n->n_missions; i++) {
        const struct figure_line *l = &n->missions[i];
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "id", l->id);
        doc_set_int(arena, d, "decision_yen", l->decision_yen);
        doc_set_int(arena, d, "expected_yen", l->expected_yen);
        doc_set_int(arena, d, "outages_decision_ppb", l->outage_ppb);
        doc_set_int(arena, d, "unknown_mille", l->unknown_mille);
        doc_set_int(arena, d, "rank", l->rank);
        doc_set_text(arena, d, "state", picture_word(l->picture));
        doc_add(list, d);
    }
    return list;
}

#define ASSESSMENT_BYTES_MAX (64u << 20)

static bool note_write(struct assurance *a, const struct figure_note *n)
{
    struct arena arena = ARENA(ASSESSMENT_BYTES_MAX);
    struct doc *d = assess_doc(a->model, a->evidence, a->picture, &arena);
    doc_set_text(&arena, d, "type", "assessment");
    doc_set_text(&arena, d, "id", n->id);
    doc_set_text(&arena, d, "cause", n->cause);
    doc_set_time(&arena, d, "at", n->at_ms);
    doc_set_int(&arena, d, "coverage_mille", n->coverage_mille);
    doc_set(&arena, d, "summary", summary_doc(n, &arena));
    bool good = entry_write(a, ENTRY_ASSESSMENT, d, false);
    arena_deinit(&arena);
    return good;
}

static MUST outcome line_read(const struct doc *d, struct figure_line *l)
{
    TRY(bytes_to_text(bytes_str(doc_text(d, "id", "")), l->id, sizeof l->id));
    l->decision_yen = doc_int(d, "decision_yen", 0);
    l->expected_yen = doc_int(d, "expected_yen", 0);
    l->outage_ppb = doc_int(d, "outages_decision_ppb", 0);
    l->unknown_mille = (uint32_t)doc_int(d, "unknown_mille", 0);
    l->rank = (int)doc_int(d, "rank", 0);
    l->picture = PICTURE_UNKNOWN;
    for (unsigned p = 0; p < PICTURES; p++)
        if (strcmp(doc_text(d, "state", ""), picture_rows[p].word) == 0) l->picture = (enum picture)p;
    return DONE;
}

static void inputs_keep(struct assurance *a, const struct assess_inputs *in)
{
    a->inputs[1] = a->inputs[0];
    a->inputs[0] = *in;
    if (a->n_inputs < 2) a->n_inputs++;
}

const struct assess_inputs *figure_inputs(const struct assurance *a, const char *id)
{
    for (unsigned i = 0; i < a->n_inputs && i < a->n_notes; i++)
        if (strcmp(a->notes[a->n_notes - 1 - i].id, id) == 0) return &a->inputs[i];
    return NULL;
}

void figures_forget(struct assurance *a)
{
    a->n_inputs = 0;
    for (size_t i = 0; i < a->n_cases; i++) {
        mem_free(a->cases[i]->inputs);
        a->cases[i]->inputs = NULL;
    }
}

static void inputs_replay(struct assurance *a, const struct doc *d, const char *model_hash)
{
    struct assess_inputs in = { 0 };
    if (a->model && strcmp(model_hash, a->model_hash) == 0 && ok(assess_inputs_read(doc_get(d, "results"), a->model, &in)))
        inputs_keep(a, &in);
    else
        a->n_inputs = 0; /* what moved since is not known then, and not shown */
}

static void inputs_written(struct assurance *a)
{
    struct assess_inputs in;
    memcpy(in.coverage, a->picture->coverage, sizeof in.coverage);
    memcpy(in.alternatives, a->picture->alternatives, sizeof in.alternatives);
    inputs_keep(a, &in);
}

outcome figures_replay(struct assurance *a, const struct doc *d)
{
    struct figure_note n = { .coverage_mille = (uint32_t)doc_int(d, "coverage_mille", 0) };
    TRY(bytes_to_text(bytes_str(doc_text(d, "id", "")), n.id, sizeof n.id));
    TRY(bytes_to_text(bytes_str(doc_text(d, "result_hash", "")), n.hash, sizeof n.hash));
    TRY(bytes_to_text(bytes_str(doc_text(d, "model_hash", "")), n.model_hash, sizeof n.model_hash));
    TRY(bytes_to_text(bytes_str(doc_text(d, "cause", "")), n.cause, sizeof n.cause));
    TRY(document_time(d, "at", &n.at_ms));
    const struct doc *list = doc_get(d, "summary");
    if (!list || list->kind != DOC_LIST || list->count > 20) return REFUSE(E_MALFORMED);
    for (const struct doc *m = list->first; m; m = m->next) TRY(line_read(m, &n.missions[n.n_missions++]));
    TRY(note_keep(a, &n));
    inputs_replay(a, d, n.model_hash);
    return DONE;
}

/* A worse or better word is written at once, and the first on another model (a decision may cite no other);
 * drifting figures a few times, then once a minute. */
static int64_t wait_ms(const struct assurance *a, const struct figure_note *n)
{
    if (a->n_notes == 0) return 0;
    const struct figure_note *last = &a->notes[a->n_notes - 1];
    if (last->n_missions != n->n_missions || strcmp(last->model_hash, n->model_hash) != 0) return 0;
    for (size_t i = 0; i < n->n_missions; i++)
        if (n->missions[i].picture != last->missions[i].picture) return 0;
    bool quiet = a->n_notes < 10 || a->notes[a->n_notes - 10].at_ms < n->at_ms - 10 * MS_MINUTE;
    int64_t due = a->written_ms + (quiet ? 2 * MS_S : MS_MINUTE);
    return due > n->at_ms ? due - n->at_ms : 0;
}

static void tell_figures(struct assurance *a, const char *cause, int64_t now_ms)
{
    struct arena arena = ARENA(65536);
    struct doc *d = doc_map(&arena);
    size_t worst = worst_mission(a);
    struct sentence s = { "", "" };
    if (worst != SIZE_MAX) sentence_outage(a->model, worst, &a->picture->missions[worst], &s);
    doc_set_text(&arena, d, "state", picture_word(picture_of(a, worst)));
    set_both(&arena, d, "sentence", s.ja, s.en);
    doc_set_time(&arena, d, "as_of", now_ms);
    doc_set_text(&arena, d, "cause", cause);
    say(a, "risk", d);
    arena_deinit(&arena);
}

static void tell_reopened(struct assurance *a, int64_t now_ms)
{
    for (size_t i = 0; i < a->n_cases; i++) {
        struct case_file *c = a->cases[i];
        if (c->superseded_by[0] || c->expired) continue;
        unsigned mask = reopenings(a, c);
        if (mask == c->reopened) continue;
        c->reopened = mask;
        struct arena arena = ARENA(262144);
        say(a, "decision", view_case(a, c, &arena, now_ms));
        arena_deinit(&arena);
    }
}

static void write_if_moved(struct assurance *a, int64_t now_ms, const char *cause)
{
    struct figure_note n;
    note_make(a, now_ms, cause, &n);
    const struct figure_note *last = a->n_notes ? &a->notes[a->n_notes - 1] : NULL;
    if (last && strcmp(last->hash, n.hash) == 0 && strcmp(last->model_hash, n.model_hash) == 0) return;
    int64_t wait = wait_ms(a, &n);
    if (wait > 0) {
        figures_due(a, now_ms + wait, cause);
        return;
    }
    if (!note_write(a, &n)) {
        figures_due(a, now_ms + MS_S, cause);
        return;
    }
    if (!ok(note_keep(a, &n))) {
        a->n_inputs = 0; /* the newest two are those of the newest two notes, or nothing is */
        return;
    }
    inputs_written(a);
    tell_figures(a, cause, now_ms);
}

void figures_compute(struct assurance *a, int64_t now_ms, const char *cause)
{
    if (!a->started) return;
    a->figure_due_ms = 0;
    a->computed_ms = now_ms;
    if (!a->model) return;
    outcome o = a->live ? DONE : assess_live_new(a->model, &a->live);
    if (ok(o)) o = assess_again(a->live, a->model_hash, a->evidence, now_ms, a->picture);
    if (!ok(o)) {
        a->has_picture = false; /* unknown is shown; nothing is loosened by it */
        return;
    }
    a->has_picture = true;
    judge_figures(a, now_ms);
    write_if_moved(a, now_ms, cause);
    tell_reopened(a, now_ms);
}

void figures_due(struct assurance *a, int64_t at_ms, const char *cause)
{
    if (a->figure_due_ms && a->figure_due_ms <= at_ms) return;
    a->figure_due_ms = at_ms;
    a->figure_cause = cause;
}

void figures_turn(struct assurance *a, int64_t now_ms)
{
    if (a->figure_due_ms && now_ms >= a->figure_due_ms) figures_compute(a, now_ms, a->figure_cause);
    else if (now_ms - a->computed_ms >= REFIGURE_MS) figures_compute(a, now_ms, "time");
}

int64_t figures_next(const struct assurance *a)
{
    int64_t regular = a->computed_ms + REFIGURE_MS;
    return a->figure_due_ms && a->figure_due_ms < regular ? a->figure_due_ms : regular;
}

unsigned reopenings(const struct assurance *a, const struct case_file *c)
{
    unsigned mask = a->n_events ? 1u << REOPEN_EVENT : 0;
    const struct figure_note *cited = figure_find(a, c->decision.assessment_id);
    const struct figure_line *then = figure_line_of(cited, c->decision.mission);
    size_t i = a->model ? model_mission(a->model, c->decision.mission) : SIZE_MAX;
    if (strcmp(c->model_hash, a->model_hash) != 0) mask |= 1u << REOPEN_MODEL;
    if (i == SIZE_MAX || !a->has_picture) return mask;
    const struct assess_mission *now = &a->picture->missions[i];
    enum picture p = picture_of(a, i), was = then ? then->picture : PICTURE_WITHIN;
    if (p == PICTURE_OVER && was != PICTURE_OVER) mask |= 1u << REOPEN_OVER;
    if (p == PICTURE_NEAR && was == PICTURE_WITHIN) mask |= 1u << REOPEN_NEAR;
    __int128 grown = (__int128)now->figure[RISK_DECISION].residual_yen * 5;
    if (grown >= (__int128)c->decision.decision_yen * 6 && grown > 0) mask |= 1u << REOPEN_ROSE;
    uint32_t unknown_was = then ? then->unknown_mille : 0; /* signed with more: then 10 points more */
    if (now->default_mille > (unknown_was > 200 ? unknown_was + 100 : 200)) mask |= 1u << REOPEN_UNKNOWN;
    if (cited && coverage_mille(a) + 100 <= cited->coverage_mille) mask |= 1u << REOPEN_COVERAGE;
    return mask;
}
