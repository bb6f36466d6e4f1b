/* One connection of the load generator: socket, TLS 1.3 or plain, and its bytes. It shares no code with the broker it
 * judges. Single threaded; everything is asked for by the loop. */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_state { LINE_NONE, LINE_CONNECTING, LINE_SHAKING, LINE_GREETING, LINE_SUBSCRIBING, LINE_READY, LINE_DEAD };

struct line {
    int fd;
    enum line_state state;
    SSL *ssl;              /* NULL: plain */
    SSL_SESSION *session;  /* where lines resume: of the last connection, kept when it closes */
    uint32_t index;        /* of the loop's table */
    bool wants_out, dirty; /* epoll watches for room; something waits to be flushed */
    uint8_t *in, *out;
    size_t in_n, in_cap, out_n, out_at, out_cap;
    int64_t began_ns;
};

struct line_place {
    const char *host; /* numeric IPv4 */
    uint16_t port;
    uint32_t source;  /* 127.0.0.0 + source is bound; 0: any */
    SSL_CTX *tls;     /* NULL: plain */
    int epoll_fd;
};

/* NULL when a file cannot be used. cert and key may be NULL. */
SSL_CTX *line_tls(const char *ca, const char *cert, const char *key, bool lean);
/* Lines of this context take up their last session again, where the server lets them. */
void line_tls_resume(SSL_CTX *c);
bool line_open(struct line *l, const struct line_place *p);
void line_close(struct line *l);
/* Goes on with connecting; the state says how far. */
void line_advance(struct line *l);
/* Reads what is there into l->in. False: the connection is over. */
bool line_fill(struct line *l);
/* Room of n bytes at the end of out; l->out_n is the caller's to raise. */
uint8_t *line_room(struct line *l, size_t n);
/* One write of all that waits. False: the connection is over. */
bool line_flush(struct line *l, int epoll_fd);

#endif
