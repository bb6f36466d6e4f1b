/* What the files of the exchange share; nobody else includes it. Sessions, subscriptions and taps are named by
 * index and generation: no pointer to one is kept from step to step. */
#ifndef PLATFORM_EXCHANGE_INTERNAL_H
#define PLATFORM_EXCHANGE_INTERNAL_H

#include "base/map.h"
#include "platform/exchange.h"
#include "platform/reduce.h"
#include "platform/schema.h"

#define NONE UINT32_MAX
#define NEVER INT64_MAX
#define TAPS_MAX 256
#define SESSION_SUBSCRIPTIONS_MAX 1000
#define SESSION_QUEUE_BYTES_MAX ((size_t)16 << 20)
#define KEPT_BYTES_MAX ((size_t)512 << 20)
#define HOLD_MS (10 * 60 * 1000)
#define COMMAND_EXPIRY_S 60
#define NO_INDEX UINT64_MAX
#define HELD_BACK_MAX ((size_t)8 << 20)
#define CURSOR_MS 200

struct handle {
    uint32_t index, generation;
};

/* ---- parcels: messages that outlive the step they came in (parcel.c) ---- */

/* How a message came to the egress. Each way is counted there, so that a test can see that all pass it. */
enum path { PATH_LIVE, PATH_RETAINED, PATH_WILL, PATH_RELEASE, PATH_SERVER, PATH_QUEUE, PATH_TAP, PATH_FORECAST, PATH_PAGE, PATH_HISTORY,
    PATHS };

struct parcel { /* immutable but for expiry and release of a held one; shared by count */
    uint32_t refs;
    size_t size;
    const struct identity *from;
    const char *flag_word;
    int64_t expires_ms;  /* monotonic, NEVER */
    uint32_t expiry_s;   /* the interval given; 0 with NEVER */
    uint8_t qos, payload_format;
    bool retain, flagged, released, approved, command;
    uint64_t has;
    struct bytes topic, payload, content_type, response_topic, correlation;
    size_t users;
    struct mqtt_user user[];
};

/* A message in its reduced form, for one receiver; views into it are good until the next one is cut. */
struct cut {
    struct buffer payload;
    struct message m;
    struct mqtt_publish out;
};

/* One message on its way through one step, in views. */
struct cargo {
    struct message m;           /* m.properties is &out.properties */
    int64_t expires_ms;
    uint32_t expiry_s;
    bool command, released, approved;
    bool begun;                 /* its PUBLISH was sent to this client before: its time is not looked at any more */
    const struct stream *stream;
    const struct identity *target; /* the device a command is addressed to */
    enum path path;
    struct handle source;       /* no local: the session it came from */
    uint64_t index;             /* of the ledger, NO_INDEX */
    uint64_t obliged;           /* its acknowledgement waits until this index is durable too; 0: none */
    struct parcel *kept;
    uint8_t kept_back;          /* 0, or the reason its publisher is told: its readers get the last good value instead */
    const char *kept_word;
    struct cut *cut;            /* how the receiver judged last gets it; NULL: whole. What is kept is always whole, and judged again */
    uint32_t reached, dropped;  /* sessions of the target device */
    struct mqtt_publish out;    /* what is written to links, but for QoS, id, retain and expiry; last: see cargo_begin */
};

void cargo_from_message(struct exchange *x, struct cargo *c, const struct message *m, enum path path);
void cargo_from_parcel(struct exchange *x, struct cargo *c, struct parcel *p, enum path path);
void cargo_from_recorded(struct exchange *x, struct cargo *c, const struct recorded *r, uint64_t index, enum path path);
void cargo_expiry(struct exchange *x, const struct cargo *c, struct mqtt_properties *p); /* Message Expiry Interval: what is left of it */
void cargo_flag(struct cargo *c, const char *word);
/* The site's own user property; value is a view as long as the cargo. */
void cargo_own(struct cargo *c, struct bytes name, struct bytes value);
void cargo_own_list(struct mqtt_properties *p, struct bytes name, struct bytes value);
/* Another payload in its place; nothing else its publisher wrote stays with it. */
void cargo_replace(struct exchange *x, struct cargo *c, struct bytes payload);
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
    uint64_t version;        /* goes up with every node made or freed */
    struct tree_memo *memo;  /* NULL: none */
};
typedef void (*tree_visit)(void *ctx, uint32_t node);
MUST outcome tree_init(struct tree *t, uint32_t max);
void tree_deinit(struct tree *t);
MUST outcome tree_put(struct tree *t, struct bytes path, uint32_t *ret_node);
uint32_t tree_find(const struct tree *t, struct bytes path); /* NONE */
/* tree_memo.c: the same for a tree that is asked for the same topics again and again. The memo's end is tree_deinit. */
MUST outcome tree_memo_init(struct tree *t);
/* Removes the node and those above it that hold nothing. */
void tree_trim(struct tree *t, uint32_t node);
/* Every node whose path, as a filter, meets the topic; every node whose path, as a topic, meets the filter. The
 * visitor may not change the tree. */
