/* The one reader of a policy, from YAML or a signed document: by a table of keys; every error says where, what was
 * expected, and what was probably meant. */
#include <stdarg.h>
#include <stdio.h>

#include "base/nearest.h"
#include "platform/grants_internal.h"
#include "wire/mqtt.h"

struct reader {
    struct grants *g;
    struct grants_error *errors;
    size_t cap, n;
    char place[32];              /* "grants[2]" */
    bool has_zone;
    int16_t zone_min;
    bool no_memory;
};

__attribute__((format(printf, 4, 5)))
static void complain(struct reader *r, const struct doc *d, const char *key, const char *fmt, ...)
{
    size_t at = r->n++;
    if (at >= r->cap) return;
    struct grants_error *e = &r->errors[at];
    *e = (struct grants_error) { .line = d ? d->line : 0 };
    int n = snprintf(e->text, sizeof e->text, "%s%s%s: ", r->place, *key && r->place[0] ? "." : "", key);
    if (n < 0 || (size_t)n >= sizeof e->text) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->text + n, sizeof e->text - (size_t)n, fmt, args);
    va_end(args);
}

static const char *word_at(const void *ctx, size_t i)
{
    return ((const char *const *)ctx)[i];
}

/* Its place among the words (NULL-ended); -1: complained. */
static int word_of(struct reader *r, const struct doc *d, const char *key, const char *const *words)
{
    const char *got = d->kind == DOC_TEXT ? d->text : "";
    char list[120];
    int n = 0;
    for (int i = 0; words[i]; i++)
        if (strcmp(got, words[i]) == 0) return i;
    for (size_t i = 0; words[i] && n < 100; i++)
        n += snprintf(list + n, sizeof list - (size_t)n, "%s%s", i ? ", " : "", words[i]);
    const char *meant = *got ? text_nearest(got, word_at, words) : NULL;
    if (meant) complain(r, d, key, "expected one of %s, found \"%.40s\" (did you mean \"%s\"?)", list, got, meant);
    else complain(r, d, key, "expected one of %s, found \"%.40s\"", list, got);
    return -1;
}

/* Unknown keys are errors: a mistyped "deny" must not make a row allow. */
static bool keys_known(struct reader *r, const struct doc *d, const char *const *keys, size_t shown)
{
    bool good = true;
    for (const struct doc *m = d->first; m; m = m->next) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], m->key) != 0) i++;
        if (keys[i]) continue;
        good = false;
        const char *meant = text_nearest(m->key, word_at, keys);
        if (meant) complain(r, m, "", "unknown key \"%.40s\" (did you mean \"%s\"?)", m->key, meant);
        else complain(r, m, "", "unknown key \"%.40s\"; known are those from \"%s\" to \"%s\"", m->key, keys[0], keys[shown - 1]);
    }
    return good;
}

static bool text_of(struct reader *r, const struct doc *d, const char *key, char *to, size_t size)
{
    if (d && d->kind == DOC_TEXT && d->text[0] && strlen(d->text) < size) {
        snprintf(to, size, "%s", d->text);
        return true;
    }
    complain(r, d, key, "expected a text of 1 to %zu bytes", size - 1);
    return false;
}

/* ---- values ---- */

static void read_subject(struct reader *r, const struct doc *d, struct grant *g)
{
    static const struct { const char *prefix; enum grant_subject kind; } rows[] = { { "role:", SUBJECT_ROLE },
        { "model:", SUBJECT_MODEL }, { "group:", SUBJECT_GROUP }, { "", SUBJECT_IDENTITY } };
    static const char *const roles[] = { "device", "operator", "viewer", "administrator", "contractor", NULL };
    static const char *const prefixes[] = { "role", "model", "group", NULL };
    const char *text = d->kind == DOC_TEXT ? d->text : "";
    if (strcmp(text, "any") == 0) return;
    size_t i = 0;
    while (!bytes_starts(bytes_str(text), bytes_str(rows[i].prefix))) i++;
    g->kind = rows[i].kind;
    const char *rest = text + strlen(rows[i].prefix);
    enum role role;
    struct doc as = { .kind = DOC_TEXT, .text = rest, .line = d->line };
    if (g->kind == SUBJECT_ROLE && !ok(role_parse(rest, &role))) {
        (void)word_of(r, &as, "subject", roles);
    } else if (!registry_id_valid(bytes_str(rest))) {
        char kind[16] = "";
        size_t n = strcspn(text, ":");
        if (n < sizeof kind) memcpy(kind, text, n);
        const char *meant = strchr(text, ':') ? text_nearest(kind, word_at, prefixes) : NULL;
        complain(r, d, "subject", "expected any, an identity, role:R, model:M or group:G, found \"%.40s\"%s%s%s", text,
            meant ? " (did you mean \"" : "", meant ? meant : "", meant ? ":...\"?)" : "");
    } else {
        snprintf(g->subject, sizeof g->subject, "%s", rest);
    }
}

