/* Origin over a whole record, offline: the record is verified as verify.h does, and of its messages those that carry a
 * number are held against what their devices signed (origin.h). Keys of devices are those the record enrolled. */
#ifndef LEDGER_VERIFY_ORIGIN_H
#define LEDGER_VERIFY_ORIGIN_H

#include "ledger/origin.h"
#include "ledger/verify.h"

struct verify_origin {
    const char *dir, *keys_dir; /* the record; the folder of data keys */
    const char *public_key_hex; /* as ledger_verify */
    void (*record)(void *ctx, const struct verify_finding *f);
    void (*finding)(void *ctx, const struct origin_finding *f);
    void (*device)(void *ctx, const struct origin_device *d); /* after all messages */
    void *ctx;
    struct origin_answer *answer; /* NULL: of no entry in particular */
};
struct verify_origin_result {
    struct verify_result record;
    uint64_t closed;            /* messages that no key here opens: nothing is said of them */
    size_t findings;            /* of origin */
};
/* E_MISSING: no folder of keys there. */
MUST outcome ledger_verify_origin(const struct verify_origin *q, struct verify_origin_result *ret);

#endif
