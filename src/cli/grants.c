/* Who may, before it is in force: a policy file is checked, tested by its own questions and compared with what is in
 * force, by the same reader and the same judgement as the daemon's. "new", "test" work offline. */
#include <stdio.h>

#include "assurance/document.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "ledger/ledger.h"
#include "platform/access.h"
#include "platform/declared.h"
#include "platform/derived.h"
#include "wire/mqtt.h"

enum { ERRORS_SHOWN = 20, PEOPLE_MAX = 4096, PLACES_MAX = 4096 };

struct bench { /* what a policy is judged with */
    struct grants *grants;
    struct registry *registry;
    struct access access;
};

static void bench_done(struct bench *b)
{
    grants_free(b->grants);
    registry_free(b->registry);
}

static int wrong_at(const char *path, int line, const char *text)
{
    fprintf(stderr, "error[SK-1040]: %s:%d: %s\n", path, line, text);
    return EXIT_CONFIGURATION;
}

/* A YAML file, or the signed document made of one. */
static int policy_doc(struct cli *c, const char *path, const struct doc **ret)
{
    struct buffer b;
    struct document d;
    struct doc *tree = NULL;
    int code = read_file(c, path, &b);
    if (code) return code;
    bool is_signed = ok(document_open(buffer_view(&b), &c->arena, &d)) && d.type == DOCUMENT_GRANTS;
    buffer_deinit(&b);
    if (!is_signed) code = read_yaml(c, path, &tree);
    *ret = is_signed ? d.payload : tree;
    return code;
}

static int policy_read(const struct doc *d, const char *path, struct grants **ret)
{
    struct grants_error errors[ERRORS_SHOWN];
    size_t n = 0;
    outcome o = grants_read(d, ret, errors, ERRORS_SHOWN, &n);
    for (size_t i = 0; i < n && i < ERRORS_SHOWN; i++) (void)wrong_at(path, errors[i].line, errors[i].text);
    return ok(o) ? EXIT_OK : EXIT_CONFIGURATION;
}

static int declare(struct cli *c, struct registry *r, const struct doc *rows, const char *path)
{
    (void)c;
    for (const struct doc *s = rows ? rows->first : NULL; s; s = s->next) {
        char text[DERIVED_TEXT];
        struct stream made = { 0 };
        if (ok(declared_read(s, &made, NULL)) && derived_wrong(r, &made, text)) return wrong_at(path, doc_get(s, "derive") ? doc_get(s, "derive")->line : s->line, text);
        if (!ok(registry_apply(r, ENTRY_STREAM, s, 0))) return wrong_at(path, s->line, "not a stream (sekimori stream apply --dry-run tells why)");
    }
    return EXIT_OK;
}

static int streams_of_file(struct cli *c, struct registry *r)
{
    struct doc *d;
    const char *path = flag(c, "streams");
    if (!path) return EXIT_OK;
    int code = read_yaml(c, path, &d);
    if (!code) code = streams_check(path, d);
    return code ? code : declare(c, r, doc_get(d, "streams"), path);
}

static int bench_open(struct cli *c, struct bench *b, const struct doc *d, const char *path)
{
    *b = (struct bench) { 0 };
    int code = policy_read(d, path, &b->grants);
    if (code) return code;
    if (!ok(registry_new(&b->registry))) return EXIT_FAILED;
    b->access = (struct access) { .registry = b->registry, .grants = b->grants };
    snprintf(b->access.site, sizeof b->access.site, "%s", grants_site(b->grants));
    (void)c;
    return EXIT_OK;
}

static const char *stream_name(const void *ctx, size_t i)
{
    const struct stream *rows[256];
    size_t n = registry_streams(ctx, rows, 256);
    return i < n ? rows[i]->name : NULL;
}

/* Names of streams nobody declared: most likely mistyped. */
static int names_known(const struct bench *b, const char *path)
{
    int code = EXIT_OK;
    size_t n;
    const struct grant *rows = grants_rows(b->grants, &n);
    for (size_t i = 0; i < n; i++) {
        char text[240];
        if (!rows[i].stream[0] || registry_stream_named(b->registry, rows[i].stream)) continue;
        const char *meant = text_nearest(rows[i].stream, stream_name, b->registry);
        snprintf(text, sizeof text, "%s.stream: no stream \"%s\" is declared%s%s%s", rows[i].id, rows[i].stream, meant ? " (did you mean \"" : "",
            meant ? meant : "", meant ? "\"?)" : "");
        code = wrong_at(path, rows[i].line, text);
    }
    return code;
}

