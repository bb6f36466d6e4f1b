/* What a crash can leave behind, made by hand: every cut of the last batch in every file, in the order
 * the writer works (payloads synced before leaves); then open, and everything durable must be there. */
#include "ledger/fixture.h"
#include "ledger/verify.h"

enum { SIGNED = 12, KEPT = 20, LAST = 11, ALL = KEPT + LAST };

struct saved {
    char name[40];
    struct buffer b;
};

struct directory {
    struct saved files[64];
    size_t n;
    const char *dir, *sub;
};

static outcome save_one(void *ctx, const char *name)
{
    struct directory *d = ctx;
    char path[256];
    struct saved *s = &d->files[d->n];
    snprintf(s->name, sizeof s->name, "%.20s%.19s", d->sub, name);
    snprintf(path, sizeof path, "%s/%s", d->dir, s->name);
    if (ok(port_file_load(path, 1 << 20, &s->b))) d->n++; /* folders are not loaded */
    return DONE;
}

static void save(const char *dir, struct directory *d)
{
    *d = (struct directory) { .dir = dir, .sub = "" };
    assert(ok(port_dir_list(dir, save_one, d)));
    for (unsigned f = 0; f < FILES; f++) {
        char path[256], sub[32];
        snprintf(sub, sizeof sub, "%s/", format_files_word(f));
        snprintf(path, sizeof path, "%s/%s", dir, sub);
        d->sub = sub;
        assert(ok(port_dir_list(path, save_one, d)));
    }
}

static void free_saved(struct directory *d)
{
    for (size_t i = 0; i < d->n; i++) buffer_deinit(&d->files[i].b);
}

static void restore(const char *to, const struct directory *d)
{
    char path[256];
    fixture_remove(to);
    assert(ok(port_dir_make(to, 0700)));
    for (unsigned f = 0; f < FILES; f++) {
        snprintf(path, sizeof path, "%s/%s", to, format_files_word(f));
        assert(ok(port_dir_make(path, 0700)));
    }
    for (size_t i = 0; i < d->n; i++) {
        int fd;
        snprintf(path, sizeof path, "%s/%s", to, d->files[i].name);
        assert(ok(port_file_open(path, true, &fd)));
        assert(ok(port_file_write(fd, 0, buffer_view(&d->files[i].b))));
        port_file_close(fd);
    }
}

/* Zeros from a linear position on in a row of files. */
static void zero_from(const struct fixture *f, const char *dir, unsigned files, uint64_t from)
{
    static const uint8_t zeros[16384];
    uint64_t segment = f->identity.shape.segment_bytes, size;
    for (uint64_t n = from / segment;; n++, from = n * segment) {
        char name[32], path[256];
        int fd;
        format_file_name(files, (uint32_t)n, name);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        if (!ok(port_file_open(path, false, &fd))) return;
        assert(ok(port_file_size(fd, &size)) && size <= sizeof zeros);
        uint64_t at = from % segment;
        if (at < size) assert(ok(port_file_write(fd, at, bytes_of(zeros, size - at))));
        port_file_close(fd);
    }
}

