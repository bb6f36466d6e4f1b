/* The lab: the real gate (as a thread, without TLS), exchange and record in one process, for conformance suites
 * that know a broker by its port alone. Loopback only, anonymous, everything allowed (but what `closed` names) unless
 * a policy says otherwise; never installed. Each client id is an identity of its own, made at its first CONNECT; with a
 * policy its name is the user name, where one is given, and every client is an operator. */
#ifndef NODE_LAB_H
#define NODE_LAB_H

#include "base/outcome.h"

struct lab_options {
    uint16_t port, ws_port; /* ws_port 0: no WebSocket */
    const char *state;      /* a directory of its own; made when missing */
    const char *grants;     /* NULL: everybody may everything; else a policy's file, as JSON */
    const char *passing;    /* NULL: all is recorded; else a filter of topics that are not (a directory that is new) */
};

/* Serves until SIGTERM or SIGINT. E_DENIED: the directory belongs to a site (keys or a configuration are in it). E_CONFIG: the policy.
 * ret_why[160] is for people. */
MUST outcome lab_run(const struct lab_options *o, char ret_why[160]);

#endif
