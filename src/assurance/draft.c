/* See draft.h. Kept as ENTRY_DRAFT, one per signature handed in; the third makes an ENTRY_DECISION instead. */
#include "assurance/draft_inside.h"

#include <stdio.h>

#define DRAFT_BYTES (8u << 20)
enum { ALL_ROLES = (1 << CHARTER_ROLES) - 1 };

static const struct { const char *word, *ja, *en; } ends[DRAFT_ENDS] = {
    [DRAFT_GOES] = { "draft", "起案中・未決裁", "drafted, not decided" },
    [DRAFT_RETURNED] = { "sent-back", "差し戻し", "sent back" },
    [DRAFT_WITHDRAWN] = { "withdrawn", "取り下げ", "withdrawn" },
};

struct draft *draft_find(const struct assurance *a, const char *id)
{
    for (size_t i = 0; i < a->n_drafts; i++)
        if (strcmp(a->drafts[i]->id, id) == 0) return a->drafts[i];
    return NULL;
}

static void draft_free(struct draft *dr)
{
    buffer_deinit(&dr->envelope);
    mem_free(dr);
}

static void remove_at(struct assurance *a, size_t at)
{
    draft_free(a->drafts[at]);
    memmove(&a->drafts[at], &a->drafts[at + 1], (--a->n_drafts - at) * sizeof *a->drafts);
}

void drafts_free(struct assurance *a)
{
    while (a->n_drafts) remove_at(a, a->n_drafts - 1);
    mem_free(a->drafts);
}

void draft_decided(struct assurance *a, const char *id)
{
    for (size_t i = 0; i < a->n_drafts; i++)
        if (strcmp(a->drafts[i]->id, id) == 0) return remove_at(a, i);
}

outcome draft_read(const struct assurance *a, const struct draft *dr, int64_t now_ms, struct arena *arena, struct document *ret,
    struct decision **ret_in)
{
    struct decision *in = arena_new(arena, sizeof *in);
    if (!in) return REFUSE(E_MEMORY);
    TRY(document_open(buffer_view(&dr->envelope), arena, ret));
    ret->judged_ms = now_ms;
    document_keep_good(&a->charter, ret);
    TRY(decision_read(ret->payload, in, NULL));
    *ret_in = in;
    return DONE;
}

/* ---- a step: what was handed in, against what is there ---- */

struct step {
    struct document given;
    struct decision in;          /* what was handed in says this */
    struct draft *old;           /* NULL: it begins */
    bool revises;                /* other bytes than the draft's */
    char hash[65];               /* of the bytes handed in */
    struct buffer whole;         /* with every good signature over these bytes; owned by the step */
    uint8_t roles;               /* of these */
};

static MUST outcome missing(uint8_t roles, char why[DOCUMENT_WHY])
{
    unsigned r = 0;
    while (r < CHARTER_ROLES - 1 && roles & 1u << r) r++;
    return document_refuse(CAUSE_TURN, charter_role_word((enum charter_role)r), why);
}

static size_t under_way(const struct assurance *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_drafts; i++) n += a->drafts[i]->end == DRAFT_GOES;
    return n;
}

/* The same but for the date and for differences of view, to which only the signers' own were added. */
static bool only_differs(const struct decision *was, const struct decision *is, uint8_t roles, struct arena *arena)
{
    char one[65], other[65];
    struct decision *x = arena_new(arena, sizeof *x);
    if (!x || is->n_differences <= was->n_differences) return false;
    for (size_t i = 0; i < is->n_differences; i++) {
        const struct decision_difference *d = &is->differences[i];
        bool kept = i < was->n_differences && d->role == was->differences[i].role && strcmp(d->text, was->differences[i].text) == 0;
        if (i < was->n_differences ? !kept : !(roles & 1u << d->role)) return false;
    }
    *x = *is;
    x->at_ms = was->at_ms;
    x->n_differences = was->n_differences;
    memcpy(x->differences, was->differences, sizeof x->differences);
    return ok(document_hash(decision_doc(was, arena), one)) && ok(document_hash(decision_doc(x, arena), other)) && strcmp(one, other) == 0;
}

