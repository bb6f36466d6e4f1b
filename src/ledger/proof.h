/* An inclusion proof as a document, checked with nothing but a key:
 *   {"index":N,"key":hex32,"leaf":hex,"note":text,"origin":text,"path":[hex32,...],"size":N}
 * leaf is the hash of the leaf (32 bytes) or the leaf record itself (128 bytes). */
#ifndef LEDGER_PROOF_H
#define LEDGER_PROOF_H

#include "ledger/ledger.h"

#define PROOF_BYTES_MAX 16384

struct proof_result {
    char origin[128];
    uint64_t index, size;
};

/* Of entry index under the ledger's newest signed head; canonical JSON into b. E_RANGE when that head
 * does not cover it, E_UNKNOWN without a head. */
MUST outcome proof_make(struct ledger *l, uint64_t index, struct buffer *b);
/* key_hex: pin, or "" for the document's own. E_MALFORMED, E_CRYPTO (head), E_CHANGED (path). */
MUST outcome proof_verify(struct bytes json, const char *key_hex, struct proof_result *ret);
MUST outcome proof_verify_file(const char *path, const char *key_hex, struct proof_result *ret);

#endif
