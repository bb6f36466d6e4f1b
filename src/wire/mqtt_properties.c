/* MQTT 5 properties and reason codes, as tables: what is not in a row cannot be read or written. */
#include "wire/mqtt_parts.h"

#define IN(type) (1u << (type))
#define MESSAGE (IN(MQTT_WILL) | IN(MQTT_PUBLISH))
#define OPENING (IN(MQTT_CONNECT) | IN(MQTT_CONNACK))
#define ANSWERS                                                                                    \
    (IN(MQTT_CONNACK) | IN(MQTT_PUBACK) | IN(MQTT_PUBREC) | IN(MQTT_PUBREL) | IN(MQTT_PUBCOMP)     \
     | IN(MQTT_SUBACK) | IN(MQTT_UNSUBACK) | IN(MQTT_DISCONNECT) | IN(MQTT_AUTH))

#define USER_PROPERTY 0x26 /* in every packet that has properties; kept apart from the rows */

enum form { U8, U16, U32, VBI, BINARY, STRING, TOPIC };

/* MQTT 5, 3.3.2-13 and 3.3.2-19 (strings), table 2-4, and the bounds each property's own section states. */
static const struct rule {
    size_t at; /* of the field in struct mqtt_properties */
    uint32_t in;
    uint32_t low, high;
    uint8_t form;
    uint8_t reason; /* for a value outside its bounds */
} rules[MQTT_PROPERTY_ROWS] = {
#define ROW(name, how, where, least, most, why)                                                    \
    [MQTT_HAS_##name] = { offsetof(struct mqtt_properties, name), where, least, most, how, why }
    /* clang-format off */
    ROW(payload_format,             U8,     MESSAGE,                        0, UINT8_MAX,    0x82),
    ROW(message_expiry_s,           U32,    MESSAGE,                        0, UINT32_MAX,   0x82),
    ROW(content_type,               STRING, MESSAGE,                        0, 0,            0x82),
    ROW(response_topic,             TOPIC,  MESSAGE,                        0, 0,            0x82),
    ROW(correlation,                BINARY, MESSAGE,                        0, 0,            0x82),
    ROW(subscription_id,            VBI,    IN(MQTT_PUBLISH) | IN(MQTT_SUBSCRIBE), 1, MQTT_VBI_MAX, 0x82),
    ROW(session_expiry_s,           U32,    OPENING | IN(MQTT_DISCONNECT),  0, UINT32_MAX,   0x82),
    ROW(assigned_client_id,         STRING, IN(MQTT_CONNACK),               0, 0,            0x82),
    ROW(server_keep_alive_s,        U16,    IN(MQTT_CONNACK),               0, UINT16_MAX,   0x82),
    ROW(auth_method,                STRING, OPENING | IN(MQTT_AUTH),        0, 0,            0x82),
    ROW(auth_data,                  BINARY, OPENING | IN(MQTT_AUTH),        0, 0,            0x82),
    ROW(request_problem,            U8,     IN(MQTT_CONNECT),               0, 1,            0x82),
    ROW(will_delay_s,               U32,    IN(MQTT_WILL),                  0, UINT32_MAX,   0x82),
    ROW(request_response,           U8,     IN(MQTT_CONNECT),               0, 1,            0x82),
    ROW(response_information,       STRING, IN(MQTT_CONNACK),               0, 0,            0x82),
    ROW(server_reference,           STRING, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), 0, 0,    0x82),
    ROW(reason_string,              STRING, ANSWERS,                        0, 0,            0x82),
    ROW(receive_maximum,            U16,    OPENING,                        1, UINT16_MAX,   0x82),
    ROW(topic_alias_maximum,        U16,    OPENING,                        0, UINT16_MAX,   0x82),
    ROW(topic_alias,                U16,    IN(MQTT_PUBLISH),               1, UINT16_MAX,   0x94),
    ROW(maximum_qos,                U8,     IN(MQTT_CONNACK),               0, 1,            0x82),
    ROW(retain_available,           U8,     IN(MQTT_CONNACK),               0, 1,            0x82),
    ROW(maximum_packet,             U32,    OPENING,                        1, UINT32_MAX,   0x82),
    ROW(wildcard_available,         U8,     IN(MQTT_CONNACK),               0, 1,            0x82),
    ROW(subscription_ids_available, U8,     IN(MQTT_CONNACK),               0, 1,            0x82),
    ROW(shared_available,           U8,     IN(MQTT_CONNACK),               0, 1,            0x82),
    /* clang-format on */
#undef ROW
};

