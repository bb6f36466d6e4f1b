/* Guidelines and standards against live evidence: which items are backed by what was measured, declared, gone stale or
 * unknown. Evidence is mapped to clauses; nothing here says that anything conforms. */
#include <stdio.h>
#include <unistd.h>

#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/embedded.h"

static const struct embedded *embedded_find(const char *name)
{
    const struct embedded *e = embedded_files;
    while (e->name && strcmp(e->name, name) != 0) e++;
    return e->name ? e : NULL;
}

/* ---- templates ---- */

static const char *template_at(const void *ctx, size_t i)
{
    static char name[64];
    (void)ctx;
    for (const struct embedded *e = embedded_files; e->name; e++) {
        if (strncmp(e->name, "templates/", 10) != 0 || i--) continue;
        snprintf(name, sizeof name, "%.*s", (int)(strcspn(e->name + 10, ".")), e->name + 10);
        return name;
    }
    return NULL;
}

int write_template(struct cli *c)
{
    char name[96], all[200] = "";
    const char *want = flag(c, "template"), *out = flag(c, "out"), *one;
    if (c->n_args) return complain_usage(c);
    if (!out) return need_flag(c, "out");
    snprintf(name, sizeof name, "templates/%.64s.yaml", want);
    const struct embedded *e = embedded_find(name);
    if (!e) {
        struct out o = out_of(all, sizeof all - 1);
        for (size_t i = 0; (one = template_at(NULL, i)); i++) put_fmt(&o, "%s%s", i ? " " : "", one);
        all[o.n] = 0;
        return complain(c, EXIT_USAGE, "SK-1070", cli_say(c, W_NO_TEMPLATE), want, all);
    }
    if (access(out, F_OK) == 0) return complain(c, EXIT_CONFLICT, "SK-1071", cli_say(c, W_EXISTS), out, NULL);
    int code = write_file(c, out, bytes_of(e->at, e->n), 0644);
    if (!code) printf("%s\n  %s: sekimori mission check %s; sekimori risk check %s\n", out, cli_say(c, W_TRY), out, out);
    return code;
}

/* ---- compliance ---- */

enum state { STATE_MEASURED, STATE_DECLARED, STATE_STALE, STATE_UNKNOWN, STATE_FAILING, STATE_RECORD, STATES };
static const struct { const char *word, *ja, *en; } states[STATES] = {
    { "measured", "実測", "measured" }, { "declared", "申告", "declared" }, { "stale", "期限切れ", "stale" },
    { "unknown", "未確認", "unknown" }, { "failing", "不合格あり", "failing" }, { "record", "人の記録による", "by people's records" },
};

static const struct doc *control_of(const struct doc *controls, const char *id)
{
    for (const struct doc *x = controls ? controls->first : NULL; x; x = x->next)
        if (strcmp(doc_text(x, "id", doc_text(x, "control", "")), id) == 0) return x;
    return NULL;
}

struct backing {
    enum state state;
    int64_t measured, declared, fail; /* per mille, mean over its controls */
    size_t n;
};

/* The worst of its controls speaks for the item. */
static void add_control(struct backing *b, const struct doc *x)
{
    static const int badness[STATES] = { [STATE_MEASURED] = 0, [STATE_DECLARED] = 1, [STATE_STALE] = 2, [STATE_UNKNOWN] = 3, [STATE_FAILING] = 4 };
    int64_t assets = x ? doc_int(x, "assets", 0) : 0, measured = x ? doc_int(x, "measured", 0) : 0, declared = x ? doc_int(x, "declared", 0) : 0;
    int64_t stale = x ? doc_int(x, "stale", 0) : 0, fail = x ? doc_int(x, "fail", 0) : 0;
    enum state s = STATE_MEASURED;
    b->n++;
    if (assets == 0 || measured + declared + stale < assets) s = STATE_UNKNOWN;
    else if (stale) s = STATE_STALE;
    else if (declared) s = STATE_DECLARED;
    if (fail) s = STATE_FAILING;
    if (b->n == 1 || badness[s] > badness[b->state]) b->state = s;
    if (assets == 0) return;
    b->measured += measured * 1000 / assets;
    b->declared += declared * 1000 / assets;
    b->fail += fail * 1000 / assets;
}

