/* The gate's way to the seal: one blocking question per handshake. */
#ifndef GATE_SEAL_SIDE_H
#define GATE_SEAL_SIDE_H

#include "crypto/tls.h"

#define SEAL_WAIT_MS 1000
#define SEAL_QUIET_MS 5000 /* after a question that timed out: live links must not wait for the next */

struct seal_side {
    int fd;      /* SOCK_SEQPACKET; -1 while there is no seal */
    int64_t quiet_until_ms;
    bool failed; /* the last question went unanswered: the fault is ours, not the peer's */
};

/* By which key a door's handshakes are signed (enum seal_door). */
struct seal_way {
    struct seal_side *side;
    uint8_t door;
};

/* struct tls_signer.sign with ctx = struct seal_way. E_CLOSED, E_TIMEOUT (then at once for
 * SEAL_QUIET_MS), or the seal's refusal. */
MUST outcome seal_side_sign(
    void *ctx, struct bytes transcript_hash, uint8_t *ret, size_t cap, size_t *ret_n);

#endif
