/* One TLS connection out, without blocking: the caller polls, line_turn moves bytes. Without a TLS context it is
 * plaintext, which line_open refuses off loopback. */
#ifndef CLIENT_LINE_H
#define CLIENT_LINE_H

#include "crypto/tls.h"

enum line_state { LINE_CLOSED, LINE_CONNECTING, LINE_HANDSHAKE, LINE_UP };

struct line {
    enum line_state state;
    int fd;
    struct tls *tls;   /* NULL: plaintext */
    struct buffer in;  /* plaintext received; the caller drops what it used */
    struct buffer out; /* to be sent, where there is no TLS */
    bool ended;        /* the peer closed: nothing more will come */
};

/* Resolves (may block on DNS) and starts connecting. Free with line_close. c NULL: plaintext; E_DENIED unless every
 * address of host is loopback. */
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
