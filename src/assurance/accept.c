/* Signed documents from people: verified against the charter, then written durably, then applied. */
#include "assurance/assess_parts.h"
#include "assurance/state.h"

#include <stdio.h>

#define OPEN_BYTES (24u << 20)

void signers_of(const struct document *d, const struct charter *c, struct signed_by *ret)
{
    *ret = (struct signed_by) { .roles = d->roles };
    for (unsigned r = 0; r < CHARTER_ROLES; r++) {
        struct charter_signer s;
        if (!(d->roles & 1u << r) || !ok(charter_signer(c, d->key_of[r], d->judged_ms, &s))) continue;
        memcpy(ret->key_ids[r], s.holder->key_id, sizeof ret->key_ids[r]);
        if (s.deputy) ret->deputies |= (uint8_t)(1u << r);
    }
}

static bool dated_ahead(const struct doc *payload, int64_t now_ms, int64_t *ret_at)
{
    return !ok(document_time(payload, "at", ret_at)) || *ret_at - DECISION_AHEAD_MS > now_ms;
}

/* What every kind has in common: form, signatures, date. */
static MUST outcome admit(struct assurance *a, struct bytes json, enum document_type want, int64_t now_ms,
    struct arena *arena, struct document *ret, char why[DOCUMENT_WHY])
{
    int64_t at;
    TRY(document_open_why(json, arena, ret, why));
    ret->judged_ms = now_ms;
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

struct model_next { /* a model ready to take its place; nothing can fail after this */
    struct arena arena;
    struct model *model;
    struct doc *doc;
    char hash[65];
    int64_t at_ms;
};

static MUST outcome model_fill(struct model_next *n, const struct document *d, char why[DOCUMENT_WHY])
{
    struct model_error error = { 0 };
    size_t errors = 0;
    struct buffer b = BUFFER(DOCUMENT_BYTES_MAX);
    n->model = mem_new(sizeof *n->model);
    struct doc *tree = document_model_of(&n->arena, d->payload);
    outcome o = tree && n->model ? doc_write_json(tree, &b) : REFUSE(E_MEMORY);
    if (ok(o)) o = doc_read_json(buffer_view(&b), &n->arena, &n->doc); /* a copy that lives as long as the model */
    buffer_deinit(&b);
    if (ok(o)) o = document_hash(n->doc, n->hash);
    if (ok(o)) o = document_time(d->payload, "at", &n->at_ms);
    if (!ok(o)) return document_refuse(CAUSE_MEMORY, NULL, why);
    if (ok(model_read(n->doc, n->model, &error, 1, &errors))) return DONE;
    return document_refuse(CAUSE_MODEL, error.text, why);
}

static void model_drop(struct model_next *n)
{
    mem_free(n->model);
    arena_deinit(&n->arena);
}

static MUST outcome model_build(const struct document *d, struct model_next *ret, char why[DOCUMENT_WHY])
{
    struct model_next n = { .arena = ARENA(OPEN_BYTES) };
    outcome o = model_fill(&n, d, why);
    if (ok(o)) *ret = n;
    else model_drop(&n);
    return o;
}

static void model_swap(struct assurance *a, const struct document *d, const struct model_next *n)
{
    assess_live_free(a->live);
    a->live = NULL;
    figures_forget(a);
    mem_free(a->model);
    arena_deinit(&a->model_arena);
    a->model = n->model;
    a->model_arena = n->arena;
    a->model_doc = n->doc;
    a->model_at_ms = n->at_ms;
    memcpy(a->model_hash, n->hash, sizeof a->model_hash);
    signers_of(d, &a->charter, &a->model_by);
    a->has_picture = false;
    a->n_places = precedence_of(a->model, a->places, &a->last_place);
    a->places_epoch++;
}

outcome model_apply(struct assurance *a, const struct document *d, char why[DOCUMENT_WHY])
{
    struct model_next next;
    TRY(model_build(d, &next, why));
    model_swap(a, d, &next);
    return DONE;
}

static MUST outcome model_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    char why[DOCUMENT_WHY])
{
    struct document d;
    struct model_next next;
    int64_t at;
    TRY(admit(a, json, DOCUMENT_MODEL, now_ms, arena, &d, why));
    TRY(document_time(d.payload, "at", &at));
    if (a->model && at <= a->model_at_ms) return document_refuse(CAUSE_REPLAYED, "at", why);
    TRY(model_build(&d, &next, why));
    const char *dropped = dropped_condition(a, next.model);
    outcome o = dropped ? document_refuse(CAUSE_IN_FORCE, dropped, why) : keep(a, ENTRY_MODEL, d.json, why);
    if (!ok(o)) {
        model_drop(&next);
        return o;
    }
    model_swap(a, &d, &next);
    rules_build(a, now_ms);
    judge_all(a, now_ms);
    limits_hand_over(a); /* the places of the missions too */
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

static MUST outcome case_new(const struct assurance *a, const struct document *d, const struct decision *in,
    struct case_file **ret)
{
    if (a->n_cases == DECISIONS_MAX) return REFUSE(E_FULL);
    struct case_file *c = mem_new(sizeof *c);
    if (!c) return REFUSE(E_MEMORY);
    c->decision = *in;
    memcpy(c->model_hash, a->model_hash, sizeof c->model_hash);
    signers_of(d, &a->charter, &c->by);
    const struct assess_inputs *in_cited = figure_inputs(a, in->assessment_id);
    c->inputs = in_cited ? mem_new(sizeof *c->inputs) : NULL; /* without it "since the decision" is not shown */
    if (c->inputs) *c->inputs = *in_cited;
    *ret = c;
    return DONE;
}

/* Older decisions of the mission give way: this one was signed by the same three. */
static void case_put(struct assurance *a, struct case_file *c)
{
    for (size_t i = 0; i < a->n_cases; i++) {
        struct case_file *old = a->cases[i];
        if (old->superseded_by[0] || strcmp(old->decision.mission, c->decision.mission) != 0) continue;
        memcpy(old->superseded_by, c->decision.id, sizeof old->superseded_by);
        mem_free(old->inputs);
        old->inputs = NULL;
    }
    a->cases[a->n_cases++] = c;
    draft_decided(a, c->decision.id);
}

outcome case_apply(struct assurance *a, const struct document *d, const struct decision *in)
{
    struct case_file *c;
    TRY(case_new(a, d, in, &c));
    case_put(a, c);
    return DONE;
}

outcome decision_check(const struct assurance *a, const struct document *d, int64_t now_ms, struct decision *ret, char why[DOCUMENT_WHY])
{
    const char *bad = NULL;
    if (!ok(decision_read(d->payload, ret, &bad))) return document_refuse(CAUSE_MALFORMED, bad, why);
    struct decision_world w = { .model = a->model, .now_ms = now_ms,
        .used = case_find(a, ret->id) != NULL };
    if (ret->rank > d->rank_worst) return document_refuse(CAUSE_DEPUTY_RANK, NULL, why);
    for (size_t i = 0; i < ret->n_rules; i++) w.stream_declared[i] = stream_find(a, ret->rules[i].stream) != NULL;
    cite(a, ret, &w.cited);
    return decision_judge(ret, &w, why);
}

static MUST outcome decision_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena,
    char why[DOCUMENT_WHY])
{
    struct document d;
    struct decision *in = arena_new(arena, sizeof *in);
    if (!in) return document_refuse(CAUSE_MEMORY, NULL, why);
    TRY(admit(a, json, DOCUMENT_DECISION, now_ms, arena, &d, why));
    TRY(decision_check(a, &d, now_ms, in, why));
    struct case_file *c;
    if (!ok(case_new(a, &d, in, &c))) return document_refuse(CAUSE_MEMORY, NULL, why);
    outcome o = keep(a, ENTRY_DECISION, d.json, why);
    if (!ok(o)) {
        mem_free(c->inputs);
        mem_free(c);
        return o;
    }
    case_put(a, c);
    rules_build(a, now_ms);
    judge_all(a, now_ms);
    judge_figures(a, now_ms);
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

static void reference_free(struct reference_doc *r)
{
    arena_deinit(&r->arena);
    mem_free(r);
}

static MUST outcome reference_new(const struct assurance *a, const struct document *d, struct reference_doc **ret)
{
    struct reference_doc *r = mem_new(sizeof *r);
    if (!r) return REFUSE(E_MEMORY);
    r->arena = ARENA(65536);
    outcome o = reference_fill(r, d);
    if (ok(o) && !reference_find(a, r->model, r->version) && a->n_references == REFERENCES_MAX) o = REFUSE(E_FULL);
    if (ok(o)) *ret = r;
    else reference_free(r);
    return o;
}

static void reference_put(struct assurance *a, struct reference_doc *r)
{
    for (size_t i = 0; i < a->n_references; i++) {
        struct reference_doc *old = a->references[i];
        if (strcmp(old->model, r->model) != 0 || strcmp(old->version, r->version) != 0) continue;
        reference_free(old);
        a->references[i] = r;
        return;
    }
    a->references[a->n_references++] = r;
}

outcome reference_apply(struct assurance *a, const struct document *d)
{
    struct reference_doc *r;
    TRY(reference_new(a, d, &r));
    reference_put(a, r);
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
    struct reference_doc *r;
    if (!ok(reference_new(a, &d, &r))) return document_refuse(CAUSE_MEMORY, NULL, why);
    outcome o = keep(a, ENTRY_REFERENCE, d.json, why);
    if (ok(o)) reference_put(a, r);
    else reference_free(r);
    return o;
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

/* --- charter --- */

outcome charter_apply(struct assurance *a, const struct document *d, char why[DOCUMENT_WHY])
{
    struct charter_change n;
    const char *wrong = "";
    outcome o = charter_change_read(&a->charter, d->payload, &n, &wrong);
    if (!ok(o)) return document_refuse(o.code == E_CONFLICT ? CAUSE_REPLAYED : CAUSE_MALFORMED, wrong, why);
    charter_change_apply(&a->charter, &n);
    return DONE;
}

static MUST outcome charter_accept(struct assurance *a, struct bytes json, enum document_type type, int64_t now_ms, struct arena *arena, char *why)
{
    struct document d;
    struct charter_change n;
    const char *wrong = "";
    TRY(admit(a, json, type, now_ms, arena, &d, why));
    outcome o = charter_change_read(&a->charter, d.payload, &n, &wrong);
    if (!ok(o)) return document_refuse(o.code == E_CONFLICT ? CAUSE_REPLAYED : CAUSE_MALFORMED, wrong, why);
    o = keep(a, ENTRY_CHARTER, d.json, why);
    if (ok(o)) charter_change_apply(&a->charter, &n);
    else charter_change_free(&n);
    return o;
}

static MUST outcome holder_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena, char *why)
{
    return charter_accept(a, json, DOCUMENT_CHARTER, now_ms, arena, why);
}

static MUST outcome deputy_accept(struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena, char *why)
{
    return charter_accept(a, json, DOCUMENT_DEPUTY, now_ms, arena, why);
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

outcome assurance_charter_change(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    return door(a, json, now_ms, why, holder_accept);
}

outcome assurance_deputy(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    return door(a, json, now_ms, why, deputy_accept);
}

static void name_signer(const struct assurance *a, const struct document *d, int64_t now_ms, struct arena *arena, struct assurance_signed *ret)
{
    struct charter_signer s;
    for (int r = 0; r < CHARTER_ROLES; r++) {
        if (!(d->roles & (1u << r)) || !d->key_of[r] || !ok(charter_signer(&a->charter, d->key_of[r], now_ms, &s))) continue;
        const char *person = arena_text(arena, bytes_str(s.holder->person));
        ret->role = charter_role_word((enum charter_role)r);
        ret->person = person ? person : "";
        return;
    }
}

outcome assurance_verify(struct assurance *a, const char *type, struct bytes json, int64_t now_ms, struct arena *arena,
    struct assurance_signed *ret, char why[ASSURANCE_WHY])
{
    struct document d;
    unsigned t = 0;
    why[0] = '\0';
    while (t < DOCUMENT_KINDS && strcmp(type, document_type_word((enum document_type)t)) != 0) t++;
    if (t == DOCUMENT_KINDS) return document_refuse(CAUSE_TYPE, type, why);
    TRY(admit(a, json, (enum document_type)t, now_ms, arena, &d, why));
    *ret = (struct assurance_signed) { .payload = d.payload, .envelope = d.json, .role = "", .person = "" };
    name_signer(a, &d, now_ms, arena, ret);
    return document_time(d.payload, "at", &ret->at_ms);
}
