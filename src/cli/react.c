/* Reaction with care (対処): what could be done and what it would stop; taken for a time, undone; rules signed beforehand. */
#include <stdio.h>

#include "assurance/document.h"
#include "cli/cli.h"
#include "cli/sensed.h"
#include "watch/mud.h"

static void print_reaction(struct cli *c, const struct doc *r)
{
    bool on = doc_bool(r, "in_force", false);
    printf("%-6s %-8s %s: %s  %.16sZ – %.16sZ  %s%s%s\n    %s\n", doc_text(r, "id", ""), cli_say(c, on ? W_REACT_IN_FORCE : W_REACT_OVER),
        doc_text(r, "device", ""), doc_said(c, r, "measure"), doc_text(r, "from", ""), doc_text(r, on ? "until" : "ended", ""), doc_text(r, "by", ""),
        *doc_text(r, "rule", "") ? "  " : "", doc_text(r, "rule", ""), doc_text(r, "why", ""));
    if (*doc_text(r, "ended_by", "")) printf("    → %s: %s\n", doc_text(r, "ended_by", ""), doc_text(r, "ended_why", ""));
}

static void print_rule(struct cli *c, const struct doc *r)
{
    bool over = *doc_text(r, "ended", "");
    printf("%-6s %s%s  %s → %s%s: %s, %lld min, ≤ %lld  %s\n", doc_text(r, "id", ""), cli_say(c, W_REACT_RULE), over ? " (-)" : "", doc_text(r, "cause", ""),
        doc_text(r, "device", ""), doc_text(r, "group", ""), doc_said(c, r, "measure"), (long long)doc_int(r, "minutes", 0),
        (long long)doc_int(r, "at_most", 0), doc_text(r, "by", ""));
}

static void print_profile(struct cli *c, const struct doc *p)
{
    printf("%s  %s  %s\n", cli_say(c, W_REACT_PROFILE), doc_text(p, "device", ""), doc_text(p, "name", ""));
    for (const struct doc *t = doc_get(p, "publish") ? doc_get(p, "publish")->first : NULL; t; t = t->next) printf("    → %s\n", t->text);
    for (const struct doc *t = doc_get(p, "subscribe") ? doc_get(p, "subscribe")->first : NULL; t; t = t->next) printf("    ← %s\n", t->text);
}

int cmd_react_list(struct cli *c)
{
    static const struct { const char *key; void (*print)(struct cli *c, const struct doc *d); } parts[] = { { "reactions", print_reaction },
        { "rules", print_rule }, { "profiles", print_profile } };
    const struct doc *d;
    size_t n = 0;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/reactions", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    for (size_t i = 0; !c->json && i < sizeof parts / sizeof *parts; i++)
        for (const struct doc *r = doc_get(d, parts[i].key) ? doc_get(d, parts[i].key)->first : NULL; r; r = r->next, n++) parts[i].print(c, r);
    if (!c->json && !n) printf("%s\n", cli_say(c, W_NO_ROOM));
    return EXIT_OK;
}

static void print_measure(struct cli *c, const struct doc *m)
{
    const char *not_now = doc_text(m, "not_now", "");
    printf("  %-10s  %s\n              %s\n", doc_text(m, "measure", ""), doc_said(c, m, "measure"), doc_said(c, m, "stops"));
    if (*not_now) printf("              %s\n", cli_say(c, strcmp(not_now, "no-profile") == 0 ? W_REACT_NO_PROFILE : W_REACT_ALREADY));
}

/* measure: that one, or NULL for all. */
static void print_proposal(struct cli *c, const struct doc *d, const char *measure)
{
    const struct doc *touched = doc_get(d, "touched"), *safe = doc_get(d, "safe");
    printf("%s%s%s%s\n", doc_text(d, "device", ""), *doc_text(d, "group", "") ? " (" : "", doc_text(d, "group", ""), *doc_text(d, "group", "") ? ")" : "");
    for (const struct doc *m = doc_get(d, "measures")->first; m; m = m->next)
        if (!measure || strcmp(doc_text(m, "measure", ""), measure) == 0) print_measure(c, m);
    if (!touched || !touched->count) printf("  %s\n", cli_say(c, W_REACT_NOBODY));
    for (const struct doc *t = touched ? touched->first : NULL; t; t = t->next)
        printf("  %s: %s / %s (%lld %%)\n", cli_say(c, W_REACT_TOUCHED), doc_said(c, t, "mission"), doc_said(c, t, "name"), (long long)doc_int(t, "effect_mille", 0) / 10);
    printf("  %s\n", doc_said(c, d, "goes_on"));
    if (safe && safe->count) printf("  %s:", cli_say(c, W_REACT_SAFE));
    for (const struct doc *t = safe ? safe->first : NULL; t; t = t->next) printf(" %s%s", t->text, t->next ? "," : "\n");
}

