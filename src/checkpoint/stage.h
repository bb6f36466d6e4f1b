/* A stage of the checkpoint: a pure function over one message of one flow. It passes, refuses, lets wait or says that
 * two people must release it; it never stores the message. Each can show that it still refuses what is forbidden. */
#ifndef CHECKPOINT_STAGE_H
#define CHECKPOINT_STAGE_H

#include "base/mem.h"
#include "checkpoint/agreement.h"
#include "wire/flat.h"

enum stage_result { STAGE_PASSES, STAGE_REFUSES, STAGE_WAITS, STAGE_HOLDS };

struct flow_memory {         /* what stages remember of a flow */
    int64_t tokens_milli, tokens_at_ms; /* rate; at 0: full */
    int64_t newest_ms;       /* fresh: the peer's time of the newest message */
    int64_t left_at_ms;      /* reduce: when one last left */
};

struct stage_case {
    const struct flow *flow;
    struct flow_memory *memory;
    enum flow_direction direction; /* of this message */
    struct bytes topic, payload;   /* topic on the peer's side */
    const struct flat *flat;       /* NULL: the payload is no flat object */
    bool again;                    /* sent before, by its sender's word (DUP) */
    int64_t wall_ms, mono_ms, waited_ms;
    bool has_like;                 /* our own sensor's newest value */
    int64_t like_milli;
    const uint8_t *alias_key;      /* 32 bytes */
    struct buffer *out;            /* reduce: what leaves instead; untouched by the others */
    const char *word;              /* why, when it does not pass */
};

struct stage {
    enum stage_result (*run)(struct stage_case *c);
    bool (*refuses_forbidden)(const struct flow *f); /* its own forbidden sample */
    uint8_t cost;                  /* what is withheld or delayed by it, for choosing the cheapest set */
    uint8_t checks[2];             /* strength words (risk/words.h order: 0 none 1 weak 2 medium 3 strong) */
    uint8_t credit[REQUIREMENTS];  /* to the receiver's requirement levels: iac uc si dc rdf tre ra */
};
extern const struct stage stages_table[STAGE_COUNT];

#define STAGE_FUNCTIONS(name) \
    enum stage_result stage_##name(struct stage_case *c); \
    bool stage_##name##_sample(const struct flow *f);
STAGE_FUNCTIONS(allow) STAGE_FUNCTIONS(one_way) STAGE_FUNCTIONS(rate) STAGE_FUNCTIONS(schema) STAGE_FUNCTIONS(fresh)
STAGE_FUNCTIONS(plausible) STAGE_FUNCTIONS(reduce) STAGE_FUNCTIONS(delay) STAGE_FUNCTIONS(hold)

enum stage_result stage_refuse(struct stage_case *c, const char *word);
/* Runs the stages of the mask in their order; the first that does not pass speaks. Memory changes only when all pass. */
enum stage_result stages_run(struct stage_case *c, unsigned mask);
/* Bits of those of `mask` whose forbidden sample was refused just now. */
unsigned stages_self_test(const struct flow *f, unsigned mask);

#endif
