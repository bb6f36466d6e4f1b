/* The clocks of open incidents: a report that was due and not sent is an alert, of its own cause. */
#ifndef NODE_INCIDENT_H
#define NODE_INCIDENT_H

#include <stdint.h>

struct core;

void incident_turn(struct core *c, int64_t wall_ms);

#endif
