/* Guidelines and standards against live evidence: which items are backed by what was measured, declared, gone stale or
 * unknown. Evidence is mapped to clauses; nothing here says that anything conforms. */
#include <stdio.h>
#include <unistd.h>

#include "assurance/compliance.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/embedded.h"

const struct embedded *embedded_find(const char *name)
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

static const char *guideline_at(const void *ctx, size_t i)
{
    const struct doc *x = doc_get(ctx, "guidelines")->first;
    while (x && i--) x = x->next;
    return x ? doc_text(x, "id", "") : NULL;
}

static void print_report(struct cli *c, const struct doc *all)
{
    for (const struct doc *g = all->first; g; g = g->next) {
        printf("%s\n", doc_said(c, g, "title"));
        for (const struct doc *i = doc_get(g, "items")->first; i; i = i->next) {
            printf("  %-8s %s%s\n           %s", doc_text(i, "id", ""), doc_said(c, i, "title"),
                doc_bool(i, "confirmed", false) ? "" : cli_say(c, W_UNCONFIRMED), doc_said(c, i, "state"));
            if (doc_get(i, "controls")->count)
                printf("  %s %lld %%, %s %lld %%", c->ja ? "実測" : "measured", (long long)doc_int(i, "measured_mille", 0) / 10,
                    c->ja ? "申告" : "declared", (long long)doc_int(i, "declared_mille", 0) / 10);
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

/* ---- CSV: one row an item, RFC 4180 ---- */

static void csv_ids(const struct doc *list)
{
    char all[400] = "";
    struct out o = out_of(all, sizeof all - 1);
    for (const struct doc *x = list->first; x; x = x->next) put_fmt(&o, "%s%s", x == list->first ? "" : " ", x->text);
    all[o.n] = 0;
    print_cell(all, true);
}

static void print_csv(const struct cli *c, const struct doc *all)
{
    static const char *const heads[] = { "guideline", "item", "title", "mapping_confirmed", "state", "state_words", "measured_mille",
        "declared_mille", "fail_mille", "controls" };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) print_cell(heads[i], i + 1 == sizeof heads / sizeof *heads);
    for (const struct doc *g = all->first; g; g = g->next)
        for (const struct doc *i = doc_get(g, "items")->first; i; i = i->next) {
            print_cell(doc_text(g, "id", ""), false);
            print_cell(doc_text(i, "id", ""), false);
            print_cell(doc_said(c, i, "title"), false);
            print_cell(doc_bool(i, "confirmed", false) ? "true" : "false", false);
            print_cell(doc_text(i, "state", ""), false);
            print_cell(doc_said(c, i, "state"), false);
            printf("%lld,%lld,%lld,", (long long)doc_int(i, "measured_mille", 0), (long long)doc_int(i, "declared_mille", 0),
                (long long)doc_int(i, "fail_mille", 0));
            csv_ids(doc_get(i, "controls"));
        }
}

int cmd_report_compliance(struct cli *c)
{
    struct doc *guidelines = NULL;
    const struct doc *controls = NULL;
    const char *file = flag(c, "assessment"), *only = flag(c, "guideline");
    if (!ok(compliance_guidelines(&c->arena, &guidelines))) return EXIT_FAILED;
    int code = file ? controls_from_file(c, file, &controls) : ask(c, "GET", "/api/v1/controls", BYTES_NONE, &controls);
    if (code) return code;
    const struct doc *all = compliance_doc(guidelines, controls, only, &c->arena);
    if (!all->count) return complain(c, EXIT_NOT_FOUND, "SK-1073", cli_say(c, W_NO_GUIDELINE), only, text_nearest(only, guideline_at, guidelines));
    if (c->json) print_json(all);
    else if (c->output && strcmp(c->output, "csv") == 0) print_csv(c, all);
    else if (c->output && strcmp(c->output, "oscal") == 0) return print_oscal(c, all);
    else print_report(c, all);
    return EXIT_OK;
}