/* Row + 1 by identifier, and identifier by row; 0 is no property. */
static const uint8_t row_of[UINT8_MAX + 1] = {
#define X(name, ident, type) [ident] = MQTT_HAS_##name + 1,
    MQTT_PROPERTIES(X)
#undef X
};
static const uint8_t id_of[MQTT_PROPERTY_ROWS] = {
#define X(name, ident, type) [MQTT_HAS_##name] = (ident),
    MQTT_PROPERTIES(X)
#undef X
};

outcome mqtt_take_string(struct bytes *in, struct bytes *ret)
{
    struct bytes rest = *in, text;
    TRY(take_field16(&rest, &text));
    /* MQTT 5, 1.5.4-1, 1.5.4-2 and 1.5.4-3: every string, whatever it is for, without U+0000; U+FEFF is a
     * character */
    if (!bytes_is_utf8(text)) return REFUSE(E_MALFORMED);
    *in = rest;
    *ret = text;
    return DONE;
}

static MUST outcome take_number(struct bytes *in, uint8_t form, uint32_t *ret)
{
    uint8_t small;
    uint16_t middle;
    switch (form) {
    case U8:
        TRY(take_u8(in, &small));
        *ret = small;
        return DONE;
    case U16:
        TRY(take_u16(in, &middle));
        *ret = middle;
        return DONE;
    case U32: return take_u32(in, ret);
    default: return mqtt_take_vbi(in, ret);
    }
}

static void store_number(uint8_t *field, uint8_t form, uint32_t v)
{
    uint8_t small = (uint8_t)v;
    uint16_t middle = (uint16_t)v;
    if (form == U8) memcpy(field, &small, sizeof small);
    else if (form == U16) memcpy(field, &middle, sizeof middle);
    else memcpy(field, &v, sizeof v);
}

static uint32_t load_number(const uint8_t *field, uint8_t form)
{
    uint16_t middle;
    uint32_t v;
    if (form == U8) return *field;
    if (form == U16) return memcpy(&middle, field, sizeof middle), middle;
    return memcpy(&v, field, sizeof v), v;
}

static MUST outcome take_text(struct bytes *in, uint8_t form, struct bytes *ret, uint8_t *reason)
{
    if (form == BINARY) return take_field16(in, ret);
    TRY(mqtt_take_string(in, ret));
    /* MQTT 5, 3.3.2-14 and 3.1.3.2.6: a response topic is a topic name */
    return form == TOPIC ? mqtt_topic_check(*ret, reason) : DONE;
}

static MUST outcome take_value(struct bytes *in, const struct rule *r, struct mqtt_properties *p,
                               uint8_t *reason)
{
    uint8_t *field = (uint8_t *)p + r->at;
    if (r->form >= BINARY) {
        struct bytes text;
        TRY(take_text(in, r->form, &text, reason));
        memcpy(field, &text, sizeof text);
        return DONE;
    }
    uint32_t v;
    TRY(take_number(in, r->form, &v));
    if (v < r->low || v > r->high) return mqtt_refuse(reason, r->reason, REFUSE(E_MALFORMED));
    bool more = r == &rules[MQTT_HAS_subscription_id] && mqtt_has(p, MQTT_HAS_subscription_id);
    if (!more) store_number(field, r->form, v);
    else if (p->more_ids_n < MQTT_SUBSCRIPTION_IDS_MAX - 1) p->more_ids[p->more_ids_n++] = v;
    return DONE;
}

static MUST outcome take_user(struct bytes *in, struct mqtt_properties *p, uint8_t *reason)
{
    struct mqtt_user u;
    /* MQTT 5, 1.5.7-1 */
    TRY(mqtt_take_string(in, &u.name));
    TRY(mqtt_take_string(in, &u.value));
    if (p->users == MQTT_USER_PROPERTIES_MAX)
        return mqtt_refuse(reason, MQTT_QUOTA, REFUSE(E_TOO_LARGE));
    p->user[p->users++] = u;
    return DONE;
}

