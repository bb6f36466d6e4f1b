#include "node/alerts.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/learn.h"
#include "node/peers.h"
#include "watch/alert_form.h"

enum { TEXT = 256, NOTES_MAX = 32, AGAIN_MS = 10 * 60000, QUIET_MS = 3600000, FLYING_MAX = 4, ID_TEXT = ALERT_CAUSE_MAX + 24 };

struct going { /* to one place */
    bool owed, flying;
    uint32_t ticket;
    unsigned tries;
    int64_t next_ms; /* mono */
    char why[COURIER_WHY_MAX];
};

struct cause {
    char cause[ALERT_CAUSE_MAX], what[24], device[ID_MAX], group[ID_MAX], text_ja[TEXT], text_en[TEXT];
    int64_t first_ms, last_ms, sent_ms;      /* wall; sent_ms: when one was last decided to be sent */
    uint32_t count, unsent, out_count, number; /* number: how many were sent, part of the id */
    int64_t out_ms;
    char acked_by[64], muted_by[64];         /* "" for nobody */
    int64_t muted_until_ms;
    uint32_t sent, dead;
    struct going to[LETTER_KINDS];
};

struct note { char what[24], device[ID_MAX], name[TEXT], text_ja[TEXT], text_en[TEXT]; };

struct alerts {
    struct cause at[ALERT_CAUSES_MAX];
    size_t n;
    struct note notes[NOTES_MAX];
    size_t n_notes;
    struct config_place place[LETTER_KINDS];
    bool configured[LETTER_KINDS], any;
    uint32_t ticket;
    unsigned flying;
};

static const char *const kinds[LETTER_KINDS] = { [LETTER_SYSLOG] = "syslog", [LETTER_WEBHOOK] = "webhook", [LETTER_MAIL] = "mail" };

static enum alert_level level_of(const char *what)
{
    static const struct { const char *what; enum alert_level level; } rows[] = { { "mission-over", ALERT_CRITICAL }, { "compromised", ALERT_CRITICAL },
        { "limit", ALERT_HIGH }, { "clone", ALERT_CRITICAL }, { "outside-permit", ALERT_HIGH }, { "report-due", ALERT_HIGH }, { "drill", ALERT_LOW } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].what, what) == 0) return rows[i].level;
    return ALERT_MEDIUM;
}

/* "outside-permit.contractor-1": what it is and whose; of what has no device, its name. */
static void cause_text(const struct alert_said *a, char cause[ALERT_CAUSE_MAX])
{
    snprintf(cause, ALERT_CAUSE_MAX, "%.23s.%.63s", a->what, a->device[0] ? a->device : a->name);
    for (char *p = cause; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '.';
        if (!plain) *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : '-';
    }
}

static struct cause *find(struct alerts *l, const char *cause)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->at[i].cause, cause) == 0) return &l->at[i];
    return NULL;
}

static bool busy(const struct cause *g)
{
    for (int k = 0; k < LETTER_KINDS; k++)
        if (g->to[k].owed) return true;
    return false;
}

/* A full table forgets whoever was quiet longest; the record has it still. */
static struct cause *room(struct alerts *l)
{
    if (l->n < ALERT_CAUSES_MAX) return &l->at[l->n++];
    struct cause *oldest = NULL;
    for (size_t i = 0; i < l->n; i++)
        if (!busy(&l->at[i]) && (!oldest || l->at[i].last_ms < oldest->last_ms)) oldest = &l->at[i];
    return oldest;
}

/* ---- whether it goes out ---- */

static bool held_back(const struct cause *g, int64_t wall_ms)
{
    return wall_ms < g->muted_until_ms || g->acked_by[0] || (g->sent_ms && wall_ms - g->sent_ms < AGAIN_MS);
}

static void decide(struct alerts *l, struct cause *g, int64_t wall_ms)
{
    if (!g->unsent || held_back(g, wall_ms)) return;
    g->number++;
    g->out_count = g->unsent;
    g->out_ms = g->last_ms;
    g->unsent = 0;
    g->sent_ms = wall_ms;
    for (int k = 0; k < LETTER_KINDS; k++)
        if (l->configured[k] && !g->to[k].flying) g->to[k] = (struct going) { .owed = true };
}

