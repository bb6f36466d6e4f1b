#include <stdio.h>
#include <stdlib.h>

#include "assurance/assess_parts.h"
#include "base/time.h"
#include "crypto/hash.h"

#define DOC_BYTES_MAX (64u << 20)
#define ARENA_BYTES_MAX (256u << 20)

static const char *const engines[] = { "sekimori-risk/1", ASSESS_ENGINE };
#define ENGINE_NOW (sizeof engines / sizeof *engines)

static MUST outcome hash_doc(const struct doc *d, char ret_hex[65])
{
    struct buffer b = BUFFER(DOC_BYTES_MAX);
    outcome o = doc_write_json(d, &b);
    if (ok(o)) {
        struct hash h;
        hash_sha256(buffer_view(&b), &h);
        hex_of(hash_view(&h), ret_hex);
    }
    buffer_deinit(&b);
    return o;
}

/* --- results --- */

static struct doc *figure_doc(const struct assess_figure *f, struct arena *a)
{
    struct doc *d = doc_map(a);
    doc_set_int(a, d, "inherent_yen", f->inherent_yen);
    doc_set_int(a, d, "residual_yen", f->residual_yen);
    doc_set_int(a, d, "potential_yen", f->potential_yen);
    doc_set_int(a, d, "outage_ppb", f->outage_ppb);
    return d;
}

static struct doc *term_doc(const struct model *m, const struct assess_term *t, struct arena *a)
{
    static const char *const names[RISK_FIGURES] = { "expected", "decision" };
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", m->threats[t->threat].id);
    doc_set_int(a, d, "rank", t->rank);
    for (int k = 0; k < RISK_FIGURES; k++) {
        struct doc *f = doc_map(a);
        doc_set_int(a, f, "effect_ppb", t->effect_ppb[k]);
        doc_set_int(a, f, "bypass_ppb", t->bypass_ppb[k]);
        doc_set_int(a, f, "rate_ppb", t->rate_ppb[k]);
        doc_set_int(a, f, "yen", t->yen[k]);
        doc_set(a, d, names[k], f);
    }
    return d;
}

struct writing {
    const struct model *m;
    unsigned engine; /* whose document: members appeared over time */
    struct arena *a;
};

static struct doc *mission_doc(const struct writing *w, size_t at, const struct assess_mission *s)
{
    const struct model *m = w->m;
    struct arena *a = w->a;
    const struct model_mission *x = &m->missions[at];
    struct doc *d = doc_map(a), *threats = doc_list(a), *functions = doc_list(a);
    for (size_t i = 0; i < s->n_terms; i++) doc_add(threats, term_doc(m, &s->terms[i], a));
    for (size_t i = 0; i < x->n_functions; i++) {
        struct doc *f = doc_map(a);
        doc_set_text(a, f, "id", x->functions[i]);
        doc_set_int(a, f, "outage_expected_ppb", s->function_outage_ppb[i][RISK_EXPECTED]);
        doc_set_int(a, f, "outage_decision_ppb", s->function_outage_ppb[i][RISK_DECISION]);
        if (w->engine > 1) doc_set_int(a, f, "hours_expected_ppb", s->function_hours_ppb[i][RISK_EXPECTED]);
        if (w->engine > 1) doc_set_int(a, f, "hours_decision_ppb", s->function_hours_ppb[i][RISK_DECISION]);
        doc_add(functions, f);
    }
    doc_set_text(a, d, "id", x->id);
    doc_set(a, d, "expected", figure_doc(&s->figure[RISK_EXPECTED], a));
    doc_set(a, d, "decision", figure_doc(&s->figure[RISK_DECISION], a));
    doc_set(a, d, "threats", threats);
    doc_set(a, d, "functions", functions);
    doc_set_int(a, d, "measured_mille", s->measured_mille);
    doc_set_int(a, d, "declared_mille", s->declared_mille);
    doc_set_int(a, d, "default_mille", s->default_mille);
    doc_set_int(a, d, "rank", s->rank);
    doc_set_int(a, d, "used_mille", s->used_mille);
    doc_set_bool(a, d, "within", s->within);
    return d;
}

static struct doc *coverage_doc(const struct model_control *c, const struct evidence_coverage *v, struct arena *a)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "control", c->id);
    doc_set_int(a, d, "assets", v->assets);
    doc_set_int(a, d, "pass", v->pass);
    doc_set_int(a, d, "fail", v->fail);
    doc_set_int(a, d, "unknown", v->unknown);
    doc_set_int(a, d, "stale", v->stale);
    doc_set_int(a, d, "measured", v->measured);
    doc_set_int(a, d, "declared", v->declared);
    doc_set_int(a, d, "p_ppb", v->p_ppb);
    doc_set_int(a, d, "f_ppb", v->f_ppb);
    doc_set_int(a, d, "proven_ppb", v->proven_ppb);
    doc_set_int(a, d, "expected_ppb", v->expected_ppb);
    doc_set_int(a, d, "possible_ppb", v->possible_ppb);
    doc_set_int(a, d, "oldest_ms", v->oldest_ms);
    return d;
}

