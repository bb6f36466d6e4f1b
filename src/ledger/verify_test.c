#include <sys/stat.h>

#include "ledger/fixture.h"
#include "ledger/verify.h"

struct found {
    size_t n, here, lines;
    const char *file; /* expected; NULL: any */
    uint64_t offset;  /* of the first here */
    enum code code;
    bool loud;
};

static void note_finding(void *ctx, const struct verify_finding *f)
{
    struct found *s = ctx;
    bool here = s->file && strcmp(f->file, s->file) == 0;
    if (here && s->here == 0) s->offset = f->offset;
    if (s->n == 0) s->code = f->code;
    s->n++;
    s->here += here;
    if (s->loud && s->lines++ < 20)
        printf("# %s %s:%llu %s\n", code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static struct found look(const char *dir, const char *file, struct verify_result *ret)
{
    struct found s = { .file = file, .loud = !file };
    struct verify_result r;
    CHECK_QUIET(ok(ledger_verify(dir, "", note_finding, &s, &r)));
    CHECK_QUIET(r.findings == s.n);
    if (ret) *ret = r;
    return s;
}

/* A ledger of a few files of each kind, signed and closed. */
static void make_closed(struct fixture *f, uint64_t n, uint64_t chunk, uint64_t segment)
{
    struct ledger *l;
    fixture_init(f, chunk, segment);
    CHECK_OK(fixture_open(f, &l));
    for (uint64_t done = 0; done < n; done += 7) {
        CHECK_QUIET(ok(fixture_append(l, n - done < 7 ? n - done : 7)));
        CHECK_QUIET(ok(ledger_sync(l)));
    }
    CHECK_OK(fixture_publish(f, l, 0, 0));
    ledger_close(l);
}

struct file_list {
    char names[64][40];
    size_t n;
    const char *dir;
    const char *sub;
};

static outcome list_one(void *ctx, const char *name)
{
    struct file_list *l = ctx;
    char path[256];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s%s", l->dir, l->sub, name);
    assert(stat(path, &s) == 0 && l->n < 64);
    if (!S_ISDIR(s.st_mode)) snprintf(l->names[l->n++], sizeof l->names[0], "%.20s%.19s", l->sub, name);
    return DONE;
}

static void list_files(const char *dir, struct file_list *l)
{
    *l = (struct file_list) { .dir = dir, .sub = "" };
    assert(ok(port_dir_list(dir, list_one, l)));
    for (unsigned f = 0; f < FILES; f++) {
        char path[256], sub[32];
        snprintf(sub, sizeof sub, "%s/", format_files_word(f));
        snprintf(path, sizeof path, "%s/%s", dir, sub);
        l->sub = sub;
        assert(ok(port_dir_list(path, list_one, l)));
    }
}

static void change_bytes(struct fixture *f, const char *name, size_t *tried)
{
    char path[256];
    int fd;
    uint64_t size;
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert(ok(port_file_open(path, false, &fd)) && ok(port_file_size(fd, &size)));
    for (uint64_t at = 0; at < size; at++, ++*tried) {
        uint8_t was, is;
        assert(ok(port_file_read(fd, at, &was, 1)));
        is = was ^ (uint8_t)(1u << (at % 8));
        assert(ok(port_file_write(fd, at, bytes_of(&is, 1))));
        struct found s = look(f->dir, name, NULL);
        bool near = s.offset <= at && at < s.offset + 512;
        if (s.here == 0 || s.n != s.here || !near)
            printf("# %s at %llu: %zu findings, %zu here, offset %llu\n", name, (unsigned long long)at, s.n,
                s.here, (unsigned long long)s.offset);
        CHECK_QUIET(s.here > 0 && s.n == s.here && near);
        assert(ok(port_file_write(fd, at, bytes_of(&was, 1))));
    }
    port_file_close(fd);
}

/* Every byte of every file: found, and only that file is named (N31). */
static void test_every_byte(void)
{
    struct fixture f;
    struct file_list l;
    struct verify_result r;
    size_t tried = 0;
    make_closed(&f, 60, 1024, 4096);
    struct found s = look(f.dir, NULL, &r);
    CHECK(s.n == 0 && r.entries == 60 && r.signed_size == 60 && r.tail == 0);
    CHECK(strcmp(r.origin, "water.example") == 0 && strlen(r.head_root) == 64);
    list_files(f.dir, &l);
    CHECK(l.n >= 8);
    for (size_t i = 0; i < l.n; i++) change_bytes(&f, l.names[i], &tried);
    CHECK(tried > 20000);
    CHECK(look(f.dir, NULL, NULL).n == 0);
    fixture_deinit(&f);
}

static void cut_file(struct fixture *f, const char *name, size_t *tried)
{
    char path[256];
    struct buffer whole;
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert(ok(port_file_load(path, 1 << 20, &whole)));
    for (size_t n = whole.n; n-- > 0; ++*tried) {
        assert(truncate(path, (off_t)n) == 0);
        struct found s = look(f->dir, name, NULL);
        if (s.here == 0) printf("# %s cut to %zu: %zu findings\n", name, n, s.n);
        CHECK_QUIET(s.here > 0);
    }
    int fd;
    assert(ok(port_file_open(path, false, &fd)) && ok(port_file_write(fd, 0, buffer_view(&whole))));
    for (size_t more = 1; more <= 2048; more += more < 4 ? 1 : 341) {
        assert(ftruncate(fd, (off_t)(whole.n + more)) == 0);
        CHECK_QUIET(look(f->dir, name, NULL).here > 0);
    }
    assert(ftruncate(fd, (off_t)whole.n) == 0);
    port_file_close(fd);
    buffer_deinit(&whole);
}

static void test_cuts(void)
{
    struct fixture f;
    struct file_list l;
    size_t tried = 0;
    make_closed(&f, 40, 1024, 4096);
    list_files(f.dir, &l);
    for (size_t i = 0; i < l.n; i++) cut_file(&f, l.names[i], &tried);
    CHECK(tried > 10000);
    CHECK(look(f.dir, NULL, NULL).n == 0);
    fixture_deinit(&f);
}

/* Files deleted, swapped, added, copied over another (N33). */
static void test_files(void)
{
    struct fixture f;
    struct file_list l;
    char a[256], b[256], c[256];
    make_closed(&f, 40, 1024, 4096);
    list_files(f.dir, &l);
    snprintf(c, sizeof c, "%s/aside", f.root);
    for (size_t i = 0; i < l.n; i++) {
        snprintf(a, sizeof a, "%s/%s", f.dir, l.names[i]);
        assert(rename(a, c) == 0);
        CHECK_QUIET(look(f.dir, l.names[i], NULL).here > 0);
        assert(rename(c, a) == 0);
        for (size_t j = 0; j < i; j++) {
            snprintf(b, sizeof b, "%s/%s", f.dir, l.names[j]);
            assert(rename(a, c) == 0 && rename(b, a) == 0 && rename(c, b) == 0);
            struct found s = look(f.dir, l.names[i], NULL);
            CHECK_QUIET(s.n > 0);
            assert(rename(a, c) == 0 && rename(b, a) == 0 && rename(c, b) == 0);
        }
    }
    CHECK(look(f.dir, NULL, NULL).n == 0);
    static const char *const strangers[] = { "x", "checkpoint.old", "leaves/x", "leaves/000009", "leaves/9",
        "tree/000017", "data/000099", "control/000008", "control/000000.bak", "data/.hidden" };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        snprintf(a, sizeof a, "%s/%s", f.dir, strangers[i]);
        for (size_t size = 0; size <= 1024; size += 1024) {
            int fd;
            assert(ok(port_file_open(a, true, &fd)) && ok(port_file_truncate(fd, size)));
            port_file_close(fd);
            CHECK_QUIET(look(f.dir, strangers[i], NULL).here > 0);
            assert(remove(a) == 0);
        }
    }
    /* The next file of each row, as if preallocated, has no place in a closed ledger. */
    for (unsigned k = 0; k < FILES; k++) {
        uint32_t n = 0;
        char name[32];
        do {
            format_file_name(k, n++, name);
            snprintf(a, sizeof a, "%s/%s", f.dir, name);
        } while (access(a, F_OK) == 0);
        int fd;
        assert(ok(port_file_open(a, true, &fd)) && ok(port_file_truncate(fd, 1024)));
        port_file_close(fd);
        CHECK(look(f.dir, name, NULL).here > 0);
        assert(remove(a) == 0);
        snprintf(b, sizeof b, "%s/%s", f.dir, format_files_word(k));
        snprintf(c, sizeof c, "%s/aside", f.root);
        assert(rename(b, c) == 0);
        CHECK(look(f.dir, format_files_word(k), NULL).n > 0);
        assert(rename(c, b) == 0);
    }
    CHECK(look(f.dir, NULL, NULL).n == 0);
    fixture_deinit(&f);
}

/* Older files in place of newer ones: an older checkpoint, older leaves, an older directory's key. */
static void test_older(void)
{
    struct fixture f;
    struct ledger *l;
    char path[256];
    struct buffer head, leaves, now;
    make_closed(&f, 10, 1024, 4096);
    snprintf(path, sizeof path, "%s/checkpoint", f.dir);
    assert(ok(port_file_load(path, 4096, &head)));
    snprintf(path, sizeof path, "%s/leaves/000000", f.dir);
    assert(ok(port_file_load(path, 4096, &leaves)));
    CHECK_OK(fixture_open(&f, &l));
    CHECK_OK(fixture_append(l, 12));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    ledger_close(l);
    CHECK(look(f.dir, NULL, NULL).n == 0);
    assert(ok(port_file_load(path, 4096, &now)));
    int fd;
    assert(ok(port_file_open(path, false, &fd)));
    assert(ok(port_file_truncate(fd, leaves.n)) && ok(port_file_write(fd, 0, buffer_view(&leaves))));
    CHECK(look(f.dir, "leaves/000000", NULL).here > 0);
    CHECK_IS(fixture_open(&f, &l), E_MISSING); /* the writer will not go on from there */
    assert(ok(port_file_write(fd, 0, buffer_view(&now))));
    port_file_close(fd);
    CHECK(look(f.dir, NULL, NULL).n == 0);
    /* An older head is a good head: what follows it is the tail, as in a copy. Who holds the newer
     * head (agents, people) shows the difference. */
    snprintf(path, sizeof path, "%s/checkpoint", f.dir);
    assert(ok(port_file_open(path, false, &fd)) && ok(port_file_write(fd, 0, buffer_view(&head))));
    port_file_close(fd);
    struct verify_result r;
    CHECK(look(f.dir, NULL, &r).n == 0 && r.tail == 12 && r.signed_size == 10);
    buffer_deinit(&head);
    buffer_deinit(&leaves);
    buffer_deinit(&now);
    fixture_deinit(&f);
}

static void test_keys(void)
{
    struct fixture f;
    struct verify_result r;
    char pin[65];
    struct found s = { 0 };
    make_closed(&f, 5, 1024, 4096);
    hex_of(bytes_of(f.identity.key, 32), pin);
    CHECK_OK(ledger_verify(f.dir, pin, note_finding, &s, &r));
    CHECK(r.findings == 0);
    pin[5] = pin[5] == '0' ? '1' : '0';
    CHECK_OK(ledger_verify(f.dir, pin, note_finding, &s, &r));
    CHECK(r.findings > 0);
    CHECK(!ok(ledger_verify(f.dir, "zz", note_finding, &s, &r)));
    CHECK_IS(ledger_verify("/nowhere", "", note_finding, &s, &r), E_IO);
    fixture_deinit(&f);
    fixture_init(&f, 1024, 4096); /* never signed */
    CHECK(look(f.dir, "checkpoint", NULL).here == 1);
    fixture_deinit(&f);
}

/* A leaf rewritten with its own hash made right again: only the tree and the head can tell (N33). */
static void test_forged(void)
{
    struct fixture f;
    char path[256];
    int fd;
    uint8_t record[FORMAT_LEAF];
    struct leaf leaf;
    make_closed(&f, 20, 1024, 4096);
    snprintf(path, sizeof path, "%s/leaves/000000", f.dir);
    assert(ok(port_file_open(path, false, &fd)) && ok(port_file_read(fd, 6 * FORMAT_LEAF, record, FORMAT_LEAF)));
    CHECK_OK(format_leaf_read(record, 6, &leaf));
    leaf.at_ms += 1;
    format_leaf_write(&leaf, record);
    assert(ok(port_file_write(fd, 6 * FORMAT_LEAF, bytes_of(record, FORMAT_LEAF))));
    port_file_close(fd);
    struct found s = look(f.dir, "leaves/000000", NULL);
    CHECK(s.here == 1 && s.n == 1 && s.offset == 6 * FORMAT_LEAF && s.code == E_CHANGED);
    fixture_deinit(&f);
}

/* With an unsigned tail: whole records are checked all the same. */
static void test_tail(void)
{
    struct fixture f;
    struct ledger *l;
    struct verify_result r;
    struct file_list files;
    size_t tried = 0;
    make_closed(&f, 10, 1024, 4096);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_OK(fixture_append(l, 9));
    ledger_close(l);
    CHECK(look(f.dir, NULL, &r).n == 0 && r.entries == 19 && r.signed_size == 10 && r.tail == 9);
    list_files(f.dir, &files);
    for (size_t i = 0; i < files.n; i++) change_bytes(&f, files.names[i], &tried);
    CHECK(tried > 8000);
    fixture_deinit(&f);
}

int main(void)
{
    test_keys();
    test_forged();
    test_older();
    test_tail();
    test_files();
    test_cuts();
    test_every_byte();
    return TEST_END;
}
