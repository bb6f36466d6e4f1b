/* MQTT 3.1.1 and 5.0 packets: one reader and one writer each, pure, views into the input.
 * Citations as [MQTT 5, n.n.n]. E_MALFORMED = protocol error class; *ret_reason is the v5 reason code
 * to disconnect with (0x81 malformed, 0x82 protocol error, ...). */
#ifndef WIRE_MQTT_H
#define WIRE_MQTT_H

#include "base/mem.h"

enum mqtt_type { MQTT_CONNECT = 1, MQTT_CONNACK, MQTT_PUBLISH, MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL,
    MQTT_PUBCOMP, MQTT_SUBSCRIBE, MQTT_SUBACK, MQTT_UNSUBSCRIBE, MQTT_UNSUBACK, MQTT_PINGREQ,
    MQTT_PINGRESP, MQTT_DISCONNECT, MQTT_AUTH };

/* What is parsed and kept of a topic or filter at all: 200 slashes, as mosquitto has it. The exchange accepts fewer
 * (exchange_bounds: 512 bytes and 32 levels at a site, all of it in the lab). */
#define MQTT_TOPIC_MAX 1024
#define MQTT_LEVELS_MAX 201
#define MQTT_USER_PROPERTIES_MAX 32
#define MQTT_PROPERTIES_BYTES_MAX 8192
#define MQTT_FILTERS_MAX 64
#define MQTT_SUBSCRIPTION_IDS_MAX 16

enum mqtt_reason { MQTT_SUCCESS = 0x00, MQTT_NO_SUBSCRIBERS = 0x10, MQTT_UNSPECIFIED = 0x80, MQTT_MALFORMED = 0x81,
    MQTT_PROTOCOL_ERROR = 0x82, MQTT_IMPLEMENTATION = 0x83, MQTT_BAD_VERSION = 0x84,
    MQTT_BAD_CLIENT_ID = 0x85, MQTT_NOT_AUTHORIZED = 0x87, MQTT_UNAVAILABLE = 0x88, MQTT_BUSY = 0x89,
    MQTT_BANNED = 0x8A, MQTT_SHUTTING_DOWN = 0x8B, MQTT_KEEP_ALIVE = 0x8D, MQTT_TAKEN_OVER = 0x8E,
    MQTT_FILTER_INVALID = 0x8F, MQTT_TOPIC_INVALID = 0x90, MQTT_ID_IN_USE = 0x91, MQTT_ID_UNKNOWN = 0x92,
    MQTT_RECEIVE_MAX = 0x93, MQTT_ALIAS_INVALID = 0x94, MQTT_TOO_LARGE = 0x95, MQTT_RATE = 0x96,
    MQTT_QUOTA = 0x97, MQTT_ADMINISTRATIVE = 0x98, MQTT_PAYLOAD_FORMAT = 0x99, MQTT_NO_RETAIN = 0x9A,
    MQTT_NO_QOS = 0x9B, MQTT_NO_SHARED = 0x9E, MQTT_NO_SUBSCRIPTION_IDS = 0xA1, MQTT_NO_WILDCARDS = 0xA2 };

/* Properties that were present have their bit set in `has` (1 << row). */
#define MQTT_PROPERTIES(X) /* name, identifier, C type of the field */                             \
    X(payload_format, 0x01, uint8_t) X(message_expiry_s, 0x02, uint32_t)                           \
    X(content_type, 0x03, struct bytes) X(response_topic, 0x08, struct bytes)                      \
    X(correlation, 0x09, struct bytes) X(subscription_id, 0x0B, uint32_t)                          \
    X(session_expiry_s, 0x11, uint32_t) X(assigned_client_id, 0x12, struct bytes)                  \
    X(server_keep_alive_s, 0x13, uint16_t) X(auth_method, 0x15, struct bytes)                      \
    X(auth_data, 0x16, struct bytes) X(request_problem, 0x17, uint8_t)                             \
    X(will_delay_s, 0x18, uint32_t) X(request_response, 0x19, uint8_t)                             \
    X(response_information, 0x1A, struct bytes) X(server_reference, 0x1C, struct bytes)            \
    X(reason_string, 0x1F, struct bytes) X(receive_maximum, 0x21, uint16_t)                        \
    X(topic_alias_maximum, 0x22, uint16_t) X(topic_alias, 0x23, uint16_t)                          \
    X(maximum_qos, 0x24, uint8_t) X(retain_available, 0x25, uint8_t)                               \
    X(maximum_packet, 0x27, uint32_t) X(wildcard_available, 0x28, uint8_t)                         \
    X(subscription_ids_available, 0x29, uint8_t) X(shared_available, 0x2A, uint8_t)

