/* sekimori-history-bench NEW-DIR [POINTS [STREAMS]]: a year of readings, one each minute from each stream, put into the history's
 * parts by its own code (sealed, packed, on disk; without a record behind them, which would be 300 bytes a point), then asked as
 * the page and Grafana ask. Cold: the parts were taken out of the page cache before. One line of JSON. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/port/port.h"
#include "base/time.h"
#include "history/inside.h"

enum { MINUTES = 525600, PART_ROUNDS = 1311, ASKS = 20 };
static const int64_t began_ms = 1735689600000; /* 2025-01-01 */

static uint64_t seed = 88172645463325252;
static uint64_t any(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

static double now_ms(void)
{
    return (double)port_mono_ns() / 1e6;
}

/* A level that wanders by some thousandths, measured each minute, recorded some milliseconds later, entries of all streams mixed. */
static outcome fill_part(struct history *h, size_t streams, uint64_t first, uint64_t rounds, int64_t *level)
{
    char from[PART_PATH], to[PART_PATH];
    struct part_maker m;
    struct part p;
    struct point *at = mem_new_array(rounds, sizeof *at);
    if (!at) return REFUSE(E_MEMORY);
    snprintf(from, sizeof from, "%s/next.tmp", h->dir);
    history_path(h, first * streams, to);
    TRY(part_make(&m, from, &h->seal));
    for (size_t s = 0; s < streams; s++) {
        for (uint64_t r = 0; r < rounds; r++) {
            int64_t ms = began_ms + (int64_t)(first + r) * MS_MINUTE;
            level[s] += (int64_t)(any() % 21) - 10;
            at[r] = (struct point) { ms, ms + 3 + (int64_t)(any() % 12), level[s], (first + r) * streams + (s + (any() & 1)) % streams };
        }
        TRY(part_add(&m, (uint32_t)s, h->series[s]->is.subject, at, rounds));
    }
    m.part.first = first * streams;
    m.part.end = h->first = h->end = (first + rounds) * streams;
    TRY(part_finish(&m, from, to, &p));
    part_maker_deinit(&m);
    mem_free(at);
    return history_keep(h, &p);
}

static outcome fill(struct history *h, size_t streams, uint64_t rounds)
{
    int64_t *level = mem_new_array(streams, sizeof *level);
    if (!level) return REFUSE(E_MEMORY);
    for (size_t s = 0; s < streams; s++) {
        char subject[32], topic[64];
        uint32_t n;
        snprintf(subject, sizeof subject, "dev-%zu", s);
        snprintf(topic, sizeof topic, "sk/v1/plant/dev-%zu/m/level", s);
        level[s] = 5000;
        TRY(series_for(h, &(struct history_series) { subject, topic, "v", "m", READING_MAIN }, &n));
    }
    TRY(series_save(h));
    for (uint64_t at = 0; at < rounds; at += PART_ROUNDS) TRY(fill_part(h, streams, at, rounds - at < PART_ROUNDS ? rounds - at : PART_ROUNDS, level));
    mem_free(level);
    return DONE;
}

static void cool(struct history *h)
{
    char path[PART_PATH];
    int fd;
    for (size_t i = 0; i < h->n_parts; i++) {
        history_path(h, h->parts[i].part.first, path);
        if (!ok(port_file_open_read(path, &fd))) continue;
        (void)!ok(port_file_sync(fd));
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        port_file_close(fd);
    }
}

static enum history_form may(void *ctx, const struct history_series *s)
{
    (void)ctx, (void)s;
    return HISTORY_WHOLE;
}

static outcome count(void *ctx, const struct history_series *s, const struct point *p)
{
    (void)s, (void)p;
    ++*(uint64_t *)ctx;
    return DONE;
}

static struct history_sum sums[400];

/* As the API's handler does it: the series picked, then pages of 1000 points, or the sums. */
static outcome ask(struct history *h, size_t stream, bool year, int64_t end_ms, uint64_t *ret_n)
{
    char topic[64];
    struct buffer series = BUFFER(4096);
    snprintf(topic, sizeof topic, "sk/v1/plant/dev-%zu/m/level", stream);
    struct history_ask a = { bytes_str(topic), "", ~0u, NULL, may };
    TRY(history_match(h, &a, &series));
    struct history_want w = { (const uint32_t *)(const void *)series.at, series.n / 4, year ? began_ms : end_ms - MS_DAY, end_ms - 1, 0, UINT64_MAX, INT64_MAX };
    uint64_t n = 0, next = 0;
    outcome o = DONE;
    memset(sums, 0, sizeof sums);
    if (year) o = history_sums(h, &w, MS_DAY, sums, &next);
    for (; ok(o) && !year && next < history_end(h); w.after = next) o = history_points(h, &w, 1000, count, &n, &next);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) n += (uint64_t)sums[i].n;
    buffer_deinit(&series);
    *ret_n = n;
    return o;
}

