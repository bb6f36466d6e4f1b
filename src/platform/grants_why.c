/* Why each row of a policy speaks for a question or does not: for people, never on a message's way. */
#include <stdio.h>

#include "platform/grants_internal.h"

const char *grant_place(const struct grants *g, const struct grant *row, char *text, size_t size)
{
    const char *source = grants_source(g);
    if (source[0] && row->line > 0) snprintf(text, size, "%s:%d", source, row->line);
    else if (row->line > 0) snprintf(text, size, "line %d", row->line);
    else snprintf(text, size, "%s", g && source[0] ? source : "-");
    return text;
}

static void put_part(struct out *o, const char *text)
{
    put_fmt(o, "%s%s", o->n ? ", " : "", text);
}

static void put_days(struct out *o, uint8_t days)
{
    static const char *const words[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
    for (unsigned d = 0; d < 7 && days != 0x7f; d++)
        if (days & 1u << d) put_fmt(o, " %s", words[d]);
}

const char *grant_when_text(const struct grant *g, char *text, size_t size)
{
    char part[48];
    struct out o = out_of(text, size - 1);
    if (g->trusted) {
        snprintf(part, sizeof part, "trust %s", trust_word(g->trust));
        put_part(&o, part);
    }
    if (g->timed) {
        snprintf(part, sizeof part, "%02u:%02u-%02u:%02u", g->from_min / 60u % 100, g->from_min % 60u, g->to_min / 60u % 100, g->to_min % 60u);
        put_part(&o, part);
        put_days(&o, g->days);
    }
    if (g->permitted) put_part(&o, "work permit");
    if (g->emergency) put_part(&o, "emergency access");
    if (g->purposes[0]) put_fmt(&o, "%spurpose%.*s", o.n ? ", " : "", (int)strlen(g->purposes) - 1, g->purposes);
    text[o.n] = 0;
    return text;
}

static const char *actions_text(unsigned actions, char *text, size_t size)
{
    static const char *const words[] = { "publish", "subscribe", "history", "command", "administer" };
    struct out o = out_of(text, size - 1);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (actions & 1u << i) put_part(&o, words[i]);
    text[o.n] = 0;
    return text;
}

/* {1}: what the row wants. */
static const struct { const char *ja, *en; } misses[GRANT_MISSES] = {
    [MISS_NONE] = { "当てはまります", "it applies" },
    [MISS_SUBJECT] = { "対象者が違います（{1}への定め）", "it is for {1}" },
    [MISS_ACTION] = { "操作が違います（{1}）", "it is about {1}" },
    [MISS_STREAM] = { "データ種別が違います（{1}）", "it covers {1}" },
    [MISS_TRUST] = { "信頼状態が「{1}」のときだけです", "only while the trust is \"{1}\"" },
    [MISS_TIME] = { "今はその時間ではありません（{1}）", "not at this time ({1})" },
    [MISS_PERMIT] = { "この人・この範囲の作業許可が開いていません（{1}）", "no work permit is open for this subject and stream ({1})" },
    [MISS_EMERGENCY] = { "緊急アクセスの間だけです（{1}）", "only while an emergency access is open ({1})" },
    [MISS_PURPOSE] = { "述べられた目的が違います（{1}）", "the purpose stated is not one of these ({1})" },
};

void put_said(struct out *o, const char *text, const char *one, const char *two)
{
    for (const char *p = text; *p; p++) {
        bool mark = p[0] == '{' && (p[1] == '1' || p[1] == '2') && p[2] == '}';
        if (!mark) {
            put_u8(o, (uint8_t)*p);
            continue;
        }
        put_str(o, p[1] == '1' ? one : two);
        p += 2;
    }
}

static const char *wanted(const struct grant *g, enum grant_miss miss, char *text, size_t size)
{
    if (miss == MISS_SUBJECT) return grant_subject_text(g, text, size);
    if (miss == MISS_ACTION) return actions_text(g->actions, text, size);
    if (miss == MISS_STREAM) return g->stream[0] ? g->stream : g->pattern;
    if (miss == MISS_TRUST) return trust_word(g->trust);
    return grant_when_text(g, text, size);
}

struct line { char place[GRANT_SOURCE + 16], want[GRANT_PURPOSE + 96], ja[700], en[700]; };

static void write_line(struct line *l, bool japanese, const struct grant *row, enum grant_miss miss, const char *want)
{
    char *to = japanese ? l->ja : l->en;
    struct out o = out_of(to, sizeof l->ja - 1);
    put_fmt(&o, japanese ? "%s %s（%s）：" : "%s %s (%s): ", l->place, row->id, japanese ? row->deny ? "拒否" : "許可" : row->deny ? "deny" : "allow");
    put_said(&o, japanese ? misses[miss].ja : misses[miss].en, want, "");
    if (row->why[0]) put_fmt(&o, "%s%s", japanese ? "。" : "; ", row->why);
    to[o.n] = 0;
}

static struct doc *tried_row(struct arena *a, struct doc *list, const char *result, const char *ja, const char *en)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "step", "tried");
    doc_set_int(a, d, "level", 1);
    doc_set_text(a, d, "result", result);
    doc_set_text(a, d, "text_ja", ja);
    doc_set_text(a, d, "text_en", en);
    doc_add(list, d);
    return d;
}