static MUST outcome revise(const struct assurance *a, struct step *s, int64_t now_ms, struct arena *arena, char why[DOCUMENT_WHY])
{
    struct document was;
    struct decision *in;
    if (s->in.at_ms <= s->old->at_ms) return document_refuse(CAUSE_REPLAYED, "at", why);
    if (s->old->revision == DRAFT_REVISIONS_MAX) return document_refuse(CAUSE_DRAFTS, s->in.id, why);
    if (s->given.roles & 1u << CHARTER_EXECUTIVE && s->given.roles != ALL_ROLES) return missing(s->given.roles & (uint8_t)~(1u << CHARTER_EXECUTIVE), why);
    if (!ok(draft_read(a, s->old, now_ms, arena, &was, &in))) return document_refuse(CAUSE_MEMORY, NULL, why);
    bool may = s->given.roles & 1u << CHARTER_MISSION_OWNER || only_differs(in, &s->in, s->given.roles, arena);
    return may ? dsse_write(&s->given.envelope, &s->whole) : document_refuse(CAUSE_OTHER_DRAFT, s->in.id, why);
}

/* The signatures that stand, and the new ones; nothing new is a replay. */
static MUST outcome join(const struct assurance *a, struct step *s, int64_t now_ms, struct arena *arena, char why[DOCUMENT_WHY])
{
    struct document was;
    struct decision *in;
    size_t fresh = s->given.envelope.n;
    if (!ok(draft_read(a, s->old, now_ms, arena, &was, &in))) return document_refuse(CAUSE_MEMORY, NULL, why);
    struct dsse all = was.envelope;
    for (size_t i = 0; i < s->given.envelope.n; i++) {
        size_t k = 0;
        while (k < was.envelope.n && strcmp(was.envelope.signatures[k].key_id, s->given.envelope.signatures[i].key_id) != 0) k++;
        if (k < was.envelope.n) {
            fresh--;
            continue;
        }
        if (all.n == DSSE_SIGNATURES_MAX) return document_refuse(CAUSE_DRAFTS, s->in.id, why);
        all.signatures[all.n++] = s->given.envelope.signatures[i];
    }
    return fresh ? dsse_write(&all, &s->whole) : document_refuse(CAUSE_REPLAYED, s->in.id, why);
}

static MUST outcome fit(const struct assurance *a, struct step *s, int64_t now_ms, struct arena *arena, char why[DOCUMENT_WHY])
{
    struct document all;
    if (!s->old && !(s->given.roles & 1u << CHARTER_MISSION_OWNER)) return missing(0, why);
    if (!s->old && under_way(a) >= DRAFTS_OPEN_MAX) return document_refuse(CAUSE_DRAFTS, NULL, why);
    if (s->old && s->old->end != DRAFT_GOES) return document_refuse(CAUSE_REPLAYED, s->in.id, why);
    s->revises = s->old && strcmp(s->hash, s->old->payload_hash) != 0;
    outcome o = !s->old ? dsse_write(&s->given.envelope, &s->whole) : s->revises ? revise(a, s, now_ms, arena, why) : join(a, s, now_ms, arena, why);
    if (!ok(o)) return why[0] ? o : document_refuse(CAUSE_MEMORY, NULL, why);
    TRY(document_open_why(buffer_view(&s->whole), arena, &all, why));
    all.judged_ms = now_ms;
    TRY(document_verify_begun(&a->charter, DOCUMENT_DECISION, &all, why)); /* one role twice is found here */
    s->roles = all.roles;
    bool early = s->roles & 1u << CHARTER_EXECUTIVE && s->roles != ALL_ROLES;
    return early ? missing(s->roles, why) : DONE;
}

static MUST outcome step_read(const struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena, struct step *s, char why[DOCUMENT_WHY])
{
    const char *bad = NULL;
    struct hash h;
    TRY(document_open_why(json, arena, &s->given, why));
    s->given.judged_ms = now_ms;
    TRY(document_verify_begun(&a->charter, DOCUMENT_DECISION, &s->given, why));
    if (!ok(decision_read(s->given.payload, &s->in, &bad))) return document_refuse(CAUSE_MALFORMED, bad, why);
    hash_sha256(s->given.envelope.payload, &h);
    hex_of(hash_view(&h), s->hash);
    s->old = draft_find(a, s->in.id);
    return DONE;
}

/* ---- keeping ---- */

