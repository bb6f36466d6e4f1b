/* See grants.h: the rows of a new site, which rows speak for a question, and remembering that. */
#include "platform/grants_internal.h"

#include <stdio.h>

#include "base/port/port.h"
#include "base/time.h"
#include "wire/mqtt.h"

enum { WEEK_DAYS = 7, DAY_MINUTES = 1440, PATTERN_ROOM = 2 * ID_MAX + STREAM_PATTERN_MAX };

const char *label_word(enum label l)
{
    static const char *const words[LABELS] = { "public", "internal", "confidential", "restricted" };
    return words[l];
}

enum label label_of(const struct stream *s)
{
    if (!s) return LABEL_INTERNAL;
    for (unsigned l = 0; l < LABELS; l++)
        if (strcmp(s->label, label_word((enum label)l)) == 0) return (enum label)l;
    return LABEL_RESTRICTED;
}

/* ---- a new site's rows ---- */

#define SENDS (GRANT_PUBLISH | GRANT_COMMAND)
#define READS (GRANT_SUBSCRIBE | GRANT_HISTORY)
#define ROW(n, who, does, no, where) { .id = "default-" #n, .kind = SUBJECT_ROLE, .subject = (who), .actions = (does), \
    .deny = (no), .pattern = (where), .upto = LABEL_RESTRICTED }
/* clang-format off */
static const struct grant defaults[] = {
    ROW(1,  "device",   SENDS, false, "sk/v1/{site}/{own}/m/#"),
    ROW(2,  "device",   SENDS, false, "sk/v1/{site}/{own}/s/#"),
    ROW(3,  "device",   SENDS, false, "sk/v1/{site}/{own}/e/#"),
    ROW(4,  "device",   SENDS, false, "sk/v1/{site}/{own}/a/#"),
    ROW(5,  "device",   SENDS, false, "sk/v1/{site}/{own}/att/evidence"),
    ROW(6,  "device",   SENDS, false, "sk/v1/{site}/{own}/cmd/+/reply"),
    ROW(7,  "device",   READS, false, "sk/v1/{site}/{own}/cmd/#"),
    ROW(8,  "device",   READS, false, "sk/v1/{site}/{own}/cfg/#"),
    ROW(9,  "device",   READS, false, "sk/v1/{site}/{own}/upd/#"),
    ROW(10, "device",   READS, false, "sk/v1/{site}/{own}/att/challenge"),
    ROW(11, "operator", SENDS, true,  "sk/v1/{site}/_gate/#"),
    ROW(12, "operator", SENDS, false, "sk/v1/{site}/+/cmd/+"),
    ROW(13, "operator", READS, true,  "sk/v1/{site}/+/att/#"),
    ROW(14, "operator", READS, false, "sk/v1/{site}/#"),
    ROW(15, "viewer",   READS, true,  "sk/v1/{site}/+/att/#"),
    ROW(16, "viewer",   READS, false, "sk/v1/{site}/#"),
    ROW(17, "administrator", READS, true,  "sk/v1/{site}/+/att/#"),
    ROW(18, "administrator", READS, false, "sk/v1/{site}/#"),
    ROW(19, "operator", GRANT_ADMINISTER, false, "#"),
    ROW(20, "administrator", GRANT_ADMINISTER, false, "#"),
    ROW(31, "contractor", GRANT_COMMAND, false, "sk/v1/{site}/+/cmd/+"), /* within a work permit, access.c */
    ROW(32, "contractor", READS, true,  "sk/v1/{site}/+/att/#"),
    ROW(33, "contractor", READS, false, "sk/v1/{site}/#"),
    { .id = "default-41", .kind = SUBJECT_ANY, .actions = GRANT_COMMAND | GRANT_ADMINISTER | READS, .pattern = "sk/v1/{site}/#",
        .upto = LABEL_RESTRICTED, .emergency = true }, /* opened by two, emergency.h */
};
/* clang-format on */

const struct grant *grants_rows(const struct grants *g, size_t *ret_n)
{
    *ret_n = g ? g->n : sizeof defaults / sizeof *defaults;
    return g ? g->rows : defaults;
}

size_t grants_count(const struct grants *g)
{
    size_t n;
    (void)grants_rows(g, &n);
    return n;
}

const char *grants_site(const struct grants *g)
{
    return g->site;
}

const char *grants_source(const struct grants *g)
{
    return g ? g->source : "";
}

const char *grants_appeal(const struct grants *g)
{
    return g ? g->appeal : "";
}

uint64_t grants_mark(const struct grants *g)
{
    return g ? g->seed : 0;
}

