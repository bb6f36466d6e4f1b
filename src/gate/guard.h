/* The guard: how many strangers at once, in all and from one source. Pure counts; it decides
 * nothing about who somebody is. */
#ifndef GATE_GUARD_H
#define GATE_GUARD_H

#include "base/map.h"
#include "wire/link.h"

struct guard_caps {
    uint32_t handshakes;  /* TLS handshakes at once */
    uint32_t connections; /* open connections at once */
    uint32_t per_source;  /* connections from one source address */
};
#define GUARD_CAPS ((struct guard_caps) { 256, 20000, 200 })

struct guard {
    struct guard_caps caps;
    uint32_t handshakes, connections;
    struct map sources; /* source key -> struct guard_source */
};
#define GUARD ((struct guard) { GUARD_CAPS, 0, 0, MAP })

void guard_deinit(struct guard *g);

/* One more connection from this key, or E_FULL (the total), E_DENIED (its own share), E_MEMORY. */
MUST outcome guard_enter(struct guard *g, const char *key);
/* Exactly once for each successful guard_enter. */
void guard_leave(struct guard *g, const char *key);

bool guard_may_shake(const struct guard *g);
void guard_shake_begin(struct guard *g);
void guard_shake_end(struct guard *g);

#endif