static MUST outcome take_property(struct bytes *in, enum mqtt_type type, struct mqtt_properties *p,
                                  uint8_t *reason)
{
    uint32_t id;
    TRY(mqtt_take_vbi(in, &id));
    if (id == USER_PROPERTY) return take_user(in, p, reason);
    size_t row = id <= UINT8_MAX ? row_of[id] : 0;
    /* MQTT 5, 2.2.2.2: an identifier not valid for the packet type is a malformed packet */
    if (!row || !(rules[row - 1].in & IN(type))) return REFUSE(E_MALFORMED);
    const struct rule *r = &rules[row - 1];
    uint64_t bit = (uint64_t)1 << (row - 1);
    bool again = p->has & bit;
    /* MQTT 5, 3.3.2.3.8: a forwarded PUBLISH may carry several subscription identifiers */
    if (again && !(type == MQTT_PUBLISH && r == &rules[MQTT_HAS_subscription_id]))
        return mqtt_refuse(reason, MQTT_PROTOCOL_ERROR, REFUSE(E_MALFORMED));
    TRY(take_value(in, r, p, reason));
    p->has |= bit;
    return DONE;
}

outcome mqtt_take_properties(struct bytes *in, enum mqtt_type type, struct mqtt_properties *ret,
                             uint8_t *reason)
{
    uint32_t n;
    struct bytes list;
    TRY(mqtt_take_vbi(in, &n));
    TRY(take(in, n, &list));
    if (n > MQTT_PROPERTIES_BYTES_MAX) return mqtt_refuse(reason, MQTT_QUOTA, REFUSE(E_TOO_LARGE));
    while (list.n > 0) TRY(take_property(&list, type, ret, reason));
    /* MQTT 5, 3.1.2.11.10 and 3.15.2.2.3: data without a method */
    if (mqtt_has(ret, MQTT_HAS_auth_data) && !mqtt_has(ret, MQTT_HAS_auth_method))
        return mqtt_refuse(reason, MQTT_PROTOCOL_ERROR, REFUSE(E_MALFORMED));
    return DONE;
}

static bool is_written(const struct mqtt_properties *p, enum mqtt_type type, size_t row)
{
    return p && p->has >> row & 1 && rules[row].in & IN(type);
}

static size_t value_size(const struct mqtt_properties *p, const struct rule *r)
{
    const uint8_t *field = (const uint8_t *)p + r->at;
    struct bytes text;
    switch (r->form) {
    case U8: return 1;
    case U16: return 2;
    case U32: return 4;
    case VBI: return mqtt_vbi_size(load_number(field, VBI));
    default: memcpy(&text, field, sizeof text); return 2 + text.n;
    }
}

size_t mqtt_properties_size(const struct mqtt_properties *p, enum mqtt_type type)
{
    size_t n = 0;
    if (!p || (!p->has && !p->users)) return 0;
    for (size_t row = 0; row < MQTT_PROPERTY_ROWS; row++)
        if (is_written(p, type, row)) n += 1 + value_size(p, &rules[row]);
    for (size_t i = 0; p && type == MQTT_PUBLISH && i < p->more_ids_n; i++)
        n += 1 + mqtt_vbi_size(p->more_ids[i]);
    for (size_t i = 0; p && i < p->users; i++) n += 5 + p->user[i].name.n + p->user[i].value.n;
    return n;
}

static void put_value(struct out *o, const struct mqtt_properties *p, const struct rule *r)
{
    const uint8_t *field = (const uint8_t *)p + r->at;
    struct bytes text;
    switch (r->form) {
    case U8: put_u8(o, *field); return;
    case U16: put_u16(o, (uint16_t)load_number(field, U16)); return;
    case U32: put_u32(o, load_number(field, U32)); return;
    case VBI: mqtt_put_vbi(o, load_number(field, VBI)); return;
    default: memcpy(&text, field, sizeof text); put_field16(o, text); return;
    }
}

