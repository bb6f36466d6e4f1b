/* The buffer: what was put is there after any end, in order and once; what had to go is named. */
#include "device/agent/spool.h"

#include <stdio.h>
#include <unistd.h>

#include "base/port/port.h"
#include "base/test.h"

enum { SMALL = SPOOL_BYTES_MIN, DAY_S = 86400, PART_PATH = 128 };

static char dir[] = "/tmp/sekimori-spool-XXXXXX";

static struct spool *open_it(uint64_t bytes)
{
    struct spool *s = NULL;
    outcome o = spool_open(dir, bytes, &s);
    if (!ok(o)) printf("# open: %s at %s\n", code_word(o.code), o.at);
    return s;
}

static void fresh(void)
{
    CHECK_QUIET(ok(spool_wipe(dir)));
}

static bool put_one(struct spool *s, uint64_t i)
{
    char text[64];
    snprintf(text, sizeof text, "{\"n\":%llu,\"v\":%llu}", (unsigned long long)spool_next(s), (unsigned long long)i);
    return ok(spool_put(s, "m/level", bytes_str(text), 1000 + (int64_t)i));
}

/* Reads all after a number; how many, and whether each is the next and says its own number. */
static uint64_t read_through(struct spool *s, uint64_t after, bool *ret_good)
{
    struct spool_row r;
    uint64_t n = 0, first = 0;
    *ret_good = true;
    while (ok(spool_read(s, after, &r))) {
        char want[32];
        int w = snprintf(want, sizeof want, "{\"n\":%llu,", (unsigned long long)r.n);
        if (first == 0) first = r.n;
        if (r.n <= after || r.payload.n < (size_t)w || memcmp(r.payload.at, want, (size_t)w) != 0) *ret_good = false;
        if (!bytes_equal_str(r.tail, "m/level") || r.n != first + n) *ret_good = false;
        after = r.n;
        n++;
    }
    return n;
}

static void keeps_and_goes_on(void)
{
    bool good;
    struct spool *s = open_it(1 << 20);
    CHECK(s != NULL && spool_next(s) == 1 && spool_waiting(s) == 0);
    for (uint64_t i = 0; i < 100; i++) CHECK_QUIET(put_one(s, i));
    CHECK(spool_waiting(s) == 100 && spool_dirty(s));
    CHECK_OK(spool_sync(s));
    CHECK(!spool_dirty(s));
    CHECK(read_through(s, 0, &good) == 100 && good);
    spool_taken(s, 40);
    spool_taken(s, 30); /* never backwards */
    CHECK(spool_is_taken(s) == 40 && spool_waiting(s) == 60);
    uint64_t waiting;
    struct spool_gap gap;
    CHECK_OK(spool_look(dir, &waiting, &gap)); /* beside the one that writes */
    CHECK(waiting == 60 && gap.to == 0);
    spool_free(s);
    s = open_it(1 << 20);
    CHECK(s != NULL && spool_is_taken(s) == 40 && spool_next(s) == 101 && spool_waiting(s) == 60);
    CHECK(read_through(s, 40, &good) == 60 && good);
    CHECK(put_one(s, 1) && spool_next(s) == 102);
    static uint8_t large[SPOOL_PAYLOAD_MAX + 1];
    CHECK_IS(spool_put(s, "m/x", bytes_of(large, sizeof large), 1), E_TOO_LARGE);
    CHECK_OK(spool_put(s, "m/level", bytes_of(large, SPOOL_PAYLOAD_MAX), 1));
    spool_free(s);
    struct spool *none = NULL;
    CHECK_IS(spool_open(dir, SPOOL_BYTES_MIN - 1, &none), E_RANGE);
    fresh();
}

/* 24 hours without a site, a reading a second: nothing is lost within the bound. */
static void a_day_alone(void)
{
    bool good;
    struct spool *s = open_it(64 << 20);
    for (uint64_t i = 0; i < DAY_S; i++) CHECK_QUIET(put_one(s, i));
    CHECK(spool_waiting(s) == DAY_S && spool_gap(s)->to == 0);
    printf("# %llu rows of a day in %llu bytes\n", (unsigned long long)spool_waiting(s), (unsigned long long)spool_bytes(s));
    spool_free(s);
    s = open_it(64 << 20);
    CHECK(s != NULL && read_through(s, 0, &good) == DAY_S && good);
    spool_taken(s, DAY_S);
    spool_done(s, DAY_S);
    CHECK(spool_waiting(s) == 0);
    spool_free(s);
    fresh();
}

