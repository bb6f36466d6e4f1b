/* Who may. One function judges every publish at ingress and every delivery at the single point of
 * egress: identity, life, trust, grants, topic, label, limit. Deny by default, deny wins. It also
 * writes the tree that `sekimori why` prints. */
#ifndef PLATFORM_ACCESS_H
#define PLATFORM_ACCESS_H

#include "base/limit.h"
#include "platform/checklist.h"
#include "platform/grants.h"
#include "platform/reaction.h"
#include "platform/values.h"

/* ACT_PUBLISH of a command asks for the grant "command"; ACT_SUBSCRIBE and ACT_RECEIVE for "subscribe". */
enum action { ACT_CONNECT, ACT_PUBLISH, ACT_SUBSCRIBE, ACT_RECEIVE, ACT_HISTORY, ACT_ADMINISTER, ACTIONS };
enum ruling { RULING_DENY, RULING_ALLOW, RULING_HOLD, RULING_FLAG };

struct question {
    const struct identity *who; /* NULL is a stranger: everything is denied */
    enum action action;
    struct bytes topic;      /* filter for ACT_SUBSCRIBE, "" for ACT_CONNECT */
    struct bytes payload;    /* commands: to tell the safe direction; may be none */
    const struct identity *from; /* ACT_RECEIVE: who published it (NULL: the server) */
    int64_t now_ms;          /* wall */
    const char *purpose;     /* what the asker says it is for; NULL: nothing. A claim: grants may ask for it, nothing follows from it */
    bool passing;            /* who is made for this question: nothing may be remembered by its address */
    bool approved;           /* ACT_RECEIVE: a second person approved it: what its stream asks for, and nothing else */
    bool released;           /* ACT_RECEIVE: two people signed this one command's release: HOLD is satisfied */
};

struct verdict {
    enum ruling ruling;
    uint8_t reason;          /* MQTT 5 reason code to answer with */
    const char *word;        /* stable English word: "no-grant", "quarantined", "limit" ... */
    const struct limit *limit; /* the limit that spoke, enforced or observed; NULL if none */
    enum grant_miss missing; /* "no-grant": the condition that keeps the nearest row from allowing; MISS_NONE */
    bool observed_only;      /* a limit in observe mode would have acted */
    bool safe_direction;
    uint8_t reduction;       /* 0, or which of its stream's reductions + 1 the reader gets: the whole is above his ceiling */
    bool judged;             /* by access: `sekimori why` shows the same */
    bool alarm;              /* flagged at most, whatever acts on it */
    const char *detail;      /* what of it was wrong, where the word does not say all; good until the next message; may be NULL */
};

struct judged;

struct access {
    const struct registry *registry;
    const struct limits *limits; /* swapped by node; may be NULL */
    char site[ID_MAX];
    const struct grants *grants; /* swapped by node; NULL: the rows of a new site */
    const struct permits *permits; /* open work permits, swapped by node; NULL: none */
    const struct reactions *reactions; /* measures on single identities, for a time; NULL: none */
    const struct checklists *checklists; /* who is held until his checklist is signed; NULL: nobody */
    const struct grants *agreements; /* what peers may, and nothing else allows them anything; NULL: nothing */
    struct judged *judged; /* what is remembered of verdicts; NULL: nothing. Who is asked about must be the registry's own then */
    struct values *values;   /* newest good values; NULL: none are kept */
    struct bytes name_key;   /* what pseudonyms are made with; none: whoever would get one gets nothing */
    bool open; /* the lab only: any client id, and without grants every identity may everything but */
    const char *const *closed; /* ... subscribe to these, which is refused with 0x80; NULL-terminated, may be NULL */
};

/* Labels: what is read (subscribe, receive, history) may not be above the ceiling ("upto") of the row that grants it. Where its
 * stream declares a reduction to a label that is not, that form of it is what he may have: verdict.reduction.
 * Subscriptions: a filter must be covered by one row's stream (mqtt_covers), so a broader filter is
 * refused at once with a reason instead of being accepted and then silent, and nobody makes the egress
 * judge the whole site's traffic for him. Each delivery is judged again all the same.
 * Quarantine: what the device publishes passes flagged; of commands only the safe direction reaches it, but
 * where a decision in force says HOLD for that command, the decision's word stands and it is held for two people.
 *
 * A command is judged twice: when it is published (role) and when it would be delivered (limit on the receiving
 * device). A LIMIT of mode HOLD meets commands to limit.device; FLAG meets what that device published.
 * Peers: only rows of signed agreements allow them anything, and the site's deny rows win over those. A peer's command
 * that is not in the safe direction is held for two people, whatever limits are in force.
 * A measure for a time (reaction.h): NARROW refuses what is outside the maker's profile, HOLD holds commands to and from the
 * identity, QUARANTINE is as an ordered quarantine; alarms, safe directions, attestation and its own commands pass.
 * A contractor acts within an open work permit that covers the topic. Outside it his commands are held for two people (but
 * for the safe direction), everything else is refused: the same credentials in other hands do no more. */
struct verdict access_judge(const struct access *a, const struct question *q);
/* The same judgement as a tree of rows, for people: appends rows {step, result, text} to list. */
struct verdict access_explain(const struct access *a, const struct question *q, struct arena *arena, struct doc *list);

MUST outcome judged_new(struct judged **ret);
void judged_free(struct judged *j);

/* sk/v1/<site>/<device>/<class>/<name>, in views; false when it is not of this site's layout. */
struct topic_parts {
    struct bytes device, class, name; /* name: everything after the class, "" if none */
};
bool access_topic(const struct access *a, struct bytes topic, struct topic_parts *ret);
/* The payload orders a safe direction of this command stream. s may be NULL. */
bool access_safe_direction(const struct stream *s, struct bytes payload);
/* A command: a topic of class cmd or of a command stream, but for replies. *ret_stream may be NULL. */
bool access_is_command(const struct access *a, struct bytes topic, const struct stream **ret_stream);

#endif