/* Room for one more: the oldest that is over goes. */
static MUST outcome make_room(struct assurance *a)
{
    if (!a->drafts) a->drafts = mem_new_array(DRAFTS_MAX, sizeof *a->drafts);
    if (!a->drafts) return REFUSE(E_MEMORY);
    for (size_t i = 0; a->n_drafts == DRAFTS_MAX && i < a->n_drafts; i++)
        if (a->drafts[i]->end != DRAFT_GOES) remove_at(a, i);
    return a->n_drafts < DRAFTS_MAX ? DONE : REFUSE(E_FULL);
}

static MUST outcome ready(struct assurance *a, const struct step *s, struct draft **ret_new)
{
    *ret_new = NULL;
    if (s->old) return DONE;
    TRY(make_room(a));
    *ret_new = mem_new(sizeof **ret_new);
    return *ret_new ? DONE : REFUSE(E_MEMORY);
}

/* Nothing can fail any more. The step's bytes become the draft's. */
static void put_step(struct assurance *a, struct step *s, struct draft *fresh, int64_t now_ms)
{
    struct draft *dr = s->old ? s->old : fresh;
    if (fresh) {
        memcpy(dr->id, s->in.id, sizeof dr->id);
        dr->opened_ms = now_ms;
        a->drafts[a->n_drafts++] = dr;
    }
    if (fresh || s->revises) dr->revision++;
    dr->at_ms = s->in.at_ms;
    memcpy(dr->payload_hash, s->hash, sizeof dr->payload_hash);
    buffer_deinit(&dr->envelope);
    dr->envelope = s->whole;
    s->whole = BUFFER(0);
}

static void tell(struct assurance *a, const char *id, struct arena *arena)
{
    struct doc *d = doc_map(arena);
    doc_set_text(arena, d, "id", id);
    say(a, "draft", d);
}

static MUST outcome take_step(struct assurance *a, struct step *s, int64_t now_ms, struct arena *arena, char why[DOCUMENT_WHY])
{
    struct draft *fresh;
    TRY(decision_check(a, &s->given, now_ms, &s->in, why));
    TRY(fit(a, s, now_ms, arena, why));
    if (s->roles == ALL_ROLES) return assurance_decision(a, buffer_view(&s->whole), now_ms, why);
    if (!ok(ready(a, s, &fresh))) return document_refuse(CAUSE_DRAFTS, NULL, why);
    if (!entry_write(a, ENTRY_DRAFT, s->given.json, true)) {
        mem_free(fresh);
        return document_refuse(CAUSE_WRITE, NULL, why);
    }
    put_step(a, s, fresh, now_ms);
    tell(a, s->in.id, arena);
    return DONE;
}

outcome assurance_draft(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    struct arena arena = ARENA(DRAFT_BYTES);
    struct step *s = arena_new(&arena, sizeof *s);
    why[0] = 0;
    if (!s) return document_refuse(CAUSE_MEMORY, NULL, why);
    *s = (struct step) { .whole = BUFFER(2 * DOCUMENT_BYTES_MAX) };
    outcome o = step_read(a, json, now_ms, &arena, s, why);
    if (ok(o)) o = take_step(a, s, now_ms, &arena, why);
    buffer_deinit(&s->whole);
    arena_deinit(&arena);
    return o;
}

/* ---- opinions ---- */

struct opinion { struct document given; struct draft *of; enum draft_end end; enum charter_role by; const char *text; int64_t at_ms; };

static MUST outcome opinion_read(const struct assurance *a, struct bytes json, int64_t now_ms, struct arena *arena, struct opinion *o, char why[DOCUMENT_WHY])
{
    TRY(document_open_why(json, arena, &o->given, why));
    o->given.judged_ms = now_ms;
    TRY(document_verify(&a->charter, DOCUMENT_OPINION, &o->given, why));
    const struct doc *p = o->given.payload;
    const char *answer = doc_text(p, "answer", "");
    bool withdraw = strcmp(answer, "withdraw") == 0;
    if (!withdraw && strcmp(answer, "send-back") != 0) return document_refuse(CAUSE_MALFORMED, "answer", why);
    o->text = doc_text(p, "text", "");
    if (!o->text[0] || strlen(o->text) >= DRAFT_WORDS) return document_refuse(CAUSE_MALFORMED, "text", why);
    if (!ok(document_time(p, "at", &o->at_ms))) return document_refuse(CAUSE_MALFORMED, "at", why);
    o->end = withdraw ? DRAFT_WITHDRAWN : DRAFT_RETURNED;
    o->of = draft_find(a, doc_text(p, "decision", ""));
    if (!o->of) return document_refuse(CAUSE_DRAFT, doc_text(p, "decision", ""), why);
    if (o->of->end != DRAFT_GOES) return document_refuse(CAUSE_REPLAYED, o->of->id, why);
    if (strcmp(o->of->payload_hash, doc_text(p, "payload_sha256", "")) != 0) return document_refuse(CAUSE_OTHER_DRAFT, o->of->id, why);
    unsigned may = withdraw ? 1u << CHARTER_MISSION_OWNER : 1u << CHARTER_ASSET_OWNER | 1u << CHARTER_EXECUTIVE;
    if (!(o->given.roles & may)) return document_refuse(CAUSE_TURN, withdraw ? "mission-owner" : "asset-owner", why);
    unsigned r = 0;
    while (!(o->given.roles & may & 1u << r)) r++;
    o->by = (enum charter_role)r;
    return DONE;
}

