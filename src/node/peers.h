/* Inside node: peers and their flows at work. A flow is a link of the exchange, by the identity peer-<id>; the courier
 * carries what passes the checkpoint's stages between that link and the peer.
 *   out: exchange -> stages -> courier -> peer; acknowledged to the exchange when the peer has it
 *   in:  peer -> courier -> stages -> exchange; acknowledged to the peer when the exchange has it durably
 * So whatever is lost on the way is sent again by whoever still has it, and is judged again. */
#ifndef NODE_PEERS_H
#define NODE_PEERS_H

#include "checkpoint/judge.h"
#include "checkpoint/statement.h"
#include "node/core.h"
#include "wire/courier.h"

enum { FLOW_WAIT_MAX = 64, FLOW_LINKS_FIRST = 0xFFE00, FLOW_OWED_MAX = 64, SENT_MAX = COURIER_WINDOW - 4, FLOOD_COUNT = 10, FLOW_CHANGES = 8 };

struct waiting { /* a message between the two */
    uint32_t ticket;      /* in: of the courier */
    uint16_t id;          /* out: packet identifier of the exchange, 0 at QoS 0 */
    bool at_most_once, again;
    int64_t since_ms;     /* mono */
    uint8_t *payload;
    size_t n;
};

struct flow_change { /* of a flow, since its agreement */
    int64_t at_ms;       /* wall */
    enum flow_state state;
    char verdict[8], cause[96];
    unsigned stages;
};

struct flow_live {
    enum flow_state state;
    struct judgement j;
    bool judged;
    struct flow_memory memory;
    unsigned proven;
    char why[96];                 /* of the state: "operator: reason" */
    char cause[96];               /* of the newest change: a sight's word, "statement", ...; or why */
    struct flow_change changes[FLOW_CHANGES]; /* the newest, oldest first */
    size_t n_changes;
    /* the link into the exchange */
    bool up;
    uint32_t link, generation;
    uint16_t next_id;
    int64_t retry_ms;
    struct { uint16_t id; uint32_t ticket; } owed[FLOW_OWED_MAX]; /* in: published, not acknowledged; id 0: free */
    uint16_t acks[FLOW_WAIT_MAX];  /* out: to acknowledge to the exchange */
    size_t n_acks;
    uint16_t sent[FLOW_WAIT_MAX];  /* out: with the peer, unacknowledged */
    size_t n_sent;
    struct waiting wait[FLOW_WAIT_MAX];
    size_t n_wait;
    uint64_t passed, refused, held, peer_refused;
    char last_word[32];           /* of the newest refusal */
    int64_t last_word_ms;
    unsigned flood;               /* over the quota, at most once, in this ten seconds */
    int64_t flood_from_ms;
    uint32_t tap;
    bool has_like;
    int64_t like_milli, like_at_ms;
};

struct door_link {                /* of a peer that connects to us */
    bool open, greeted;           /* there is a link; it said CONNECT */
    uint32_t link;                /* the gate's */
    uint16_t epoch, next_id;
    size_t window;                /* what it takes unacknowledged */
    unsigned untaken;
    struct { uint16_t id; uint32_t ticket; } sent[SENT_MAX]; /* id 0: free */
};

struct peer_live {
    struct core *core;
    size_t index;
    struct agreement a;
    struct arena arena;           /* of the agreement's texts */
    int64_t at_ms;
    char hash[65];
    bool asked, up;               /* the courier was told; the peer is reached */
    bool opening;                 /* it has not said so yet: what it says is of a session before */
    int64_t reopen_ms;            /* mono: connect anew, so that what was not taken comes again; 0: no need */
    char down_why[COURIER_WHY_MAX];
    enum risk_claim vouched;      /* as people signed; a.vouched is as it stands now */
    struct statement statement;   /* the newest valid one, while said */
    bool said;
    enum statement_result result; /* of the newest shown to us */
    unsigned sights;
    int64_t tightened_ms;         /* wall */
    size_t n_sent;
    uint64_t unlisted;
    unsigned granted;             /* flows that are carried on this link */
    struct door_link door;
    /* statements between daemons (speak.c) */
    char terms[65];               /* agreement_terms of ours; "" where none are needed */
    char spoke[16];               /* the verdict of our newest */
    int64_t spoke_ms;             /* mono; 0: not yet on this link */
    bool answer_due;              /* they lack something only our next statement says */
    uint64_t shown, theirs;       /* size of our record as shown on this link, 0: not yet; as they last said they saw it */
    struct stated_head kept;      /* of their record: the newest that was proved to lead on */
    struct buffer held;           /* the statement it came with, DSSE as JSON */
    int64_t unproved_ms;          /* mono: since when they show heads without proof; 0: they do not */
    int64_t written_ms;           /* mono: when one of theirs was last recorded */
    struct flow_live flows[AGREEMENT_FLOWS_MAX];
};

