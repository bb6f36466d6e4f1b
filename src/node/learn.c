#include "node/learn.h"

#include <stdio.h>
#include <time.h>

#include "ledger/ledger.h"
#include "node/alerts.h"
#include "node/core.h"
#include "node/work.h"
#include "watch/observed.h"
#include "watch/profile.h"

enum { DEVICES_MAX = 20000, ALARMS_KEPT = 256, PENDING_MAX = 64, ALARMS_AN_HOUR = 12, OBSERVED_AN_HOUR = 100, SAVE_EVERY_MS = 3600000, TEXT = 256,
    FILE_FORM = 0x534B5731 /* "SKW1" */ };

struct device {
    char id[ID_MAX];
    struct profile p;
    float now[METRICS]; /* of the interval that runs */
    int64_t hour;       /* alarms are counted by the hour: a device that makes them without end fills no record */
    uint32_t alarms;
};

struct pending {
    char id[ID_MAX];
    bool unpermitted;   /* else a is what its profile said */
    char topic[PROFILE_WHAT];
    struct profile_alarm a;
};

struct alarm_row {
    char at[TIME_TEXT], device[ID_MAX], group[ID_MAX], what[24], name[PROFILE_WHAT], norm[24], value[24], since[TIME_TEXT];
    char text_ja[TEXT], text_en[TEXT];
};

struct learn {
    struct map ids;
    struct device **at;
    size_t n, cap;
    int64_t offset_ms, interval_ms, save_ms; /* local time's offset; when the interval ends, when to save */
    struct pending pending[PENDING_MAX];
    size_t n_pending;
    struct alarm_row rows[ALARMS_KEPT]; /* ring */
    size_t n_rows, next_row;
    int64_t observed_hour;              /* what sensors report is counted by the hour */
    uint32_t observed;
};

static struct device *device_of(struct learn *l, const char *id)
{
    struct device *d = map_get(&l->ids, bytes_str(id));
    if (d || !id[0] || l->n == DEVICES_MAX) return d;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct device **at = mem_grow(l->at, cap * sizeof *at);
        if (!at) return NULL;
        l->at = at;
        l->cap = cap;
    }
    d = mem_new(sizeof *d);
    if (!d || !ok(map_put(&l->ids, bytes_str(id), d))) {
        mem_free(d);
        return NULL;
    }
    snprintf(d->id, sizeof d->id, "%s", id);
    l->at[l->n++] = d;
    return d;
}

/* ---- what is seen ---- */

struct hearing {
    struct learn *l;
    struct device *d;
};

/* NULL: this device said enough this hour, or too much waits. */
static struct pending *pending_new(struct learn *l, struct device *d, int64_t local_ms)
{
    int64_t hour = local_ms / MS_HOUR;
    if (hour != d->hour) d->alarms = 0;
    d->hour = hour;
    if (d->alarms++ >= ALARMS_AN_HOUR || l->n_pending == PENDING_MAX) return NULL;
    struct pending *p = &l->pending[l->n_pending++];
    *p = (struct pending) { .unpermitted = false };
    snprintf(p->id, sizeof p->id, "%s", d->id);
    return p;
}

static void hear(void *ctx, const struct profile_alarm *a)
{
    struct hearing *h = ctx;
    struct pending *p = pending_new(h->l, h->d, a->at_ms);
    if (p) p->a = *a;
}

void learn_unpermitted(struct core *c, const struct message *m)
{
    struct device *d = c->learn && m && m->from ? device_of(c->learn, m->from->id) : NULL;
    struct pending *p = d ? pending_new(c->learn, d, port_wall_ms() + c->learn->offset_ms) : NULL;
    if (!p) return;
    p->unpermitted = true;
    observed_text(m->topic, p->topic, sizeof p->topic);
}

static void saw(struct core *c, const char *id, enum profile_thing t, struct bytes name)
{
    struct device *d = c->learn ? device_of(c->learn, id) : NULL;
    struct hearing h = { c->learn, d };
    const struct profile_sink sink = { &h, hear };
    if (d) profile_saw(&d->p, t, name, port_wall_ms() + c->learn->offset_ms, &sink);
}

