/* The overview: state word, layers, controls (docs/api-views.md). */
#include "assurance/state.h"

#include <stdio.h>
#include <stdlib.h>

static const struct { const char *id, *ja, *en; } layer_rows[] = {
    { "user", "利用者", "users" },        { "service", "サービス", "services" },
    { "platform", "基盤", "platform" },   { "network", "ネットワーク", "network" },
    { "device", "機器", "devices" },      { "organisation", "組織", "organisation" },
    { "people", "ヒト", "people" },       { "things", "モノ", "things" },
    { "data", "データ", "data" },         { "procedure", "手続き", "procedures" },
    { "system", "システム", "systems" },
};
#define LAYERS_SHOWN 5

const char *layer_ja(const char *layer)
{
    for (size_t i = 0; i < sizeof layer_rows / sizeof layer_rows[0]; i++)
        if (strcmp(layer_rows[i].id, layer) == 0) return layer_rows[i].ja;
    return layer;
}

const char *layer_en(const char *layer)
{
    for (size_t i = 0; i < sizeof layer_rows / sizeof layer_rows[0]; i++)
        if (strcmp(layer_rows[i].id, layer) == 0) return layer_rows[i].en;
    return layer;
}

/* --- failing checks --- */

struct failing {
    const char *asset;
    struct evidence_row row;
};

static int by_newest(const void *x, const void *y)
{
    const struct failing *p = x, *q = y;
    if (p->row.at_ms != q->row.at_ms) return p->row.at_ms > q->row.at_ms ? -1 : 1;
    return strcmp(p->asset, q->asset);
}

#define SCOPE_ASSETS_MAX 20000u

/* Newest first; returns how many are in ret (arena's). */
static size_t failing_of(const struct assurance *a, const struct model_control *c, int64_t now_ms,
    struct arena *arena, struct failing **ret)
{
    const char **assets = arena_new(arena, SCOPE_ASSETS_MAX * sizeof *assets);
    struct failing *list = arena_new(arena, 256 * sizeof *list);
    size_t n = 0;
    if (!assets || !list) return 0;
    for (size_t s = 0; s < c->n_scope; s++) {
        size_t count = evidence_assets(a->evidence, a->model, c->scope[s], assets, SCOPE_ASSETS_MAX);
        if (count > SCOPE_ASSETS_MAX) count = SCOPE_ASSETS_MAX;
        for (size_t i = 0; i < count && n < 256; i++) {
            evidence_look(a->evidence, c->id, assets[i], c->fresh_ms, c->stale_ms, now_ms, &list[n].row);
            if (list[n].row.state != EVIDENCE_FAIL) continue;
            list[n++].asset = assets[i];
        }
    }
    qsort(list, n, sizeof *list, by_newest);
    *ret = list;
    return n;
}

/* --- layers --- */

struct layer_sum {
    int64_t ok, bad, unknown;
    int64_t oldest_ms;
    const struct model_control *control; /* of the newest fail */
    struct failing cause;
};

static void layer_add(const struct assurance *a, size_t control, int64_t now_ms, struct arena *arena,
    struct layer_sum *s)
{
    const struct model_control *c = &a->model->controls[control];
    const struct evidence_coverage *cover = &a->picture->coverage[control];
    s->ok += cover->pass;
    s->bad += cover->fail;
    s->unknown += cover->unknown;
    if (cover->oldest_ms && (!s->oldest_ms || cover->oldest_ms < s->oldest_ms)) s->oldest_ms = cover->oldest_ms;
    if (!cover->fail) return;
    struct failing *list = NULL;
    size_t n = failing_of(a, c, now_ms, arena, &list);
    if (n == 0 || (s->control && s->cause.row.at_ms >= list[0].row.at_ms)) return;
    s->control = c;
    s->cause = list[0];
}

static struct doc *layer_cause(const struct layer_sum *s, struct arena *arena)
{
    struct doc *d = doc_map(arena);
    char ja[500], en[500];
    doc_set_text(arena, d, "control", s->control->id);
    set_both(arena, d, "name", s->control->name.ja, s->control->name.en);
    doc_set_text(arena, d, "asset", s->cause.asset);
    doc_set_text(arena, d, "detail", s->cause.row.detail);
    doc_set_time(arena, d, "at", s->cause.row.at_ms);
    (void)snprintf(ja, sizeof ja, "%s：%s 不合格（%s）", s->cause.asset, s->control->name.ja, s->cause.row.detail);
    (void)snprintf(en, sizeof en, "%s: %s failed (%s)", s->cause.asset, s->control->name.en, s->cause.row.detail);
    set_both(arena, d, "text", ja, en);
    return d;
}

