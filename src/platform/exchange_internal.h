/* What the files of the exchange share; nobody else includes it. Sessions, subscriptions and taps are named by
 * index and generation: no pointer to one is kept from step to step. */
#ifndef PLATFORM_EXCHANGE_INTERNAL_H
#define PLATFORM_EXCHANGE_INTERNAL_H

#include "base/map.h"
#include "platform/exchange.h"

#define NONE UINT32_MAX
#define NEVER INT64_MAX
#define TAPS_MAX 256
#define SESSION_SUBSCRIPTIONS_MAX 1000
#define SESSION_QUEUE_BYTES_MAX ((size_t)16 << 20)
#define KEPT_BYTES_MAX ((size_t)512 << 20)
#define HOLD_MS (10 * 60 * 1000)
#define COMMAND_EXPIRY_S 60

struct handle {
    uint32_t index, generation;
};

/* ---- parcels: messages that outlive the step they came in (parcel.c) ---- */

/* How a message came to the egress. Each way is counted there, so that a test can see that all pass it. */
enum path { PATH_LIVE, PATH_RETAINED, PATH_WILL, PATH_RELEASE, PATH_SERVER, PATH_QUEUE, PATH_TAP, PATH_FORECAST, PATHS };

struct parcel { /* immutable but for expiry and release of a held one; shared by count */
    uint32_t refs;
    size_t size;
    const struct identity *from;
    const char *flag_word;
    int64_t expires_ms;  /* monotonic, NEVER */
    uint32_t expiry_s;   /* the interval given; 0 with NEVER */
    uint8_t qos, payload_format;
    bool retain, flagged, released, command;
    uint64_t has;
    struct bytes topic, payload, content_type, response_topic, correlation;
    size_t users;
    struct mqtt_user user[];
};

/* One message on its way through one step, in views. */
struct cargo {
    struct message m;           /* m.properties is &out.properties */
    struct mqtt_publish out;    /* what is written to links, but for QoS, id, retain and expiry */
    int64_t expires_ms;
    uint32_t expiry_s;
    bool command, released;
    const struct stream *stream;
    const struct identity *target; /* the device a command is addressed to */
    enum path path;
    struct handle source;       /* no local: the session it came from */
    struct parcel *kept;
    uint32_t reached, dropped;  /* sessions of the target device */
};

void cargo_from_message(struct exchange *x, struct cargo *c, const struct message *m, enum path path);
void cargo_from_parcel(struct exchange *x, struct cargo *c, struct parcel *p, enum path path);
void cargo_flag(struct cargo *c, const char *word);
/* The parcel of this cargo, made on first use; the cargo keeps one count. NULL: memory or KEPT_BYTES_MAX. */
struct parcel *cargo_keep(struct exchange *x, struct cargo *c);
void cargo_done(struct exchange *x, struct cargo *c);
struct parcel *parcel_share(struct parcel *p);
void parcel_drop(struct exchange *x, struct parcel *p);

/* ---- topic tree (tree.c) ---- */

struct tree_node {
    uint32_t parent, first_child, next, prev, plus, hash;
    uint32_t head;          /* subscriptions: first of the list */
    struct parcel *item;    /* retained */
    char *level;
    size_t level_n;
};
struct tree {
    struct tree_node *nodes; /* 0 is the root; free ones are linked by next */
    uint32_t n, max, free;
    uint32_t cap;
    struct map children;     /* parent and level -> node + 1 */
};
typedef void (*tree_visit)(void *ctx, uint32_t node);
MUST outcome tree_init(struct tree *t, uint32_t max);
void tree_deinit(struct tree *t);
MUST outcome tree_put(struct tree *t, struct bytes path, uint32_t *ret_node);
uint32_t tree_find(const struct tree *t, struct bytes path); /* NONE */
/* Removes the node and those above it that hold nothing. */
void tree_trim(struct tree *t, uint32_t node);
/* Every node whose path, as a filter, meets the topic; every node whose path, as a topic, meets the filter. The
 * visitor may not change the tree. */
void tree_match_topic(const struct tree *t, struct bytes topic, tree_visit fn, void *ctx);
void tree_match_filter(const struct tree *t, struct bytes filter, tree_visit fn, void *ctx);

/* ---- the exchange ---- */

struct sub {
    struct handle owner;
    bool used, tap, no_local, as_published;
    uint8_t qos;
    uint32_t node, next, prev;    /* of the node */
    uint32_t own_next, own_prev;  /* of the owner; own_next links free ones */
};

struct tap {
    bool used;
    uint32_t generation, sub;
    const struct identity *who;
    exchange_tap fn;
    void *ctx;
};

struct waiting {
    struct parcel *parcel;
    uint8_t qos;
    bool retain, stored; /* stored: shared with the retained store, not counted in bytes */
};

struct standing { /* what of an identity the rights of its links hang on */
    enum role role;
    enum life life;
    enum trust trust;
};

struct session {
    uint32_t generation, link, next_free;
    bool used, doomed, problems, told_slow;
    uint8_t version;          /* 0: before CONNECT */
    uint8_t doom_reason;
    const char *doom_word;
    uint32_t doom_next;
    const struct identity *who;
    struct standing standing;
    char *client_id;
    struct parcel *will;
    uint32_t packet_max;
    uint16_t receive_max, next_id;
    uint16_t *inflight;
    uint32_t inflight_n;
    uint32_t unacked;         /* its own publishes that wait for durability */
    struct waiting *queue;
    uint32_t queue_at, queue_n, queue_cap, queued_commands;
    size_t queue_bytes;
    uint32_t subs, subs_n;
    uint64_t mark;            /* collection it was last met in, and where */
    uint32_t mark_at;
};