static void no_finding(void *ctx, const struct verify_finding *f)
{
    (void)ctx;
    printf("# %s %s:%llu %s\n", code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static bool whole(const char *dir)
{
    struct verify_result r;
    return ok(ledger_verify(dir, "", no_finding, NULL, &r)) && r.findings == 0;
}

static bool entries_right(struct ledger *l)
{
    struct buffer b = BUFFER(1 << 16);
    struct ledger_entry e;
    char text[512];
    bool good = true;
    for (uint64_t i = 0; i < ledger_size(l); i++)
        good = good && ok(ledger_read(l, i, &b, &e)) && bytes_equal(e.payload, fixture_payload(i, text));
    buffer_deinit(&b);
    return good;
}

/* Opens what a crash left, goes on from there, and checks that all of it is right. */
static void check_reopen(const struct fixture *f, const char *dir, uint64_t want)
{
    struct fixture g = *f;
    struct ledger *l;
    uint64_t cut;
    snprintf(g.dir, sizeof g.dir, "%s", dir);
    outcome o = ledger_open(dir, (struct ledger_wake) { 0 }, 2, &l, &cut);
    CHECK_QUIET(ok(o));
    if (!ok(o)) return;
    CHECK_QUIET(ledger_size(l) == want && entries_right(l));
    CHECK_QUIET(ok(fixture_append(l, 5)) && ok(ledger_sync(l)) && entries_right(l));
    CHECK_QUIET(ok(fixture_publish(&g, l, 0, 0)));
    ledger_close(l);
    CHECK_QUIET(whole(dir));
}

static void make(struct fixture *f, struct directory *kept, struct directory *all, uint64_t ends[CLASSES])
{
    struct ledger *l;
    char text[512];
    fixture_init(f, 1024, 4096);
    CHECK_OK(fixture_open(f, &l));
    CHECK_OK(fixture_append(l, SIGNED));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(fixture_publish(f, l, 0, 0));
    CHECK_OK(fixture_append(l, KEPT - SIGNED));
    CHECK_OK(ledger_sync(l));
    save(f->dir, kept);
    CHECK_OK(fixture_append(l, LAST));
    ledger_close(l);
    save(f->dir, all);
    struct place end[CLASSES] = { 0 };
    for (uint64_t i = 0; i < KEPT; i++) {
        unsigned c = ledger_kind_class(fixture_kind(i));
        uint64_t size = format_frame_size((uint32_t)fixture_payload(i, text).n);
        end[c] = format_place(&f->identity.shape, end[c], size);
        end[c].offset += size;
        ends[c] = end[c].segment * f->identity.shape.segment_bytes + end[c].offset;
    }
}

/* Leaves cut at every byte (N32); payloads are all there. A torn record at a 16-byte edge is cut; one torn
 * inside such a row (no disk or page does) is either cut or called changed, never taken. */
static void test_leaf_cuts(const struct fixture *f, const struct directory *all)
{
    char dir[128];
    size_t tried = 0;
    snprintf(dir, sizeof dir, "%s/crash", f->root);
    for (uint64_t at = KEPT * FORMAT_LEAF; at <= ALL * FORMAT_LEAF; at += 4, tried++) {
        restore(dir, all);
        zero_from(f, dir, FILES_LEAVES, at);
        if (at % FORMAT_ALIGN == 0) {
            CHECK_QUIET(whole(dir)); /* before it is opened, too */
            check_reopen(f, dir, at / FORMAT_LEAF);
            continue;
        }
        struct ledger *l;
        uint64_t cut;
        outcome o = ledger_open(dir, (struct ledger_wake) { 0 }, 2, &l, &cut);
        CHECK_QUIET(ok(o) || o.code == E_CHANGED);
        if (!ok(o)) continue;
        CHECK_QUIET(ledger_size(l) == at / FORMAT_LEAF && cut > 0 && entries_right(l));
        ledger_close(l);
    }
    CHECK(tried > 300);
}

/* Nothing of the last batch's leaves, and its payloads cut at every row. */
static void test_frame_cuts(const struct fixture *f, const struct directory *all, const uint64_t ends[CLASSES])
{
    char dir[128];
    size_t tried = 0;
    snprintf(dir, sizeof dir, "%s/crash", f->root);
    for (unsigned c = 0; c < CLASSES; c++)
        for (uint64_t at = ends[c]; at < ends[c] + 3000; at += 16, tried++) {
            restore(dir, all);
            zero_from(f, dir, FILES_LEAVES, KEPT * FORMAT_LEAF);
            zero_from(f, dir, c, at);
            CHECK_QUIET(whole(dir));
            check_reopen(f, dir, KEPT);
        }
    CHECK(tried > 300);
}

/* Of any set of pages written out of order, only what follows without a hole is kept. */
static void test_holes(const struct fixture *f, const struct directory *all)
{
    static const uint8_t zeros[512];
    char dir[128], path[256];
    snprintf(dir, sizeof dir, "%s/crash", f->root);
    for (uint64_t at = KEPT * FORMAT_LEAF / 512; at < ALL * FORMAT_LEAF / 512; at++) {
        uint64_t from = at * 512 < KEPT * FORMAT_LEAF ? KEPT * FORMAT_LEAF : at * 512;
        int fd;
        restore(dir, all);
        snprintf(path, sizeof path, "%s/leaves/%06llu", dir, (unsigned long long)(from / 4096));
        assert(ok(port_file_open(path, false, &fd)));
        assert(ok(port_file_write(fd, from % 4096, bytes_of(zeros, (at + 1) * 512 - from))));
        port_file_close(fd);
        CHECK_QUIET(whole(dir));
        check_reopen(f, dir, from / FORMAT_LEAF);
    }
}

static void flip(const char *dir, const char *name, uint64_t at)
{
    char path[256];
    uint8_t b;
    int fd;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert(ok(port_file_open(path, false, &fd)) && ok(port_file_read(fd, at, &b, 1)));
    b ^= 0x10;
    assert(ok(port_file_write(fd, at, bytes_of(&b, 1))));
    port_file_close(fd);
}

/* What is not a crash is not repaired. */
static void test_refusals(const struct fixture *f, const struct directory *all)
{
    static const struct {
        const char *name;
        uint64_t at;
        enum code want;
    } rows[] = {
        { "leaves/000000", (SIGNED - 1) * FORMAT_LEAF + 40, E_CHANGED },
        { "leaves/000000", (SIGNED + 3) * FORMAT_LEAF + 40, E_CHANGED },
        { "tree/000000", 14 * 32, E_CHANGED }, /* a peak of the signed tree */
        { "checkpoint", 4000, E_CHANGED },
        { "ledger", 30, E_CHANGED },
    };
    char dir[128], path[256];
    struct ledger *l;
    uint64_t cut;
    snprintf(dir, sizeof dir, "%s/crash", f->root);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        restore(dir, all);
        flip(dir, rows[i].name, rows[i].at);
        CHECK_IS(ledger_open(dir, (struct ledger_wake) { 0 }, 2, &l, &cut), rows[i].want);
    }
    static const char *const gone[] = { "ledger", "checkpoint", "leaves/000000", "data/000000",
        "control/000000", "tree/000000" };
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        restore(dir, all);
        snprintf(path, sizeof path, "%s/%s", dir, gone[i]);
        assert(remove(path) == 0);
        CHECK_IS(ledger_open(dir, (struct ledger_wake) { 0 }, 2, &l, &cut), E_MISSING);
    }
}

