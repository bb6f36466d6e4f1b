/* See decision.h. */
#include "assurance/decision.h"

#include "base/time.h"

static const char *const accept_words[DECISION_ACCEPTS] = { "accept", "conditions", "send-back" };
static const char *const mode_words[LIMIT_MODES] = { "", "flag", "hold", "safe", "deny" };
static const int validity_days[6] = { 0, 365, 180, 90, 30, 7 };

const char *decision_accept_word(enum decision_accept a)
{
    return (unsigned)a < DECISION_ACCEPTS ? accept_words[a] : "?";
}

const char *decision_mode_word(enum limit_mode m)
{
    return (unsigned)m < LIMIT_MODES ? mode_words[m] : "?";
}

outcome decision_mode_parse(const char *word, enum limit_mode *ret)
{
    for (unsigned m = LIMIT_FLAG; m < LIMIT_MODES; m++) {
        if (strcmp(word, mode_words[m]) != 0) continue;
        *ret = (enum limit_mode)m;
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}

int64_t decision_validity_ms(int rank)
{
    return rank >= 1 && rank <= 5 ? validity_days[rank] * MS_DAY : 0;
}

static MUST outcome text_member(const struct doc *d, const char *key, char *ret, size_t size)
{
    const char *text = doc_text(d, key, "");
    if (!text[0]) return REFUSE(E_MALFORMED);
    return bytes_to_text(bytes_str(text), ret, size);
}

static MUST outcome int_member(const struct doc *d, const char *key, int64_t max, int64_t *ret)
{
    const struct doc *m = doc_get(d, key);
    if (!m || m->kind != DOC_INT || m->number < 0 || m->number > max) return REFUSE(E_MALFORMED);
    *ret = m->number;
    return DONE;
}

static MUST outcome rule_read(const struct doc *d, struct decision_rule *ret)
{
    const struct doc *enforced = doc_get(d, "enforced");
    TRY(text_member(d, "condition", ret->condition, sizeof ret->condition));
    TRY(text_member(d, "stream", ret->stream, sizeof ret->stream));
    TRY(decision_mode_parse(doc_text(d, "mode", ""), &ret->mode));
    if (!enforced || enforced->kind != DOC_BOOL) return REFUSE(E_MALFORMED);
    ret->enforced = enforced->truth;
    return DONE;
}

static MUST outcome read_ids(const struct doc *p, struct decision *d)
{
    if (strcmp(doc_text(p, "type", ""), "decision") != 0) return REFUSE(E_MALFORMED);
    TRY(text_member(p, "site", d->site, sizeof d->site));
    TRY(text_member(p, "id", d->id, sizeof d->id));
    return text_member(p, "mission", d->mission, sizeof d->mission);
}

static MUST outcome read_assessment(const struct doc *p, struct decision *d)
{
    const struct doc *s = doc_get(p, "assessment");
    TRY(text_member(s, "id", d->assessment_id, sizeof d->assessment_id));
    TRY(text_member(s, "hash", d->assessment_hash, sizeof d->assessment_hash));
    TRY(int_member(s, "decision_yen", INT64_MAX, &d->decision_yen));
    return int_member(s, "expected_yen", INT64_MAX, &d->expected_yen);
}

static MUST outcome read_accept(const struct doc *p, struct decision *d)
{
    const char *word = doc_text(p, "accept", "");
    for (unsigned i = 0; i < DECISION_ACCEPTS; i++) {
        if (strcmp(word, accept_words[i]) != 0) continue;
        d->accept = (enum decision_accept)i;
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}

static MUST outcome read_rank(const struct doc *p, struct decision *d)
{
    const char *word = doc_text(p, "rank", "");
    if (word[0] != 'R' || word[1] < '1' || word[1] > '5' || word[2]) return REFUSE(E_MALFORMED);
    d->rank = word[1] - '0';
    return DONE;
}

static MUST outcome read_times(const struct doc *p, struct decision *d)
{
    TRY(document_time(p, "at", &d->at_ms));
    TRY(document_time(p, "expires", &d->expires_ms));
    return d->expires_ms > d->at_ms ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome read_enforce(const struct doc *p, struct decision *d)
{
    const struct doc *list = doc_get(p, "enforce");
    if (!list || list->kind != DOC_LIST || list->count > DECISION_RULES_MAX) return REFUSE(E_MALFORMED);
    for (const struct doc *m = list->first; m; m = m->next) TRY(rule_read(m, &d->rules[d->n_rules++]));
    return DONE;
}

static MUST outcome read_loosen(const struct doc *p, struct decision *d)
{
    const struct doc *l = doc_get(p, "loosen");
    const char *by = doc_text(l, "by", "");
    int64_t s;
    if (strcmp(by, "two") == 0) d->loosen = DECISION_LOOSEN_TWO;
    else if (strcmp(by, "auto") == 0) d->loosen = DECISION_LOOSEN_AUTO;
    else return REFUSE(E_MALFORMED);
    TRY(int_member(l, "dwell_s", 30 * 86400, &s));
    d->dwell_ms = s * MS_S;
    return DONE;
}

static MUST outcome read_tolerance(const struct doc *p, struct decision *d)
{
    const struct doc *t = doc_get(p, "tolerance");
    int64_t margin;
    TRY(int_member(t, "yen", INT64_MAX, &d->tolerance_yen));
    TRY(int_member(t, "margin_mille", 1000000, &margin));
    d->margin_mille = (uint32_t)margin;
    return DONE;
}

static MUST outcome read_fallback(const struct doc *p, struct decision *d)
{
    return decision_mode_parse(doc_text(p, "fallback", ""), &d->fallback);
}

static MUST outcome read_reason(const struct doc *p, struct decision *d)
{
    const struct doc *r = doc_get(p, "reason");
    TRY(text_member(r, "ja", d->reason.ja, sizeof d->reason.ja));
    return text_member(r, "en", d->reason.en, sizeof d->reason.en);
}

static MUST outcome option_read(const struct doc *o, struct decision_option *ret)
{
    const struct doc *name = doc_get(o, "name");
    TRY(text_member(o, "id", ret->id, sizeof ret->id));
    TRY(text_member(name, "ja", ret->name.ja, sizeof ret->name.ja));
    TRY(text_member(name, "en", ret->name.en, sizeof ret->name.en));
    TRY(int_member(o, "cost_yen", INT64_MAX, &ret->cost_yen));
    TRY(int_member(o, "left_yen", INT64_MAX, &ret->left_yen));
    TRY(int_member(o, "outages_ppb", INT64_MAX, &ret->outages_ppb));
    return int_member(o, "hours_mille", INT64_MAX, &ret->hours_mille);
}

/* Optional: older decisions weighed none. What was chosen is one of them. */
static MUST outcome read_options(const struct doc *p, struct decision *d)
{
    const struct doc *list = doc_get(p, "options");
    if (!list) return doc_get(p, "chosen") ? REFUSE(E_MALFORMED) : DONE;
    if (list->kind != DOC_LIST || list->count == 0 || list->count > DECISION_OPTIONS_MAX) return REFUSE(E_MALFORMED);
    for (const struct doc *o = list->first; o; o = o->next) TRY(option_read(o, &d->options[d->n_options++]));
    TRY(text_member(p, "chosen", d->chosen, sizeof d->chosen));
    for (size_t i = 0; i < d->n_options; i++)
        if (strcmp(d->options[i].id, d->chosen) == 0) return DONE;
    return REFUSE(E_MALFORMED);
}

static MUST outcome read_differences(const struct doc *p, struct decision *d)
{
    const struct doc *list = doc_get(p, "differences");
    if (!list) return DONE;
    if (list->kind != DOC_LIST || list->count > DECISION_DIFFERENCES_MAX) return REFUSE(E_MALFORMED);
    for (const struct doc *o = list->first; o; o = o->next) {
        struct decision_difference *x = &d->differences[d->n_differences++];
        TRY(charter_role_parse(doc_text(o, "role", ""), &x->role));
        TRY(text_member(o, "text", x->text, sizeof x->text));
    }
    return DONE;
}

outcome decision_read(const struct doc *payload, struct decision *ret, const char **ret_bad)
{
    static const struct {
        const char *member;
        outcome (*read)(const struct doc *p, struct decision *d);
    } rows[] = {
        { "id", read_ids },         { "assessment", read_assessment }, { "rank", read_rank },
        { "accept", read_accept },  { "expires", read_times },         { "enforce", read_enforce },
        { "loosen", read_loosen },  { "tolerance", read_tolerance },   { "fallback", read_fallback },
        { "reason", read_reason },  { "options", read_options },       { "differences", read_differences },
    };
    struct decision d = { 0 };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ret_bad) *ret_bad = rows[i].member;
        TRY(rows[i].read(payload, &d));
    }
    *ret = d;
    return DONE;
}

static struct doc *rules_doc(const struct decision *d, struct arena *a)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < d->n_rules; i++) {
        struct doc *one = doc_map(a);
        doc_set_text(a, one, "condition", d->rules[i].condition);
        doc_set_text(a, one, "stream", d->rules[i].stream);
        doc_set_text(a, one, "mode", mode_words[d->rules[i].mode]);
        doc_set_bool(a, one, "enforced", d->rules[i].enforced);
        doc_add(list, one);
    }
    return list;
}