void learn_message(struct core *c, const struct message *m, bool command)
{
    struct device *d = c->learn && m->from ? device_of(c->learn, m->from->id) : NULL;
    if (!d) return;
    d->now[METRIC_MESSAGES]++;
    d->now[METRIC_BYTES] += (float)m->payload.n;
    if ((float)m->payload.n > d->now[METRIC_SIZE]) d->now[METRIC_SIZE] = (float)m->payload.n;
    if (command) d->now[METRIC_COMMANDS]++;
    saw(c, d->id, command ? THING_COMMAND : THING_TOPIC, m->topic);
}

void learn_refused(struct core *c, const struct message *m)
{
    struct device *d = c->learn && m && m->from ? device_of(c->learn, m->from->id) : NULL;
    if (d) d->now[METRIC_FAILURES]++;
}

void learn_link(struct core *c, const char *id, const char *source)
{
    saw(c, id, THING_SOURCE, bytes_str(source));
}

static void interval_over(struct learn *l, int64_t local_ms)
{
    for (size_t i = 0; i < l->n; i++) {
        struct device *d = l->at[i];
        struct hearing h = { l, d };
        const struct profile_sink sink = { &h, hear };
        unsigned has = (1u << METRICS) - 1;
        has &= ~(1u << METRIC_RESIDUAL); /* no physics is declared to the core */
        if (d->now[METRIC_MESSAGES] == 0) has &= ~(1u << METRIC_SIZE);
        profile_interval(&d->p, local_ms, d->now, has, &sink);
        memset(d->now, 0, sizeof d->now);
    }
}

/* ---- alarms: recorded, shown ---- */

static const struct { const char *key; size_t at, size; } members[] = {
#define MEMBER(key) { #key, offsetof(struct alarm_row, key), sizeof(((struct alarm_row *)0)->key) }
    MEMBER(at), MEMBER(device), MEMBER(group), MEMBER(what), MEMBER(name), MEMBER(norm), MEMBER(value), MEMBER(since), MEMBER(text_ja),
    MEMBER(text_en) };
enum { MEMBERS = sizeof members / sizeof *members };

static struct doc *row_doc(struct arena *a, const struct alarm_row *r)
{
    struct doc *d = doc_map(a);
    for (size_t i = 0; i < MEMBERS; i++) doc_set_text(a, d, members[i].key, (const char *)r + members[i].at);
    return d;
}

/* The newest are kept for people; its cause decides whether it goes out. */
static void row_keep(struct core *c, const struct alarm_row *r)
{
    struct learn *l = c->learn;
    struct alert_said a = { r->what, r->device, r->group, r->name, r->text_ja, r->text_en, 0 };
    if (ok(time_parse(bytes_str(r->at), &a.at_ms))) alerts_raise(c, &a);
    l->rows[l->next_row] = *r;
    l->next_row = (l->next_row + 1) % ALARMS_KEPT;
    if (l->n_rows < ALARMS_KEPT) l->n_rows++;
}

void learn_replay(struct core *c, const struct doc *d)
{
    struct alarm_row r = { .at = "" };
    if (!c->learn) return;
    for (size_t i = 0; i < MEMBERS; i++)
        if (!ok(bytes_to_text(bytes_str(doc_text(d, members[i].key, "")), (char *)&r + members[i].at, members[i].size))) return;
    row_keep(c, &r);
}

void learn_said(struct core *c, const struct alert_said *said)
{
    struct alarm_row r = { .at = "" };
    struct arena a = ARENA(16384);
    if (!c->learn) return;
    time_text(said->at_ms, r.at);
    time_text(said->at_ms, r.since);
    snprintf(r.device, sizeof r.device, "%.63s", said->device);
    snprintf(r.group, sizeof r.group, "%.63s", said->group);
    snprintf(r.what, sizeof r.what, "%.23s", said->what);
    snprintf(r.name, sizeof r.name, "%.100s", said->name);
    snprintf(r.text_ja, sizeof r.text_ja, "%.250s", said->text_ja);
    snprintf(r.text_en, sizeof r.text_en, "%.250s", said->text_en);
    row_keep(c, &r);
    (void)!ok(core_write(c, ENTRY_ALERT, row_doc(&a, &r), false));
    arena_deinit(&a);
}

