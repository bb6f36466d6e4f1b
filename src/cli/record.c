/* The record from outside: verify, list, prove; assessments taken away and recomputed. */
#include <stdio.h>

#include "assurance/assurance.h"
#include "cli/cli.h"
#include "ledger/verify.h"

void print_finding(void *ctx, const struct verify_finding *f)
{
    const struct cli *c = ctx;
    const char *word = f->code == E_MISSING ? cli_say(c, W_MISSING) : f->code == E_CHANGED ? cli_say(c, W_CHANGED) : code_word(f->code);
    fprintf(stderr, "  %s: %s @ %llu: %s\n", word, f->file, (unsigned long long)f->offset, f->what);
}

int cmd_ledger_verify(struct cli *c)
{
    char dir[700];
    struct verify_result r;
    const char *key = flag(c, "key");
    snprintf(dir, sizeof dir, "%s/ledger", c->state);
    outcome o = ledger_verify(c->n_args ? c->args[0] : dir, key ? key : "", print_finding, c, &r);
    if (!ok(o)) return complain(c, EXIT_FAILED, "SK-1040", o.sys ? strerror(o.sys) : code_word(o.code), c->n_args ? c->args[0] : dir, NULL);
    printf("%s\n  %llu %s, %s %.16s…, %s %llu\n", cli_say(c, r.findings ? W_NOT_VERIFIED : W_VERIFIED), (unsigned long long)r.entries,
        cli_say(c, W_ENTRIES), cli_say(c, W_HEAD), r.head_root, cli_say(c, W_TAIL), (unsigned long long)r.tail);
    if (!key) printf("  %s\n", cli_say(c, W_OWN_KEY));
    return r.findings ? EXIT_VERIFY : EXIT_OK;
}

struct listing {
    const struct cli *c;
    bool begun;
};

static void print_entry(void *ctx, const struct doc *e)
{
    struct listing *l = ctx;
    const struct cli *c = l->c;
    const struct doc *p = c->json ? e : doc_get(e, "payload");
    struct buffer b = BUFFER(8u << 20);
    if (p) (void)!ok(doc_write_json(p, &b));
    if (c->json)
        printf("%s%.*s", l->begun ? "," : "[", (int)b.n, b.at ? (const char *)b.at : "");
    else
        printf("%6lld %s %-12s %.*s\n", (long long)doc_int(e, "index", 0), doc_text(e, "at", ""), doc_text(e, "kind", ""),
            (int)(b.n < 160 ? b.n : 160), b.at ? (const char *)b.at : "");
    l->begun = true;
    buffer_deinit(&b);
}

/* The daemon answers a page at a time; this reads on until there is none. */
int each_entry(struct cli *c, const char *after, const char *kind, void (*fn)(void *ctx, const struct doc *entry), void *ctx)
{
    char next[24], path[200];
    bool more = true;
    snprintf(next, sizeof next, "%s", after);
    while (more) {
        const struct doc *d;
        struct out o = out_of(path, sizeof path - 1);
        put_str(&o, "/api/v1/ledger/entries");
        add_query(&o, true, "after", next);
        if (kind) add_query(&o, false, "kind", kind);
        if (o.over) return complain_usage(c);
        path[o.n] = 0;
        int code = ask(c, "GET", path, BYTES_NONE, &d);
        if (code) return code;
        for (const struct doc *e = d->first; e; e = e->next) {
            fn(ctx, e);
            snprintf(next, sizeof next, "%lld", (long long)doc_int(e, "index", 0) + 1);
        }
        more = d->first != NULL;
        arena_deinit(&c->arena);
        c->arena = ARENA(64u << 20);
    }
    return EXIT_OK;
}

int cmd_ledger_list(struct cli *c)
{
    struct listing l = { .c = c };
    if (c->n_args) return complain_usage(c);
    int code = each_entry(c, flag(c, "after") ? flag(c, "after") : "0", flag(c, "kind"), print_entry, &l);
    if (!code && c->json) printf(l.begun ? "]\n" : "[]\n");
    return code;
}

static int fetch(struct cli *c, const char *path)
{
    const struct doc *d;
    struct buffer b = BUFFER(64u << 20);
    const char *out = flag(c, "out");
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    if (!out) {
        print_json(d);
        return EXIT_OK;
    }
    code = ok(doc_write_json(d, &b)) ? write_file(c, out, buffer_view(&b), 0644) : EXIT_FAILED;
    buffer_deinit(&b);
    if (!code) printf("%s\n", out);
    return code;
}

int cmd_ledger_proof(struct cli *c)
{
    char path[160];
    if (c->n_args != 1) return complain_usage(c);
    snprintf(path, sizeof path, "/api/v1/ledger/proofs/%s", c->args[0]);
    return fetch(c, path);
}

int cmd_ledger_head(struct cli *c)
{
    const struct doc *d;
    int code = ask(c, "POST", "/api/v1/ledger/head", BYTES_LIT("{}"), &d);
    if (!code) printf("%s", doc_text(d, "head", ""));
    return code;
}

static void say_prunable(const struct cli *c, const struct doc *d)
{
    bool dry = doc_bool(d, "dry_run", false);
    printf("%s: %lld %s, %lld B\n", cli_say(c, dry ? W_WOULD_PRUNE : W_PRUNED), (long long)doc_int(d, "entries", 0),
        cli_say(c, W_ENTRIES), (long long)doc_int(d, "bytes", 0));
}

