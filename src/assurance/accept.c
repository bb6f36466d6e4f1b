/* Signed documents from people: verified against the charter, then written durably, then applied. */
#include "assurance/state.h"

#include <stdio.h>

#define OPEN_BYTES (24u << 20)

void signers_of(const struct document *d, const struct charter *c, struct signed_by *ret)
{
    *ret = (struct signed_by) { .roles = d->roles };
    for (unsigned r = 0; r < CHARTER_ROLES; r++)
        if (d->roles & 1u << r) memcpy(ret->key_ids[r], c->roles[r].key_id, sizeof ret->key_ids[r]);
}

static bool dated_ahead(const struct doc *payload, int64_t now_ms, int64_t *ret_at)
{
    return !ok(document_time(payload, "at", ret_at)) || *ret_at > now_ms + DECISION_AHEAD_MS;
}

/* What every kind has in common: form, signatures, date. */
static MUST outcome admit(struct assurance *a, struct bytes json, enum document_type want, int64_t now_ms,
    struct arena *arena, struct document *ret, char why[DOCUMENT_WHY])
{
    int64_t at;
    TRY(document_open_why(json, arena, ret, why));
    TRY(document_verify(&a->charter, want, ret, why));
    if (!ok(document_time(ret->payload, "at", &at))) return document_refuse(CAUSE_MALFORMED, "at", why);
    if (dated_ahead(ret->payload, now_ms, &at)) return document_refuse(CAUSE_FUTURE, NULL, why);
    return DONE;
}

static MUST outcome keep(struct assurance *a, unsigned kind, const struct doc *d, char why[DOCUMENT_WHY])
{
    return entry_write(a, kind, d, true) ? DONE : document_refuse(CAUSE_WRITE, NULL, why);
}

/* --- model --- */

/* What a decision enforces must stay in the model as it was signed. */
static const char *dropped_condition(const struct assurance *a, const struct model *m)
{
    for (size_t i = 0; i < a->n_rules; i++) {
        const struct rule *r = &a->rules[i];
        if (!r->enforced || r->expired) continue;
        size_t at = model_condition(m, r->condition_id);
        if (at == SIZE_MAX || strcmp(m->conditions[at].text, r->text) != 0) return r->condition_id;
    }
    return NULL;
}

static MUST outcome model_of(const struct document *d, struct arena *arena, struct doc **ret_doc,
    struct model **ret, char why[DOCUMENT_WHY])
{
    struct model_error error = { 0 };
    size_t n = 0;
    struct doc *tree = document_model_of(arena, d->payload);
    struct model *m = mem_new(sizeof *m);
    outcome o = tree && m ? model_read(tree, m, &error, 1, &n) : REFUSE(E_MEMORY);
    if (!ok(o)) {
        mem_free(m);
        if (o.code == E_MEMORY) return document_refuse(CAUSE_MEMORY, NULL, why);
        return document_refuse(CAUSE_MODEL, error.text, why);
    }
    *ret_doc = tree;
    *ret = m;
    return DONE;
}

outcome model_apply(struct assurance *a, const struct document *d, char why[DOCUMENT_WHY])
{
    struct arena arena = ARENA(OPEN_BYTES);
    struct model *m = NULL;
    struct doc *tree = NULL, *own = NULL;
    struct buffer b = BUFFER(DOCUMENT_BYTES_MAX);
    int64_t at = 0;
    char hash[65] = "";
    outcome o = model_of(d, &arena, &tree, &m, why);
    if (ok(o)) o = document_time(d->payload, "at", &at);
    if (ok(o)) o = doc_write_json(tree, &b);
    if (ok(o)) o = doc_read_json(buffer_view(&b), &arena, &own); /* a copy that lives as long as the model */
    if (ok(o)) o = document_hash(own, hash);
    buffer_deinit(&b);
    if (!ok(o)) {
        if (!why[0]) o = document_refuse(CAUSE_MEMORY, NULL, why);
        mem_free(m);
        arena_deinit(&arena);
        return o;
    }
    mem_free(a->model);
    arena_deinit(&a->model_arena);
    a->model = m;
    a->model_arena = arena;
    a->model_doc = own;
    a->model_at_ms = at;
    memcpy(a->model_hash, hash, sizeof a->model_hash);
    signers_of(d, &a->charter, &a->model_by);
    a->has_picture = false;
    return DONE;
}

