/* A small MQTT client (5, or 3.1.1 where asked) over one line: QoS 1 out from a bounded outbox that survives
 * reconnects, subscriptions renewed at every session, keep alive, reconnect with jitter. No thread; the caller
 * polls. What it could not deliver and had to drop is counted, never hidden. Where the caller acknowledges by
 * hand, nothing it has not taken is lost: the server sends it again. */
#ifndef CLIENT_MQTT_CLIENT_H
#define CLIENT_MQTT_CLIENT_H

#include "client/line.h"
#include "wire/mqtt.h"

#define MQTT_CLIENT_FILTERS_MAX 17
#define MQTT_RETRY_MIN_MS 100
#define MQTT_RETRY_MAX_MS 5000

struct mqtt_client_events { /* any may be NULL */
    void *ctx;
    void (*up)(void *ctx);                                 /* subscribed: the session may begin */
    void (*down)(void *ctx, outcome why, uint8_t reason);  /* reason: of CONNACK or DISCONNECT, or 0 */
    void (*message)(void *ctx, const struct mqtt_publish *m);
    void (*acknowledged)(void *ctx, uint32_t ticket, uint8_t reason, struct bytes why);
    void (*subscribed)(void *ctx, const uint8_t *codes, size_t n);
    void (*received)(void *ctx, uint16_t id, uint8_t reason);  /* PUBREC, PUBCOMP of what the caller sends at QoS 2 */
    void (*completed)(void *ctx, uint16_t id, uint8_t reason);
};

struct mqtt_client_config {
    struct tls_context *tls; /* not owned; NULL: plaintext, loopback only */
    uint8_t version;         /* 0 or 5; 4 is 3.1.1 */
    uint32_t resume_s;       /* 0: a clean start each time; else the server keeps our session this long */
    const char *user, *password; /* NULL: none */
    bool by_hand;            /* QoS 1 messages are acknowledged by mqtt_client_ack */
    const char *host;
    uint16_t port;
    const char *client_id;
    uint16_t keep_alive_s;
    size_t outbox_count_max, outbox_bytes_max;
    const char *filters[MQTT_CLIENT_FILTERS_MAX];
    size_t n_filters;
    struct mqtt_client_events events;
};

enum mqtt_client_state { MQTT_OFF, MQTT_DIALING, MQTT_GREETED, MQTT_SUBSCRIBING, MQTT_UP };

struct mqtt_letter; /* one message of the outbox */

struct mqtt_client {
    struct mqtt_client_config config;
    enum mqtt_client_state state;
    struct line line;
    struct mqtt_letter *first, *last;
    size_t letters, letters_bytes, inflight, window;
    uint16_t next_id;
    uint32_t next_ticket;
    uint32_t retry_ms;
    int64_t retry_at_ms, heard_ms, said_ms, keep_alive_ms;
    bool present;          /* the server kept our session (CONNACK) */
    bool paused;           /* by hand: no further packet is looked at */
    uint64_t sessions, acknowledged, refused, dropped;
};

void mqtt_client_init(struct mqtt_client *c, const struct mqtt_client_config *config);
void mqtt_client_deinit(struct mqtt_client *c);
/* QoS 1. When the outbox is full the oldest message not under way is dropped and counted.
 * ret_ticket (may be NULL) comes back in events.acknowledged. */
MUST outcome mqtt_client_publish(struct mqtt_client *c, const char *topic, struct bytes payload, bool retain,
    uint32_t *ret_ticket);
int mqtt_client_fd(const struct mqtt_client *c); /* -1 when there is none */
short mqtt_client_poll_events(const struct mqtt_client *c);
/* Milliseconds until it wants a turn. */
int mqtt_client_wait_ms(const struct mqtt_client *c, int64_t now_ms);
/* One turn; refusals of the connection are handled inside (events.down, then a later retry). */
void mqtt_client_turn(struct mqtt_client *c, short revents, int64_t now_ms);
/* QoS 2, when MQTT_UP: the caller chooses identifiers, keeps the message until events.received, and at most c->window of
 * them under way until events.completed. With resume_s it goes on with the same identifiers after a new start. */
MUST outcome mqtt_client_publish_twice(struct mqtt_client *c, uint16_t id, const char *topic, struct bytes payload, bool again);
MUST outcome mqtt_client_release(struct mqtt_client *c, uint16_t id);
/* By hand: takes a message of this session. */
MUST outcome mqtt_client_ack(struct mqtt_client *c, uint16_t id);
/* The outbox is emptied: whoever filled it has it all. */
void mqtt_client_forget(struct mqtt_client *c);
/* DISCONNECT and close; the outbox stays. */
void mqtt_client_stop(struct mqtt_client *c);

#endif
