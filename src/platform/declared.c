/* Reading and writing declarations. A key or value that is not understood is refused, with what was expected. */
#include "platform/declared_parts.h"

#include <stdarg.h>
#include <stdio.h>

#include "platform/member.h"
#include "platform/schema.h"
#include "wire/flat.h"
#include "wire/mqtt.h"

static const char *const fails[] = { [FAIL_CLOSED] = "closed", [FAIL_PASS_FLAG] = "pass-flag",
    [FAIL_HOLD_LAST] = "hold-last" };
static const char *const labels[] = { "public", "internal", "confidential", "restricted" };
static const char *const types[FORM_TYPES] = { "number", "integer", "text", "bool" };

const char *form_type_word(enum form_type t)
{
    return types[t];
}

outcome declared_wrong_at(struct declared_wrong *w, const struct doc *at, const char *fmt, ...)
{
    va_list args;
    if (!w) return REFUSE(E_MALFORMED);
    va_start(args, fmt);
    (void)vsnprintf(w->text, sizeof w->text, fmt, args);
    va_end(args);
    w->at = at;
    return REFUSE(E_MALFORMED);
}

static MUST outcome read_safe(const struct doc *list, struct stream *s)
{
    if (!list) return DONE;
    if (list->kind != DOC_LIST || list->count > COUNT(s->safe)) return REFUSE(E_MALFORMED);
    size_t n = 0;
    for (const struct doc *m = list->first; m; m = m->next, n++) {
        if (m->kind != DOC_TEXT || m->text[0] == 0) return REFUSE(E_MALFORMED);
        TRY(bytes_to_text(bytes_str(m->text), s->safe[n], sizeof s->safe[n]));
    }
    return DONE;
}

/* ---- fields ---- */

outcome declared_milli(const struct doc *m, const char *key, struct declared_wrong *w, int64_t *ret)
{
    bool whole = m->kind == DOC_INT && m->number >= -INT64_C(9000000000000) && m->number <= INT64_C(9000000000000);
    if (whole) *ret = m->number * 1000;
    if (whole || (m->kind == DOC_TEXT && ok(flat_decimal(bytes_str(m->text), ret)))) return DONE;
    return declared_wrong_at(w, m, "%s: expected a number without its unit, such as 5 or \"4.75\"", key);
}

static MUST outcome read_milli(const struct doc *d, const char *key, struct declared_wrong *w, bool *ret_has, int64_t *ret)
{
    const struct doc *m = doc_get(d, key);
    *ret_has = m != NULL;
    return m ? declared_milli(m, key, w, ret) : DONE;
}

static bool printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\') return false;
    return true;
}

static MUST outcome read_word(const struct doc *d, const char *key, struct declared_wrong *w, char *text, size_t size)
{
    if (ok(member_text(d, key, text, size)) && printable(text)) return DONE;
    return declared_wrong_at(w, doc_get(d, key), "%s: expected a text of at most %zu bytes", key, size - 1);
}

static MUST outcome judge_field(const struct doc *d, const struct stream_field *f, struct declared_wrong *w)
{
    bool number = f->type == FORM_NUMBER || f->type == FORM_INTEGER;
    if (!number && (f->unit[0] || f->has_min || f->has_max)) return declared_wrong_at(w, d, "%s: unit, min and max are for numbers", f->name);
    if (f->unit_in[0] && !f->unit[0]) return declared_wrong_at(w, d, "%s: unit_in without a unit", f->name);
    if (!f->name[0] && (!number || f->unit_in[0] || f->optional))
        return declared_wrong_at(w, d, "a field without a name is the whole payload as one number: type, unit, min, max only");
    if (f->has_min && f->has_max && f->min_milli > f->max_milli) return declared_wrong_at(w, d, "%s: min is above max", f->name);
    return DONE;
}

static MUST outcome read_field(const struct doc *d, struct stream_field *f, struct declared_wrong *w)
{
    static const char *const keys[] = { "name", "type", "unit", "unit_in", "min", "max", "optional" };
    size_t type = 0;
    if (!ok(member_only(d, keys, COUNT(keys)))) return declared_wrong_at(w, d, "fields: expected name, type, unit, unit_in, min, max, optional");
    TRY(read_word(d, "name", w, f->name, sizeof f->name));
    TRY(read_word(d, "unit", w, f->unit, sizeof f->unit));
    TRY(read_word(d, "unit_in", w, f->unit_in, sizeof f->unit_in));
    if (!ok(member_word(doc_text(d, "type", "number"), types, COUNT(types), &type)))
        return declared_wrong_at(w, doc_get(d, "type"), "type: expected one of number, integer, text, bool");
    f->type = (enum form_type)type;
    TRY(read_milli(d, "min", w, &f->has_min, &f->min_milli));
    TRY(read_milli(d, "max", w, &f->has_max, &f->max_milli));
    f->optional = doc_bool(d, "optional", false);
    return judge_field(d, f, w);
}