static MUST outcome model_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    char why[DOCUMENT_WHY])
{
    struct document d;
    struct model *m = NULL;
    struct doc *tree;
    int64_t at;
    TRY(admit(a, json, DOCUMENT_MODEL, now_ms, arena, &d, why));
    TRY(document_time(d.payload, "at", &at));
    if (a->model && at <= a->model_at_ms) return document_refuse(CAUSE_REPLAYED, "at", why);
    TRY(model_of(&d, arena, &tree, &m, why));
    const char *dropped = dropped_condition(a, m);
    outcome o = dropped ? document_refuse(CAUSE_IN_FORCE, dropped, why) : DONE;
    mem_free(m);
    TRY(o);
    TRY(keep(a, ENTRY_MODEL, d.json, why));
    TRY(model_apply(a, &d, why));
    rules_build(a, now_ms);
    judge_all(a, now_ms);
    figures_compute(a, now_ms, "model");
    return DONE;
}

/* --- decision --- */

static void cite(const struct assurance *a, const struct decision *d, struct decision_cited *ret)
{
    const struct figure_note *n = figure_find(a, d->assessment_id);
    const struct figure_line *l = figure_line_of(n, d->mission);
    if (!l) return;
    memcpy(ret->id, n->id, sizeof ret->id);
    memcpy(ret->hash, n->hash, sizeof ret->hash);
    ret->at_ms = n->at_ms;
    ret->other_model = strcmp(n->model_hash, a->model_hash) != 0;
    ret->decision_yen = l->decision_yen;
    ret->expected_yen = l->expected_yen;
    ret->rank = l->rank;
}

/* Older decisions of the mission give way: this one was signed by the same three. */
outcome case_apply(struct assurance *a, const struct document *d, const struct decision *in)
{
    if (a->n_cases == DECISIONS_MAX) return REFUSE(E_FULL);
    struct case_file *c = mem_new(sizeof *c);
    if (!c) return REFUSE(E_MEMORY);
    c->decision = *in;
    memcpy(c->model_hash, a->model_hash, sizeof c->model_hash);
    signers_of(d, &a->charter, &c->by);
    for (size_t i = 0; i < a->n_cases; i++) {
        struct case_file *old = a->cases[i];
        if (old->superseded_by[0] || strcmp(old->decision.mission, in->mission) != 0) continue;
        memcpy(old->superseded_by, in->id, sizeof old->superseded_by);
    }
    a->cases[a->n_cases++] = c;
    return DONE;
}

static MUST outcome decision_check(const struct assurance *a, const struct document *d, int64_t now_ms,
    struct decision *ret, char why[DOCUMENT_WHY])
{
    const char *bad = NULL;
    if (!ok(decision_read(d->payload, ret, &bad))) return document_refuse(CAUSE_MALFORMED, bad, why);
    struct decision_world w = { .model = a->model, .now_ms = now_ms,
        .used = case_find(a, ret->id) != NULL };
    for (size_t i = 0; i < ret->n_rules; i++) w.stream_declared[i] = stream_find(a, ret->rules[i].stream) != NULL;
    cite(a, ret, &w.cited);
    TRY(decision_judge(ret, &w, why));
    return a->n_cases == DECISIONS_MAX ? document_refuse(CAUSE_MEMORY, NULL, why) : DONE;
}

static MUST outcome decision_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    char why[DOCUMENT_WHY])
{
    struct document d;
    struct decision *in = arena_new(arena, sizeof *in);
    if (!in) return document_refuse(CAUSE_MEMORY, NULL, why);
    TRY(admit(a, json, DOCUMENT_DECISION, now_ms, arena, &d, why));
    TRY(decision_check(a, &d, now_ms, in, why));
    TRY(keep(a, ENTRY_DECISION, d.json, why));
    if (!ok(case_apply(a, &d, in))) return document_refuse(CAUSE_MEMORY, NULL, why);
    rules_build(a, now_ms);
    judge_all(a, now_ms);
    judge_figures(a, now_ms);
    struct case_file *c = case_find(a, in->id);
    c->reopened = reopenings(a, c);
    say(a, "decision", view_case(a, c, arena, now_ms));
    return DONE;
}

