/* The gate: listeners, TLS, framing, admission and deadlines. Stateless towards the site: what may
 * flow is the core's to decide. Holds no private key (the seal signs handshakes), opens no file
 * after it serves. One thread. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "base/bytes.h"

struct gate_options {
    int control_fd;   /* SOCK_SEQPACKET from the keeper, see wire/channel.h */
    int connect_ms;   /* from accept to CONNECT or the first request; 10,000 */
    size_t memory;    /* bytes held for all peers together; 0 = 512 MiB */
    bool sandbox;     /* always in the program; tests of one process do without */
    bool plain;       /* never in the program: the lab's doors, no TLS and no certificates, loopback only.
                         Nothing that comes over the channel can ask for it */
};

/* Runs until the keeper closes the control socket (OK) or until something cannot be served: the
 * outcome, and ret_why[160] for people (a listener that cannot be bound, a broken channel). */
MUST outcome gate_run(const struct gate_options *o, char ret_why[160]);

#endif
