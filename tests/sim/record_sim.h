/* The record without its thread, for a simulation that also knows identities of the registry. */
#ifndef SIM_RECORD_SIM_H
#define SIM_RECORD_SIM_H

#include "crypto/note.h"
#include "ledger/ledger.h"

MUST outcome sim_record_make(const char *dir, const char *origin, const struct key *key, uint64_t segment_bytes); /* small files */
MUST outcome sim_record_open(const char *dir, struct ledger **ret);
bool sim_record_step(struct ledger *l);
void sim_record_drop(struct ledger *l);

#endif
