/* First byte: the version (even 4, odd 5). The rest: bytes from a peer. What is read can be written,
 * and reads back as the same bytes from then on. */
#include "fuzz.h"
#include "wire/mqtt.h"

#define PACKET_MAX 100000

union any {
    struct mqtt_connect connect;
    struct mqtt_publish publish;
    struct mqtt_subscribe subscribe;
    struct mqtt_ack ack;
    struct {
        uint16_t id;
        uint8_t codes[300];
        size_t n;
    } suback;
};

static outcome read_one(struct bytes p, uint8_t version, union any *u, bool *present)
{
    uint8_t reason = 0;
    switch (p.at[0] >> 4) {
    case MQTT_CONNECT: return mqtt_read_connect(p, &u->connect, &reason);
    case MQTT_CONNACK: return mqtt_read_connack(p, version, present, &u->ack, &reason);
    case MQTT_PUBLISH: return mqtt_read_publish(p, version, &u->publish, &reason);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE: return mqtt_read_subscribe(p, version, &u->subscribe, &reason);
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        return mqtt_read_suback(p, version, &u->suback.id, u->suback.codes, sizeof u->suback.codes,
                                &u->suback.n, &reason);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP: return DONE;
    default: return mqtt_read_ack(p, version, &u->ack, &reason);
    }
}

static outcome write_one(enum mqtt_type type, uint8_t version, const union any *u, bool present,
                         struct buffer *b)
{
    switch (type) {
    case MQTT_CONNECT: return mqtt_write_connect(&u->connect, b);
    case MQTT_CONNACK:
        return mqtt_write_connack(version, present, u->ack.reason, &u->ack.properties, b);
    case MQTT_PUBLISH: return mqtt_write_publish(version, &u->publish, b);
    case MQTT_SUBSCRIBE: return mqtt_write_subscribe(version, &u->subscribe, b);
    case MQTT_UNSUBSCRIBE: return mqtt_write_unsubscribe(version, &u->subscribe, b);
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        return mqtt_write_suback(version, type, &(struct mqtt_grants) { u->suback.id, u->suback.codes, u->suback.n, NULL }, b);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP: return mqtt_write_ping(type, b);
    default: return mqtt_write_ack(version, type, &u->ack, b);
    }
}

static void check_topics(struct bytes topic)
{
    bool name = mqtt_topic_valid(topic), filter = mqtt_filter_valid(topic);
    if (name && filter && !bytes_starts(topic, BYTES_LIT("$share/"))) {
        HOLDS(mqtt_matches(topic, topic));
        HOLDS(mqtt_matches(BYTES_LIT("#"), topic) == (topic.at[0] != '$'));
    }
    if (filter) HOLDS(mqtt_covers(topic, topic));
}

static void check_packet(struct bytes packet, enum mqtt_type type, uint8_t version)
{
    static union any u;
    bool present = false;
    if (!ok(read_one(packet, version, &u, &present))) return;
    if (type == MQTT_CONNECT) version = u.connect.version;
    if (type == MQTT_PUBLISH) HOLDS(fuzz_inside(u.publish.payload, packet));
    if (type == MQTT_PUBLISH) check_topics(u.publish.topic);
    struct buffer once = BUFFER(2 * PACKET_MAX), twice = BUFFER(2 * PACKET_MAX);
    HOLDS(ok(write_one(type, version, &u, present, &once)));
    HOLDS(ok(read_one(buffer_view(&once), version, &u, &present)));
    HOLDS(ok(write_one(type, version, &u, present, &twice)));
    HOLDS(bytes_equal(buffer_view(&once), buffer_view(&twice)));
    for (size_t n = once.n > 64 ? once.n - 64 : 1; n < once.n; n++)
        HOLDS(!ok(read_one(bytes_of(once.at, n), version, &u, &present))
              || type == MQTT_PINGREQ || type == MQTT_PINGRESP);
    buffer_deinit(&once);
    buffer_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n), packet;
    uint8_t choice;
    if (!ok(take_u8(&in, &choice))) return 0;
    check_topics(in);
    (void)mqtt_connect_version(in);
    enum mqtt_type type;
    size_t total;
    while (ok(mqtt_frame(in, PACKET_MAX, &type, &total))) { /* as the gate does */
        HOLDS(total >= 2 && total <= PACKET_MAX);
        if (!ok(take(&in, total, &packet))) break;
        check_packet(packet, type, choice & 1 ? 5 : 4);
    }
    return 0;
}
