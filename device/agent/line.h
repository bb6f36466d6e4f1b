/* One TLS connection out, without blocking: the caller polls, line_turn moves bytes. */
#ifndef DEVICE_AGENT_LINE_H
#define DEVICE_AGENT_LINE_H

#include "crypto/tls.h"

enum line_state { LINE_CLOSED, LINE_CONNECTING, LINE_HANDSHAKE, LINE_UP };

struct line {
    enum line_state state;
    int fd;
    struct tls *tls;
    struct buffer in;  /* plaintext received; the caller drops what it used */
    bool ended;        /* the peer closed: nothing more will come */
};

/* Resolves (may block on DNS) and starts connecting. Free with line_close. */
MUST outcome line_open(struct line *l, struct tls_context *c, const char *host, uint16_t port);
void line_close(struct line *l);
/* What to poll the descriptor for. */
short line_events(const struct line *l);
/* After poll: connects, shakes hands, receives into `in`, sends. E_CLOSED, E_IO, E_CRYPTO: close it. */
MUST outcome line_turn(struct line *l, short revents);
/* Only when LINE_UP. */
MUST outcome line_send(struct line *l, struct bytes b);
/* Blocks until LINE_UP, until more plaintext has come, or the peer ended; E_TIMEOUT. For joining. */
MUST outcome line_wait(struct line *l, bool for_up, int timeout_ms);

#endif