static struct bytes place_of(const struct bench *b, const struct grant *g)
{
    const struct stream *s = g->stream[0] ? registry_stream_named(b->registry, g->stream) : NULL;
    return bytes_str(s ? s->pattern : g->pattern);
}

/* A deny row without conditions that leaves nothing of this one. */
static bool shut_by(const struct bench *b, const struct grant *deny, const struct grant *g)
{
    bool conditional = deny->trusted || deny->timed || deny->permitted || deny->emergency || deny->purposes[0];
    bool same = deny->kind == SUBJECT_ANY || (deny->kind == g->kind && strcmp(deny->subject, g->subject) == 0);
    if (!deny->deny || conditional || !same || (g->actions & ~deny->actions)) return false;
    if (deny->stream[0] && strcmp(deny->stream, g->stream) == 0) return true;
    struct bytes over = place_of(b, deny), at = place_of(b, g);
    return over.n && at.n && mqtt_covers(over, at);
}

/* Deny wins: a row that some deny row covers whole allows nothing to anybody. Said, not refused: to close something for a
 * while by one row is good practice. */
static void warn_unreachable(const struct bench *b, const char *path)
{
    size_t n;
    const struct grant *rows = grants_rows(b->grants, &n);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n && !shut_by(b, &rows[k], &rows[i])) k++;
        if (rows[i].deny || k == n) continue;
        fprintf(stderr, "warning[SK-1041]: %s:%d: %s: never allows anything: row \"%s\" (line %d) denies all of it; narrow that one or leave this out\n",
            path, rows[i].line, rows[i].id, rows[k].id, rows[k].line);
    }
}

/* ---- the file's own questions ---- */

static bool ask_of(const struct doc *t, struct identity *who, struct question *q, char want[8])
{
    static const struct { const char *word; enum action action; } actions[] = { { "publish", ACT_PUBLISH }, { "command", ACT_PUBLISH },
        { "subscribe", ACT_SUBSCRIBE }, { "receive", ACT_RECEIVE }, { "history", ACT_HISTORY }, { "administer", ACT_ADMINISTER } };
    static const char *const keys[] = { "subject", "role", "group", "model", "trust", "action", "topic", "at", "want", "why" };
    for (const struct doc *m = t->first; m; m = m->next) {
        size_t k = 0;
        while (k < sizeof keys / sizeof *keys && strcmp(keys[k], m->key) != 0) k++;
        if (k == sizeof keys / sizeof *keys || m->kind != DOC_TEXT) return false;
    }
    *who = (struct identity) { .life = LIFE_ENROLLED };
    *q = (struct question) { .who = who, .action = ACTIONS, .topic = bytes_str(doc_text(t, "topic", "")) };
    snprintf(who->id, sizeof who->id, "%s", doc_text(t, "subject", ""));
    snprintf(who->group, sizeof who->group, "%s", doc_text(t, "group", ""));
    snprintf(who->model, sizeof who->model, "%s", doc_text(t, "model", ""));
    snprintf(want, 8, "%s", doc_text(t, "want", ""));
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].word, doc_text(t, "action", "")) == 0) q->action = actions[i].action;
    bool good = ok(role_parse(doc_text(t, "role", ""), &who->role)) && ok(trust_parse(doc_text(t, "trust", "attested"), &who->trust));
    return good && q->action != ACTIONS && q->topic.n && registry_id_valid(bytes_str(who->id))
        && (strcmp(want, "allow") == 0 || strcmp(want, "deny") == 0);
}

/* "mon 09:30" in the policy's zone; Monday 1970-01-05 is as good as any. */
static bool moment(const char *text, int zone_min, int64_t *ret_ms)
{
    static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
    int h, m;
    char rest;
    for (int d = 0; d < 7; d++) {
        if (strncmp(text, days[d], 3) != 0 || text[3] != ' ') continue;
        if (strlen(text) != 9 || sscanf(text + 4, "%2d:%2d%c", &h, &m, &rest) != 2 || h > 23 || m > 59 || h < 0 || m < 0) return false;
        *ret_ms = (4 + d) * MS_DAY + h * MS_HOUR + m * MS_MINUTE - zone_min * MS_MINUTE;
        return true;
    }
    return false;
}

