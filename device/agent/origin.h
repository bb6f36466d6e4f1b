/* What this device says of its own messages: each number's leaf, and every so many of them a batch signed with the
 * device's key (wire/origin.h, wire/cose.h). Pure; the caller keeps and sends. */
#ifndef DEVICE_AGENT_ORIGIN_H
#define DEVICE_AGENT_ORIGIN_H

#include "crypto/sign.h"

#define ORIGIN_BATCH_ROWS 64
#define ORIGIN_BATCH_MS 10000 /* so long a message stays without a signature at most */

struct origin {
    uint64_t first; /* number of the first leaf; 0: none */
    size_t count;
    int64_t since_ms; /* monotonic: when the first came */
    uint8_t leaves[ORIGIN_BATCH_ROWS + 1][32]; /* the batch before is one, too */
};

/* Numbers come in order, without a hole. E_FULL: a batch is due first. E_CONFLICT: a hole. */
MUST outcome origin_add(struct origin *o, uint64_t n, struct bytes tail, struct bytes payload, int64_t now_ms);
bool origin_due(const struct origin *o, int64_t now_ms);
/* -1: not until something comes. */
int origin_wait_ms(const struct origin *o, int64_t now_ms);
/* The signed batch of what there is, appended. E_UNSUPPORTED: the key is not P-256. */
MUST outcome origin_sign(const struct origin *o, const char *site, const char *device, const struct key *k, struct buffer *ret);
void origin_clear(struct origin *o);

#endif
