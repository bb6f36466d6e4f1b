/* What waits for a session that is slow or away: a bounded ring of shared parcels, and of places in the ledger. */
#include "platform/exchange_internal.h"

static MUST outcome queue_room(struct session *s)
{
    if (s->queue_n < s->queue_cap) return DONE;
    uint32_t cap = s->queue_cap ? s->queue_cap * 2 : 16;
    struct waiting *queue = mem_new_array(cap, sizeof *queue);
    if (!queue) return REFUSE(E_MEMORY);
    for (uint32_t i = 0; i < s->queue_n; i++) queue[i] = s->queue[(s->queue_at + i) % s->queue_cap];
    mem_free(s->queue);
    s->queue = queue;
    s->queue_at = 0;
    s->queue_cap = cap;
    return DONE;
}

static size_t weight(const struct waiting *w)
{
    return w->stored || !w->parcel ? 0 : w->parcel->size;
}

static bool is_command(const struct waiting *w)
{
    return w->parcel && w->parcel->command;
}

/* There is room in the ring; bounds were looked at when it first came. */
static void append(struct exchange *x, struct session *s, struct waiting w)
{
    assert(s->queue_n < s->queue_cap);
    s->queue[(s->queue_at + s->queue_n++) % s->queue_cap] = w;
    if (w.parcel) (void)parcel_share(w.parcel);
    s->queue_bytes += weight(&w);
    s->queue_kept += w.parcel != NULL;
    x->cursors_n += w.parcel == NULL;
    s->queued_commands += is_command(&w);
    x->queued_commands += is_command(&w);
}

outcome queue_push(struct exchange *x, struct session *s, struct waiting w)
{
    if (w.parcel) { /* what is stored anyway costs only its place: a whole retained state may wait */
        uint32_t bound = w.stored ? x->bounds.retained + x->bounds.queue : x->bounds.queue;
        if (s->queue_kept >= bound || s->queue_bytes + weight(&w) > SESSION_QUEUE_BYTES_MAX) return REFUSE(E_FULL);
    } else if (s->queue_n >= x->bounds.offline || x->cursors_n >= x->bounds.cursors) {
        return REFUSE(E_FULL);
    }
    TRY(queue_room(s));
    append(x, s, w);
    return DONE;
}

const struct waiting *queue_first(const struct session *s)
{
    return s->queue_n ? &s->queue[s->queue_at] : NULL;
}

/* The parcel's count goes to the caller. */
bool queue_pop(struct exchange *x, struct session *s, struct waiting *ret)
{
    if (s->queue_n == 0) return false;
    *ret = s->queue[s->queue_at];
    s->queue_at = (s->queue_at + 1) % s->queue_cap;
    s->queue_n--;
    s->queue_bytes -= weight(ret);
    s->queue_kept -= ret->parcel != NULL;
    x->cursors_n -= ret->parcel == NULL;
    s->queued_commands -= is_command(ret);
    x->queued_commands -= is_command(ret);
    return true;
}

/* A command's own device did not get it. An observer's copy is not worth a word. */
static void tell_lost(struct exchange *x, const struct session *s, struct parcel *p, const char *what, const char *word)
{
    struct cargo c;
    if (!p || !p->command || !command_is_for(x, p->topic, s->who)) return;
    struct verdict v = { .ruling = RULING_DENY, .reason = MQTT_NOT_AUTHORIZED, .word = word };
    cargo_from_parcel(x, &c, p, PATH_QUEUE);
    tell(x, what, &c.m, &v, NULL);
    cargo_done(x, &c);
}

void queue_clear(struct exchange *x, struct session *s)
{
    struct waiting w;
    while (queue_pop(x, s, &w)) {
        tell_lost(x, s, w.parcel, "command-dropped", "link-closed");
        x->counts.dropped++;
        if (w.parcel) parcel_drop(x, w.parcel);
    }
    mem_free(s->queue);
    s->queue = NULL;
    s->queue_cap = s->queue_at = 0;
}

/* Does it go? what and word: how the device of a command is told. */
struct sorting {
    bool (*goes)(struct exchange *x, const struct session *s, const struct waiting *w, const struct sorting *how);
    const char *what, *word;
    uint64_t from, below;
};

/* One turn of the whole ring: what is still good goes back to its end, in order. */
static void sort_out(struct exchange *x, struct session *s, const struct sorting *how)
{
    struct waiting w;
    for (uint32_t left = s->queue_n; left && queue_pop(x, s, &w); left--) {
        bool gone = how->goes(x, s, &w, how);
        if (gone && how->what) tell_lost(x, s, w.parcel, how->what, how->word);
        x->counts.dropped += gone && how->what;
        if (!gone) append(x, s, w);
        if (w.parcel) parcel_drop(x, w.parcel);
    }
}

static bool late_command(struct exchange *x, const struct session *s, const struct waiting *w, const struct sorting *how)
{
    (void)s;
    (void)how;
    return is_command(w) && w->parcel->expires_ms <= mono(x);
}

static bool own_command(struct exchange *x, const struct session *s, const struct waiting *w, const struct sorting *how)
{
    (void)how;
    return is_command(w) && command_is_for(x, w->parcel->topic, s->who);
}

static bool in_range(struct exchange *x, const struct session *s, const struct waiting *w, const struct sorting *how)
{
    (void)x;
    (void)s;
    return w->index != NO_INDEX && w->index >= how->from && w->index < how->below;
}

void queue_rest(struct exchange *x, struct session *s)
{
    static const struct sorting how = { own_command, "command-dropped", "link-closed", 0, 0 };
    if (s->queued_commands) sort_out(x, s, &how);
}

void queue_forget(struct exchange *x, struct session *s, uint64_t from, uint64_t below)
{
    struct sorting how = { in_range, NULL, NULL, from, below };
    if (s->queue_n) sort_out(x, s, &how);
}

void queue_sweep(struct exchange *x)
{
    static const struct sorting how = { late_command, "command-expired", "expired", 0, 0 };
    for (uint32_t i = 0; i < x->sessions_top && x->queued_commands; i++)
        if (x->sessions[i].used && x->sessions[i].queued_commands) sort_out(x, &x->sessions[i], &how);
}
