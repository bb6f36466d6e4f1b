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
    bool flagged;             /* its publisher is in quarantine or a FLAG limit met it: delivered with user property sk-flag */
    const char *flag_word;    /* why, a literal: "quarantined", "limit"; NULL is "flagged" */
    const char *session;      /* to record: the durable session it came from at QoS 2, else NULL ... */
    uint16_t packet_id;       /* ... and its packet identifier: kept with the message they make it once only */
};

struct recorded { /* a message as the record has it */
    struct message m; /* properties: as published; flag_word is lost */
    int64_t at_ms;    /* wall, when it was recorded */
};

struct held { /* a command waiting for people */
    char id[16];             /* "H-12" */
    char from[ID_MAX], to[ID_MAX];
    char person[ID_MAX];     /* whose tool sent it, when it was held; "": nobody had said */
    char topic[MQTT_TOPIC_MAX + 1];
    char limit[LIMIT_ID_MAX], decision[LIMIT_ID_MAX];
    char why[24];            /* "limit", "peer", "no-permit": two people sign its release; "two-person": a second person approves */
    char by[ID_MAX];         /* who approved it, "" while nobody did */
    int64_t since_ms, until_ms; /* wall; <= 10 min */
    uint8_t payload_hash[32];
};

struct exchange_port { /* ctx is handed back; none of them may call into the exchange */
    void *ctx;
    void (*send)(void *ctx, uint32_t link, struct bytes packet);
    void (*close)(void *ctx, uint32_t link); /* after what was sent */
    void (*idle)(void *ctx, uint32_t link, uint32_t idle_ms); /* keep alive x 1.5 */
    /* Record a message of a recorded stream (or a command). OK: *ret_index; its acknowledgement is
     * released by exchange_durable. E_UNSUPPORTED: nothing to record. Anything else: refuse with 0x97.
     * s is NULL for a command that no declared stream meets. Indexes rise. */
    outcome (*record)(void *ctx, const struct message *m, const struct stream *s, uint64_t *ret_index);
    /* Something people or the record should know. m, v, h where there is one. what, of commands: "command-delivered"
     * (on the device's link), "command-held", "command-released", "command-refused", "command-expired",
     * "command-dropped" (by order, or the device did not take it), "observed" (a limit in observe mode would have
     * acted); of all else: "publish-refused", "subscribe-refused" (m->topic: the filter), "subscription-withdrawn",
     * "publish-flagged" and "publish-kept-back" (it broke its form, or was
     * acted on: v says how), "form-broken" and "form-good" (of all its publisher says; at the change), "connect-refused", "will-refused", "takeover", "link-closed", "slow-consumer" (once a session), "session-evicted". */
    void (*tell)(void *ctx, const char *what, const struct message *m, const struct verdict *v,
        const struct held *h);
    int64_t (*mono_ms)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    /* Write what a durable session promises (ENTRY_SESSION); given back by exchange_replay. NULL or E_UNSUPPORTED:
     * sessions live in memory only. */
    outcome (*session)(void *ctx, const struct doc *d, uint64_t *ret_index);
    /* A recorded message, durable by now; views until the next call. NULL: what waits is kept in memory. */
    outcome (*read)(void *ctx, uint64_t index, struct recorded *ret);
    /* Re-attestation without reconnecting (MQTT 5, 4.12, method "sekimori-attest"). data: of the client's AUTH. With
     * bytes in ret: they are the next question. Without: the answer comes by exchange_attested. Refusal ends the
     * link with 0x87. NULL: the method is unknown. */
    outcome (*attest)(void *ctx, uint32_t link, const struct identity *who, struct bytes data, struct buffer *ret);
    /* Where this link stands when more comes than can be carried (base/limit.h); said at CONNECT and at every change.
     * NULL: nobody asks. */
    void (*place)(void *ctx, uint32_t link, uint8_t place);
    /* From now on whoever stands at `from` or behind is told to come later; 0: nobody any more, and so many
     * messages were refused since it began. NULL: nobody asks. */
    void (*yielding)(void *ctx, uint8_t from, uint64_t refused);
    /* Whoever is admitted published to this topic, or subscribed to this filter, and may. NULL: nobody asks. */
    void (*saw)(void *ctx, const struct identity *who, struct bytes topic, bool subscribe);
    /* There is nobody left to yield: from now on each device may send `each` readings a second, 0: as many as it likes; the
     * greediest so far, and how many were refused since it began. NULL: nobody asks. */
    void (*bounded)(void *ctx, const char *greediest, uint32_t each, uint64_t refused);
};

/* MQTT 5 and 3.1.1 in full; docs/mqtt.md says what is promised and how. 3.1.1 cannot carry reasons: a refused publish
 * gets a plain acknowledgement and tell() knows; one that could not be recorded gets none, its link is closed instead. */
