/* Copies taken while the writer runs, files in several orders: each must verify clean; and a byte
 * changed in such a copy must still be found. Time is the test's own, so that heads ripen quickly. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ledger/fixture.h"
#include "ledger/verify.h"

enum { COPIES = 16, COPIES_RELEASE = 48, ORDERS = 6, HOLD_MS = 600, SEGMENT = 1 << 20 };

struct writer {
    const struct fixture *f;
    struct ledger *l;
    atomic_bool stop;
    _Atomic uint64_t appended;
    bool failed;
};

static void *write_on(void *ctx)
{
    struct writer *w = ctx;
    int64_t published = 0;
    uint32_t n = 0;
    while (!atomic_load(&w->stop)) {
        int64_t now = port_mono_ms();
        w->failed |= !ok(fixture_append(w->l, 1 + n++ % 23));
        ledger_turn(w->l, now, n % 2 == 0);
        if (n % 3 == 0) w->failed |= !ok(ledger_sync(w->l)); /* the disk sets the pace */
        if (now - published >= 50) {
            w->failed |= !ok(fixture_publish(w->f, w->l, now, HOLD_MS));
            published = now;
        }
        atomic_store(&w->appended, ledger_size(w->l));
    }
    return NULL;
}

struct copying {
    const char *from, *to, *sub;
    bool failed;
};

static outcome copy_file(void *ctx, const char *name)
{
    struct copying *c = ctx;
    char from[256], to[256];
    static uint8_t block[1 << 16];
    snprintf(from, sizeof from, "%s%s/%s", c->from, c->sub, name);
    snprintf(to, sizeof to, "%s%s/%s", c->to, c->sub, name);
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    size_t n;
    c->failed |= !in || !out;
    while (in && out && (n = fread(block, 1, sizeof block, in)) > 0) c->failed |= fwrite(block, 1, n, out) != n;
    if (in) fclose(in);
    if (out && fclose(out) != 0) c->failed = true;
    return DONE;
}

static void copy_part(struct copying *c, const char *part)
{
    char path[256];
    static const char *const files[] = { "ledger", "checkpoint" };
    for (int i = 0; i < 2; i++)
        if (strcmp(part, files[i]) == 0) {
            c->sub = "";
            c->failed |= !ok(copy_file(c, part));
            return;
        }
    snprintf(path, sizeof path, "%s/%s", c->to, part);
    c->failed |= !ok(port_dir_make(path, 0700));
    snprintf(path, sizeof path, "/%s", part);
    c->sub = path;
    char from[256];
    snprintf(from, sizeof from, "%s%s", c->from, path);
    c->failed |= !ok(port_dir_list(from, copy_file, c));
}

static bool copy(const struct fixture *f, const char *to, size_t order)
{
    static const char *const orders[ORDERS][6] = {
        { "ledger", "checkpoint", "leaves", "control", "data", "tree" },
        { "tree", "data", "control", "leaves", "checkpoint", "ledger" },
        { "data", "leaves", "checkpoint", "tree", "control", "ledger" },
        { "tree", "checkpoint", "data", "leaves", "control", "ledger" },
        { "leaves", "tree", "ledger", "data", "control", "checkpoint" },
        { "control", "checkpoint", "tree", "leaves", "data", "ledger" },
    };
    struct copying c = { .from = f->dir, .to = to };
    fixture_remove(to);
    assert(ok(port_dir_make(to, 0700)));
    for (int i = 0; i < 6; i++) copy_part(&c, orders[order % ORDERS][i]);
    return !c.failed;
}

