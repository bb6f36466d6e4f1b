/* The gate's inside: what its files share. Nobody outside the room includes this. */
#ifndef GATE_INSIDE_H
#define GATE_INSIDE_H

#include "gate/deadlines.h"
#include "gate/front.h"
#include "gate/gate.h"
#include "gate/guard.h"
#include "gate/refusals.h"
#include "gate/seal_side.h"
#include "wire/sealing.h"
#include "gate/upgrade.h"
#include "wire/channel.h"
#include "wire/ws.h"

enum {
    GATE_DOORS_MAX = 16,
    GATE_PEERS_MAX = 1 << 20,        /* 20 bits of a handle are the index */
    GATE_GENERATIONS = 1 << 12,
    GATE_TURN_BYTES = 65536,         /* read from one peer in one turn */
    GATE_LATER_BYTES = 8192,         /* the same, of one whose mission is not the first */
    GATE_CHUNK_BYTES = 16384,
    GATE_STAGE_BYTES = 2048,         /* what a quiet link keeps to gather its output in */
    GATE_SHAKE_BYTES = 32768,        /* a whole handshake from the peer, certificate chain included */
    GATE_OUTPUT_BYTES = 4 << 20,     /* waiting to be read by one peer */
    GATE_MEMORY_BYTES = 512 << 20,   /* input and output of all peers; past it the greedy go */
    GATE_GREEDY_BYTES = 65536,
    GATE_LINGER_MS = 1000,           /* after the last byte, for the peer to read it */
    GATE_FLUSH_MS = 5000,            /* for the last bytes to go out */
    GATE_ACCEPTS_A_TURN = 64,
    GATE_RECORDS_A_TURN = 8192,
    GATE_OLD_SHAKE_MS = 1000,        /* an unfinished handshake older than this makes room */
    GATE_PAUSE_MS = 20,              /* doors closed for want of a handshake slot */
    GATE_NO_FDS_PAUSE_MS = 200,      /* doors closed for want of descriptors */
    GATE_CHAIN_MAX = 65536,
    GATE_SHAKES_A_TURN = 4,          /* handshake steps are dear: those who are in come first */
    GATE_PLACES = 4,                 /* told apart here; the rest stand with the last */
    GATE_BEHIND_MS = 250,            /* waiting for room for so long is said to the core */
};

enum peer_state {
    PEER_SHAKING, /* TLS handshake */
    PEER_OPEN,    /* plaintext flows; up_* and admitted say how far the core knows of it */
    PEER_CLOSING, /* last bytes go out */
    PEER_GONE,    /* socket closed; the core is still owed its LINK_DOWN */
};

/* Queues a peer can wait in; each is a doubly linked list through peer->in_queue[]. */
enum peer_queue {
    QUEUE_SHAKING, /* in order of accept */
    QUEUE_BLOCKED, /* owes the core something and its ring was full, in order; one queue for each place */
    QUEUE_BLOCKED_LAST = QUEUE_BLOCKED + GATE_PLACES - 1,
    QUEUE_OUT,     /* has something to write this turn */
    QUEUE_REAP,    /* over; its memory goes at the end of the turn, never in the middle */
    QUEUES
};
struct queue_hook {
    struct peer *before, *after;
    bool in;
};
struct queue {
    struct peer *first, *last;
};

