#include "base/ring.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "base/mem.h"
#include "base/test.h"

enum { CAP = 4096, MANY = 200000 };

static void *produce(void *ctx)
{
    struct ring *r = ctx;
    for (uint32_t i = 0; i < MANY; i++) {
        uint8_t filler[97];
        memset(filler, (int)(i & 0xFF), sizeof filler);
        struct bytes parts[] = { bytes_of(&i, sizeof i), bytes_of(filler, i % sizeof filler) };
        while (!ok(ring_put(r, parts, 2))) ring_flush(r);
        ring_flush(r);
    }
    return NULL;
}

static void order_and_content_survive_two_threads(void *memory, int fd)
{
    struct ring in, out;
    ring_attach_producer(&in, memory, CAP, fd);
    ring_attach_consumer(&out, memory, CAP, fd);
    pthread_t t;
    CHECK(pthread_create(&t, NULL, produce, &in) == 0);
    uint8_t *room = mem_new(RING_RECORD_MAX);
    bool good = true;
    for (uint32_t want = 0; want < MANY;) {
        struct out o = out_of(room, RING_RECORD_MAX);
        outcome got = ring_take(&out, &o);
        if (got.code == E_AGAIN) continue;
        uint32_t i;
        memcpy(&i, o.at, sizeof i);
        good = good && ok(got) && i == want && o.n == sizeof i + want % 97;
        want++;
    }
    CHECK(good);
    pthread_join(t, NULL);
    mem_free(room);
}

static void bounds_hold(void *memory, int fd)
{
    struct ring in, out;
    memset(memory, 0, ring_size(CAP));
    ring_attach_producer(&in, memory, CAP, fd);
    ring_attach_consumer(&out, memory, CAP, fd);
    static uint8_t big[CAP];
    struct bytes part = bytes_of(big, CAP - 3);
    CHECK_IS(ring_put(&in, &part, 1), E_TOO_LARGE);
    part.n = CAP - 4;
    CHECK(ring_room(&in) == CAP - 4);
    CHECK_OK(ring_put(&in, &part, 1));
    part.n = 0;
    CHECK_IS(ring_put(&in, &part, 1), E_FULL);
    uint8_t room[16];
    struct out o = out_of(room, sizeof room);
    CHECK_IS(ring_take(&out, &o), E_AGAIN); /* not flushed: not visible */
    ring_flush(&in);
    CHECK_IS(ring_take(&out, &o), E_TOO_LARGE);
    /* a producer that lies about a length is found */
    uint32_t lie = 0xFFFFFFFF;
    memcpy(in.data, &lie, sizeof lie);
    CHECK_IS(ring_take(&out, &o), E_MALFORMED);
}

int main(void)
{
    int fd = eventfd(0, EFD_NONBLOCK);
    void *aligned;
    CHECK(posix_memalign(&aligned, 4096, ring_size(CAP)) == 0);
    memset(aligned, 0, ring_size(CAP));
    order_and_content_survive_two_threads(aligned, fd);
    bounds_hold(aligned, fd);
    free(aligned);
    return TEST_END;
}
