/* Incidents (事案): opened, manual operation declared, reports due with who, to whom, which form (catalogue/incident/duties.json),
 * written as pages to print from what the site knows, closed with the loss there really was. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/embedded.h"

static int duties(struct cli *c, const struct doc **ret)
{
    struct doc *d = NULL;
    const struct embedded *e = embedded_files;
    while (e->name && strcmp(e->name, "incident/duties.json") != 0) e++;
    if (!e->name || !ok(doc_read_json(bytes_of(e->at, e->n), &c->arena, &d))) return EXIT_FAILED;
    *ret = doc_get(d, "duties");
    return *ret ? EXIT_OK : EXIT_FAILED;
}

/* {"ja", "en"} under key, in the reader's language. */
static const char *said(const struct cli *c, const struct doc *d, const char *key)
{
    const struct doc *m = d ? doc_get(d, key) : NULL;
    return m ? doc_text(m, c->ja ? "ja" : "en", "") : "";
}

static const struct doc *duty_named(const struct doc *all, const char *id)
{
    for (const struct doc *d = all ? all->first : NULL; d; d = d->next)
        if (strcmp(doc_text(d, "id", ""), id) == 0) return d;
    return NULL;
}

static enum word duty_state(const struct doc *d)
{
    if (doc_bool(d, "waived", false)) return W_REPORT_WAIVED;
    bool done = *doc_text(d, "done", "") != 0, late = doc_bool(d, "late", false);
    return done ? (late ? W_REPORT_SENT_LATE : W_REPORT_SENT) : late ? W_REPORT_MISSED : W_REPORT_DUE;
}

static void print_duty(struct cli *c, const struct doc *d, const struct doc *all)
{
    const struct doc *k = duty_named(all, doc_text(d, "id", ""));
    printf("  %-18s %s  %s %s\n", doc_text(d, "id", ""), cli_say(c, duty_state(d)), cli_say(c, W_UNTIL), doc_text(d, "due", ""));
    if (k) printf("    %s: %s → %s\n", said(c, k, "form"), said(c, k, "who"), said(c, k, "to"));
    if (*doc_text(d, "done", "")) printf("    %s %s: %s\n", doc_text(d, "done", ""), doc_text(d, "by", ""), doc_text(d, "why", ""));
}

static void print_line(struct cli *c, const struct doc *i)
{
    size_t owed = 0, late = 0;
    for (const struct doc *d = doc_get(i, "duties")->first; d; d = d->next) {
        owed += !*doc_text(d, "done", "");
        late += duty_state(d) == W_REPORT_MISSED;
    }
    printf("%-6s %s  %s  %s%s%s\n", doc_text(i, "id", ""), doc_said(c, i, "state"), doc_text(i, "opened", ""), doc_text(i, "title", ""),
        *doc_text(i, "manual_since", "") ? "  " : "", *doc_text(i, "manual_since", "") ? cli_say(c, W_MANUAL) : "");
    if (owed) printf("  %s: %zu%s", cli_say(c, W_REPORTS_OWED), owed, late ? "" : "\n");
    if (late) printf("  !! %s: %zu\n", cli_say(c, W_REPORT_MISSED), late);
}

void print_incidents(struct cli *c, const struct doc *list)
{
    for (const struct doc *i = list ? list->first : NULL; i; i = i->next) print_line(c, i);
}

static void print_whole(struct cli *c, const struct doc *i)
{
    const struct doc *all = NULL;
    (void)duties(c, &all);
    print_line(c, i);
    printf("  %s %s, %s %s\n", cli_say(c, W_NOTICED), doc_text(i, "noticed", ""), cli_say(c, W_ALERT), *doc_text(i, "cause", "") ? doc_text(i, "cause", "") : "-");
    printf("  %s: %lld %s, %s %.16s…\n", cli_say(c, W_FROZEN), (long long)doc_int(i, "size", 0), cli_say(c, W_ENTRIES), cli_say(c, W_HEAD), doc_text(i, "root", ""));
    if (*doc_text(i, "manual_since", ""))
        printf("  %s %s (%s): %s\n", cli_say(c, W_MANUAL), doc_text(i, "manual_since", ""), doc_text(i, "manual_by", ""), doc_text(i, "manual", ""));
    for (const struct doc *d = doc_get(i, "duties")->first; d; d = d->next) print_duty(c, d, all);
    if (*doc_text(i, "closed", ""))
        printf("  %s %s (%s): %s\n  %s: %lld JPY, %lld min\n", doc_said(c, i, "state"), doc_text(i, "closed", ""), doc_text(i, "closed_by", ""), doc_text(i, "finding", ""),
            cli_say(c, W_LOSS), (long long)doc_int(i, "loss_yen", 0), (long long)doc_int(i, "loss_minutes", 0));
}