static void say(void *ctx, const struct verify_finding *f)
{
    size_t *n = ctx;
    if ((*n)++ < 5)
        printf("# %s %s:%llu %s\n", code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static void count(void *ctx, const struct verify_finding *f)
{
    (void)f;
    ++*(size_t *)ctx;
}

static outcome copied_file(const char *dir, unsigned files, uint32_t segment, int *ret_fd)
{
    char name[32], path[256];
    format_file_name(files, segment, name);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return port_file_open_read(path, ret_fd);
}

/* Whether the copy caught the whole payload of an entry. */
static bool payload_whole(int fd, const struct leaf *l)
{
    uint8_t frame[FORMAT_FRAME + 512];
    assert(l->length <= 512);
    if (!ok(port_file_read(fd, l->place.offset, frame, FORMAT_FRAME + l->length))) return false;
    return format_frame_good(frame, bytes_of(frame + FORMAT_FRAME, l->length));
}

/* Where in the first file of a class the payloads end that the copy's entries name, and that it caught. */
static uint64_t named_end(const char *dir, unsigned class, const struct verify_result *r)
{
    uint8_t record[FORMAT_LEAF];
    uint64_t end = 0;
    int leaves = -1, payloads;
    struct leaf l;
    assert(ok(copied_file(dir, class, 0, &payloads)));
    for (uint64_t i = 0; i < r->entries; i++) {
        uint64_t at = i * FORMAT_LEAF % SEGMENT;
        if (at == 0) {
            port_file_close(leaves);
            assert(ok(copied_file(dir, FILES_LEAVES, (uint32_t)(i * FORMAT_LEAF / SEGMENT), &leaves)));
        }
        assert(ok(port_file_read(leaves, at, record, sizeof record)));
        if (!ok(format_leaf_read(record, i, &l)) || l.class != class) continue;
        if (l.place.segment || (i >= r->signed_size && !payload_whole(payloads, &l))) break;
        end = l.place.offset + format_frame_size(l.length);
    }
    port_file_close(leaves);
    port_file_close(payloads);
    return end;
}

/* A payload that was being written when it was copied, and that no entry names: what its bytes should be
 * is not known to anybody. Everything else in a copy is known. */
static bool is_unfinished(int fd, uint64_t at, uint64_t end)
{
    uint8_t row[FORMAT_ALIGN];
    assert(ok(port_file_read(fd, at / FORMAT_ALIGN * FORMAT_ALIGN, row, sizeof row)));
    return at >= end && !format_is_zero(bytes_of(row, sizeof row));
}

/* Bytes all over the copy, its unsigned end included. */
static void change_some(const char *dir, const struct verify_result *whole, uint32_t seed)
{
    static const char *const names[] = { "checkpoint", "leaves/000000", "data/000000", "control/000000",
        "tree/000000" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        int fd;
        uint64_t size, end = UINT64_MAX;
        if (names[i][0] == 'd') end = named_end(dir, CLASS_DATA, whole);
        if (names[i][0] == 'c' && names[i][1] == 'o') end = named_end(dir, CLASS_CONTROL, whole);
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert(ok(port_file_open(path, false, &fd)) && ok(port_file_size(fd, &size)));
        for (int k = 0; k < 8; k++) {
            seed = seed * 1664525u + 1013904223u;
            uint64_t at = (seed >> 4) % size;
            uint8_t was, is;
            size_t n = 0;
            struct verify_result r;
            if (is_unfinished(fd, at, end)) continue;
            assert(ok(port_file_read(fd, at, &was, 1)));
            is = was ^ (uint8_t)(1u << (seed >> 29));
            assert(ok(port_file_write(fd, at, bytes_of(&is, 1))));
            CHECK_QUIET(ok(ledger_verify(dir, "", count, &n, &r)) && n > 0);
            if (n == 0) printf("# %s offset %llu\n", names[i], (unsigned long long)at);
            assert(ok(port_file_write(fd, at, bytes_of(&was, 1))));
        }
        port_file_close(fd);
    }
}

/* A site put back from the copy: it opens, every entry it has reads as it was written, it goes on, it is whole. */
static void put_back(const struct fixture *f, const char *dir, uint64_t signed_size)
{
    struct fixture g = *f;
    struct ledger *l = NULL;
    struct buffer b = BUFFER(1u << 16);
    struct ledger_entry e;
    struct verify_result r;
    char text[512];
    size_t findings = 0, wrong = 0;
    snprintf(g.dir, sizeof g.dir, "%.90s", dir);
    outcome o = fixture_open(&g, &l);
    if (!ok(o)) printf("# a copy does not open: %s at %s\n", code_word(o.code), o.at);
    CHECK_QUIET(ok(o));
    if (!ok(o)) return;
    for (uint64_t i = 0; i < ledger_size(l); i += i < signed_size ? 37 : 1) /* what is unsigned is what a copy may miss */
        wrong += !ok(ledger_read(l, i, &b, &e)) || !bytes_equal(e.payload, fixture_payload(i, text));
    if (wrong) printf("# %zu of %llu entries of a copy are not there\n", wrong, (unsigned long long)ledger_size(l));
    CHECK_QUIET(wrong == 0 && ledger_size(l) >= signed_size);
    CHECK_QUIET(ok(fixture_append(l, 5)) && ok(ledger_sync(l)));
    ledger_close(l);
    CHECK_QUIET(ok(ledger_verify(dir, "", say, &findings, &r)) && findings == 0);
    buffer_deinit(&b);
}

/* *ret_kept: copies taken within the promise; a busy machine has fewer. */
static void take_copies(const struct fixture *f, uint64_t *ret_kept, uint64_t *ret_tails, uint64_t *ret_most)
{
    char to[128];
    snprintf(to, sizeof to, "%s/copy", f->root);
    size_t copies = getenv("RELEASE") ? COPIES_RELEASE : COPIES;
    /* more copies where they are quick: some must be taken after a held-back head has ripened */
    for (size_t i = 0; i < copies || (*ret_most <= 3 && i < 100 * copies); i++) {
        struct verify_result r;
        size_t findings = 0;
        int64_t start = port_mono_ms();
        CHECK_QUIET(copy(f, to, i));
        int64_t took = port_mono_ms() - start;
        if (took > HOLD_MS / 2) printf("# a copy of %lld ms is beyond the promise\n", (long long)took);
        if (took > HOLD_MS / 2) continue;
        CHECK_QUIET(ok(ledger_verify(to, "", say, &findings, &r)));
        CHECK_QUIET(findings == 0);
        ++*ret_kept;
        *ret_tails += r.tail > 0;
        if (r.signed_size > *ret_most) *ret_most = r.signed_size;
        if (i % 12 == 11) change_some(to, &r, (uint32_t)i);
        put_back(f, to, r.signed_size);
    }
}

int main(void)
{
    struct fixture f;
    pthread_t thread;
    uint64_t kept = 0, tails = 0, most = 0;
    fixture_init_at(&f, "/tmp", 65536, SEGMENT);
    struct writer w = { .f = &f };
    CHECK_OK(fixture_open(&f, &w.l));
    CHECK_OK(fixture_append(w.l, 3));
    CHECK_OK(ledger_sync(w.l));
    CHECK_OK(fixture_publish(&f, w.l, port_mono_ms(), 0));
    CHECK(pthread_create(&thread, NULL, write_on, &w) == 0);
    take_copies(&f, &kept, &tails, &most);
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    CHECK(!w.failed);
    CHECK(kept > 0 && tails > kept / 2);
    CHECK(most > 3); /* heads did ripen */
    printf("# %llu entries, newest signed size in a copy %llu\n",
        (unsigned long long)atomic_load(&w.appended), (unsigned long long)most);
    CHECK_OK(ledger_sync(w.l));
    CHECK_OK(fixture_publish(&f, w.l, port_mono_ms(), 0));
    ledger_close(w.l);
    size_t findings = 0;
    struct verify_result r;
    CHECK_OK(ledger_verify(f.dir, "", say, &findings, &r));
    CHECK(findings == 0 && r.tail == 0);
    fixture_deinit(&f);
    return TEST_END;
}
