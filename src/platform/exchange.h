/* What flows: MQTT sessions, subscriptions, retained messages, delivery, holds. A machine without a
 * world: links, packets and time come in, effects go out through struct exchange_port. One loop. */
#ifndef PLATFORM_EXCHANGE_H
#define PLATFORM_EXCHANGE_H

#include "platform/access.h"
#include "wire/mqtt.h"

struct exchange;

struct message { /* one message on its way; views */
    const struct identity *from; /* NULL: the server itself */
    struct bytes topic, payload;
    const struct mqtt_properties *properties; /* may be NULL */
    uint8_t qos;
    bool retain;
    bool flagged;             /* a FLAG limit met it: delivered with user property sk-flag */
};

struct held { /* a command waiting for two people */
    char id[16];             /* "H-12" */
    char from[ID_MAX], to[ID_MAX];
    char topic[MQTT_TOPIC_MAX + 1];
    char limit[LIMIT_ID_MAX], decision[LIMIT_ID_MAX];
    int64_t since_ms, until_ms; /* wall; <= 10 min */
    uint8_t payload_hash[32];
};

struct exchange_port { /* ctx is handed back; none of them may call into the exchange */
    void *ctx;
    void (*send)(void *ctx, uint32_t link, struct bytes packet);
    void (*close)(void *ctx, uint32_t link); /* after what was sent */
    void (*idle)(void *ctx, uint32_t link, uint32_t idle_ms); /* keep alive x 1.5 */
    /* Record a message of a recorded stream (or a command). OK: *ret_index; its acknowledgement is
     * released by exchange_durable. E_UNSUPPORTED: nothing to record. Anything else: refuse with 0x97. */
    outcome (*record)(void *ctx, const struct message *m, const struct stream *s, uint64_t *ret_index);
    /* Something people or the record should know (hold, release, refusal, takeover, command delivered). */
    void (*tell)(void *ctx, const char *what, const struct message *m, const struct verdict *v,
        const struct held *h);
    int64_t (*mono_ms)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
};

struct exchange_bounds {
    uint32_t sessions, subscriptions, retained, inflight, queue, held;
    uint32_t packet_bytes, keep_alive_s; /* keep_alive_s: imposed maximum */
};
#define EXCHANGE_BOUNDS ((struct exchange_bounds) { 20000, 200000, 100000, 100, 1000, 1024, 2000000, 300 })

MUST outcome exchange_new(const struct access *access, const struct exchange_port *port,
    const struct exchange_bounds *bounds, struct exchange **ret);
void exchange_free(struct exchange *x);

/* A TLS link of a registered, admitted identity. Client id is bound to it: "" or the id itself or
 * id + "/" + suffix; takeover only by the same identity. */
MUST outcome exchange_up(struct exchange *x, uint32_t link, const struct identity *who);
/* One complete packet. Refusal = close this link (the right reason code was already sent). */
MUST outcome exchange_packet(struct exchange *x, uint32_t link, struct bytes packet);
void exchange_down(struct exchange *x, uint32_t link, bool clean); /* not clean: the will is published */
/* Everything recorded with index < n is durable: release acknowledgements. */
void exchange_durable(struct exchange *x, uint64_t n);
/* Identity, registry or limits changed: re-judge all links and subscriptions now; closes with 0x87/0x98. */
void exchange_rejudge(struct exchange *x);
/* Expiries (holds, messages, wills). Returns ms until it wants to be called again, -1 = never. */
int exchange_turn(struct exchange *x);

/* A message by the server itself (att/challenge, _gate/...), or from a service link; goes through the same egress. */
MUST outcome exchange_publish(struct exchange *x, const struct message *m);
/* Replay of a retained recorded message at start. */
MUST outcome exchange_restore_retained(struct exchange *x, struct bytes from, struct bytes topic, struct bytes payload, uint8_t qos);

/* A subscriber inside the process (SSE, service): same egress check with `who`; fn is called in the loop. */
typedef void (*exchange_tap)(void *ctx, const struct message *m, const struct verdict *v);
MUST outcome exchange_tap_new(struct exchange *x, const struct identity *who, struct bytes filter,
    exchange_tap fn, void *ctx, uint32_t *ret_tap);
void exchange_tap_free(struct exchange *x, uint32_t tap);

size_t exchange_held(const struct exchange *x, const struct held **ret, size_t cap);
/* Delivers a held command once with a fresh expiry; the two signatures were verified by the caller. E_UNKNOWN, E_EXPIRED. */
MUST outcome exchange_release(struct exchange *x, const char *hold_id);
MUST outcome exchange_drop_held(struct exchange *x, const char *hold_id);

struct exchange_counts {
    uint64_t links, sessions, subscriptions, retained, received, delivered, acknowledged, denied, held, flagged, observed,
        dropped;
};
void exchange_count(const struct exchange *x, struct exchange_counts *ret);

#endif