static struct doc *layer_doc(struct assurance *a, size_t layer, int64_t now_ms, struct arena *arena)
{
    struct layer_sum s = { 0 };
    for (size_t i = 0; a->has_picture && i < a->model->n_controls; i++)
        if (strcmp(a->model->controls[i].layer, layer_rows[layer].id) == 0) layer_add(a, i, now_ms, arena, &s);
    const char *state = s.bad ? "bad" : s.unknown ? "unknown" : s.ok ? "ok" : "empty";
    struct doc *d = doc_map(arena);
    doc_set_text(arena, d, "layer", layer_rows[layer].id);
    set_both(arena, d, "name", layer_rows[layer].ja, layer_rows[layer].en);
    doc_set_int(arena, d, "ok", s.ok);
    doc_set_int(arena, d, "bad", s.bad);
    doc_set_int(arena, d, "unknown", s.unknown);
    doc_set_text(arena, d, "state", state);
    doc_set_time(arena, d, "as_of", a->has_picture ? a->picture->as_of_ms : 0);
    doc_set_time(arena, d, "oldest", s.oldest_ms);
    if (s.control) doc_set(arena, d, "cause", layer_cause(&s, arena));
    return d;
}

/* --- status --- */

static size_t enforced_limits(const struct assurance *a, const struct model_mission *m)
{
    size_t n = 0;
    for (size_t i = 0; i < a->limits.n; i++) {
        const struct case_file *c = m ? case_find(a, a->limits.rows[i].decision) : NULL;
        if (!a->limits.rows[i].enforced) continue;
        n += !m || (c && strcmp(c->decision.mission, m->id) == 0);
    }
    return n;
}

static struct doc *mission_line(struct assurance *a, size_t i, struct arena *arena)
{
    const struct model_mission *m = &a->model->missions[i];
    enum picture p = picture_of(a, i);
    struct sentence s = { "", "" };
    if (a->has_picture) sentence_outage(a->model, i, &a->picture->missions[i], &s);
    struct doc *d = doc_map(arena);
    doc_set_text(arena, d, "id", m->id);
    set_both(arena, d, "name", m->name.ja, m->name.en);
    set_both(arena, d, "promise", m->name.ja, m->name.en);
    doc_set_text(arena, d, "state", picture_word(p));
    set_both(arena, d, "state", picture_ja(p), picture_en(p));
    set_both(arena, d, "sentence", s.ja, s.en);
    doc_set_int(arena, d, "measured_mille", a->has_picture ? a->picture->missions[i].measured_mille : 0);
    doc_set_int(arena, d, "limits", (int64_t)enforced_limits(a, m));
    return d;
}

static bool enforces(const struct assurance *a)
{
    for (size_t i = 0; i < a->n_rules; i++)
        if (a->rules[i].enforced) return true;
    return false;
}

static struct doc *would_have(const struct assurance *a, struct arena *arena)
{
    struct doc *d = doc_map(arena);
    char ja[200], en[200];
    size_t now = a->limits.n - enforced_limits(a, NULL);
    doc_set_int(arena, d, "limits_now", (int64_t)now);
    doc_set_int(arena, d, "limits_total", (int64_t)a->limits.observed_total);
    (void)snprintf(ja, sizeof ja, "判断があれば制限していたもの：現在 %zu 件、記録の初めから %llu 件", now,
        (unsigned long long)a->limits.observed_total);
    (void)snprintf(en, sizeof en, "would have limited: %zu now, %llu since the record began", now,
        (unsigned long long)a->limits.observed_total);
    set_both(arena, d, "text", ja, en);
    return d;
}

static int exit_of(const struct assurance *a, enum picture p)
{
    if (enforced_limits(a, NULL) || p == PICTURE_OVER) return 7;
    return p == PICTURE_UNKNOWN ? 75 : 0;
}

static void headline(struct assurance *a, struct arena *arena, struct doc *d)
{
    size_t worst = worst_mission(a);
    enum picture p = picture_of(a, worst);
    struct sentence s = { "", "" };
    bool known = a->has_picture && worst != SIZE_MAX;
    if (known) sentence_outage(a->model, worst, &a->picture->missions[worst], &s);
    doc_set_text(arena, d, "state", picture_word(p));
    set_both(arena, d, "state", picture_ja(p), picture_en(p));
    doc_set_time(arena, d, "as_of", a->has_picture ? a->picture->as_of_ms : 0);
    doc_set_int(arena, d, "exit", exit_of(a, p));
    set_both(arena, d, "sentence", s.ja, s.en);
    doc_set_int(arena, d, "measured_mille", known ? a->picture->missions[worst].measured_mille : 0);
    bool observe = !enforces(a);
    doc_set_bool(arena, d, "observe", observe);
    set_both(arena, d, "observe", observe ? "見守り中：すべて判定して記録しますが、何も制限しません。" : "",
        observe ? "Observe mode: everything is judged and recorded, nothing is limited." : "");
}