struct doc *decision_options_doc(const struct decision *d, struct arena *a)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < d->n_options; i++) {
        const struct decision_option *o = &d->options[i];
        struct doc *one = doc_map(a), *name = doc_map(a);
        doc_set_text(a, one, "id", o->id);
        doc_set_text(a, name, "ja", o->name.ja);
        doc_set_text(a, name, "en", o->name.en);
        doc_set(a, one, "name", name);
        doc_set_int(a, one, "cost_yen", o->cost_yen);
        doc_set_int(a, one, "left_yen", o->left_yen);
        doc_set_int(a, one, "outages_ppb", o->outages_ppb);
        doc_set_int(a, one, "hours_mille", o->hours_mille);
        doc_add(list, one);
    }
    return list;
}

struct doc *decision_differences_doc(const struct decision *d, struct arena *a)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < d->n_differences; i++) {
        struct doc *one = doc_map(a);
        doc_set_text(a, one, "role", charter_role_word(d->differences[i].role));
        doc_set_text(a, one, "text", d->differences[i].text);
        doc_add(list, one);
    }
    return list;
}

struct doc *decision_doc(const struct decision *d, struct arena *a)
{
    char rank[3] = { 'R', (char)('0' + d->rank), 0 };
    struct doc *p = doc_map(a), *s = doc_map(a), *l = doc_map(a), *t = doc_map(a), *r = doc_map(a);
    doc_set_text(a, p, "type", "decision");
    doc_set_text(a, p, "site", d->site);
    doc_set_text(a, p, "id", d->id);
    doc_set_text(a, p, "mission", d->mission);
    doc_set_text(a, s, "id", d->assessment_id);
    doc_set_text(a, s, "hash", d->assessment_hash);
    doc_set_int(a, s, "decision_yen", d->decision_yen);
    doc_set_int(a, s, "expected_yen", d->expected_yen);
    doc_set(a, p, "assessment", s);
    doc_set_text(a, p, "rank", rank);
    doc_set_text(a, p, "accept", accept_words[d->accept]);
    doc_set_time(a, p, "at", d->at_ms);
    doc_set_time(a, p, "expires", d->expires_ms);
    doc_set(a, p, "enforce", rules_doc(d, a));
    doc_set_text(a, l, "by", d->loosen == DECISION_LOOSEN_AUTO ? "auto" : "two");
    doc_set_int(a, l, "dwell_s", d->dwell_ms / MS_S);
    doc_set(a, p, "loosen", l);
    doc_set_int(a, t, "yen", d->tolerance_yen);
    doc_set_int(a, t, "margin_mille", d->margin_mille);
    doc_set(a, p, "tolerance", t);
    doc_set_text(a, p, "fallback", mode_words[d->fallback]);
    doc_set_text(a, r, "ja", d->reason.ja);
    doc_set_text(a, r, "en", d->reason.en);
    doc_set(a, p, "reason", r);
    if (d->n_options) doc_set(a, p, "options", decision_options_doc(d, a));
    if (d->n_options) doc_set_text(a, p, "chosen", d->chosen);
    if (d->n_differences) doc_set(a, p, "differences", decision_differences_doc(d, a));
    return p;
}

