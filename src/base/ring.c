/* Layout: a page of two counters on lines of their own, then cap data bytes. A record is a u32
 * length and its bytes, wrapped at the end of the data; positions only grow. */
#include "base/ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

struct ring_shared {
    _Alignas(64) _Atomic uint64_t head; /* written by the producer */
    _Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
};

enum { RING_HEAD_BYTES = 4096, RECORD_HEAD = 4 };

size_t ring_size(uint64_t cap)
{
    return RING_HEAD_BYTES + (size_t)cap;
}

static void attach(struct ring *r, void *memory, uint64_t cap, int wake_fd)
{
    assert(cap >= 4096 && (cap & (cap - 1)) == 0);
    *r = (struct ring) { .shared = memory, .data = (uint8_t *)memory + RING_HEAD_BYTES, .cap = cap,
        .wake_fd = wake_fd };
}

void ring_attach_producer(struct ring *r, void *memory, uint64_t cap, int wake_fd)
{
    attach(r, memory, cap, wake_fd);
    r->mine = atomic_load(&r->shared->head);
    r->theirs = atomic_load(&r->shared->tail);
}

void ring_attach_consumer(struct ring *r, void *memory, uint64_t cap, int wake_fd)
{
    attach(r, memory, cap, wake_fd);
    r->mine = atomic_load(&r->shared->tail);
    r->theirs = atomic_load(&r->shared->head);
}

static void copy_in(struct ring *r, uint64_t at, const void *from, size_t n)
{
    size_t start = (size_t)(at & (r->cap - 1));
    size_t first = n < r->cap - start ? n : (size_t)(r->cap - start);
    if (first) memcpy(r->data + start, from, first);
    if (n > first) memcpy(r->data, (const uint8_t *)from + first, n - first);
}

static void copy_out(const struct ring *r, uint64_t at, void *to, size_t n)
{
    size_t start = (size_t)(at & (r->cap - 1));
    size_t first = n < r->cap - start ? n : (size_t)(r->cap - start);
    memcpy(to, r->data + start, first);
    if (n > first) memcpy((uint8_t *)to + first, r->data, n - first);
}

static uint64_t producer_free(struct ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->shared->tail, memory_order_acquire);
    /* A consumer that lies can only shorten its own life: never believe in more than cap. */
    if (r->mine - tail > r->cap) return 0;
    r->theirs = tail;
    return r->cap - (r->mine - tail);
}

size_t ring_room(struct ring *r)
{
    uint64_t room = producer_free(r);
    return room <= RECORD_HEAD ? 0 : (size_t)(room - RECORD_HEAD);
}

outcome ring_put(struct ring *r, const struct bytes *parts, size_t n_parts)
{
    size_t n = 0;
    for (size_t i = 0; i < n_parts; i++) n += parts[i].n;
    if (n > RING_RECORD_MAX || n + RECORD_HEAD > r->cap) return REFUSE(E_TOO_LARGE);
    if (n + RECORD_HEAD > producer_free(r)) return REFUSE(E_FULL);
    uint32_t length = (uint32_t)n;
    copy_in(r, r->mine, &length, RECORD_HEAD);
    r->mine += RECORD_HEAD;
    for (size_t i = 0; i < n_parts; i++) {
        copy_in(r, r->mine, parts[i].at, parts[i].n);
        r->mine += parts[i].n;
    }
    r->dirty = true;
    return DONE;
}

void ring_flush(struct ring *r)
{
    if (!r->dirty) return;
    r->dirty = false;
    atomic_store_explicit(&r->shared->head, r->mine, memory_order_release);
    uint64_t one = 1;
    while (write(r->wake_fd, &one, sizeof one) < 0 && errno == EINTR) { }
}

outcome ring_take(struct ring *r, struct out *to)
{
    if (r->theirs == r->mine) r->theirs = atomic_load_explicit(&r->shared->head, memory_order_acquire);
    uint64_t waiting = r->theirs - r->mine;
    if (waiting == 0) return REFUSE(E_AGAIN);
    if (waiting > r->cap || waiting < RECORD_HEAD) return REFUSE(E_MALFORMED);
    uint32_t length;
    copy_out(r, r->mine, &length, RECORD_HEAD);
    if (length > RING_RECORD_MAX || length > waiting - RECORD_HEAD) return REFUSE(E_MALFORMED);
    if (length > to->cap - to->n) return REFUSE(E_TOO_LARGE);
    copy_out(r, r->mine + RECORD_HEAD, to->at + to->n, length);
    to->n += length;
    r->mine += RECORD_HEAD + length;
    atomic_store_explicit(&r->shared->tail, r->mine, memory_order_release);
    return DONE;
}