void mqtt_put_properties(struct out *o, const struct mqtt_properties *p, enum mqtt_type type)
{
    size_t n = mqtt_properties_size(p, type);
    assert(n <= MQTT_VBI_MAX && (!p || p->users <= MQTT_USER_PROPERTIES_MAX));
    /* MQTT 5, 2.2.2-1: also when there are none */
    mqtt_put_vbi(o, (uint32_t)n);
    if (!n) return;
    for (size_t row = 0; row < MQTT_PROPERTY_ROWS; row++) {
        if (!is_written(p, type, row)) continue;
        put_u8(o, id_of[row]);
        put_value(o, p, &rules[row]);
    }
    for (size_t i = 0; p && type == MQTT_PUBLISH && i < p->more_ids_n; i++) {
        put_u8(o, id_of[MQTT_HAS_subscription_id]);
        mqtt_put_vbi(o, p->more_ids[i]);
    }
    for (size_t i = 0; p && i < p->users; i++) {
        put_u8(o, USER_PROPERTY);
        put_field16(o, p->user[i].name);
        put_field16(o, p->user[i].value);
    }
}

/* MQTT 5, 3.2.2-8, 3.4.2-1, 3.5.2-1, 3.6.2-1, 3.7.2-1, 3.9.3-2, 3.11.3-2, 3.14.2-1 and 3.15.2-1 (table 2-6), for what is
 * read and for what is written. */
static const struct {
    uint8_t reason;
    uint32_t in;
} reasons[] = {
#define ACKS (IN(MQTT_PUBACK) | IN(MQTT_PUBREC))
#define RELEASES (IN(MQTT_PUBREL) | IN(MQTT_PUBCOMP))
#define SUBS IN(MQTT_SUBACK)
#define UNSUBS IN(MQTT_UNSUBACK)
#define BYE IN(MQTT_DISCONNECT)
#define HELLO IN(MQTT_CONNACK)
    { 0x00, HELLO | ACKS | RELEASES | SUBS | UNSUBS | BYE | IN(MQTT_AUTH) },
    { 0x01, SUBS },
    { 0x02, SUBS },
    { 0x04, BYE },
    { 0x10, ACKS },
    { 0x11, UNSUBS },
    { 0x18, IN(MQTT_AUTH) },
    { 0x19, IN(MQTT_AUTH) },
    { 0x80, HELLO | ACKS | SUBS | UNSUBS | BYE },
    { 0x81, HELLO | BYE },
    { 0x82, HELLO | BYE },
    { 0x83, HELLO | ACKS | SUBS | UNSUBS | BYE },
    { 0x84, HELLO },
    { 0x85, HELLO },
    { 0x86, HELLO },
    { 0x87, HELLO | ACKS | SUBS | UNSUBS | BYE },
    { 0x88, HELLO },
    { 0x89, HELLO | BYE },
    { 0x8A, HELLO },
    { 0x8B, BYE },
    { 0x8C, HELLO | BYE },
    { 0x8D, BYE },
    { 0x8E, BYE },
    { 0x8F, SUBS | UNSUBS | BYE },
    { 0x90, HELLO | ACKS | BYE },
    { 0x91, ACKS | SUBS | UNSUBS },
    { 0x92, RELEASES },
    { 0x93, BYE },
    { 0x94, BYE },
    { 0x95, HELLO | BYE },
    { 0x96, BYE },
    { 0x97, HELLO | ACKS | SUBS | BYE },
    { 0x98, BYE },
    { 0x99, HELLO | ACKS | BYE },
    { 0x9A, HELLO | BYE },
    { 0x9B, HELLO | BYE },
    { 0x9C, HELLO | BYE },
    { 0x9D, HELLO | BYE },
    { 0x9E, SUBS | BYE },
    { 0x9F, HELLO | BYE },
    { 0xA0, BYE },
    { 0xA1, SUBS | BYE },
    { 0xA2, SUBS | BYE },
};

bool mqtt_reason_allowed(enum mqtt_type type, uint8_t reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].reason == reason) return reasons[i].in & IN(type);
    return false;
}

/* MQTT 3.1.1, table 3.1. The index is the return code. */
static const uint8_t return_reasons[] = { 0x00, 0x84, 0x85, 0x88, 0x86, 0x87 };

uint8_t mqtt_return_code(uint8_t reason)
{
    for (size_t i = 0; i < sizeof return_reasons; i++)
        if (return_reasons[i] == reason) return (uint8_t)i;
    return reason == MQTT_BANNED ? 5 : 3; /* not authorized; server unavailable */
}

outcome mqtt_return_reason(uint8_t code, uint8_t *ret_reason)
{
    if (code >= sizeof return_reasons) return REFUSE(E_MALFORMED);
    *ret_reason = return_reasons[code];
    return DONE;
}
