/* What a mission's figure is made of, what moved it, what it hangs on, what could be done; tried inputs; the curve.
 * On a model of its own beside the live one, so that asking moves nothing. Nothing here is written. */
#include "assurance/insight.h"
#include "assurance/state.h"
#include "risk/curve.h"

#include <stdio.h>

static void inputs_now(const struct assurance *a, struct assess_inputs *ret)
{
    memcpy(ret->coverage, a->picture->coverage, sizeof ret->coverage);
    memcpy(ret->alternatives, a->picture->alternatives, sizeof ret->alternatives);
}

static size_t mission_of(const struct assurance *a, const char *id)
{
    if (!a->model || !a->has_picture) return SIZE_MAX;
    return id[0] ? model_mission(a->model, id) : worst_mission(a);
}

/* --- one answer: may it go on today, and on what does that hang --- */

static size_t limits_on(const struct assurance *a, const struct model_mission *m)
{
    size_t n = 0;
    for (size_t i = 0; i < a->limits.n; i++) {
        const struct case_file *c = case_find(a, a->limits.rows[i].decision);
        n += a->limits.rows[i].enforced && c && strcmp(c->decision.mission, m->id) == 0;
    }
    return n;
}

enum answer { ANSWER_YES, ANSWER_LIMITED, ANSWER_DECIDE, ANSWER_UNKNOWN };
static const struct { const char *word, *ja, *en; } answer_rows[] = {
    [ANSWER_YES] = { "yes", "はい。今日は運用できます", "Yes: today it can run" },
    [ANSWER_LIMITED] = { "limited", "はい。ただし制限つきです", "Yes, but under limits" },
    [ANSWER_DECIDE] = { "decide", "人の判断が要ります", "People must decide" },
    [ANSWER_UNKNOWN] = { "unknown", "まだ分かりません。確認結果がありません", "Not known yet: nothing is confirmed" },
};

static enum answer answer_of(const struct assurance *a, size_t mission, const struct case_file *c, size_t limits, int64_t now_ms)
{
    enum picture p = picture_of(a, mission);
    if (p == PICTURE_UNKNOWN) return ANSWER_UNKNOWN;
    if (p == PICTURE_OVER || !c || strcmp(case_state(a, c, now_ms), "expired") == 0) return ANSWER_DECIDE;
    return limits || a->n_events ? ANSWER_LIMITED : ANSWER_YES;
}

static void answer_set(struct assurance *a, size_t mission, struct arena *arena, struct doc *d, int64_t now_ms)
{
    const struct model_mission *m = &a->model->missions[mission];
    const struct case_file *c = case_of_mission(a, m->id);
    size_t limits = limits_on(a, m);
    enum answer is = answer_of(a, mission, c, limits, now_ms);
    enum picture p = picture_of(a, mission);
    char ja[600], en[600];
    unsigned used = a->picture->missions[mission].used_mille / 10;
    (void)snprintf(ja, sizeof ja, "%s（%s、限度の %u %% を使用）。実施中の制限 %zu 件、未解決の事案 %zu 件、%s。", answer_rows[is].ja,
        picture_ja(p), used, limits, a->n_events, c ? "判断（決裁）あり" : "判断（決裁）なし");
    (void)snprintf(en, sizeof en, "%s (%s, %u %% of it used). Limits in force: %zu; open events: %zu; %s.", answer_rows[is].en,
        picture_en(p), used, limits, a->n_events, c ? "a decision stands" : "no decision stands");
    doc_set_text(arena, d, "answer", answer_rows[is].word);
    set_both(arena, d, "answer", answer_rows[is].ja, answer_rows[is].en);
    set_both(arena, d, "answer_text", ja, en);
    doc_set_text(arena, d, "state", picture_word(p));
    set_both(arena, d, "state", picture_ja(p), picture_en(p));
}

/* --- the whole --- */

static void since_set(const struct assurance *a, const struct case_file *c, struct arena *arena, struct doc *d)
{
    if (a->n_notes > 1) {
        doc_set_text(arena, d, "moved_since", a->notes[a->n_notes - 2].id);
        doc_set_time(arena, d, "moved_since_at", a->notes[a->n_notes - 2].at_ms);
        doc_set_text(arena, d, "moved_cause", a->notes[a->n_notes - 1].cause);
    }
    if (!c) return;
    doc_set_text(arena, d, "decision", c->decision.id);
    doc_set_time(arena, d, "decision_at", c->decision.at_ms);
}

