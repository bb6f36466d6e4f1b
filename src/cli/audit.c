/* `sekimori audit pack|page`: what an auditor takes away for a period, and the page he checks it with on a locked PC. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/embedded.h"
#include "ledger/pack.h"

enum { PACK_ENTRIES_MAX = 200000 };

/* Not: what names how clients may come back (tokens, invites), and the sessions of machines, which are most of a record. */
static bool wanted(unsigned kind)
{
    return ledger_kind_class(kind) == CLASS_CONTROL && kind != ENTRY_SESSION && kind != ENTRY_INVITE && kind != ENTRY_TOKEN;
}

/* "2026-04-01" is the beginning of that day where this machine is; else RFC 3339. */
static bool moment(const char *text, int64_t *ret)
{
    struct tm t = { .tm_isdst = -1 };
    const char *end = strptime(text, "%Y-%m-%d", &t);
    if (!end || *end) return ok(time_parse(bytes_str(text), ret));
    time_t at = mktime(&t);
    *ret = (int64_t)at * MS_S;
    return at != (time_t)-1;
}

static int failed(struct cli *c, outcome o, const char *at)
{
    static const struct { enum code code; enum word word; int exit; const char *next; } rows[] = {
        { E_UNKNOWN, W_NO_HEAD, EXIT_TEMPORARY, "sekimori ledger head" },
        { E_CRYPTO, W_OTHER_RECORD, EXIT_VERIFY, NULL },
        { E_RANGE, W_OTHER_RECORD, EXIT_VERIFY, NULL },
        { E_CHANGED, W_NOT_VERIFIED, EXIT_VERIFY, "sekimori ledger verify" },
        { E_MISSING, W_NO_DAEMON, EXIT_NOT_FOUND, "sekimori --state DIR audit pack" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == o.code) return complain(c, rows[i].exit, "SK-1120", cli_say(c, rows[i].word), at, rows[i].next);
    return complain(c, EXIT_FAILED, "SK-1120", code_word(o.code), at, NULL);
}

static void say(struct cli *c, const char *out, size_t bytes, const struct pack_result *r)
{
    struct doc *d = doc_map(&c->arena);
    doc_set_text(&c->arena, d, "file", out);
    doc_set_int(&c->arena, d, "entries", (int64_t)r->entries);
    doc_set_int(&c->arena, d, "hashes", (int64_t)r->hashes);
    doc_set_int(&c->arena, d, "signed", (int64_t)r->size);
    doc_set_text(&c->arena, d, "head", r->root);
    doc_set_text(&c->arena, d, "key", r->key);
    doc_set_bool(&c->arena, d, "all", r->whole);
    doc_set_bool(&c->arena, d, "closed", r->closed);
    if (c->json) {
        print_json(d);
        return;
    }
    printf("%s  %s\n  %llu %s, %s %.16s…, %zu KiB\n  key %s\n", cli_say(c, W_PACK_MADE), out, (unsigned long long)r->entries, cli_say(c, W_ENTRIES),
        cli_say(c, W_HEAD), r->root, bytes >> 10, r->key);
    if (!r->whole) printf("  %s\n", cli_say(c, W_PACK_CHOSEN));
    else if (!r->closed) printf("  %s\n", cli_say(c, W_PACK_OPEN));
    printf("  %s: sekimori-verify pack %s --key KEY; sekimori audit page --out verify.html\n", cli_say(c, W_TRY), out);
}

/* What was made is read again as the auditor will, before it is stored. */
static int make_pack(struct cli *c, const struct pack_request *q, const char *out)
{
    struct buffer b = BUFFER(PACK_BYTES_MAX);
    struct pack_result r;
    outcome o = pack_make(q, &b);
    if (ok(o)) o = pack_verify(buffer_view(&b), "", &r);
    int code = ok(o) ? write_file(c, out, buffer_view(&b), 0600) : failed(c, o, q->dir);
    if (!code) say(c, out, b.n, &r);
    buffer_deinit(&b);
    return code;
}

int cmd_audit_pack(struct cli *c)
{
    char dir[FORMAT_PATH];
    struct buffer earlier = BUFFER(0);
    const char *from = flag(c, "from"), *to = flag(c, "to"), *out = flag(c, "out"), *after = flag(c, "after");
    struct pack_request q = { .dir = dir, .to_ms = port_wall_ms(), .wanted = wanted, .entries_max = PACK_ENTRIES_MAX };
    if (c->n_args) return complain_usage(c);
    if (!from) return need_flag(c, "from");
    if (!out) return need_flag(c, "out");
    if (!moment(from, &q.from_ms)) return complain(c, EXIT_USAGE, "SK-1121", cli_say(c, W_DAY_IS), from, NULL);
    if ((to && !moment(to, &q.to_ms)) || q.to_ms <= q.from_ms) return complain(c, EXIT_USAGE, "SK-1121", cli_say(c, W_DAY_IS), to ? to : from, NULL);
    if (access(out, F_OK) == 0) return complain(c, EXIT_CONFLICT, "SK-1010", cli_say(c, W_EXISTS), out, NULL);
    snprintf(dir, sizeof dir, "%.4000s/ledger", c->state);
    if (after) {
        outcome o = port_file_load(after, PACK_BYTES_MAX, &earlier);
        if (!ok(o)) return complain(c, EXIT_NOT_FOUND, "SK-1020", cli_say(c, W_FILE), after, NULL);
        q.earlier = buffer_view(&earlier);
    }
    int code = make_pack(c, &q, out);
    buffer_deinit(&earlier);
    return code;
}

int cmd_audit_page(struct cli *c)
{
    const char *out = flag(c, "out");
    const struct embedded *e = embedded_files;
    if (c->n_args) return complain_usage(c);
    if (!out) return need_flag(c, "out");
    while (e->name && strcmp(e->name, "audit/verify.html") != 0) e++;
    if (!e->name) return EXIT_FAILED;
    if (access(out, F_OK) == 0) return complain(c, EXIT_CONFLICT, "SK-1010", cli_say(c, W_EXISTS), out, NULL);
    int code = write_file(c, out, bytes_of(e->at, e->n), 0644);
    if (!code && !c->json) printf("%s\n", out);
    return code;
}