int cmd_react_propose(struct cli *c)
{
    char path[160];
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    snprintf(path, sizeof path, "/api/v1/reactions/%s", c->args[0]);
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else print_proposal(c, d, NULL);
    return EXIT_OK;
}

int cmd_react_apply(struct cli *c)
{
    static const char *const needed[] = { "measure", "minutes", "reason" };
    const struct doc *d;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != 1) return complain_usage(c);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    doc_set_text(&c->arena, body, "device", c->args[0]);
    doc_set_text(&c->arena, body, "measure", flag(c, "measure"));
    doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    doc_set_text(&c->arena, body, "cause", flag(c, "cause") ? flag(c, "cause") : "");
    int64_t minutes = whole_number(flag(c, "minutes"), 100000);
    doc_set_int(&c->arena, body, "minutes", minutes < 0 ? 0 : minutes);
    if (c->dry_run) doc_set_bool(&c->arena, body, "dry_run", true);
    int code = ask_doc(c, "/api/v1/reactions", body, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else if (c->dry_run) print_proposal(c, d, flag(c, "measure"));
    else print_reaction(c, d);
    if (c->dry_run && !c->json) printf("%s\n", cli_say(c, W_DRY_RUN));
    return EXIT_OK;
}

static int step(struct cli *c, const char *verb)
{
    char path[160];
    const struct doc *d;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    snprintf(path, sizeof path, "/api/v1/reactions/%s/%s", c->args[0], verb);
    int code = ask_doc(c, path, body, &d);
    if (!code && c->json) print_json(d);
    else if (!code) printf("%s: %s\n", c->args[0], cli_say(c, W_REACT_OVER));
    return code;
}

int cmd_react_undo(struct cli *c)
{
    return step(c, "undo");
}

int cmd_react_end(struct cli *c)
{
    return step(c, "end");
}

/* Signed and handed in, or left in --out; its number makes the signature good once. */
int cmd_react_rule(struct cli *c)
{
    static const char *const texts[] = { "cause", "device", "group", "measure" };
    const struct doc *now;
    char site[CHARTER_SITE_MAX];
    struct doc *rule = doc_map(&c->arena);
    if (c->n_args) return complain_usage(c);
    if (!flag(c, "cause")) return need_flag(c, "cause");
    if (!flag(c, "measure")) return need_flag(c, "measure");
    if (!flag(c, "minutes")) return need_flag(c, "minutes");
    if (!flag(c, "device") == !flag(c, "group")) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/reactions", BYTES_NONE, &now);
    if (!code) code = charter_site(c, site);
    if (code) return code;
    doc_set_text(&c->arena, rule, "id", doc_text(now, "next_rule", ""));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) doc_set_text(&c->arena, rule, texts[i], flag(c, texts[i]) ? flag(c, texts[i]) : "");
    doc_set_int(&c->arena, rule, "minutes", whole_number(flag(c, "minutes"), 1440));
    doc_set_int(&c->arena, rule, "at_most", flag(c, "at-most") ? whole_number(flag(c, "at-most"), 1000) : 3);
    return sign_and_apply(c, document_reaction_new(&c->arena, site, rule, port_wall_ms()));
}

static struct doc *texts_doc(struct cli *c, const char *const *texts, size_t n)
{
    struct doc *list = doc_list(&c->arena);
    for (size_t i = 0; i < n; i++) doc_add(list, doc_text_new(&c->arena, texts[i]));
    return list;
}

int cmd_react_profile(struct cli *c)
{
    struct mud_profile p = { .n_publish = 0, .systeminfo = "" };
    const struct doc *d;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != 2) return complain_usage(c);
    bool none = strcmp(c->args[1], "none") == 0;
    int code = none ? EXIT_OK : load_mud(c, c->args[1], &p);
    if (code) return code;
    if (!none && !p.n_publish && !p.n_subscribe) return complain(c, EXIT_CONFIGURATION, "SK-1054", cli_say(c, W_REACT_NO_TOPICS), c->args[1], NULL);
    doc_set_text(&c->arena, body, "device", c->args[0]);
    doc_set_text(&c->arena, body, "name", p.systeminfo ? p.systeminfo : "");
    doc_set(&c->arena, body, "publish", texts_doc(c, p.publish, p.n_publish));
    doc_set(&c->arena, body, "subscribe", texts_doc(c, p.subscribe, p.n_subscribe));
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    code = ask_doc(c, "/api/v1/profiles", body, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else if (none) printf("%s: %s\n", c->args[0], cli_say(c, W_APPLIED));
    else print_profile(c, d);
    return EXIT_OK;
}
