#include "assurance/model_value.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/nearest.h"
#include "base/time.h"

/* Foreign text was cut into this one: what is not UTF-8 or not printable becomes '?'. */
static void make_printable(char *text)
{
    for (size_t i = 0, n = strlen(text); i < n;) {
        size_t step = 1;
        while (step <= 4 && i + step <= n && !bytes_is_utf8(bytes_of(text + i, step))) step++;
        bool good = step <= 4 && i + step <= n && (unsigned char)text[i] >= 32;
        if (!good) text[i] = '?';
        i += good ? step : 1;
    }
}

void model_complain(struct model_reader *r, const struct doc *d, const char *key, const char *fmt, ...)
{
    size_t at = r->n++;
    if (at >= r->cap) return;
    struct model_error *e = &r->errors[at];
    *e = (struct model_error) { .line = d ? d->line : 0 };
    int n = 0;
    if (e->line > 0) n = snprintf(e->text, sizeof e->text, "line %d: ", e->line);
    const char *dot = *key && *r->place ? "." : "";
    n += snprintf(e->text + n, sizeof e->text - (size_t)n, "%s%s%s: ", r->place, dot, key);
    make_printable(e->text);
    if (n < 0 || (size_t)n >= sizeof e->text) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->text + n, sizeof e->text - (size_t)n, fmt, args);
    va_end(args);
    make_printable(e->text);
}

const char *model_nearest(const char *got, const char *(*candidate)(const void *ctx, size_t i), const void *ctx)
{
    return text_nearest(got, candidate, ctx);
}

static const char *row_key(const void *ctx, size_t i)
{
    return ((const struct field *)ctx)[i].key;
}

static const char *word_at(const void *ctx, size_t i)
{
    return ((const char *const *)ctx)[i];
}

/* What was found, for a message: short, and never more than a line. */
static const char *found(const struct doc *d, char text[64])
{
    switch (d->kind) {
    case DOC_NULL: return "nothing";
    case DOC_BOOL: return d->truth ? "true" : "false";
    case DOC_INT: snprintf(text, 64, "%lld", (long long)d->number); return text;
    case DOC_LIST: return "a list";
    case DOC_MAP: return "a map";
    case DOC_TEXT: break;
    }
    snprintf(text, 64, "\"%.40s\"", d->text);
    return text;
}

static void expected(struct model_reader *r, const struct doc *d, const char *key, const char *what)
{
    char text[64];
    model_complain(r, d, key, "expected %s, found %s", what, found(d, text));
}

bool model_id_good(const char *id, size_t size)
{
    size_t n = strlen(id);
    if (n == 0 || n >= size) return false;
    for (size_t i = 0; i < n; i++) {
        char c = id[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || (c != '-' && c != '_'))) return false;
    }
    return true;
}

/* Digits, at most one point; up to `places` decimals; thousands by comma or underscore. */
static bool decimal(const char **at, int places, int64_t *ret)
{
    int64_t v = 0;
    int digits = 0, after = -1;
    const char *p = *at;
    for (; *p; p++) {
        if (*p == '.' && after < 0 && digits) {
            after = 0;
        } else if (*p >= '0' && *p <= '9') {
            if (after >= places || v > (INT64_MAX - 9) / 10) return false;
            v = v * 10 + (*p - '0');
            digits++;
            if (after >= 0) after++;
        } else if (!((*p == ',' || *p == '_') && digits && after < 0)) {
            break;
        }
    }
    if (digits == 0 || after == 0) return false;
    for (int i = after < 0 ? 0 : after; i < places; i++) {
        if (v > INT64_MAX / 10) return false;
        v *= 10;
    }
    *at = p;
    *ret = v;
    return true;
}

bool model_value_ppb(struct model_reader *r, const struct doc *d, const char *key, int64_t high, int64_t *ret)
{
    int64_t v = -1;
    const char *at = d->kind == DOC_TEXT ? d->text : "";
    if (d->kind == DOC_INT && d->number >= 0 && d->number <= high / 1000000000) v = d->number * 1000000000;
    if (d->kind == DOC_TEXT && (!decimal(&at, 9, &v) || *at)) v = -1;
    if (v >= 0 && v <= high) {
        *ret = v;
        return true;
    }
    char what[80];
    snprintf(what, sizeof what, "a number as text such as \"0.5\", at most %lld", (long long)(high / 1000000000));
    expected(r, d, key, what);
    return false;
}