static void read_action(struct reader *r, const struct doc *d, struct grant *g)
{
    static const char *const words[] = { "publish", "subscribe", "history", "command", "administer", NULL };
    const struct doc *m = d->kind == DOC_LIST ? d->first : d;
    if (!m) complain(r, d, "action", "expected at least one action");
    for (; m; m = d->kind == DOC_LIST ? m->next : NULL) {
        int at = word_of(r, m, "action", words);
        if (at >= 0) g->actions |= 1u << at;
    }
}

/* Variables are whole levels: "{own}-x" would be neither a device's own topic nor anybody's. */
static bool variables_good(const char *p)
{
    static const char *const known[] = { "{own}", "{site}" };
    for (const char *at = p; (at = strpbrk(at, "{}")); ) {
        size_t n = 0;
        for (size_t i = 0; i < 2; i++)
            if (strncmp(at, known[i], strlen(known[i])) == 0) n = strlen(known[i]);
        if (!n || (at != p && at[-1] != '/') || (at[n] && at[n] != '/')) return false;
        at += n;
    }
    return true;
}

static void read_stream(struct reader *r, const struct doc *d, struct grant *g)
{
    const char *text = d->kind == DOC_TEXT ? d->text : "";
    g->stream[0] = g->pattern[0] = 0;
    if (registry_id_valid(bytes_str(text))) {
        snprintf(g->stream, sizeof g->stream, "%s", text);
        return;
    }
    if (!variables_good(text)) {
        complain(r, d, "stream", "variables are {own} and {site}, each a whole level: \"%.60s\"", text);
    } else if (strlen(text) >= sizeof g->pattern || strncmp(text, "$share", 6) == 0 || !mqtt_filter_valid(bytes_str(text))) {
        complain(r, d, "stream", "expected a declared stream's name or a topic pattern; + stands for a whole level, # comes last: \"%.60s\"", text);
    } else {
        snprintf(g->pattern, sizeof g->pattern, "%s", text);
    }
}

static bool digits2(const char *p, int top, int *ret)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') return false;
    *ret = (p[0] - '0') * 10 + p[1] - '0';
    return *ret <= top;
}

/* "HH:MM" in minutes. */
static bool clock_of(const char *p, int *ret)
{
    int h, m;
    if (!digits2(p, 24, &h) || p[2] != ':' || !digits2(p + 3, 59, &m) || h * 60 + m > 1440) return false;
    *ret = h * 60 + m;
    return true;
}

static void read_time(struct reader *r, const struct doc *d, struct grant *g)
{
    int from = 0, to = 0;
    const char *p = d->kind == DOC_TEXT ? d->text : "";
    if (strlen(p) != 11 || p[5] != '-' || !clock_of(p, &from) || !clock_of(p + 6, &to) || from == to || from == 1440) {
        complain(r, d, "when.time", "expected \"HH:MM-HH:MM\", found \"%.40s\"", p);
        return;
    }
    if (!r->has_zone) complain(r, d, "when.time", "the policy's \"zone\" is needed, such as zone: \"+09:00\"");
    g->timed = true;
    g->from_min = (uint16_t)from;
    g->to_min = (uint16_t)to;
    g->zone_min = r->zone_min;
}

static void read_days(struct reader *r, const struct doc *d, struct grant *g)
{
    static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };
    if (d->kind != DOC_LIST || !d->first || !g->timed) {
        complain(r, d, "when.days", "expected a list such as [mon, fri], with \"time\"");
        return;
    }
    g->days = 0;
    for (const struct doc *m = d->first; m; m = m->next) {
        int at = word_of(r, m, "when.days", days);
        if (at >= 0) g->days |= (uint8_t)(1u << at);
    }
}