enum mqtt_property_row {
#define X(name, id, type) MQTT_HAS_##name,
    MQTT_PROPERTIES(X)
#undef X
        MQTT_PROPERTY_ROWS
};

struct mqtt_user { struct bytes name, value; };

struct mqtt_properties {
    uint64_t has; /* bit MQTT_HAS_x */
#define X(name, id, type) type name;
    MQTT_PROPERTIES(X)
#undef X
    size_t users, more_ids_n;
    /* From here on nothing counts beyond users and more_ids_n: it is neither cleared nor copied. */
    uint32_t more_ids[MQTT_SUBSCRIPTION_IDS_MAX - 1]; /* a PUBLISH to a client: after subscription_id */
    struct mqtt_user user[MQTT_USER_PROPERTIES_MAX];
};
/* No property at all. */
static inline void mqtt_properties_begin(struct mqtt_properties *p)
{
    memset(p, 0, offsetof(struct mqtt_properties, more_ids));
}
static inline void mqtt_properties_copy(struct mqtt_properties *to, const struct mqtt_properties *p)
{
    memcpy(to, p, offsetof(struct mqtt_properties, more_ids));
    if (p->more_ids_n) memcpy(to->more_ids, p->more_ids, p->more_ids_n * sizeof *p->more_ids);
    if (p->users) memcpy(to->user, p->user, p->users * sizeof *p->user);
}
static inline bool mqtt_has(const struct mqtt_properties *p, enum mqtt_property_row row)
{
    return p->has >> row & 1;
}

struct mqtt_connect {
    uint8_t version; /* 4 = 3.1.1, 5 = 5.0 */
    bool clean_start;
    uint16_t keep_alive_s;
    struct bytes client_id;
    struct mqtt_properties properties;
    bool has_will, will_retain;
    uint8_t will_qos;
    struct bytes will_topic, will_payload;
    struct mqtt_properties will_properties;
    bool has_user, has_password;
    struct bytes user, password;
};

struct mqtt_publish {
    bool duplicate, retain;
    uint8_t qos;
    uint16_t id; /* 0 at QoS 0 */
    struct bytes topic, payload;
    struct mqtt_properties properties;
};

/* An empty one, for a local that is UNSET. */
static inline void mqtt_publish_begin(struct mqtt_publish *m)
{
    memset(m, 0, offsetof(struct mqtt_publish, properties));
    mqtt_properties_begin(&m->properties);
}

struct mqtt_ack { /* PUBACK, PUBREC, PUBREL, PUBCOMP, and (without id) DISCONNECT, AUTH */
    uint16_t id;
    uint8_t reason;
    struct mqtt_properties properties;
};

static inline void mqtt_ack_begin(struct mqtt_ack *a, uint16_t id, uint8_t reason)
{
    a->id = id;
    a->reason = reason;
    mqtt_properties_begin(&a->properties);
}

struct mqtt_subscribe { /* and UNSUBSCRIBE (options unused) */
    uint16_t id;
    size_t n;
    struct {
        struct bytes filter;
        uint8_t qos;
        bool no_local, retain_as_published;
        uint8_t retain_handling;
        bool over; /* well formed, and more than our bounds: not to be used, answered with 0x8F */
    } rows[MQTT_FILTERS_MAX];
    struct mqtt_properties properties;
};

/* Framing (gate): E_SHORT until the fixed header is whole; ret_total = whole packet length. A variable
 * byte integer of 5 bytes or not minimal is E_MALFORMED; over packet_max is E_TOO_LARGE. */
MUST outcome mqtt_frame(struct bytes in, size_t packet_max, enum mqtt_type *ret_type, size_t *ret_total);

/* The version to answer a CONNECT in, also one mqtt_read_connect refused: 4 or 5. */
uint8_t mqtt_connect_version(struct bytes packet);