/* --- reference --- */

static struct reference_doc *reference_find(const struct assurance *a, const char *model, const char *version)
{
    for (size_t i = 0; i < a->n_references; i++)
        if (strcmp(a->references[i]->model, model) == 0 && strcmp(a->references[i]->version, version) == 0)
            return a->references[i];
    return NULL;
}

static MUST outcome reference_fill(struct reference_doc *r, const struct document *d)
{
    TRY(bytes_to_text(bytes_str(doc_text(d->payload, "model", "")), r->model, sizeof r->model));
    TRY(bytes_to_text(bytes_str(doc_text(d->payload, "version", "")), r->version, sizeof r->version));
    TRY(document_time(d->payload, "at", &r->at_ms));
    return doc_read_json(d->envelope.payload, &r->arena, &r->payload);
}

outcome reference_apply(struct assurance *a, const struct document *d)
{
    struct reference_doc *r = mem_new(sizeof *r);
    if (!r) return REFUSE(E_MEMORY);
    r->arena = ARENA(65536);
    outcome o = reference_fill(r, d);
    struct reference_doc *old = ok(o) ? reference_find(a, r->model, r->version) : NULL;
    if (ok(o) && !old && a->n_references == REFERENCES_MAX) o = REFUSE(E_FULL);
    if (!ok(o)) {
        arena_deinit(&r->arena);
        mem_free(r);
        return o;
    }
    if (!old) {
        a->references[a->n_references++] = r;
        return DONE;
    }
    struct reference_doc gone = *old;
    *old = *r;
    arena_deinit(&gone.arena);
    mem_free(r);
    return DONE;
}

static bool pcrs_good(const struct doc *pcrs)
{
    uint8_t value[32];
    if (!pcrs || pcrs->kind != DOC_MAP || pcrs->count == 0 || pcrs->count > 8) return false;
    for (const struct doc *m = pcrs->first; m; m = m->next)
        if (m->kind != DOC_TEXT || !ok(hex_to(bytes_str(m->text), value, sizeof value))) return false;
    return true;
}

static MUST outcome reference_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    char why[DOCUMENT_WHY])
{
    struct document d;
    int64_t at;
    TRY(admit(a, json, DOCUMENT_REFERENCE, now_ms, arena, &d, why));
    TRY(document_time(d.payload, "at", &at));
    const char *model = doc_text(d.payload, "model", ""), *version = doc_text(d.payload, "version", "");
    if (!model[0] || strlen(model) > 63) return document_refuse(CAUSE_MALFORMED, "model", why);
    if (!version[0] || strlen(version) > 31) return document_refuse(CAUSE_MALFORMED, "version", why);
    if (!pcrs_good(doc_get(d.payload, "pcrs"))) return document_refuse(CAUSE_MALFORMED, "pcrs", why);
    const struct reference_doc *old = reference_find(a, model, version);
    if (old && at <= old->at_ms) return document_refuse(CAUSE_REPLAYED, "at", why);
    TRY(keep(a, ENTRY_REFERENCE, d.json, why));
    return ok(reference_apply(a, &d)) ? DONE : document_refuse(CAUSE_MEMORY, NULL, why);
}

size_t assurance_references(const struct assurance *a, const char *model, const struct doc **ret, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_references; i++) {
        if (strcmp(a->references[i]->model, model) != 0) continue;
        if (n < cap) ret[n] = a->references[i]->payload;
        n++;
    }
    return n < cap ? n : cap;
}

/* --- the doors --- */

static outcome door(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY],
    outcome (*accept)(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena, char *why))
{
    struct arena arena = ARENA(OPEN_BYTES);
    why[0] = '\0';
    outcome o = accept(a, json, now_ms, &arena, why);
    if (!ok(o) && !why[0]) (void)snprintf(why, ASSURANCE_WHY, "%s", code_word(o.code));
    arena_deinit(&arena);
    return o;
}

outcome assurance_model(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    return door(a, json, now_ms, why, model_accept);
}

outcome assurance_decision(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    return door(a, json, now_ms, why, decision_accept);
}

outcome assurance_reference(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    return door(a, json, now_ms, why, reference_accept);
}
