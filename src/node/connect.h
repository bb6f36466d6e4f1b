/* The connection checklist (接続前の確認), wired: platform/checklist.h keeps it, access holds by it. */
#ifndef NODE_CONNECT_H
#define NODE_CONNECT_H

#include "assurance/assurance.h"
#include "platform/checklist.h"

struct core;

/* An ENTRY_CHECKLIST, written or replayed. */
MUST outcome connect_taken(struct core *c, const struct doc *d, int64_t at_ms);
/* Of a signature in the record: verified again as it was then, over the answers of then. E_DENIED. */
MUST outcome connect_signed_then(struct core *c, const struct doc *d, int64_t at_ms);
/* A checklist signed by an owner: over exactly these answers, with all that is measured good; why says what was wrong. */
MUST outcome core_checklist(void *ctx, struct bytes json, char why[ASSURANCE_WHY]);

#endif
