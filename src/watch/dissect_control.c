/* What moves machines and readings: Modbus TCP, MQTT, FL-net. Writes and commands are a class of their own. */
#include <stdio.h>

#include "watch/dissect.h"
#include "wire/mqtt.h"

enum { MODBUS_PORT = 502, MODBUS_LENGTH_MAX = 254, UNITS_MAX = 32, MQTT_PORT = 1883, MQTT_PACKET_MAX = 1 << 20 };

/* The function codes of the specification V1.1b3, section 6; request bytes behind the code, 0 = varies. */
static const struct { uint8_t code, request; bool writes; } functions[] = { { 1, 4, false }, { 2, 4, false }, { 3, 4, false }, { 4, 4, false },
    { 5, 4, true }, { 6, 4, true }, { 7, 0, false }, { 8, 0, false }, { 11, 0, false }, { 12, 0, false }, { 15, 0, true }, { 16, 0, true },
    { 17, 0, false }, { 20, 0, false }, { 21, 0, true }, { 22, 6, true }, { 23, 0, true }, { 24, 2, false }, { 43, 0, false },
    { 90, 0, true } /* a maker's programming service */ };

struct modbus {
    uint8_t code, row;
    bool exception, request; /* request: its shape is that of one, and of nothing else */
    struct bytes data;
};

static MUST outcome modbus_shape(struct modbus *m)
{
    const struct bytes d = m->data;
    uint8_t counted = d.n > 4 ? d.at[4] : 0;
    if (m->exception) return d.n == 1 ? DONE : REFUSE(E_UNKNOWN);
    if (m->code <= 4) {
        bool answer = d.n >= 2 && d.at[0] == d.n - 1;
        m->request = d.n == 4 && !answer;
        return m->request || answer || d.n == 4 ? DONE : REFUSE(E_UNKNOWN);
    }
    if (m->code == 15 || m->code == 16) {
        m->request = d.n > 5 && counted == d.n - 5;
        return m->request || d.n == 4 ? DONE : REFUSE(E_UNKNOWN);
    }
    if (functions[m->row].request && functions[m->row].request != d.n) return REFUSE(E_UNKNOWN);
    return DONE;
}

/* One unit of the stream: MBAP header, function, data. */
static MUST outcome modbus_unit(struct bytes *in, struct modbus *ret)
{
    struct modbus m = { 0 };
    uint16_t transaction = 0, protocol = 0, n = 0;
    uint8_t unit = 0;
    TRY(take_u16(in, &transaction));
    TRY(take_u16(in, &protocol));
    if (protocol != 0) return REFUSE(E_UNKNOWN);
    TRY(take_u16(in, &n));
    if (n < 2 || n > MODBUS_LENGTH_MAX) return REFUSE(E_UNKNOWN);
    TRY(take_u8(in, &unit));
    TRY(take_u8(in, &m.code));
    m.exception = m.code & 0x80;
    m.code &= 0x7F;
    while (m.row < sizeof functions / sizeof *functions && functions[m.row].code != m.code) m.row++;
    if (m.row == sizeof functions / sizeof *functions) return REFUSE(E_UNKNOWN);
    TRY(take(in, (size_t)n - 2, &m.data));
    TRY(modbus_shape(&m));
    *ret = m;
    return DONE;
}

static void modbus_note(const struct modbus *m, struct found *f)
{
    bool writes = functions[m->row].writes && !m->exception;
    if (f->marks & MARK_WRITE && !writes) return; /* the write of a burst is what counts */
    if (m->request) f->said_by = SIDE_CLIENT;
    if (m->exception) f->said_by = SIDE_SERVER;
    f->code = m->code;
    if (writes) f->marks |= MARK_WRITE;
    unsigned at = m->data.n >= 2 ? (unsigned)m->data.at[0] << 8 | m->data.at[1] : 0;
    unsigned value = m->data.n >= 4 ? (unsigned)m->data.at[2] << 8 | m->data.at[3] : 0;
    if (m->code == 5 || m->code == 6) snprintf(f->name, sizeof f->name, "FC%u @%u = %u", m->code, at, value);
    else if (m->code <= 4 || m->code == 15 || m->code == 16) snprintf(f->name, sizeof f->name, "FC%u @%u x%u", m->code, at, value);
    else snprintf(f->name, sizeof f->name, "FC%u", m->code);
}

outcome dissect_modbus(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload;
    bool hint = talk_port(t, MODBUS_PORT);
    for (int i = 0; i < UNITS_MAX && in.n; i++) {
        struct modbus m;
        struct bytes rest = in;
        outcome o = modbus_unit(&rest, &m);
        /* The first unit decides; behind it only whole good ones count. */
        if (!ok(o) && (i || t->known == PROTO_MODBUS)) break;
        if (!ok(o)) return o;
        /* Without the port, an exact request or an answer that ends the segment exactly. */
        if (!i && !hint && t->known != PROTO_MODBUS && (m.exception || rest.n || (!m.request && m.data.n < 2))) return REFUSE(E_UNKNOWN);
        modbus_note(&m, ret);
        in = rest;
    }
    if (hint) ret->said_by = talk_side(t, MODBUS_PORT);
    return DONE;
}