/* figure * (1 + margin) <= tolerance, without overflow. */
static bool within_margin(const struct decision *d)
{
    return d->margin_mille >= DECISION_MARGIN_MILLE
        && (__int128)d->decision_yen * (1000 + (int64_t)d->margin_mille) <= (__int128)d->tolerance_yen * 1000;
}

static MUST outcome judge_rules(const struct decision *d, const struct decision_world *w, char why[DOCUMENT_WHY])
{
    for (size_t i = 0; i < d->n_rules; i++) {
        const struct decision_rule *r = &d->rules[i];
        size_t at = model_condition(w->model, r->condition);
        const struct model_condition *m = at != SIZE_MAX ? &w->model->conditions[at] : NULL;
        struct condition c;
        if (!m || !ok(condition_read(m->text, &c))) return document_refuse(CAUSE_CONDITION, r->condition, why);
        if (strcmp(m->stream, r->stream) != 0 && !w->stream_declared[i])
            return document_refuse(CAUSE_STREAM, r->stream, why);
        if (c.kind != CONDITION_TOLERANCE || !r->enforced) continue;
        if (!within_margin(d) || d->dwell_ms < DECISION_FIGURE_DWELL_MS)
            return document_refuse(CAUSE_MARGIN, r->condition, why);
    }
    return DONE;
}