static bool said_already(const struct doc *list, const char *en)
{
    for (const struct doc *d = list->first; d; d = d->next)
        if (strcmp(doc_text(d, "step", ""), "tried") == 0 && strcmp(doc_text(d, "text_en", ""), en) == 0) return true;
    return false;
}

/* A row of the file stands here once for each of its streams: the same answer is given once. False: it was. */
static bool add_row(struct arena *a, struct doc *list, const struct grants *g, const struct grant *row, enum grant_miss miss)
{
    struct line l;
    const char *want = wanted(row, miss, l.want, sizeof l.want);
    (void)grant_place(g, row, l.place, sizeof l.place);
    write_line(&l, true, row, miss, want);
    write_line(&l, false, row, miss, want);
    if (said_already(list, l.en)) return false;
    struct doc *d = tried_row(a, list, miss != MISS_NONE ? "no" : row->deny ? "deny" : "pass", l.ja, l.en);
    doc_set_text(a, d, "grant", row->id);
    doc_set_text(a, d, "at", l.place);
    return true;
}

static void add_rest(struct arena *a, struct doc *list, const size_t rest[GRANT_MISSES])
{
    static const struct { enum grant_miss miss; const char *ja, *en; } rows[] = {
        { MISS_STREAM, "ほかの{1}行は、別のデータ種別の定めです", "{1} more rows are about other streams" },
        { MISS_ACTION, "ほかの{1}行は、別の操作の定めです", "{1} more rows are about other actions" },
        { MISS_SUBJECT, "ほかの{1}行は、別の対象者の定めです", "{1} more rows are for other subjects" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char n[24], ja[120], en[120];
        struct out j = out_of(ja, sizeof ja - 1), e = out_of(en, sizeof en - 1);
        if (!rest[rows[i].miss]) continue;
        snprintf(n, sizeof n, "%zu", rest[rows[i].miss]);
        put_said(&j, rows[i].ja, n, "");
        put_said(&e, rows[i].en, n, "");
        ja[j.n] = en[e.n] = 0;
        (void)tried_row(a, list, "no", ja, en);
    }
}

static bool shown(enum grant_miss miss, size_t n)
{
    bool near = miss == MISS_NONE || miss > MISS_STREAM;
    return n < (near ? GRANT_TRIED : GRANT_TRIED / 2); /* so that a short policy is shown whole and a long one is not */
}

/* The nearest first: what applies, what its condition keeps from applying, then what names this subject. */
size_t grants_tried(const struct grants *g, const char *site, const struct registry *r, const struct grant_ask *ask,
    struct arena *arena, struct doc *list)
{
    static const enum grant_miss order[] = { MISS_NONE, MISS_TRUST, MISS_TIME, MISS_PERMIT, MISS_PURPOSE, MISS_EMERGENCY, MISS_STREAM, MISS_ACTION, MISS_SUBJECT };
    size_t n, done = 0, speaks = 0, rest[GRANT_MISSES] = { 0 };
    const struct grant *rows = grants_rows(g, &n);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        for (size_t i = 0; i < n; i++) {
            enum grant_miss miss = grant_missing(&rows[i], site, r, ask);
            if (miss != order[k]) continue;
            speaks += miss == MISS_NONE;
            if (shown(miss, done)) done += add_row(arena, list, g, &rows[i], miss);
            else rest[miss] += i == 0 || strcmp(rows[i].id, rows[i - 1].id) != 0; /* rows of the file, not of its streams */
        }
    }
    add_rest(arena, list, rest);
    return speaks;
}
