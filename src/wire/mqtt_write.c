/* Writers of whole packets. The length is computed first, so a packet is written in place once. */
#include "wire/mqtt_parts.h"

static MUST outcome packet_open(struct buffer *b, uint8_t first, size_t body_n, struct out *ret)
{
    if (body_n > MQTT_VBI_MAX) return REFUSE(E_TOO_LARGE);
    size_t total = 1 + mqtt_vbi_size((uint32_t)body_n) + body_n;
    TRY(buffer_reserve(b, total));
    *ret = out_of(b->at + b->n, total);
    put_u8(ret, first);
    mqtt_put_vbi(ret, (uint32_t)body_n);
    return DONE;
}

/* A field over 65,535 bytes shows here as an overflow; nothing is appended then. */
static MUST outcome packet_close(struct buffer *b, const struct out *o)
{
    TRY(out_done(o));
    assert(o->n == o->cap);
    b->n += o->n;
    return DONE;
}

static uint8_t first_byte(enum mqtt_type type, uint8_t flags)
{
    return (uint8_t)(type << 4 | flags);
}

/* Bytes of a property list with its length; none in 3.1.1. */
static size_t list_size(uint8_t version, const struct mqtt_properties *p, enum mqtt_type type)
{
    if (version == 4) return 0;
    size_t n = mqtt_properties_size(p, type);
    return n > MQTT_VBI_MAX ? n : n + mqtt_vbi_size((uint32_t)n);
}

static void put_list(struct out *o, uint8_t version, const struct mqtt_properties *p,
                     enum mqtt_type type)
{
    if (version == 5) mqtt_put_properties(o, p, type);
}

static uint8_t connect_flags(const struct mqtt_connect *c)
{
    assert(c->will_qos <= 2);
    unsigned will = c->has_will ? 0x04u | (unsigned)c->will_qos << 3 | (c->will_retain ? 0x20u : 0) : 0;
    return (uint8_t)((c->clean_start ? 0x02u : 0) | will | (c->has_password ? 0x40u : 0)
                     | (c->has_user ? 0x80u : 0));
}

static size_t connect_size(const struct mqtt_connect *c)
{
    size_t n = 10 + list_size(c->version, &c->properties, MQTT_CONNECT) + 2 + c->client_id.n;
    if (c->has_will)
        n += list_size(c->version, &c->will_properties, MQTT_WILL) + 4 + c->will_topic.n
            + c->will_payload.n;
    return n + (c->has_user ? 2 + c->user.n : 0) + (c->has_password ? 2 + c->password.n : 0);
}

outcome mqtt_write_connect(const struct mqtt_connect *c, struct buffer *b)
{
    assert(c->version == 4 || c->version == 5);
    struct out o;
    TRY(packet_open(b, first_byte(MQTT_CONNECT, 0), connect_size(c), &o));
    put_field16(&o, BYTES_LIT("MQTT"));
    put_u8(&o, c->version);
    put_u8(&o, connect_flags(c));
    put_u16(&o, c->keep_alive_s);
    put_list(&o, c->version, &c->properties, MQTT_CONNECT);
    put_field16(&o, c->client_id);
    if (c->has_will) {
        put_list(&o, c->version, &c->will_properties, MQTT_WILL);
        put_field16(&o, c->will_topic);
        put_field16(&o, c->will_payload);
    }
    if (c->has_user) put_field16(&o, c->user);
    if (c->has_password) put_field16(&o, c->password);
    return packet_close(b, &o);
}

outcome mqtt_write_connack(uint8_t version, bool present, uint8_t reason,
                           const struct mqtt_properties *p, struct buffer *b)
{
    struct out o;
    if (version == 5 && !mqtt_reason_allowed(MQTT_CONNACK, reason)) return REFUSE(E_RANGE);
    size_t body_n = 2 + list_size(version, p, MQTT_CONNACK);
    TRY(packet_open(b, first_byte(MQTT_CONNACK, 0), body_n, &o));
    put_u8(&o, present && reason == 0); /* MQTT 5, 3.2.2-6 */
    put_u8(&o, version == 4 ? mqtt_return_code(reason) : reason);
    put_list(&o, version, p, MQTT_CONNACK);
    return packet_close(b, &o);
}

outcome mqtt_write_publish(uint8_t version, const struct mqtt_publish *m, struct buffer *b)
{
    assert(m->qos <= 2 && (m->qos == 0 || m->id != 0));
    struct out o;
    bool duplicate = m->duplicate && m->qos; /* MQTT 5, 3.3.1-2 */
    uint8_t flags = (uint8_t)((duplicate ? 8 : 0) | m->qos << 1 | (m->retain ? 1 : 0));
    size_t body_n = 2 + m->topic.n + (m->qos ? 2 : 0)
        + list_size(version, &m->properties, MQTT_PUBLISH) + m->payload.n;
    TRY(packet_open(b, first_byte(MQTT_PUBLISH, flags), body_n, &o));
    put_field16(&o, m->topic);
    if (m->qos) put_u16(&o, m->id);
    put_list(&o, version, &m->properties, MQTT_PUBLISH);
    put(&o, m->payload);
    return packet_close(b, &o);
}

/* MQTT 5, 3.4.2.1 and others: a success without properties is left out. */
static bool ack_is_short(uint8_t version, enum mqtt_type type, const struct mqtt_ack *a)
{
    return version == 4 || (a->reason == 0 && mqtt_properties_size(&a->properties, type) == 0);
}