/* ---- MQTT ---- */

static bool commands(struct bytes topic)
{
    static const char *const words[] = { "cmd", "command", "commands", "set", "DCMD", "NCMD", "cmnd" };
    while (topic.n) {
        const uint8_t *end = memchr(topic.at, '/', topic.n);
        struct bytes level = { topic.at, end ? (size_t)(end - topic.at) : topic.n };
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (bytes_equal_str(level, words[i])) return true;
        size_t gone = end ? level.n + 1 : level.n;
        topic = bytes_of(topic.at + gone, topic.n - gone);
    }
    return false;
}

static bool mqtt_connect_name(struct bytes in)
{
    struct bytes name = BYTES_NONE;
    for (int i = 0; i < 4 && in.n > 1; i++) { /* past the remaining length */
        bool more = in.at[0] & 0x80;
        in = bytes_of(in.at + 1, in.n - 1);
        if (!more) break;
    }
    return ok(take_field16(&in, &name)) && (bytes_equal_str(name, "MQTT") || bytes_equal_str(name, "MQIsdp"));
}

static void mqtt_connect_note(struct bytes packet, struct found *f)
{
    struct mqtt_connect c = { 0 };
    uint8_t reason = 0;
    f->said_by = SIDE_CLIENT;
    outcome o = mqtt_read_connect(packet, &c, &reason);
    if (!ok(o)) return;
    if (c.has_password) f->marks |= MARK_PASSWORD;
    text_shown(c.client_id, f->name, sizeof f->name);
}

/* The topic stands at the same place in every version. */
static MUST outcome mqtt_publish_note(struct bytes packet, struct found *f)
{
    struct bytes topic;
    size_t i = 1;
    while (i < 5 && i < packet.n && packet.at[i] & 0x80) i++;
    struct bytes in = i < packet.n ? bytes_of(packet.at + i + 1, packet.n - i - 1) : BYTES_NONE;
    if ((packet.at[0] & 6) == 6) return REFUSE(E_UNKNOWN);
    TRY(take_field16(&in, &topic));
    if (!bytes_is_utf8(topic)) return REFUSE(E_UNKNOWN);
    f->marks |= MARK_PUBLISH;
    bool command = commands(topic);
    if (topic.n && (command || !(f->marks & MARK_COMMAND))) text_shown(topic, f->name, sizeof f->name);
    if (command) f->marks |= MARK_COMMAND;
    return DONE;
}

static MUST outcome mqtt_first(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload;
    uint8_t type = in.at[0] >> 4;
    if (in.at[0] == 0x10) {
        if (in.n < 12) return REFUSE(E_SHORT);
        if (!mqtt_connect_name(bytes_of(in.at + 1, in.n - 1))) return REFUSE(E_UNKNOWN);
        ret->said_by = SIDE_CLIENT;
        return DONE;
    }
    /* An answer, or a conversation that began before the capture: the port must agree. */
    if (!talk_port(t, MQTT_PORT) || type == 0) return REFUSE(E_UNKNOWN);
    ret->said_by = talk_side(t, MQTT_PORT);
    return DONE;
}

outcome dissect_mqtt(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload;
    if (t->known != PROTO_MQTT) TRY(mqtt_first(t, ret));
    for (int i = 0; i < UNITS_MAX && in.n; i++) {
        enum mqtt_type type = MQTT_CONNECT;
        size_t total = 0;
        outcome o = mqtt_frame(in, MQTT_PACKET_MAX, &type, &total);
        if (!ok(o) && !i && t->known != PROTO_MQTT && in.at[0] != 0x10) return REFUSE(E_UNKNOWN);
        if (!ok(o)) break;
        bool whole = total <= in.n;
        struct bytes packet = bytes_of(in.at, whole ? total : in.n);
        if (!i && !whole && t->known != PROTO_MQTT && type != MQTT_CONNECT && type != MQTT_PUBLISH) return REFUSE(E_UNKNOWN);
        if (type == MQTT_CONNECT && whole) mqtt_connect_note(packet, ret);
        if (type == MQTT_PUBLISH && !ok(mqtt_publish_note(packet, ret)) && t->known != PROTO_MQTT && !i) return REFUSE(E_UNKNOWN);
        if (!whole) break;
        in = bytes_of(in.at + total, in.n - total);
    }
    return DONE;
}

/* ---- FL-net (JIS B 3521): a token ring over UDP, every frame begins with its type "FACN" ---- */

outcome dissect_flnet(const struct talk *t, struct found *ret)
{
    if (t->known == PROTO_FLNET) return DONE;
    if (!ok(talk_begins(t->payload, "FACN"))) return REFUSE(E_UNKNOWN);
    if (t->payload.n < 64) return REFUSE(E_UNKNOWN); /* its header's length */
    ret->said_by = SIDE_UNKNOWN;
    return DONE;
}