struct pending {
    uint64_t index;
    struct handle session;
    uint16_t id;
};

struct hold {
    struct held held;
    struct parcel *parcel;
    int64_t until_mono_ms;
};

struct destination {
    struct handle owner;
    bool tap, as_published;
    uint8_t qos;
};

struct exchange {
    const struct access *access;
    struct exchange_port port;
    struct exchange_bounds bounds;
    struct session *sessions;
    uint32_t sessions_top, sessions_free, doomed;
    struct map links, clients;     /* link -> session + 1; client id -> session + 1 */
    struct tree filters, topics;   /* subscriptions; retained */
    struct sub *subs;
    uint32_t subs_n, subs_cap, subs_free;
    struct tap taps[TAPS_MAX];
    struct destination *destinations;
    uint32_t destinations_n, destinations_cap;
    bool collect_failed, routing;
    uint64_t mark;
    struct pending *pending;       /* a ring in order of index */
    size_t pending_at, pending_n, pending_cap;
    uint64_t durable;
    struct hold *holds;
    uint32_t holds_n, holds_cap;
    uint64_t hold_next, client_next;
    uint32_t retained_n, queued_commands;
    size_t kept_bytes;
    struct buffer out;
    struct exchange_counts counts;
    uint64_t egress[PATHS];
};

static inline int64_t mono(const struct exchange *x)
{
    return x->port.mono_ms(x->port.ctx);
}
static inline int64_t wall(const struct exchange *x)
{
    return x->port.wall_ms(x->port.ctx);
}
static inline void tell(struct exchange *x, const char *what, const struct message *m, const struct verdict *v,
    const struct held *h)
{
    x->port.tell(x->port.ctx, what, m, v, h);
}

/* ---- session.c ---- */
struct session *session_of(struct exchange *x, struct handle h); /* NULL when it has ended */
struct handle session_handle(const struct exchange *x, const struct session *s);
struct session *session_on(struct exchange *x, uint32_t link);
MUST outcome session_connect(struct exchange *x, struct session *s, struct bytes packet);
/* The end, now; not during a delivery. reason 0: no DISCONNECT. */
void session_end(struct exchange *x, struct session *s, uint8_t reason, const char *word, bool will);
/* The end, as soon as the step is over. */
void session_doom(struct exchange *x, struct session *s, uint8_t reason, const char *word);
void session_reap(struct exchange *x);
/* Writes x->out to the link. */
void session_send(struct exchange *x, struct session *s);

/* ---- packets.c ---- */
struct answer { /* to a publish */
    uint8_t reason;
    outcome refused;       /* OK: accepted */
    bool recorded;
    uint64_t index;
    char text[256], hold[16];
};
void answer_of(struct answer *a, enum code code, uint8_t reason, const struct verdict *v, const char *hold);
/* Judges, records, keeps, delivers. m.from NULL: the server. */
void publish_accept(struct exchange *x, struct cargo *c, struct answer *a);
MUST outcome packet_handle(struct exchange *x, struct session *s, struct bytes packet);
/* Calls port.record where there is something to record. */
MUST outcome publish_record(struct exchange *x, const struct cargo *c, bool *ret_recorded, uint64_t *ret_index);

/* ---- subscriptions.c ---- */
/* *ret_new: there was none for this filter. */
MUST outcome sub_put(struct exchange *x, struct session *s, struct bytes filter, const struct sub *options, bool *ret_new);
MUST outcome sub_put_tap(struct exchange *x, uint32_t tap, struct bytes filter);
bool sub_take(struct exchange *x, struct session *s, struct bytes filter);
void sub_drop(struct exchange *x, uint32_t sub);
/* The filter of a subscription, as text of at most MQTT_TOPIC_MAX. */
struct bytes sub_filter(const struct exchange *x, uint32_t sub, char *text);
/* Fills x->destinations with everybody whose filter meets the topic, each session once. */
MUST outcome sub_collect(struct exchange *x, struct bytes topic, struct handle source);

/* ---- queue.c ---- */
MUST outcome queue_push(struct exchange *x, struct session *s, struct waiting w);
bool queue_pop(struct exchange *x, struct session *s, struct waiting *ret);
void queue_clear(struct exchange *x, struct session *s);
/* Tells of and drops the expired commands of all queues. */
void queue_sweep(struct exchange *x);

/* ---- deliver.c ---- */
struct verdict deliver_forecast(struct exchange *x, const struct identity *who, const struct cargo *c);
bool deliver_reaches(struct exchange *x, const struct identity *who); /* among x->destinations */
void deliver_all(struct exchange *x, struct cargo *c);
void deliver_retained(struct exchange *x, struct session *s, struct bytes filter, uint8_t qos);
void deliver_retained_tap(struct exchange *x, uint32_t tap, struct bytes filter);
void deliver_pump(struct exchange *x, struct session *s);

/* ---- retained.c ---- */
MUST outcome retained_put(struct exchange *x, struct cargo *c); /* an empty payload removes */

/* ---- commands.c ---- */
/* false: answered already (held, refused, nobody there). Destinations were collected. */
bool command_may_go(struct exchange *x, struct cargo *c, struct answer *a);
void command_hold(struct exchange *x, struct cargo *c, const struct verdict *v, struct answer *a);
bool command_is_for(const struct exchange *x, struct bytes topic, const struct identity *who);
bool response_topic_good(const struct exchange *x, const struct cargo *c);
int command_turn(struct exchange *x);

#endif
