/* What draft.c and draft_new.c share. */
#ifndef ASSURANCE_DRAFT_INSIDE_H
#define ASSURANCE_DRAFT_INSIDE_H

#include "assurance/draft.h"
#include "assurance/state.h"

enum draft_end { DRAFT_GOES, DRAFT_RETURNED, DRAFT_WITHDRAWN, DRAFT_ENDS };
struct draft {
    char id[DECISION_ID];
    struct buffer envelope;      /* the newest bytes with the signatures so far, canonical; owned */
    char payload_hash[65];
    int64_t opened_ms;
    int64_t at_ms;               /* the payload's own date: what replaces it is later */
    unsigned revision;           /* 1 .. */
    enum draft_end end;
    struct { enum charter_role by; char words[DRAFT_WORDS]; int64_t at_ms; } ended;
};
struct draft *draft_find(const struct assurance *a, const char *id);
/* Its newest bytes with the signatures that are good now, and what they say. */
MUST outcome draft_read(const struct assurance *a, const struct draft *dr, int64_t now_ms, struct arena *arena, struct document *ret,
    struct decision **ret_in);

#endif
