/* Corrective actions (是正処置) and management reviews, after IEC 62443-2-1: finding, owner, due date, done, effect, review. */
#include <stdio.h>

#include "base/time.h"
#include "cli/cli.h"

static void print_line(struct cli *c, const struct doc *a)
{
    printf("%-6s %s%s  %s %s  %s %.10s  [%s%s%s]\n  %s\n", doc_text(a, "id", ""), doc_bool(a, "late", false) ? "! " : "", doc_said(c, a, "state"), cli_say(c, W_OWNER_IS),
        doc_text(a, "owner", ""), cli_say(c, W_UNTIL), doc_text(a, "due", ""), doc_said(c, a, "source"), *doc_text(a, "ref", "") ? " " : "", doc_text(a, "ref", ""), doc_text(a, "finding", ""));
    if (*doc_text(a, "did", "")) printf("  %s: %s (%s)\n", cli_say(c, W_ACTION_DID), doc_text(a, "did", ""), doc_text(a, "done_by", ""));
    if (*doc_text(a, "judgement", "")) printf("  %s: %s (%s)\n", cli_say(c, W_ACTION_EFFECT), doc_text(a, "judgement", ""), doc_text(a, "judged_by", ""));
}

static void print_review(struct cli *c, const struct doc *r)
{
    printf("%-6s %.10s  %s  (%s)\n", doc_text(r, "id", ""), doc_text(r, "at", ""), doc_text(r, "text", ""), doc_text(r, "by", ""));
    printf("  %s: %lld / %lld / %lld\n", cli_say(c, W_ACTION_COUNTS), (long long)doc_int(r, "open", 0), (long long)doc_int(r, "late", 0), (long long)doc_int(r, "effective", 0));
}

int cmd_action_list(struct cli *c)
{
    const struct doc *d;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/improvement", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) return print_json(d), EXIT_OK;
    const struct doc *actions = doc_get(d, "actions"), *reviews = doc_get(d, "reviews"), *proposed = doc_get(d, "proposed");
    if (!actions->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *a = actions->first; a; a = a->next) print_line(c, a);
    for (const struct doc *r = reviews->first; r; r = r->next) print_review(c, r);
    if (proposed->count) printf("%s\n", cli_say(c, W_ACTION_PROPOSED));
    for (const struct doc *p = proposed->first; p; p = p->next) printf("  %-6s %s\n", doc_text(p, "ref", ""), doc_said(c, p, "text"));
    return EXIT_OK;
}

static int shown(struct cli *c, const char *path, const struct doc *body, bool review)
{
    const struct doc *a;
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, path, body, &a);
    if (code) return code;
    if (c->json) print_json(a);
    else if (review) print_review(c, a);
    else print_line(c, a);
    return EXIT_OK;
}

/* --due TIME, or --days N. */
static bool set_due(struct cli *c, struct doc *body, int fallback_days)
{
    int days = flag_number(c, "days", fallback_days);
    if (flag(c, "due")) doc_set_text(&c->arena, body, "due", flag(c, "due"));
    else if (days < 1) return false;
    else doc_set_time(&c->arena, body, "due", port_wall_ms() + days * MS_DAY);
    return true;
}

int cmd_action_new(struct cli *c)
{
    static const char *const needed[] = { "finding", "owner" };
    struct doc *body = doc_map(&c->arena);
    if (c->n_args) return complain_usage(c);
    for (size_t i = 0; i < 2; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    doc_set_text(&c->arena, body, "finding", flag(c, "finding"));
    doc_set_text(&c->arena, body, "owner", flag(c, "owner"));
    doc_set_text(&c->arena, body, "source", flag(c, "source") ? flag(c, "source") : "audit");
    if (flag(c, "ref")) doc_set_text(&c->arena, body, "ref", flag(c, "ref"));
    return set_due(c, body, 30) ? shown(c, "/api/v1/improvement", body, false) : complain_usage(c);
}

/* done, judge, move; "review new" */
int cmd_action_step(struct cli *c)
{
    char path[120];
    const char *verb = c->command->verb;
    bool review = strcmp(c->command->noun, "review") == 0, judge = strcmp(verb, "judge") == 0, no = flag(c, "not-effective") != NULL;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != (review ? 0 : 1)) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    doc_set_text(&c->arena, body, "text", flag(c, "reason"));
    if (judge) doc_set_bool(&c->arena, body, "effective", !no);
    if ((no || strcmp(verb, "move") == 0) && !set_due(c, body, 0)) return need_flag(c, "days");
    if (strcmp(verb, "move") == 0 && !flag(c, "owner")) return need_flag(c, "owner");
    if (flag(c, "owner")) doc_set_text(&c->arena, body, "owner", flag(c, "owner"));
    snprintf(path, sizeof path, "/api/v1/improvement/%.40s/%s", review ? "new" : c->args[0], review ? "review" : verb);
    return shown(c, path, body, review);
}