static struct doc *results_doc(const struct model *m, const struct assessment *s, unsigned engine, struct arena *a)
{
    struct writing w = { m, engine, a };
    struct doc *d = doc_map(a), *missions = doc_list(a), *coverage = doc_list(a), *alternatives = doc_list(a);
    for (size_t i = 0; i < m->n_missions; i++) doc_add(missions, mission_doc(&w, i, &s->missions[i]));
    for (size_t i = 0; i < m->n_controls; i++) doc_add(coverage, coverage_doc(&m->controls[i], &s->coverage[i], a));
    for (size_t i = 0; i < m->n_alternatives; i++) {
        struct doc *x = doc_map(a);
        doc_set_text(a, x, "id", m->alternatives[i].id);
        doc_set_int(a, x, "expected_ppb", s->alternatives[i][RISK_EXPECTED]);
        doc_set_int(a, x, "proven_ppb", s->alternatives[i][RISK_DECISION]);
        doc_add(alternatives, x);
    }
    doc_set(a, d, "missions", missions);
    if (engine > 1) {
        struct doc *all = doc_map(a);
        doc_set_int(a, all, "expected_yen", s->portfolio_yen[RISK_EXPECTED]);
        doc_set_int(a, all, "decision_yen", s->portfolio_yen[RISK_DECISION]);
        doc_set(a, d, "portfolio", all);
    }
    doc_set(a, d, "coverage", coverage);
    doc_set(a, d, "alternatives", alternatives);
    return d;
}

outcome assess_again(struct assess_live *l, const char *model_hash, const struct evidence *e, int64_t as_of_ms,
    struct assessment *ret)
{
    const struct model *m = assess_live_model(l);
    struct arena a = ARENA(ARENA_BYTES_MAX);
    *ret = (struct assessment) { .as_of_ms = as_of_ms };
    snprintf(ret->model_hash, sizeof ret->model_hash, "%s", model_hash);
    assess_live_figures(l, assess_live_gather(l, e, as_of_ms), ret);
    outcome o = hash_doc(evidence_snapshot(e, m, &a), ret->evidence_hash);
    if (ok(o)) o = hash_doc(results_doc(m, ret, ENGINE_NOW, &a), ret->result_hash);
    arena_deinit(&a);
    return o;
}

outcome assess(const struct model *m, const char *model_hash, const struct evidence *e, int64_t as_of_ms,
    struct assessment *ret)
{
    struct assess_live *l;
    TRY(assess_live_new(m, &l));
    outcome o = assess_again(l, model_hash, e, as_of_ms, ret);
    assess_live_free(l);
    return o;
}

struct doc *assess_doc(const struct model *m, const struct evidence *e, const struct assessment *s, struct arena *a)
{
    struct doc *d = doc_map(a), *snapshot = doc_map(a), *evidence = evidence_snapshot(e, m, a);
    const struct doc *rows = doc_get(evidence, "rows");
    if (!d || !rows) return NULL;
    char as_of[TIME_TEXT];
    time_text(s->as_of_ms, as_of);
    doc_set_int(a, snapshot, "as_of_ms", s->as_of_ms);
    doc_set(a, snapshot, "params", assess_params(m, a));
    if (rows->count <= ASSESS_ROWS_MAX) doc_set(a, snapshot, "evidence", evidence);
    else doc_set_bool(a, snapshot, "evidence_omitted", true);
    doc_set_text(a, d, "schema", MODEL_SCHEMA);
    doc_set_text(a, d, "engine", ASSESS_ENGINE);
    doc_set_text(a, d, "as_of", as_of);
    doc_set(a, d, "snapshot", snapshot);
    doc_set(a, d, "results", results_doc(m, s, ENGINE_NOW, a));
    doc_set_text(a, d, "model_hash", s->model_hash);
    doc_set_text(a, d, "evidence_hash", s->evidence_hash);
    doc_set_text(a, d, "result_hash", s->result_hash);
    return d;
}

/* --- replay --- */

static MUST outcome get(const struct doc *d, const char *key, int64_t high, int64_t *ret)
{
    const struct doc *v = doc_get(d, key);
    if (!v || v->kind != DOC_INT || v->number < 0 || v->number > high) return REFUSE(E_MALFORMED);
    *ret = v->number;
    return DONE;
}

static MUST outcome get_u32(const struct doc *d, const char *key, uint32_t *ret)
{
    int64_t v;
    TRY(get(d, key, UINT32_MAX, &v));
    *ret = (uint32_t)v;
    return DONE;
}

static MUST outcome read_coverage(const struct doc *d, struct evidence_coverage *v)
{
    TRY(get_u32(d, "assets", &v->assets));
    TRY(get_u32(d, "pass", &v->pass));
    TRY(get_u32(d, "fail", &v->fail));
    TRY(get_u32(d, "unknown", &v->unknown));
    TRY(get_u32(d, "stale", &v->stale));
    TRY(get_u32(d, "measured", &v->measured));
    TRY(get_u32(d, "declared", &v->declared));
    TRY(get(d, "p_ppb", RISK_PPB, &v->p_ppb));
    TRY(get(d, "f_ppb", RISK_PPB - v->p_ppb, &v->f_ppb));
    TRY(get(d, "oldest_ms", INT64_MAX, &v->oldest_ms));
    struct risk_coverage c = risk_cover(v->p_ppb, v->f_ppb);
    v->proven_ppb = c.proven;
    v->expected_ppb = c.expected;
    v->possible_ppb = c.possible;
    return DONE;
}

