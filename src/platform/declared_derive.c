/* Reading and writing "derive". What can be told from the declaration alone; the rest hangs on other streams (derived.c). */
#include "platform/declared_parts.h"

#include <stdio.h>

#include "base/nearest.h"
#include "platform/derived.h"
#include "platform/member.h"
#include "wire/mqtt.h"

static const char *how_word(const void *ctx, size_t i)
{
    (void)ctx;
    return i + 1 < DERIVE_HOWS ? derive_word((enum derive_how)(i + 1)) : NULL;
}

static MUST outcome read_how(const struct doc *d, struct derivation *v, struct declared_wrong *w)
{
    const char *how = doc_text(d, "how", ""), *meant = *how ? text_nearest(how, how_word, NULL) : NULL;
    for (int i = DERIVE_NONE + 1; i < DERIVE_HOWS && !v->how; i++)
        if (strcmp(derive_word((enum derive_how)i), how) == 0) v->how = (enum derive_how)i;
    if (v->how) return DONE;
    return declared_wrong_at(w, doc_get(d, "how") ? doc_get(d, "how") : d, "how: expected one of mean, min, max, sum, count, reduced%s%s%s",
        meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "");
}

static MUST outcome read_from(const struct doc *d, struct derivation *v, struct declared_wrong *w)
{
    const struct doc *list = doc_get(d, "from");
    if (!list || list->kind != DOC_LIST || !list->first || list->count > DERIVE_INPUTS)
        return declared_wrong_at(w, list ? list : d, "from: expected a list of 1 to %d declared streams, such as [reservoir-level]", DERIVE_INPUTS);
    for (const struct doc *m = list->first; m; m = m->next) {
        if (m->kind != DOC_TEXT || !registry_id_valid(bytes_str(m->text))) return declared_wrong_at(w, m, "from: expected names of declared streams");
        (void)snprintf(v->from[v->n++], ID_MAX, "%s", m->text);
    }
    return DONE;
}

static MUST outcome read_reduced(const struct doc *d, struct stream *s, struct declared_wrong *w)
{
    struct derivation *v = &s->derive;
    const char *to = doc_text(d, "to", "");
    while (v->to < LABELS && strcmp(label_word((enum label)v->to), to) != 0) v->to++;
    if (v->to >= LABEL_RESTRICTED) return declared_wrong_at(w, d, "to: expected the label of the input's reduction: one of public, internal, confidential");
    if (v->n != 1) return declared_wrong_at(w, d, "from: reduced is of one stream");
    return v->labelled ? declared_wrong_at(w, d, "label: a reduced stream has the label its reduction leads to; leave label out") : DONE;
}

/* What an aggregate says of its window. */
static void make_form(struct stream *s)
{
    static const char *const names[] = { "v", "n", "from", "to" };
    s->n_fields = 4;
    for (size_t i = 0; i < 4; i++) {
        s->fields[i] = (struct stream_field) { .type = i ? FORM_INTEGER : FORM_NUMBER };
        (void)snprintf(s->fields[i].name, sizeof s->fields[i].name, "%s", names[i]);
    }
    (void)snprintf(s->fields[0].unit, sizeof s->fields[0].unit, "%s", s->unit);
}

static MUST outcome read_window(const struct doc *d, struct stream *s, struct declared_wrong *w)
{
    struct derivation *v = &s->derive;
    int64_t every = doc_int(d, "every_s", 0), least = doc_int(d, "at_least", 1);
    if (every < 1 || every > DERIVE_EVERY_MAX_S) return declared_wrong_at(w, d, "every_s: expected a window of 1 to %d seconds", DERIVE_EVERY_MAX_S);
    if (least < 1 || least > 1000000) return declared_wrong_at(w, d, "at_least: expected 1 to 1000000");
    if (!ok(member_text(d, "field", v->field, sizeof v->field))) return declared_wrong_at(w, d, "field: expected the name of a number");
    if (strcmp(v->field, "payload") == 0) v->field[0] = 0;
    v->every_s = (uint32_t)every;
    v->at_least = (uint32_t)least;
    make_form(s);
    return DONE;
}

outcome declared_derivation(const struct doc *whole, struct stream *s, struct declared_wrong *w)
{
    static const char *const keys[] = { "from", "how", "field", "every_s", "at_least", "to" };
    const struct doc *d = doc_get(whole, "derive");
    struct derivation *v = &s->derive;
    if (!d) return DONE;
    if (!ok(member_only(d, keys, COUNT(keys)))) return declared_wrong_at(w, d, "derive: expected from, how, field, every_s, at_least, to");
    if (!mqtt_topic_valid(bytes_str(s->pattern))) return declared_wrong_at(w, whole, "pattern: what is derived has one whole topic, without + and #");
    if (s->command || doc_get(whole, "fields")) return declared_wrong_at(w, d, "derive: is no command, and its form follows: leave command and fields out");
    if (doc_get(whole, "recorded") && !s->recorded) return declared_wrong_at(w, doc_get(whole, "recorded"), "recorded: what is derived is always recorded");
    s->recorded = true;
    TRY(read_how(d, v, w));
    TRY(read_from(d, v, w));
    v->labelled = doc_get(whole, "label") != NULL;
    v->label = (uint8_t)label_of(s);
    if (!v->labelled) (void)snprintf(s->label, sizeof s->label, "%s", label_word(LABEL_RESTRICTED)); /* until its inputs are known */
    return v->how == DERIVE_REDUCED ? read_reduced(d, s, w) : read_window(d, s, w);
}

struct doc *declared_derivation_doc(struct arena *a, const struct stream *s)
{
    const struct derivation *v = &s->derive;
    struct doc *d = doc_map(a), *from = doc_list(a);
    for (size_t i = 0; i < v->n; i++) doc_add(from, doc_text_new(a, v->from[i]));
    doc_set(a, d, "from", from);
    doc_set_text(a, d, "how", derive_word(v->how));
    if (v->how == DERIVE_REDUCED) doc_set_text(a, d, "to", label_word((enum label)v->to));
    if (v->how == DERIVE_REDUCED) return d;
    doc_set_text(a, d, "field", v->field[0] ? v->field : "payload");
    doc_set_int(a, d, "every_s", v->every_s);
    doc_set_int(a, d, "at_least", v->at_least);
    return d;
}
