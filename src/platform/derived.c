#include "platform/derived.h"

#include <stdio.h>

#include "base/nearest.h"
#include "platform/reduce.h"

const char *derive_word(enum derive_how how)
{
    static const char *const words[DERIVE_HOWS] = { "", "mean", "min", "max", "sum", "count", "reduced" };
    return words[how];
}

static const char *stream_name(const void *ctx, size_t i)
{
    const struct stream *rows[256];
    size_t n = registry_streams(ctx, rows, 256);
    return i < n ? rows[i]->name : NULL;
}

static bool reduces_to(const struct stream *in, uint8_t label)
{
    for (size_t i = 0; i < in->n_reductions; i++)
        if (in->reductions[i].to == label) return true;
    return false;
}

static bool has_number(const struct stream *in, const char *field)
{
    for (size_t i = 0; i < in->n_fields; i++)
        if (strcmp(in->fields[i].name, field) == 0) return in->fields[i].type == FORM_NUMBER || in->fields[i].type == FORM_INTEGER;
    return false;
}

static const char *input_wrong(const struct registry *r, const struct stream *s, const char *name, char text[DERIVED_TEXT])
{
    const struct derivation *v = &s->derive;
    const struct stream *in = registry_stream_named(r, name);
    const char *meant = in ? NULL : text_nearest(name, stream_name, r);
    text[0] = 0;
    if (!in)
        (void)snprintf(text, DERIVED_TEXT, "derive: no stream \"%s\" is declared%s%s%s", name, meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "");
    else if (in->derive.how || in->command || strcmp(name, s->name) == 0)
        (void)snprintf(text, DERIVED_TEXT, "derive: \"%s\" is %s; name streams that devices publish", name, in->command ? "a command" : "derived itself");
    else if (!in->recorded)
        (void)snprintf(text, DERIVED_TEXT, "derive: \"%s\" is not recorded; what is derived names the entries it is from (recorded: true)", name);
    else if (v->how == DERIVE_REDUCED && !reduces_to(in, v->to))
        (void)snprintf(text, DERIVED_TEXT, "derive: \"%s\" declares no reduction to %s", name, label_word((enum label)v->to));
    else if (v->how != DERIVE_REDUCED && v->how != DERIVE_COUNT && !has_number(in, v->field))
        (void)snprintf(text, DERIVED_TEXT, "derive: \"%s\" declares no number \"%s\"", name, v->field);
    return text[0] ? text : NULL;
}

static enum label highest(const struct registry *r, const struct stream *s)
{
    enum label top = LABEL_PUBLIC;
    for (size_t i = 0; i < s->derive.n; i++) {
        enum label l = label_of(registry_stream_named(r, s->derive.from[i]));
        if (l > top) top = l;
    }
    return top;
}

enum label derived_label(const struct registry *r, const struct stream *s)
{
    const struct derivation *v = &s->derive;
    const struct stream *in = registry_stream_named(r, v->from[0]);
    if (v->how == DERIVE_REDUCED) return in && reduces_to(in, v->to) ? (enum label)v->to : highest(r, s);
    enum label top = highest(r, s);
    if (!v->labelled) return top;
    /* an aggregate of too few says what one of them said; raised it may always be */
    return v->at_least >= 2 || v->label > top ? (enum label)v->label : top;
}

/* Something is derived from it, and could not be any more. */
static const char *needed(const struct registry *r, const struct stream *s, char text[DERIVED_TEXT])
{
    const struct stream *rows[1024];
    size_t n = registry_streams(r, rows, 1024);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows[i]->derive.n; k++) {
            if (strcmp(rows[i]->derive.from[k], s->name) != 0 || (s->recorded && !s->derive.how && !s->command)) continue;
            (void)snprintf(text, DERIVED_TEXT, "\"%s\" is derived from it: it stays recorded, and no command", rows[i]->name);
            return text;
        }
    return NULL;
}

const char *derived_wrong(const struct registry *r, const struct stream *s, char text[DERIVED_TEXT])
{
    const char *wrong = needed(r, s, text);
    if (!s->derive.how) return wrong;
    for (size_t i = 0; i < s->derive.n && !wrong; i++) wrong = input_wrong(r, s, s->derive.from[i], text);
    if (wrong || !s->derive.labelled || s->derive.at_least >= 2 || s->derive.label >= highest(r, s)) return wrong;
    (void)snprintf(text, DERIVED_TEXT, "label: %s is below its inputs' (%s); an aggregate goes down with at_least: 2 or more: of one value it is that value",
        label_word((enum label)s->derive.label), label_word(highest(r, s)));
    return text;
}

/* Digits behind `prefix`, taken off. */
static MUST outcome number(struct bytes *in, const char *prefix, uint64_t *ret)
{
    struct bytes p = bytes_str(prefix);
    size_t n = 0;
    if (!bytes_starts(*in, p)) return REFUSE(E_MALFORMED);
    *in = bytes_of(in->at + p.n, in->n - p.n);
    for (*ret = 0; n < in->n && n < 19 && in->at[n] >= '0' && in->at[n] <= '9'; n++) *ret = *ret * 10 + (uint64_t)(in->at[n] - '0');
    *in = bytes_of(in->at + n, in->n - n);
    return n ? DONE : REFUSE(E_MALFORMED);
}

outcome derived_inputs_read(struct bytes text, struct derived_inputs *ret)
{
    struct derived_inputs i = { 0 };
    TRY(number(&text, "", &i.first));
    TRY(number(&text, "-", &i.last));
    TRY(number(&text, " n=", &i.n));
    TRY(number(&text, " left-out=", &i.left_out));
    TRY(at_end(text));
    *ret = i;
    return DONE;
}
