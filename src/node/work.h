/* Work permits (作業申請), wired: platform/work.h keeps them, access obeys the open ones, assurance verifies approvals. */
#ifndef NODE_WORK_H
#define NODE_WORK_H

#include "assurance/assurance.h"
#include "assurance/document.h"
#include "platform/work.h"

struct core;

/* An ENTRY_WORK, written or replayed: applied, and what is open swapped in. */
MUST outcome work_taken(struct core *c, const struct doc *d, int64_t at_ms);
/* What is open, emergency access included, into the data's path in one step. */
MUST outcome work_swap(struct core *c);
/* Closes what is over. */
void work_turn(struct core *c, int64_t wall_ms);
void work_close(struct core *c);
/* The open permit that this identity works under, or whose streams are this device's; NULL: none. */
const struct work *work_covering(const struct core *c, const char *id, int64_t wall_ms);
/* Of an approval in the record: its signature, verified again as it was then. E_DENIED. */
MUST outcome work_approved_then(struct core *c, const struct doc *d, int64_t at_ms);
/* A signed approval; why says what was wrong. */
MUST outcome core_permit(void *ctx, struct bytes json, char why[ASSURANCE_WHY]);

#endif