int grants_zone(const struct grants *g)
{
    return g->zone_min;
}

const char *grant_subject_text(const struct grant *g, char *text, size_t size)
{
    static const char *const kinds[] = { "any", "", "role:", "model:", "group:" };
    snprintf(text, size, "%s%s", kinds[g->kind], g->subject);
    return text;
}

/* ---- does a row speak? ---- */

static bool subject_meets(const struct grant *g, const struct identity *who)
{
    switch (g->kind) {
    case SUBJECT_ANY: return true;
    case SUBJECT_IDENTITY: return strcmp(g->subject, who->id) == 0;
    case SUBJECT_ROLE: return strcmp(g->subject, role_word(who->role)) == 0;
    case SUBJECT_MODEL: return strcmp(g->subject, who->model) == 0;
    case SUBJECT_GROUP: return strcmp(g->subject, who->group) == 0;
    }
    return false;
}

/* {site} and {own} filled in; an id that is no id (it could be a wildcard) fills in nothing. */
static struct bytes pattern_of(const struct grant *g, const char *site, const char *own, struct out *o)
{
    if (!strchr(g->pattern, '{')) return bytes_str(g->pattern);
    for (const char *p = g->pattern; *p;) {
        const char *brace = strchr(p, '{');
        put(o, bytes_of(p, brace ? (size_t)(brace - p) : strlen(p)));
        if (!brace) break;
        const char *word = brace[1] == 's' ? site : own;
        if (!registry_id_valid(bytes_str(word))) return BYTES_NONE;
        put_str(o, word);
        p = strchr(brace, '}') + 1;
    }
    return o->over ? BYTES_NONE : out_view(o);
}

static bool named_meets(const struct grant *g, const struct registry *r, const struct grant_ask *ask)
{
    if (!ask->filter) return ask->stream && strcmp(ask->stream->name, g->stream) == 0;
    const struct stream *s = registry_stream_named(r, g->stream);
    return s && mqtt_covers(bytes_str(s->pattern), ask->topic);
}

static bool stream_meets(const struct grant *g, const char *site, const struct registry *r, const struct grant_ask *ask)
{
    char text[PATTERN_ROOM];
    if (g->stream[0]) return named_meets(g, r, ask);
    if (g->prefix && (ask->topic.n < g->prefix || memcmp(ask->topic.at, g->pattern, g->prefix) != 0)) return false;
    struct out o = out_of(text, sizeof text);
    struct bytes pattern = pattern_of(g, site, ask->who->id, &o);
    if (!pattern.n) return false;
    return ask->filter ? mqtt_covers(pattern, ask->topic) : mqtt_matches(pattern, ask->topic);
}

bool grant_timely(const struct grant *g, int64_t now_ms)
{
    if (!g->timed) return true;
    int64_t minutes = now_ms / MS_MINUTE + g->zone_min;
    int64_t day = minutes / DAY_MINUTES + 3; /* 1970-01-01 was a Thursday */
    int at = (int)(minutes % DAY_MINUTES);
    unsigned today = 1u << (day % WEEK_DAYS), before = 1u << ((day + WEEK_DAYS - 1) % WEEK_DAYS);
    if (g->from_min <= g->to_min) return at >= g->from_min && at < g->to_min && (g->days & today);
    return (at >= g->from_min && (g->days & today)) || (at < g->to_min && (g->days & before));
}

const struct permit *permit_covering(const struct permits *all, const struct permit_ask *ask)
{
    for (size_t i = 0; all && i < all->n; i++) {
        const struct permit *p = &all->rows[i];
        if (p->emergency != ask->emergency || strcmp(p->subject, ask->subject) != 0 || ask->now_ms < p->from_ms || ask->now_ms >= p->until_ms) continue;
        struct bytes over = bytes_str(p->stream);
        if (ask->filter ? mqtt_covers(over, ask->topic) : mqtt_matches(over, ask->topic)) return p;
    }
    return NULL;
}

const struct permit *grant_permit(const struct grant_ask *ask)
{
    struct permit_ask p = { ask->who->id, ask->topic, ask->filter, ask->now_ms };
    return permit_covering(ask->permits, &p);
}

static bool emergency_opens(const struct grant_ask *ask)
{
    struct permit_ask p = { ask->who->id, ask->topic, ask->filter, ask->now_ms, .emergency = true };
    return permit_covering(ask->permits, &p);
}

