#include "meter.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t meter_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t bucket_of(uint64_t ns)
{
    if (ns < 16) return (size_t)ns;
    unsigned top = 63 - (unsigned)__builtin_clzll(ns);
    return (size_t)(top - 3) * 16 + (size_t)(ns >> (top - 4) & 15);
}

static int64_t bucket_end(size_t i)
{
    if (i < 16) return (int64_t)i;
    return (int64_t)((16 + i % 16 + 1) << (i / 16 - 1)) - 1;
}

void latency_add(struct latencies *l, int64_t ns)
{
    uint64_t v = ns > 0 ? (uint64_t)ns : 0;
    l->rows[bucket_of(v)]++;
    l->n++;
    if (v > l->most_ns) l->most_ns = v;
}

int64_t latency_at(const struct latencies *l, double share)
{
    uint64_t want = (uint64_t)((double)l->n * share), seen = 0;
    for (size_t i = 0; i < METER_BUCKETS; i++) {
        seen += l->rows[i];
        if (seen > want) return bucket_end(i);
    }
    return (int64_t)l->most_ns;
}

int processes_parse(const char *text, struct processes *ret)
{
    struct processes p = { 0 };
    while (*text) {
        char *end;
        long v = strtol(text, &end, 10);
        if (end == text || v <= 0 || p.n == METER_PIDS_MAX || (*end && *end != ',')) return 0;
        p.pids[p.n++] = (int)v;
        text = *end ? end + 1 : end;
    }
    *ret = p;
    return 1;
}

static int64_t task_cpu_ns(int pid, const char *task)
{
    char path[320];
    long long ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (fscanf(f, "%lld", &ns) != 1) ns = 0;
    fclose(f);
    return ns;
}

int64_t processes_cpu_ns(const struct processes *p)
{
    int64_t sum = 0;
    for (int i = 0; i < p->n; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/task", p->pids[i]);
        DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));)
            if (e->d_name[0] != '.') sum += task_cpu_ns(p->pids[i], e->d_name);
        if (d) closedir(d);
    }
    return sum;
}

int64_t processes_rss_kib(const struct processes *p)
{
    int64_t sum = 0;
    for (int i = 0; i < p->n; i++) {
        char path[64];
        long long pages = 0;
        snprintf(path, sizeof path, "/proc/%d/statm", p->pids[i]);
        FILE *f = fopen(path, "r");
        if (!f) continue;
        if (fscanf(f, "%*d %lld", &pages) == 1) sum += pages * 4;
        fclose(f);
    }
    return sum;
}
