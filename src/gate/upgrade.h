/* The one HTTP request of a WebSocket door: GET /mqtt that asks for the subprotocol mqtt (RFC 6455, 4.2;
 * MQTT 5, 6.0). A browser's page of another origin is refused. Pure. */
#ifndef GATE_UPGRADE_H
#define GATE_UPGRADE_H

#include "gate/front.h"

/* FRONT_FORWARD: the head is step.n bytes, answer has the 101, frames follow. FRONT_REFUSE: answer has why. */
struct front_step upgrade_take(struct bytes in, bool tls, struct buffer *answer);

#endif
