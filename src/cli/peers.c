/* Other systems behind agreements (相互連携): drafting from a reviewed file, and what passes, what is held back and why. */
#include <stdio.h>
#include <stdlib.h>

#include "assurance/document.h"
#include "checkpoint/statement.h"
#include "cli/cli.h"

enum { ERRORS_SHOWN = 20 };

/* A reviewed file, checked; draws the document that both owners sign. Nothing need run. */
int cmd_peer_new(struct cli *c)
{
    static struct agreement a;
    struct agreement_error errors[ERRORS_SHOWN];
    struct doc *d;
    size_t n = 0;
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "out")) return need_flag(c, "out");
    int code = read_yaml(c, c->args[0], &d);
    if (!code) code = card_fill(c, d);
    if (code) return code;
    outcome o = agreement_read(d, &a, errors, ERRORS_SHOWN, &n);
    for (size_t i = 0; i < n && i < ERRORS_SHOWN; i++)
        fprintf(stderr, "error[SK-1050]: %s:%d: %s\n", c->args[0], errors[i].line, errors[i].text);
    if (!ok(o)) return EXIT_CONFIGURATION;
    return store_doc(c, flag(c, "out"), document_agreement_new(&c->arena, a.site, d, port_wall_ms()));
}

static const struct doc *member(const struct doc *list, const char *key, const char *id)
{
    const struct doc *m = list ? list->first : NULL;
    while (m && strcmp(doc_text(m, key, ""), id) != 0) m = m->next;
    return m;
}

static void list_of(const struct cli *c, const struct doc *list, const char *key)
{
    char ja[32];
    snprintf(ja, sizeof ja, "%s_ja", key);
    for (const struct doc *m = list ? list->first : NULL; m; m = m->next)
        printf("%s%s", m == list->first ? "" : ", ", doc_text(m, c->ja ? ja : key, ""));
}

static const char *verdict_said(const struct cli *c, const struct doc *f)
{
    static const struct { const char *word; enum word say; } rows[] = { { "allow", W_FLOW_ALLOW }, { "limit", W_FLOW_LIMIT }, { "deny", W_FLOW_DENY } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].word, doc_text(f, "verdict", "")) == 0) return cli_say(c, rows[i].say);
    return "-";
}

/* One line: what it is, whether it passes, with which stages. */
static void flow_line(const struct cli *c, const struct doc *f)
{
    bool open = doc_bool(f, "open", false), out = strcmp(doc_text(f, "direction", ""), "out") == 0;
    printf("  %s %s/%s  %s  %s", open ? "●" : "■", doc_text(f, "peer", ""), doc_text(f, "flow", ""), cli_say(c, out ? W_FLOW_OUT : W_FLOW_IN),
        c->ja ? doc_text(f, "state_ja", "") : doc_text(f, "state", ""));
    printf("  %s (", verdict_said(c, f));
    list_of(c, doc_get(f, "stages"), "stage");
    printf(")  %s %lld, %s %lld", cli_say(c, W_FLOW_PASSED), (long long)doc_int(f, "passed", 0), cli_say(c, W_FLOW_REFUSED), (long long)doc_int(f, "refused", 0));
    if (doc_int(f, "held", 0)) printf(", %s %lld", cli_say(c, W_HELD), (long long)doc_int(f, "held", 0));
    if (doc_text(f, "last_refusal", "")[0]) printf("  [%s]", doc_text(f, "last_refusal", ""));
    printf("\n");
}