/* One word or a list, kept between blanks. */
static void read_purpose(struct reader *r, const struct doc *d, struct grant *g)
{
    struct out o = out_of(g->purposes, sizeof g->purposes - 1);
    const struct doc *m = d->kind == DOC_LIST ? d->first : d;
    if (!m) complain(r, d, "when.purpose", "expected at least one purpose");
    put_str(&o, " ");
    for (; m; m = d->kind == DOC_LIST ? m->next : NULL) {
        if (m->kind == DOC_TEXT && registry_id_valid(bytes_str(m->text))) put_fmt(&o, "%s ", m->text);
        else complain(r, m, "when.purpose", "expected a word of small letters, digits and '-', found \"%.40s\"", m->kind == DOC_TEXT ? m->text : "");
    }
    if (o.over) complain(r, d, "when.purpose", "too many: at most %d bytes", GRANT_PURPOSE - 2);
    g->purposes[o.n] = 0;
}

static void read_when(struct reader *r, const struct doc *d, struct grant *g)
{
    static const char *const keys[] = { "trust", "time", "days", "permit", "purpose", "emergency", NULL };
    static const char *const trusts[] = { "unattested", "attested", "degraded", "quarantined", NULL };
    if (d->kind != DOC_MAP || !d->first) {
        complain(r, d, "when", "expected a map with trust, time, days, permit, purpose or emergency");
        return;
    }
    if (!keys_known(r, d, keys, 6)) return;
    const struct doc *permit = doc_get(d, "permit"), *purpose = doc_get(d, "purpose");
    const struct doc *trust = doc_get(d, "trust"), *time = doc_get(d, "time"), *days = doc_get(d, "days");
    int at = trust ? word_of(r, trust, "when.trust", trusts) : -1;
    g->trusted = at >= 0;
    if (g->trusted) (void)!ok(trust_parse(trusts[at], &g->trust));
    g->days = 0x7f;
    if (time) read_time(r, time, g);
    if (days) read_days(r, days, g);
    if (permit && (permit->kind != DOC_BOOL || !permit->truth)) complain(r, permit, "when.permit", "expected true: an open work permit of that person for that stream");
    g->permitted = permit;
    const struct doc *emergency = doc_get(d, "emergency");
    if (emergency && (emergency->kind != DOC_BOOL || !emergency->truth)) complain(r, emergency, "when.emergency", "expected true: while an emergency access of that subject is open");
    g->emergency = emergency;
    if (purpose) read_purpose(r, purpose, g);
}

static void read_upto(struct reader *r, const struct doc *d, struct grant *g)
{
    static const char *const labels[] = { "public", "internal", "confidential", "restricted", NULL };
    g->upto = LABEL_INTERNAL;
    if (!d) return;
    if (g->deny) complain(r, d, "upto", "has no meaning in a deny row; leave it out");
    int at = word_of(r, d, "upto", labels);
    if (at >= 0) g->upto = (enum label)at;
}

/* ---- rows ---- */

static void add(struct reader *r, const struct grant *g)
{
    struct grants *to = r->g;
    if (to->n == to->cap) {
        size_t cap = to->cap ? 2 * to->cap : 64;
        struct grant *more = cap <= GRANTS_MAX ? mem_grow(to->rows, cap * sizeof *more) : NULL;
        if (!more) {
            r->no_memory = true;
            return;
        }
        to->rows = more;
        to->cap = cap;
    }
    to->rows[to->n++] = *g;
}

static bool id_used(const struct grants *g, const char *id)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->rows[i].id, id) == 0) return true;
    return false;
}

static bool head_good(struct reader *r, const struct doc *d, struct grant *g)
{
    static const char *const keys[] = { "id", "subject", "action", "stream", "upto", "when", "deny", "why", "authority", "appeal",
        "line", NULL };
    size_t before = r->n;
    if (d->kind != DOC_MAP) {
        complain(r, d, "", "expected a map with id, subject, action, stream");
        return false;
    }
    (void)keys_known(r, d, keys, 10);
    if (!r->g->source[0] && doc_get(d, "line")) complain(r, doc_get(d, "line"), "line", "is for drafts, which name their source; leave it out");
    for (size_t i = 0; i < 4; i++)
        if (!doc_get(d, keys[i])) complain(r, d, keys[i], "is needed");
    if (r->n != before) return false;
    if (!registry_id_valid(bytes_str(doc_text(d, "id", "")))) complain(r, doc_get(d, "id"), "id", "expected small letters, digits and '-'");
    else snprintf(g->id, sizeof g->id, "%s", doc_text(d, "id", ""));
    if (g->id[0] && id_used(r->g, g->id)) complain(r, doc_get(d, "id"), "id", "\"%s\" is used by an earlier row", g->id);
    return true;
}

