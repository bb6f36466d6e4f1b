#include "platform/schema.h"

#include <stdio.h>

#include "wire/flat.h"

const char *breach_word(enum breach b)
{
    static const char *const words[BREACHES] = { "none", "schema-form", "schema-missing", "schema-other", "schema-type", "schema-unit",
        "schema-range" };
    return words[b];
}

const char *schema_milli(int64_t milli, const char *unit, char *text, size_t size)
{
    uint64_t v = milli < 0 ? (uint64_t)0 - (uint64_t)milli : (uint64_t)milli;
    int n = snprintf(text, size, "%s%llu", milli < 0 ? "-" : "", (unsigned long long)(v / 1000));
    unsigned rest = (unsigned)(v % 1000), places = rest % 10 ? 3 : rest % 100 ? 2 : 1;
    for (unsigned cut = places; cut < 3; cut++) rest /= 10;
    if (v % 1000 && n > 0 && (size_t)n < size) n += snprintf(text + n, size - (size_t)n, ".%0*u", (int)places, rest);
    if (unit[0] && n > 0 && (size_t)n < size) (void)snprintf(text + n, size - (size_t)n, " %s", unit);
    return text;
}

/* What was expected of a number: "0 m to 5 m". */
static const char *range_text(const struct stream_field *f, char *text, size_t size)
{
    char low[48], high[48];
    schema_milli(f->min_milli, f->unit, low, sizeof low);
    schema_milli(f->max_milli, f->unit, high, sizeof high);
    if (f->has_min && f->has_max) (void)snprintf(text, size, "%s to %s", low, high);
    else if (f->has_min) (void)snprintf(text, size, "at least %s", low);
    else if (f->has_max) (void)snprintf(text, size, "at most %s", high);
    else (void)snprintf(text, size, "a number%s%s", f->unit[0] ? " in " : "", f->unit);
    return text;
}

static const char *shown(const struct stream_field *f)
{
    return f->name[0] ? f->name : "payload";
}

static enum breach number_judge(const struct stream_field *f, const struct flat_member *m, char *text)
{
    char range[112], value[48];
    bool whole = f->type != FORM_INTEGER || m->milli % 1000 == 0;
    if (!m->numeric || !whole) {
        (void)snprintf(text, SCHEMA_TEXT, "%s: not a%s number, expected %s", shown(f), m->numeric ? " whole" : "", range_text(f, range, sizeof range));
        return BREACH_TYPE;
    }
    if ((!f->has_min || m->milli >= f->min_milli) && (!f->has_max || m->milli <= f->max_milli)) return BREACH_NONE;
    (void)snprintf(text, SCHEMA_TEXT, "%s: %s, expected %s", shown(f), schema_milli(m->milli, f->unit, value, sizeof value),
        range_text(f, range, sizeof range));
    return BREACH_RANGE;
}

static enum breach unit_judge(const struct stream_field *f, const struct flat *flat, char *text)
{
    const struct flat_member *u = f->unit_in[0] ? flat_get(flat, f->unit_in) : NULL;
    if (!f->unit_in[0] || (u && u->kind == FLAT_TEXT && bytes_equal_str(u->text, f->unit))) return BREACH_NONE;
    (void)snprintf(text, SCHEMA_TEXT, "%s: %s, expected the unit %s in %s", shown(f), u && u->text.n ? "another unit" : "without a unit", f->unit, f->unit_in);
    return BREACH_UNIT;
}

static enum breach member_judge(const struct stream_field *f, const struct flat *flat, char *text)
{
    const struct flat_member *m = flat_get(flat, f->name);
    if (!m && f->optional) return BREACH_NONE;
    if (!m) {
        (void)snprintf(text, SCHEMA_TEXT, "%s: missing", shown(f));
        return BREACH_MISSING;
    }
    bool kind = f->type == FORM_TEXT ? m->kind == FLAT_TEXT : f->type != FORM_BOOL || m->kind == FLAT_TRUTH;
    if (!kind) {
        (void)snprintf(text, SCHEMA_TEXT, "%s: expected %s", shown(f), f->type == FORM_TEXT ? "a text" : "true or false");
        return BREACH_TYPE;
    }
    enum breach b = f->type == FORM_NUMBER || f->type == FORM_INTEGER ? number_judge(f, m, text) : BREACH_NONE;
    return b ? b : unit_judge(f, flat, text);
}

static bool declares(const struct stream *s, struct bytes name)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (bytes_equal_str(name, s->fields[i].name) || bytes_equal_str(name, s->fields[i].unit_in)) return true;
    return false;
}

static enum breach plain_judge(const struct stream_field *f, struct bytes payload, char *text)
{
    struct flat_member m = { .kind = FLAT_NUMBER };
    m.numeric = ok(flat_decimal(payload, &m.milli));
    return number_judge(f, &m, text);
}

enum breach schema_judge(const struct stream *s, struct bytes payload, char text[SCHEMA_TEXT])
{
    struct flat flat UNSET;
    enum breach b = BREACH_NONE;
    if (!s || !s->n_fields) return BREACH_NONE;
    if (!s->fields[0].name[0]) return plain_judge(&s->fields[0], payload, text);
    if (!ok(flat_read(payload, &flat))) {
        (void)snprintf(text, SCHEMA_TEXT, "payload: expected a flat JSON object of at most %d members", FLAT_MAX);
        return BREACH_FORM;
    }
    for (size_t i = 0; !s->others && i < flat.n; i++)
        if (!declares(s, flat.at[i].name)) {
            (void)snprintf(text, SCHEMA_TEXT, "payload: a member that %s does not declare", s->name);
            return BREACH_OTHER;
        }
    for (size_t i = 0; i < s->n_fields && !b; i++) b = member_judge(&s->fields[i], &flat, text);
    return b;
}

outcome schema_number(const struct stream *s, struct bytes payload, const char *field, int64_t *ret_milli, const char **ret_unit)
{
    struct flat flat UNSET;
    const struct stream_field *f = NULL;
    for (size_t i = 0; s && i < s->n_fields && !f; i++)
        if (strcmp(s->fields[i].name, field) == 0) f = &s->fields[i];
    if (!f || (f->type != FORM_NUMBER && f->type != FORM_INTEGER)) return REFUSE(E_UNKNOWN);
    *ret_unit = f->unit;
    if (!f->name[0]) return flat_decimal(payload, ret_milli);
    TRY(flat_read(payload, &flat));
    const struct flat_member *m = flat_get(&flat, field);
    if (!m || !m->numeric) return REFUSE(E_UNKNOWN);
    *ret_milli = m->milli;
    return DONE;
}