static void statement_line(const struct cli *c, const struct doc *p)
{
    const char *at = doc_text(p, "statement_at", "");
    if (!doc_text(p, "statement", "")[0]) return;
    printf("  %s: %s (%s)", cli_say(c, W_STATEMENT), c->ja ? doc_text(p, "statement_ja", "") : doc_text(p, "statement", ""), doc_text(p, "statement_site", ""));
    if (at[0]) printf("  %s %s  %s %s", cli_say(c, W_STATEMENT_AT), at, cli_say(c, W_UNTIL), doc_text(p, "statement_until", ""));
    printf("  %s %s\n", cli_say(c, W_STATEMENT_CODE), doc_text(p, "key_code", ""));
    const char *terms = doc_text(p, "terms", "");
    if (!terms[0]) return;
    enum word said = strcmp(terms, "equal") == 0 ? W_TERMS_EQUAL : strcmp(terms, "differ") == 0 ? W_TERMS_DIFFER : W_TERMS_AWAITED;
    printf("  %s: %s  %s: %lld / %lld\n", cli_say(c, W_TERMS), cli_say(c, said), cli_say(c, W_WITNESS), (long long)doc_int(p, "their_record", 0),
        (long long)doc_int(p, "our_record_seen", 0));
}

static void peer_line(const struct cli *c, const struct doc *p)
{
    bool up = strcmp(doc_text(p, "link", ""), "up") == 0;
    char place[160];
    if (doc_bool(p, "inbound", false)) snprintf(place, sizeof place, "%s", cli_say(c, W_PEER_INBOUND));
    else snprintf(place, sizeof place, "%s:%lld", doc_text(p, "host", ""), (long long)doc_int(p, "port", 0));
    printf("%s  %s  %s (%s)  %s%s%s  %s %s\n", doc_text(p, "peer", ""), doc_said(c, p, "name"), place, doc_text(p, "transport", ""), cli_say(c, up ? W_PEER_UP : W_PEER_DOWN), up || !doc_text(p, "link_why", "")[0] ? "" : ": ",
        up ? "" : doc_text(p, "link_why", ""), cli_say(c, W_UNTIL), doc_text(p, "until", ""));
    statement_line(c, p);
    const struct doc *seen = doc_get(p, "seen");
    if (!seen || !seen->first) return;
    printf("  %s: ", cli_say(c, W_PEER_SEEN));
    list_of(c, seen, "sight");
    printf("\n");
}

static void flow_lines(const struct cli *c, const struct doc *p)
{
    for (const struct doc *f = doc_get(p, "flows") ? doc_get(p, "flows")->first : NULL; f; f = f->next) flow_line(c, f);
}

/* What peers asked for and two people have not yet released. */
static int held_lines(struct cli *c)
{
    const struct doc *holds;
    int code = ask(c, "GET", "/api/v1/holds", BYTES_NONE, &holds);
    for (const struct doc *h = code ? NULL : holds->first; h; h = h->next) {
        if (strncmp(doc_text(h, "from", ""), "peer-", 5) != 0) continue;
        printf("  %s %s  %s → %s  %s %s\n    sekimori flow release %s --key … --key … | sekimori flow refuse %s --reason …\n", doc_text(h, "id", ""),
            cli_say(c, W_FLOW_HELD), doc_text(h, "from", ""), doc_text(h, "topic", ""), cli_say(c, W_UNTIL), doc_text(h, "until", ""),
            doc_text(h, "id", ""), doc_text(h, "id", ""));
    }
    return code;
}

/* peer list, flow list */
int cmd_peer_list(struct cli *c)
{
    const struct doc *d;
    bool flows = strcmp(c->command->noun, "flow") == 0;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/peers", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) return print_json(d), EXIT_OK;
    if (!d->first) printf("%s\n", cli_say(c, W_PEER_NONE));
    for (const struct doc *p = d->first; p; p = p->next) {
        if (flows) flow_lines(c, p);
        else peer_line(c, p);
    }
    return flows && d->first ? held_lines(c) : EXIT_OK;
}

int cmd_peer_show(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/peers", BYTES_NONE, &d);
    if (code) return code;
    const struct doc *p = member(d, "peer", c->args[0]);
    if (!p) return complain(c, EXIT_NOT_FOUND, "SK-1051", cli_say(c, W_PEER_UNKNOWN), c->args[0], "sekimori peer list");
    if (c->json) return print_json(p), EXIT_OK;
    peer_line(c, p);
    printf("  %s: %s\n  %s: %s\n  %s: %s\n  %s: %s (%s)\n", cli_say(c, W_PEER_CONTACT), doc_text(p, "contact", ""), cli_say(c, W_PEER_BOUNDARY),
        doc_text(p, "boundary", ""), cli_say(c, W_PEER_RETENTION), doc_text(p, "retention", ""), cli_say(c, W_PEER_AGREEMENT),
        doc_text(p, "agreement", ""), doc_text(p, "signed_at", ""));
    flow_lines(c, p);
    return EXIT_OK;
}

