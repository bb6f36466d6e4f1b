/* A certificate's next one, by EST simplereenroll (RFC 7030, 4.2.2) with the certificate at hand, also when it is over:
 * from two thirds of its life on, at a time of each device's own, and again until it succeeds. Never blocks: the caller
 * polls. The key stays the same. */
#ifndef DEVICE_AGENT_RENEW_H
#define DEVICE_AGENT_RENEW_H

#include "client/line.h"
#include "device/agent/state.h"

#define RENEW_RETRY_MIN_MS 5000
#define RENEW_RETRY_MAX_MS (15 * 60 * 1000)

struct renewal {
    int64_t due_ms;        /* wall: not before */
    int64_t next_ms;       /* mono: not before; doubled with each failure */
    int64_t until_ms;      /* mono: the attempt under way is given up */
    uint32_t retry_ms;
    bool sent, anchored;   /* anchored: whom to trust was asked first, and answered */
    struct line line;
};

/* When the certificate in s is to be renewed: two thirds of its life and up to a twentieth of it, drawn. */
MUST outcome renewal_plan(struct renewal *r, const struct state *s);
/* The site's CA rolls over: renew within so many seconds, at a moment drawn, unless s has a certificate of that issuer. */
void renewal_called(struct renewal *r, const struct state *s, struct bytes json);
void renewal_deinit(struct renewal *r);
int renewal_fd(const struct renewal *r); /* -1 when there is none */
short renewal_events(const struct renewal *r);
/* Milliseconds until it wants a turn, at most an hour: the wall clock may jump. */
int renewal_wait_ms(const struct renewal *r, int64_t mono_ms, int64_t wall_ms);
/* DONE and *ret_renewed: s holds the new certificate, on disk as well. A refusal ends an attempt; it is repeated later. */
MUST outcome renewal_turn(struct renewal *r, struct state *s, struct tls_context *tls, short revents, bool *ret_renewed);

#endif