void alerts_raise(struct core *c, const struct alert_said *a)
{
    char cause[ALERT_CAUSE_MAX];
    if (!c->alerts) return;
    cause_text(a, cause);
    struct cause *g = find(c->alerts, cause);
    bool fresh = !g;
    if (fresh) g = room(c->alerts);
    if (!g) return;
    if (fresh) *g = (struct cause) { .first_ms = a->at_ms };
    if (g->acked_by[0] && a->at_ms - g->last_ms > QUIET_MS) g->acked_by[0] = 0; /* it was over, and comes back */
    snprintf(g->cause, sizeof g->cause, "%s", cause);
    snprintf(g->what, sizeof g->what, "%.23s", a->what);
    snprintf(g->device, sizeof g->device, "%.63s", a->device);
    snprintf(g->group, sizeof g->group, "%.63s", a->group);
    snprintf(g->text_ja, sizeof g->text_ja, "%.255s", a->text_ja);
    snprintf(g->text_en, sizeof g->text_en, "%.255s", a->text_en);
    g->last_ms = a->at_ms;
    g->count++;
    g->unsent++;
    decide(c->alerts, g, a->at_ms);
}

void alerts_note(struct core *c, const struct alert_said *a)
{
    struct alerts *l = c->alerts;
    if (!l || l->n_notes == NOTES_MAX) return;
    struct note *n = &l->notes[l->n_notes++];
    snprintf(n->what, sizeof n->what, "%.23s", a->what);
    snprintf(n->device, sizeof n->device, "%.63s", a->device);
    snprintf(n->name, sizeof n->name, "%.63s", a->name);
    snprintf(n->text_ja, sizeof n->text_ja, "%.250s", a->text_ja);
    snprintf(n->text_en, sizeof n->text_en, "%.250s", a->text_en);
}

void alerts_told(struct core *c, const char *event, const struct doc *d)
{
    bool limit = strcmp(event, "limit") == 0 && strcmp(doc_text(d, "event", ""), "applied") == 0 && doc_bool(d, "enforced", false);
    bool over = strcmp(event, "risk") == 0 && strcmp(doc_text(d, "state", ""), "over") == 0;
    bool event_open = strcmp(event, "event") == 0 && doc_bool(d, "open", false);
    struct alert_said a = { .device = "", .group = "", .name = "" };
    a.text_ja = doc_text(d, over ? "sentence_ja" : "text_ja", "");
    a.text_en = doc_text(d, over ? "sentence_en" : "text_en", "");
    if (limit) a.what = "limit", a.device = doc_text(d, "device", ""), a.name = doc_text(d, "condition_id", "");
    else if (over) a.what = "mission-over", a.name = c->config.site;
    else if (event_open) a.what = "compromised", a.device = doc_text(d, "id", "");
    else return;
    alerts_note(c, &a);
}

/* ---- out ---- */

static void step_entry(struct core *c, const struct cause *g, const char *step, const char *to, const char *why)
{
    struct arena a = ARENA(16384);
    char id[ID_TEXT];
    struct doc *d = doc_map(&a);
    snprintf(id, sizeof id, "%s.%u", g->cause, g->number);
    doc_set_text(&a, d, "step", step);
    doc_set_text(&a, d, "cause", g->cause);
    doc_set_text(&a, d, "id", id);
    doc_set_text(&a, d, "to", to);
    doc_set_text(&a, d, "why", why);
    (void)!ok(core_write(c, ENTRY_ALERT, d, false));
    arena_deinit(&a);
}

static MUST outcome body_of_letter(const struct core *c, const struct cause *g, enum letter_kind k, const char *id, struct buffer *b)
{
    struct alert_out out = { .site = c->config.site, .host = c->config.host, .id = id, .cause = g->cause, .what = g->what, .device = g->device,
        .group = g->group, .text_ja = g->text_ja, .text_en = g->text_en, .at_ms = g->out_ms, .first_ms = g->first_ms, .count = g->out_count,
        .level = level_of(g->what) };
    struct alert_mail m = { c->config.alert_from, c->config.alert_to };
    if (k == LETTER_SYSLOG) return alert_syslog(&out, b);
    return k == LETTER_WEBHOOK ? alert_event(&out, b) : alert_mail_text(&out, &m, b);
}

static void hand_over(struct core *c, struct cause *g, enum letter_kind k)
{
    static uint8_t record[COURIER_PAYLOAD_MAX + 2048];
    struct alerts *l = c->alerts;
    struct going *t = &g->to[k];
    struct buffer b = BUFFER(COURIER_PAYLOAD_MAX);
    char id[ID_TEXT];
    const struct config_place *p = &l->place[k];
    snprintf(id, sizeof id, "%s.%u", g->cause, g->number);
    if (ok(body_of_letter(c, g, k, id, &b))) {
        struct out o = out_of(record, sizeof record);
        t->ticket = ++l->ticket;
        courier_put_letter(&o, &(struct courier_letter) { t->ticket, k, bytes_str(p->host), bytes_str(p->path), p->port, p->plain,
            bytes_str(c->config.alert_from), bytes_str(c->config.alert_to), bytes_str(id), buffer_view(&b) });
        courier_tell(c, out_view(&o));
        t->flying = true;
        t->tries++;
        l->flying++;
    }
    buffer_deinit(&b);
}

