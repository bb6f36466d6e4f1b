/* The courier: connections out to agreed peers and alerts out, and nothing else. It goes only where the core says (from documents
 * people signed, or the reviewed configuration), holds no key of the site (a peer's client key or password lies in the courier's own folder), decides
 * nothing: what arrives on its filters goes to the core, which judges; what arrives on others is counted and dropped.
 * A peer that floods waits: at most COURIER_WINDOW messages of it are untaken, then its socket is not read. */
#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H

#include "client/mqtt_client.h"
#include "wire/channel.h"
#include "wire/courier.h"

struct courier;

struct peer {
    struct courier *courier;
    bool used;
    uint32_t index;
    char name[COURIER_NAME_MAX], host[COURIER_HOST_MAX], client_id[COURIER_HOST_MAX];
    char filters[COURIER_FILTERS_MAX][MQTT_TOPIC_MAX + 1];
    size_t n_filters;
    char user[128], password[128];
    struct tls_context *tls;
    struct mqtt_client client;
    uint8_t codes[COURIER_FILTERS_MAX];
    size_t n_codes;
    size_t untaken;
    uint16_t epoch;                /* of the session: tickets of an earlier one are no more */
    uint64_t refused;              /* on no filter of ours, since last told */
    char refused_topic[MQTT_TOPIC_MAX + 1];
    struct { uint32_t ours, theirs; } sent[COURIER_WINDOW]; /* client's ticket -> core's; ours 0: free */
};

enum { COURIER_LETTERS_MAX = 8 };
struct letter {                    /* an alert on its way out */
    bool used, begun, eight_bit;
    uint32_t ticket;
    enum letter_kind kind;
    uint16_t port;
    int step;                      /* of the dialogue */
    int64_t until_ms;
    char host[COURIER_HOST_MAX], path[256], from[128], to[128], id[256];
    struct tls_context *tls;
    struct line line;
    struct buffer body;
};

struct courier {
    const char *dir;               /* <dir>/<peer>.pem, .key, .password: each optional */
    int control_fd;
    struct channel channel;
    struct buffer backlog;         /* records that found the ring full: u32 length + bytes */
    uint8_t *room;                 /* one record */
    bool lost;                     /* a record found no room */
    struct peer peers[COURIER_PEERS_MAX];
    struct letter letters[COURIER_LETTERS_MAX];
};

/* Gives up whatever the work does not need, for good: before courier_run. dir is made where it is not there; a root
 * courier goes on as its owner. */
MUST outcome courier_confine(const char *dir);
/* Serves until the keeper is gone. */
MUST outcome courier_run(const char *dir, int control_fd);
/* A whole record to the core; kept while the ring is full. */
void courier_say(struct courier *c, struct bytes record);
/* One record of the core. E_MALFORMED and others: drop the channel. */
MUST outcome courier_record(struct courier *c, struct bytes in);

/* peers.c */
void peer_close(struct peer *p);
MUST outcome peer_open(struct courier *c, uint32_t index, const struct courier_peer *wanted);
MUST outcome peer_send(struct peer *p, const struct courier_message *m);
MUST outcome peer_acknowledge(struct peer *p, uint32_t ticket);
void peer_turn(struct peer *p, short revents, int64_t now_ms);

/* letters.c */
MUST outcome letter_open(struct courier *c, const struct courier_letter *wanted);
void letter_close(struct letter *l);
void letter_turn(struct courier *c, struct letter *l, short revents, int64_t now_ms);

#endif
