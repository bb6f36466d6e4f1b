/* What sessions promise beyond a crash, as ENTRY_SESSION documents, and the way back:
 *   {"what":"open","session","who","expiry","next"}   a session, or one that came back; next: its cursor
 *   {"what":"close","session"}
 *   {"what":"subscribe","session","filter","options","id"} · {"what":"unsubscribe","session","filter"}
 *   {"what":"cursor","session","next","from","away","packet"}  packet: the identifier given last, so that none is given
 *       again at once to who may still acknowledge it; all below next is done; the client's identifiers that are not
 *       free came at from or later; away: since when without a link, or 0
 *   {"what":"released","session","packet"}            the client's QoS 2 identifier is free again
 *   {"what":"sent"|"taken"|"done","session","packet","index"} ours: sent, PUBREC came, PUBCOMP came; index -1: the
 *       message was in memory only and is lost with it, so that after a crash PUBREL frees the identifier
 *   {"what":"assigned","session","index","qos","id"}  a shared subscription gave it to this session
 * The client's QoS 2 identifier itself is in the entry of its message: one entry, so both or neither. */
#include "platform/exchange_internal.h"

#define CURSOR_LAG 50000

struct seen { /* while replaying */
    struct receiving *released; /* when each identifier was last freed */
    uint64_t *sent;             /* indexes that were sent at QoS 2 */
    uint32_t released_n, released_cap, sent_n, sent_cap;
};

bool durable_is(const struct exchange *x, const struct session *s)
{
    return x->port.session && s->noted;
}

static struct doc *words(struct arena *a, const struct session *s, const char *what)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "what", what);
    doc_set_text(a, d, "session", s->client_id);
    return d;
}

/* Frees the arena. */
static MUST outcome append(struct exchange *x, struct arena *a, const struct doc *d, uint64_t *ret_index)
{
    outcome o = d ? x->port.session(x->port.ctx, d, ret_index) : REFUSE(E_MEMORY);
    arena_deinit(a);
    if (ok(o) && *ret_index >= x->next_index) x->next_index = *ret_index + 1;
    return o;
}

outcome durable_barrier(struct exchange *x, struct session *s, uint64_t index)
{
    if (index < x->durable || index < s->barrier) return DONE;
    struct pending p = { index, session_handle(x, s), s->epoch, 0, 0 };
    TRY(pending_put(x, &p));
    s->barrier = index + 1;
    return DONE;
}

/* Written, and nothing more is said to the client before it is durable. */
static MUST outcome append_first(struct exchange *x, struct session *s, struct arena *a, const struct doc *d)
{
    uint64_t index = 0;
    outcome o = pending_room(x); /* so that the barrier cannot fail */
    if (!ok(o)) {
        arena_deinit(a);
        return o;
    }
    TRY(append(x, a, d, &index));
    return durable_barrier(x, s, index);
}

static uint64_t cursor_of(const struct exchange *x, const struct session *s)
{
    uint64_t least = x->next_index;
    for (uint32_t i = 0; i < s->flights_n; i++)
        if (s->flights[i].index < least && !s->flights[i].noted) least = s->flights[i].index;
    for (uint32_t i = 0; i < s->queue_n; i++) {
        uint64_t index = s->queue[(s->queue_at + i) % s->queue_cap].index;
        if (index == NO_INDEX) continue;
        if (index < least) least = index;
        break; /* they wait in order */
    }
    return least;
}

static uint64_t from_of(const struct exchange *x, const struct session *s)
{
    uint64_t least = x->next_index;
    for (uint32_t i = 0; i < s->receiving_n; i++)
        if (s->receiving[i].index < least) least = s->receiving[i].index;
    return least;
}

outcome durable_open(struct exchange *x, struct session *s)
{
    struct arena a = ARENA(65536);
    if (!x->port.session || (!s->expiry_s && !s->noted)) return DONE;
    struct doc *d = words(&a, s, "open");
    doc_set_text(&a, d, "who", s->who->id);
    doc_set_int(&a, d, "expiry", s->expiry_s);
    s->cursor = cursor_of(x, s);
    s->from = from_of(x, s);
    doc_set_int(&a, d, "next", (int64_t)s->cursor);
    doc_set_int(&a, d, "from", (int64_t)s->from);
    outcome o = append_first(x, s, &a, d);
    if (ok(o)) s->noted = true;
    return o.code == E_UNSUPPORTED ? DONE : o;
}

void durable_close(struct exchange *x, struct session *s)
{
    struct arena a = ARENA(65536);
    uint64_t index;
    if (!durable_is(x, s)) return;
    (void)!ok(append(x, &a, words(&a, s, "close"), &index)); /* unwritten: it expires after the next start */
}