struct times { double cold, warm; uint64_t n; };

static outcome measure(struct history *h, size_t streams, bool year, int64_t end_ms, struct times *ret)
{
    for (int i = 0; i < ASKS; i++) {
        size_t stream = (size_t)(any() % streams);
        cool(h);
        for (int warm = 0; warm < 2; warm++) {
            double t = now_ms();
            TRY(ask(h, stream, year, end_ms, &ret->n));
            t = now_ms() - t;
            double *worst = warm ? &ret->warm : &ret->cold;
            if (t > *worst) *worst = t;
        }
    }
    return DONE;
}

static outcome run(const char *dir, uint64_t points, size_t streams)
{
    char path[512];
    uint8_t key[32] = { 1 };
    uint64_t cut, rounds = points / streams;
    struct ledger *l;
    struct history *h;
    struct times day = { 0 }, year = { 0 };
    struct history_size size;
    TRY(port_dir_make(dir, 0700));
    snprintf(path, sizeof path, "%s/ledger", dir);
    TRY(ledger_create(path, "bench", bytes_of(key, sizeof key)));
    TRY(ledger_open(path, (struct ledger_wake) { 0 }, 2, &l, &cut));
    snprintf(path, sizeof path, "%s/keys", dir);
    TRY(ledger_keys(l, path));
    snprintf(path, sizeof path, "%s/history", dir);
    TRY(history_open(l, path, &h));
    double began = now_ms();
    TRY(fill(h, streams, rounds));
    double filled = now_ms() - began;
    int64_t end_ms = began_ms + (int64_t)rounds * MS_MINUTE;
    TRY(measure(h, streams, false, end_ms, &day));
    TRY(measure(h, streams, true, end_ms, &year));
    TRY(history_size(h, &size));
    printf("{\"points\": %llu, \"streams\": %zu, \"parts\": %llu, \"bytes_per_point\": %.2f, \"fill_s\": %.1f, "
        "\"last_day\": {\"points\": %llu, \"worst_cold_ms\": %.1f, \"worst_ms\": %.1f}, \"year_daily\": {\"points\": %llu, \"worst_cold_ms\": %.1f, \"worst_ms\": %.1f}}\n",
        (unsigned long long)size.points, streams, (unsigned long long)size.parts, (double)size.bytes / (double)size.points, filled / 1e3,
        (unsigned long long)day.n, day.cold, day.warm, (unsigned long long)year.n, year.cold, year.warm);
    history_close(h);
    ledger_close(l);
    return DONE;
}

int main(int argc, char **argv)
{
    uint64_t points = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000000;
    size_t streams = argc > 3 ? strtoull(argv[3], NULL, 10) : 200;
    if (argc < 2 || !streams || points / streams < 1440 || points / streams > MINUTES) {
        fprintf(stderr, "usage: sekimori-history-bench NEW-DIR [POINTS [STREAMS]]  (a day to a year of minutes for each stream)\n");
        return 2;
    }
    outcome o = run(argv[1], points, streams);
    if (!ok(o)) fprintf(stderr, "%s at %s\n", code_word(o.code), o.at);
    return ok(o) ? 0 : 1;
}