void tree_match_topic(const struct tree *t, struct bytes topic, tree_visit fn, void *ctx);
void tree_match_filter(const struct tree *t, struct bytes filter, tree_visit fn, void *ctx);
/* As tree_match_topic, in the same order, from the memo where it can. */
void tree_match_again(struct tree *t, struct bytes topic, tree_visit fn, void *ctx);

/* ---- the exchange ---- */

struct sub {
    struct handle owner;
    bool used, tap, no_local, as_published;
    uint8_t qos;
    uint32_t id;                  /* Subscription Identifier, 0: none */
    uint64_t since;               /* index of its entry: what was recorded before is not for it */
    char *share;                  /* name of its share, NULL: not shared */
    uint64_t served, tried;       /* shared: marks of the last delivery and the last attempt */
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

struct waiting { /* for one session: in memory, or by its place in the ledger (no parcel) */
    struct parcel *parcel;
    uint64_t index;
    uint32_t sub_id;     /* of a retained or shared delivery; else found when it goes */
    uint8_t qos;
    bool retain, stored; /* stored: shared with the retained store, not counted in bytes */
};

struct flight { /* sent at QoS 1 or 2, not finished; in order of sending */
    struct parcel *parcel; /* NULL: to be read at index, or released, or of a session that ends with its link */
    uint64_t index;
    uint32_t sub_id;
    uint16_t id;
    uint8_t qos;
    bool retain, released, sent, noted; /* released: PUBREL is what is owed; sent: on this link */
    bool fresh;            /* noted, but never sent: it goes when that is durable, judged again then */
};

struct receiving { /* a QoS 2 message of the client, from PUBLISH to PUBREL */
    uint16_t id;
    uint64_t index;
};

struct alias {
    char *topic;
    size_t n;
};

struct standing { /* what of an identity the rights of its links hang on */
    enum role role;
    enum life life;
    enum trust trust;
};

struct session {
    uint32_t generation, link, next_free;
    bool used, online, doomed, problems, told_slow;
    bool noted, dirty, stalled; /* has entries; its cursor moved; waits for what it shall read to be durable */
    uint8_t place;              /* when more comes than can be carried: 0 stays */
    bool pushed_back;           /* its device sends more than its share: its link is read last */
    bool auth, authing;         /* enhanced authentication: method agreed; in an exchange */
    uint8_t version;          /* 0: before CONNECT */
    uint8_t doom_reason;
    const char *doom_word;
    uint32_t doom_next;
    uint32_t epoch;           /* of its links: acknowledgements of an older one are not sent */
    const struct identity *who;
    struct standing standing;
    char purpose[32];         /* of this link; "": none said */
    char *client_id;
    uint32_t expiry_s;        /* 0: ends with its link; UINT32_MAX: never */
    int64_t offline_ms, expires_ms, will_at_ms; /* mono; NEVER */
    struct parcel *will;
    uint32_t will_delay_s;
    uint32_t packet_max;
    uint16_t receive_max, next_id;
    struct flight *flights;
    uint32_t flights_n, flights_cap, sent_n, fresh_n;
    struct receiving *receiving;
    uint32_t receiving_n, receiving_cap;
    uint32_t unacked;         /* its own QoS 1 publishes that wait for durability */
    struct waiting *queue;
    uint32_t queue_at, queue_n, queue_cap, queued_commands, queue_kept; /* kept: in memory */
    size_t queue_bytes;
    uint32_t subs, subs_n, ids_n; /* ids_n: subscriptions with an identifier */
    struct alias *alias_in, *alias_out;
    uint16_t alias_in_n, alias_out_n, alias_out_used;
    uint64_t barrier;         /* nothing is sent before the ledger is durable up to here */
    struct buffer back;       /* held back by it: u32 length and packet, again and again */
    uint64_t opened;          /* index of its first entry */
    uint64_t cursor, from;    /* as last written: what it may still want starts at cursor; unfreed identifiers at from */
    struct seen *seen;        /* replay only */
    uint64_t mark;            /* collection it was last met in, and where */
    uint32_t mark_at;
};

struct pending {
    uint64_t index;
    struct handle session;
    uint32_t epoch;
    uint16_t id;
    uint8_t type; /* MQTT_PUBACK, MQTT_PUBREC; 0: a barrier */
};

struct hold {
    struct held held;
    struct parcel *parcel;
    int64_t until_mono_ms;
};

struct destination {
    struct handle owner;
    uint32_t share;      /* a subscription of the share that gets it, NONE: to the owner */
    uint64_t since;      /* least of its subscriptions */
    bool tap, as_published;
    uint8_t qos;
};

/* yield.c: who comes later when more comes than can be carried */
struct yielding {
    uint8_t from;              /* whoever stands there or behind is refused; 0: nobody */
    uint64_t places_epoch;     /* of the places the sessions have */
    int64_t behind_ms, since_ms, moved_ms; /* mono: last said to be behind, since when without a pause; `from` last moved */
    int64_t window_ms;         /* demand of the yielding is counted from here ... */
    uint64_t came, demand, demand_then; /* ... so far, in the last whole window, in the one when `from` last came forward */
    uint64_t refused;          /* since it began */
};

/* share.c: when everybody who may yield does */
enum { SHARE_ROWS = 1024 };
struct share_row {
    const struct identity *who;
    uint32_t window, came;
};
struct share {
    uint32_t each;             /* messages a second of one device; 0: not bounded */
    uint32_t window;           /* seconds counted */
    uint32_t most, most_then;  /* what the greediest sent in this one so far, and in the last */
    const struct identity *greediest, *greediest_then;
    int64_t window_ms, moved_ms;
    uint64_t refused;          /* since it began */
    struct share_row rows[SHARE_ROWS];
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
    uint64_t durable, next_index;  /* next_index: after the last entry it knows of */
    bool stalled, dirty, replaying;
    uint64_t lag_index;            /* next_index when cursors were last looked after */
    int64_t due_ms, cursor_ms, sys_ms, start_ms; /* mono: next of the sessions' timers; of cursors; of $SYS */
    uint32_t cursors_n;            /* messages that wait by index */
    struct hold *holds;
    uint32_t holds_n, holds_cap;
    uint64_t hold_next, client_next;
    uint32_t retained_n, queued_commands;
    size_t kept_bytes;
    struct buffer out;
    struct cut cut;
    struct derive *derive;         /* NULL: nothing is derived */
    uint64_t derive_seen;
    char said[SCHEMA_TEXT];        /* what verdicts point to: of one message */
    struct exchange_counts counts;
    uint64_t egress[PATHS];
    struct yielding yielding;
    struct share share;
};

static inline int64_t mono(const struct exchange *x)
{
    return x->port.mono_ms(x->port.ctx);
}
static inline int64_t wall(const struct exchange *x)
{
    return x->port.wall_ms(x->port.ctx);
}
/* A topic or filter within this exchange's own bounds. */
static inline bool topic_fits(const struct exchange *x, struct bytes topic)
{
    return topic.n <= x->bounds.topic_bytes && mqtt_levels(topic) <= x->bounds.levels;
}
static inline void tell(struct exchange *x, const char *what, const struct message *m, const struct verdict *v,
    const struct held *h)
{
    x->port.tell(x->port.ctx, what, m, v, h);
}

/* ---- yield.c ---- */
void yield_connected(struct exchange *x, struct session *s);
void yield_replaced(struct exchange *x); /* limits were swapped */
/* Counts the publish; true: it is to come later. */
/* NULL: it may go. Else the words it is told to come later with. */
const struct verdict *yield_asks(struct exchange *x, struct session *s, const struct cargo *c);
int yield_turn(struct exchange *x);

/* ---- share.c ---- */
bool share_over(struct exchange *x, const struct identity *who); /* counts one more message of a device */
/* behind_ms: since when there is nobody left to yield and too much comes all the same, 0: it does not. True: a share is in force. */
bool share_turn(struct exchange *x, int64_t now, int64_t behind_ms, int64_t calm_ms);

/* ---- session.c ---- */
struct session *session_of(struct exchange *x, struct handle h); /* NULL when it has ended */
struct handle session_handle(const struct exchange *x, const struct session *s);
struct session *session_on(struct exchange *x, uint32_t link);
MUST outcome session_slot(struct exchange *x, struct session **ret); /* an empty one, generation set */
void session_slot_free(struct exchange *x, struct session *s);
struct standing standing_of(const struct identity *i);
/* The link's end, now; not during a delivery. The session stays when it is to outlive it. reason 0: no DISCONNECT. */
void session_end(struct exchange *x, struct session *s, uint8_t reason, const char *word, bool will);
void session_destroy(struct exchange *x, struct session *s);
/* The end of the link, as soon as the step is over. */
void session_doom(struct exchange *x, struct session *s, uint8_t reason, const char *word);
void session_reap(struct exchange *x);
/* The link of `fresh` becomes that of `old`, whose own has ended; fresh is no more. */
MUST outcome session_adopt(struct exchange *x, struct session *old, struct session *fresh);
/* Writes x->out to the link, or holds it back behind the barrier. */
void session_send(struct exchange *x, struct session *s);
/* Something is held back: what is judged now would be sent later, so nothing is delivered meanwhile. */
static inline bool session_waits(const struct exchange *x, const struct session *s)
{
    return s->barrier > x->durable || s->back.n;
}
void session_timer(struct exchange *x, int64_t at_ms);
int session_turn(struct exchange *x); /* ms until due, -1 */

/* ---- connect.c ---- */
MUST outcome session_connect(struct exchange *x, struct session *s, struct bytes packet);

/* ---- durable.c: what of sessions is written, and read again ---- */
bool durable_is(const struct exchange *x, const struct session *s);
MUST outcome durable_open(struct exchange *x, struct session *s);
void durable_close(struct exchange *x, struct session *s);
MUST outcome durable_subscribe(struct exchange *x, struct session *s, uint32_t sub, struct bytes filter);
MUST outcome durable_unsubscribe(struct exchange *x, struct session *s, struct bytes filter);
MUST outcome durable_released(struct exchange *x, struct session *s, uint16_t id);
/* what: "sent", "taken", "done". */
MUST outcome durable_flight(struct exchange *x, struct session *s, const char *what, uint16_t id, uint64_t index, bool wait);
MUST outcome durable_assigned(struct exchange *x, struct session *s, const struct waiting *w, uint64_t *ret_index);
void durable_cursor(struct exchange *x, struct session *s);
void durable_cursors(struct exchange *x);
/* Everything from now on is held back until index is durable. */
MUST outcome durable_barrier(struct exchange *x, struct session *s, uint64_t index);
void durable_flush(struct exchange *x, struct session *s);
void durable_forget(struct session *s);

/* ---- alias.c ---- */
/* The topic of a publish: its own, or the one its alias stands for. 0, or the reason to close with. */
uint8_t alias_resolve(struct exchange *x, struct session *s, struct mqtt_publish *p);
/* Puts an alias into m where there is one; *ret_new: its place if it must be learnt after sending, NONE else. */
void alias_use(struct session *s, struct mqtt_publish *m, uint32_t *ret_new);
void alias_learn(struct session *s, uint32_t at, struct bytes topic);
void alias_free(struct session *s);

/* ---- auth.c ---- */
#define AUTH_METHOD "sekimori-attest"
MUST outcome auth_packet(struct exchange *x, struct session *s, struct bytes packet);

/* ---- sys.c ---- */
int sys_turn(struct exchange *x);

/* ---- publish.c ---- */
MUST outcome pending_put(struct exchange *x, const struct pending *p);
MUST outcome pending_room(struct exchange *x);
MUST outcome on_publish(struct exchange *x, struct session *s, struct bytes packet);
MUST outcome on_pubrel(struct exchange *x, struct session *s, const struct mqtt_ack *a);
struct receiving *receiving_find(struct session *s, uint16_t id);
MUST outcome receiving_put(struct session *s, uint16_t id, uint64_t index);
void receiving_take(struct session *s, struct receiving *r);
/* MQTT 5, 3.1.2-29: reason strings only where asked for and where they fit. */
void send_ack(struct exchange *x, struct session *s, enum mqtt_type type, const struct mqtt_ack *a);

/* ---- flight.c ---- */
bool flight_room(const struct session *s);
uint16_t flight_id(struct session *s);
MUST outcome flight_reserve(struct session *s, uint32_t cap);
void flight_add(struct session *s, const struct flight *f);
void flight_clear(struct exchange *x, struct session *s);
void flight_take(struct exchange *x, struct session *s, struct flight *f); /* finished */
void flight_forget_link(struct session *s);
MUST outcome on_puback(struct exchange *x, struct session *s, const struct mqtt_ack *a);
MUST outcome on_pubrec(struct exchange *x, struct session *s, const struct mqtt_ack *a);
MUST outcome on_pubcomp(struct exchange *x, struct session *s, const struct mqtt_ack *a);

/* ---- packets.c ---- */
MUST outcome packet_fail(struct exchange *x, struct session *s, uint8_t reason, const char *word);
/* Reason strings: one word, what is missing, and the question that shows the whole tree. */
enum { REASON_BYTES = 320 };
void reason_point(struct out *o, enum grant_miss missing, const struct identity *who, const char *action, struct bytes topic);

struct answer { /* to a publish */
    uint8_t reason;
    outcome refused;       /* OK: accepted */
    bool recorded;
    uint64_t index;        /* what must be durable first */
    char text[REASON_BYTES], hold[16];
};
void publish_refuse(struct exchange *x, const struct cargo *c, const struct verdict *v, enum code code, struct answer *a);
void answer_of(struct answer *a, enum code code, uint8_t reason, const struct verdict *v, const char *hold);
void answer_point(struct answer *a, const struct verdict *v, const struct cargo *c);
/* Judges, records, keeps, delivers. m.from NULL: the server. */
void publish_accept(struct exchange *x, struct cargo *c, struct answer *a);
MUST outcome packet_handle(struct exchange *x, struct session *s, struct bytes packet);
/* Calls port.record where there is something to record. */
MUST outcome publish_record(struct exchange *x, struct cargo *c, bool *ret_recorded, uint64_t *ret_index);

/* ---- subscriptions.c ---- */
/* What a subscription is judged by: its filter without the share. */
struct bytes sub_asked(struct bytes filter);
/* filter: whole, with $share. *ret_new: there was none for this filter. */
MUST outcome sub_put(struct exchange *x, struct session *s, struct bytes filter, const struct sub *options, bool *ret_new);
uint32_t sub_find(const struct exchange *x, const struct session *s, struct bytes filter); /* NONE */
MUST outcome sub_put_tap(struct exchange *x, uint32_t tap, struct bytes filter);
bool sub_take(struct exchange *x, struct session *s, struct bytes filter);
void sub_drop(struct exchange *x, uint32_t sub);
/* The filter of a subscription, as text of at most MQTT_TOPIC_MAX. */
struct bytes sub_filter(const struct exchange *x, uint32_t sub, char *text);
/* Fills x->destinations with everybody whose filter meets the topic, each session once. */
MUST outcome sub_collect(struct exchange *x, struct bytes topic, struct handle source);

/* ---- queue.c ---- */
MUST outcome queue_push(struct exchange *x, struct session *s, struct waiting w);
const struct waiting *queue_first(const struct session *s); /* NULL: empty */
bool queue_pop(struct exchange *x, struct session *s, struct waiting *ret);
/* The link is gone: commands for this device are dropped, the rest waits. */
void queue_rest(struct exchange *x, struct session *s);
/* Replay: what waits below index, or at it, waits no more. */
void queue_forget(struct exchange *x, struct session *s, uint64_t from, uint64_t below);
void queue_clear(struct exchange *x, struct session *s);
/* Tells of and drops the expired commands of all queues. */
void queue_sweep(struct exchange *x);

/* ---- deliver.c ---- */
struct verdict deliver_forecast(struct exchange *x, const struct identity *who, struct cargo *c);
bool deliver_reaches(struct exchange *x, const struct identity *who); /* among x->destinations */
void deliver_all(struct exchange *x, struct cargo *c);
void deliver_retained(struct exchange *x, struct session *s, struct bytes filter, const struct sub *options);
void deliver_retained_tap(struct exchange *x, uint32_t tap, struct bytes filter);
void deliver_pump(struct exchange *x, struct session *s); /* first what was in flight, then the queue */

/* ---- form.c: declared forms, and what becomes of what breaks them or is acted on ---- */
/* false: refused, answered. Judged is the verdict on the publisher. */
bool form_may(struct exchange *x, struct cargo *c, const struct verdict *judged, struct answer *a);
/* It was accepted: the newest good value of its topic, if that is what it is. */
void form_keep(struct exchange *x, const struct cargo *c);

/* ---- derive.c ---- */
/* It was recorded: it may count for what is derived from its stream. */
void derive_note(struct exchange *x, const struct cargo *c);
int derive_turn(struct exchange *x); /* ms until due, -1 */
void derive_free(struct exchange *x);

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
