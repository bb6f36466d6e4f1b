/* Every write, sync and growth the log thread makes is failed in turn, once and three times running (N57).
 * The calls are this program's own, in front of libc's: nothing may be called durable that was
 * not written and synced, and all must arrive once the disk works again. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "ledger/fixture.h"
#include "ledger/verify.h"

enum { FDS = 256, ROUNDS = 7 };

static struct {
    _Atomic long calls, fail_at, fail_n;
    atomic_bool dirty[FDS];
} disk; /* the only state; a test's, reset for each run */

static bool disk_fails(void)
{
    long n = atomic_fetch_add(&disk.calls, 1) + 1;
    return disk.fail_at && n >= disk.fail_at && n < disk.fail_at + disk.fail_n;
}

ssize_t pwrite(int fd, const void *b, size_t n, off_t at)
{
    if (fd < FDS) atomic_store(&disk.dirty[fd], true);
    if (disk_fails()) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, b, n, at);
}

int fdatasync(int fd)
{
    if (disk_fails()) {
        errno = EIO;
        return -1;
    }
    if (fd < FDS) atomic_store(&disk.dirty[fd], false);
    return (int)syscall(SYS_fdatasync, fd);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
    if (disk_fails()) return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, at, n) < 0 ? errno : 0;
}

/* A failed write of the head closes its file; the next try opens it anew. */
int close(int fd)
{
    if (fd >= 0 && fd < FDS) atomic_store(&disk.dirty[fd], false);
    return (int)syscall(SYS_close, fd);
}

static bool all_synced(void)
{
    for (int i = 0; i < FDS; i++)
        if (atomic_load(&disk.dirty[i])) return false;
    return true;
}

static void disk_reset(long fail_at, long fail_n)
{
    atomic_store(&disk.calls, 0);
    atomic_store(&disk.fail_n, fail_n);
    atomic_store(&disk.fail_at, fail_at);
    for (int i = 0; i < FDS; i++) atomic_store(&disk.dirty[i], false);
}

static void say(void *ctx, const struct verify_finding *f)
{
    (void)ctx;
    printf("# %s %s:%llu %s\n", code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

/* One round: what is refused is not durable; what is durable is synced. True when it was refused. */
static bool round_of(struct ledger *l)
{
    uint64_t before = ledger_durable(l);
    bool refused = false;
    CHECK_QUIET(ok(fixture_append(l, 9)));
    outcome o = ledger_sync(l);
    for (int tries = 0; !ok(o) && tries < 8; tries++) {
        refused = true;
        uint64_t index;
        CHECK_QUIET(o.code == E_IO);
        /* the thread tries again by itself; until it has worked nothing new is taken */
        if (!ok(ledger_health(l)))
            CHECK_QUIET(ledger_durable(l) == before && !ok(ledger_append(l, ENTRY_DATA, 1, BYTES_NONE, &index)));
        o = ledger_sync(l);
    }
    CHECK_QUIET(ok(o) && ledger_durable(l) == ledger_size(l) && ok(ledger_health(l)));
    CHECK_QUIET(all_synced());
    return refused;
}

static bool run(long fail_at, long fail_n, long *ret_calls)
{
    struct fixture f;
    struct ledger *l;
    struct verify_result r;
    bool refused = false;
    fixture_init(&f, 1024, 4096);
    CHECK_QUIET(ok(fixture_open(&f, &l)));
    disk_reset(fail_at, fail_n);
    for (int i = 0; i < ROUNDS; i++) {
        refused |= round_of(l);
        if (i % 2) continue;
        outcome o = fixture_publish(&f, l, 0, 0);
        for (int tries = 0; !ok(o) && tries < 8; tries++) {
            refused = true;
            o = ledger_sync(l);
            o = fixture_publish(&f, l, 0, 0);
        }
        CHECK_QUIET(ok(o) && all_synced());
    }
    *ret_calls = atomic_load(&disk.calls);
    CHECK_QUIET(ledger_durable(l) == ROUNDS * 9);
    ledger_close(l);
    disk_reset(0, 0);
    CHECK_QUIET(ok(ledger_verify(f.dir, "", say, NULL, &r)) && r.findings == 0 && r.entries == ROUNDS * 9);
    fixture_deinit(&f);
    return refused;
}

int main(void)
{
    long calls = 0, ignored;
    size_t refused = 0;
    CHECK(!run(0, 0, &calls));
    CHECK(calls > 50);
    for (long k = 1; k <= calls; k++) {
        refused += run(k, 1, &ignored);
        refused += run(k, 3, &ignored);
    }
    printf("# %ld calls failed in turn, %zu runs were refused something\n", calls, refused);
    CHECK(refused > (size_t)calls); /* a retry may be quicker than our question */
    return TEST_END;
}