struct doc *assurance_status(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    struct doc *d = doc_map(arena), *missions = doc_list(arena), *layers = doc_list(arena);
    headline(a, arena, d);
    if (a->model) set_both(arena, d, "organisation", a->model->organisation.ja, a->model->organisation.en);
    for (size_t i = 0; a->model && i < a->model->n_missions; i++) doc_add(missions, mission_line(a, i, arena));
    doc_set(arena, d, "missions", missions);
    struct doc *stake = view_stake(a, arena, now_ms);
    if (stake) doc_set(arena, d, "at_stake", stake);
    for (size_t i = 0; i < LAYERS_SHOWN; i++) doc_add(layers, layer_doc(a, i, now_ms, arena));
    doc_set(arena, d, "layers", layers);
    doc_set(arena, d, "limits", view_limits(a, arena, now_ms));
    doc_set_int(arena, d, "limits_enforced", (int64_t)enforced_limits(a, NULL));
    doc_set_int(arena, d, "limits_observed", (int64_t)(a->limits.n - enforced_limits(a, NULL)));
    for (size_t i = a->n_cases; i-- > 0;) {
        if (a->cases[i]->superseded_by[0]) continue;
        doc_set(arena, d, "decision", view_case(a, a->cases[i], arena, now_ms));
        break;
    }
    doc_set(arena, d, "drafts", view_drafts(a, arena, now_ms));
    doc_set(arena, d, "would_have", would_have(a, arena));
    doc_set_int(arena, d, "unauthenticated", (int64_t)evidence_unauthenticated(a->evidence));
    if (a->model) {
        struct doc *m = doc_map(arena);
        doc_set_text(arena, m, "hash", a->model_hash);
        doc_set_time(arena, m, "at", a->model_at_ms);
        doc_set(arena, d, "model", m);
    }
    return d;
}

/* --- controls --- */

#define FAILING_SHOWN 16

static struct doc *failing_doc(struct assurance *a, const struct model_control *c, int64_t now_ms,
    struct arena *arena)
{
    struct doc *rows = doc_list(arena);
    struct failing *list = NULL;
    size_t n = failing_of(a, c, now_ms, arena, &list);
    for (size_t i = 0; i < n && i < FAILING_SHOWN; i++) {
        struct doc *d = doc_map(arena);
        doc_set_text(arena, d, "asset", list[i].asset);
        doc_set_text(arena, d, "detail", list[i].row.detail);
        doc_set_text(arena, d, "method", fact_method_word(list[i].row.method));
        doc_set_time(arena, d, "at", list[i].row.at_ms);
        doc_add(rows, d);
    }
    return rows;
}

static int64_t share_mille(uint32_t part, uint32_t whole)
{
    return whole ? (int64_t)part * 1000 / whole : 0;
}

static void control_counts(const struct evidence_coverage *k, int64_t now_ms, struct arena *arena, struct doc *d)
{
    struct sentence s = { "", "" };
    sentence_coverage(k, now_ms, &s);
    doc_set_int(arena, d, "assets", k->assets);
    doc_set_int(arena, d, "pass", k->pass);
    doc_set_int(arena, d, "fail", k->fail);
    doc_set_int(arena, d, "unknown", k->unknown);
    doc_set_int(arena, d, "stale", k->stale);
    doc_set_int(arena, d, "measured", k->measured);
    doc_set_int(arena, d, "declared", k->declared);
    doc_set_int(arena, d, "pass_mille", share_mille(k->pass, k->assets));
    doc_set_int(arena, d, "fail_mille", share_mille(k->fail, k->assets));
    doc_set_int(arena, d, "unknown_mille", share_mille(k->unknown, k->assets));
    doc_set_int(arena, d, "proven_mille", k->proven_ppb / 1000000);
    doc_set_int(arena, d, "expected_mille", k->expected_ppb / 1000000);
    doc_set_time(arena, d, "oldest", k->oldest_ms);
    doc_set_int(arena, d, "unauthenticated", k->unauthenticated);
    set_both(arena, d, "text", s.ja, s.en);
}

static struct doc *control_doc(struct assurance *a, const struct model_control *c, int64_t now_ms,
    struct arena *arena)
{
    struct evidence_coverage k = { 0 };
    struct doc *d = doc_map(arena), *scope = doc_list(arena);
    evidence_cover(a->evidence, a->model, c, NULL, now_ms, &k);
    doc_set_text(arena, d, "id", c->id);
    set_both(arena, d, "name", c->name.ja, c->name.en);
    doc_set_text(arena, d, "layer", c->layer);
    set_both(arena, d, "layer", layer_ja(c->layer), layer_en(c->layer));
    doc_set_text(arena, d, "root", c->root);
    for (size_t i = 0; i < c->n_scope; i++) doc_add(scope, doc_text_new(arena, c->scope[i]));
    doc_set(arena, d, "scope", scope);
    doc_set_int(arena, d, "fresh_ms", c->fresh_ms);
    doc_set_int(arena, d, "stale_ms", c->stale_ms);
    control_counts(&k, now_ms, arena, d);
    doc_set(arena, d, "failing", k.fail ? failing_doc(a, c, now_ms, arena) : doc_list(arena));
    return d;
}

struct doc *assurance_controls(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    struct doc *list = doc_list(arena);
    for (size_t i = 0; a->model && i < a->model->n_controls; i++)
        doc_add(list, control_doc(a, &a->model->controls[i], now_ms, arena));
    return list;
}