static void flow_page(const struct cli *c, const struct doc *f)
{
    long long used = (long long)doc_int(f, "rate_used_ppb", 0), bypass = (long long)doc_int(f, "bypass_ppb", 0);
    flow_line(c, f);
    printf("  %s → %s\n  %s: %s  %s: %s\n", doc_text(f, "local", ""), doc_text(f, "remote", ""), cli_say(c, W_FLOW_LABEL), doc_text(f, "label", ""),
        cli_say(c, W_FLOW_PURPOSE), doc_text(f, "purpose", ""));
    printf("  %s: %lld.%03lld\n", cli_say(c, W_FLOW_RATE), used / 1000000000, used / 1000000 % 1000);
    printf("  %s: %lld → %lld (%s %lld; %s %lld.%01lld %%)\n", cli_say(c, W_FLOW_FIGURE), (long long)doc_int(f, "added_bare_yen", 0), (long long)doc_int(f, "added_yen", 0),
        cli_say(c, W_FLOW_TOLERANCE), (long long)doc_int(f, "tolerance_yen", 0), cli_say(c, W_FLOW_BYPASS), bypass / 10000000, bypass / 1000000 % 10);
    printf("  %s: %s  %s: %s\n", cli_say(c, W_FLOW_LATTICE), cli_say(c, doc_bool(f, "lattice", false) ? W_FINE : W_BAD), cli_say(c, W_FLOW_FALLBACK),
        doc_text(f, "fallback", ""));
    const struct doc *unproven = doc_get(f, "unproven");
    if (unproven && unproven->first) {
        printf("  %s: ", cli_say(c, W_FLOW_UNPROVEN));
        list_of(c, unproven, "stage");
        printf("\n");
    }
    if (doc_bool(f, "tightened", false)) printf("  %s\n", cli_say(c, W_FLOW_TIGHTENED));
    const struct doc *x = doc_get(f, "changes") ? doc_get(f, "changes")->first : NULL;
    if (x) printf("  %s:\n", cli_say(c, W_FLOW_CHANGES));
    for (; x; x = x->next) {
        printf("    %s  %s  %s (", doc_text(x, "at", ""), doc_text(x, c->ja ? "state_ja" : "state", ""), verdict_said(c, x));
        list_of(c, doc_get(x, "stages"), "stage");
        printf(")  %s\n", doc_text(x, c->ja ? "cause_ja" : "cause", ""));
    }
}

/* PEER/FLOW */
int cmd_flow_show(struct cli *c)
{
    const struct doc *d;
    char peer[64];
    if (c->n_args != 1) return complain_usage(c);
    const char *slash = strchr(c->args[0], '/');
    int code = ask(c, "GET", "/api/v1/peers", BYTES_NONE, &d);
    if (code) return code;
    snprintf(peer, sizeof peer, "%.*s", slash ? (int)(slash - c->args[0]) : 0, c->args[0]);
    const struct doc *p = member(d, "peer", peer), *f = p ? member(doc_get(p, "flows"), "flow", slash + 1) : NULL;
    if (!f) return complain(c, EXIT_NOT_FOUND, "SK-1052", cli_say(c, W_FLOW_UNKNOWN), c->args[0], "sekimori flow list");
    if (c->json) return print_json(f), EXIT_OK;
    flow_page(c, f);
    return EXIT_OK;
}

/* A peer's held command is never sent. */
int cmd_flow_refuse(struct cli *c)
{
    char path[200];
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    struct doc *body = doc_map(&c->arena);
    doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    snprintf(path, sizeof path, "/api/v1/holds/%.60s/refuse", c->args[0]);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, path, body, &d);
    if (!code) printf("%s: %s %s\n", cli_say(c, W_APPLIED), c->command->verb, c->args[0]);
    return code;
}

