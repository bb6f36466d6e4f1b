/* What the record says of payloads that are not to be read any more: entries of kind "pruned" and "erased".
 * Shared by the writer and the verifier; pure. Canonical JSON:
 *   pruned  {"before":TIME?,"by":TEXT,"bytes":N,"class":"data","end":E,"entries":N,"kept":[I,...],"rule":TEXT}
 *           payloads of all data entries before E are given up but those kept; a later entry's claim holds the earlier
 *   erased  {"by":TEXT,"key":hex16,"reason":TEXT,"subject":TEXT}
 *           the data key of that id was destroyed */
#ifndef LEDGER_WITHHELD_H
#define LEDGER_WITHHELD_H

#include "ledger/keyring.h"

#define WITHHELD_KEPT_MAX 200000u

struct pruned {
    uint64_t end;
    uint64_t *kept; /* rising; owned */
    size_t kept_n;
};
bool pruned_has(const struct pruned *p, uint64_t index);
void pruned_deinit(struct pruned *p);

struct pruned_order { /* views */
    uint64_t end, entries, bytes;
    int64_t before_ms; /* 0: the rule was not about time */
    const uint64_t *kept;
    size_t kept_n;
    const char *rule, *by;
};
MUST outcome pruned_write(const struct pruned_order *p, struct buffer *b);
MUST outcome pruned_read(struct bytes json, struct pruned *ret);

struct erased_order {
    const uint8_t *key; /* KEYRING_ID */
    const char *subject, *reason, *by;
};
MUST outcome erased_write(const struct erased_order *e, struct buffer *b);
MUST outcome erased_read(struct bytes json, uint8_t ret_key[KEYRING_ID]);

#endif
