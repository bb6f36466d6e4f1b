/* Alerts by their cause: what is open, who has it in hand, what is not sent and until when, what could not be delivered. */
#include <stdio.h>

#include "cli/cli.h"

static void print_waiting(struct cli *c, const struct doc *list)
{
    for (const struct doc *m = list ? list->first : NULL; m; m = m->next)
        printf("    %s %s (%lld%s%s)\n", cli_say(c, W_ALERT_WAITS), doc_text(m, "to", ""), (long long)doc_int(m, "tries", 0),
            *doc_text(m, "why", "") ? ", " : "", doc_text(m, "why", ""));
}

int cmd_alert_list(struct cli *c)
{
    const struct doc *d;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/causes", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else if (!d->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *g = c->json ? NULL : d->first; g; g = g->next) {
        printf("%-12s %s  ×%lld  %.19sZ – %.19sZ  %s%s%s%s%s\n    %s\n", doc_said(c, g, "state"), doc_text(g, "cause", ""), (long long)doc_int(g, "count", 0),
            doc_text(g, "first", ""), doc_text(g, "last", ""), doc_text(g, "level", ""), *doc_text(g, "by", "") ? "  " : "", doc_text(g, "by", ""),
            *doc_text(g, "muted_until", "") ? "  → " : "", doc_text(g, "muted_until", ""), doc_said(c, g, "text"));
        print_waiting(c, doc_get(g, "waiting"));
        if (doc_int(g, "dead", 0)) printf("    %s: %lld\n", cli_say(c, W_ALERT_DEAD), (long long)doc_int(g, "dead", 0));
    }
    return EXIT_OK;
}

static void print_check(struct cli *c, const struct doc *k)
{
    bool bad = strcmp(doc_text(k, "state", ""), "bad") == 0, good = strcmp(doc_text(k, "state", ""), "good") == 0;
    int64_t n = doc_int(k, "count", 0), shown = 0;
    printf("%s %s  %s", bad ? "■" : good ? "●" : "○", doc_said(c, k, "title"), cli_say(c, bad ? W_BAD : good ? W_FINE : W_CHECK_YET));
    if (bad) printf("  ×%lld", (long long)n);
    printf("\n");
    if (!bad) return;
    for (const struct doc *f = doc_get(k, "found")->first; f; f = f->next, shown++) printf("    %s  %s\n", doc_text(f, "who", ""), doc_text(f, "detail", ""));
    if (n > shown) printf("    … +%lld\n", (long long)(n - shown));
    printf("    %s: %s\n", cli_say(c, W_TRY), doc_said(c, k, "todo"));
}

int cmd_watch_checks(struct cli *c)
{
    const struct doc *d;
    bool bad = false;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/checks", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    for (const struct doc *k = d->first; k; k = k->next) {
        bad |= strcmp(doc_text(k, "state", ""), "bad") == 0;
        if (!c->json) print_check(c, k);
    }
    return bad ? EXIT_LIMITED : EXIT_OK;
}

/* ack, mute, unmute, test */
int cmd_alert_step(struct cli *c)
{
    char path[300];
    const struct doc *d;
    const char *verb = c->command->verb;
    bool test = strcmp(verb, "test") == 0, mute = strcmp(verb, "mute") == 0;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != (test ? 0 : 1)) return complain_usage(c);
    if (!test && !flag(c, "reason")) return need_flag(c, "reason");
    if (mute && !flag(c, "minutes")) return need_flag(c, "minutes");
    if (flag(c, "reason")) doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    int64_t minutes = mute ? whole_number(flag(c, "minutes"), 100000) : 0;
    if (mute) doc_set_int(&c->arena, body, "minutes", minutes < 0 ? 0 : minutes);
    struct out o = out_of(path, sizeof path - 1);
    put_fmt(&o, "/api/v1/causes/%s/%s", test ? "any" : c->args[0], verb);
    if (o.over || strpbrk(path, " \r\n")) return complain_usage(c);
    path[o.n] = 0;
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, path, body, &d);
    if (!code) printf("%s\n", cli_say(c, W_APPLIED));
    return code;
}
