/* Inside grants*.c only: a policy with its index and what was remembered of its answers. */
#ifndef PLATFORM_GRANTS_INTERNAL_H
#define PLATFORM_GRANTS_INTERNAL_H

#include "platform/grants.h"

/* Eight ways a set: their keys share a line of the cache. Pages never touched cost nothing. */
enum { GRANT_WAYS = 8, GRANT_SETS = 1 << 14, GRANT_MEMOS = GRANT_SETS * GRANT_WAYS, GRANT_MEMO_TOPIC = 88 };

struct grant_list { /* rows of one subject */
    uint32_t *at;
    size_t n, cap;
};

struct grant_memo {
    const struct identity *who;
    uint64_t declared;           /* epoch of identities and streams */
    uint64_t permits;
    const struct grant *row, *missed;
    uint8_t role, trust, action;
    bool standing;
    uint16_t n;
    uint8_t topic[GRANT_MEMO_TOPIC];
};

struct grants {
    char site[ID_MAX];
    char source[GRANT_SOURCE], appeal[GRANT_APPEAL];
    int16_t zone_min;
    struct grant *rows;
    size_t n, cap;
    struct map lists;            /* kind and subject -> struct grant_list */
    uint64_t seed;
    bool *spoke;                 /* of rows: which ever allowed something */
    uint64_t *keys;              /* of memo, GRANT_MEMOS; 0 = free */
    struct grant_memo *memo;
};

struct grant_list *grant_list_of(const struct grants *g, enum grant_subject kind, const char *subject);
/* Makes index and memo; rows do not change afterwards. */
MUST outcome grants_compile(struct grants *g);

#endif
