/* The few MQTT packets a load generator says and hears, 3.1.1 and 5. */
#ifndef BENCH_TALK_H
#define BENCH_TALK_H

#include <stdbool.h>

#include "line.h"

enum talk_type { TALK_CONNACK = 2, TALK_PUBLISH = 3, TALK_PUBACK = 4, TALK_PUBREC = 5, TALK_PUBREL = 6, TALK_PUBCOMP = 7,
    TALK_SUBACK = 9, TALK_DISCONNECT = 14 };
enum { STAMP_BYTES = 16 }; /* at the front of every payload */

struct stamp {
    uint32_t publisher, number;
    int64_t sent_ns;
};

struct heard {
    enum talk_type type;
    uint8_t qos, reason; /* reason: 0 where 3.1.1 has none */
    uint16_t id;
    bool stamped;
    struct stamp stamp;
};

void talk_connect(struct line *l, int version, const char *client);
void talk_subscribe(struct line *l, int version, const char *filter, int qos);
/* size: of the payload, at least STAMP_BYTES where it is a stamp and what fills it. */
struct talk_publish {
    int version, qos;
    const char *topic;
    uint16_t id;
    size_t size;
    const char *payload; /* NULL: a stamp */
};
void talk_publish(struct line *l, const struct talk_publish *p, const struct stamp *s);
void talk_ack(struct line *l, enum talk_type type, uint16_t id);
void talk_disconnect(struct line *l);
/* The packet at `at`: 1 and its size, 0 when it is not whole, -1 when it is not MQTT. */
int talk_hear(const uint8_t *at, size_t n, int version, struct heard *ret, size_t *ret_size);

#endif
