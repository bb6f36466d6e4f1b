/* What people read: status, why, devices, lists. Renders the daemon's views, adds no judgement. */
#include <stdio.h>

#include "cli/cli.h"

static const char *mark(const char *state)
{
    static const struct { const char *state, *mark; } rows[] = { { "within", "●" }, { "near", "▲" }, { "over", "■" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(state, rows[i].state) == 0) return rows[i].mark;
    return "?";
}

static void print_limits(struct cli *c, const struct doc *list)
{
    for (const struct doc *l = list ? list->first : NULL; l; l = l->next) {
        printf("  %s %s\n    %s\n", doc_text(l, "id", ""), doc_said(c, l, "text"), doc_said(c, l, "withholds"));
        if (doc_get(l, "weight")) printf("    %s\n", doc_said(c, doc_get(l, "weight"), "text"));
    }
}

static const char *held_why(struct cli *c, const struct doc *h)
{
    if (doc_text(h, "limit", "")[0]) return doc_text(h, "limit", "");
    if (strcmp(doc_text(h, "why", ""), "contained") == 0) return cli_say(c, W_HELD_MEASURE);
    return cli_say(c, strncmp(doc_text(h, "from", ""), "peer-", 5) == 0 ? W_HELD_PEER : W_HELD_WORK);
}

static void print_held(struct cli *c, const struct doc *list)
{
    if (!list || !list->count) return;
    printf("%s: %zu\n", cli_say(c, W_HELD), list->count);
    size_t shown = 0;
    for (const struct doc *h = list->first; h && shown < 5; h = h->next, shown++)
        printf("  %s %s → %s (%s %s, %s)\n", doc_text(h, "id", ""), doc_text(h, "from", ""), doc_text(h, "topic", ""), cli_say(c, W_UNTIL),
            doc_text(h, "until", ""), held_why(c, h));
}

int cmd_status(struct cli *c)
{
    const struct doc *d;
    int code = ask(c, "GET", "/api/v1/status", BYTES_NONE, &d);
    if (code) return code;
    int exit_code = (int)doc_int(d, "exit", EXIT_FAILED);
    if (c->json) {
        print_json(d);
        return exit_code;
    }
    char title[64];
    snprintf(title, sizeof title, "title_%s", c->ja ? "ja" : "en");
    printf("%s  %s %s  (%s %s)\n", doc_text(d, title, ""), mark(doc_text(d, "state", "")), doc_said(c, d, "state"), cli_say(c, W_ASOF),
        doc_text(d, "as_of", ""));
    if (*doc_said(c, d, "sentence")) printf("%s\n", doc_said(c, d, "sentence"));
    if (*doc_said(c, d, "observe")) printf("%s\n", doc_said(c, d, "observe"));
    const struct doc *traffic = doc_get(d, "traffic");
    if (traffic && doc_int(traffic, "share_each", 0))
        printf("! %s: %lld\n", cli_say(c, W_DEVICE_SHARE), (long long)doc_int(traffic, "share_each", 0));
    if (traffic && doc_int(traffic, "yields_from", 0))
        printf("! %s: %lld\n", cli_say(c, W_OVERLOAD), (long long)doc_int(traffic, "yielded", 0));
    const struct doc *stake = doc_get(d, "at_stake"), *decision = doc_get(d, "decision");
    if (stake) printf("%s: %s\n", cli_say(c, W_AT_STAKE), doc_said(c, stake, "text"));
    for (const struct doc *l = doc_get(d, "layers") ? doc_get(d, "layers")->first : NULL; l; l = l->next)
        printf("  %-14s ok %lld  bad %lld  ? %lld\n", doc_said(c, l, "name"), (long long)doc_int(l, "ok", 0),
            (long long)doc_int(l, "bad", 0), (long long)doc_int(l, "unknown", 0));
    if (doc_int(d, "limits_enforced", 0) + doc_int(d, "limits_observed", 0)) printf("%s:\n", cli_say(c, W_LIMITS));
    print_limits(c, doc_get(d, "limits"));
    print_emergencies(c, doc_get(d, "emergencies"));
    print_incidents(c, doc_get(d, "incidents"));
    print_held(c, doc_get(d, "held"));
    if (decision) printf("%s: %s\n", cli_say(c, W_DECISION), doc_said(c, decision, "text"));
    return exit_code;
}

static void print_step(struct cli *c, const struct doc *s)
{
    long long level = doc_int(s, "level", 0);
    const char *lead = level == 0 ? s->next ? "├" : "└" : level == 1 ? "│ ├" : "│ │ ├";
    printf("  %s %-*s %-9s %s", lead, level ? 11 - (int)level : 12, doc_text(s, "step", ""), doc_text(s, "result", ""), doc_said(c, s, "text"));
    if (doc_get(s, "entry")) printf("  [%s %lld]", cli_say(c, W_ENTRY), (long long)doc_int(s, "entry", 0));
    printf("\n");
}

static int print_why(struct cli *c, const struct doc *d)
{
    const char *ruling = doc_text(d, "ruling", "deny"), *hold = doc_text(d, "hold", "");
    const char *subject = doc_text(d, "subject", "")[0] ? doc_text(d, "subject", "") : doc_text(d, "asked", "");
    bool passes = strcmp(ruling, "allow") == 0 || strcmp(ruling, "flag") == 0, entries = false;
    if (c->json) {
        print_json(d);
        return passes ? EXIT_OK : EXIT_REFUSED;
    }
    printf("%s%s%s %s %s → %s (%s)\n", hold, *hold ? ": " : "", subject, doc_text(d, "action", ""), doc_text(d, "topic", ""), ruling, doc_text(d, "word", ""));
    for (const struct doc *s = doc_get(d, "steps") ? doc_get(d, "steps")->first : NULL; s; s = s->next) {
        entries |= doc_get(s, "entry") != NULL;
        print_step(c, s);
    }
    if (entries) printf("%s: sekimori ledger proof N --out FILE\n", cli_say(c, W_PROOF));
    return passes ? EXIT_OK : EXIT_REFUSED;
}

/* SUBJECT ACTION TOPIC, or one held command. */
int cmd_why(struct cli *c)
{
    char path[2048];
    const struct doc *d;
    if (c->n_args != 3 && c->n_args != 1) return complain_usage(c);
    struct out o = out_of(path, sizeof path - 1);
    put_str(&o, "/api/v1/why");
    add_query(&o, true, c->n_args == 1 ? "hold" : "subject", c->args[0]);
    if (c->n_args == 3) add_query(&o, false, "action", c->args[1]);
    if (c->n_args == 3) add_query(&o, false, "topic", c->args[2]);
    if (flag(c, "payload")) add_query(&o, false, "payload", flag(c, "payload"));
    if (flag(c, "purpose")) add_query(&o, false, "purpose", flag(c, "purpose"));
    if (o.over) return complain_usage(c);
    path[o.n] = 0;
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    return code ? code : print_why(c, d);
}

int cmd_login(struct cli *c)
{
    const struct doc *d;
    int code = ask(c, "POST", "/api/v1/login", BYTES_LIT("{}"), &d);
    if (code) return code;
    if (c->json) print_json(d);
    else printf("%s\n  %s\n", cli_say(c, W_LOGIN), doc_text(d, "url", ""));
    return EXIT_OK;
}

/* ---- tables ---- */

/* A member as text, whatever it is; lists by their length. */
static const char *cell(const struct cli *c, const struct doc *row, const char *key, char *room, size_t size)
{
    const struct doc *m = doc_get(row, key);
    size_t n = strlen(key);
    if (!m && n) m = NULL;
    if (key[0] == '*') return doc_said(c, row, key + 1);
    if (!m) return "";
    if (m->kind == DOC_TEXT) return m->text;
    if (m->kind == DOC_INT) snprintf(room, size, "%lld", (long long)m->number);
    else if (m->kind == DOC_BOOL) snprintf(room, size, "%s", m->truth ? "yes" : "no");
    else snprintf(room, size, "%zu", m->count);
    return room;
}

static void table(struct cli *c, const struct doc *list, const char *const *keys)
{
    char room[32];
    if (c->json) {
        print_json(list);
        return;
    }
    if (!list->count) printf("%s\n", cli_say(c, W_NO_ROOM));
    for (const struct doc *row = list->first; row; row = row->next) {
        for (size_t i = 0; keys[i]; i++) printf("%s%s", i ? "  " : "", cell(c, row, keys[i], room, sizeof room));
        printf("\n");
    }
}

static int list(struct cli *c, const char *path, const char *const *keys)
{
    const struct doc *d;
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (!code) table(c, d, keys);
    return code;
}

int cmd_list(struct cli *c)
{
    static const struct { const char *noun, *path; const char *keys[8]; } rows[] = {
        { "invite", "/api/v1/invites", { "id", "role", "person", "used", "until" } },
        { "stream", "/api/v1/streams", { "name", "pattern", "label", "recorded", "command", "fail" } },
        { "evidence", "/api/v1/controls", { "id", "*name", "*text" } },
        { "assessment", "/api/v1/assessments", { "id", "at", "state", "cause", "decision_yen", "hash" } },
        { "decision", "/api/v1/decisions", { "id", "state", "*text" } },
        { "draft", "/api/v1/drafts", { "id", "state", "revision", "next", "cause" } },
        { "limit", "/api/v1/limits", { "id", "mode", "enforced", "*text" } },
        { "watch", "/api/v1/alerts", { "at", "device", "group", "*text" } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(c->command->noun, rows[i].noun) == 0) return list(c, rows[i].path, rows[i].keys);
    return complain_usage(c);
}

int cmd_device_list(struct cli *c)
{
    static const char *const ja[] = { "id", "role", "group", "life_ja", "trust_ja", "grade", "appraisal", NULL };
    static const char *const en[] = { "id", "role", "group", "life", "trust", "grade", "appraisal", NULL };
    static const char *const other[] = { "id", "role", "name", "function", "grade", "owner", "gateway", "connection", "address", NULL };
    const struct doc *devices, *unmanaged;
    int code = ask(c, "GET", "/api/v1/devices", BYTES_NONE, &devices);
    if (!code) code = ask(c, "GET", "/api/v1/unmanaged", BYTES_NONE, &unmanaged);
    if (code) return code;
    if (!c->json) {
        table(c, devices, c->ja ? ja : en);
        if (unmanaged->count) table(c, unmanaged, other);
        return EXIT_OK;
    }
    struct doc *both = doc_list(&c->arena);
    const struct doc *lists[] = { devices, unmanaged };
    for (size_t i = 0; i < 2; i++)
        for (struct doc *d = lists[i]->first, *next; d; d = next) {
            next = d->next;
            d->next = NULL;
            doc_add(both, d);
        }
    print_json(both);
    return EXIT_OK;
}

static int show_pairs(struct cli *c, const char *path)
{
    const struct doc *d;
    char room[32];
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    if (c->json) print_json(d);
    for (const struct doc *m = c->json ? NULL : d->first; m; m = m->next) printf("%-22s %s\n", m->key, cell(c, d, m->key, room, sizeof room));
    return EXIT_OK;
}

int cmd_device_show(struct cli *c)
{
    char path[160];
    if (c->n_args != 1) return complain_usage(c);
    snprintf(path, sizeof path, "/api/v1/devices/%s", c->args[0]);
    return show_pairs(c, path);
}

int cmd_device_change(struct cli *c)
{
    char path[200];
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    bool reasoned = strcmp(c->command->verb, "attest") != 0;
    if (reasoned && !flag(c, "reason")) return need_flag(c, "reason");
    struct doc *body = doc_map(&c->arena);
    doc_set_text(&c->arena, body, "reason", reasoned ? flag(c, "reason") : "");
    snprintf(path, sizeof path, "/api/v1/devices/%s/%s", c->args[0], c->command->verb);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)) < 0;
    int code = ask_doc(c, path, body, &d);
    if (!code) printf("%s: %s %s\n", cli_say(c, W_APPLIED), c->command->verb, c->args[0]);
    return code;
}

