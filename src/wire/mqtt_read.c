/* Readers of whole packets, in the order of the standard. Each fills a copy and hands it over only
 * when every byte was understood. */
#include "wire/mqtt_parts.h"

/* Checks the fixed header and that the packet is exactly as long as it says. */
static MUST outcome open_packet(struct bytes packet, enum mqtt_type *ret_type, uint8_t *ret_flags,
                                struct bytes *ret_body)
{
    enum mqtt_type type;
    size_t total;
    struct bytes body = packet;
    uint8_t first;
    uint32_t body_n;
    TRY(mqtt_frame(packet, SIZE_MAX, &type, &total));
    if (total != packet.n) return REFUSE(E_MALFORMED);
    TRY(take_u8(&body, &first));
    TRY(mqtt_take_vbi(&body, &body_n));
    *ret_type = type;
    *ret_flags = first & 0x0F;
    *ret_body = body;
    return DONE;
}

static MUST outcome open_this(struct bytes packet, enum mqtt_type want, uint8_t *ret_flags,
                              struct bytes *ret_body)
{
    enum mqtt_type type;
    TRY(open_packet(packet, &type, ret_flags, ret_body));
    return type == want ? DONE : REFUSE(E_MALFORMED);
}

/* A whole packet that runs out of bytes is malformed: more will not come. */
static outcome settle(outcome o, const uint8_t *why, uint8_t *ret_reason)
{
    *ret_reason = ok(o) ? MQTT_SUCCESS : *why;
    if (o.code == E_SHORT) o.code = E_MALFORMED;
    return o;
}

static outcome broken(uint8_t *reason)
{
    return mqtt_refuse(reason, MQTT_PROTOCOL_ERROR, REFUSE(E_MALFORMED));
}

/* MQTT 5, 4.13: what is not formed is malformed; 3.14.2.1: 0x90 is for what is, and is not accepted here. */
outcome mqtt_topic_check(struct bytes topic, uint8_t *reason)
{
    if (mqtt_topic_valid(topic)) return DONE;
    if (!mqtt_topic_formed(topic)) return REFUSE(E_MALFORMED);
    return mqtt_refuse(reason, MQTT_TOPIC_INVALID, REFUSE(E_MALFORMED));
}

