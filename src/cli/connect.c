/* The connection checklist (接続前の確認): asked of a role, answered by named people, signed by an owner; until then held. */
#include <stdio.h>
#include <strings.h>

#include "assurance/document.h"
#include "cli/cli.h"

static void print_list(struct cli *c, const struct doc *l)
{
    bool held = doc_bool(l, "held", false);
    printf("%s (%s)  %s%s%s\n", doc_text(l, "subject", ""), doc_text(l, "role", ""), cli_say(c, held ? W_CONNECT_HELD : W_CONNECT_SIGNED), held ? "" : "  ",
        held ? "" : doc_text(l, "signed_by", ""));
}

static void print_item(struct cli *c, const struct doc *r)
{
    const char *answer = doc_text(r, "answer", "");
    const char *mark = strcmp(answer, "yes") == 0 ? "✓" : strcmp(answer, "no") == 0 ? "✗" : *answer ? "–" : " ";
    bool provider = strcmp(doc_text(r, "part", ""), "provider") == 0;
    printf("  %s %-18s %s: %s", mark, doc_text(r, "item", ""), cli_say(c, provider ? W_CONNECT_PROVIDER : W_CONNECT_USER), doc_said(c, r, "text"));
    if (doc_bool(r, "measured", false)) printf("  [%s]", cli_say(c, W_CONNECT_MEASURED));
    if (*doc_text(r, "by", "")) printf("  — %s%s%s", doc_text(r, "by", ""), *doc_text(r, "note", "") ? ": " : "", doc_text(r, "note", ""));
    printf("\n");
}

static void print_whole(struct cli *c, const struct doc *l)
{
    print_list(c, l);
    for (const struct doc *r = doc_get(l, "items") ? doc_get(l, "items")->first : NULL; r; r = r->next) print_item(c, r);
}

static int shown(struct cli *c, const struct doc *l)
{
    if (c->json) print_json(l);
    else print_whole(c, l);
    return EXIT_OK;
}

int cmd_connect_list(struct cli *c)
{
    const struct doc *d;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/checklists", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) {
        print_json(d);
        return EXIT_OK;
    }
    printf("%s:", cli_say(c, W_CONNECT_ASKED));
    for (const struct doc *r = doc_get(d, "asked")->first; r; r = r->next) printf(" %s", r->text);
    printf("%s\n", doc_get(d, "asked")->count ? "" : " –");
    for (const struct doc *l = doc_get(d, "lists")->first; l; l = l->next) print_list(c, l);
    return EXIT_OK;
}

static int ask_one(struct cli *c, const struct doc **ret)
{
    char path[160];
    snprintf(path, sizeof path, "/api/v1/checklists/%s", c->args[0]);
    return ask(c, "GET", path, BYTES_NONE, ret);
}

int cmd_connect_show(struct cli *c)
{
    const struct doc *l;
    if (c->n_args != 1) return complain_usage(c);
    int code = ask_one(c, &l);
    return code ? code : shown(c, l);
}

int cmd_connect_ask(struct cli *c)
{
    const struct doc *d;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != 2 || (strcasecmp(c->args[1], "on") != 0 && strcasecmp(c->args[1], "off") != 0)) return complain_usage(c);
    doc_set_text(&c->arena, body, "role", c->args[0]);
    doc_set_bool(&c->arena, body, "on", strcasecmp(c->args[1], "on") == 0);
    int code = ask_doc(c, "/api/v1/checklists", body, &d);
    if (!code && c->json) print_json(d);
    else if (!code) printf("%s: %s\n", c->args[0], cli_say(c, W_APPLIED));
    return code;
}

int cmd_connect_answer(struct cli *c)
{
    char path[200];
    const struct doc *l;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != 3) return complain_usage(c);
    doc_set_text(&c->arena, body, "answer", c->args[2]);
    doc_set_text(&c->arena, body, "note", flag(c, "note") ? flag(c, "note") : "");
    doc_set_text(&c->arena, body, "person", flag(c, "person") ? flag(c, "person") : "");
    snprintf(path, sizeof path, "/api/v1/checklists/%s/%s", c->args[0], c->args[1]);
    int code = ask_doc(c, path, body, &l);
    return code ? code : shown(c, l);
}

/* Shows what is signed, then signs and hands in; or leaves the draft in --out. */
int cmd_connect_sign(struct cli *c)
{
    const struct doc *l;
    char site[CHARTER_SITE_MAX];
    if (c->n_args != 1) return complain_usage(c);
    int code = ask_one(c, &l);
    if (!code) code = charter_site(c, site);
    if (code) return code;
    if (!c->json) print_whole(c, l);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    return sign_and_apply(c, document_checklist_new(&c->arena, site, l, port_wall_ms()));
}