/* Each reads one complete packet. version: 4 or 5 (from CONNECT). Outcomes: E_MALFORMED; E_TOO_LARGE
 * over our bounds; E_UNSUPPORTED for a protocol version we do not speak. Views into packet. Reason
 * codes are MQTT 5's in both versions. Subscription identifiers of a PUBLISH over
 * MQTT_SUBSCRIPTION_IDS_MAX are read past; a server must refuse a client's PUBLISH that has one
 * (MQTT 5, 3.3.4-6): the reader cannot know the direction. Topics, response topics, and filters not marked `over` are
 * valid when read here. */
MUST outcome mqtt_read_connect(struct bytes packet, struct mqtt_connect *ret, uint8_t *ret_reason);
MUST outcome mqtt_read_connack(struct bytes packet, uint8_t version, bool *ret_present, struct mqtt_ack *ret, uint8_t *ret_reason);
MUST outcome mqtt_read_publish(struct bytes packet, uint8_t version, struct mqtt_publish *ret, uint8_t *ret_reason);
MUST outcome mqtt_read_ack(struct bytes packet, uint8_t version, struct mqtt_ack *ret, uint8_t *ret_reason);
MUST outcome mqtt_read_subscribe(struct bytes packet, uint8_t version, struct mqtt_subscribe *ret, uint8_t *ret_reason);
/* SUBACK / UNSUBACK: reason per filter into codes[cap]. */
MUST outcome mqtt_read_suback(struct bytes packet, uint8_t version, uint16_t *ret_id, uint8_t *codes, size_t cap, size_t *ret_n, uint8_t *ret_reason);

/* Each appends one whole packet; b is unchanged on refusal. Properties with their bit set are
 * written (version 5 only) where MQTT 5, table 2-4 lets that packet carry them, the rest left out: so
 * a will's properties can be handed on. Whoever forwards a PUBLISH clears topic_alias and the
 * subscription identifiers itself. Version 4: CONNACK and SUBACK reasons become return codes; version 5: E_RANGE for a reason code that packet
 * cannot have. */
MUST outcome mqtt_write_connect(const struct mqtt_connect *c, struct buffer *b);
MUST outcome mqtt_write_connack(uint8_t version, bool present, uint8_t reason, const struct mqtt_properties *p, struct buffer *b);
MUST outcome mqtt_write_publish(uint8_t version, const struct mqtt_publish *m, struct buffer *b);
MUST outcome mqtt_write_ack(uint8_t version, enum mqtt_type type, const struct mqtt_ack *a, struct buffer *b);
MUST outcome mqtt_write_subscribe(uint8_t version, const struct mqtt_subscribe *s, struct buffer *b);
MUST outcome mqtt_write_unsubscribe(uint8_t version, const struct mqtt_subscribe *s, struct buffer *b);
struct mqtt_grants { /* SUBACK, UNSUBACK: one reason a filter; p may be NULL */
    uint16_t id;
    const uint8_t *codes;
    size_t n;
    const struct mqtt_properties *p;
};
MUST outcome mqtt_write_suback(uint8_t version, enum mqtt_type type, const struct mqtt_grants *g, struct buffer *b);
/* A PUBLISH's property list alone, with its length, as it stands in an MQTT 5 packet: to keep it. */
MUST outcome mqtt_write_list(const struct mqtt_properties *p, struct buffer *b);
MUST outcome mqtt_read_list(struct bytes list, struct mqtt_properties *ret);
MUST outcome mqtt_write_disconnect(uint8_t version, uint8_t reason, const char *why, struct buffer *b);
MUST outcome mqtt_write_ping(enum mqtt_type type, struct buffer *b);

/* [MQTT 5, 4.7] iterative; <= MQTT_LEVELS_MAX levels. "$" topics do not match a leading wildcard.
 * Matching takes valid topics and filters; of a shared filter it sees the part after the name. */
bool mqtt_topic_valid(struct bytes topic);   /* no wildcards, not empty */
bool mqtt_filter_valid(struct bytes filter); /* shared subscriptions included: $share/name/filter */
/* By the standard alone, without our bounds: what is not formed is malformed (0x81), what is and is not valid is not
 * accepted here (0x90 and 0x8F). */
bool mqtt_topic_formed(struct bytes topic);
bool mqtt_filter_formed(struct bytes filter);
size_t mqtt_levels(struct bytes text);
bool mqtt_matches(struct bytes filter, struct bytes topic);
/* Does every topic that `inner` meets also meet `outer`? */
bool mqtt_covers(struct bytes outer, struct bytes inner);

#endif