/* Seconds until the next attempt, the n-th having failed. */
static int64_t pause_ms(unsigned tries)
{
    static const int seconds[] = { 1, 2, 5, 15, 60, 300, 900, 3600 };
    size_t i = tries && tries <= sizeof seconds / sizeof *seconds ? tries - 1 : sizeof seconds / sizeof *seconds - 1;
    return seconds[i] * 1000LL;
}

void alerts_lettered(struct core *c, const struct courier_lettered *w)
{
    struct alerts *l = c->alerts;
    for (size_t i = 0; l && i < l->n; i++)
        for (int k = 0; k < LETTER_KINDS; k++) {
            struct cause *g = &l->at[i];
            struct going *t = &g->to[k];
            if (!t->flying || t->ticket != w->ticket) continue;
            t->flying = false;
            l->flying -= l->flying > 0;
            if (!ok(bytes_to_text(w->why, t->why, sizeof t->why))) t->why[0] = 0;
            t->next_ms = port_mono_ms() + pause_ms(t->tries);
            if (!w->good && t->tries < c->config.alert_tries) return;
            t->owed = false;
            g->sent += w->good;
            g->dead += !w->good;
            step_entry(c, g, w->good ? "sent" : "dead", kinds[k], w->good ? "" : t->why);
            return;
        }
}

void alerts_courier_gone(struct core *c)
{
    struct alerts *l = c->alerts;
    for (size_t i = 0; l && i < l->n; i++)
        for (int k = 0; k < LETTER_KINDS; k++) l->at[i].to[k].flying = false;
    if (l) l->flying = 0;
}

static void write_notes(struct core *c)
{
    struct alerts *l = c->alerts;
    for (size_t i = 0; i < l->n_notes; i++) {
        const struct note *n = &l->notes[i];
        learn_said(c, &(struct alert_said) { n->what, n->device, "", n->name, n->text_ja, n->text_en, core_wall(c) });
    }
    l->n_notes = 0;
}

void alerts_turn(struct core *c, int64_t wall_ms, int64_t mono_ms)
{
    struct alerts *l = c->alerts;
    if (!l) return;
    write_notes(c);
    if (!l->any) return;
    for (size_t i = 0; i < l->n; i++) {
        struct cause *g = &l->at[i];
        decide(l, g, wall_ms);
        for (int k = 0; k < LETTER_KINDS; k++) {
            struct going *t = &g->to[k];
            if (!t->owed || t->flying || mono_ms < t->next_ms || l->flying >= FLYING_MAX) continue;
            if (!ok(peers_need_courier(c))) continue;
            hand_over(c, g, (enum letter_kind)k);
        }
    }
}

/* ---- people's steps, and the record's ---- */

static void apply_step(struct cause *g, const struct doc *d)
{
    const char *step = doc_text(d, "step", ""), *by = doc_text(d, "by", "");
    if (strcmp(step, "ack") == 0) snprintf(g->acked_by, sizeof g->acked_by, "%.63s", by);
    if (strcmp(step, "unmute") == 0) g->muted_until_ms = 0, g->muted_by[0] = 0;
    if (strcmp(step, "mute") == 0) {
        snprintf(g->muted_by, sizeof g->muted_by, "%.63s", by);
        g->muted_until_ms = doc_int(d, "until_ms", 0);
    }
    bool sent = strcmp(step, "sent") == 0, dead = strcmp(step, "dead") == 0;
    for (int k = 0; (sent || dead) && k < LETTER_KINDS; k++)
        if (strcmp(doc_text(d, "to", ""), kinds[k]) == 0) g->to[k].owed = false;
    g->sent += sent;
    g->dead += dead;
}

void alerts_replay(struct core *c, const struct doc *d)
{
    struct cause *g = c->alerts ? find(c->alerts, doc_text(d, "cause", "")) : NULL;
    if (g) apply_step(g, d);
}

outcome alerts_step(void *ctx, const struct alert_step *s)
{
    struct core *c = ctx;
    struct arena a = ARENA(16384);
    if (!c->alerts) return REFUSE(E_UNSUPPORTED);
    if (strcmp(s->step, "test") == 0) {
        alerts_note(c, &(struct alert_said) { "drill", "", "", s->by, "訓練：警報の届き先を確かめる", "drill: whether alerts arrive", 0 });
        return DONE;
    }
    struct cause *g = find(c->alerts, s->cause);
    bool mute = strcmp(s->step, "mute") == 0;
    if (!g || (!mute && strcmp(s->step, "ack") != 0 && strcmp(s->step, "unmute") != 0)) return REFUSE(E_UNKNOWN);
    int64_t now = core_wall(c);
    if (mute && (s->until_ms <= now || s->until_ms - now > 30 * MS_DAY)) return REFUSE(E_RANGE);
    struct doc *d = doc_map(&a);
    doc_set_text(&a, d, "step", s->step);
    doc_set_text(&a, d, "cause", g->cause);
    doc_set_text(&a, d, "by", s->by);
    doc_set_text(&a, d, "reason", s->reason);
    if (mute) doc_set_int(&a, d, "until_ms", s->until_ms);
    outcome o = core_write(c, ENTRY_ALERT, d, true);
    if (ok(o)) apply_step(g, d);
    if (ok(o) && c->service) service_event(c->service, "alert", d);
    arena_deinit(&a);
    return o;
}