struct peer {
    uint32_t handle;
    enum listener listener;
    enum peer_state state;
    int fd;
    uint32_t events;          /* what epoll watches now */
    struct tls *tls;          /* NULL where gate_plain() */
    struct front front;
    struct buffer in;         /* plaintext; in_at bytes of it are done with */
    size_t in_at, ready_n;    /* ready_n: a whole unit at in_at that waits to be forwarded */
    struct buffer out;        /* output where gate_plain() */
    bool framed;              /* LISTENER_WSS after its upgrade: bytes travel in WebSocket frames */
    struct ws ws;
    size_t shake_n;           /* bytes of handshake received */
    size_t accounted;         /* of gate.memory, bytes held for this peer */
    size_t budget;            /* bytes it may still give us this turn */
    uint8_t place;            /* below GATE_PLACES; whoever stands further back finds the ring full sooner */
    bool watched;             /* its socket is with epoll */
    bool spoken;              /* a unit was forwarded, or the core sent something */
    bool up_owed, up_told, down_owed, admitted;
    bool denied;              /* the core closed it before CONNECT: it gets a CONNACK that says so */
    bool answering;           /* HTTP: a request is with the core */
    bool peer_closed;         /* nothing more will come */
    bool shut;                /* our side is shut down; only lingering */
    enum link_end end;
    uint32_t idle_ms;
    int64_t accepted_ms, active_ms;
    int64_t deadline_ms;      /* 0: none */
    int64_t timer_ms;         /* of its row in deadlines that counts; 0: none */
    char source[LINK_ADDRESS_MAX], key[LINK_ADDRESS_MAX];
    bool proxied;             /* its PROXY header is still to come; source is the balancer's */
    struct queue_hook in_queue[QUEUES];
};

/* What may be read from it in one turn. */
static inline size_t turn_bytes(const struct peer *p)
{
    return p->place ? GATE_LATER_BYTES : GATE_TURN_BYTES;
}

struct door {
    enum listener listener;
    char address[LINK_ADDRESS_MAX];
    uint16_t port;
    int fd;
    bool watched;
};

struct gate {
    struct gate_options options;
    int epoll_fd, spare_fd;
    int64_t now_ms;
    char *why; /* [160], for people */

    struct channel channel;
    bool configured;  /* START came over this channel */
    bool served;      /* bound and sandboxed once */
    bool retrying;    /* a blocked queue is being served: the ring is for its head */
    int64_t behind_ms, said_ms; /* since when somebody waits for room, 0: nobody; when that was last said */
    bool more;        /* the core's ring was left with something in it */
    uint8_t *record;  /* RING_RECORD_MAX bytes */
    uint8_t *chunk;   /* GATE_CHUNK_BYTES */

    struct door doors[GATE_DOORS_MAX];
    size_t n_doors, n_asked; /* n_asked: LISTEN records of this channel */
    bool doors_differ;       /* the core asked for other listeners than those we have */
    int64_t doors_closed_until_ms;
    struct buffer chain, ca, web, peers_ca; /* web: what people's browsers are shown; empty: chain */
    struct tls_context *tls[LISTENERS];
    char proxies[LINK_PROXIES_MAX]; /* ",address,address,": who begins with a PROXY header */
    struct seal_side seal;
    struct seal_way by_site, by_web;

    size_t memory;    /* bytes held for all peers */
    struct guard guard;
    struct refusals *refusals;
    struct deadlines deadlines;
    struct peer **peers; /* by index */
    uint16_t *generations;
    uint32_t *vacant;    /* stack of free indices */
    size_t n_vacant, n_slots;
    struct queue queues[QUEUES];
};

enum gate_tag { TAG_CONTROL = 1, TAG_CHANNEL, TAG_SEAL, TAG_DOOR, TAG_PEER };
static inline uint64_t gate_tag(enum gate_tag tag, uint32_t value)
{
    return (uint64_t)tag << 32 | value;
}

/* Without TLS: the machine's own console; in the lab everything. Then only loopback is listened on. */
static inline bool gate_plain(const struct gate *g, enum listener l)
{
    return l == LISTENER_CONSOLE || g->options.plain;
}

/* table.c: handles, queues, timers */
struct peer *table_new(struct gate *g); /* NULL: no memory or no index left */
struct peer *table_get(struct gate *g, uint32_t handle); /* NULL: stale */
void table_free(struct gate *g, struct peer *p);
void table_deinit(struct gate *g);
void queue_add(struct gate *g, enum peer_queue q, struct peer *p); /* at the end, once */
void queue_add_first(struct gate *g, enum peer_queue q, struct peer *p);
void queue_take(struct gate *g, enum peer_queue q, struct peer *p);
static inline enum peer_queue queue_blocked(const struct peer *p)
{
    return (enum peer_queue)(QUEUE_BLOCKED + p->place);
}
/* When the peer falls due; 0 = never. */
void timer_set(struct gate *g, struct peer *p, int64_t at_ms);
/* The next peer that is due now, NULL when none. */
struct peer *timer_due(struct gate *g);