static void read_row(struct reader *r, const struct doc *d)
{
    struct grant g = { .line = r->g->source[0] ? (int)doc_int(d, "line", 0) : d->line };
    if (!head_good(r, d, &g)) return;
    const struct doc *deny = doc_get(d, "deny"), *when = doc_get(d, "when"), *why = doc_get(d, "why"), *who = doc_get(d, "authority"), *ask = doc_get(d, "appeal");
    read_subject(r, doc_get(d, "subject"), &g);
    read_action(r, doc_get(d, "action"), &g);
    if (deny && deny->kind != DOC_BOOL) complain(r, deny, "deny", "expected true or false");
    g.deny = doc_bool(d, "deny", false);
    read_upto(r, doc_get(d, "upto"), &g);
    if (when) read_when(r, when, &g);
    if (why) (void)text_of(r, why, "why", g.why, sizeof g.why);
    if (who) (void)text_of(r, who, "authority", g.authority, sizeof g.authority);
    if (ask) (void)text_of(r, ask, "appeal", g.appeal, sizeof g.appeal);
    const struct doc *stream = doc_get(d, "stream"), *s = stream->kind == DOC_LIST ? stream->first : stream;
    if (!s) complain(r, stream, "stream", "expected at least one stream");
    for (; s; s = stream->kind == DOC_LIST ? s->next : NULL) {
        read_stream(r, s, &g);
        add(r, &g);
    }
}

static void read_zone(struct reader *r, const struct doc *d)
{
    int min = 0;
    const char *p = d->kind == DOC_TEXT ? d->text : "";
    bool good = strlen(p) == 6 && (p[0] == '+' || p[0] == '-') && clock_of(p + 1, &min) && min <= 14 * 60;
    if (!good) complain(r, d, "zone", "expected the offset from UTC, such as \"+09:00\", found \"%.20s\"", p);
    r->has_zone = true; /* or complained of */
    r->zone_min = (int16_t)(p[0] == '-' ? -min : min);
}

static void read_policy(struct reader *r, const struct doc *d)
{
    static const char *const keys[] = { "schema", "site", "zone", "grants", "tests", "appeal", "type", "at", "source", NULL };
    static const char *const schemas[] = { GRANTS_SCHEMA, NULL };
    if (!d || d->kind != DOC_MAP) {
        complain(r, d, "", "expected a map with schema, site and grants");
        return;
    }
    (void)keys_known(r, d, keys, 6);
    const struct doc *source = doc_get(d, "source"), *appeal = doc_get(d, "appeal");
    if (source) (void)text_of(r, source, "source", r->g->source, sizeof r->g->source);
    if (appeal) (void)text_of(r, appeal, "appeal", r->g->appeal, sizeof r->g->appeal);
    const struct doc *schema = doc_get(d, "schema"), *zone = doc_get(d, "zone"), *rows = doc_get(d, "grants");
    if (schema) (void)word_of(r, schema, "schema", schemas);
    else complain(r, d, "schema", "is needed: schema: %s", GRANTS_SCHEMA);
    if (!registry_id_valid(bytes_str(doc_text(d, "site", "")))) complain(r, doc_get(d, "site") ? doc_get(d, "site") : d, "site", "expected the site's id");
    else snprintf(r->g->site, sizeof r->g->site, "%s", doc_text(d, "site", ""));
    if (zone) read_zone(r, zone);
    r->g->zone_min = r->zone_min;
    if (!rows || rows->kind != DOC_LIST || !rows->first) {
        complain(r, rows ? rows : d, "grants", "expected a list of rows; a policy without rows would stop everything and is refused");
        return;
    }
    size_t i = 0;
    for (const struct doc *m = rows->first; m && !r->no_memory; m = m->next) {
        snprintf(r->place, sizeof r->place, "grants[%zu]", i++);
        read_row(r, m);
    }
}

outcome grants_read(const struct doc *d, struct grants **ret, struct grants_error *errors, size_t cap, size_t *ret_n)
{
    struct reader r = { .g = mem_new(sizeof *r.g), .errors = errors, .cap = cap };
    if (!r.g) return REFUSE(E_MEMORY);
    read_policy(&r, d);
    outcome o = r.n ? REFUSE(E_CONFIG) : r.no_memory ? REFUSE(E_MEMORY) : grants_compile(r.g);
    *ret_n = r.n;
    if (ok(o)) *ret = r.g;
    else grants_free(r.g);
    return o;
}