static MUST outcome read_fields(const struct doc *d, struct stream *s, struct declared_wrong *w)
{
    const struct doc *list = doc_get(d, "fields");
    s->others = doc_bool(d, "others", false);
    if (!list) return DONE;
    if (list->kind != DOC_LIST || list->count == 0 || list->count > STREAM_FIELDS)
        return declared_wrong_at(w, list, "fields: expected a list of 1 to %d fields", STREAM_FIELDS);
    for (const struct doc *m = list->first; m; m = m->next) {
        struct stream_field *f = &s->fields[s->n_fields];
        TRY(read_field(m, f, w));
        if (!f->name[0] && list->count > 1) return declared_wrong_at(w, m, "a field without a name stands alone");
        for (size_t i = 0; i < s->n_fields; i++)
            if (strcmp(s->fields[i].name, f->name) == 0) return declared_wrong_at(w, m, "%s: stands twice", f->name);
        s->n_fields++;
    }
    return DONE;
}

static struct doc *milli_doc(struct arena *a, int64_t milli)
{
    char text[48];
    return doc_text_new(a, schema_milli(milli, "", text, sizeof text));
}

static struct doc *field_doc(struct arena *a, const struct stream_field *f)
{
    struct doc *d = doc_map(a);
    if (f->name[0]) doc_set_text(a, d, "name", f->name);
    doc_set_text(a, d, "type", types[f->type]);
    if (f->unit[0]) doc_set_text(a, d, "unit", f->unit);
    if (f->unit_in[0]) doc_set_text(a, d, "unit_in", f->unit_in);
    if (f->has_min) doc_set(a, d, "min", milli_doc(a, f->min_milli));
    if (f->has_max) doc_set(a, d, "max", milli_doc(a, f->max_milli));
    if (f->optional) doc_set_bool(a, d, "optional", true);
    return d;
}

/* ---- commands ---- */

static MUST outcome read_orders(const struct doc *d, struct interlock *k, struct declared_wrong *w)
{
    const struct doc *list = doc_get(d, "do");
    if (!list) return DONE;
    if (list->kind != DOC_LIST || list->count == 0 || list->count > COUNT(k->only)) return declared_wrong_at(w, list, "do: expected a list of 1 to 4 orders");
    size_t n = 0;
    for (const struct doc *m = list->first; m; m = m->next, n++)
        if (m->kind != DOC_TEXT || !m->text[0] || !ok(bytes_to_text(bytes_str(m->text), k->only[n], sizeof k->only[n])))
            return declared_wrong_at(w, m, "do: expected orders of at most %zu bytes", sizeof k->only[n] - 1);
    return DONE;
}

static MUST outcome read_interlock(const struct doc *d, struct interlock *k, struct declared_wrong *w)
{
    static const char *const keys[] = { "topic", "field", "unit", "below", "above", "within_s", "do" };
    bool below = false, above = false;
    if (!ok(member_only(d, keys, COUNT(keys)))) return declared_wrong_at(w, d, "interlock: expected topic, field, unit, below or above, within_s, do");
    TRY(read_word(d, "topic", w, k->topic, sizeof k->topic));
    if (!mqtt_topic_valid(bytes_str(k->topic))) return declared_wrong_at(w, d, "topic: expected one whole topic, without + and #");
    TRY(read_word(d, "field", w, k->field, sizeof k->field));
    TRY(read_word(d, "unit", w, k->unit, sizeof k->unit));
    TRY(read_milli(d, "below", w, &below, &k->milli));
    if (!below) TRY(read_milli(d, "above", w, &above, &k->milli));
    if (below == above || (below && doc_get(d, "above"))) return declared_wrong_at(w, d, "interlock: expected one of below and above");
    k->below = below;
    int64_t within = doc_int(d, "within_s", 60);
    if (within < 1 || within > 86400) return declared_wrong_at(w, d, "within_s: expected 1 to 86400");
    k->within_s = (uint32_t)within;
    return read_orders(d, k, w);
}

static MUST outcome read_command(const struct doc *d, struct stream *s, struct declared_wrong *w)
{
    const struct doc *list = doc_get(d, "interlock");
    int64_t people = doc_int(d, "people", 1);
    if (people != 1 && people != 2) return declared_wrong_at(w, doc_get(d, "people"), "people: expected 1 or 2");
    s->two_people = people == 2;
    if (!s->command && (list || s->two_people)) return declared_wrong_at(w, d, "interlock and people are for commands");
    if (!list) return DONE;
    if (list->kind != DOC_LIST || list->count == 0 || list->count > STREAM_INTERLOCKS)
        return declared_wrong_at(w, list, "interlock: expected a list of 1 to %d conditions", STREAM_INTERLOCKS);
    for (const struct doc *m = list->first; m; m = m->next) TRY(read_interlock(m, &s->interlocks[s->n_interlocks++], w));
    return DONE;
}

static struct doc *interlock_doc(struct arena *a, const struct interlock *k)
{
    struct doc *d = doc_map(a), *list = doc_list(a);
    doc_set_text(a, d, "topic", k->topic);
    if (k->field[0]) doc_set_text(a, d, "field", k->field);
    if (k->unit[0]) doc_set_text(a, d, "unit", k->unit);
    doc_set(a, d, k->below ? "below" : "above", milli_doc(a, k->milli));
    doc_set_int(a, d, "within_s", k->within_s);
    for (size_t i = 0; i < COUNT(k->only) && k->only[i][0]; i++) doc_add(list, doc_text_new(a, k->only[i]));
    if (k->only[0][0]) doc_set(a, d, "do", list);
    return d;
}