/* Asks as often as the daemon bounds its work. */
int cmd_ledger_prune(struct cli *c)
{
    const struct doc *answer = NULL;
    struct doc *d = doc_map(&c->arena);
    struct buffer b = BUFFER(65536);
    bool dry = flag(c, "dry-run") != NULL;
    if (!flag(c, "before")) return need_flag(c, "before");
    doc_set_text(&c->arena, d, "class", flag(c, "class") ? flag(c, "class") : "data");
    doc_set_text(&c->arena, d, "before", flag(c, "before"));
    doc_set_text(&c->arena, d, "reason", flag(c, "reason") ? flag(c, "reason") : "by order");
    doc_set_bool(&c->arena, d, "dry_run", dry);
    int code = ok(doc_write_json(d, &b)) ? EXIT_OK : EXIT_FAILED;
    bool more = !code;
    while (more) {
        code = ask(c, "POST", "/api/v1/ledger/prune", buffer_view(&b), &answer);
        more = !code && !dry && doc_bool(answer, "more", false);
        if (!code && !c->json) say_prunable(c, answer);
    }
    if (!code && c->json) print_json(answer);
    buffer_deinit(&b);
    return code;
}

int cmd_ledger_erase(struct cli *c)
{
    char path[160];
    const struct doc *answer;
    struct doc *d = doc_map(&c->arena);
    struct buffer b = BUFFER(65536);
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    struct out o = out_of(path, sizeof path - 1);
    put_str(&o, "/api/v1/ledger/erase/");
    put_str(&o, c->args[0]);
    if (o.over) return complain_usage(c);
    path[o.n] = 0;
    doc_set_text(&c->arena, d, "reason", flag(c, "reason"));
    int code = ok(doc_write_json(d, &b)) ? ask(c, "POST", path, buffer_view(&b), &answer) : EXIT_FAILED;
    buffer_deinit(&b);
    if (!code) printf("%s: %s\n", c->args[0], cli_say(c, W_ERASED));
    return code;
}

int cmd_ledger_consistency(struct cli *c)
{
    char path[200];
    if (c->n_args != 2) return complain_usage(c);
    int n = snprintf(path, sizeof path, "/api/v1/ledger/consistency?old=%s&new=%s", c->args[0], c->args[1]);
    return n < 0 || n >= (int)sizeof path ? complain_usage(c) : fetch(c, path);
}

/* The newest assessment entry, or the one whose payload has this id. */
/* The entries of the named (or newest) assessment and of the one before it. */
static int find_assessments(struct cli *c, const char *id, const struct doc **ret, const struct doc **ret_before)
{
    char path[128];
    const struct doc *page, *last = NULL;
    long long after = 0;
    *ret = *ret_before = NULL;
    for (;;) {
        snprintf(path, sizeof path, "/api/v1/ledger/entries?kind=assessment&after=%lld", after);
        int code = ask(c, "GET", path, BYTES_NONE, &page);
        if (code) return code;
        for (const struct doc *e = page->first; e; e = e->next) {
            const struct doc *p = doc_get(e, "payload");
            if (!id || (p && strcmp(doc_text(p, "id", ""), id) == 0)) {
                *ret_before = last;
                *ret = e;
            }
            last = e;
            after = doc_int(e, "index", 0) + 1;
        }
        if (page->count < 100) break;
    }
    return *ret ? EXIT_OK : complain(c, EXIT_NOT_FOUND, "SK-1041", cli_say(c, W_NO_ROOM), id, "sekimori assessment list");
}

static int whole_entry(struct cli *c, const struct doc *e, const struct doc **ret)
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/ledger/entries/%lld", (long long)doc_int(e, "index", 0));
    int code = ask(c, "GET", path, BYTES_NONE, ret);
    if (!code && doc_get(*ret, "payload")) *ret = doc_get(*ret, "payload");
    return code;
}

int ask_assessments(struct cli *c, const char *id, const struct doc **ret, const struct doc **ret_before)
{
    const struct doc *now, *before;
    int code = find_assessments(c, id, &now, &before);
    *ret_before = NULL;
    if (!code) code = whole_entry(c, now, ret);
    return code || !before ? code : whole_entry(c, before, ret_before);
}

int cmd_assessment_export(struct cli *c)
{
    char path[128];
    const struct doc *found, *before;
    int code = find_assessments(c, c->n_args ? c->args[0] : NULL, &found, &before);
    if (code) return code;
    snprintf(path, sizeof path, "/api/v1/ledger/entries/%lld", (long long)doc_int(found, "index", 0));
    return fetch(c, path);
}

int cmd_assessment_replay(struct cli *c)
{
    struct buffer text;
    struct doc *d;
    char hash[65] = "";
    bool same = false;
    if (c->n_args != 1) return complain_usage(c);
    int code = read_file(c, c->args[0], &text);
    if (code) return code;
    outcome o = doc_read_json(buffer_view(&text), &c->arena, &d);
    buffer_deinit(&text);
    if (ok(o)) {
        const struct doc *payload = doc_get(d, "payload");
        o = assurance_replay_assessment(payload ? payload : d, hash, &same);
    }
    if (!ok(o)) return complain(c, EXIT_VERIFY, "SK-1042", code_word(o.code), c->args[0], NULL);
    printf("%s\n  %s\n", cli_say(c, same ? W_REPLAY_SAME : W_REPLAY_DIFFERS), hash);
    return same ? EXIT_OK : EXIT_VERIFY;
}
