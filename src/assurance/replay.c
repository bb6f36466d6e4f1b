/* State from the record: the same documents and the same functions as live, without effects. Signatures are
 * checked again: what the ledger holds must still be what people signed. */
#include "assurance/state.h"

#define REPLAY_BYTES (96u << 20)

static MUST outcome signed_read(struct assurance *a, struct bytes payload, enum document_type want, int64_t at_ms,
    struct arena *arena, struct document *ret)
{
    char why[DOCUMENT_WHY];
    TRY(document_open(payload, arena, ret));
    ret->judged_ms = at_ms;
    outcome o = document_verify(&a->charter, want, ret, why);
    return ok(o) ? o : REFUSE(E_CHANGED);
}

static MUST outcome replay_change(struct assurance *a, struct bytes payload, int64_t at_ms, struct arena *arena)
{
    struct document d, again;
    char why[DOCUMENT_WHY];
    TRY(document_open(payload, arena, &d));
    enum document_type type = d.type == DOCUMENT_DEPUTY ? DOCUMENT_DEPUTY : DOCUMENT_CHARTER;
    TRY(signed_read(a, payload, type, at_ms, arena, &again));
    return charter_apply(a, &again, why);
}

/* The first is `sekimori init`'s; every later one is a change that two of the three signed. */
static MUST outcome replay_charter(struct assurance *a, struct bytes payload, int64_t at_ms, struct arena *arena)
{
    struct doc *d;
    TRY(doc_read_json(payload, arena, &d));
    if (doc_get(d, "payloadType")) return replay_change(a, payload, at_ms, arena);
    return a->charter.roles[0].key ? REFUSE(E_CHANGED) : charter_read(d, &a->charter);
}

static MUST outcome replay_model(struct assurance *a, struct bytes payload, int64_t at_ms, struct arena *arena)
{
    struct document d;
    char why[DOCUMENT_WHY] = "";
    TRY(signed_read(a, payload, DOCUMENT_MODEL, at_ms, arena, &d));
    TRY(model_apply(a, &d, why));
    rules_build(a, at_ms);
    return DONE;
}

static MUST outcome replay_decision(struct assurance *a, struct bytes payload, int64_t at_ms, struct arena *arena)
{
    struct document d;
    struct decision *in = arena_new(arena, sizeof *in);
    if (!in) return REFUSE(E_MEMORY);
    TRY(signed_read(a, payload, DOCUMENT_DECISION, at_ms, arena, &d));
    TRY(decision_read(d.payload, in, NULL));
    if (case_find(a, in->id)) return REFUSE(E_CONFLICT);
    return case_apply(a, &d, in);
}

static MUST outcome replay_reference(struct assurance *a, struct bytes payload, int64_t at_ms, struct arena *arena)
{
    struct document d;
    TRY(signed_read(a, payload, DOCUMENT_REFERENCE, at_ms, arena, &d));
    return reference_apply(a, &d);
}

static MUST outcome replay_declaration(struct assurance *a, struct bytes payload, int64_t at_ms,
    struct arena *arena)
{
    struct document d;
    TRY(signed_read(a, payload, DOCUMENT_DECLARATION, at_ms, arena, &d));
    return declaration_apply(a, &d, at_ms);
}

/* Others may write a release's effect under the same kind: only people's envelopes matter here. */
static MUST outcome replay_release(struct assurance *a, struct bytes payload, struct arena *arena)
{
    struct document d;
    if (!ok(document_open(payload, arena, &d)) || d.type != DOCUMENT_RELEASE) return DONE;
    release_remember(a, d.payload);
    return DONE;
}

/* A decision whose fallback was applied was over, whatever the clock says now. */
static MUST outcome replay_limit(struct assurance *a, const struct doc *d)
{
    size_t at;
    TRY(limits_replay(&a->limits, d, &at));
    if (strcmp(doc_text(d, "condition_id", ""), LIMITS_EXPIRED) != 0) return DONE;
    struct case_file *c = case_find(a, doc_text(d, "decision", ""));
    if (c && !c->superseded_by[0]) c->expired = true;
    return DONE;
}

static MUST outcome replay_tree(struct assurance *a, unsigned kind, struct bytes payload, int64_t at_ms,
    struct arena *arena)
{
    struct doc *d;
    TRY(doc_read_json(payload, arena, &d));
    if (kind == ENTRY_EVIDENCE) return evidence_entry_apply(a, d, at_ms);
    return kind == ENTRY_LIMIT ? replay_limit(a, d) : figures_replay(a, d);
}

outcome assurance_replay(struct assurance *a, unsigned kind, struct bytes payload, int64_t at_ms)
{
    struct arena arena = ARENA(REPLAY_BYTES);
    outcome o = DONE;
    switch (kind) {
    case ENTRY_CHARTER: o = replay_charter(a, payload, at_ms, &arena); break;
    case ENTRY_MODEL: o = replay_model(a, payload, at_ms, &arena); break;
    case ENTRY_DECISION: o = replay_decision(a, payload, at_ms, &arena); break;
    case ENTRY_DRAFT: o = draft_replay(a, payload, at_ms); break;
    case ENTRY_REFERENCE: o = replay_reference(a, payload, at_ms, &arena); break;
    case ENTRY_DECLARATION: o = replay_declaration(a, payload, at_ms, &arena); break;
    case ENTRY_PUBLIC: o = public_replay(a, payload, at_ms); break;
    case ENTRY_RELEASE: o = replay_release(a, payload, &arena); break;
    case ENTRY_EVIDENCE:
    case ENTRY_LIMIT:
    case ENTRY_ASSESSMENT: o = replay_tree(a, kind, payload, at_ms, &arena); break;
    default: break;
    }
    arena_deinit(&arena);
    return o;
}

outcome assurance_replay_assessment(const struct doc *assessment, char ret_hash[65], bool *ret_same)
{
    return assess_replay(assessment, ret_hash, ret_same);
}