static bool purpose_meets(const struct grant *g, const char *purpose)
{
    char word[GRANT_PURPOSE];
    if (!purpose || !registry_id_valid(bytes_str(purpose))) return false;
    int n = snprintf(word, sizeof word, " %s ", purpose);
    return n > 0 && (size_t)n < sizeof word && strstr(g->purposes, word);
}

/* The condition that is not met; MISS_NONE: all are. */
static enum grant_miss condition_missing(const struct grant *g, const struct grant_ask *ask)
{
    if (g->trusted && ask->who->trust != g->trust) return MISS_TRUST;
    if (!grant_timely(g, ask->now_ms)) return MISS_TIME;
    if (g->permitted && !grant_permit(ask)) return MISS_PERMIT;
    if (g->emergency && !emergency_opens(ask)) return MISS_EMERGENCY;
    return g->purposes[0] && !purpose_meets(g, ask->purpose) ? MISS_PURPOSE : MISS_NONE;
}

static bool conditional(const struct grant *g)
{
    return g->trusted || g->timed || g->permitted || g->emergency || g->purposes[0];
}

static bool condition_holds(const struct grant *g, const struct grant_ask *ask)
{
    if (ask->standing) return !g->deny || !conditional(g);
    return condition_missing(g, ask) == MISS_NONE;
}

enum grant_miss grant_missing(const struct grant *g, const char *site, const struct registry *r, const struct grant_ask *ask)
{
    if (!subject_meets(g, ask->who)) return MISS_SUBJECT;
    if (!(g->actions & (unsigned)ask->action)) return MISS_ACTION;
    if (!stream_meets(g, site, r, ask)) return MISS_STREAM;
    return condition_missing(g, ask);
}

/* Is he named by any permit, whatever its window? Else nothing hangs on them until they change. */
static bool named(const struct grant_ask *ask)
{
    for (size_t i = 0; ask->permits && i < ask->permits->n; i++)
        if (strcmp(ask->permits->rows[i].subject, ask->who->id) == 0) return true;
    return false;
}

/* Adds a row that may speak; false: it denies, and nothing else counts. */
static bool consider(const struct grant *g, const char *site, const struct registry *r, const struct grant_ask *ask,
    struct grant_found *f)
{
    if (!(g->actions & (unsigned)ask->action) || !stream_meets(g, site, r, ask)) return true;
    bool asks = (g->purposes[0] || ((g->permitted || g->emergency) && named(ask))) && !ask->standing;
    f->asks |= asks;
    f->varies |= asks || (g->timed && !ask->standing);
    if (!condition_holds(g, ask)) {
        if (!g->deny && !g->emergency) f->missed = g;
        return true;
    }
    if (g->deny) f->row = g;
    else if (!f->row || g->upto > f->row->upto) f->row = g;
    return !g->deny;
}

static struct grant_found find_plain(const struct grant *rows, size_t n, const char *site, const struct registry *r,
    const struct grant_ask *ask)
{
    struct grant_found f = { 0 };
    for (size_t i = 0; i < n; i++)
        if (subject_meets(&rows[i], ask->who) && !consider(&rows[i], site, r, ask, &f)) break;
    return f;
}

/* Only the rows of this subject are looked at. */
struct grant_found grants_find(const struct grants *g, const char *site, const struct registry *r, const struct grant_ask *ask)
{
    if (!g) return find_plain(defaults, sizeof defaults / sizeof *defaults, site, r, ask);
    const char *const keys[] = { [SUBJECT_ANY] = "", [SUBJECT_IDENTITY] = ask->who->id, [SUBJECT_ROLE] = role_word(ask->who->role),
        [SUBJECT_MODEL] = ask->who->model, [SUBJECT_GROUP] = ask->who->group };
    struct grant_found f = { 0 };
    for (unsigned kind = 0; kind < sizeof keys / sizeof *keys; kind++) {
        const struct grant_list *l = grant_list_of(g, (enum grant_subject)kind, keys[kind]);
        for (size_t i = 0; l && i < l->n; i++)
            if (!consider(&g->rows[l->at[i]], site, r, ask, &f)) return f;
    }
    if (f.row) g->spoke[f.row - g->rows] = true;
    return f;
}

bool grants_spoke(const struct grants *g, size_t row)
{
    return g->spoke[row];
}

/* ---- remembered ---- */

static uint64_t permits_epoch(const struct grant_ask *ask)
{
    return ask->permits ? ask->permits->epoch : 0;
}

static bool same_question(const struct grant_memo *m, const struct registry *r, const struct grant_ask *ask)
{
    return m->who == ask->who && m->role == ask->who->role && m->trust == ask->who->trust && m->action == ask->action
        && m->standing == ask->standing && m->declared == registry_declared_epoch(r) && m->permits == permits_epoch(ask) && m->n == ask->topic.n
        && memcmp(m->topic, ask->topic.at, m->n) == 0;
}