struct exchange_bounds {
    uint32_t sessions;        /* links and offline sessions together; the oldest offline one makes room */
    uint32_t topic_bytes, levels; /* of a topic or filter; at most MQTT_TOPIC_MAX and MQTT_LEVELS_MAX */
    uint32_t subscriptions, retained;
    uint32_t inflight;        /* Receive Maximum announced, and the most sent unacknowledged */
    uint32_t unannounced;     /* unacknowledged publishes of a 3.1.1 client, which was never told */
    uint32_t queue;           /* messages that wait for one session in memory */
    uint32_t offline, cursors; /* messages of recorded streams that wait in the ledger: for one session, for all */
    uint32_t held, held_each; /* commands that wait for two people: all, and of one publisher */
    uint32_t packet_bytes, keep_alive_s; /* keep_alive_s: imposed maximum */
    uint32_t session_expiry_s; /* longest; UINT32_MAX: may be for ever. 0: no session outlives its link */
    uint16_t alias_in, alias_out; /* topic aliases; 0: none */
    uint8_t maximum_qos;
    bool shared;              /* $share/... allowed */
    uint32_t sys_every_s;     /* $SYS/broker/...; 0: never */
};
/* CONNECT's user property that says what a link is for, an id; grants may ask for it (when: purpose). Of that link only. */
#define EXCHANGE_PURPOSE "sk-purpose"
#define EXCHANGE_BOUNDS ((struct exchange_bounds) { .sessions = 20000, .topic_bytes = 512, .levels = 32,                   \
    .subscriptions = 200000, .retained = 100000, .inflight = 100, .unannounced = 10000, .queue = 1000,               \
    .offline = 100000, .cursors = 4000000, .held = 1024, .held_each = 64,                                            \
    .packet_bytes = 2000000, .keep_alive_s = 300, .session_expiry_s = 30 * 86400, .alias_in = 32, .alias_out = 32,   \
    .maximum_qos = 2, .shared = true, .sys_every_s = 10 })

MUST outcome exchange_new(const struct access *access, const struct exchange_port *port,
    const struct exchange_bounds *bounds, struct exchange **ret);
void exchange_free(struct exchange *x);

/* A TLS link of a registered, admitted identity. Client id is bound to it: "" or the id itself or
 * id + "/" + suffix; takeover only by the same identity. */
MUST outcome exchange_up(struct exchange *x, uint32_t link, const struct identity *who);
/* One complete packet. Refusal = close this link (the right reason code was already sent); its session has ended
 * already and its will, if any, was published. */
MUST outcome exchange_packet(struct exchange *x, uint32_t link, struct bytes packet);
void exchange_down(struct exchange *x, uint32_t link, bool clean); /* not clean: the will is published */
/* Everything recorded with index < n is durable: release acknowledgements. */
void exchange_durable(struct exchange *x, uint64_t n);
/* Identity, registry or limits changed: re-judge all links and subscriptions now; closes with 0x87/0x98 (0x98: its
 * life has moved on). Cheap when nothing changed for anybody: call it after every change. Limits and rights are in
 * force for every delivery from the moment struct access shows them, with or without this call. */
void exchange_rejudge(struct exchange *x);
/* Whoever brings the packets has some that wait for room: said at least every YIELD_EVERY_MS while it is so. When that
 * lasts, the streams of the least important mission are refused with 0x97, those of the next after a second more; never
 * those at place 0, never commands and alarms. When nobody is left to yield, each device gets a share (share.c). A 3.1.1 publisher at QoS 1 or 2 cannot be told: he only waits. */
void exchange_behind(struct exchange *x);
#define YIELD_EVERY_MS 250
/* Expiries (holds, messages, wills). Returns ms until it wants to be called again, -1 = never. */
int exchange_turn(struct exchange *x);

/* A message by the server itself (from NULL: att/challenge, _gate/...), or from a service link, whose right to
 * publish is judged; goes through the same egress. E_DENIED, E_HELD, E_UNKNOWN (a command without a receiver),
 * E_EXPIRED, E_FULL. */
MUST outcome exchange_publish(struct exchange *x, const struct message *m);
/* Replay at start, oldest first: all ENTRY_SESSION documents, then the recorded messages from exchange_replay_from on
 * (UINT64_MAX: none are wanted), then the end of it with the ledger's size. */