/* ---- the whole ---- */

static MUST outcome read_plain(const struct doc *d, struct stream *s)
{
    size_t n = 0;
    TRY(member_id(d, "name", true, s->name));
    TRY(member_text(d, "pattern", s->pattern, sizeof s->pattern));
    struct bytes pattern = bytes_str(s->pattern);
    if (!mqtt_filter_valid(pattern) || bytes_starts(pattern, BYTES_LIT("$"))) return REFUSE(E_MALFORMED);
    TRY(member_text(d, "owner", s->owner, sizeof s->owner));
    TRY(member_text(d, "unit", s->unit, sizeof s->unit));
    const char *label = doc_text(d, "label", "internal");
    TRY(member_word(label, labels, COUNT(labels), &n));
    TRY(bytes_to_text(bytes_str(label), s->label, sizeof s->label));
    s->recorded = doc_bool(d, "recorded", false);
    s->command = doc_bool(d, "command", false);
    TRY(member_word(doc_text(d, "fail", s->command ? "closed" : "pass-flag"), fails, COUNT(fails), &n));
    s->fail = (enum fail_policy)n;
    TRY(read_safe(doc_get(d, "safe"), s));
    int64_t expiry_s = doc_int(d, "expiry_s", 60);
    if (expiry_s < 1 || expiry_s > 600) return REFUSE(E_RANGE);
    s->expiry_s = (uint32_t)expiry_s;
    return DONE;
}

outcome declared_read(const struct doc *d, struct stream *ret, struct declared_wrong *w)
{
    static const char *const keys[] = { "name", "pattern", "owner", "label", "unit", "recorded", "fail",
        "command", "safe", "expiry_s", "fields", "others", "people", "interlock", "reduce", "derive", "source", "line" };
    struct stream s = { 0 };
    TRY(member_only(d, keys, COUNT(keys)));
    TRY(read_plain(d, &s));
    TRY(read_word(d, "source", w, s.source, sizeof s.source));
    s.line = (int)(doc_int(d, "line", 0) & INT32_MAX);
    TRY(read_fields(d, &s, w));
    TRY(declared_derivation(d, &s, w));
    TRY(read_command(d, &s, w));
    TRY(declared_reductions(d, &s, w));
    if (w && s.command && s.fail == FAIL_HOLD_LAST) /* one of an older record stands: there is nothing it could hold, so it is closed */
        return declared_wrong_at(w, d, "fail: a command has no last value to hold; closed or pass-flag");
    *ret = s;
    return DONE;
}

struct doc *registry_doc_stream(struct arena *a, const struct stream *s)
{
    struct doc *d = doc_map(a), *safe = doc_list(a), *fields = doc_list(a), *locks = doc_list(a);
    doc_set_text(a, d, "name", s->name);
    doc_set_text(a, d, "pattern", s->pattern);
    doc_set_text(a, d, "owner", s->owner);
    doc_set_text(a, d, "label", s->label[0] ? s->label : "internal");
    doc_set_text(a, d, "unit", s->unit);
    doc_set_bool(a, d, "recorded", s->recorded);
    doc_set_text(a, d, "fail", fails[s->fail]);
    doc_set_bool(a, d, "command", s->command);
    for (size_t n = 0; n < COUNT(s->safe) && s->safe[n][0]; n++) doc_add(safe, doc_text_new(a, s->safe[n]));
    doc_set(a, d, "safe", safe);
    doc_set_int(a, d, "expiry_s", s->expiry_s ? s->expiry_s : 60);
    bool formed = s->n_fields && !s->derive.how; /* of what is derived the form follows */
    for (size_t i = 0; formed && i < s->n_fields; i++) doc_add(fields, field_doc(a, &s->fields[i]));
    if (formed) doc_set(a, d, "fields", fields);
    if (formed) doc_set_bool(a, d, "others", s->others);
    for (size_t i = 0; i < s->n_interlocks; i++) doc_add(locks, interlock_doc(a, &s->interlocks[i]));
    if (s->n_interlocks) doc_set(a, d, "interlock", locks);
    if (s->two_people) doc_set_int(a, d, "people", 2);
    if (s->n_reductions) doc_set(a, d, "reduce", declared_reductions_doc(a, s));
    if (s->derive.how) doc_set(a, d, "derive", declared_derivation_doc(a, s));
    if (s->source[0]) doc_set_text(a, d, "source", s->source);
    if (s->source[0]) doc_set_int(a, d, "line", s->line);
    bool lost = !d || !safe || !fields || !locks || locks->lost || d->lost || safe->lost || fields->lost;
    return lost || d->count != 10u + (formed ? 2u : 0) + (s->n_interlocks ? 1u : 0) + (s->two_people ? 1u : 0) + (s->n_reductions ? 1u : 0)
        + (s->derive.how ? 1u : 0) + (s->source[0] ? 2u : 0) ? NULL : d;
}
