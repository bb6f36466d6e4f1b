/* What waits at the head of a link's plaintext: cut it into whole MQTT packets or HTTP requests,
 * or say why the peer goes. Pure: bytes in, a step out, and what to answer. */
#ifndef GATE_FRONT_H
#define GATE_FRONT_H

#include "base/mem.h"
#include "wire/link.h"

#define FRONT_FIRST_MAX 4096        /* plaintext before CONNECT is whole, or before admission */
#define FRONT_PACKET_MAX 2000000    /* one MQTT packet afterwards */
#define FRONT_BODY_MAX 65536        /* one HTTP body */
#define FRONT_REQUEST_MAX (16384 + FRONT_BODY_MAX)

struct front {
    bool greeted;      /* MQTT: CONNECT was good; HTTP: a request was whole */
    uint8_t version;   /* MQTT protocol level, 4 or 5; 0 before CONNECT */
    bool continued;    /* HTTP: 100 Continue was said for the request at the head */
};

enum front_does {
    FRONT_WAIT,    /* more bytes are needed */
    FRONT_FORWARD, /* the first n bytes are one whole unit */
    FRONT_REFUSE,  /* send what is in answer, then close */
};

struct front_step {
    enum front_does does;
    size_t n;
    enum link_refusal why;
};

/* answer gets CONNACK, DISCONNECT, 100 Continue or an HTTP error; it may stay empty. */
struct front_step front_mqtt(struct front *f, struct bytes in, struct buffer *answer);
struct front_step front_http(struct front *f, struct bytes in, struct buffer *answer);

/* The status that says what http_read refused in these bytes. */
int front_http_status(struct bytes in, outcome o);

/* A parting MQTT reason for a peer whose CONNECT was good (v5 only; 3.1.1 has no such packet). */
void front_mqtt_part(const struct front *f, uint8_t reason, struct buffer *answer);
/* The refusal of a CONNECT that was good in form. */
void front_mqtt_deny(const struct front *f, uint8_t reason, struct buffer *answer);

#endif
