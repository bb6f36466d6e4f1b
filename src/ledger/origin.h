/* Was this message sent so by that device? Batches a device signed (wire/origin.h), the messages themselves, and the
 * record's own list of who holds which key, in the order of the record: what each number of each device is worth. A message
 * stands before or after the batch that covers it. Pure; memory grows with numbers that are not settled and devices. */
#ifndef LEDGER_ORIGIN_H
#define LEDGER_ORIGIN_H

#include "crypto/sign.h"
#include "wire/origin.h"

/* A signed batch: its signature is good by the key it names; that this is the device's key is the caller's to know.
 * batch: views into in. E_CRYPTO: not signed by that key; else what does not read. */
MUST outcome origin_open(struct bytes in, struct origin_batch *ret, struct hash *ret_key);
/* SHA-256 of one message as a batch states it. */
void origin_leaf(uint64_t n, struct bytes tail, struct bytes payload, struct hash *ret);

enum origin_found {
    ORIGIN_CHANGED,  /* the device signed another message under this number */
    ORIGIN_REPEATED, /* the same message a second time */
    ORIGIN_MISSING,  /* of a device's numbers, not here, and no gap names it */
    ORIGIN_FOREIGN,  /* a batch that is not signed by a key this device was enrolled with, or is of another device */
};
struct origin_finding {
    enum origin_found what;
    const char *device;
    uint64_t n, last; /* a run of numbers; of a batch its first */
    uint64_t entry;   /* UINT64_MAX: none */
};
struct origin_device { /* what is proved of one */
    const char *id;
    uint64_t proved, waiting, lost, batches; /* messages in signed batches; without one yet; numbers the device named as lost */
    uint64_t first, last;                    /* numbers of proved messages */
};

struct origin_check;
MUST outcome origin_check_new(void (*fn)(void *ctx, const struct origin_finding *f), void *ctx, struct origin_check **ret);
void origin_check_free(struct origin_check *c);
/* id holds this key from here on. */
MUST outcome origin_check_key(struct origin_check *c, struct bytes id, const uint8_t key_hash[32]);
/* A recorded message in the record's order. E_MEMORY. */
MUST outcome origin_check_message(struct origin_check *c, uint64_t entry, struct bytes topic, struct bytes payload);
/* After the last message: numbers that were signed and are not here are told. None before the first that is here: the
 * record may have given those up by rule. */
void origin_check_end(struct origin_check *c);
/* In order of appearance; NULL after the last. */
const struct origin_device *origin_check_device(const struct origin_check *c, size_t i);
/* What one entry is, asked before the messages and answered after the end; n == 0: it carries no number. */
struct origin_answer {
    uint64_t entry;
    char device[65];
    uint64_t n;
    bool proved;
};
void origin_check_ask(struct origin_check *c, struct origin_answer *answer);

#endif
