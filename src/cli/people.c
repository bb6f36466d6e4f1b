/* People of the site and their programs' tokens. The daemon judges; here are words only. */
#include <stdio.h>

#include "cli/cli.h"

static const char *answer_text(const struct doc *d, const char *key)
{
    return doc_text(d, key, "");
}

static struct doc *flags_list(struct cli *c, const char *name)
{
    struct doc *list = doc_list(&c->arena);
    const char *value;
    for (size_t k = 0; (value = flag_nth(c, name, k)); k++) doc_add(list, doc_text_new(&c->arena, value));
    return list;
}

static int print_link(struct cli *c, const struct doc *d)
{
    if (c->json) print_json(d);
    else printf("%s\n  %s\n  %s\n", cli_say(c, W_PERSON_LINK), answer_text(d, "url"), answer_text(d, "site_url"));
    return EXIT_OK;
}

static struct doc *person_body(struct cli *c, bool roles)
{
    struct doc *body = doc_map(&c->arena);
    if (roles) doc_set(&c->arena, body, "roles", flags_list(c, "role"));
    if (flag(c, "reason")) doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    return body;
}

int cmd_user_new(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "role")) return need_flag(c, "role");
    if (!flag(c, "reason")) return need_flag(c, "reason");
    struct doc *body = person_body(c, true);
    doc_set_text(&c->arena, body, "id", c->args[0]);
    doc_set_text(&c->arena, body, "name", flag(c, "name") ? flag(c, "name") : c->args[0]);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, "/api/v1/users", body, &d);
    return code ? code : print_link(c, d);
}

static void print_mask(const struct doc *list)
{
    for (const struct doc *m = list ? list->first : NULL; m; m = m->next) printf("%s%s", m->text, m->next ? "," : "");
}

static void print_person(struct cli *c, const struct doc *u)
{
    const struct doc *keys = doc_get(u, "passkeys");
    printf("%-16s %-20s ", answer_text(u, "id"), answer_text(u, "name"));
    print_mask(doc_get(u, "roles"));
    printf("  %s  %s %zu, %s\n", answer_text(u, "state"), cli_say(c, W_PASSKEYS), keys ? keys->count : 0,
        cli_say(c, doc_bool(u, "password", false) ? W_PASSWORD_SET : W_PASSWORD_NONE));
}

int cmd_user_list(struct cli *c)
{
    const struct doc *d;
    int code = ask(c, "GET", "/api/v1/users", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else if (!d->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *u = c->json ? NULL : d->first; u; u = u->next) print_person(c, u);
    return EXIT_OK;
}

int cmd_user_show(struct cli *c)
{
    char path[160];
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    snprintf(path, sizeof path, "/api/v1/users/%s", c->args[0]);
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else print_person(c, d);
    const struct doc *keys = doc_get(d, "passkeys");
    for (const struct doc *k = c->json || !keys ? NULL : keys->first; k; k = k->next)
        printf("  %s  %s  %.16s…\n", answer_text(k, "label"), answer_text(k, "rp"), answer_text(k, "id"));
    const struct doc *tools = doc_get(d, "tools");
    for (const struct doc *t = c->json || !tools ? NULL : tools->first; t; t = t->next) printf("  %s: %s\n", cli_say(c, W_TOOL), t->text);
    return EXIT_OK;
}

/* link, edit, revoke: one person, one verb. */
int cmd_user_change(struct cli *c)
{
    char path[200];
    const struct doc *d;
    const char *verb = c->command->verb;
    bool edit = strcmp(verb, "edit") == 0, link = strcmp(verb, "link") == 0;
    if (c->n_args != 1) return complain_usage(c);
    if (edit && !flag(c, "role")) return need_flag(c, "role");
    if (!link && !flag(c, "reason")) return need_flag(c, "reason");
    snprintf(path, sizeof path, "/api/v1/users/%s/%s", c->args[0], edit ? "roles" : verb);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, path, person_body(c, edit), &d);
    if (code) return code;
    if (link) return print_link(c, d);
    if (c->json) print_json(d);
    else print_person(c, d);
    return EXIT_OK;
}

/* ---- tokens ---- */

static int64_t days_of(const char *text)
{
    int64_t days = text ? whole_number(text, 10000) : 0;
    return days < 0 ? 0 : days;
}

int cmd_token_new(struct cli *c)
{
    static const char *const needed[] = { "user", "scope", "days", "reason" };
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    struct doc *body = doc_map(&c->arena);
    doc_set_text(&c->arena, body, "name", c->args[0]);
    doc_set_text(&c->arena, body, "user", flag(c, "user"));
    doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    doc_set(&c->arena, body, "scopes", flags_list(c, "scope"));
    doc_set_int(&c->arena, body, "days", days_of(flag(c, "days")));
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, "/api/v1/tokens", body, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else printf("%s\n  %s\n  %s %s\n", cli_say(c, W_TOKEN_ONCE), answer_text(d, "token"), cli_say(c, W_UNTIL), answer_text(d, "until"));
    return EXIT_OK;
}

int cmd_token_list(struct cli *c)
{
    const struct doc *d;
    int code = ask(c, "GET", "/api/v1/tokens", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else if (!d->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *t = c->json ? NULL : d->first; t; t = t->next) {
        printf("%-20s %-16s ", answer_text(t, "name"), answer_text(t, "user"));
        print_mask(doc_get(t, "scopes"));
        printf("  %s  %s %s\n", answer_text(t, "state"), cli_say(c, W_UNTIL), answer_text(t, "until"));
    }
    return EXIT_OK;
}

int cmd_token_revoke(struct cli *c)
{
    char path[200];
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    snprintf(path, sizeof path, "/api/v1/tokens/%s/revoke", c->args[0]);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, path, person_body(c, false), &d);
    if (!code) printf("%s: %s\n", cli_say(c, W_APPLIED), c->args[0]);
    return code;
}