/* peer.c: one connection; peer_io.c: its bytes */
bool peer_fill(struct gate *g, struct peer *p); /* more plaintext in p->in; false: not now */
/* Into g->chunk. E_AGAIN, E_CLOSED, E_IO. */
MUST outcome peer_receive(struct gate *g, struct peer *p, size_t want, size_t *ret_n);
void peer_say(struct gate *g, struct peer *p, struct bytes b); /* our own words to the peer */
void peer_say_raw(struct gate *g, struct peer *p, struct bytes b); /* the same, not framed */
/* LISTENER_WSS: what is in p->in was bytes of the wire and becomes data. E_MALFORMED, E_CLOSED. */
MUST outcome peer_unframe(struct gate *g, struct peer *p, struct bytes wire);
MUST outcome peer_seal(struct peer *p); /* gathered output into TLS, in one piece */
void peer_watch(struct gate *g, struct peer *p); /* tells epoll what is wanted now */
void peer_unwatch(struct gate *g, struct peer *p);
/* Counts what the peer holds. False: everything together is over its bound, and this one is greedy. */
bool peer_account(struct gate *g, struct peer *p);
void peer_accepted(struct gate *g, enum listener l, int fd, const char *source);
void peer_event(struct gate *g, struct peer *p, uint32_t events);
void peer_expired(struct gate *g, struct peer *p);
void peer_pump(struct gate *g, struct peer *p);
void peer_flush(struct gate *g, struct peer *p);
void peer_send(struct gate *g, struct peer *p, struct bytes b); /* of the core */
/* Tells the core (if it knows the link), writes what is queued, closes. */
void peer_close(struct gate *g, struct peer *p, enum link_end end);
/* Closes at once; its memory stays until the end of the turn. */
void peer_drop(struct gate *g, struct peer *p, enum link_end end);
/* Turned away by the gate itself: counted, answered as far as the protocol has words, closed. */
void peer_refused(struct gate *g, struct peer *p, enum link_refusal why);
/* The core's four words about a link. */
void peer_admit(struct gate *g, struct peer *p, uint32_t idle_ms);
void peer_idle(struct gate *g, struct peer *p, uint32_t idle_ms);
void peer_place(struct gate *g, struct peer *p, uint8_t place);
void peer_asked_to_close(struct gate *g, struct peer *p);
/* The core is gone: v5 peers are told, everybody is closed, nothing is owed to it. */
void peer_orphan(struct gate *g, struct peer *p);

/* core_side.c: records from and to the core */
MUST outcome core_side_take(struct gate *g);  /* everything waiting, bounded */
void core_side_retry(struct gate *g);         /* peers whose records did not fit before */
void core_side_refusals(struct gate *g);
/* Each E_FULL (the peer is then in QUEUE_BLOCKED) or OK. */
MUST outcome core_side_up(struct gate *g, struct peer *p);
MUST outcome core_side_data(struct gate *g, struct peer *p, struct bytes unit);
MUST outcome core_side_down(struct gate *g, struct peer *p);
MUST outcome core_side_ready(struct gate *g);
void core_side_reset(struct gate *g); /* forgets what the old core had said */

/* doors.c: listeners */
MUST outcome doors_ask(struct gate *g, enum listener l, struct bytes address, uint16_t port);
MUST outcome doors_open(struct gate *g);
void doors_event(struct gate *g, struct door *d);
void doors_watch(struct gate *g); /* open or shut as the guard, the seal and the channel allow */
int doors_wait_ms(const struct gate *g);
void doors_close(struct gate *g);
MUST outcome doors_trust(struct gate *g); /* TLS contexts from chain and ca */

#endif