static struct doc *cause_doc(struct arena *a, const struct alerts *l, const struct cause *g, int64_t wall_ms)
{
    static const char *const levels[] = { [ALERT_LOW] = "low", [ALERT_MEDIUM] = "medium", [ALERT_HIGH] = "high", [ALERT_CRITICAL] = "critical" };
    struct doc *d = doc_map(a), *waiting = doc_list(a);
    bool muted = wall_ms < g->muted_until_ms;
    doc_set_text(a, d, "cause", g->cause);
    doc_set_text(a, d, "what", g->what);
    doc_set_text(a, d, "device", g->device);
    doc_set_text(a, d, "group", g->group);
    doc_set_text(a, d, "level", levels[level_of(g->what)]);
    doc_set_int(a, d, "count", g->count);
    doc_set_time(a, d, "first", g->first_ms);
    doc_set_time(a, d, "last", g->last_ms);
    doc_set_text(a, d, "state", muted ? "muted" : g->acked_by[0] ? "acknowledged" : "open");
    doc_set_text(a, d, "state_ja", muted ? "通知停止中" : g->acked_by[0] ? "対応中" : "未対応");
    doc_set_text(a, d, "state_en", muted ? "muted" : g->acked_by[0] ? "in hand" : "open");
    doc_set_text(a, d, "by", muted ? g->muted_by : g->acked_by);
    doc_set_time(a, d, "muted_until", muted ? g->muted_until_ms : 0);
    doc_set_text(a, d, "text_ja", g->text_ja);
    doc_set_text(a, d, "text_en", g->text_en);
    doc_set_int(a, d, "sent", g->sent);
    doc_set_int(a, d, "dead", g->dead);
    for (int k = 0; k < LETTER_KINDS; k++) {
        if (!l->configured[k] || !g->to[k].owed) continue;
        struct doc *m = doc_map(a);
        doc_set_text(a, m, "to", kinds[k]);
        doc_set_text(a, m, "why", g->to[k].why);
        doc_set_int(a, m, "tries", g->to[k].tries);
        doc_add(waiting, m);
    }
    doc_set(a, d, "waiting", waiting);
    return d;
}

static int newest_first(const void *a, const void *b)
{
    const struct cause *const *x = a, *const *y = b;
    return (*x)->last_ms < (*y)->last_ms ? 1 : (*x)->last_ms > (*y)->last_ms ? -1 : strcmp((*x)->cause, (*y)->cause);
}

struct doc *alerts_causes(void *ctx, struct arena *a)
{
    struct core *c = ctx;
    struct alerts *l = c->alerts;
    const struct cause *order[ALERT_CAUSES_MAX];
    struct doc *list = doc_list(a);
    for (size_t i = 0; l && i < l->n; i++) order[i] = &l->at[i];
    if (l && l->n) qsort(order, l->n, sizeof *order, newest_first);
    for (size_t i = 0; l && i < l->n; i++) doc_add(list, cause_doc(a, l, order[i], core_wall(c)));
    return list;
}

/* ---- start ---- */

outcome alerts_open(struct core *c)
{
    const char *const texts[LETTER_KINDS] = { [LETTER_SYSLOG] = c->config.alert_syslog, [LETTER_WEBHOOK] = c->config.alert_webhook,
        [LETTER_MAIL] = c->config.alert_mail };
    struct alerts *l = c->alerts = mem_new(sizeof *l);
    if (!l) return REFUSE(E_MEMORY);
    for (int k = 0; k < LETTER_KINDS; k++) {
        if (strcmp(texts[k], "off") == 0) continue;
        TRY(config_place_read(texts[k], k == LETTER_WEBHOOK, &l->place[k]));
        const char *host = l->place[k].host; /* this machine's own mail server takes mail without TLS */
        l->place[k].plain |= k == LETTER_MAIL && (strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0);
        l->configured[k] = l->any = true;
    }
    return DONE;
}

void alerts_close(struct core *c)
{
    mem_free(c->alerts);
    c->alerts = NULL;
}