/* The head's file after a write that ended early, wherever: the note before or the new one, then both again. */
static void test_head_cuts(const struct fixture *f, const struct directory *kept, const struct directory *all)
{
    static struct directory newer;
    char dir[128], path[256];
    struct buffer old, new;
    struct ledger *l;
    uint64_t cut;
    int fd;
    snprintf(dir, sizeof dir, "%s/crash", f->root);
    snprintf(path, sizeof path, "%s/checkpoint", dir);
    restore(dir, kept);
    CHECK_OK(port_file_load(path, FORMAT_CHECKPOINT, &old));
    restore(dir, all);
    CHECK_OK(ledger_open(dir, (struct ledger_wake) { 0 }, 2, &l, &cut));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(fixture_publish(f, l, 0, 0));
    ledger_close(l);
    save(dir, &newer);
    CHECK_OK(port_file_load(path, FORMAT_CHECKPOINT, &new));
    CHECK(!bytes_equal(buffer_view(&old), buffer_view(&new)));
    for (size_t n = 0; n <= FORMAT_CHECKPOINT; n += n < 200 || (n >= 2040 && n < 2240) ? 1 : 100) {
        restore(dir, &newer);
        CHECK_QUIET(ok(port_file_open(path, false, &fd)));
        CHECK_QUIET(ok(port_file_write(fd, 0, buffer_view(&old))) && ok(port_file_write(fd, 0, bytes_of(new.at, n))));
        port_file_close(fd);
        outcome o = ledger_open(dir, (struct ledger_wake) { 0 }, 2, &l, &cut);
        if (!ok(o)) printf("# a write of %zu bytes: %s %s\n", n, code_word(o.code), o.at);
        CHECK_QUIET(ok(o) && cut <= FORMAT_CHECKPOINT_HALF);
        if (!ok(o)) continue;
        ledger_close(l);
        CHECK_QUIET(whole(dir));
    }
    for (size_t half = 0; half < 2; half++) flip(dir, "checkpoint", half * FORMAT_CHECKPOINT_HALF + 20);
    CHECK_IS(ledger_open(dir, (struct ledger_wake) { 0 }, 2, &l, &cut), E_CHANGED);
    buffer_deinit(&old);
    buffer_deinit(&new);
    free_saved(&newer);
}

int main(void)
{
    struct fixture f;
    static struct directory kept, all;
    uint64_t ends[CLASSES];
    char dir[128];
    make(&f, &kept, &all, ends);
    snprintf(dir, sizeof dir, "%s/crash", f.root);
    restore(dir, &kept);
    check_reopen(&f, dir, KEPT);
    restore(dir, &all);
    check_reopen(&f, dir, ALL);
    test_leaf_cuts(&f, &all);
    test_frame_cuts(&f, &all, ends);
    test_holes(&f, &all);
    test_refusals(&f, &all);
    test_head_cuts(&f, &kept, &all);
    free_saved(&kept);
    free_saved(&all);
    fixture_deinit(&f);
    return TEST_END;
}