bool model_value_yen(struct model_reader *r, const struct doc *d, const char *key, int64_t *ret)
{
    static const struct { const char *unit; int64_t factor; } units[] = {
        { "", 1 }, { "円", 1 }, { "万", 10000 }, { "万円", 10000 }, { "億", 100000000 }, { "億円", 100000000 },
    };
    const int64_t high = 1000000000000000;
    int64_t v = d->kind == DOC_INT ? d->number : -1;
    const char *at = d->kind == DOC_TEXT ? d->text : NULL;
    if (at && decimal(&at, 0, &v)) {
        int64_t factor = 0;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (strcmp(at, units[i].unit) == 0) factor = units[i].factor;
        v = factor && v <= high / factor ? v * factor : -1;
    } else if (at) {
        v = -1;
    }
    if (v >= 0 && v <= high) {
        *ret = v;
        return true;
    }
    expected(r, d, key, "yen, such as 12000000, \"12,000,000\" or \"1200万\"");
    return false;
}

bool model_value_word(struct model_reader *r, const struct doc *d, const char *key, const char *const *words,
    char *to, size_t size)
{
    for (size_t i = 0; d->kind == DOC_TEXT && words[i]; i++) {
        if (strcmp(d->text, words[i]) != 0) continue;
        snprintf(to, size, "%s", words[i]);
        return true;
    }
    char list[160];
    int n = 0;
    for (size_t i = 0; words[i] && n < 140; i++)
        n += snprintf(list + n, sizeof list - (size_t)n, "%s%s", i ? ", " : "one of ", words[i]);
    const char *meant = d->kind == DOC_TEXT ? model_nearest(d->text, word_at, words) : NULL;
    char text[64];
    if (meant) model_complain(r, d, key, "expected %s, found %s (did you mean \"%s\"?)", list, found(d, text), meant);
    else expected(r, d, key, list);
    return false;
}

/* A duration in ms; *at must end after the unit. */
static bool duration(const struct doc *d, int64_t *ret_ms)
{
    static const struct { const char *unit; int64_t ms; } units[] = {
        { "s", MS_S }, { "min", MS_MINUTE }, { "h", MS_HOUR }, { "d", MS_DAY },
    };
    int64_t mille;
    const char *at = d->kind == DOC_TEXT ? d->text : "";
    if (!decimal(&at, 3, &mille) || mille > 100000000000) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(at, units[i].unit) != 0) continue;
        *ret_ms = mille * (units[i].ms / 1000);
        return true;
    }
    return false;
}

static void read_text(struct model_reader *r, const struct doc *d, const char *key, char *to, size_t size)
{
    char what[64];
    snprintf(what, sizeof what, "a text of 1 to %zu bytes", size - 1);
    if (d->kind != DOC_TEXT || *d->text == 0 || strlen(d->text) >= size) {
        expected(r, d, key, what);
        return;
    }
    snprintf(to, size, "%s", d->text);
}

static void read_pair(struct model_reader *r, const struct doc *d, const char *key, struct model_text *to)
{
    if (d->kind != DOC_MAP) {
        expected(r, d, key, "a text in both languages: {ja: ..., en: ...}");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next) {
        char full[64];
        snprintf(full, sizeof full, "%s.%.16s", key, m->key);
        if (strcmp(m->key, "ja") == 0) read_text(r, m, full, to->ja, sizeof to->ja);
        else if (strcmp(m->key, "en") == 0) read_text(r, m, full, to->en, sizeof to->en);
        else model_complain(r, m, full, "unknown key; expected ja or en");
    }
    if (!doc_get(d, "ja") || !doc_get(d, "en")) expected(r, d, key, "both ja and en");
}

