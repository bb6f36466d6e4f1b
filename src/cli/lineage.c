/* `sekimori lineage`: where data is from, of a stream or of one entry of the record. */
#include <stdio.h>

#include "cli/cli.h"

static void show_stream(const struct cli *c, const struct doc *d, const char *indent)
{
    printf("%s%s  %s  %s: %s", indent, doc_text(d, "stream", ""), doc_text(d, "topic", ""), cli_say(c, W_LABEL), doc_text(d, "label", ""));
    if (doc_text(d, "declared_at", "")[0]) printf("  %s", doc_text(d, "declared_at", ""));
    if (doc_get(d, "declared_in_entry")) printf("  [entry %lld]", (long long)doc_int(d, "declared_in_entry", 0));
    printf("\n");
    const struct doc *list = doc_get(d, "reductions");
    for (const struct doc *m = list ? list->first : NULL; m; m = m->next) printf("%s  %s %s\n", indent, cli_say(c, W_REDUCED), m->text);
}

static void show_how(const struct cli *c, const struct doc *d)
{
    const struct doc *inputs = doc_get(d, "inputs");
    if (!doc_get(d, "how")) {
        printf("  %s\n", cli_say(c, W_NOT_DERIVED));
        return;
    }
    printf("  = %s", doc_text(d, "how", ""));
    if (doc_get(d, "to")) printf(" → %s", doc_text(d, "to", ""));
    else printf(" %s / %lld s, n ≥ %lld", doc_text(d, "field", ""), (long long)doc_int(d, "every_s", 0), (long long)doc_int(d, "at_least", 1));
    printf("\n");
    for (const struct doc *m = inputs ? inputs->first : NULL; m; m = m->next) show_stream(c, m, "  ← ");
}

static void show_entry(const struct doc *e, const char *indent)
{
    printf("%s[%lld] %s  %s  %s%s\n", indent, (long long)doc_int(e, "entry", 0), doc_text(e, "at", ""), doc_text(e, "topic", ""), doc_text(e, "from", ""),
        doc_bool(e, "flagged", false) ? "  !" : "");
}

static void show_entries(const struct cli *c, const struct doc *d)
{
    const struct doc *list = doc_get(d, "entries");
    show_entry(doc_get(d, "entry"), "  ");
    if (!list) return;
    printf("  %s: %lld–%lld, n = %lld, %s %lld\n", cli_say(c, W_MADE_OF), (long long)doc_int(d, "first", 0), (long long)doc_int(d, "last", 0),
        (long long)doc_int(d, "n", 0), cli_say(c, W_LEFT_OUT), (long long)doc_int(d, "left_out", 0));
    for (const struct doc *m = list->first; m; m = m->next) show_entry(m, "    ");
    if (doc_int(d, "hidden", 0)) printf("    %s: %lld\n", cli_say(c, W_NOT_TO_BE_READ), (long long)doc_int(d, "hidden", 0));
    if (doc_bool(d, "more", false)) printf("    …\n");
}

int cmd_lineage(struct cli *c)
{
    char path[200];
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    snprintf(path, sizeof path, "/api/v1/lineage/%.100s", c->args[0]);
    for (const char *p = c->args[0]; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *p)) return complain_usage(c);
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    if (c->json) {
        print_json(d);
        return EXIT_OK;
    }
    if (doc_get(d, "stream")) show_stream(c, d, "");
    if (doc_get(d, "stream")) show_how(c, d);
    if (doc_get(d, "entry")) show_entries(c, d);
    return EXIT_OK;
}