outcome durable_subscribe(struct exchange *x, struct session *s, uint32_t sub, struct bytes filter)
{
    struct arena a = ARENA(65536);
    struct sub *u = &x->subs[sub];
    if (!durable_is(x, s)) return DONE;
    struct doc *d = words(&a, s, "subscribe");
    doc_set_text(&a, d, "filter", arena_text(&a, filter));
    doc_set_int(&a, d, "options", u->qos | (u->no_local ? 4 : 0) | (u->as_published ? 8 : 0));
    doc_set_int(&a, d, "id", u->id);
    return append_first(x, s, &a, d);
}

outcome durable_unsubscribe(struct exchange *x, struct session *s, struct bytes filter)
{
    struct arena a = ARENA(65536);
    if (!durable_is(x, s)) return DONE;
    struct doc *d = words(&a, s, "unsubscribe");
    doc_set_text(&a, d, "filter", arena_text(&a, filter));
    uint64_t index;
    return s->online ? append_first(x, s, &a, d) : append(x, &a, d, &index);
}

outcome durable_released(struct exchange *x, struct session *s, uint16_t id)
{
    struct arena a = ARENA(65536);
    if (!durable_is(x, s)) return DONE;
    struct doc *d = words(&a, s, "released");
    doc_set_int(&a, d, "packet", id);
    return append_first(x, s, &a, d);
}

outcome durable_flight(struct exchange *x, struct session *s, const char *what, uint16_t id, uint64_t index, bool wait)
{
    struct arena a = ARENA(65536);
    uint64_t at;
    if (!durable_is(x, s)) return DONE;
    struct doc *d = words(&a, s, what);
    doc_set_int(&a, d, "packet", id);
    doc_set_int(&a, d, "index", index == NO_INDEX ? -1 : (int64_t)index);
    return wait ? append_first(x, s, &a, d) : append(x, &a, d, &at);
}

outcome durable_assigned(struct exchange *x, struct session *s, const struct waiting *w, uint64_t *ret_index)
{
    struct arena a = ARENA(65536);
    *ret_index = w->index;
    if (!durable_is(x, s)) return DONE;
    struct doc *d = words(&a, s, "assigned");
    doc_set_int(&a, d, "index", (int64_t)w->index);
    doc_set_int(&a, d, "qos", w->qos);
    doc_set_int(&a, d, "id", w->sub_id);
    return append(x, &a, d, ret_index);
}

void durable_cursor(struct exchange *x, struct session *s)
{
    struct arena a = ARENA(65536);
    uint64_t index;
    s->dirty = false;
    if (!durable_is(x, s)) return;
    struct doc *d = words(&a, s, "cursor");
    s->cursor = cursor_of(x, s);
    s->from = from_of(x, s);
    doc_set_int(&a, d, "next", (int64_t)s->cursor);
    doc_set_int(&a, d, "from", (int64_t)s->from);
    doc_set_int(&a, d, "away", s->online ? 0 : wall(x));
    doc_set_int(&a, d, "packet", s->next_id);
    /* unwritten, more is repeated after a crash */
    if (!ok(append(x, &a, d, &index))) s->dirty = x->dirty = true;
}

/* Those that moved, and now and then those that were left behind, so that a start need not read far back. */
void durable_cursors(struct exchange *x)
{
    bool lag = x->next_index >= x->lag_index + CURSOR_LAG;
    x->dirty = false;
    if (lag) x->lag_index = x->next_index;
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        struct session *s = &x->sessions[i];
        bool left = lag && s->noted && s->online && s->cursor + CURSOR_LAG <= x->next_index;
        if (s->used && s->client_id && (s->dirty || left)) durable_cursor(x, s);
    }
}

/* ---- the way back ---- */

void durable_forget(struct session *s)
{
    if (!s->seen) return;
    mem_free(s->seen->released);
    mem_free(s->seen->sent);
    mem_free(s->seen);
    s->seen = NULL;
}

static struct session *named(struct exchange *x, const char *client_id)
{
    uintptr_t found = (uintptr_t)map_get(&x->clients, bytes_str(client_id));
    return found ? &x->sessions[found - 1] : NULL;
}

static MUST outcome reopen(struct exchange *x, const char *client_id, const struct identity *who, struct session **ret)
{
    struct session *s = NULL;
    TRY(session_slot(x, &s));
    s->client_id = mem_text(bytes_str(client_id));
    s->seen = mem_new(sizeof *s->seen);
    bool good = s->client_id && s->seen
        && ok(map_put(&x->clients, bytes_str(client_id), (void *)((uintptr_t)(s - x->sessions) + 1)));
    if (!good) {
        mem_free(s->client_id);
        mem_free(s->seen);
        session_slot_free(x, s);
        return REFUSE(E_MEMORY);
    }
    s->who = who;
    s->standing = standing_of(who);
    s->version = 5;
    s->noted = true;
    x->counts.sessions++;
    x->counts.offline++;
    *ret = s;
    return DONE;
}