static int store_base64(struct cli *c, const char *dir, const char *name, const char *text)
{
    uint8_t room[8192];
    size_t n;
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!ok(base64_to(bytes_str(text), room, sizeof room, &n))) return EXIT_FAILED;
    return write_file(c, path, bytes_of(room, n), 0644);
}

static int store_key_pem(struct cli *c, const char *dir, const char *spki)
{
    uint8_t room[1024];
    size_t n;
    char path[600];
    struct key *k = NULL;
    struct buffer pem = BUFFER(8192);
    snprintf(path, sizeof path, "%s/ak.pem", dir);
    outcome o = base64_to(bytes_str(spki), room, sizeof room, &n);
    if (ok(o)) o = key_read_public_der(bytes_of(room, n), &k);
    if (ok(o)) o = key_write_public_pem(k, &pem);
    int code = ok(o) ? write_file(c, path, buffer_view(&pem), 0644) : EXIT_FAILED;
    key_free(k);
    buffer_deinit(&pem);
    return code;
}

/* quote.msg, quote.sig, ak.pem and the nonce: exactly what tpm2_checkquote takes. */
int cmd_device_evidence(struct cli *c)
{
    char path[200];
    const struct doc *d;
    const char *out = flag(c, "out");
    if (c->n_args != 1) return complain_usage(c);
    if (!out) return need_flag(c, "out");
    snprintf(path, sizeof path, "/api/v1/devices/%s/evidence", c->args[0]);
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    const struct doc *raw = doc_get(d, "evidence");
    if (!ok(port_dir_make(out, 0755))) return complain(c, EXIT_FAILED, "SK-1005", cli_say(c, W_WRITE), out, NULL);
    code = store_base64(c, out, "quote.msg", raw ? doc_text(raw, "quote", "") : "");
    if (!code) code = store_base64(c, out, "quote.sig", raw ? doc_text(raw, "signature", "") : "");
    if (!code) code = store_key_pem(c, out, doc_text(d, "attestation_key_spki", ""));
    if (!code)
        printf("tpm2_checkquote -u %s/ak.pem -m %s/quote.msg -s %s/quote.sig -g sha256 -q %s\n", out, out, out, doc_text(d, "nonce", ""));
    return code;
}