outcome mqtt_write_ack(uint8_t version, enum mqtt_type type, const struct mqtt_ack *a,
                       struct buffer *b)
{
    bool has_id = type >= MQTT_PUBACK && type <= MQTT_PUBCOMP;
    assert(has_id ? a->id != 0 : type == MQTT_DISCONNECT || type == MQTT_AUTH);
    if (version == 4 && type == MQTT_AUTH) return REFUSE(E_UNSUPPORTED);
    if (version == 5 && !mqtt_reason_allowed(type, a->reason)) return REFUSE(E_RANGE);
    struct out o;
    bool whole = !ack_is_short(version, type, a);
    size_t body_n = (has_id ? 2 : 0) + (whole ? 1 + list_size(version, &a->properties, type) : 0);
    TRY(packet_open(b, first_byte(type, type == MQTT_PUBREL ? 2 : 0), body_n, &o));
    if (has_id) put_u16(&o, a->id);
    if (whole) put_u8(&o, a->reason);
    if (whole) put_list(&o, version, &a->properties, type);
    return packet_close(b, &o);
}

static MUST outcome write_filters(uint8_t version, enum mqtt_type type,
                                  const struct mqtt_subscribe *s, struct buffer *b)
{
    assert(s->id != 0 && s->n >= 1 && s->n <= MQTT_FILTERS_MAX);
    struct out o;
    bool options = type == MQTT_SUBSCRIBE;
    size_t body_n = 2 + list_size(version, &s->properties, type);
    for (size_t i = 0; i < s->n; i++) body_n += 2 + s->rows[i].filter.n + (options ? 1 : 0);
    TRY(packet_open(b, first_byte(type, 2), body_n, &o));
    put_u16(&o, s->id);
    put_list(&o, version, &s->properties, type);
    for (size_t i = 0; i < s->n; i++) {
        unsigned bits = s->rows[i].qos;
        if (version == 5)
            bits |= (s->rows[i].no_local ? 4u : 0) | (s->rows[i].retain_as_published ? 8u : 0)
                | (unsigned)s->rows[i].retain_handling << 4;
        put_field16(&o, s->rows[i].filter);
        if (options) put_u8(&o, (uint8_t)bits);
    }
    return packet_close(b, &o);
}

outcome mqtt_write_subscribe(uint8_t version, const struct mqtt_subscribe *s, struct buffer *b)
{
    return write_filters(version, MQTT_SUBSCRIBE, s, b);
}

outcome mqtt_write_unsubscribe(uint8_t version, const struct mqtt_subscribe *s, struct buffer *b)
{
    return write_filters(version, MQTT_UNSUBSCRIBE, s, b);
}

outcome mqtt_write_suback(uint8_t version, enum mqtt_type type, const struct mqtt_grants *g, struct buffer *b)
{
    assert(g->id != 0 && (type == MQTT_SUBACK || type == MQTT_UNSUBACK));
    size_t n = version == 4 && type == MQTT_UNSUBACK ? 0 : g->n; /* MQTT 3.1.1, 3.11.3: no payload */
    struct out o;
    for (size_t i = 0; version == 5 && i < n; i++)
        if (!mqtt_reason_allowed(type, g->codes[i])) return REFUSE(E_RANGE);
    TRY(packet_open(b, first_byte(type, 0), 2 + list_size(version, g->p, type) + n, &o));
    put_u16(&o, g->id);
    put_list(&o, version, g->p, type);
    for (size_t i = 0; i < n; i++) put_u8(&o, version == 4 && g->codes[i] > 2 ? 0x80 : g->codes[i]);
    return packet_close(b, &o);
}

outcome mqtt_write_list(const struct mqtt_properties *p, struct buffer *b)
{
    size_t n = list_size(5, p, MQTT_PUBLISH);
    if (n > MQTT_VBI_MAX) return REFUSE(E_TOO_LARGE);
    TRY(buffer_reserve(b, n));
    struct out o = out_of(b->at + b->n, n);
    put_list(&o, 5, p, MQTT_PUBLISH);
    return packet_close(b, &o);
}

outcome mqtt_read_list(struct bytes list, struct mqtt_properties *ret)
{
    struct mqtt_properties p UNSET;
    uint8_t reason = 0;
    mqtt_properties_begin(&p);
    TRY(mqtt_take_properties(&list, MQTT_PUBLISH, &p, &reason));
    TRY(at_end(list));
    mqtt_properties_copy(ret, &p);
    return DONE;
}

outcome mqtt_write_disconnect(uint8_t version, uint8_t reason, const char *why, struct buffer *b)
{
    /* MQTT 5, 3.14.2-2: no Session Expiry Interval in a server's */
    struct mqtt_ack a = { .reason = reason };
    if (why && *why) {
        a.properties.has = (uint64_t)1 << MQTT_HAS_reason_string;
        a.properties.reason_string = bytes_str(why);
    }
    return mqtt_write_ack(version, MQTT_DISCONNECT, &a, b);
}

outcome mqtt_write_ping(enum mqtt_type type, struct buffer *b)
{
    assert(type == MQTT_PINGREQ || type == MQTT_PINGRESP);
    struct out o;
    TRY(packet_open(b, first_byte(type, 0), 0, &o));
    return packet_close(b, &o);
}