static MUST outcome replay_open(struct exchange *x, struct session *s, uint64_t index, const struct doc *d)
{
    const struct identity *who = registry_identity(x->access->registry, doc_text(d, "who", ""));
    if (!who) return DONE; /* destroyed since: nobody can come back to it */
    if (!s) {
        TRY(reopen(x, doc_text(d, "session", ""), who, &s));
        s->opened = index;
    }
    s->expiry_s = (uint32_t)doc_int(d, "expiry", 0);
    s->cursor = (uint64_t)doc_int(d, "next", 0);
    s->from = (uint64_t)doc_int(d, "from", 0);
    s->offline_ms = 0;
    return DONE;
}

static MUST outcome replay_subscribe(struct exchange *x, struct session *s, uint64_t index, const struct doc *d)
{
    int64_t options = doc_int(d, "options", 0);
    struct bytes filter = bytes_str(doc_text(d, "filter", ""));
    struct sub like = { .qos = (uint8_t)(options & 3), .no_local = options & 4, .as_published = options & 8,
        .id = (uint32_t)doc_int(d, "id", 0), .since = index };
    bool fresh;
    if (!mqtt_filter_valid(filter)) return REFUSE(E_MALFORMED);
    return sub_put(x, s, filter, &like, &fresh);
}

static MUST outcome replay_released(struct session *s, uint16_t id, uint64_t index)
{
    struct seen *k = s->seen;
    for (uint32_t i = 0; i < k->released_n; i++)
        if (k->released[i].id == id) {
            k->released[i].index = index;
            return DONE;
        }
    if (k->released_n == k->released_cap) {
        uint32_t cap = k->released_cap ? k->released_cap * 2 : 16;
        struct receiving *more = mem_grow(k->released, cap * sizeof *more);
        if (!more) return REFUSE(E_MEMORY);
        k->released = more;
        k->released_cap = cap;
    }
    k->released[k->released_n++] = (struct receiving) { id, index };
    return DONE;
}

static MUST outcome remember_sent(struct session *s, uint64_t index)
{
    struct seen *k = s->seen;
    if (k->sent_n == k->sent_cap) {
        uint32_t cap = k->sent_cap ? k->sent_cap * 2 : 16;
        uint64_t *more = mem_grow(k->sent, cap * sizeof *more);
        if (!more) return REFUSE(E_MEMORY);
        k->sent = more;
        k->sent_cap = cap;
    }
    k->sent[k->sent_n++] = index;
    return DONE;
}

static MUST outcome replay_flight(struct exchange *x, struct session *s, const char *what, const struct doc *d)
{
    uint16_t id = (uint16_t)doc_int(d, "packet", 0);
    int64_t at = doc_int(d, "index", -1);
    uint64_t index = at < 0 ? NO_INDEX : (uint64_t)at;
    uint32_t i = 0;
    while (i < s->flights_n && s->flights[i].id != id) i++;
    if (strcmp(what, "sent") == 0) {
        struct flight f = { .id = id, .qos = 2, .index = index, .noted = true, .released = index == NO_INDEX };
        if (i < s->flights_n || id == 0) return REFUSE(E_MALFORMED);
        TRY(flight_reserve(s, s->flights_n + 1));
        flight_add(s, &f);
        s->next_id = id;
        if (index == NO_INDEX) return DONE;
        queue_forget(x, s, index, index + 1);
        return remember_sent(s, index);
    }
    if (i == s->flights_n) return DONE;
    s->flights[i].released = true;
    if (strcmp(what, "taken") == 0) return DONE;
    memmove(&s->flights[i], &s->flights[i + 1], (s->flights_n - i - 1) * sizeof s->flights[0]);
    s->flights_n--;
    return DONE;
}

static MUST outcome replay_assigned(struct exchange *x, struct session *s, const struct doc *d)
{
    struct waiting w = { .index = (uint64_t)doc_int(d, "index", 0), .qos = (uint8_t)(doc_int(d, "qos", 1) & 3),
        .sub_id = (uint32_t)doc_int(d, "id", 0) };
    return w.index < s->cursor ? DONE : queue_push(x, s, w);
}

static void replay_cursor(struct exchange *x, struct session *s, const struct doc *d)
{
    struct seen *k = s->seen;
    uint32_t kept = 0;
    s->cursor = (uint64_t)doc_int(d, "next", 0);
    s->from = (uint64_t)doc_int(d, "from", 0);
    s->offline_ms = doc_int(d, "away", 0);
    s->next_id = (uint16_t)doc_int(d, "packet", s->next_id);
    queue_forget(x, s, 0, s->cursor);
    for (uint32_t i = 0; i < k->sent_n; i++)
        if (k->sent[i] >= s->cursor) k->sent[kept++] = k->sent[i];
    k->sent_n = kept;
}

