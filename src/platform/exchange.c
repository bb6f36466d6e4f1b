/* The exchange's life and what the rest of the house calls. */
#include "platform/exchange_internal.h"

#define OUT_BYTES_MAX(bounds) ((size_t)(bounds)->packet_bytes + 65536)

static MUST outcome prepare(struct exchange *x)
{
    TRY(tree_init(&x->filters, (x->bounds.subscriptions + TAPS_MAX) * 4 + 16));
    TRY(tree_memo_init(&x->filters));
    TRY(tree_init(&x->topics, x->bounds.retained * 4 + 16));
    x->sessions = mem_new_array(x->bounds.sessions, sizeof *x->sessions);
    if (!x->sessions) return REFUSE(E_MEMORY);
    return buffer_reserve(&x->out, 4096);
}

outcome exchange_new(const struct access *access, const struct exchange_port *port, const struct exchange_bounds *bounds,
    struct exchange **ret)
{
    assert(bounds->inflight >= 1 && bounds->inflight <= UINT16_MAX && bounds->sessions >= 1 && bounds->maximum_qos <= 2);
    assert(bounds->keep_alive_s <= UINT16_MAX && bounds->topic_bytes <= MQTT_TOPIC_MAX && bounds->levels <= MQTT_LEVELS_MAX);
    struct exchange *x = mem_new(sizeof *x);
    if (!x) return REFUSE(E_MEMORY);
    x->access = access;
    x->port = *port;
    x->bounds = *bounds;
    x->sessions_free = x->subs_free = x->doomed = NONE;
    x->out = BUFFER(OUT_BYTES_MAX(bounds));
    x->cut.payload = BUFFER(bounds->packet_bytes);
    x->hold_next = 1;
    x->due_ms = NEVER;
    x->start_ms = x->sys_ms = port->mono_ms(port->ctx);
    outcome o = prepare(x);
    if (!ok(o)) {
        exchange_free(x);
        return o;
    }
    *ret = x;
    return DONE;
}

/* Nothing is sent any more: no wills, no words. */
static void free_session(struct exchange *x, struct session *s)
{
    struct waiting w;
    while (queue_pop(x, s, &w))
        if (w.parcel) parcel_drop(x, w.parcel);
    mem_free(s->queue);
    flight_clear(x, s);
    durable_forget(s);
    alias_free(s);
    mem_free(s->receiving);
    buffer_deinit(&s->back);
    mem_free(s->client_id);
    if (s->will) parcel_drop(x, s->will);
}

void exchange_free(struct exchange *x)
{
    if (!x) return;
    for (uint32_t i = 0; i < x->sessions_top; i++)
        if (x->sessions[i].used) free_session(x, &x->sessions[i]);
    for (uint32_t i = 0; i < x->subs_n; i++) mem_free(x->subs[i].share);
    for (uint32_t i = 0; i < x->holds_n; i++) parcel_drop(x, x->holds[i].parcel);
    for (uint32_t i = 0; i < x->topics.n; i++)
        if (x->topics.nodes[i].item) parcel_drop(x, x->topics.nodes[i].item);
    assert(x->kept_bytes == 0);
    derive_free(x);
    tree_deinit(&x->filters);
    tree_deinit(&x->topics);
    map_deinit(&x->links);
    map_deinit(&x->clients);
    mem_free(x->sessions);
    mem_free(x->subs);
    mem_free(x->destinations);
    mem_free(x->pending);
    mem_free(x->holds);
    buffer_deinit(&x->out);
    buffer_deinit(&x->cut.payload);
    mem_free(x);
}

outcome exchange_packet(struct exchange *x, uint32_t link, struct bytes packet)
{
    struct session *s = session_on(x, link);
    if (!s) return REFUSE(E_UNKNOWN);
    outcome o = packet_handle(x, s, packet);
    session_reap(x);
    return o;
}

outcome exchange_publish(struct exchange *x, const struct message *m)
{
    struct cargo c;
    struct answer a;
    if (!mqtt_topic_valid(m->topic) || m->qos > 2) return REFUSE(E_MALFORMED);
    cargo_from_message(x, &c, m, m->from ? PATH_LIVE : PATH_SERVER);
    publish_accept(x, &c, &a);
    cargo_done(x, &c);
    session_reap(x);
    return a.refused;
}

outcome exchange_restore_retained(struct exchange *x, struct bytes from, struct bytes topic, struct bytes payload, uint8_t qos)
{
    struct cargo c;
    char id[ID_MAX];
    struct message m = { .topic = topic, .payload = payload, .qos = qos > 2 ? 2 : qos, .retain = true };
    TRY(bytes_to_text(from, id, sizeof id));
    if (id[0]) m.from = registry_identity(x->access->registry, id);
    if (id[0] && !m.from) return REFUSE(E_UNKNOWN);
    if (!mqtt_topic_valid(topic)) return REFUSE(E_MALFORMED);
    cargo_from_message(x, &c, &m, PATH_RETAINED);
    outcome o = c.command ? REFUSE(E_DENIED) : retained_put(x, &c);
    cargo_done(x, &c);
    return o;
}

int exchange_turn(struct exchange *x)
{
    int waits[] = { command_turn(x), session_turn(x), sys_turn(x), yield_turn(x), derive_turn(x) }, least = -1;
    session_reap(x);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] >= 0 && (least < 0 || waits[i] < least)) least = waits[i];
    return least;
}

/* A tap's number is its place and generation. */
#define TAP_PLACE_BITS 8

outcome exchange_tap_new(struct exchange *x, const struct identity *who, struct bytes filter, exchange_tap fn, void *ctx,
    uint32_t *ret_tap)
{
    assert(fn);
    if (!mqtt_filter_valid(filter) || bytes_starts(filter, BYTES_LIT("$"))) return REFUSE(E_MALFORMED);
    if (!topic_fits(x, filter)) return REFUSE(E_TOO_LARGE);
    struct question q = { .who = who, .action = ACT_SUBSCRIBE, .topic = filter, .now_ms = wall(x) };
    if (who && access_judge(x->access, &q).ruling == RULING_DENY) return REFUSE(E_DENIED);
    uint32_t at = 0;
    while (at < TAPS_MAX && x->taps[at].used) at++;
    if (at == TAPS_MAX) return REFUSE(E_FULL);
    struct tap *t = &x->taps[at];
    *t = (struct tap) { .used = true, .generation = t->generation + 1, .who = who, .fn = fn, .ctx = ctx };
    outcome o = sub_put_tap(x, at, filter);
    if (!ok(o)) {
        t->used = false;
        return o;
    }
    *ret_tap = t->generation << TAP_PLACE_BITS | at;
    deliver_retained_tap(x, at, filter);
    return DONE;
}

void exchange_tap_free(struct exchange *x, uint32_t tap)
{
    struct tap *t = &x->taps[tap % TAPS_MAX];
    if (!t->used || (t->generation << TAP_PLACE_BITS | tap % TAPS_MAX) != tap) return;
    sub_drop(x, t->sub);
    t->used = false;
}

void exchange_count(const struct exchange *x, struct exchange_counts *ret)
{
    *ret = x->counts;
    ret->retained = x->retained_n;
    ret->yields_from = x->yielding.from;
    ret->share_each = x->share.each;
}
