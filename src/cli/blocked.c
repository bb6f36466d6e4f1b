/* What was blocked, by what authority, and how much of it was harmless after all: counted from the record, so that whoever
 * holds a limit sees its price. Harmless is what people let go, and what a person found so afterwards. */
#include <stdio.h>

#include "cli/cli.h"

enum { ROWS_MAX = 128, KEY = 64 };

struct row {
    char key[KEY], decision[32];
    uint64_t blocked, let_go, unsent, found;
};

struct tally {
    struct row rows[ROWS_MAX];
    size_t n;
    struct { int64_t index; size_t row; bool found; } *seen; /* what a person may find harmless */
    size_t n_seen, cap;
    const char *since;
};

static size_t row_of(struct tally *t, const char *key, const char *decision)
{
    size_t i = 0;
    while (i < t->n && strcmp(t->rows[i].key, key) != 0) i++;
    if (i < t->n) return i;
    if (t->n == ROWS_MAX) return ROWS_MAX - 1; /* the last one takes the rest */
    struct row *r = &t->rows[t->n++];
    snprintf(r->key, sizeof r->key, "%s", key);
    snprintf(r->decision, sizeof r->decision, "%s", decision);
    return i;
}

static void remember(struct tally *t, int64_t index, size_t row)
{
    if (t->n_seen == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        void *more = mem_grow(t->seen, cap * sizeof *t->seen);
        if (!more) return; /* not counted as harmless */
        t->seen = more;
        t->cap = cap;
    }
    t->seen[t->n_seen].index = index;
    t->seen[t->n_seen].row = row;
    t->seen[t->n_seen++].found = false;
}

/* By a limit, or by the word of what else spoke. */
static size_t row_for(struct tally *t, const struct doc *p, const char *word)
{
    char key[KEY];
    const char *limit = doc_text(p, "limit", "");
    if (*limit) snprintf(key, sizeof key, "limit %.40s", limit);
    else snprintf(key, sizeof key, "%.60s", *word ? word : "-");
    return row_of(t, key, doc_text(p, "decision", ""));
}

static void count_command(struct tally *t, int64_t index, const struct doc *p)
{
    const char *what = doc_text(p, "what", ""), *word = doc_text(p, *doc_text(p, "why", "") ? "why" : "verdict", "");
    if (strcmp(what, "command-held") == 0) t->rows[row_for(t, p, word)].blocked++;
    if (strcmp(what, "command-released") == 0) t->rows[row_for(t, p, word)].let_go++;
    bool held = *doc_text(p, "hold", "") != 0;
    bool refused = strcmp(what, "command-refused") == 0, ended = strcmp(what, "command-expired") == 0 || strcmp(what, "command-dropped") == 0;
    if (!refused && !(ended && held)) return;
    size_t row = row_for(t, p, word);
    if (held) t->rows[row].unsent++;
    else t->rows[row].blocked++;
    remember(t, index, row);
}

/* {"what":"refused","reason","count","detail"}: the detail of the first is "topic word ...". */
static void count_refused(struct tally *t, int64_t index, const struct doc *p)
{
    char word[KEY] = "";
    const char *reason = doc_text(p, "reason", ""), *space = strchr(doc_text(p, "detail", ""), ' ');
    bool ours = strcmp(reason, "publish-refused") == 0 || strcmp(reason, "publish-kept-back") == 0 || strcmp(reason, "subscribe-refused") == 0;
    if (!ours) return;
    if (space) snprintf(word, sizeof word, "%.*s", (int)strcspn(space + 1, " "), space + 1);
    size_t row = row_of(t, *word ? word : reason, "");
    uint64_t n = 0;
    for (const char *c = doc_text(p, "count", "1"); *c >= '0' && *c <= '9' && n < UINT32_MAX; c++) n = n * 10 + (uint64_t)(*c - '0');
    t->rows[row].blocked += n;
    remember(t, index, row);
}

static void count_found(struct tally *t, const struct doc *p)
{
    int64_t index = 0;
    for (const char *c = doc_text(p, "id", ""); *c >= '0' && *c <= '9' && index < INT64_C(1000000000000000); c++) index = index * 10 + (*c - '0');
    for (size_t i = 0; i < t->n_seen; i++) {
        if (t->seen[i].index != index || t->seen[i].found) continue;
        t->seen[i].found = true; /* once, however often it was said */
        t->rows[t->seen[i].row].found++;
    }
}

static void count_entry(struct tally *t, const char *kind, const struct doc *e)
{
    const struct doc *p = doc_get(e, "payload");
    int64_t index = doc_int(e, "index", 0);
    if (strcmp(doc_text(e, "at", ""), t->since) < 0) return;
    if (strcmp(kind, "audit") != 0) count_command(t, index, p);
    else if (strcmp(doc_text(p, "what", ""), "refused") == 0) count_refused(t, index, p);
    else if (strcmp(doc_text(p, "what", ""), "found-harmless") == 0) count_found(t, p);
}

