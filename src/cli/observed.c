/* What observe mode (見守り) would have held, limit by limit, counted from the record; and what was changed all the same: nothing, or
 * it is said. So that whoever signs enforcement knows its price beforehand. */
#include <stdio.h>

#include "cli/cli.h"

enum { ROWS_MAX = 128, KEY = 64 };

struct row {
    char limit[KEY], from[KEY], what[200], first[TIME_TEXT], last[TIME_TEXT];
    uint64_t would, changed;
};

struct tally {
    struct row rows[ROWS_MAX];
    size_t n;
    char since[TIME_TEXT];
};

static void keep_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%.*s", (int)(size - 1), text);
}

static struct row *row_of(struct tally *t, const char *limit, const char *from)
{
    size_t i = 0;
    while (i < t->n && (strcmp(t->rows[i].limit, limit) != 0 || strcmp(t->rows[i].from, from) != 0)) i++;
    if (i == ROWS_MAX) return &t->rows[ROWS_MAX - 1]; /* the last one takes the rest */
    if (i == t->n) {
        keep_text(t->rows[i].limit, KEY, limit);
        keep_text(t->rows[i].from, KEY, from);
        t->n++;
    }
    return &t->rows[i];
}

static uint64_t number(const char *text)
{
    uint64_t n = 0;
    for (const char *c = text; *c >= '0' && *c <= '9' && n < UINT32_MAX; c++) n = n * 10 + (uint64_t)(*c - '0');
    return n;
}

/* {"what":"refused","reason":"observed","source":"L-1 op-1","count","detail":"topic observed ..."} */
static void count_observed(void *ctx, const struct doc *e)
{
    struct tally *t = ctx;
    char limit[KEY] = "";
    const struct doc *p = doc_get(e, "payload");
    const char *source = doc_text(p, "source", ""), *at = doc_text(e, "at", "");
    if (strcmp(doc_text(p, "reason", ""), "observed") != 0 || strcmp(at, t->since) < 0) return;
    size_t n = strcspn(source, " ");
    snprintf(limit, sizeof limit, "%.*s", (int)(n < KEY - 1 ? n : KEY - 1), source);
    struct row *r = row_of(t, limit, source[n] ? source + n + 1 : "");
    r->would += number(doc_text(p, "count", "1"));
    if (!r->first[0]) keep_text(r->first, sizeof r->first, at);
    keep_text(r->last, sizeof r->last, at);
    snprintf(r->what, sizeof r->what, "%.*s", (int)strcspn(doc_text(p, "detail", ""), " "), doc_text(p, "detail", ""));
}

/* Anything that one of these limits really held or refused. */
static void count_changed(void *ctx, const struct doc *e)
{
    struct tally *t = ctx;
    const struct doc *p = doc_get(e, "payload");
    const char *what = doc_text(p, "what", ""), *limit = doc_text(p, "limit", "");
    bool changed = strcmp(what, "command-held") == 0 || strcmp(what, "command-refused") == 0;
    if (!changed || !*limit || strcmp(doc_text(e, "at", ""), t->since) < 0) return;
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].limit, limit) == 0 && strcmp(t->rows[i].from, doc_text(p, "from", "")) == 0) t->rows[i].changed++;
}

static void print_rows(struct cli *c, const struct tally *t)
{
    uint64_t would = 0, changed = 0;
    for (size_t i = 0; i < t->n; i++) would += t->rows[i].would, changed += t->rows[i].changed;
    printf("%s %.10s – : %s %llu, %s %llu\n", cli_say(c, W_OBSERVE_HEAD), t->since, cli_say(c, W_OBSERVE_WOULD), (unsigned long long)would,
        cli_say(c, W_OBSERVE_CHANGED), (unsigned long long)changed);
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        printf("  %-10s %-20s %s %7llu   %s %llu   %.16sZ – %.16sZ  %s\n", r->limit, r->from, cli_say(c, W_OBSERVE_WOULD), (unsigned long long)r->would,
            cli_say(c, W_OBSERVE_CHANGED), (unsigned long long)r->changed, r->first, r->last, r->what);
    }
    printf("%s\n", cli_say(c, W_OBSERVE_NEXT));
}

static void print_doc(struct cli *c, const struct tally *t)
{
    struct doc *list = doc_list(&c->arena);
    for (size_t i = 0; i < t->n; i++) {
        struct doc *d = doc_map(&c->arena);
        doc_set_text(&c->arena, d, "limit", t->rows[i].limit);
        doc_set_text(&c->arena, d, "from", t->rows[i].from);
        doc_set_int(&c->arena, d, "would_have", (int64_t)t->rows[i].would);
        doc_set_int(&c->arena, d, "changed", (int64_t)t->rows[i].changed);
        doc_set_text(&c->arena, d, "first", t->rows[i].first);
        doc_set_text(&c->arena, d, "last", t->rows[i].last);
        doc_set_text(&c->arena, d, "topic", t->rows[i].what);
        doc_add(list, d);
    }
    print_json(list);
}

int cmd_report_observe(struct cli *c)
{
    static const char *const kinds[] = { "hold", "command" };
    int64_t days = flag(c, "days") ? whole_number(flag(c, "days"), 3650) : 30;
    struct tally *t = mem_new(sizeof *t);
    if (!t) return EXIT_FAILED;
    if (c->n_args || days < 1) {
        mem_free(t);
        return complain_usage(c);
    }
    time_text(port_wall_ms() - days * MS_DAY, t->since);
    int code = each_entry(c, "0", "audit", count_observed, t);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !code; i++) code = each_entry(c, "0", kinds[i], count_changed, t);
    if (!code && c->json) print_doc(c, t);
    else if (!code) print_rows(c, t);
    mem_free(t);
    return code;
}
