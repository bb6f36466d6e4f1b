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
    bool known = (kind >= COURIER_PEER && kind <= COURIER_LETTER) || (kind >= COURIER_UP && kind <= COURIER_LETTERED);
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

void courier_put_letter(struct out *o, const struct courier_letter *l)
{
    courier_put_head(o, COURIER_LETTER, 0);
    put_u32(o, l->ticket);
    put_u8(o, (uint8_t)l->kind);
    put_u8(o, l->plain);
    put_u16(o, l->port);
    put_field16(o, l->host);
    put_field16(o, l->path);
    put_field16(o, l->from);
    put_field16(o, l->to);
    put_field16(o, l->id);
    put_field32(o, l->body);
}

/* Nothing in a field may end a line of the protocol it goes into. */
static bool one_line(struct bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.at[i] <= ' ' || b.at[i] >= 0x7F) return false;
    return true;
}

outcome courier_take_letter(struct bytes in, struct courier_letter *ret)
{
    struct courier_letter l = { 0 };
    uint8_t kind, plain;
    TRY(take_u32(&in, &l.ticket));
    TRY(take_u8(&in, &kind));
    TRY(take_u8(&in, &plain));
    TRY(take_u16(&in, &l.port));
    TRY(take_field16(&in, &l.host));
    TRY(take_field16(&in, &l.path));
    TRY(take_field16(&in, &l.from));
    TRY(take_field16(&in, &l.to));
    TRY(take_field16(&in, &l.id));
    TRY(take_field32(&in, &l.body));
    TRY(at_end(in));
    bool lines = one_line(l.host) && one_line(l.path) && one_line(l.from) && one_line(l.to) && one_line(l.id);
    if (kind >= LETTER_KINDS || plain > 1 || !l.port || !lines) return REFUSE(E_MALFORMED);
    if (!l.host.n || l.host.n >= COURIER_HOST_MAX || l.path.n >= 256 || l.id.n >= 256 || l.body.n > COURIER_PAYLOAD_MAX) return REFUSE(E_RANGE);
    if (l.from.n >= 128 || l.to.n >= 128) return REFUSE(E_RANGE);
    l.kind = (enum letter_kind)kind;
    l.plain = plain;
    *ret = l;
    return DONE;
}

void courier_put_lettered(struct out *o, const struct courier_lettered *l)
{
    courier_put_head(o, COURIER_LETTERED, 0);
    put_u32(o, l->ticket);
    put_u8(o, l->good);
    put_field16(o, l->why);
}

outcome courier_take_lettered(struct bytes in, struct courier_lettered *ret)
{
    struct courier_lettered l = { 0 };
    uint8_t good;
    TRY(take_u32(&in, &l.ticket));
    TRY(take_u8(&in, &good));
    TRY(take_field16(&in, &l.why));
    TRY(at_end(in));
    if (good > 1 || l.why.n >= COURIER_WHY_MAX || !bytes_is_utf8(l.why)) return REFUSE(E_MALFORMED);
    l.good = good;
    *ret = l;
    return DONE;
}