struct doc *assurance_insight(struct assurance *a, struct arena *arena, const char *id, int64_t now_ms)
{
    size_t mission = mission_of(a, id);
    struct insight *x = NULL;
    struct assess_inputs *now = arena_new(arena, sizeof *now);
    if (mission == SIZE_MAX || !now) return NULL;
    struct doc *d = NULL;
    const struct case_file *c = case_of_mission(a, a->model->missions[mission].id);
    inputs_now(a, now);
    struct insight_ask ask = { mission, now, a->n_inputs == 2 ? &a->inputs[1] : NULL, c ? c->inputs : NULL, now_ms };
    if (insight_brief_fits(a->model) && ok(insight_new(a->model, &x))) d = insight_brief(x, &ask, arena);
    insight_free(x);
    bool whole = d != NULL;
    if (!d) d = doc_map(arena);
    doc_set_text(arena, d, "id", a->model->missions[mission].id);
    doc_set_bool(arena, d, "whole", whole); /* false: too large to be worked out for a page; the command line does it */
    doc_set_time(arena, d, "as_of", a->picture->as_of_ms);
    doc_set_text(arena, d, "assessment", a->n_notes ? a->notes[a->n_notes - 1].id : "");
    answer_set(a, mission, arena, d, now_ms);
    since_set(a, c, arena, d);
    return d;
}

/* --- what if --- */

static struct doc *figures_of(struct insight *x, size_t mission, const struct assess_inputs *in, struct arena *arena)
{
    const struct model *m = assess_live_model(insight_live(x));
    const struct assess_mission *s = &insight_of(x, in)->missions[mission];
    const struct assess_figure *f = &s->figure[RISK_DECISION];
    struct sentence text, yen, rate;
    struct doc *d = doc_map(arena);
    sentence_outage(m, mission, s, &text);
    sentence_yen(f->residual_yen, &yen);
    sentence_rate(f->outage_ppb, &rate);
    set_both(arena, d, "sentence", text.ja, text.en);
    doc_set_int(arena, d, "decision_yen", f->residual_yen);
    doc_set_int(arena, d, "expected_yen", s->figure[RISK_EXPECTED].residual_yen);
    set_both(arena, d, "money", yen.ja, yen.en);
    doc_set_int(arena, d, "outages_decision_ppb", f->outage_ppb);
    set_both(arena, d, "outages", rate.ja, rate.en);
    doc_set_int(arena, d, "hours_mille", s->function_hours_ppb[0][RISK_DECISION] / 1000000);
    doc_set_int(arena, d, "used_mille", s->used_mille);
    doc_set_bool(arena, d, "within", s->within);
    const char *state = !s->within ? "over" : s->used_mille > NEAR_MILLE ? "near" : "within";
    doc_set_text(arena, d, "state", state);
    return d;
}

struct trial { struct model model; struct assess_inputs in; };

static MUST outcome tried_doc(struct trial *t, size_t mission, struct arena *arena, struct doc **ret)
{
    struct insight *x = NULL;
    TRY(insight_new(&t->model, &x));
    *ret = figures_of(x, mission, &t->in, arena);
    insight_free(x);
    return DONE;
}

outcome assurance_what_if(struct assurance *a, struct arena *arena, const char *id, const char *changes, const struct doc **ret,
    char why[ASSURANCE_WHY])
{
    size_t mission = mission_of(a, id);
    struct doc *was = NULL, *is = NULL, *d = doc_map(arena);
    struct bytes bad;
    why[0] = 0;
    if (mission == SIZE_MAX) return REFUSE(E_UNKNOWN);
    struct trial *t = mem_new(sizeof *t);
    if (!t) return REFUSE(E_MEMORY);
    model_copy(&t->model, a->model);
    inputs_now(a, &t->in);
    outcome o = tried_doc(t, mission, arena, &was);
    if (ok(o) && !ok(o = insight_try(changes, &t->model, &t->in, &bad)))
        (void)snprintf(why, ASSURANCE_WHY, "what-if: %.*s", (int)(bad.n < 80 ? bad.n : 80), (const char *)bad.at);
    if (ok(o)) o = tried_doc(t, mission, arena, &is);
    mem_free(t);
    if (!ok(o)) return o;
    doc_set(arena, d, "as_is", was);
    doc_set(arena, d, "tried", is);
    doc_set_bool(arena, d, "stored", false);
    *ret = d;
    return DONE;
}

