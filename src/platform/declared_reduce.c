/* Reading and writing "reduce": a reduction leads to a label below the stream's, and takes something away on the way. */
#include "platform/declared_parts.h"

#include <stdio.h>

#include "base/nearest.h"
#include "platform/grants.h"
#include "platform/member.h"
#include "platform/schema.h"

static const char *shown(const struct stream *s, size_t i)
{
    return i >= s->n_fields ? NULL : s->fields[i].name[0] ? s->fields[i].name : "payload";
}

static const char *field_name(const void *ctx, size_t i)
{
    return shown(ctx, i);
}

static MUST outcome find_field(const struct stream *s, const struct doc *at, const char *name, struct declared_wrong *w, size_t *ret)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        if (strcmp(shown(s, i), name) != 0) continue;
        *ret = i;
        return DONE;
    }
    const char *meant = text_nearest(name, field_name, s);
    return declared_wrong_at(w, at, "reduce: no field \"%.24s\" is declared%s%s%s", name, meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "");
}

static MUST outcome once(const struct stream *s, const struct reduction *r, const struct doc *at, size_t i, struct declared_wrong *w)
{
    bool taken = (r->drop | r->alias) & 1u << i || r->step_milli[i];
    return taken ? declared_wrong_at(w, at, "reduce: %s is named twice; drop, coarsen or pseudonym, one of them", shown(s, i)) : DONE;
}

/* "drop" and "pseudonym": lists of fields. */
static MUST outcome read_names(const struct doc *d, const char *key, const struct stream *s, struct reduction *r, struct declared_wrong *w)
{
    const struct doc *list = doc_get(d, key);
    bool alias = strcmp(key, "pseudonym") == 0;
    size_t i = 0;
    if (!list) return DONE;
    if (list->kind != DOC_LIST || !list->first) return declared_wrong_at(w, list, "%s: expected a list of fields, such as [serial]", key);
    for (const struct doc *m = list->first; m; m = m->next) {
        if (m->kind != DOC_TEXT) return declared_wrong_at(w, m, "%s: expected names of fields", key);
        TRY(find_field(s, m, m->text, w, &i));
        TRY(once(s, r, m, i, w));
        if (!s->fields[i].name[0]) return declared_wrong_at(w, m, "%s: the payload is one number: it can only be made coarser", key);
        if (alias && s->fields[i].type != FORM_TEXT && s->fields[i].type != FORM_INTEGER)
            return declared_wrong_at(w, m, "pseudonym: %s is no name (type text or integer); drop it, or coarsen it", m->text);
        if (alias) r->alias |= (uint8_t)(1u << i);
        else r->drop |= (uint8_t)(1u << i);
    }
    return DONE;
}

static MUST outcome read_steps(const struct doc *d, const struct stream *s, struct reduction *r, struct declared_wrong *w)
{
    const struct doc *steps = doc_get(d, "coarsen");
    size_t i = 0;
    if (!steps) return DONE;
    if (steps->kind != DOC_MAP || !steps->first) return declared_wrong_at(w, steps, "coarsen: expected fields with their step, such as { v: 0.5, t: 3600000 }");
    for (const struct doc *m = steps->first; m; m = m->next) {
        TRY(find_field(s, m, m->key, w, &i));
        TRY(once(s, r, m, i, w));
        const struct stream_field *f = &s->fields[i];
        if (f->type != FORM_NUMBER && f->type != FORM_INTEGER) return declared_wrong_at(w, m, "coarsen: %s is no number; drop it, or give it a pseudonym", m->key);
        TRY(declared_milli(m, "coarsen", w, &r->step_milli[i]));
        bool whole = f->type != FORM_INTEGER || r->step_milli[i] % 1000 == 0;
        if (r->step_milli[i] <= 0 || !whole) return declared_wrong_at(w, m, "coarsen: %s: expected a %sstep above 0", m->key, whole ? "" : "whole ");
    }
    return DONE;
}

static MUST outcome read_one(const struct doc *d, struct stream *s, struct reduction *r, struct declared_wrong *w)
{
    static const char *const keys[] = { "to", "drop", "coarsen", "pseudonym" };
    const char *to = doc_text(d, "to", "");
    size_t label = 0;
    if (!ok(member_only(d, keys, COUNT(keys)))) return declared_wrong_at(w, d, "reduce: expected to, drop, coarsen, pseudonym");
    while (label < LABELS && strcmp(label_word((enum label)label), to) != 0) label++;
    if (label == LABELS) return declared_wrong_at(w, doc_get(d, "to") ? doc_get(d, "to") : d, "to: expected the label of the reduced form: one of public, internal, confidential");
    if (label >= label_of(s))
        return declared_wrong_at(w, doc_get(d, "to"), "to: %s is not below the stream's label (%s): its readers get the whole already", to, s->label);
    r->to = (uint8_t)label;
    for (size_t i = 0; i < s->n_reductions; i++)
        if (s->reductions[i].to == r->to) return declared_wrong_at(w, d, "reduce: two rows to %s", to);
    TRY(read_names(d, "drop", s, r, w));
    TRY(read_names(d, "pseudonym", s, r, w));
    TRY(read_steps(d, s, r, w));
    bool something = r->drop || r->alias || doc_get(d, "coarsen");
    return something ? DONE : declared_wrong_at(w, d, "reduce: takes nothing away; a label does not go down unreduced: name drop, coarsen or pseudonym");
}

outcome declared_reductions(const struct doc *d, struct stream *s, struct declared_wrong *w)
{
    const struct doc *list = doc_get(d, "reduce");
    if (!list) return DONE;
    if (list->kind != DOC_LIST || !list->first || list->count > STREAM_REDUCTIONS)
        return declared_wrong_at(w, list, "reduce: expected a list of 1 to %d reductions", STREAM_REDUCTIONS);
    if (s->command) return declared_wrong_at(w, list, "reduce: a command is given whole or not at all");
    if (!s->n_fields) return declared_wrong_at(w, list, "reduce: needs fields: what is not declared cannot be reduced");
    for (const struct doc *m = list->first; m; m = m->next) {
        TRY(read_one(m, s, &s->reductions[s->n_reductions], w));
        s->n_reductions++;
    }
    return DONE;
}

static struct doc *one_doc(struct arena *a, const struct stream *s, const struct reduction *r)
{
    char step[48];
    struct doc *d = doc_map(a), *drop = doc_list(a), *alias = doc_list(a), *steps = doc_map(a);
    doc_set_text(a, d, "to", label_word((enum label)r->to));
    for (size_t i = 0; i < s->n_fields; i++) {
        if (r->drop & 1u << i) doc_add(drop, doc_text_new(a, shown(s, i)));
        if (r->alias & 1u << i) doc_add(alias, doc_text_new(a, shown(s, i)));
        if (r->step_milli[i]) doc_set_text(a, steps, shown(s, i), schema_milli(r->step_milli[i], "", step, sizeof step));
    }
    if (drop && drop->first) doc_set(a, d, "drop", drop);
    if (steps && steps->first) doc_set(a, d, "coarsen", steps);
    if (alias && alias->first) doc_set(a, d, "pseudonym", alias);
    return d;
}

struct doc *declared_reductions_doc(struct arena *a, const struct stream *s)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < s->n_reductions; i++) doc_add(list, one_doc(a, s, &s->reductions[i]));
    return list;
}