static int fetch_one(struct cli *c, const char *id, const struct doc **ret)
{
    const struct doc *list;
    int code = ask(c, "GET", "/api/v1/incidents", BYTES_NONE, &list);
    if (code) return code;
    for (*ret = list->first; *ret; *ret = (*ret)->next)
        if (strcmp(doc_text(*ret, "id", ""), id) == 0) return EXIT_OK;
    return complain(c, EXIT_NOT_FOUND, "SK-1130", cli_say(c, W_NO_INCIDENT), id, "sekimori incident list");
}

int cmd_incident_list(struct cli *c)
{
    const struct doc *list;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/incidents", BYTES_NONE, &list);
    if (code) return code;
    if (c->json) print_json(list);
    else if (!list->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    else print_incidents(c, list);
    return EXIT_OK;
}

/* ---- its timeline: what the record says of it ---- */

struct timeline {
    struct cli *c;
    const char *id;
    struct buffer *html; /* NULL: to the terminal */
};

/* Text of people, in a page: nothing of it is markup. */
static outcome put_html(struct buffer *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        const char *as = *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : *p == '&' ? "&amp;" : *p == '"' ? "&quot;" : NULL;
        TRY(as ? buffer_put(b, bytes_str(as)) : buffer_put(b, bytes_of(p, 1)));
    }
    return DONE;
}

static outcome put_row(struct buffer *b, const char *left, const char *right)
{
    TRY(buffer_put(b, BYTES_LIT("<tr><th scope=\"row\">")));
    TRY(put_html(b, left));
    TRY(buffer_put(b, BYTES_LIT("</th><td>")));
    TRY(put_html(b, right));
    return buffer_put(b, BYTES_LIT("</td></tr>\n"));
}

static void one_step(void *ctx, const struct doc *e)
{
    struct timeline *t = ctx;
    const struct doc *p = doc_get(e, "payload");
    char text[1200], left[64];
    if (!p || strcmp(doc_text(p, "id", ""), t->id) != 0) return;
    bool open = strcmp(doc_text(p, "what", ""), "open") == 0;
    snprintf(text, sizeof text, "%s %s%s%s: %s", doc_text(p, "what", ""), doc_text(p, "duty", ""), *doc_text(p, "duty", "") ? " " : "", doc_text(p, "by", ""),
        doc_text(p, open ? "title" : "why", ""));
    snprintf(left, sizeof left, "%s @%lld", doc_text(e, "at", ""), (long long)doc_int(e, "index", 0));
    if (t->html) (void)!ok(put_row(t->html, left, text));
    else printf("  %s  %s\n", left, text);
}

int cmd_incident_show(struct cli *c)
{
    const struct doc *i;
    if (c->n_args != 1) return complain_usage(c);
    int code = fetch_one(c, c->args[0], &i);
    if (code) return code;
    if (c->json) {
        print_json(i);
        return EXIT_OK;
    }
    print_whole(c, i);
    printf("%s\n", cli_say(c, W_TIMELINE));
    struct timeline t = { c, c->args[0], NULL };
    return each_entry(c, "0", "incident", one_step, &t);
}

/* ---- steps ---- */

static int taken(struct cli *c, const char *path, const struct doc *body)
{
    const struct doc *i;
    if (c->dry_run) {
        if (c->json) print_json(body);
        else printf("%s\n", cli_say(c, W_DRY_RUN));
        return EXIT_OK;
    }
    int code = ask_doc(c, path, body, &i);
    if (code) return code;
    if (c->json) print_json(i);
    else print_whole(c, i);
    return EXIT_OK;
}

