/* What waits for a slow session: a bounded ring of shared parcels. */
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
    return w->stored ? 0 : w->parcel->size;
}

/* There is room in the ring; bounds were looked at when it first came. */
static void append(struct exchange *x, struct session *s, struct waiting w)
{
    assert(s->queue_n < s->queue_cap);
    s->queue[(s->queue_at + s->queue_n++) % s->queue_cap] = w;
    (void)parcel_share(w.parcel);
    s->queue_bytes += weight(&w);
    s->queued_commands += w.parcel->command;
    x->queued_commands += w.parcel->command;
}

outcome queue_push(struct exchange *x, struct session *s, struct waiting w)
{
    /* what is stored anyway costs only its place: a whole retained state may wait */
    uint32_t bound = w.stored ? x->bounds.retained + x->bounds.queue : x->bounds.queue;
    if (s->queue_n >= bound || s->queue_bytes + weight(&w) > SESSION_QUEUE_BYTES_MAX) return REFUSE(E_FULL);
    TRY(queue_room(s));
    append(x, s, w);
    return DONE;
}

/* The parcel's count goes to the caller. */
bool queue_pop(struct exchange *x, struct session *s, struct waiting *ret)
{
    if (s->queue_n == 0) return false;
    *ret = s->queue[s->queue_at];
    s->queue_at = (s->queue_at + 1) % s->queue_cap;
    s->queue_n--;
    s->queue_bytes -= weight(ret);
    s->queued_commands -= ret->parcel->command;
    x->queued_commands -= ret->parcel->command;
    return true;
}

/* A command's own device did not get it. An observer's copy is not worth a word. */
static void tell_lost(struct exchange *x, const struct session *s, struct parcel *p, const char *what, const char *word)
{
    struct cargo c;
    if (!p->command || !command_is_for(x, p->topic, s->who)) return;
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
        parcel_drop(x, w.parcel);
    }
    mem_free(s->queue);
    s->queue = NULL;
    s->queue_cap = s->queue_at = 0;
}

/* One turn of the whole ring: what is still good goes back to its end, in order. */
static void sweep_one(struct exchange *x, struct session *s, int64_t now)
{
    struct waiting w;
    for (uint32_t left = s->queue_n; left && queue_pop(x, s, &w); left--) {
        bool gone = w.parcel->command && w.parcel->expires_ms <= now;
        if (gone) tell_lost(x, s, w.parcel, "command-expired", "expired");
        x->counts.dropped += gone;
        if (!gone) append(x, s, w);
        parcel_drop(x, w.parcel);
    }
}

void queue_sweep(struct exchange *x)
{
    int64_t now = mono(x);
    for (uint32_t i = 0; i < x->sessions_top && x->queued_commands; i++)
        if (x->sessions[i].used && x->sessions[i].queued_commands) sweep_one(x, &x->sessions[i], now);
}