MUST outcome exchange_replay(struct exchange *x, uint64_t index, const struct doc *d);
uint64_t exchange_replay_from(const struct exchange *x);
MUST outcome exchange_replay_data(struct exchange *x, uint64_t index, const struct recorded *r);
void exchange_replayed(struct exchange *x, uint64_t size);
/* The newest good values after a start, from recorded messages in their order: what hold-last keeps and interlocks look at. */
void exchange_restore_value(struct exchange *x, uint64_t index, const struct recorded *r);
/* Derived streams after a start: so far back (ms before the record's end) inputs may still be open, -1: nothing is derived; then
 * from there on every recorded message, first all to the one, then all to the other. What was lost with a kill is said again. */
int64_t exchange_derive_span_ms(struct exchange *x);
void exchange_derive_done(struct exchange *x, const struct recorded *r);
void exchange_derive_replay(struct exchange *x, uint64_t index, const struct recorded *r);
/* What became of an attestation that came by AUTH. */
void exchange_attested(struct exchange *x, uint32_t link, bool good);
/* A retained message of the record; an empty one removes. */
MUST outcome exchange_restore_recorded(struct exchange *x, uint64_t index, const struct recorded *r);
/* The same by its parts. */
MUST outcome exchange_restore_retained(struct exchange *x, struct bytes from, struct bytes topic, struct bytes payload, uint8_t qos);

/* A subscriber inside the process (SSE, service): same egress check with `who`, which must outlive the tap; NULL is
 * the server itself (fleet's ear on evidence). fn is called in the loop and, for what is retained, within
 * exchange_tap_new; it may not call the exchange. */
typedef void (*exchange_tap)(void *ctx, const struct message *m, const struct verdict *v);
MUST outcome exchange_tap_new(struct exchange *x, const struct identity *who, struct bytes filter,
    exchange_tap fn, void *ctx, uint32_t *ret_tap);
void exchange_tap_free(struct exchange *x, uint32_t tap);

struct showing { bool history; const char *purpose; };
/* May this person's page show it: as it comes, or (history) as it was, whole or reduced. The same egress; who may be made for the
 * question. *ret: what he may see of it; views as m, or into the exchange until its next call. Changes nothing, so that a tap may ask. */
bool exchange_shows(struct exchange *x, const struct identity *who, const struct message *m, const struct showing *how, struct message *ret);
/* The same of a message whose payload is not there: whole whatever it says, or in a form that depends on it, or not. */
enum shown { SHOWN_NOT, SHOWN_REDUCED, SHOWN_WHOLE };
enum shown exchange_shown(struct exchange *x, const struct identity *who, const struct message *m, const struct showing *how);

size_t exchange_held(const struct exchange *x, const struct held **ret, size_t cap);
/* Delivers a held command once with a fresh expiry; the two signatures were verified by the caller. Everything else is
 * judged again. E_UNKNOWN, E_EXPIRED; E_DENIED: refused for good now; E_AGAIN: the device is not connected, still held;
 * E_FULL and others: could not be recorded, still held. */
MUST outcome exchange_release(struct exchange *x, const char *hold_id);
/* Could by be the second person of it? Persons are compared: by, whose tool by is, whose tool sent it then and now; names as well, which
 * is all there is where nobody said whose tool sent it. */
enum second { SECOND_ANOTHER, SECOND_ITSELF, SECOND_SAME_PERSON };
enum second exchange_second(const struct exchange *x, const struct held *h, const char *by);
/* A second person's word for a command that waits for one ("two-person"): as a release, but it satisfies nothing else. by:
 * who, verified and recorded by the caller. E_DENIED: it waits for something else, or by is its sender or the same person, or it is refused for good
 * now; E_HELD: it waits for two signatures now. */
MUST outcome exchange_approve(struct exchange *x, const char *hold_id, const char *by);
/* What would be judged if it were approved now; appends the steps to list. E_UNKNOWN. */
MUST outcome exchange_forecast_held(struct exchange *x, const char *hold_id, struct arena *arena, struct doc *list, struct verdict *ret);
MUST outcome exchange_drop_held(struct exchange *x, const char *hold_id);

/* Hold ids go on from here ("H-<next>"): a restarted core must not give an id of the record again. */
void exchange_holds_from(struct exchange *x, uint64_t next);

struct exchange_counts {
    uint64_t links, sessions, subscriptions, retained, received, delivered, acknowledged, denied, held, flagged, observed,
        dropped;
    uint64_t offline, shared, most, expired; /* sessions without a link; shared subscriptions; most links; sessions expired */
    uint64_t packets_in, packets_out, bytes_in, bytes_out, payload_in, payload_out;
    uint64_t yielded;    /* publishes refused because a more important mission needed the room */
    uint32_t share_each; /* readings a second each device may send now; 0: as many as it likes */
    uint8_t yields_from; /* whoever stands at this place or behind is refused now; 0: nobody */
};
void exchange_count(const struct exchange *x, struct exchange_counts *ret);

#endif