static MUST outcome judge_assessment(const struct decision *d, const struct decision_world *w,
    char why[DOCUMENT_WHY])
{
    const struct decision_cited *c = &w->cited;
    if (!c->id[0]) return document_refuse(CAUSE_ASSESSMENT, d->assessment_id, why);
    if (strcmp(c->hash, d->assessment_hash) != 0 || c->decision_yen != d->decision_yen
        || c->expected_yen != d->expected_yen)
        return document_refuse(CAUSE_SNAPSHOT, d->assessment_id, why);
    if (c->other_model || c->at_ms < w->now_ms - DECISION_ASSESSMENT_AGE_MS)
        return document_refuse(CAUSE_OLD, d->assessment_id, why);
    return d->rank < c->rank ? document_refuse(CAUSE_RANK, d->assessment_id, why) : DONE;
}

outcome decision_judge(const struct decision *d, const struct decision_world *w, char why[DOCUMENT_WHY])
{
    if (!w->model) return document_refuse(CAUSE_NO_MODEL, NULL, why);
    if (w->used) return document_refuse(CAUSE_REPLAYED, d->id, why);
    if (d->expires_ms <= w->now_ms) return document_refuse(CAUSE_EXPIRED, d->id, why);
    if (d->at_ms > w->now_ms + DECISION_AHEAD_MS) return document_refuse(CAUSE_FUTURE, d->id, why);
    size_t at = model_mission(w->model, d->mission);
    if (at == SIZE_MAX) return document_refuse(CAUSE_MISSION, d->mission, why);
    const struct model_mission *m = &w->model->missions[at];
    TRY(judge_assessment(d, w, why));
    if (d->expires_ms - d->at_ms > decision_validity_ms(d->rank)
        || d->expires_ms - w->now_ms > decision_validity_ms(d->rank) + DECISION_AHEAD_MS)
        return document_refuse(CAUSE_TOO_LONG, d->id, why);
    if (d->tolerance_yen != m->tolerance_yen) return document_refuse(CAUSE_TOLERANCE, m->id, why);
    return judge_rules(d, w, why);
}