outcome exchange_replay(struct exchange *x, uint64_t index, const struct doc *d)
{
    x->replaying = true;
    const char *what = doc_text(d, "what", "");
    struct session *s = named(x, doc_text(d, "session", ""));
    if (strcmp(what, "open") == 0) return replay_open(x, s, index, d);
    if (!s) return DONE;
    if (strcmp(what, "close") == 0) {
        s->noted = false; /* it is written already */
        session_destroy(x, s);
    } else if (strcmp(what, "subscribe") == 0) {
        return replay_subscribe(x, s, index, d);
    } else if (strcmp(what, "unsubscribe") == 0) {
        (void)sub_take(x, s, bytes_str(doc_text(d, "filter", "")));
    } else if (strcmp(what, "cursor") == 0) {
        replay_cursor(x, s, d);
    } else if (strcmp(what, "released") == 0) {
        return replay_released(s, (uint16_t)doc_int(d, "packet", 0), index);
    } else if (strcmp(what, "assigned") == 0) {
        return replay_assigned(x, s, d);
    } else {
        return replay_flight(x, s, what, d);
    }
    return DONE;
}

static bool was_sent(const struct session *s, uint64_t index)
{
    for (uint32_t i = 0; i < s->seen->sent_n; i++)
        if (s->seen->sent[i] == index) return true;
    return false;
}

/* The client's identifier came with the message; is it still in use? */
static MUST outcome replay_receiving(struct exchange *x, uint64_t index, const struct message *m)
{
    struct session *s = m->session ? named(x, m->session) : NULL;
    if (!s || !s->seen || s->opened > index || s->from > index) return DONE;
    for (uint32_t i = 0; i < s->seen->released_n; i++)
        if (s->seen->released[i].id == m->packet_id && s->seen->released[i].index > index) return DONE;
    if (receiving_find(s, m->packet_id)) return DONE;
    return receiving_put(s, m->packet_id, index);
}

static MUST outcome replay_waiting(struct exchange *x, uint64_t index, const struct message *m)
{
    if (m->qos == 0) return DONE;
    TRY(sub_collect(x, m->topic, (struct handle) { NONE, 0 }));
    for (uint32_t i = 0; i < x->destinations_n; i++) {
        const struct destination *d = &x->destinations[i];
        struct session *s = d->tap || d->share != NONE ? NULL : session_of(x, d->owner);
        if (!s || !s->seen || d->qos == 0 || index < s->cursor || index < d->since || was_sent(s, index)) continue;
        struct waiting w = { .index = index, .qos = m->qos < d->qos ? m->qos : d->qos, .retain = m->retain && d->as_published };
        if (!ok(queue_push(x, s, w))) x->counts.dropped++;
    }
    return DONE;
}

uint64_t exchange_replay_from(const struct exchange *x)
{
    uint64_t least = NO_INDEX;
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        const struct session *s = &x->sessions[i];
        if (!s->used || !s->seen) continue;
        if (s->cursor < least) least = s->cursor;
        if (s->from < least) least = s->from;
    }
    return least;
}

outcome exchange_restore_recorded(struct exchange *x, uint64_t index, const struct recorded *r)
{
    struct cargo c;
    if (!mqtt_topic_valid(r->m.topic)) return REFUSE(E_MALFORMED);
    cargo_from_recorded(x, &c, r, index, PATH_RETAINED);
    outcome o = c.command ? REFUSE(E_DENIED) : retained_put(x, &c);
    cargo_done(x, &c);
    return o;
}

outcome exchange_replay_data(struct exchange *x, uint64_t index, const struct recorded *r)
{
    if (!mqtt_topic_valid(r->m.topic)) return REFUSE(E_MALFORMED);
    TRY(replay_receiving(x, index, &r->m));
    return replay_waiting(x, index, &r->m);
}

void exchange_replayed(struct exchange *x, uint64_t size)
{
    int64_t now = mono(x), today = wall(x);
    x->replaying = false;
    x->next_index = x->durable = size;
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        struct session *s = &x->sessions[i];
        if (!s->used || !s->seen) continue;
        durable_forget(s);
        int64_t away_ms = s->offline_ms ? today - s->offline_ms : 0;
        if (away_ms < 0) away_ms = 0; /* the clock was set back: longer rather than lost */
        s->offline_ms = now - away_ms;
        s->expires_ms = s->expiry_s == UINT32_MAX ? NEVER : s->offline_ms + (int64_t)s->expiry_s * 1000;
        session_timer(x, s->expires_ms);
    }
}
