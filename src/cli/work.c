/* Work permits (作業申請): asked for, approved by a signature, begun and ended by the supervisor. */
#include <stdio.h>

#include "assurance/document.h"
#include "cli/cli.h"

static const char *const asked[] = { "subject", "person", "company", "stream", "number", "supervisor", "purpose", "requester", NULL };

static void print_line(struct cli *c, const struct doc *w)
{
    printf("%-7s %s  %s (%s%s%s)  %s  %.16sZ – %.16sZ\n", doc_text(w, "id", ""), doc_said(c, w, "state"), doc_text(w, "person", ""),
        doc_text(w, "subject", ""), *doc_text(w, "company", "") ? ", " : "", doc_text(w, "company", ""), doc_text(w, "stream", ""),
        doc_text(w, "from", ""), doc_text(w, "until", ""));
}

static void print_whole(struct cli *c, const struct doc *w)
{
    print_line(c, w);
    printf("  %s: %s   %s: %s   %s: %s\n  %s: %s\n", cli_say(c, W_WORK_NUMBER), doc_text(w, "number", ""), cli_say(c, W_WORK_SUPERVISOR),
        doc_text(w, "supervisor", ""), cli_say(c, W_WORK_REQUESTER), doc_text(w, "requester", ""), cli_say(c, W_WORK_PURPOSE), doc_text(w, "purpose", ""));
    for (const struct doc *m = doc_get(w, "steps") ? doc_get(w, "steps")->first : NULL; m; m = m->next)
        printf("  %s  %s  %s%s%s\n", doc_text(m, "at", ""), doc_said(c, m, "state"), doc_text(m, "by", ""), *doc_text(m, "why", "") ? ": " : "", doc_text(m, "why", ""));
    if (doc_int(w, "unusual", 0)) printf("  %s: %lld\n", cli_say(c, W_WORK_UNUSUAL), (long long)doc_int(w, "unusual", 0));
}

static int shown(struct cli *c, const struct doc *w)
{
    if (c->json) print_json(w);
    else print_whole(c, w);
    return EXIT_OK;
}

/* "2026-11-28T15:00:00Z", or by --minutes from its beginning. false: neither. */
static bool set_window(struct cli *c, struct doc *body)
{
    char text[TIME_TEXT];
    int64_t from = port_wall_ms();
    const char *given = flag(c, "from"), *m = flag(c, "minutes");
    if (given && strcmp(given, "now") != 0 && !ok(time_parse(bytes_str(given), &from))) return false;
    time_text(from, text);
    if (given && strcmp(given, "now") != 0) doc_set_text(&c->arena, body, "from", arena_text(&c->arena, bytes_str(text)));
    if (flag(c, "until")) {
        doc_set_text(&c->arena, body, "until", flag(c, "until"));
        return !m;
    }
    int64_t minutes = m ? whole_number(m, 100000) : 0;
    if (minutes < 1) return false;
    time_text(from + minutes * MS_MINUTE, text);
    doc_set_text(&c->arena, body, "until", arena_text(&c->arena, bytes_str(text)));
    return true;
}

int cmd_work_request(struct cli *c)
{
    static const char *const needed[] = { "subject", "person", "stream", "number", "supervisor", "purpose" };
    const struct doc *w;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args) return complain_usage(c);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    for (size_t i = 0; asked[i]; i++)
        if (flag(c, asked[i])) doc_set_text(&c->arena, body, asked[i], flag(c, asked[i]));
    if (!set_window(c, body)) return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_WORK_WINDOW), NULL, "--minutes 120");
    if (c->dry_run) doc_set_bool(&c->arena, body, "dry_run", true);
    int code = ask_doc(c, "/api/v1/work", body, &w);
    if (code) return code;
    if (c->dry_run && !c->json) return printf("%s: %s\n", doc_text(w, "id", ""), cli_say(c, W_DRY_RUN)) < 0;
    return shown(c, w);
}

int cmd_work_list(struct cli *c)
{
    const struct doc *d;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/work", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else if (!d->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *w = c->json ? NULL : d->first; w; w = w->next) print_line(c, w);
    return EXIT_OK;
}

static int ask_one(struct cli *c, const struct doc **ret)
{
    char path[160];
    if (c->n_args != 1) return complain_usage(c);
    snprintf(path, sizeof path, "/api/v1/work/%s", c->args[0]);
    return ask(c, "GET", path, BYTES_NONE, ret);
}

int cmd_work_show(struct cli *c)
{
    const struct doc *w;
    int code = ask_one(c, &w);
    return code ? code : shown(c, w);
}

/* Shows what is signed, then signs and hands in; or leaves the draft in --out. */
int cmd_work_approve(struct cli *c)
{
    const struct doc *w;
    char site[CHARTER_SITE_MAX];
    int code = ask_one(c, &w);
    if (!code) code = charter_site(c, site);
    if (code) return code;
    if (!c->json) print_whole(c, w);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    return sign_and_apply(c, document_permit_new(&c->arena, site, w, port_wall_ms()));
}

/* start, stop, refuse */
int cmd_work_step(struct cli *c)
{
    char path[200];
    const struct doc *w;
    const char *verb = c->command->verb;
    struct doc *body = doc_map(&c->arena);
    if (c->n_args != 1) return complain_usage(c);
    if (strcmp(verb, "refuse") == 0 && !flag(c, "reason")) return need_flag(c, "reason");
    if (flag(c, "reason")) doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    snprintf(path, sizeof path, "/api/v1/work/%s/%s", c->args[0], verb);
    int code = ask_doc(c, path, body, &w);
    return code ? code : shown(c, w);
}