static void explain_unpermitted(const struct pending *p, struct alarm_row *r)
{
    int64_t now = port_wall_ms();
    time_text(now, r->at);
    time_text(now, r->since);
    snprintf(r->what, sizeof r->what, "outside-permit");
    snprintf(r->name, sizeof r->name, "%s", p->topic);
    snprintf(r->text_ja, sizeof r->text_ja, "作業許可の時間外・範囲外の操作：%s（止めています）", p->topic);
    snprintf(r->text_en, sizeof r->text_en, "an attempt that no work permit covers: %s (held or refused)", p->topic);
}

static void explain_profile(struct core *c, struct pending *p, struct alarm_row *r)
{
    p->a.at_ms -= c->learn->offset_ms;
    p->a.since_ms -= c->learn->offset_ms;
    time_text(p->a.at_ms, r->at);
    time_text(p->a.since_ms, r->since);
    snprintf(r->what, sizeof r->what, "%s", p->a.thing ? profile_thing_word(p->a.what) : profile_metric_word(p->a.metric));
    if (p->a.thing) snprintf(r->name, sizeof r->name, "%s", p->a.name);
    if (!p->a.thing) snprintf(r->norm, sizeof r->norm, "%.4g", (double)p->a.norm);
    if (!p->a.thing) snprintf(r->value, sizeof r->value, "%.4g", (double)p->a.value);
    profile_explain(&p->a, true, r->text_ja, sizeof r->text_ja);
    profile_explain(&p->a, false, r->text_en, sizeof r->text_en);
}

/* Planned work raises no attack alarm: it is written to the permit instead. */
static bool planned(struct core *c, const struct pending *p, const struct alarm_row *r, struct arena *a)
{
    const struct work *w = p->unpermitted ? NULL : work_covering(c, p->id, port_wall_ms());
    if (!w) return false;
    struct work_step s = { "unusual", w->id, p->id, r->what };
    struct doc *d = work_step_doc(a, &s);
    doc_set_text(a, d, "text_ja", r->text_ja);
    doc_set_text(a, d, "text_en", r->text_en);
    return ok(core_write(c, ENTRY_WORK, d, false));
}

static void tell(struct core *c, struct pending *p)
{
    struct alarm_row r = { .at = "" };
    struct arena a = ARENA(16384);
    const struct identity *who = registry_identity(c->registry, p->id);
    snprintf(r.device, sizeof r.device, "%s", p->id);
    snprintf(r.group, sizeof r.group, "%s", who ? who->group : "");
    if (p->unpermitted) explain_unpermitted(p, &r);
    else explain_profile(c, p, &r);
    if (planned(c, p, &r, &a)) {
        arena_deinit(&a);
        return;
    }
    row_keep(c, &r);
    (void)!ok(core_write(c, ENTRY_ALERT, row_doc(&a, &r), false));
    if (!p->unpermitted) react_alarm(c, p->id, r.what, r.text_en); /* what no permit covers is held or refused already */
    arena_deinit(&a);
}

static bool told(const struct learn *l, const char *what, const char *name)
{
    for (size_t i = 0; i < l->n_rows; i++)
        if (strcmp(l->rows[i].what, what) == 0 && strcmp(l->rows[i].name, name) == 0) return true;
    return false;
}

outcome learn_observed(void *ctx, const struct doc *d)
{
    struct core *c = ctx;
    struct alarm_row r = { .what = "unknown-host" };
    const char *protocol = "";
    struct arena a = ARENA(16384);
    int64_t now = port_wall_ms();
    if (!c->learn) return REFUSE(E_UNSUPPORTED);
    if (strcmp(doc_text(d, "what", ""), r.what) != 0) return REFUSE(E_MALFORMED);
    TRY(observed_host(doc_text(d, "address", ""), doc_text(d, "protocol", ""), r.name, &protocol));
    if (told(c->learn, r.what, r.name)) return REFUSE(E_CONFLICT);
    if (now / MS_HOUR != c->learn->observed_hour) c->learn->observed = 0;
    c->learn->observed_hour = now / MS_HOUR;
    if (c->learn->observed++ >= OBSERVED_AN_HOUR) return REFUSE(E_FULL);
    time_text(now, r.at);
    time_text(now, r.since);
    snprintf(r.text_ja, sizeof r.text_ja, "台帳にない機器が通信している：%s（%s）", r.name, protocol);
    snprintf(r.text_en, sizeof r.text_en, "a host that no inventory lists is on the network: %s (%s)", r.name, protocol);
    row_keep(c, &r);
    outcome o = core_write(c, ENTRY_ALERT, row_doc(&a, &r), false);
    arena_deinit(&a);
    return o;
}