/* MQTT 5, 2.2.1-3: never zero. */
static MUST outcome take_id(struct bytes *in, uint16_t *ret)
{
    TRY(take_u16(in, ret));
    return *ret ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome take_topic(struct bytes *in, struct bytes *ret, uint8_t *reason)
{
    TRY(mqtt_take_string(in, ret));
    return mqtt_topic_check(*ret, reason);
}

/* MQTT 5, 3.1.2.3 */
enum { CLEAN = 0x02, WILL = 0x04, WILL_QOS = 0x18, WILL_RETAIN = 0x20, PASSWORD = 0x40, USER = 0x80 };

static MUST outcome connect_flags(uint8_t flags, struct mqtt_connect *c)
{
    if (flags & 1) return REFUSE(E_MALFORMED); /* MQTT 5, 3.1.2-3 */
    c->clean_start = flags & CLEAN;
    c->has_will = flags & WILL;
    c->will_qos = flags >> 3 & 3;
    c->will_retain = flags & WILL_RETAIN;
    c->has_password = flags & PASSWORD;
    c->has_user = flags & USER;
    if (c->will_qos == 3) return REFUSE(E_MALFORMED); /* MQTT 5, 3.1.2-12 */
    /* MQTT 5, 3.1.2-11 and 3.1.2-13 */
    if (!c->has_will && flags & (WILL_QOS | WILL_RETAIN)) return REFUSE(E_MALFORMED);
    /* MQTT 3.1.1, 3.1.2-22; MQTT 5 allows it */
    if (c->version == 4 && c->has_password && !c->has_user) return REFUSE(E_MALFORMED);
    return DONE;
}

static MUST outcome connect_will(struct bytes *in, struct mqtt_connect *c, uint8_t *reason)
{
    if (c->version == 5)
        TRY(mqtt_take_properties(in, MQTT_WILL, &c->will_properties, reason));
    TRY(take_topic(in, &c->will_topic, reason));
    return take_field16(in, &c->will_payload);
}

/* MQTT 5, 3.1.2-1 and 3.1.2-2: anything but MQTT 4 and 5 is told 0x84. */
static MUST outcome connect_protocol(struct bytes *in, uint8_t *ret_version, uint8_t *reason)
{
    struct bytes name;
    TRY(mqtt_take_string(in, &name));
    TRY(take_u8(in, ret_version));
    if (bytes_equal_str(name, "MQTT") && (*ret_version == 4 || *ret_version == 5)) return DONE;
    return mqtt_refuse(reason, MQTT_BAD_VERSION, REFUSE(E_UNSUPPORTED));
}

static MUST outcome connect_read(struct bytes packet, struct mqtt_connect *c, uint8_t *reason)
{
    struct bytes in;
    uint8_t flags;
    TRY(open_this(packet, MQTT_CONNECT, &flags, &in));
    TRY(connect_protocol(&in, &c->version, reason));
    TRY(take_u8(&in, &flags));
    TRY(connect_flags(flags, c));
    TRY(take_u16(&in, &c->keep_alive_s));
    if (c->version == 5) TRY(mqtt_take_properties(&in, MQTT_CONNECT, &c->properties, reason));
    TRY(mqtt_take_string(&in, &c->client_id));
    if (c->has_will) TRY(connect_will(&in, c, reason));
    if (c->has_user) TRY(mqtt_take_string(&in, &c->user));
    if (c->has_password) TRY(take_field16(&in, &c->password));
    TRY(at_end(in));
    /* MQTT 3.1.1, 3.1.3-8 */
    if (c->version == 4 && c->client_id.n == 0 && !c->clean_start)
        return mqtt_refuse(reason, MQTT_BAD_CLIENT_ID, REFUSE(E_MALFORMED));
    return DONE;
}

outcome mqtt_read_connect(struct bytes packet, struct mqtt_connect *ret, uint8_t *ret_reason)
{
    struct mqtt_connect c = { 0 };
    uint8_t why = MQTT_MALFORMED;
    outcome o = connect_read(packet, &c, &why);
    TRY(settle(o, &why, ret_reason));
    *ret = c;
    return DONE;
}

uint8_t mqtt_connect_version(struct bytes packet)
{
    struct bytes in, name;
    uint8_t flags, version;
    if (!ok(open_this(packet, MQTT_CONNECT, &flags, &in)) || !ok(take_field16(&in, &name))) return 4;
    if (!ok(take_u8(&in, &version))) return 4;
    return version >= 5 ? 5 : 4;
}

static MUST outcome connack_read(struct bytes packet, uint8_t version, bool *present,
                                 struct mqtt_ack *a, uint8_t *reason)
{
    struct bytes in;
    uint8_t flags, code;
    TRY(open_this(packet, MQTT_CONNACK, &flags, &in));
    TRY(take_u8(&in, &flags));
    TRY(take_u8(&in, &code));
    if (flags > 1) return REFUSE(E_MALFORMED); /* MQTT 5, 3.2.2-1 */
    *present = flags;
    a->reason = code;
    if (version == 4) TRY(mqtt_return_reason(code, &a->reason));
    if (!mqtt_reason_allowed(MQTT_CONNACK, a->reason)) return broken(reason);
    if (*present && a->reason) return broken(reason); /* MQTT 5, 3.2.2-6 */
    if (version == 5) TRY(mqtt_take_properties(&in, MQTT_CONNACK, &a->properties, reason));
    return at_end(in);
}

outcome mqtt_read_connack(struct bytes packet, uint8_t version, bool *ret_present,
                          struct mqtt_ack *ret, uint8_t *ret_reason)
{
    assert(version == 4 || version == 5);
    struct mqtt_ack a = { 0 };
    bool present = false;
    uint8_t why = MQTT_MALFORMED;
    outcome o = connack_read(packet, version, &present, &a, &why);
    TRY(settle(o, &why, ret_reason));
    *ret_present = present;
    *ret = a;
    return DONE;
}

/* MQTT 5, 3.3.2.1: a topic, or none when an alias stands for it. */
static MUST outcome publish_topic(const struct mqtt_publish *m, uint8_t *reason)
{
    if (m->topic.n) return mqtt_topic_check(m->topic, reason);
    return mqtt_has(&m->properties, MQTT_HAS_topic_alias) ? DONE : broken(reason);
}

static MUST outcome publish_read(struct bytes packet, uint8_t version, struct mqtt_publish *m,
                                 uint8_t *reason)
{
    struct bytes in;
    uint8_t flags;
    TRY(open_this(packet, MQTT_PUBLISH, &flags, &in));
    m->duplicate = flags & 8;
    m->qos = flags >> 1 & 3; /* 3 was refused with the fixed header */
    m->retain = flags & 1;
    /* MQTT 5, 3.3.2-1: first; MQTT 5, 2.2.1-2: an identifier only above QoS 0 */
    TRY(mqtt_take_string(&in, &m->topic));
    if (m->qos) TRY(take_id(&in, &m->id));
    if (version == 5) TRY(mqtt_take_properties(&in, MQTT_PUBLISH, &m->properties, reason));
    TRY(publish_topic(m, reason));
    m->payload = in;
    return DONE;
}

outcome mqtt_read_publish(struct bytes packet, uint8_t version, struct mqtt_publish *ret,
                          uint8_t *ret_reason)
{
    assert(version == 4 || version == 5);
    struct mqtt_publish m UNSET;
    uint8_t why = MQTT_MALFORMED;
    mqtt_publish_begin(&m);
    outcome o = publish_read(packet, version, &m, &why);
    TRY(settle(o, &why, ret_reason));
    memcpy(ret, &m, offsetof(struct mqtt_publish, properties));
    mqtt_properties_copy(&ret->properties, &m.properties);
    return DONE;
}

static bool ack_has_id(enum mqtt_type type)
{
    return type >= MQTT_PUBACK && type <= MQTT_PUBCOMP;
}

static MUST outcome ack_read(struct bytes packet, uint8_t version, struct mqtt_ack *a, uint8_t *reason)
{
    struct bytes in;
    enum mqtt_type type;
    uint8_t flags;
    TRY(open_packet(packet, &type, &flags, &in));
    if (!ack_has_id(type) && type != MQTT_DISCONNECT && type != MQTT_AUTH) return REFUSE(E_MALFORMED);
    if (version == 4 && type == MQTT_AUTH) return REFUSE(E_MALFORMED); /* MQTT 3.1.1, 2.2.1 */
    if (ack_has_id(type)) TRY(take_id(&in, &a->id));
    if (version == 4) return at_end(in);
    if (in.n == 0) return DONE; /* MQTT 5, 3.4.2.1, 3.14.2.1, 3.15.2.1: success */
    TRY(take_u8(&in, &a->reason));
    if (!mqtt_reason_allowed(type, a->reason)) return broken(reason);
    if (in.n) TRY(mqtt_take_properties(&in, type, &a->properties, reason));
    /* MQTT 5, 3.15.2.2.2 */
    if (type == MQTT_AUTH && !mqtt_has(&a->properties, MQTT_HAS_auth_method)) return broken(reason);
    return at_end(in);
}

outcome mqtt_read_ack(struct bytes packet, uint8_t version, struct mqtt_ack *ret, uint8_t *ret_reason)
{
    assert(version == 4 || version == 5);
    struct mqtt_ack a UNSET;
    uint8_t why = MQTT_MALFORMED;
    mqtt_ack_begin(&a, 0, 0);
    outcome o = ack_read(packet, version, &a, &why);
    TRY(settle(o, &why, ret_reason));
    ret->id = a.id;
    ret->reason = a.reason;
    mqtt_properties_copy(&ret->properties, &a.properties);
    return DONE;
}

/* MQTT 5, 3.8.3.1; MQTT 3.1.1, 3.8.3-4. */
static MUST outcome take_options(struct bytes *in, uint8_t version, struct mqtt_subscribe *s,
                                 uint8_t *reason)
{
    uint8_t options;
    TRY(take_u8(in, &options));
    if (options & (version == 5 ? 0xC0 : 0xFC)) return REFUSE(E_MALFORMED); /* MQTT 5, 3.8.3-5 */
    s->rows[s->n].qos = options & 3;
    s->rows[s->n].no_local = options & 4;
    s->rows[s->n].retain_as_published = options & 8;
    s->rows[s->n].retain_handling = options >> 4 & 3;
    if (s->rows[s->n].qos == 3 || s->rows[s->n].retain_handling == 3) return broken(reason);
    bool shared = bytes_starts(s->rows[s->n].filter, BYTES_LIT("$share/"));
    return shared && s->rows[s->n].no_local ? broken(reason) : DONE; /* MQTT 5, 3.8.3-4 */
}

static MUST outcome take_filter(struct bytes *in, enum mqtt_type type, uint8_t version,
                                struct mqtt_subscribe *s, uint8_t *reason)
{
    if (s->n == MQTT_FILTERS_MAX) return mqtt_refuse(reason, MQTT_QUOTA, REFUSE(E_TOO_LARGE));
    /* MQTT 5, 3.8.3-1 and 3.10.3-1 */
    TRY(mqtt_take_string(in, &s->rows[s->n].filter));
    if (!mqtt_filter_formed(s->rows[s->n].filter)) return REFUSE(E_MALFORMED); /* MQTT 5, 4.7.1-1 and 4.7.1-2 */
    s->rows[s->n].over = !mqtt_filter_valid(s->rows[s->n].filter);
    if (type == MQTT_SUBSCRIBE) TRY(take_options(in, version, s, reason));
    s->n++;
    return DONE;
}

static MUST outcome subscribe_read(struct bytes packet, uint8_t version, struct mqtt_subscribe *s,
                                   uint8_t *reason)
{
    struct bytes in;
    enum mqtt_type type;
    uint8_t flags;
    TRY(open_packet(packet, &type, &flags, &in));
    if (type != MQTT_SUBSCRIBE && type != MQTT_UNSUBSCRIBE) return REFUSE(E_MALFORMED);
    TRY(take_id(&in, &s->id));
    if (version == 5) TRY(mqtt_take_properties(&in, type, &s->properties, reason));
    if (in.n == 0) return broken(reason); /* MQTT 5, 3.8.3-2 and 3.10.3-2 */
    while (in.n > 0) TRY(take_filter(&in, type, version, s, reason));
    return DONE;
}

outcome mqtt_read_subscribe(struct bytes packet, uint8_t version, struct mqtt_subscribe *ret,
                            uint8_t *ret_reason)
{
    assert(version == 4 || version == 5);
    struct mqtt_subscribe s = { 0 };
    uint8_t why = MQTT_MALFORMED;
    outcome o = subscribe_read(packet, version, &s, &why);
    TRY(settle(o, &why, ret_reason));
    *ret = s;
    return DONE;
}

/* MQTT 3.1.1, 3.9.3: three grants and one failure. */
static bool code_allowed(enum mqtt_type type, uint8_t version, uint8_t code)
{
    if (version == 4) return code <= 2 || code == 0x80;
    return mqtt_reason_allowed(type, code);
}

static MUST outcome suback_read(struct bytes packet, uint8_t version, uint16_t *id,
                                struct bytes *codes, uint8_t *reason)
{
    enum mqtt_type type;
    uint8_t flags;
    TRY(open_packet(packet, &type, &flags, codes));
    if (type != MQTT_SUBACK && type != MQTT_UNSUBACK) return REFUSE(E_MALFORMED);
    TRY(take_id(codes, id));
    if (version == 4 && type == MQTT_UNSUBACK) return at_end(*codes); /* MQTT 3.1.1, 3.11.3 */
    struct mqtt_properties p = { 0 };
    if (version == 5) TRY(mqtt_take_properties(codes, type, &p, reason));
    if (codes->n == 0) return broken(reason);
    for (size_t i = 0; i < codes->n; i++)
        if (!code_allowed(type, version, codes->at[i])) return broken(reason);
    return DONE;
}

outcome mqtt_read_suback(struct bytes packet, uint8_t version, uint16_t *ret_id, uint8_t *codes,
                         size_t cap, size_t *ret_n, uint8_t *ret_reason)
{
    assert(version == 4 || version == 5);
    struct bytes list = BYTES_NONE;
    uint16_t id = 0;
    uint8_t why = MQTT_MALFORMED;
    outcome o = suback_read(packet, version, &id, &list, &why);
    if (ok(o) && list.n > cap) o = mqtt_refuse(&why, MQTT_QUOTA, REFUSE(E_TOO_LARGE));
    TRY(settle(o, &why, ret_reason));
    if (list.n) memcpy(codes, list.at, list.n);
    *ret_id = id;
    *ret_n = list.n;
    return DONE;
}