/* --- the curve --- */

#define CURVE_POINTS 41

/* Causes as the expected and as the decision figure see them. */
static size_t causes_of(const struct model *m, const struct assess_mission *s, int figure, struct risk_cause *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_terms && n < RISK_CURVE_CAUSES_MAX; i++) {
        const struct assess_term *t = &s->terms[i];
        const struct model_threat *x = &m->threats[t->threat];
        int64_t rate = risk_mul(risk_mul(t->rate_ppb[figure], t->bypass_ppb[figure]), t->effect_ppb[figure]);
        int64_t low = x->loss_yen[0] ? x->loss_yen[0] : x->loss_mean_yen, high = x->loss_yen[0] ? x->loss_yen[1] : x->loss_mean_yen;
        if (rate > 0 && low > 0) ret[n++] = (struct risk_cause) { rate, low, high };
    }
    return n;
}

/* To where one year in 500 costs more, and past the tolerance. */
static size_t cells_shown(const double *p, int64_t cell, int64_t tolerance_yen)
{
    size_t n = (size_t)(tolerance_yen / cell) + (size_t)(tolerance_yen / cell) / 4 + 1, least = CURVE_POINTS;
    int64_t far = risk_curve_quantile(p, RISK_CURVE_CELLS, cell, 0.998);
    if (far != INT64_MAX && (size_t)(far / cell) > n) n = (size_t)(far / cell);
    if (n < least) n = least;
    return n < RISK_CURVE_CELLS ? n : RISK_CURVE_CELLS;
}

static struct doc *curve_points(const double *p, int64_t cell, int64_t to_yen, struct arena *arena)
{
    struct doc *list = doc_list(arena);
    for (int i = 0; p && i < CURVE_POINTS; i++) {
        struct doc *d = doc_map(arena);
        int64_t yen = to_yen / (CURVE_POINTS - 1) * i;
        doc_set_int(arena, d, "yen", yen);
        doc_set_int(arena, d, "over_ppm", (int64_t)(risk_curve_over(p, RISK_CURVE_CELLS, cell, yen) * 1000000 + 0.5));
        doc_add(list, d);
    }
    return list;
}

static MUST outcome curve_of(const struct model *m, const struct assess_mission *s, int figure, int64_t *cell, struct arena *arena, double **ret)
{
    struct risk_cause *causes = arena_new(arena, RISK_CURVE_CAUSES_MAX * sizeof *causes);
    double *p = arena_new(arena, RISK_CURVE_CELLS * sizeof *p);
    if (!causes || !p) return REFUSE(E_MEMORY);
    size_t n = causes_of(m, s, figure, causes);
    if (n == 0) return DONE; /* nothing can happen: no line */
    if (*cell == 0) *cell = risk_curve_cell(causes, n, RISK_CURVE_CELLS);
    TRY(risk_curve(causes, n, *cell, p, RISK_CURVE_CELLS));
    *ret = p;
    return DONE;
}

outcome assurance_curve(struct assurance *a, struct arena *arena, const char *id, const struct doc **ret)
{
    size_t mission = mission_of(a, id);
    double *decision = NULL, *expected = NULL;
    int64_t cell = 0;
    if (mission == SIZE_MAX) return REFUSE(E_UNKNOWN);
    const struct assess_mission *s = &a->picture->missions[mission];
    int64_t tolerance = a->model->missions[mission].tolerance_yen;
    TRY(curve_of(a->model, s, RISK_DECISION, &cell, arena, &decision));
    TRY(curve_of(a->model, s, RISK_EXPECTED, &cell, arena, &expected));
    int64_t to = decision ? (int64_t)cells_shown(decision, cell, tolerance) * cell : 0;
    struct doc *d = doc_map(arena);
    doc_set(arena, d, "expected", curve_points(expected, cell, to, arena));
    doc_set(arena, d, "decision", curve_points(decision, cell, to, arena));
    doc_set_text(arena, d, "id", a->model->missions[mission].id);
    doc_set_int(arena, d, "tolerance_yen", tolerance);
    doc_set_time(arena, d, "as_of", a->picture->as_of_ms);
    set_both(arena, d, "text", "図は目安です（三桁の精度、分布の裾は仮定による）。判断は厳密に計算した値で行います。",
        "An illustration (three digits; its tail is an assumption). Decisions rest on the exact figures.");
    *ret = d;
    return DONE;
}