struct doc *learn_alerts(void *ctx, struct arena *arena)
{
    const struct core *c = ctx;
    const struct learn *l = c->learn;
    struct doc *list = doc_list(arena);
    for (size_t i = 0; l && i < l->n_rows; i++)
        doc_add(list, row_doc(arena, &l->rows[(l->next_row + ALARMS_KEPT - 1 - i) % ALARMS_KEPT]));
    return list;
}

/* ---- kept over restarts ---- */

static void path_of(const struct core *c, char *path, size_t size)
{
    snprintf(path, size, "%s/core/profiles", c->state);
}

static void save(const struct core *c)
{
    const struct learn *l = c->learn;
    const uint32_t head[2] = { FILE_FORM, (uint32_t)sizeof(struct device) };
    struct buffer b = BUFFER(sizeof head + DEVICES_MAX * sizeof(struct device));
    char path[600];
    outcome o = buffer_put(&b, bytes_of(head, sizeof head));
    for (size_t i = 0; ok(o) && i < l->n; i++) o = buffer_put(&b, bytes_of(l->at[i], sizeof *l->at[i]));
    path_of(c, path, sizeof path);
    if (ok(o)) (void)!ok(port_file_store(path, buffer_view(&b), 0600)); /* lost: learnt anew */
    buffer_deinit(&b);
}

static void load(struct core *c)
{
    uint32_t head[2] = { 0 };
    struct buffer b = BUFFER(sizeof head + DEVICES_MAX * sizeof(struct device));
    char path[600];
    path_of(c, path, sizeof path);
    if (!ok(port_file_load(path, b.max, &b)) || b.n < sizeof head) {
        buffer_deinit(&b);
        return;
    }
    memcpy(head, b.at, sizeof head);
    bool form = head[0] == FILE_FORM && head[1] == sizeof(struct device) && (b.n - sizeof head) % sizeof(struct device) == 0;
    for (size_t at = sizeof head; form && at < b.n; at += sizeof(struct device)) {
        struct device read;
        memcpy(&read, b.at + at, sizeof read);
        read.id[sizeof read.id - 1] = 0;
        struct device *d = registry_id_valid(bytes_str(read.id)) ? device_of(c->learn, read.id) : NULL;
        if (d) *d = read;
    }
    buffer_deinit(&b);
}

/* People's hours: the machine's own time zone, asked before the sandbox closes its file. */
static int64_t local_offset_ms(void)
{
    time_t now = (time_t)(port_wall_ms() / 1000);
    struct tm tm;
    return localtime_r(&now, &tm) ? (int64_t)tm.tm_gmtoff * 1000 : 0;
}

outcome learn_open(struct core *c)
{
    c->learn = mem_new(sizeof *c->learn);
    if (!c->learn) return REFUSE(E_MEMORY);
    c->learn->offset_ms = local_offset_ms();
    load(c);
    return DONE;
}

void learn_turn(struct core *c, int64_t wall_ms)
{
    struct learn *l = c->learn;
    int64_t mono = port_mono_ms();
    if (!l) return;
    if (!l->interval_ms) l->interval_ms = mono + PROFILE_INTERVAL_S * 1000, l->save_ms = mono + SAVE_EVERY_MS;
    if (mono >= l->interval_ms) {
        interval_over(l, wall_ms + l->offset_ms);
        l->interval_ms = mono + PROFILE_INTERVAL_S * 1000;
    }
    for (size_t i = 0; i < l->n_pending; i++) tell(c, &l->pending[i]);
    l->n_pending = 0;
    if (mono < l->save_ms) return;
    save(c);
    l->save_ms = mono + SAVE_EVERY_MS;
}

void learn_close(struct core *c)
{
    struct learn *l = c->learn;
    if (!l) return;
    save(c);
    for (size_t i = 0; i < l->n; i++) mem_free(l->at[i]);
    mem_free(l->at);
    map_deinit(&l->ids);
    mem_free(l);
    c->learn = NULL;
}
