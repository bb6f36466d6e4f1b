/* The channel between gate and core, and the one between courier (in the gate's place) and core: one memfd with two rings and an eventfd each way, made by the
 * keeper and handed to both ends over their control sockets. A new channel replaces the old one.
 * Control messages (SOCK_SEQPACKET, one byte plus SCM_RIGHTS):
 *   'R' + {memfd, eventfd to gate, eventfd to core}   a fresh channel (also the first)
 *   's' + {SOCK_SEQPACKET}                            a fresh way to the seal
 *   'c' / 'g' + {SOCK_SEQPACKET}                      to the seal: a fresh way to core / gate
 *   'o' + {memfd, eventfds}                           to core: a fresh channel to the courier, which gets it as 'R'
 * Towards the keeper, from core: 'y' once the site serves; 'b' when the gate broke its channel and shall be started
 * afresh; 'p' whenever it wants a courier (and a channel to it). */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include "base/mem.h"
#include "base/ring.h"

#define CHANNEL_RING_BYTES (4u << 20)
#define CHANNEL_FDS 3

enum channel_end { CHANNEL_GATE, CHANNEL_CORE };
enum channel_message { CHANNEL_FRESH = 'R', CHANNEL_SEAL = 's', CHANNEL_READY = 'y', CHANNEL_COURIER = 'o',
    CHANNEL_WANT_COURIER = 'p', CHANNEL_BROKEN = 'b',
    CHANNEL_SEAL_AGAIN = 'k' /* the seal is to read its files again: another one is started */ };

/* The second ring starts on a page of its own. */
static inline size_t channel_second_at(void)
{
    return (ring_size(CHANNEL_RING_BYTES) + 4095) & ~(size_t)4095;
}
/* Size of the memfd; whoever makes it seals it against shrinking and growing. */
static inline size_t channel_bytes(void)
{
    return 2 * channel_second_at();
}

struct channel {
    void *memory;
    struct ring put; /* this end writes */
    struct ring get; /* this end reads; get.wake_fd becomes readable when there is something */
    int fds[CHANNEL_FDS];
};
#define CHANNEL_NONE ((struct channel) { .fds = { -1, -1, -1 } })

/* Maps; takes the three fds on success. E_MALFORMED when the memfd has another size or may shrink. */
MUST outcome channel_open(struct channel *c, const int fds[CHANNEL_FDS], enum channel_end end);
void channel_close(struct channel *c);
static inline bool channel_is_open(const struct channel *c)
{
    return c->memory != 0;
}
/* Clears the wake-up of get; then ring_take until E_AGAIN. */
void channel_woken(struct channel *c);

/* A record to the other end, of n parts; it waits in backlog (u32 length + bytes) while the ring is full. Refused: it is
 * lost, and so is the order of what follows: end the channel. */
MUST outcome channel_put(struct channel *c, struct buffer *backlog, const struct bytes *parts, size_t n);
/* What waits, as far as the ring takes it; then one wake-up. Once a turn. */
void channel_flush(struct channel *c, struct buffer *backlog);

/* One control message. E_AGAIN when none waits, E_CLOSED when the keeper is gone. The fds are the
 * caller's; unused ones are -1. E_MALFORMED: wrong number of fds for the kind (they are closed). */
MUST outcome channel_receive(int control_fd, char *ret_kind, int ret_fds[CHANNEL_FDS]);

#endif
