/* Emergency access: asked for by one, opened by another, ended, looked at afterwards. */
#include <stdio.h>

#include "cli/cli.h"

static void print_line(struct cli *c, const struct doc *e)
{
    printf("%-6s %s  %s  %s%s%s\n  %s (%s%s%s)\n", doc_text(e, "id", ""), doc_said(c, e, "state"), doc_text(e, "subject", ""),
        *doc_text(e, "until", "") ? cli_say(c, W_UNTIL) : "", *doc_text(e, "until", "") ? " " : "", doc_text(e, "until", ""),
        doc_text(e, "reason", ""), doc_text(e, "asked_by", ""), *doc_text(e, "opened_by", "") ? " → " : "", doc_text(e, "opened_by", ""));
    if (*doc_text(e, "review_due", "")) printf("  %s %s%s\n", cli_say(c, W_EMERGENCY_DUE), doc_text(e, "review_due", ""), doc_bool(e, "review_late", false) ? " !" : "");
    if (*doc_text(e, "finding", "")) printf("  %s: %s (%s)\n", cli_say(c, W_EMERGENCY_FOUND), doc_text(e, "finding", ""), doc_text(e, "reviewed_by", ""));
}

void print_emergencies(struct cli *c, const struct doc *list)
{
    if (!list || !list->count) return;
    printf("%s: %zu\n", cli_say(c, W_EMERGENCIES), list->count);
    for (const struct doc *e = list->first; e; e = e->next) print_line(c, e);
}

int cmd_emergency_list(struct cli *c)
{
    const struct doc *d;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/emergency", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else if (!d->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *e = c->json ? NULL : d->first; e; e = e->next) print_line(c, e);
    return EXIT_OK;
}

static int shown(struct cli *c, const char *path, const struct doc *body)
{
    const struct doc *e;
    int code = ask_doc(c, path, body, &e);
    if (code) return code;
    if (c->json) print_json(e);
    else print_line(c, e);
    return EXIT_OK;
}

int cmd_emergency_request(struct cli *c)
{
    struct doc *body = doc_map(&c->arena);
    const char *m = flag(c, "minutes");
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    int64_t minutes = m ? whole_number(m, 100000) : 0;
    if (minutes < 0) return complain_usage(c);
    doc_set_text(&c->arena, body, "subject", c->args[0]);
    doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    if (m) doc_set_int(&c->arena, body, "minutes", minutes);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    return shown(c, "/api/v1/emergency", body);
}

/* open, end, review */
int cmd_emergency_step(struct cli *c)
{
    char path[160];
    struct doc *body = doc_map(&c->arena);
    const char *verb = c->command->verb;
    if (c->n_args != 1) return complain_usage(c);
    if (strcmp(verb, "review") == 0 && !flag(c, "reason")) return need_flag(c, "reason");
    if (flag(c, "reason")) doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    snprintf(path, sizeof path, "/api/v1/emergency/%.60s/%s", c->args[0], verb);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    return shown(c, path, body);
}