static void the_oldest_goes_by_name(void)
{
    bool good;
    struct spool *s = open_it(SMALL);
    uint64_t most = 0;
    for (uint64_t i = 0; i < 5000; i++) {
        CHECK_QUIET(put_one(s, i));
        if (spool_bytes(s) > most) most = spool_bytes(s);
    }
    CHECK(most <= SMALL + 1024); /* the two marks */
    struct spool_gap g = *spool_gap(s);
    CHECK(g.from == 1 && g.to > 4000 && g.since_ms == 1000 && g.until_ms == 1000 + (int64_t)g.to - 1);
    CHECK(read_through(s, 0, &good) == 5000 - g.to && good); /* all else is there */
    spool_free(s);
    s = open_it(SMALL);
    CHECK(s != NULL && spool_gap(s)->to == g.to && spool_gap(s)->from == 1); /* known after an end, too */
    CHECK_OK(spool_gap_told(s, &g));
    CHECK(spool_gap(s)->to == 0);
    spool_free(s);
    s = open_it(SMALL);
    CHECK(s != NULL && spool_gap(s)->to == 0 && spool_next(s) == 5001);
    for (uint64_t i = 0; i < 5000; i++) {
        CHECK_QUIET(put_one(s, i));
        spool_taken(s, spool_next(s) - 1);
    }
    CHECK(spool_gap(s)->to == 0); /* what the site has is no loss */
    spool_free(s);
    fresh();
}

static uint64_t size_of(const char *path)
{
    int fd;
    uint64_t n = 0;
    if (!ok(port_file_open_read(path, &fd))) return 0;
    if (!ok(port_file_size(fd, &n))) n = 0;
    port_file_close(fd);
    return n;
}

static void part_path(uint64_t first, char path[PART_PATH])
{
    snprintf(path, PART_PATH, "%s/%016llx.log", dir, (unsigned long long)first);
}

/* The machine ended at any byte of the last row: the rows before it are there, and it goes on. */
static void cut_anywhere(void)
{
    struct spool *s = open_it(1 << 20);
    char path[PART_PATH];
    bool good, fine = true;
    for (uint64_t i = 0; i < 20; i++) CHECK_QUIET(put_one(s, i));
    spool_free(s);
    part_path(1, path);
    uint64_t whole = size_of(path);
    for (uint64_t cut = 1; cut <= 300 && fine; cut++) {
        int fd;
        fine = ok(port_file_open(path, false, &fd)) && ok(port_file_truncate(fd, whole - cut));
        port_file_close(fd);
        s = open_it(1 << 20);
        uint64_t left = s ? spool_next(s) - 1 : 0;
        fine = fine && s && left < 20 && read_through(s, 0, &good) == left && good && spool_gap(s)->to == 0;
        while (fine && spool_next(s) <= 20) fine = put_one(s, spool_next(s) - 1);
        spool_free(s);
        fine = fine && size_of(path) == whole;
    }
    CHECK(fine);
    fresh();
}

/* One byte of a file changes: what no longer fits the chain is lost by name, what stands elsewhere is not. */
static void damage_is_named(void)
{
    char path[PART_PATH];
    uint8_t b;
    int fd;
    bool good;
    struct spool *s = open_it(SMALL);
    for (uint64_t i = 0; i < 200; i++) CHECK_QUIET(put_one(s, i));
    spool_free(s);
    part_path(1, path);
    CHECK_OK(port_file_open(path, false, &fd));
    CHECK_OK(port_file_read(fd, 1000, &b, 1));
    b ^= 1;
    CHECK_OK(port_file_write(fd, 1000, bytes_of(&b, 1)));
    port_file_close(fd);
    s = open_it(SMALL);
    struct spool_gap g = *spool_gap(s);
    CHECK(g.from > 5 && g.from < 15 && g.to > g.from && g.to < 100);
    CHECK(read_through(s, g.to, &good) == 200 - g.to && good);
    struct spool_row r;
    CHECK(ok(spool_read(s, g.from - 1, &r)) && r.n == g.to + 1);
    CHECK(spool_next(s) == 201);
    spool_free(s);
    fresh();
}

int main(void)
{
    CHECK(mkdtemp(dir) != NULL);
    keeps_and_goes_on();
    a_day_alone();
    the_oldest_goes_by_name();
    cut_anywhere();
    damage_is_named();
    CHECK(rmdir(dir) == 0);
    return TEST_END;
}
