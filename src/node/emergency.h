/* Emergency access, wired: platform/emergency.h keeps it, access obeys the open ones, the site's own page says so. */
#ifndef NODE_EMERGENCY_H
#define NODE_EMERGENCY_H

#include "platform/emergency.h"

struct core;

/* An ENTRY_EMERGENCY, written or replayed: applied, and what is open swapped in. */
MUST outcome emergency_taken(struct core *c, const struct doc *d, int64_t at_ms);
/* Ends what is over. */
void emergency_turn(struct core *c, int64_t wall_ms);
/* The open ones as access reads them; room NULL: how many. */
size_t emergency_permits(const struct core *c, struct permit *room);

#endif