struct peers {
    struct peer_live *at[COURIER_PEERS_MAX];
    struct channel channel;
    struct buffer backlog;        /* as gate_channel.backlog */
    uint8_t *room;
    bool lost;                    /* a record found no room: the channel ends */
    bool wanted;                  /* the keeper was asked for a courier */
    uint8_t alias_key[32];
    int64_t test_next_ms;
    struct grants *grants;        /* what the agreements allow */
    const char *verdict;          /* how we stand, as last looked at */
    int64_t look_ms;              /* mono: when to look again */
};

/* peers.c: the courier's channel and what is true of a peer */
void courier_tell(struct core *c, struct bytes record);
void peer_saw(struct peer_live *p, enum sight s);          /* judges its flows again at once */
void peer_judge(struct peer_live *p, const char *cause);   /* cause: what a change is written down to */
void flow_to(struct peer_live *p, size_t flow, enum flow_event e, const char *why, bool record);
void peer_reopen(struct peer_live *p, int64_t after_ms);   /* a new connection: untaken messages come again */
bool peer_wanted(const struct peer_live *p);               /* something of it may still run */
unsigned flows_of(const struct peer_live *p, enum flow_direction d);
void peer_up(struct peer_live *p, unsigned granted);
void peer_down(struct peer_live *p, const char *why);
void peer_verify(struct peer_live *p);                     /* what is carried and agreed by both goes live */
void peer_arrived(struct peer_live *p, const struct courier_message *m);
void peer_taken(struct peer_live *p, uint32_t ticket, bool refused); /* what arrived is done with; a peer of the door is told which way */
void peer_carry(struct peer_live *p, uint32_t ticket, struct bytes topic, struct bytes payload);
bool peer_terms_hold(const struct peer_live *p);           /* both sides signed the same terms, or none are needed */
bool flow_open(const struct peer_live *p, size_t flow);    /* may carry something now */
void flow_changed(struct flow_live *f, const struct doc *d, int64_t at_ms); /* d: the entry written about it */

MUST outcome peers_need(struct core *c);                   /* the room for peers and their courier, made where it is not there */
MUST outcome peers_need_courier(struct core *c);           /* E_AGAIN until one is there; asks for it */

/* flows.c: messages */
void flow_arrived(struct peer_live *p, const struct courier_message *m);
void flow_sent(struct peer_live *p, uint32_t ticket, uint8_t reason);
void flow_unlink(struct peer_live *p, size_t flow);         /* its link ends; the exchange keeps what waits */
void flow_forget(struct peer_live *p, size_t flow);         /* what is under way: someone has it still */
int flow_turn(struct peer_live *p, size_t flow, int64_t mono_ms);
void flow_watch(struct peer_live *p, size_t flow, bool on); /* our own sensor beside it */

/* door.c; core.h has what links.c calls */
struct peer_live *door_peer(const struct core *c, uint32_t link);
void door_close(struct peer_live *p, const char *why);
void door_send(struct peer_live *p, uint32_t ticket, struct bytes topic, struct bytes payload); /* acknowledged: flow_sent */
void door_say(struct peer_live *p, struct bytes topic, struct bytes payload);
void door_taken(struct peer_live *p, uint32_t ticket, bool refused);

/* speak.c */
void peers_speak(struct core *c, int64_t mono_ms);
/* Holds what their valid statement says of the two records against what is kept; true: its head leads on from it, and is
 * kept. message: {"old", "path", "held"} beside it. */
bool peer_heads(struct peer_live *p, const struct statement *s, const struct doc *message);

/* stand.c */
void peer_told(struct peer_live *p, struct bytes message);  /* on the link: {"statement", "old", "path", "held"} */
void peer_stand(struct peer_live *p);                      /* how it stands, from what is signed and said */
bool peer_lapsed(const struct peer_live *p, int64_t wall_ms);
void peer_stand_as(struct peer_live *p, const struct peer_live *old); /* a newer agreement with the same key */

/* agree.c */
struct peer_live *peer_find(const struct core *c, const char *id);
void peer_free(struct core *c, size_t index);
MUST outcome agreements_grant(struct core *c);              /* rights of all that is agreed, swapped in */

#endif
