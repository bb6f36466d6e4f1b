/* The courier of a simulated site: its own sessions and MQTT client, real, over a line that the simulation carries, and the real
 * channel between it and the core. One peer. */
#ifndef SIM_FLOW_COURIER_H
#define SIM_FLOW_COURIER_H

#include "node/core.h"

/* A new courier process with a channel of its own: at the start, after its kill, after the core's. */
void courier_begin(struct core *c);
void courier_end(void);
/* One turn of its loop, and of the core's ear to it. */
void courier_step(struct core *c);
/* From the peer; and the end of the line, as TCP tells it. */
void courier_line_bytes(struct bytes b);
void courier_line_broken(void);

/* What whoever carries the line answers: may it be connected now; it is; this was sent; it ended. */
bool carrier_reached(void);
void carrier_connected(void);
void carrier_sent(struct bytes b);
void carrier_closed(void);

#endif
