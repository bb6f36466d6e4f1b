/* sekimori-record-bench DIR [ENTRIES]: how many recorded messages a second the record makes durable, appended in
 * batches as the core does it, and how long a commit takes. One line of JSON; processor time is of the whole process. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/port/port.h"
#include "ledger/ledger.h"

enum { BATCH = 1000, AHEAD = 4, PAYLOAD = 128, COMMITS_MAX = 1 << 16 };

static int64_t now_ns(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void woken(void *ctx)
{
    sem_post(ctx);
}

struct run {
    struct ledger *l;
    sem_t wake;
    uint64_t sent, settled;          /* batches */
    int64_t began_ns[AHEAD], took_ns[COMMITS_MAX];
};

/* A batch is settled when its last entry is durable. */
static void settle(struct run *r)
{
    while (r->settled < r->sent && ledger_durable(r->l) >= (r->settled + 1) * BATCH) {
        r->took_ns[r->settled] = now_ns(CLOCK_MONOTONIC) - r->began_ns[r->settled % AHEAD];
        r->settled++;
    }
}

static outcome batch(struct run *r, const uint8_t *payload)
{
    uint64_t index;
    for (int i = 0; i < BATCH; i++) TRY(ledger_append(r->l, ENTRY_DATA, port_wall_ms(), bytes_of(payload, PAYLOAD), &index));
    r->began_ns[r->sent++ % AHEAD] = now_ns(CLOCK_MONOTONIC);
    return DONE;
}

/* The core's way: the next batch is gathered while the last one is written. */
static outcome work(struct run *r, uint64_t batches)
{
    uint8_t payload[PAYLOAD] = { 'x' };
    while (r->settled < batches) {
        if (r->sent < batches && r->sent - r->settled < AHEAD) TRY(batch(r, payload));
        else sem_wait(&r->wake);
        (void)ledger_turn(r->l, port_mono_ms(), true);
        settle(r);
        TRY(ledger_health(r->l));
    }
    return DONE;
}

static outcome run(const char *dir, uint64_t batches)
{
    static struct run r;
    uint8_t key[32] = { 1 };
    uint64_t cut;
    sem_init(&r.wake, 0, 0);
    TRY(ledger_create(dir, "bench", bytes_of(key, sizeof key)));
    TRY(ledger_open(dir, (struct ledger_wake) { &r.wake, woken }, 2, &r.l, &cut));
    int64_t began = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    outcome o = work(&r, batches);
    double seconds = (double)(now_ns(CLOCK_MONOTONIC) - began) / 1e9, n = (double)batches * BATCH;
    double cpu_us = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e3;
    ledger_close(r.l);
    qsort(r.took_ns, batches, sizeof *r.took_ns, by_size);
    if (ok(o))
        printf("{\"entries\": %.0f, \"per_s\": %.0f, \"cpu_us_each\": %.3f, \"commit_p50_us\": %.0f, \"commit_p99_us\": %.0f}\n", n, n / seconds,
            cpu_us / n, (double)r.took_ns[batches / 2] / 1e3, (double)r.took_ns[batches * 99 / 100] / 1e3);
    return o;
}

int main(int argc, char **argv)
{
    uint64_t entries = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    if (argc < 2 || entries < BATCH || entries / BATCH > COMMITS_MAX) {
        fprintf(stderr, "usage: sekimori-record-bench NEW-DIR [ENTRIES]\n");
        return 2;
    }
    outcome o = run(argv[1], entries / BATCH);
    if (!ok(o)) fprintf(stderr, "%s at %s\n", code_word(o.code), o.at);
    return ok(o) ? 0 : 1;
}
