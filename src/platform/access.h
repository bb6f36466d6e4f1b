/* Who may. One function judges every publish at ingress and every delivery at the single point of
 * egress: identity, life, trust, role, topic, label, limit. Deny by default, deny wins. It also
 * writes the tree that `sekimori why` prints. */
#ifndef PLATFORM_ACCESS_H
#define PLATFORM_ACCESS_H

#include "base/limit.h"
#include "platform/registry.h"

enum action { ACT_CONNECT, ACT_PUBLISH, ACT_SUBSCRIBE, ACT_RECEIVE, ACTIONS };
enum ruling { RULING_DENY, RULING_ALLOW, RULING_HOLD, RULING_FLAG };

struct question {
    const struct identity *who;
    enum action action;
    struct bytes topic;      /* filter for ACT_SUBSCRIBE, "" for ACT_CONNECT */
    struct bytes payload;    /* commands: to tell the safe direction; may be none */
    const struct identity *from; /* ACT_RECEIVE: who published it (NULL: the server) */
    int64_t now_ms;          /* wall */
};

struct verdict {
    enum ruling ruling;
    uint8_t reason;          /* MQTT 5 reason code to answer with */
    const char *word;        /* stable English word: "no-grant", "quarantined", "limit" ... */
    const struct limit *limit; /* the limit that spoke, enforced or observed; NULL if none */
    bool observed_only;      /* a limit in observe mode would have acted */
    bool safe_direction;
};

struct access {
    const struct registry *registry;
    const struct limits *limits; /* swapped by node; may be NULL */
    char site[ID_MAX];
};

/* A command is judged twice: when it is published (role) and when it would be delivered (limit on the receiving
 * device). A LIMIT of mode HOLD meets commands to limit.device; FLAG meets what that device published. */
struct verdict access_judge(const struct access *a, const struct question *q);
/* The same judgement as a tree of rows, for people: appends rows {step, result, text} to list. */
struct verdict access_explain(const struct access *a, const struct question *q, struct arena *arena, struct doc *list);

#endif
