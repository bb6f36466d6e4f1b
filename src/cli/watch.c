/* `sekimori watch discover`: what a sensor saw, before any site exists; findings first, the most dangerous first. */
#include <stdio.h>

#include "cli/sensed.h"
#include "watch/finding.h"

enum { SHOWN_OF_A_KIND = 12, SHOWN_HOSTS = 200, SHOWN_FLOWS = 200 };

static void print_bytes(int64_t n)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    size_t u = 0;
    int64_t tenths = n * 10;
    while (tenths >= 10000 && u + 1 < sizeof units / sizeof *units) tenths /= 1000, u++;
    if (u == 0) printf("%lld B", (long long)n);
    else printf("%lld.%lld %s", (long long)(tenths / 10), (long long)(tenths % 10), units[u]);
}

/* "10.1.2.3 (pump-1)": addresses and names came through text_shown. */
static void print_host(const struct sensed *s, const char *address)
{
    const struct doc *h = sensed_host(s, address);
    const char *name = doc_text(h, "name", "");
    printf("%s%s%s%s", address, *name ? " (" : "", name, *name ? ")" : "");
}

static void print_place(const struct sensed *s, const struct doc *f)
{
    const char *peer = doc_text(f, "peer", "");
    print_host(s, doc_text(f, "host", ""));
    if (!*peer) return;
    printf(" → ");
    print_host(s, peer);
    int64_t port = doc_int(f, "port", 0);
    if (port) printf(" %s/%lld", doc_text(f, "transport", ""), (long long)port);
    printf(" %s", doc_text(f, "protocol", ""));
}

static void print_since(struct cli *c, const char *at)
{
    printf(c->ja ? "  %.19sZ から" : "  since %.19sZ", at);
}

static void print_instance(struct cli *c, const struct sensed *s, const struct doc *f)
{
    const char *detail = doc_text(f, "detail", "");
    printf("    ");
    print_place(s, f);
    print_since(c, doc_text(f, "since", ""));
    printf("%s%s%s%s\n", doc_bool(f, "open", false) ? ", " : "", doc_bool(f, "open", false) ? cli_say(c, W_STILL) : "", *detail ? "  " : "", detail);
}

/* One kind: what, why, do this, and where. */
static void print_kind(struct cli *c, const struct sensed *s, const struct doc *list, const struct finding_words *w)
{
    static const char *const marks[] = { "■", "▲", "・" };
    size_t n = 0;
    for (const struct doc *f = list->first; f; f = f->next) {
        if (strcmp(doc_text(f, "kind", ""), w->word) != 0) continue;
        if (n == 0) printf("\n%s %s [%s]\n", marks[w->level], c->ja ? w->what_ja : w->what_en, w->word);
        if (n++ < SHOWN_OF_A_KIND) print_instance(c, s, f);
    }
    if (!n) return;
    if (n > SHOWN_OF_A_KIND) printf("    %s %zu\n", cli_say(c, W_AND_MORE), n - SHOWN_OF_A_KIND);
    printf("  %s: %s\n  %s: %s\n", cli_say(c, W_WHY_IT_MATTERS), c->ja ? w->why_ja : w->why_en, cli_say(c, W_TRY), c->ja ? w->do_ja : w->do_en);
}

static void print_words(const struct doc *list)
{
    for (const struct doc *p = list ? list->first : NULL; p; p = p->next) printf(" %s", p->text ? p->text : "");
}

static void print_hosts(struct cli *c, const struct doc *list)
{
    size_t n = 0;
    printf("\n%s\n", cli_say(c, W_HOSTS));
    for (const struct doc *h = list ? list->first : NULL; h; h = h->next) {
        if (doc_bool(h, "group", false)) continue;
        if (n++ >= SHOWN_HOSTS) continue;
        printf("  %-15s %-17s %s%s\n", doc_text(h, "address", ""), doc_text(h, "mac", ""), doc_text(h, "name", ""),
            doc_bool(h, "inside", true) ? "" : cli_say(c, W_OUTSIDE));
        bool serves = doc_get(h, "serves") && doc_get(h, "serves")->count, uses = doc_get(h, "uses") && doc_get(h, "uses")->count;
        if (serves) printf("      %s:", cli_say(c, W_SERVES)), print_words(doc_get(h, "serves")), printf("\n");
        if (uses) printf("      %s:", cli_say(c, W_USES)), print_words(doc_get(h, "uses")), printf("\n");
    }
    if (n > SHOWN_HOSTS) printf("  %s %zu\n", cli_say(c, W_AND_MORE), n - SHOWN_HOSTS);
}