static void opinion_put(const struct opinion *o)
{
    o->of->end = o->end;
    o->of->ended.by = o->by;
    o->of->ended.at_ms = o->at_ms;
    (void)snprintf(o->of->ended.words, sizeof o->of->ended.words, "%s", o->text);
}

static MUST outcome take_opinion(struct assurance *a, struct opinion *o, int64_t now_ms, struct arena *arena, char why[DOCUMENT_WHY])
{
    struct document of;
    struct decision *in;
    if (o->at_ms > now_ms + DECISION_AHEAD_MS) return document_refuse(CAUSE_FUTURE, NULL, why);
    if (!ok(draft_read(a, o->of, now_ms, arena, &of, &in))) return document_refuse(CAUSE_MEMORY, NULL, why);
    if (in->rank > o->given.rank_worst) return document_refuse(CAUSE_DEPUTY_RANK, NULL, why);
    if (!entry_write(a, ENTRY_DRAFT, o->given.json, true)) return document_refuse(CAUSE_WRITE, NULL, why);
    opinion_put(o);
    tell(a, o->of->id, arena);
    return DONE;
}

outcome assurance_opinion(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY])
{
    struct arena arena = ARENA(DRAFT_BYTES);
    struct opinion said = { 0 };
    why[0] = 0;
    outcome o = opinion_read(a, json, now_ms, &arena, &said, why);
    if (ok(o)) o = take_opinion(a, &said, now_ms, &arena, why);
    arena_deinit(&arena);
    return o;
}

/* ---- from the record ---- */

static MUST outcome replay_opinion(struct assurance *a, struct bytes json, int64_t at_ms, struct arena *arena)
{
    struct opinion said = { 0 };
    char why[DOCUMENT_WHY] = "";
    outcome o = opinion_read(a, json, at_ms, arena, &said, why);
    if (ok(o)) opinion_put(&said);
    return ok(o) ? o : REFUSE(E_CHANGED);
}

static MUST outcome replay_step(struct assurance *a, struct bytes json, int64_t at_ms, struct arena *arena, struct step *s)
{
    struct draft *fresh;
    char why[DOCUMENT_WHY] = "";
    outcome o = step_read(a, json, at_ms, arena, s, why);
    if (ok(o)) o = fit(a, s, at_ms, arena, why);
    if (!ok(o) || s->roles == ALL_ROLES) return REFUSE(E_CHANGED);
    TRY(ready(a, s, &fresh));
    put_step(a, s, fresh, at_ms);
    return DONE;
}

outcome draft_replay(struct assurance *a, struct bytes json, int64_t at_ms)
{
    struct arena arena = ARENA(DRAFT_BYTES);
    struct document d;
    struct step *s = arena_new(&arena, sizeof *s);
    outcome o = s ? document_open(json, &arena, &d) : REFUSE(E_MEMORY);
    if (s) *s = (struct step) { .whole = BUFFER(2 * DOCUMENT_BYTES_MAX) };
    if (ok(o)) o = d.type == DOCUMENT_OPINION ? replay_opinion(a, json, at_ms, &arena) : replay_step(a, json, at_ms, &arena, s);
    if (s) buffer_deinit(&s->whole);
    arena_deinit(&arena);
    return o;
}

/* ---- shown ---- */