/* A large snapshot keeps no rows: coverage is the input then, as stored with the results. */
outcome assess_inputs_read(const struct doc *results, const struct model *m, struct assess_inputs *in)
{
    const struct doc *coverage = doc_get(results, "coverage"), *alternatives = doc_get(results, "alternatives");
    if (!coverage || coverage->count != m->n_controls || !alternatives || alternatives->count != m->n_alternatives)
        return REFUSE(E_MALFORMED);
    size_t at = 0;
    for (const struct doc *v = coverage->first; v; v = v->next, at++) {
        if (strcmp(doc_text(v, "control", ""), m->controls[at].id) != 0) return REFUSE(E_MALFORMED);
        TRY(read_coverage(v, &in->coverage[at]));
    }
    at = 0;
    for (const struct doc *v = alternatives->first; v; v = v->next, at++) {
        if (strcmp(doc_text(v, "id", ""), m->alternatives[at].id) != 0) return REFUSE(E_MALFORMED);
        TRY(get(v, "expected_ppb", RISK_PPB, &in->alternatives[at][RISK_EXPECTED]));
        TRY(get(v, "proven_ppb", RISK_PPB, &in->alternatives[at][RISK_DECISION]));
    }
    return DONE;
}

static MUST outcome inputs_from_snapshot(const struct doc *snapshot, const struct model *m, int64_t as_of_ms,
    struct assess_inputs *in)
{
    struct evidence *e;
    TRY(evidence_new(&e));
    outcome o = evidence_restore(e, doc_get(snapshot, "evidence"));
    struct assess_live *l = NULL;
    if (ok(o)) o = assess_live_new(m, &l);
    if (ok(o)) *in = *assess_live_gather(l, e, as_of_ms);
    assess_live_free(l);
    evidence_free(e);
    return o;
}

struct replay {
    struct model model;
    struct assess_inputs in;
    struct assessment s;
    unsigned engine;
};

static MUST outcome replay(struct replay *r, const struct doc *d, struct arena *a, char ret_hash[65])
{
    const struct doc *snapshot = doc_get(d, "snapshot"), *params = doc_get(snapshot, "params");
    TRY(get(snapshot, "as_of_ms", INT64_MAX, &r->s.as_of_ms));
    if (!params) return REFUSE(E_MALFORMED);
    TRY(assess_params_read(params, r->engine, &r->model));
    if (doc_bool(snapshot, "evidence_omitted", false)) TRY(assess_inputs_read(doc_get(d, "results"), &r->model, &r->in));
    else TRY(inputs_from_snapshot(snapshot, &r->model, r->s.as_of_ms, &r->in));
    TRY(assess_figures(&r->model, &r->in, &r->s));
    return hash_doc(results_doc(&r->model, &r->s, r->engine, a), ret_hash);
}

/* The stored parts are what their hashes say. */
static MUST outcome stored_same(const struct doc *d, bool *ret)
{
    const struct doc *evidence = doc_get(doc_get(d, "snapshot"), "evidence"), *results = doc_get(d, "results");
    char hex[65], as_of[TIME_TEXT];
    if (!results) return REFUSE(E_MALFORMED);
    TRY(hash_doc(results, hex));
    bool same = strcmp(hex, doc_text(d, "result_hash", "")) == 0;
    if (evidence) {
        TRY(hash_doc(evidence, hex));
        same = same && strcmp(hex, doc_text(d, "evidence_hash", "")) == 0;
    }
    time_text(doc_int(doc_get(d, "snapshot"), "as_of_ms", 0), as_of);
    *ret = same && strcmp(as_of, doc_text(d, "as_of", "")) == 0;
    return DONE;
}

outcome assess_replay(const struct doc *assessment, char ret_hash[65], bool *ret_same)
{
    if (strcmp(doc_text(assessment, "schema", ""), MODEL_SCHEMA) != 0) return REFUSE(E_MALFORMED);
    unsigned engine = 0;
    for (unsigned i = 0; i < ENGINE_NOW; i++)
        if (strcmp(doc_text(assessment, "engine", ""), engines[i]) == 0) engine = i + 1;
    if (!engine) return REFUSE(E_UNSUPPORTED);
    struct replay *r = mem_new(sizeof *r);
    if (!r) return REFUSE(E_MEMORY);
    r->engine = engine;
    struct arena a = ARENA(ARENA_BYTES_MAX);
    char hex[65];
    bool same = false;
    outcome o = replay(r, assessment, &a, hex);
    if (ok(o)) o = stored_same(assessment, &same);
    arena_deinit(&a);
    mem_free(r);
    if (!ok(o)) return o;
    memcpy(ret_hash, hex, sizeof hex);
    *ret_same = same && strcmp(hex, doc_text(assessment, "result_hash", "")) == 0;
    return DONE;
}