static void show_steps(const struct cli *c, const struct access *a, const struct question *q)
{
    struct arena arena = ARENA(1 << 18);
    struct doc *list = doc_list(&arena);
    (void)access_explain(a, q, &arena, list);
    for (const struct doc *s = list->first; s; s = s->next)
        printf("    %s%-9s %-8s %s\n", doc_int(s, "level", 0) ? "  " : "", doc_text(s, "step", ""), doc_text(s, "result", ""), doc_said(c, s, "text"));
    arena_deinit(&arena);
}

static int run_test(struct cli *c, const struct bench *b, const char *path, const struct doc *t)
{
    struct identity who;
    struct question q;
    char want[8];
    if (!ask_of(t, &who, &q, want) || !moment(doc_text(t, "at", "mon 10:00"), grants_zone(b->grants), &q.now_ms))
        return wrong_at(path, t->line, "tests: expected subject, role, action, topic, want: allow|deny; and group, model, trust, at: \"mon 09:30\"");
    bool allowed = access_judge(&b->access, &q).ruling != RULING_DENY;
    bool good = allowed == (strcmp(want, "allow") == 0);
    printf("%s %s:%d %s %s %s: %s%s%s\n", good ? "ok    " : "WRONG ", path, t->line, who.id, doc_text(t, "action", ""), doc_text(t, "topic", ""),
        allowed ? "allow" : "deny", good ? "" : ", wanted ", good ? "" : want);
    if (!good) show_steps(c, &b->access, &q);
    return good ? EXIT_OK : EXIT_FAILED;
}

static int run_tests(struct cli *c, const struct bench *b, const struct doc *d, const char *path)
{
    int code = EXIT_OK;
    const struct doc *tests = doc_get(d, "tests");
    if (!tests || tests->kind != DOC_LIST || !tests->first)
        return wrong_at(path, d->line, "tests: expected a list of questions with their answers; a policy nobody asked is not tested");
    for (const struct doc *t = tests->first; t; t = t->next) {
        int one = run_test(c, b, path, t);
        if (one) code = one;
    }
    return code;
}

/* Reads, checks names where streams are given, and asks the file's questions. */
static int judged(struct cli *c, const char *path, const struct doc *d, bool names)
{
    struct bench b;
    int code = bench_open(c, &b, d, path);
    if (!code) code = streams_of_file(c, b.registry);
    if (!code && names) code = names_known(&b, path);
    if (!code) warn_unreachable(&b, path);
    if (!code) code = run_tests(c, &b, d, path);
    bench_done(&b);
    return code;
}

int cmd_grant_test(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    int code = policy_doc(c, c->args[0], &d);
    return code ? code : judged(c, c->args[0], d, flag(c, "streams") != NULL);
}

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return *name && strlen(name) < GRANT_SOURCE ? name : NULL;
}

int cmd_grant_new(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "out")) return need_flag(c, "out");
    int code = policy_doc(c, c->args[0], &d);
    if (!code) code = judged(c, c->args[0], d, flag(c, "streams") != NULL);
    if (code) return code;
    return store_doc(c, flag(c, "out"), document_grants_new(&c->arena, doc_text(d, "site", ""), d, doc_get(d, "type") ? NULL : file_name(c->args[0]), port_wall_ms()));
}

/* ---- whose access changes ---- */

/* Places that stand for many: every declared stream and the classes of the site's own layout, of oneself and another. */
static size_t places_of(struct cli *c, const struct registry *r, const char *site, const char **ret)
{
    static const char *const classes[] = { "m/x", "e/x", "a/x", "s/x", "cmd/x", "cmd/x/reply", "cfg/x", "upd/x", "att/challenge", "att/evidence" };
    const struct stream *rows[PLACES_MAX / 2];
    size_t n = registry_streams(r, rows, PLACES_MAX / 2), out = 0;
    for (size_t i = 0; i < n; i++) ret[out++] = rows[i]->pattern;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        char text[STREAM_PATTERN_MAX];
        snprintf(text, sizeof text, "sk/v1/%s/+/%s", site, classes[i]);
        ret[out++] = arena_text(&c->arena, bytes_str(text));
    }
    return out;
}

static void topic_for(const char *pattern, const char *who, char *text, size_t size)
{
    struct out o = out_of(text, size - 1);
    for (const char *p = pattern; *p; p++) {
        if (*p == '+') put_str(&o, who);
        else if (*p == '#') put_str(&o, "x");
        else put_u8(&o, (uint8_t)*p);
    }
    text[o.n] = 0;
}