static uint64_t key_of(const struct grants *g, const struct grant_ask *ask)
{
    uint64_t kind = (uint64_t)ask->action << 1 | ask->standing;
    return topic_hash(g->seed ^ (uintptr_t)ask->who * 31 ^ kind << 17, ask->topic) | 1;
}

struct grant_found grants_find_fast(const struct grants *g, const char *site, const struct registry *r,
    const struct grant_ask *ask)
{
    assert(!ask->filter);
    if (!g || ask->topic.n > GRANT_MEMO_TOPIC || ask->topic.n == 0) return grants_find(g, site, r, ask);
    uint64_t key = key_of(g, ask);
    size_t set = (key >> 20) % GRANT_SETS * GRANT_WAYS, at = set + (key >> 40) % GRANT_WAYS;
    for (size_t i = set; i < set + GRANT_WAYS; i++) {
        if (g->keys[i] == 0) at = i;
        if (g->keys[i] != key) continue;
        if (same_question(&g->memo[i], r, ask)) return (struct grant_found) { .row = g->memo[i].row, .missed = g->memo[i].missed };
        at = i;
        break;
    }
    struct grant_found f = grants_find(g, site, r, ask);
    if (f.varies) return f;
    g->keys[at] = key;
    g->memo[at] = (struct grant_memo) { .who = ask->who, .role = (uint8_t)ask->who->role,
        .trust = (uint8_t)ask->who->trust, .action = (uint8_t)ask->action, .standing = ask->standing,
        .declared = registry_declared_epoch(r), .permits = permits_epoch(ask), .row = f.row, .missed = f.missed, .n = (uint16_t)ask->topic.n };
    memcpy(g->memo[at].topic, ask->topic.at, ask->topic.n);
    return f;
}

/* ---- compiled ---- */

struct grant_list *grant_list_of(const struct grants *g, enum grant_subject kind, const char *subject)
{
    char key[ID_MAX + 2];
    size_t n = strnlen(subject, ID_MAX);
    key[0] = (char)('0' + kind);
    memcpy(key + 1, subject, n);
    return map_get(&g->lists, bytes_of(key, n + 1));
}

static MUST outcome list_add(struct grants *g, const struct grant *row, uint32_t at)
{
    char key[ID_MAX + 2];
    struct grant_list *l = grant_list_of(g, row->kind, row->subject);
    if (!l) {
        l = mem_new(sizeof *l);
        if (!l) return REFUSE(E_MEMORY);
        snprintf(key, sizeof key, "%c%s", '0' + (int)row->kind, row->subject);
        outcome o = map_put(&g->lists, bytes_str(key), l);
        if (!ok(o)) {
            mem_free(l);
            return o;
        }
    }
    if (l->n == l->cap) {
        uint32_t *more = mem_grow(l->at, (l->cap ? 2 * l->cap : 8) * sizeof *l->at);
        if (!more) return REFUSE(E_MEMORY);
        l->at = more;
        l->cap = l->cap ? 2 * l->cap : 8;
    }
    l->at[l->n++] = at;
    return DONE;
}

MUST outcome grants_compile(struct grants *g)
{
    port_random(&g->seed, sizeof g->seed);
    g->memo = mem_new_array(GRANT_MEMOS, sizeof *g->memo);
    g->keys = mem_new_array(GRANT_MEMOS, sizeof *g->keys);
    g->spoke = mem_new_array(g->n ? g->n : 1, sizeof *g->spoke);
    if (!g->memo || !g->keys || !g->spoke) return REFUSE(E_MEMORY);
    for (size_t i = 0; i < g->n; i++) {
        struct grant *row = &g->rows[i];
        row->prefix = (uint16_t)strcspn(row->pattern, "+#{");
        if (row->pattern[row->prefix] == '#' && row->prefix) row->prefix--; /* "a/#" meets "a" too */
        TRY(list_add(g, row, (uint32_t)i));
    }
    return DONE;
}

void grants_free(struct grants *g)
{
    if (!g) return;
    size_t at = 0;
    struct bytes key;
    void *value;
    while (map_next(&g->lists, &at, &key, &value)) {
        mem_free(((struct grant_list *)value)->at);
        mem_free(value);
    }
    map_deinit(&g->lists);
    mem_free(g->memo);
    mem_free(g->keys);
    mem_free(g->spoke);
    mem_free(g->rows);
    mem_free(g);
}