int cmd_incident_open(struct cli *c)
{
    const struct doc *all = NULL;
    const char *view = flag(c, "view") ? flag(c, "view") : "operator";
    struct doc *body = doc_map(&c->arena), *list = doc_list(&c->arena);
    if (c->n_args > 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    if (strcmp(view, "operator") != 0 && strcmp(view, "maker") != 0) return complain(c, EXIT_USAGE, "SK-1131", cli_say(c, W_VIEW_IS), view, NULL);
    if (duties(c, &all)) return EXIT_FAILED;
    for (const struct doc *d = all->first; d; d = d->next) {
        if (strcmp(doc_text(d, "view", ""), view) != 0) continue;
        struct doc *m = doc_map(&c->arena);
        doc_set_text(&c->arena, m, "id", doc_text(d, "id", ""));
        doc_set_int(&c->arena, m, "minutes", doc_int(d, "minutes", 0));
        doc_add(list, m);
    }
    if (c->n_args) doc_set_text(&c->arena, body, "cause", c->args[0]);
    doc_set_text(&c->arena, body, "title", flag(c, "reason"));
    if (flag(c, "noticed")) doc_set_text(&c->arena, body, "noticed", flag(c, "noticed"));
    doc_set(&c->arena, body, "duties", list);
    return taken(c, "/api/v1/incidents", body);
}

/* manual, note, close: ID; sent, waive: ID DUTY */
int cmd_incident_step(struct cli *c)
{
    char path[160];
    struct doc *body = doc_map(&c->arena);
    const char *verb = c->command->verb;
    bool duty = strcmp(verb, "sent") == 0 || strcmp(verb, "waive") == 0, close = strcmp(verb, "close") == 0;
    if (c->n_args != (duty ? 2u : 1u)) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    if (close && !flag(c, "loss")) return need_flag(c, "loss");
    if (close && !flag(c, "minutes")) return need_flag(c, "minutes");
    doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    if (duty) doc_set_text(&c->arena, body, "duty", c->args[1]);
    if (close) {
        int64_t yen = whole_number(flag(c, "loss"), 1000000000000000), minutes = whole_number(flag(c, "minutes"), 100000000);
        if (yen < 0 || minutes < 0) return complain_usage(c);
        doc_set_int(&c->arena, body, "loss_yen", yen);
        doc_set_int(&c->arena, body, "loss_minutes", minutes);
    }
    snprintf(path, sizeof path, "/api/v1/incidents/%.60s/%s", c->args[0], verb);
    return taken(c, path, body);
}

/* ---- a report as a page to print ---- */

static outcome put_top(struct cli *c, struct buffer *b, const struct doc *k, const char *site)
{
    TRY(buffer_fmt(b, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>", c->ja ? "ja" : "en"));
    TRY(put_html(b, said(c, k, "form")));
    TRY(buffer_put(b, BYTES_LIT("</title>\n<style>@page{size:A4;margin:18mm}body{font:14px/1.7 \"Noto Sans JP\",\"Hiragino Sans\",\"Yu Gothic UI\",\"Noto Sans CJK JP\",sans-serif;"
        "max-width:180mm;margin:0 auto;line-break:strict}table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:4px 8px;text-align:left;"
        "vertical-align:top;overflow-wrap:anywhere}th{width:30%;font-weight:700}h1{font-size:20px}h2{font-size:16px}</style></head><body>\n<h1>")));
    TRY(put_html(b, said(c, k, "form")));
    TRY(buffer_put(b, BYTES_LIT("</h1>\n<table>\n")));
    TRY(put_row(b, cli_say(c, W_REPORT_TO), said(c, k, "to")));
    TRY(put_row(b, cli_say(c, W_REPORT_BY), said(c, k, "who")));
    return put_row(b, cli_say(c, W_SITE), site);
}

static outcome put_facts(struct cli *c, struct buffer *b, const struct doc *i, const struct doc *limits)
{
    char text[1200];
    static const struct { enum word name; const char *key; } rows[] = { { W_REPORT_WHAT, "title" }, { W_NOTICED, "noticed" }, { W_REPORT_OPENED, "opened" },
        { W_ALERT, "cause" }, { W_MANUAL, "manual_since" }, { W_REPORT_MANUAL, "manual" }, { W_REPORT_CLOSED, "closed" }, { W_REPORT_FOUND, "finding" } };
    TRY(put_row(b, cli_say(c, W_REPORT_NUMBER), doc_text(i, "id", "")));
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        TRY(put_row(b, cli_say(c, rows[k].name), *doc_text(i, rows[k].key, "") ? doc_text(i, rows[k].key, "") : cli_say(c, W_REPORT_NONE)));
    struct out o = out_of(text, sizeof text - 1);
    for (const struct doc *l = limits->first; l && o.n < 1000; l = l->next)
        put_fmt(&o, "%s%.40s %.160s", l == limits->first ? "" : " / ", doc_text(l, "id", ""), doc_text(l, "condition", ""));
    text[o.n] = 0;
    TRY(put_row(b, cli_say(c, W_LIMITS), *text ? text : cli_say(c, W_REPORT_NONE)));
    snprintf(text, sizeof text, "%lld JPY, %lld min", (long long)doc_int(i, "loss_yen", 0), (long long)doc_int(i, "loss_minutes", 0));
    TRY(put_row(b, cli_say(c, W_LOSS), *doc_text(i, "closed", "") ? text : cli_say(c, W_REPORT_UNKNOWN)));
    snprintf(text, sizeof text, "%lld %s, SHA-256 %s", (long long)doc_int(i, "size", 0), cli_say(c, W_ENTRIES), doc_text(i, "root", ""));
    return put_row(b, cli_say(c, W_FROZEN), text);
}

/* What the site does not know a person writes by hand: who to call back. */
static outcome put_end(struct cli *c, struct buffer *b, const struct doc *k)
{
    TRY(buffer_put(b, BYTES_LIT("</table>\n<table>\n")));
    TRY(put_row(b, cli_say(c, W_REPORT_CONTACT), ""));
    TRY(put_row(b, cli_say(c, W_REPORT_SOURCE), said(c, k, "source")));
    if (!doc_bool(k, "confirmed", false)) TRY(put_row(b, "", cli_say(c, W_REPORT_CHECK)));
    return buffer_put(b, BYTES_LIT("</table>\n</body></html>\n"));
}

static int write_report(struct cli *c, struct buffer *b, const struct doc *i, const struct doc *k)
{
    const struct doc *limits, *status;
    char id[32];
    snprintf(id, sizeof id, "%.31s", c->args[0]);
    int code = ask(c, "GET", "/api/v1/limits", BYTES_NONE, &limits);
    if (!code) code = ask(c, "GET", "/api/v1/status", BYTES_NONE, &status);
    if (code) return code;
    outcome o = put_top(c, b, k, doc_text(status, "site", ""));
    if (ok(o)) o = put_facts(c, b, i, limits);
    if (ok(o)) o = buffer_fmt(b, "</table>\n<h2>%s</h2>\n<table>\n", cli_say(c, W_TIMELINE));
    if (!ok(o)) return EXIT_FAILED;
    struct timeline t = { c, id, b };
    return each_entry(c, "0", "incident", one_step, &t); /* frees what the documents above hold */
}

int cmd_incident_report(struct cli *c)
{
    const struct doc *i, *all = NULL;
    struct buffer b = BUFFER(8u << 20);
    const char *out = flag(c, "out");
    if (c->n_args != 2) return complain_usage(c);
    if (!out) return need_flag(c, "out");
    if (access(out, F_OK) == 0) return complain(c, EXIT_CONFLICT, "SK-1010", cli_say(c, W_EXISTS), out, NULL);
    int code = fetch_one(c, c->args[0], &i);
    if (code) return code;
    const struct doc *k = duties(c, &all) ? NULL : duty_named(all, c->args[1]);
    if (!k) return complain(c, EXIT_NOT_FOUND, "SK-1132", cli_say(c, W_NO_DUTY), c->args[1], "sekimori incident show");
    code = write_report(c, &b, i, k);
    if (!code && duties(c, &all)) code = EXIT_FAILED;
    if (!code && !ok(put_end(c, &b, duty_named(all, c->args[1])))) code = EXIT_FAILED;
    if (!code) code = write_file(c, out, buffer_view(&b), 0600);
    if (!code && !c->json) printf("%s\n", out);
    buffer_deinit(&b);
    return code;
}
