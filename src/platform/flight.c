/* What was sent at QoS 1 or 2 and is not finished: kept in order of sending, repeated in that order on the next link
 * of the session (MQTT 5, 4.4 and 4.6), never more than the client's Receive Maximum on one link. */
#include "platform/exchange_internal.h"

/* MQTT 5, 4.9.0-1 and 4.9.0-2; MQTT 5, 3.3.4-10 and 4.9.0-3: nothing but PUBLISH asks here. */
bool flight_room(const struct session *s)
{
    return s->sent_n + s->fresh_n == s->flights_n && s->flights_n < s->receive_max && s->flights_n < s->flights_cap;
}

static struct flight *find(const struct session *s, uint16_t id)
{
    for (uint32_t i = 0; i < s->flights_n; i++)
        if (s->flights[i].id == id) return &s->flights[i];
    return NULL;
}

uint16_t flight_id(struct session *s)
{
    while (true) { /* at most flights_n + 2 rounds */
        if (++s->next_id == 0) s->next_id = 1;
        if (!find(s, s->next_id)) return s->next_id;
    }
}

outcome flight_reserve(struct session *s, uint32_t cap)
{
    if (cap <= s->flights_cap) return DONE;
    struct flight *more = mem_grow(s->flights, cap * sizeof *more);
    if (!more) return REFUSE(E_MEMORY);
    s->flights = more;
    s->flights_cap = cap;
    return DONE;
}

void flight_add(struct session *s, const struct flight *f)
{
    assert(s->flights_n < s->flights_cap);
    s->flights[s->flights_n++] = *f;
    s->sent_n += f->sent;
    s->fresh_n += f->fresh;
}

void flight_take(struct exchange *x, struct session *s, struct flight *f)
{
    if (f->parcel) parcel_drop(x, f->parcel);
    if (f->index != NO_INDEX) s->dirty = x->dirty = true;
    s->sent_n -= f->sent;
    s->fresh_n -= f->fresh;
    size_t at = (size_t)(f - s->flights);
    memmove(f, f + 1, (s->flights_n - at - 1) * sizeof *f);
    s->flights_n--;
}

void flight_clear(struct exchange *x, struct session *s)
{
    while (s->flights_n) flight_take(x, s, &s->flights[s->flights_n - 1]);
    mem_free(s->flights);
    s->flights = NULL;
    s->flights_cap = 0;
}

/* MQTT 5, 4.9: the quota is the link's. */
void flight_forget_link(struct session *s)
{
    for (uint32_t i = 0; i < s->flights_n; i++) s->flights[i].sent = false; /* what is fresh stays so: no repetition yet */
    s->sent_n = 0;
}

/* MQTT 5, 4.13.1, 4.3.2 and 4.3.3: an acknowledgement that this delivery cannot have, whose rest is lost with it. What
 * was acknowledged before, or never was ours, harms nobody. */
static outcome wrong_kind(struct exchange *x, struct session *s)
{
    return packet_fail(x, s, MQTT_PROTOCOL_ERROR, "acknowledgement-of-another-kind");
}

outcome on_puback(struct exchange *x, struct session *s, const struct mqtt_ack *a)
{
    struct flight *f = find(s, a->id);
    if (f && f->qos != 1) return wrong_kind(x, s);
    /* MQTT 5, 4.4.0-2 and 4.8.2-6: whatever its reason, it is acknowledged */
    if (f) flight_take(x, s, f);
    deliver_pump(x, s);
    return DONE; /* not ours, or acknowledged before: no harm */
}

outcome on_pubrec(struct exchange *x, struct session *s, const struct mqtt_ack *a)
{
    struct mqtt_ack release UNSET;
    mqtt_ack_begin(&release, a->id, 0);
    struct flight *f = find(s, a->id);
    if (f && f->qos != 2) return wrong_kind(x, s);
    if (!f) {
        release.reason = MQTT_ID_UNKNOWN; /* MQTT 5, 3.6.2.1 */
        send_ack(x, s, MQTT_PUBREL, &release);
        return DONE;
    }
    bool refused = a->reason >= MQTT_UNSPECIFIED; /* MQTT 5, 4.3.3-4: finished, no PUBREL */
    if (f->noted && !f->released && !ok(durable_flight(x, s, refused ? "done" : "taken", f->id, f->index, true)))
        return packet_fail(x, s, MQTT_QUOTA, "not-recorded");
    if (refused) {
        flight_take(x, s, f);
        deliver_pump(x, s);
        return DONE;
    }
    if (f->parcel) parcel_drop(x, f->parcel);
    f->parcel = NULL;
    f->released = true;
    send_ack(x, s, MQTT_PUBREL, &release);
    return DONE;
}

outcome on_pubcomp(struct exchange *x, struct session *s, const struct mqtt_ack *a)
{
    struct flight *f = find(s, a->id);
    if (f && !f->released) return wrong_kind(x, s);
    if (f) {
        /* unwritten, PUBREL is repeated after a crash, and answered with "unknown": no harm */
        if (f->noted) (void)!ok(durable_flight(x, s, "done", f->id, f->index, false));
        flight_take(x, s, f);
    }
    deliver_pump(x, s);
    return DONE;
}
