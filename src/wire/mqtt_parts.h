/* What the MQTT files of this room share; nobody else includes it. */
#ifndef WIRE_MQTT_PARTS_H
#define WIRE_MQTT_PARTS_H

#include "wire/mqtt.h"

#define MQTT_VBI_MAX 268435455u /* MQTT 5, 1.5.5: four bytes of seven bits */

/* The properties of a will have a set of their own, like a packet type. Type 0 is reserved. */
#define MQTT_WILL ((enum mqtt_type)0)

/* MQTT 5, 1.5.5. E_SHORT when more bytes are needed, E_MALFORMED over 4 bytes or not minimal. */
MUST outcome mqtt_take_vbi(struct bytes *in, uint32_t *ret);
void mqtt_put_vbi(struct out *o, uint32_t v);
size_t mqtt_vbi_size(uint32_t v);

/* MQTT 5, 1.5.4: length, then well-formed UTF-8 without U+0000. */
MUST outcome mqtt_take_string(struct bytes *in, struct bytes *ret);

/* MQTT 5, 2.2.2: length and properties. *reason is set on refusal only. *ret starts zeroed. */
MUST outcome mqtt_take_properties(struct bytes *in, enum mqtt_type type,
                                  struct mqtt_properties *ret, uint8_t *reason);
/* Bytes of the properties that type may carry, without their length; p may be NULL. */
size_t mqtt_properties_size(const struct mqtt_properties *p, enum mqtt_type type);
/* Their length and they. */
void mqtt_put_properties(struct out *o, const struct mqtt_properties *p, enum mqtt_type type);

/* May this reason code stand in this packet (MQTT 5, 2.4)? */
bool mqtt_reason_allowed(enum mqtt_type type, uint8_t reason);

/* MQTT 3.1.1, 3.2.2.3: CONNACK return codes and the MQTT 5 reasons that mean the same. */
uint8_t mqtt_return_code(uint8_t reason);
MUST outcome mqtt_return_reason(uint8_t code, uint8_t *ret_reason);

/* A topic name read from a packet: DONE, or refused with the reason that fits. */
MUST outcome mqtt_topic_check(struct bytes topic, uint8_t *reason);

/* Refuses with this reason code for the peer. */
static inline outcome mqtt_refuse(uint8_t *reason, uint8_t why, outcome o)
{
    *reason = why;
    return o;
}

#endif