static struct doc *item_doc(struct cli *c, const struct doc *item, const struct doc *controls)
{
    struct doc *d = doc_map(&c->arena), *list = doc_list(&c->arena);
    struct backing b = { .state = STATE_UNKNOWN };
    const struct doc *title = doc_get(item, "title"), *ids = doc_get(item, "controls");
    for (const struct doc *id = ids->first; id; id = id->next) {
        add_control(&b, control_of(controls, id->text));
        doc_add(list, doc_text_new(&c->arena, id->text));
    }
    if (b.n == 0 && doc_bool(item, "record", false)) b.state = STATE_RECORD;
    doc_set_text(&c->arena, d, "id", doc_text(item, "id", ""));
    doc_set_text(&c->arena, d, "title_ja", doc_text(title, "ja", ""));
    doc_set_text(&c->arena, d, "title_en", doc_text(title, "en", ""));
    doc_set_bool(&c->arena, d, "confirmed", doc_bool(item, "confirmed", false));
    doc_set_bool(&c->arena, d, "record_needed", doc_bool(item, "record", false));
    doc_set(&c->arena, d, "controls", list);
    doc_set_text(&c->arena, d, "state", states[b.state].word);
    doc_set_int(&c->arena, d, "measured_mille", b.n ? b.measured / (int64_t)b.n : 0);
    doc_set_int(&c->arena, d, "declared_mille", b.n ? b.declared / (int64_t)b.n : 0);
    doc_set_int(&c->arena, d, "fail_mille", b.n ? b.fail / (int64_t)b.n : 0);
    return d;
}

static const char *guideline_at(const void *ctx, size_t i)
{
    const struct doc *x = doc_get(ctx, "guidelines")->first;
    while (x && i--) x = x->next;
    return x ? doc_text(x, "id", "") : NULL;
}

static struct doc *report_doc(struct cli *c, const struct doc *guidelines, const struct doc *controls)
{
    struct doc *all = doc_list(&c->arena);
    const char *only = flag(c, "guideline");
    for (const struct doc *g = doc_get(guidelines, "guidelines")->first; g; g = g->next) {
        if (only && strcmp(doc_text(g, "id", ""), only) != 0) continue;
        struct doc *d = doc_map(&c->arena), *items = doc_list(&c->arena);
        doc_set_text(&c->arena, d, "id", doc_text(g, "id", ""));
        doc_set_text(&c->arena, d, "title_ja", doc_text(doc_get(g, "title"), "ja", ""));
        doc_set_text(&c->arena, d, "title_en", doc_text(doc_get(g, "title"), "en", ""));
        for (const struct doc *i = doc_get(g, "items")->first; i; i = i->next) doc_add(items, item_doc(c, i, controls));
        doc_set(&c->arena, d, "items", items);
        doc_add(all, d);
    }
    return all;
}

static const char *said_state(const struct cli *c, const char *word)
{
    for (size_t i = 0; i < STATES; i++)
        if (strcmp(states[i].word, word) == 0) return c->ja ? states[i].ja : states[i].en;
    return "?";
}

static void print_report(struct cli *c, const struct doc *all)
{
    for (const struct doc *g = all->first; g; g = g->next) {
        printf("%s\n", doc_said(c, g, "title"));
        for (const struct doc *i = doc_get(g, "items")->first; i; i = i->next) {
            printf("  %-8s %s%s\n           %s", doc_text(i, "id", ""), doc_said(c, i, "title"),
                doc_bool(i, "confirmed", false) ? "" : cli_say(c, W_UNCONFIRMED), said_state(c, doc_text(i, "state", "")));
            if (doc_get(i, "controls")->count)
                printf("  %s %lld %%, %s %lld %%", said_state(c, "measured"), (long long)doc_int(i, "measured_mille", 0) / 10,
                    said_state(c, "declared"), (long long)doc_int(i, "declared_mille", 0) / 10);
            for (const struct doc *id = doc_get(i, "controls")->first; id; id = id->next) printf(" %s", id->text);
            printf("\n");
        }
    }
    printf("%s\n", cli_say(c, W_NO_CONFORMITY));
}

static int controls_from_file(struct cli *c, const char *path, const struct doc **ret)
{
    const struct doc *d = NULL;
    int code = read_assessment(c, path, &d);
    if (code) return code;
    *ret = doc_get(doc_get(d, "results"), "coverage");
    return *ret ? EXIT_OK : complain(c, EXIT_CONFIGURATION, "SK-1072", cli_say(c, W_NOT_AN_ASSESSMENT), path, "sekimori assessment export");
}

int cmd_report_compliance(struct cli *c)
{
    struct doc *guidelines = NULL;
    const struct doc *controls = NULL;
    const struct embedded *e = embedded_find("guidelines.json");
    const char *file = flag(c, "assessment"), *only = flag(c, "guideline");
    if (!e || !ok(doc_read_json(bytes_of(e->at, e->n), &c->arena, &guidelines))) return EXIT_FAILED;
    int code = file ? controls_from_file(c, file, &controls) : ask(c, "GET", "/api/v1/controls", BYTES_NONE, &controls);
    if (code) return code;
    const struct doc *all = report_doc(c, guidelines, controls);
    if (!all->count) return complain(c, EXIT_NOT_FOUND, "SK-1073", cli_say(c, W_NO_GUIDELINE), only, text_nearest(only, guideline_at, guidelines));
    if (c->json) print_json(all);
    else print_report(c, all);
    return EXIT_OK;
}
