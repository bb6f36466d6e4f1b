/* Commands that wait for a person: which, why, and a second person's word. */
#include <stdio.h>

#include "cli/cli.h"

static const char *waits_for(const struct cli *c, const struct doc *h)
{
    return cli_say(c, strcmp(doc_text(h, "why", ""), "two-person") == 0 ? W_WAITS_SECOND : W_WAITS_SIGNED);
}

int cmd_command_list(struct cli *c)
{
    const struct doc *d;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/holds", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) return print_json(d), EXIT_OK;
    if (!d->first) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *h = d->first; h; h = h->next) {
        printf("%-6s %s  %s %s %s\n", doc_text(h, "id", ""), doc_text(h, "topic", ""), doc_text(h, "from", ""), cli_say(c, W_UNTIL), doc_text(h, "until", ""));
        if (*doc_text(h, "person", "")) printf("       %s: %s\n", cli_say(c, W_SENT_BY_PERSON), doc_text(h, "person", ""));
        printf("       %s", waits_for(c, h));
        if (*doc_text(h, "limit", "")) printf(" (%s, %s)", doc_text(h, "limit", ""), doc_text(h, "decision", ""));
        printf("\n");
    }
    return EXIT_OK;
}

static void show_trial(const struct cli *c, const struct doc *answer)
{
    const struct doc *steps = doc_get(answer, "steps");
    printf("%s: %s (%s)\n", cli_say(c, W_DRY_RUN), doc_text(answer, "ruling", ""), doc_text(answer, "word", ""));
    for (const struct doc *s = steps ? steps->first : NULL; s; s = s->next)
        printf("  %-14s %-8s %s\n", doc_text(s, "step", ""), doc_text(s, "result", ""), doc_said(c, s, "text"));
}

/* Is it there to refuse? */
static int find_hold(struct cli *c)
{
    const struct doc *holds;
    int code = ask(c, "GET", "/api/v1/holds", BYTES_NONE, &holds);
    if (code) return code;
    for (const struct doc *h = holds->first; h; h = h->next)
        if (strcmp(doc_text(h, "id", ""), c->args[0]) == 0) return printf("%s: %s\n", c->args[0], cli_say(c, W_DRY_RUN)), EXIT_OK;
    return complain(c, EXIT_NOT_FOUND, "SK-1404", cli_say(c, W_NO_HOLD), c->args[0], "sekimori command list");
}

/* approve and refuse: the verb is the path's last part. */
int cmd_command_change(struct cli *c)
{
    char path[96];
    const struct doc *answer;
    struct doc *d = doc_map(&c->arena);
    bool yes = strcmp(c->command->verb, "approve") == 0;
    if (c->n_args != 1 || strlen(c->args[0]) > 15) return complain_usage(c);
    if (!c->dry_run && !flag(c, "reason")) return need_flag(c, "reason");
    snprintf(path, sizeof path, "/api/v1/holds/%s/%s", c->args[0], c->command->verb);
    doc_set_text(&c->arena, d, "reason", flag(c, "reason") ? flag(c, "reason") : "");
    if (c->dry_run && !yes) return find_hold(c);
    if (c->dry_run) doc_set_bool(&c->arena, d, "dry_run", true);
    int code = ask_doc(c, path, d, &answer);
    if (code) return code;
    if (yes && strcmp(doc_text(answer, "compared", ""), "names") == 0) printf("%s\n", cli_say(c, W_NAMES_COMPARED));
    if (c->dry_run) show_trial(c, answer);
    else printf("%s: %s\n", c->args[0], cli_say(c, yes ? W_COMMAND_SENT : W_COMMAND_DROPPED));
    return EXIT_OK;
}
