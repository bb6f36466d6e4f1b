/* Inside grants*.c only: a policy with its index and what was remembered of its answers. */
#ifndef PLATFORM_GRANTS_INTERNAL_H
#define PLATFORM_GRANTS_INTERNAL_H

#include "platform/grants.h"

enum { GRANT_MEMOS = 1 << 15, GRANT_MEMO_TOPIC = 96 };

struct grant_list { /* rows of one subject */
    uint32_t *at;
    size_t n, cap;
};

struct grant_memo {
    uint64_t key;
    const struct identity *who;
    uint64_t declared;           /* epoch of identities and streams */
    const struct grant *row, *missed;
    uint8_t role, trust, action;
    bool standing;
    uint16_t n;
    uint8_t topic[GRANT_MEMO_TOPIC];
};

struct grants {
    char site[ID_MAX];
    int16_t zone_min;
    struct grant *rows;
    size_t n, cap;
    struct map lists;            /* kind and subject -> struct grant_list */
    uint64_t seed;
    struct grant_memo *memo;
};

struct grant_list *grant_list_of(const struct grants *g, enum grant_subject kind, const char *subject);
/* Makes index and memo; rows do not change afterwards. */
MUST outcome grants_compile(struct grants *g);

#endif