static void print_flows(struct cli *c, const struct doc *list)
{
    size_t n = 0;
    printf("\n%s\n", cli_say(c, W_TRAFFIC));
    for (const struct doc *f = list ? list->first : NULL; f; f = f->next) {
        if (n++ >= SHOWN_FLOWS) continue;
        const char *tls = doc_text(f, "tls", "");
        printf("  %s → %s %s/%lld  %s%s%s  ", doc_text(f, "client", ""), doc_text(f, "server", ""), doc_text(f, "transport", ""),
            (long long)doc_int(f, "port", 0), doc_text(f, "protocol", ""), *tls ? " " : "", tls);
        print_bytes(doc_int(f, "up", 0) + doc_int(f, "down", 0));
        print_since(c, doc_text(f, "first", ""));
        printf("  %s\n", doc_text(f, "name", ""));
    }
    if (n > SHOWN_FLOWS) printf("  %s %zu\n", cli_say(c, W_AND_MORE), n - SHOWN_FLOWS);
}

static void print_table(struct cli *c, const struct sensed *s)
{
    const struct doc *d = s->doc, *found = doc_get(d, "findings");
    printf("%.19sZ – %.19sZ  %s %lld, ", doc_text(d, "from", ""), doc_text(d, "to", ""), cli_say(c, W_PACKETS), (long long)doc_int(d, "packets", 0));
    print_bytes(doc_int(d, "bytes", 0));
    printf("\n%s\n\n%s\n", cli_say(c, W_CLAIMS), cli_say(c, W_FINDINGS));
    for (int k = 0; found && k < FINDING_COUNT; k++) print_kind(c, s, found, finding_words((enum finding_kind)k));
    if (!found || !found->count) printf("  %s\n", cli_say(c, W_NOTHING_FOUND));
    print_hosts(c, doc_get(d, "hosts"));
    print_flows(c, doc_get(d, "flows"));
}

/* The words of a list with blanks between. */
static void cell_words(const struct doc *list, bool last)
{
    char text[512];
    struct out o = out_of(text, sizeof text - 1);
    for (const struct doc *p = list ? list->first : NULL; p; p = p->next) put_fmt(&o, "%s%s", o.n ? " " : "", p->text ? p->text : "");
    text[o.n] = 0;
    print_cell(text, last);
}

/* Rows an inventory can begin with. */
static void print_csv(struct cli *c, const struct doc *list)
{
    printf(c->ja ? "IPアドレス,MAC,名称,提供,利用,初認,最終\r\n" : "address,mac,name,serves,uses,first,last\r\n");
    for (const struct doc *h = list ? list->first : NULL; h; h = h->next) {
        if (doc_bool(h, "group", false)) continue;
        print_cell(doc_text(h, "address", ""), false);
        print_cell(doc_text(h, "mac", ""), false);
        print_cell(doc_text(h, "name", ""), false);
        cell_words(doc_get(h, "serves"), false);
        cell_words(doc_get(h, "uses"), false);
        print_cell(doc_text(h, "first", ""), false);
        print_cell(doc_text(h, "last", ""), true);
    }
}

int cmd_watch_discover(struct cli *c)
{
    struct sensed s;
    if (!c->n_args) return complain_usage(c);
    int code = sensed_get(c, c->args[0], &s);
    if (!code && c->json) print_json(s.doc);
    else if (!code && c->output && strcmp(c->output, "csv") == 0) print_csv(c, doc_get(s.doc, "hosts"));
    else if (!code) print_table(c, &s);
    sensed_deinit(&s);
    return code;
}