struct counting {
    struct tally *t;
    const char *kind;
};

static void count_one(void *ctx, const struct doc *e)
{
    const struct counting *k = ctx;
    count_entry(k->t, k->kind, e);
}

static int count_kind(struct cli *c, struct tally *t, const char *kind)
{
    return each_entry(c, "0", kind, count_one, &(struct counting) { t, kind });
}

/* What it rests on and when that ends. */
static void authority(const struct cli *c, const struct row *r, const struct doc *decisions, char *text, size_t size)
{
    static const struct { const char *word; enum word says; } rows[] = { { "no-grant", W_BY_GRANTS }, { "label", W_BY_GRANTS },
        { "no-permit", W_BY_GRANTS }, { "interlock", W_BY_STREAM }, { "two-person", W_BY_STREAM }, { "schema-", W_BY_STREAM },
        { "quarantined", W_BY_ORDER }, { "contained", W_BY_ORDER }, { "checklist", W_BY_ORDER }, { "outside-profile", W_BY_ORDER }, { "peer", W_BY_AGREEMENT } };
    snprintf(text, size, "%s", cli_say(c, W_BY_RULE));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(r->key, rows[i].word, strlen(rows[i].word)) == 0) snprintf(text, size, "%s", cli_say(c, rows[i].says));
    if (!r->decision[0]) return;
    snprintf(text, size, "%s %s", cli_say(c, W_DECISION), r->decision);
    for (const struct doc *d = decisions ? decisions->first : NULL; d; d = d->next)
        if (strcmp(doc_text(d, "id", ""), r->decision) == 0)
            snprintf(text, size, "%s %s (%s, %s %s)", cli_say(c, W_DECISION), r->decision, doc_said(c, d, "state"), cli_say(c, W_UNTIL), doc_text(d, "expires", ""));
}

static void print_table(const struct cli *c, const struct tally *t, const struct doc *decisions)
{
    char by[200];
    printf("%s\n", cli_say(c, W_BLOCKED_HEAD));
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        authority(c, r, decisions, by, sizeof by);
        printf("%-20s %7llu %7llu %7llu %7llu  %s\n", r->key, (unsigned long long)r->blocked, (unsigned long long)r->let_go,
            (unsigned long long)r->found, (unsigned long long)r->unsent, by);
    }
    if (!t->n) printf("%s\n", cli_say(c, W_NOTHING_BLOCKED));
}

static void print_rows(struct cli *c, const struct tally *t, const struct doc *decisions)
{
    char by[200];
    struct doc *list = doc_list(&c->arena);
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        struct doc *d = doc_map(&c->arena);
        authority(c, r, decisions, by, sizeof by);
        doc_set_text(&c->arena, d, "by", r->key);
        doc_set_text(&c->arena, d, "decision", r->decision);
        doc_set_text(&c->arena, d, "authority", by);
        doc_set_int(&c->arena, d, "blocked", (int64_t)r->blocked);
        doc_set_int(&c->arena, d, "let_go", (int64_t)r->let_go);
        doc_set_int(&c->arena, d, "found_harmless", (int64_t)r->found);
        doc_set_int(&c->arena, d, "harmless", (int64_t)(r->let_go + r->found));
        doc_set_int(&c->arena, d, "unsent", (int64_t)r->unsent);
        doc_add(list, d);
    }
    print_json(list);
}

int cmd_report_blocked(struct cli *c)
{
    static const char *const kinds[] = { "hold", "release", "command", "audit" };
    const struct doc *decisions = NULL;
    struct tally *t = mem_new(sizeof *t);
    if (!t) return EXIT_FAILED;
    if (c->n_args) {
        mem_free(t);
        return complain_usage(c);
    }
    t->since = flag(c, "since") ? flag(c, "since") : "";
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !code; i++) code = count_kind(c, t, kinds[i]);
    if (!code) code = ask(c, "GET", "/api/v1/decisions", BYTES_NONE, &decisions);
    if (!code && c->json) print_rows(c, t, decisions);
    else if (!code) print_table(c, t, decisions);
    mem_free(t->seen);
    mem_free(t);
    return code;
}

/* A person's finding about something that was blocked, by its entry. */
int cmd_command_harmless(struct cli *c)
{
    char path[96];
    const struct doc *answer;
    struct doc *d = doc_map(&c->arena);
    if (c->n_args != 1 || strlen(c->args[0]) > 15) return complain_usage(c);
    if (!c->dry_run && !flag(c, "reason")) return need_flag(c, "reason");
    snprintf(path, sizeof path, "/api/v1/blocked/%s/harmless", c->args[0]);
    doc_set_text(&c->arena, d, "reason", flag(c, "reason") ? flag(c, "reason") : "");
    if (c->dry_run) doc_set_bool(&c->arena, d, "dry_run", true);
    int code = ask_doc(c, path, d, &answer);
    if (!code) printf("%s: %s\n", c->args[0], cli_say(c, c->dry_run ? W_DRY_RUN : W_FOUND_HARMLESS));
    return code;
}
