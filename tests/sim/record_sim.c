#include "record_sim.h"

#include <stdio.h>

#include "ledger/inside.h"

outcome sim_record_make(const char *dir, const char *origin, const struct key *key, uint64_t segment_bytes)
{
    struct identity i = { .shape = { 1024, segment_bytes } };
    snprintf(i.origin, sizeof i.origin, "%s", origin);
    TRY(key_write_ed25519_raw(key, i.key));
    return ledger_create_shaped(dir, &i);
}

outcome sim_record_open(const char *dir, struct ledger **ret)
{
    uint64_t cut;
    return ledger_open_stepped(dir, ret, &cut);
}

bool sim_record_step(struct ledger *l)
{
    return ledger_step(l);
}

void sim_record_drop(struct ledger *l)
{
    ledger_drop(l);
}
