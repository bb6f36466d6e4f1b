/* Words and the life of a flow, as a table: what is not in it cannot happen. */
#include "checkpoint/agreement.h"

enum { NO = FLOW_STATE_COUNT };
static const uint8_t next[FLOW_STATE_COUNT][FLOW_EVENTS] = {
    /*                   OFFER         AGREE        VERIFY         OPEN       SUSPEND         END        */
    [FLOW_REQUESTED] = { FLOW_OFFERED, FLOW_AGREED, NO,            NO,        NO,             FLOW_ENDED },
    [FLOW_OFFERED]   = { NO,           FLOW_AGREED, NO,            NO,        NO,             FLOW_ENDED },
    [FLOW_AGREED]    = { NO,           FLOW_AGREED, FLOW_VERIFIED, NO,        FLOW_SUSPENDED, FLOW_ENDED },
    [FLOW_VERIFIED]  = { NO,           FLOW_AGREED, FLOW_VERIFIED, FLOW_LIVE, FLOW_SUSPENDED, FLOW_ENDED },
    [FLOW_LIVE]      = { NO,           FLOW_AGREED, FLOW_LIVE,     FLOW_LIVE, FLOW_SUSPENDED, FLOW_ENDED },
    [FLOW_SUSPENDED] = { NO,           FLOW_AGREED, NO,            NO,        FLOW_SUSPENDED, FLOW_ENDED },
    [FLOW_ENDED]     = { NO,           FLOW_AGREED, NO,            NO,        NO,             NO },
};

outcome flow_step(enum flow_state now, enum flow_event e, enum flow_state *ret)
{
    assert(now < FLOW_STATE_COUNT && e < FLOW_EVENTS);
    if (next[now][e] == NO) return REFUSE(E_CONFLICT);
    *ret = (enum flow_state)next[now][e];
    return DONE;
}

static const struct { const char *word, *ja; } states[] = {
#define X(name, word, ja) [name] = { word, ja },
    FLOW_STATES(X)
#undef X
};
static const struct { const char *word, *ja; } stages[] = {
#define X(name, word, ja) [name] = { word, ja },
    STAGES(X)
#undef X
};

const char *flow_state_word(enum flow_state s)
{
    return states[s].word;
}

const char *flow_state_word_ja(enum flow_state s)
{
    return states[s].ja;
}

const char *stage_word(enum stage_id s)
{
    return stages[s].word;
}

const char *stage_word_ja(enum stage_id s)
{
    return stages[s].ja;
}

const char *flow_direction_word(enum flow_direction d)
{
    return d == FLOW_OUT ? "out" : "in";
}
