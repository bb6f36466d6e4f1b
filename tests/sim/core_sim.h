/* A whole core in one process: its rooms, record and service on the simulation's disk and clock; no gate, no seal (what asks
 * it is refused as by a seal that is away), no thread of the record's. */
#ifndef SIM_CORE_SIM_H
#define SIM_CORE_SIM_H

#include "node/core.h"

MUST outcome core_sim_make(void);                            /* an empty site "s", its state in /s */
MUST outcome core_sim_open(struct core *c); /* c is the caller's, of any content; closed by the caller on failure too */
void core_sim_close(struct core *c);                          /* as a process that is gone: nothing more is written */

#endif