int cmd_invite_new(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    struct doc *body = doc_map(&c->arena);
    int64_t days = 7;
    if (flag(c, "days")) {
        days = 0;
        for (const char *p = flag(c, "days"); *p && days < 1000; p++) days = *p >= '0' && *p <= '9' ? days * 10 + (*p - '0') : 1000;
    }
    doc_set_text(&c->arena, body, "id", c->args[0]);
    doc_set_text(&c->arena, body, "role", flag(c, "role") ? flag(c, "role") : "device");
    doc_set_text(&c->arena, body, "group", flag(c, "group") ? flag(c, "group") : "");
    doc_set_text(&c->arena, body, "model", flag(c, "model") ? flag(c, "model") : "");
    if (flag(c, "person")) doc_set_text(&c->arena, body, "person", flag(c, "person"));
    doc_set_int(&c->arena, body, "days", days);
    int code = ask_doc(c, "/api/v1/invites", body, &d);
    if (code) return code;
    if (c->json) print_json(d);
    else printf("%s\n  %s\n  %s %s\n  %s: %s\n", cli_say(c, W_INVITE), doc_text(d, "url", ""), cli_say(c, W_UNTIL), doc_text(d, "until", ""),
            cli_say(c, W_TRY), cli_say(c, W_INVITE_NEXT));
    return EXIT_OK;
}

int cmd_mission_show(struct cli *c)
{
    char path[160];
    const struct doc *d;
    snprintf(path, sizeof path, "/api/v1/mission%s%s", c->n_args ? "s/" : "", c->n_args ? c->args[0] : "");
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    if (c->json) {
        print_json(d);
        return EXIT_OK;
    }
    printf("%s「%s」 %s %s\n%s\n", doc_said(c, d, "organisation"), doc_said(c, d, "name"), mark(doc_text(d, "state", "")), doc_said(c, d, "state"),
        doc_said(c, d, "sentence"));
    const struct doc *stake = doc_get(d, "at_stake"), *f = doc_get(d, "functions");
    if (stake) printf("%s: %s\n", cli_say(c, W_AT_STAKE), doc_said(c, stake, "text"));
    for (const struct doc *x = f ? f->first : NULL; x; x = x->next) printf("  %s: %s\n", doc_said(c, x, "name"), doc_said(c, x, "minimum"));
    printf("%s\n", doc_said(c, d, "money"));
    print_limits(c, doc_get(d, "limits"));
    return EXIT_OK;
}