static void next_set(struct arena *arena, struct doc *d, const struct draft *dr, uint8_t roles)
{
    unsigned r = 0;
    while (r < CHARTER_ROLES && roles & 1u << r) r++;
    bool open = dr->end == DRAFT_GOES && r < CHARTER_ROLES;
    doc_set_text(arena, d, "next", open ? charter_role_word((enum charter_role)r) : "");
    set_both(arena, d, "next", open ? charter_role_ja((enum charter_role)r) : "", open ? charter_role_en((enum charter_role)r) : "");
}

static void ended_set(struct arena *arena, struct doc *d, const struct draft *dr)
{
    struct doc *e = doc_map(arena);
    bool over = dr->end != DRAFT_GOES;
    doc_set_text(arena, e, "role", over ? charter_role_word(dr->ended.by) : "");
    set_both(arena, e, "role", over ? charter_role_ja(dr->ended.by) : "", over ? charter_role_en(dr->ended.by) : "");
    doc_set_text(arena, e, "text", dr->ended.words);
    doc_set_time(arena, e, "at", dr->ended.at_ms);
    doc_set(arena, d, "ended", e);
}

/* What a signature now would be refused for; "" when it would be taken. */
static const char *cause_now(const struct assurance *a, const struct draft *dr, struct document *d, int64_t now_ms, struct arena *arena)
{
    char why[DOCUMENT_WHY] = "";
    struct decision *in = arena_new(arena, sizeof *in);
    d->rank_worst = 5;
    if (dr->end != DRAFT_GOES || !in || ok(decision_check(a, d, now_ms, in, why))) return "";
    const char *text = arena_text(arena, bytes_str(why));
    return text ? text : "";
}

static struct doc *draft_doc(struct assurance *a, const struct draft *dr, struct arena *arena, int64_t now_ms)
{
    struct document at;
    struct decision *in;
    struct case_file *c = arena_new(arena, sizeof *c);
    if (!c || !ok(draft_read(a, dr, now_ms, arena, &at, &in))) return NULL;
    *c = (struct case_file) { .decision = *in, .draft = true };
    signers_of(&at, &a->charter, &c->by);
    struct doc *d = view_case_whole(a, c, arena, now_ms);
    doc_set_text(arena, d, "state", ends[dr->end].word);
    set_both(arena, d, "state", ends[dr->end].ja, ends[dr->end].en);
    doc_set_int(arena, d, "revision", dr->revision);
    doc_set_time(arena, d, "opened", dr->opened_ms);
    doc_set_text(arena, d, "payload_sha256", dr->payload_hash);
    next_set(arena, d, dr, at.roles);
    ended_set(arena, d, dr);
    doc_set_text(arena, d, "cause", cause_now(a, dr, &at, now_ms, arena));
    doc_set(arena, d, "envelope", (struct doc *)at.json);
    return d;
}

struct doc *assurance_drafts(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    struct doc *list = doc_list(arena);
    for (size_t i = a->n_drafts; i-- > 0;) doc_add(list, draft_doc(a, a->drafts[i], arena, now_ms));
    return list;
}

static struct doc *draft_line(struct assurance *a, const struct draft *dr, struct arena *arena, int64_t now_ms)
{
    struct document at;
    struct decision *in;
    char ja[300], en[300];
    struct doc *d = doc_map(arena);
    if (!ok(draft_read(a, dr, now_ms, arena, &at, &in))) return NULL;
    size_t m = a->model ? model_mission(a->model, in->mission) : SIZE_MAX;
    doc_set_text(arena, d, "id", dr->id);
    doc_set_text(arena, d, "mission", in->mission);
    next_set(arena, d, dr, at.roles);
    (void)snprintf(ja, sizeof ja, "判断 %s「%.90s」が起案されています。次の署名：%.60s", dr->id, m == SIZE_MAX ? in->mission : a->model->missions[m].name.ja, doc_text(d, "next_ja", ""));
    (void)snprintf(en, sizeof en, "Decision %s on %.90s is drafted. Next to sign: %.60s", dr->id, m == SIZE_MAX ? in->mission : a->model->missions[m].name.en, doc_text(d, "next_en", ""));
    set_both(arena, d, "text", ja, en);
    return d;
}

struct doc *view_drafts(struct assurance *a, struct arena *arena, int64_t now_ms)
{
    struct doc *list = doc_list(arena);
    for (size_t i = a->n_drafts; i-- > 0;)
        if (a->drafts[i]->end == DRAFT_GOES) doc_add(list, draft_line(a, a->drafts[i], arena, now_ms));
    return list;
}