static size_t compare_one(const struct bench *old, const struct bench *next, const struct identity *who, const char *topic)
{
    static const struct { enum action action; const char *word; } rows[] = { { ACT_PUBLISH, "publish" }, { ACT_RECEIVE, "subscribe" },
        { ACT_HISTORY, "history" }, { ACT_ADMINISTER, "administer" } };
    size_t changed = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct stream *s;
        struct question q = { .who = who, .action = rows[i].action, .topic = bytes_str(topic), .now_ms = port_wall_ms() };
        struct verdict a = access_judge(&old->access, &q), b = access_judge(&next->access, &q);
        if ((a.ruling == RULING_DENY) == (b.ruling == RULING_DENY)) continue;
        bool command = rows[i].action == ACT_PUBLISH && access_is_command(&next->access, q.topic, &s);
        printf("%s %-20s %-10s %s: %s -> %s\n", b.ruling == RULING_DENY ? "-" : "+", who->id, command ? "command" : rows[i].word, topic, a.word, b.word);
        changed++;
    }
    return changed;
}

static size_t compare(struct cli *c, const struct bench *old, const struct bench *next, const struct doc *people)
{
    const char *places[PLACES_MAX];
    size_t n = places_of(c, next->registry, next->access.site, places), changed = 0;
    for (const struct doc *p = people->first; p; p = p->next) {
        struct identity who = { .life = LIFE_ENROLLED };
        char topic[STREAM_PATTERN_MAX * 2];
        if (!ok(role_parse(doc_text(p, "role", ""), &who.role)) || !ok(trust_parse(doc_text(p, "trust", ""), &who.trust))) continue;
        snprintf(who.id, sizeof who.id, "%s", doc_text(p, "id", ""));
        snprintf(who.group, sizeof who.group, "%s", doc_text(p, "group", ""));
        snprintf(who.model, sizeof who.model, "%s", doc_text(p, "model", ""));
        for (size_t i = 0; i < n; i++) {
            if (!places[i]) continue;
            topic_for(places[i], who.id, topic, sizeof topic);
            changed += compare_one(old, next, &who, topic);
            if (!strchr(places[i], '+')) continue;
            topic_for(places[i], "another", topic, sizeof topic);
            changed += compare_one(old, next, &who, topic);
        }
    }
    return changed;
}

static int diff(struct cli *c, const char *path, const struct doc *d)
{
    struct bench old = { 0 }, next = { 0 };
    const struct doc *now, *people, *streams;
    int code = ask(c, "GET", "/api/v1/grants", BYTES_NONE, &now);
    if (!code) code = ask(c, "GET", "/api/v1/devices", BYTES_NONE, &people);
    if (!code) code = ask(c, "GET", "/api/v1/streams", BYTES_NONE, &streams);
    if (!code) code = bench_open(c, &old, now, "the daemon's policy");
    if (!code) code = bench_open(c, &next, d, path);
    if (!code) code = declare(c, old.registry, streams, "the daemon's streams");
    if (!code) code = declare(c, next.registry, streams, "the daemon's streams");
    if (!code) code = names_known(&next, path);
    if (!code) printf("%s: %zu\n", cli_say(c, W_ACCESS_CHANGES), compare(c, &old, &next, people));
    bench_done(&old);
    bench_done(&next);
    return code;
}

int cmd_grant_diff(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    int code = policy_doc(c, c->args[0], &d);
    return code ? code : diff(c, c->args[0], d);
}

int cmd_grant_apply(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    int code = policy_doc(c, c->args[0], &d);
    if (!code && c->dry_run) code = diff(c, c->args[0], d);
    return code || c->dry_run ? code : cmd_document_apply(c);
}

int cmd_grant_list(struct cli *c)
{
    const struct doc *d, *rows;
    int code = ask(c, "GET", "/api/v1/grants", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) return print_json(d), EXIT_OK;
    rows = doc_get(d, "grants");
    for (const struct doc *g = rows ? rows->first : NULL; g; g = g->next) {
        printf("%-16s %-6s %-20s", doc_text(g, "id", ""), doc_bool(g, "deny", false) ? "deny" : "allow", doc_text(g, "subject", ""));
        for (const struct doc *m = doc_get(g, "action") ? doc_get(g, "action")->first : NULL; m; m = m->next) printf(" %s", m->text);
        printf(" :");
        for (const struct doc *m = doc_get(g, "stream") ? doc_get(g, "stream")->first : NULL; m; m = m->next) printf(" %s", m->text);
        printf("\n");
    }
    return EXIT_OK;
}