/* How we stand, for another site's eyes: a draft that our asset owner signs. The verdict is the daemon's. */
int cmd_peer_state(struct cli *c)
{
    static const char *const words[] = { "iac", "uc", "si", "dc", "rdf", "tre", "ra" };
    const struct doc *status;
    const char *level;
    int64_t now = port_wall_ms(), days = flag(c, "days") ? strtoll(flag(c, "days"), NULL, 10) : STATEMENT_DAYS_MAX;
    struct doc *levels = doc_map(&c->arena);
    if (c->n_args) return complain_usage(c);
    if (!flag(c, "to")) return need_flag(c, "to");
    if (!flag(c, "claimed")) return need_flag(c, "claimed");
    if (!flag(c, "out")) return need_flag(c, "out");
    for (size_t i = 0; (level = flag_nth(c, "level", i)); i++) {
        size_t k = 0;
        while (k < 7 && strncmp(words[k], level, strcspn(level, "=")) != 0) k++;
        const char *equals = strchr(level, '=');
        if (k == 7 || !equals || equals[1] < '0' || equals[1] > '4' || equals[2]) return complain(c, EXIT_USAGE, "SK-1053", cli_say(c, W_STATEMENT_LEVEL), level, NULL);
        doc_set_int(&c->arena, levels, words[k], equals[1] - '0');
    }
    if (days < 1 || days > STATEMENT_DAYS_MAX) return complain(c, EXIT_USAGE, "SK-1054", cli_say(c, W_STATEMENT_DAYS), flag(c, "days"), NULL);
    int code = ask(c, "GET", "/api/v1/status", BYTES_NONE, &status);
    if (code) return code;
    struct statement_draft s = { .to = flag(c, "to"), .policy = STATEMENT_POLICY, .verdict = doc_text(status, "state", "unknown"),
        .until_ms = now + days * MS_DAY, .claimed = strtoll(flag(c, "claimed"), NULL, 10), .levels = levels };
    return store_doc(c, flag(c, "out"), document_statement_new(&c->arena, doc_text(status, "site", ""), &s, now));
}

/* A peer's statement, as it came by whatever way: only its signature counts. */
int cmd_peer_stand(struct cli *c)
{
    struct buffer b;
    char path[200];
    const struct doc *d;
    if (c->n_args != 2) return complain_usage(c);
    int code = read_file(c, c->args[1], &b);
    if (code) return code;
    snprintf(path, sizeof path, "/api/v1/peers/%.60s/statement", c->args[0]);
    code = ask(c, "POST", path, buffer_view(&b), &d);
    buffer_deinit(&b);
    if (!code) printf("%s: %s\n", cli_say(c, W_APPLIED), c->args[1]);
    return code;
}

/* What two people compare over the telephone before they sign. */
int cmd_peer_code(struct cli *c)
{
    struct buffer b;
    char code[25], pem[4096];
    if (c->n_args != 1) return complain_usage(c);
    int bad = read_file(c, c->args[0], &b);
    if (bad) return bad;
    bool good = ok(bytes_to_text(buffer_view(&b), pem, sizeof pem)) && ok(statement_key_code(pem, code));
    buffer_deinit(&b);
    if (!good) return complain(c, EXIT_CONFIGURATION, "SK-1055", cli_say(c, W_KEY), c->args[0], NULL);
    printf("%s\n", code);
    return EXIT_OK;
}

/* peer suspend, peer delete: at once; opening again takes a newly signed agreement. */
int cmd_peer_change(struct cli *c)
{
    char path[200];
    const struct doc *d;
    const char *verb = strcmp(c->command->verb, "delete") == 0 ? "end" : "suspend";
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    struct doc *body = doc_map(&c->arena);
    doc_set_text(&c->arena, body, "reason", flag(c, "reason"));
    snprintf(path, sizeof path, "/api/v1/peers/%.60s/%s", c->args[0], verb);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, path, body, &d);
    if (!code) printf("%s: %s %s\n", cli_say(c, W_APPLIED), c->command->verb, c->args[0]);
    return code;
}
