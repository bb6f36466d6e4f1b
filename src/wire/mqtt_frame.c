/* Where a packet ends: the fixed header. The gate calls this on bytes nobody has looked at. */
#include "wire/mqtt_parts.h"

outcome mqtt_take_vbi(struct bytes *in, uint32_t *ret)
{
    struct bytes rest = *in;
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t byte;
        TRY(take_u8(&rest, &byte));
        value |= (uint32_t)(byte & 0x7F) << shift;
        if (byte & 0x80) continue;
        /* MQTT 5, 1.5.5-1: the minimum number of bytes */
        if (shift > 0 && byte == 0) return REFUSE(E_MALFORMED);
        *in = rest;
        *ret = value;
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}

void mqtt_put_vbi(struct out *o, uint32_t v)
{
    assert(v <= MQTT_VBI_MAX);
    do {
        uint8_t byte = v & 0x7F;
        v >>= 7;
        put_u8(o, (uint8_t)(byte | (v ? 0x80 : 0)));
    } while (v);
}

size_t mqtt_vbi_size(uint32_t v)
{
    return v < 1u << 7 ? 1 : v < 1u << 14 ? 2 : v < 1u << 21 ? 3 : 4;
}

/* MQTT 5, 2.1.3-1, 3.6.1-1, 3.8.1-1, 3.10.1-1, 3.14.1-1 and 3.15.1-1: the low four bits of the first byte are fixed, but for PUBLISH. */
static bool flags_good(uint8_t first)
{
    static const uint8_t fixed[16] = {
        [MQTT_PUBREL] = 2, [MQTT_SUBSCRIBE] = 2, [MQTT_UNSUBSCRIBE] = 2,
    };
    uint8_t type = first >> 4, flags = first & 0x0F;
    if (type != MQTT_PUBLISH) return flags == fixed[type];
    uint8_t qos = flags >> 1 & 3;
    bool duplicate = flags & 8;
    return qos != 3              /* MQTT 5, 3.3.1-4 */
        && !(duplicate && !qos); /* MQTT 5, 3.3.1-2 */
}

outcome mqtt_frame(struct bytes in, size_t packet_max, enum mqtt_type *ret_type, size_t *ret_total)
{
    struct bytes rest = in;
    uint8_t first;
    uint32_t body_n;
    TRY(take_u8(&rest, &first));
    if (first >> 4 == 0) return REFUSE(E_MALFORMED); /* MQTT 5, 2.1.2: reserved */
    if (!flags_good(first)) return REFUSE(E_MALFORMED);
    TRY(mqtt_take_vbi(&rest, &body_n));
    enum mqtt_type type = (enum mqtt_type)(first >> 4);
    /* MQTT 5, 3.12 and 3.13: the fixed header is all */
    if ((type == MQTT_PINGREQ || type == MQTT_PINGRESP) && body_n) return REFUSE(E_MALFORMED);
    size_t total = in.n - rest.n + body_n;
    if (total > packet_max) return REFUSE(E_TOO_LARGE);
    *ret_type = type;
    *ret_total = total;
    return DONE;
}
