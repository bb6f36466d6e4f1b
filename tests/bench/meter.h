/* What a run measures: time, latencies in buckets of 1/16 of their size, and what the broker's processes used. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stddef.h>
#include <stdint.h>

enum { METER_BUCKETS = 64 * 16, METER_PIDS_MAX = 8 };

struct latencies {
    uint64_t n, most_ns, rows[METER_BUCKETS];
};

int64_t meter_now_ns(void);
void latency_add(struct latencies *l, int64_t ns);
/* Upper end of the bucket the share (0..1) of all values lies in; 0 when there are none. */
int64_t latency_at(const struct latencies *l, double share);

struct processes {
    int n, pids[METER_PIDS_MAX];
};
/* "12,34": false when it is no such list. */
int processes_parse(const char *text, struct processes *ret);
/* CPU time of all threads of all of them; resident memory, shared pages in each process that has them. */
int64_t processes_cpu_ns(const struct processes *p);
int64_t processes_rss_kib(const struct processes *p);

#endif
