#include "wire/courier.h"

#include "wire/mqtt.h"

void courier_put_head(struct out *o, enum courier_kind kind, uint32_t peer)
{
    put_u8(o, (uint8_t)kind);
    put_u32(o, peer);
}

outcome courier_take_head(struct bytes *in, enum courier_kind *ret_kind, uint32_t *ret_peer)
{
    uint8_t kind;
    TRY(take_u8(in, &kind));
    TRY(take_u32(in, ret_peer));
    bool known = (kind >= COURIER_PEER && kind <= COURIER_TAKEN) || (kind >= COURIER_UP && kind <= COURIER_REFUSED);
    *ret_kind = (enum courier_kind)kind;
    return known && *ret_peer < COURIER_PEERS_MAX ? DONE : REFUSE(E_MALFORMED);
}

void courier_put_peer(struct out *o, uint32_t peer, const struct courier_peer *p)
{
    courier_put_head(o, COURIER_PEER, peer);
    put_field16(o, p->name);
    put_field16(o, p->host);
    put_field16(o, p->client_id);
    put_field32(o, p->ca_pem);
    put_u16(o, p->port);
    put_u8(o, p->version);
    put_u8(o, (uint8_t)p->n);
    for (size_t i = 0; i < p->n; i++) put_field16(o, p->filters[i]);
}

outcome courier_take_peer(struct bytes in, struct courier_peer *ret)
{
    struct courier_peer p = { 0 };
    uint8_t n;
    TRY(take_field16(&in, &p.name));
    TRY(take_field16(&in, &p.host));
    TRY(take_field16(&in, &p.client_id));
    TRY(take_field32(&in, &p.ca_pem));
    TRY(take_u16(&in, &p.port));
    TRY(take_u8(&in, &p.version));
    TRY(take_u8(&in, &n));
    if (n > COURIER_FILTERS_MAX || (p.version != 4 && p.version != 5) || p.port == 0) return REFUSE(E_RANGE);
    if (p.name.n == 0 || p.name.n >= COURIER_NAME_MAX || p.host.n == 0 || p.host.n >= COURIER_HOST_MAX) return REFUSE(E_RANGE);
    if (p.client_id.n >= COURIER_HOST_MAX || p.ca_pem.n > COURIER_CA_MAX) return REFUSE(E_RANGE);
    for (p.n = 0; p.n < n; p.n++) {
        TRY(take_field16(&in, &p.filters[p.n]));
        if (p.filters[p.n].n > MQTT_TOPIC_MAX || !mqtt_filter_valid(p.filters[p.n])) return REFUSE(E_MALFORMED);
    }
    TRY(at_end(in));
    *ret = p;
    return DONE;
}

void courier_put_message(struct out *o, enum courier_kind kind, uint32_t peer, const struct courier_message *m)
{
    courier_put_head(o, kind, peer);
    put_u32(o, m->ticket);
    put_u8(o, m->flags);
    put_field16(o, m->topic);
    put_field32(o, m->payload);
}

outcome courier_take_message(struct bytes in, struct courier_message *ret)
{
    struct courier_message m = { 0 };
    TRY(take_u32(&in, &m.ticket));
    TRY(take_u8(&in, &m.flags));
    TRY(take_field16(&in, &m.topic));
    TRY(take_field32(&in, &m.payload));
    TRY(at_end(in));
    if (m.flags > (COURIER_RETAIN | COURIER_DUPLICATE) || m.payload.n > COURIER_PAYLOAD_MAX) return REFUSE(E_RANGE);
    if (m.topic.n > MQTT_TOPIC_MAX || !mqtt_topic_valid(m.topic)) return REFUSE(E_MALFORMED);
    *ret = m;
    return DONE;
}
