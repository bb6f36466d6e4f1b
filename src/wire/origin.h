/* A batch of origin: a device's statement which messages it sent, number by number. Payload of a COSE_Sign1 (cose.h), on
 * e/origin of the device's topics:
 *   ["sk-origin-1", site, device, first number, bytes of 32 for each number from there on]
 * The 32 bytes of message n are SHA-256("sk-origin-1" 00 | n u64 | tail field16 | payload field32), where tail is the topic
 * below sk/v1/<site>/<device>/. A message that carries its number begins {"n":<number>, ; a batch has the number after its
 * last, so that the next one covers it: batches form a chain. */
#ifndef WIRE_ORIGIN_H
#define WIRE_ORIGIN_H

#include "base/mem.h"

#define ORIGIN_LEAF 32
#define ORIGIN_BATCH_MAX 1024 /* numbers in one that is read */
#define ORIGIN_TAIL "e/origin"
#define ORIGIN_LEAF_HEAD (12 + 8 + 2 + 65535 + 4)

struct origin_batch {
    struct bytes site, device; /* 1 to 64 bytes */
    uint64_t first, count;
    struct bytes leaves;       /* ORIGIN_LEAF x count */
};
MUST outcome origin_read(struct bytes in, struct origin_batch *ret);
MUST outcome origin_write(const struct origin_batch *b, struct buffer *ret);
/* What is hashed before the payload. */
void origin_put_leaf_head(struct out *o, uint64_t n, struct bytes tail, size_t payload_n);
/* The number a payload begins with; false: none. */
bool origin_number(struct bytes payload, uint64_t *ret);
/* sk/v1/<site>/<device>/<tail>; false: another form. */
bool origin_topic(struct bytes topic, struct bytes *ret_site, struct bytes *ret_device, struct bytes *ret_tail);

#endif
