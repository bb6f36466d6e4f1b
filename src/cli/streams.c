/* A file of declared streams: every line is checked before anything is sent, by one table of keys; errors say file:line,
 * what was expected and what was probably meant. */
#include <stdarg.h>
#include <stdio.h>

#include "assurance/charter.h"
#include "assurance/model_value.h"
#include "cli/cli.h"
#include "ledger/ledger.h"
#include "platform/declared.h"
#include "platform/derived.h"
#include "wire/mqtt.h"

enum { EXPIRY_MAX_S = 600 };

struct checking {
    const char *path;
    size_t index; /* of the stream in the file */
    unsigned wrong;
};

struct member {
    const char *key;
    bool required;
    const char *expected;
    const char *const *words; /* ended by NULL; NULL = judged by good */
    bool (*good)(const struct doc *d);
};

static const char *list_word(const void *ctx, size_t i)
{
    const char *const *words = ctx;
    return words[i];
}

static void wrong(struct checking *k, const struct doc *d, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void wrong(struct checking *k, const struct doc *d, const char *key, const char *fmt, ...)
{
    va_list args;
    k->wrong++;
    fprintf(stderr, "error[SK-1030]: %s:%d: streams[%zu].%s: ", k->path, d->line, k->index, key);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n");
}

/* What stands there, as one short printable word. */
static const char *found(const struct doc *d, char *room, size_t size)
{
    switch (d->kind) {
    case DOC_TEXT: snprintf(room, size, "\"%.60s\"", d->text); break;
    case DOC_INT: snprintf(room, size, "%lld", (long long)d->number); break;
    case DOC_BOOL: return d->truth ? "true" : "false";
    case DOC_LIST: return "a list";
    case DOC_MAP: return "a map";
    case DOC_NULL: return "nothing";
    }
    for (char *p = room; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127) *p = '?';
    return room;
}

static bool good_id(const struct doc *d)
{
    return d->kind == DOC_TEXT && registry_id_valid(bytes_str(d->text));
}

static bool good_pattern(const struct doc *d)
{
    return d->kind == DOC_TEXT && strlen(d->text) < STREAM_PATTERN_MAX && d->text[0] != '$' && mqtt_filter_valid(bytes_str(d->text));
}

static bool good_unit(const struct doc *d)
{
    return d->kind == DOC_TEXT && strlen(d->text) < sizeof((struct stream *)0)->unit;
}

static bool good_bool(const struct doc *d)
{
    return d->kind == DOC_BOOL;
}

static bool good_expiry(const struct doc *d)
{
    return d->kind == DOC_INT && d->number >= 1 && d->number <= EXPIRY_MAX_S;
}

static bool good_safe(const struct doc *d)
{
    if (d->kind != DOC_LIST || d->count > sizeof((struct stream *)0)->safe / sizeof((struct stream *)0)->safe[0]) return false;
    for (const struct doc *m = d->first; m; m = m->next)
        if (m->kind != DOC_TEXT || !*m->text || strlen(m->text) >= sizeof((struct stream *)0)->safe[0]) return false;
    return true;
}

static bool good_any(const struct doc *d)
{
    (void)d;
    return true; /* declared_read says more, with its place */
}

static const char *const labels[] = { "public", "internal", "confidential", "restricted", NULL };
static const char *const fails[] = { "closed", "pass-flag", "hold-last", NULL };
static const char *const owners[] = { "mission-owner", "asset-owner", "executive", NULL };
static const struct member members[] = {
    { "name", true, "small letters, digits and '-'", NULL, good_id },
    { "pattern", true, "an MQTT topic filter, such as \"sk/v1/site/+/m/#\"", NULL, good_pattern },
    { "owner", false, "a role of the charter: mission-owner, asset-owner, executive", owners, NULL },
    { "label", false, "one of public, internal, confidential, restricted", labels, NULL },
    { "unit", false, "a unit of at most 15 bytes", NULL, good_unit },
    { "recorded", false, "true or false", NULL, good_bool },
    { "fail", false, "one of closed, pass-flag, hold-last", fails, NULL },
    { "command", false, "true or false", NULL, good_bool },
    { "safe", false, "a list of at most 4 values of \"do\", each at most 23 bytes", NULL, good_safe },
    { "people", false, "1 or 2", NULL, good_any },
    { "interlock", false, "a list of conditions", NULL, good_any },
    { "fields", false, "a list of fields", NULL, good_any },
    { "others", false, "true or false", NULL, good_bool },
    { "reduce", false, "a list of reductions", NULL, good_any },
    { "derive", false, "from, how, field, every_s, at_least, to", NULL, good_any },
    { "expiry_s", false, "a whole number of seconds from 1 to 600, without a unit", NULL, good_expiry },
};
enum { MEMBERS = sizeof members / sizeof *members };

static const char *member_key(const void *ctx, size_t i)
{
    (void)ctx;
    return i < MEMBERS ? members[i].key : NULL;
}

static void check_member(struct checking *k, const struct doc *d)
{
    char room[80];
    const struct member *m = NULL;
    for (size_t i = 0; i < MEMBERS && !m; i++)
        if (strcmp(members[i].key, d->key) == 0) m = &members[i];
    if (!m) {
        const char *meant = model_nearest(d->key, member_key, NULL);
        wrong(k, d, d->key, "unknown key%s%s%s", meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "");
        return;
    }
    const char *meant = NULL;
    bool good = !m->words && m->good(d);
    for (size_t i = 0; m->words && m->words[i] && d->kind == DOC_TEXT; i++) good = good || strcmp(m->words[i], d->text) == 0;
    if (good) return;
    if (m->words && d->kind == DOC_TEXT) meant = model_nearest(d->text, list_word, m->words);
    wrong(k, d, m->key, "expected %s, found %s%s%s%s", m->expected, found(d, room, sizeof room), meant ? " (did you mean \"" : "",
        meant ? meant : "", meant ? "\"?)" : "");
}

static void check_stream(struct checking *k, const struct doc *s, const struct doc *rows)
{
    if (s->kind != DOC_MAP) {
        wrong(k, s, "", "expected a map with name, pattern, ...");
        return;
    }
    for (const struct doc *d = s->first; d; d = d->next) check_member(k, d);
    for (size_t i = 0; i < MEMBERS; i++)
        if (members[i].required && !doc_get(s, members[i].key)) wrong(k, s, members[i].key, "expected, but missing");
    struct declared_wrong w = { 0 };
    struct stream made;
    if (!k->wrong && !ok(declared_read(s, &made, &w))) wrong(k, w.at ? w.at : s, "", "%s", w.text);
    for (const struct doc *other = rows->first; other != s; other = other->next)
        if (*doc_text(s, "name", "") && strcmp(doc_text(s, "name", ""), doc_text(other, "name", "")) == 0)
            wrong(k, doc_get(s, "name"), "name", "expected a name of its own; \"%.60s\" stands at line %d too", doc_text(s, "name", ""), other->line);
}

/* Beside the streams of the same file; of inputs declared elsewhere the site says what is wrong. */
static void check_derived(struct checking *k, const struct doc *rows)
{
    struct registry *r = NULL;
    if (!ok(registry_new(&r))) return;
    k->index = 0;
    for (const struct doc *s = rows->first; s; s = s->next, k->index++) {
        char text[DERIVED_TEXT];
        struct stream made = { 0 };
        bool here = ok(declared_read(s, &made, NULL));
        for (size_t i = 0; i < made.derive.n; i++) here = here && registry_stream_named(r, made.derive.from[i]);
        const char *why = here ? derived_wrong(r, &made, text) : NULL;
        if (why) wrong(k, doc_get(s, "derive") ? doc_get(s, "derive") : s, "derive", "%s", why);
        else (void)!ok(registry_apply(r, ENTRY_STREAM, s, 0));
    }
    registry_free(r);
}

int streams_check(const char *path, const struct doc *d)
{
    struct checking k = { .path = path };
    const struct doc *rows = doc_get(d, "streams");
    for (const struct doc *m = d->kind == DOC_MAP ? d->first : NULL; m; m = m->next)
        if (strcmp(m->key, "streams") != 0) {
            fprintf(stderr, "error[SK-1030]: %s:%d: %s: unknown key (did you mean \"streams\"?)\n", path, m->line, m->key);
            k.wrong++;
        }
    if (!rows || rows->kind != DOC_LIST || rows->count == 0) {
        fprintf(stderr, "error[SK-1030]: %s:%d: streams: expected a list of at least one stream\n", path, rows ? rows->line : d->line);
        k.wrong++;
    }
    for (const struct doc *s = rows && rows->kind == DOC_LIST ? rows->first : NULL; s; s = s->next, k.index++) check_stream(&k, s, rows);
    if (!k.wrong) check_derived(&k, rows);
    return k.wrong ? EXIT_CONFIGURATION : EXIT_OK;
}

int cmd_stream_apply(struct cli *c)
{
    struct doc *d;
    const struct doc *answer;
    if (c->n_args != 1) return complain_usage(c);
    int code = read_yaml(c, c->args[0], &d);
    if (!code) code = streams_check(c->args[0], d);
    for (const struct doc *s = code ? NULL : doc_get(d, "streams")->first; s && !code; s = s->next) {
        struct doc *said = (struct doc *)(uintptr_t)s;
        if (file_name(c->args[0])) doc_set_text(&c->arena, said, "source", file_name(c->args[0]));
        if (file_name(c->args[0])) doc_set_int(&c->arena, said, "line", s->line);
        if (!c->dry_run) code = ask_doc(c, "/api/v1/streams", s, &answer);
        if (!code) printf("%s: %s\n", doc_text(s, "name", "?"), cli_say(c, c->dry_run ? W_DRY_RUN : W_APPLIED));
    }
    return code;
}