static void read_date(struct model_reader *r, const struct doc *d, const struct field *f, char *base)
{
    char full[32];
    int64_t ms;
    bool good = d->kind == DOC_TEXT && strlen(d->text) == 10;
    if (good) snprintf(full, sizeof full, "%.10sT00:00:00Z", d->text);
    if (!good || !ok(time_parse(bytes_str(full), &ms))) {
        expected(r, d, f->key, "a date such as \"2026-11-01\"");
        return;
    }
    if (f->kind == FIELD_DATE) *(int64_t *)(void *)(base + f->at) = ms;
    else snprintf(base + f->at, f->size, "%s", d->text);
}

static bool in_range(struct model_reader *r, const struct doc *d, const struct field *f, int64_t v, int64_t most)
{
    int64_t high = f->high ? f->high : most;
    if (v >= f->low && v <= high) return true;
    char text[64];
    model_complain(r, d, f->key, "expected %lld to %lld, found %s (= %lld)", (long long)f->low, (long long)high,
        found(d, text), (long long)v);
    return false;
}

static void read_number(struct model_reader *r, const struct doc *d, const struct field *f, char *base)
{
    int64_t v = 0;
    void *to = base + f->at;
    switch (f->kind) {
    case FIELD_YEN:
        if (model_value_yen(r, d, f->key, &v) && in_range(r, d, f, v, INT64_MAX)) *(int64_t *)to = v;
        return;
    case FIELD_MILLE:
        if (model_value_ppb(r, d, f->key, 4000000000000000, &v) && in_range(r, d, f, v / 1000000, UINT32_MAX))
            *(uint32_t *)to = (uint32_t)(v / 1000000);
        return;
    case FIELD_COUNT:
        if (d->kind != DOC_INT) expected(r, d, f->key, "a whole number");
        else if (in_range(r, d, f, d->number, UINT32_MAX)) *(uint32_t *)to = (uint32_t)d->number;
        return;
    default: break;
    }
    if (!duration(d, &v)) {
        expected(r, d, f->key, "a duration with its unit (s, min, h, d), such as \"4h\", \"30min\" or \"6.5h\"");
        return;
    }
    if (f->kind == FIELD_MS) {
        if (in_range(r, d, f, v, INT64_MAX)) *(int64_t *)to = v;
        return;
    }
    v = f->kind == FIELD_MINUTES ? v / MS_MINUTE : v / (MS_HOUR / 1000);
    if (in_range(r, d, f, v, UINT32_MAX)) *(uint32_t *)to = (uint32_t)v;
}

static void read_field(struct model_reader *r, const struct doc *d, const struct field *f, char *base)
{
    switch (f->kind) {
    case FIELD_ID:
        if (d->kind == DOC_TEXT && model_id_good(d->text, f->size)) snprintf(base + f->at, f->size, "%s", d->text);
        else expected(r, d, f->key, "an id of letters, digits, - and _");
        return;
    case FIELD_TEXT: read_text(r, d, f->key, base + f->at, f->size); return;
    case FIELD_PAIR: read_pair(r, d, f->key, (struct model_text *)(void *)(base + f->at)); return;
    case FIELD_WORD: model_value_word(r, d, f->key, f->words, base + f->at, f->size); return;
    case FIELD_BOOL:
        if (d->kind == DOC_BOOL) *(bool *)(void *)(base + f->at) = d->truth;
        else expected(r, d, f->key, "true or false");
        return;
    case FIELD_DATE:
    case FIELD_DAY: read_date(r, d, f, base); return;
    case FIELD_OWN: f->own(r, d, base); return;
    default: read_number(r, d, f, base);
    }
}

void model_read_map(struct model_reader *r, const struct doc *d, const struct field *rows, void *base)
{
    if (d->kind != DOC_MAP) {
        expected(r, d, "", "a map");
        return;
    }
    for (const struct doc *m = d->first; m; m = m->next) {
        const struct field *f = rows;
        while (f->key && strcmp(f->key, m->key) != 0) f++;
        if (f->key) {
            read_field(r, m, f, base);
            continue;
        }
        const char *meant = model_nearest(m->key, row_key, rows);
        if (meant) model_complain(r, m, m->key, "unknown key (did you mean \"%s\"?)", meant);
        else model_complain(r, m, m->key, "unknown key");
    }
    for (const struct field *f = rows; f->key; f++)
        if (f->required && !doc_get(d, f->key)) model_complain(r, d, f->key, "expected, but missing");
}
