/* Payloads given up: pruned by rule, erased by key; what is missing and what was changed stay what they are;
 * every proof holds all along. */
#include "ledger/fixture.h"
#include "ledger/inside.h"
#include "ledger/proof.h"
#include "ledger/verify.h"

enum { ENTRIES = 60 };

static void say(void *ctx, const struct verify_finding *f)
{
    if (ctx) printf("# %s %s:%llu %s\n", code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static struct verify_answer fate(const struct fixture *f, uint64_t index, struct verify_result *r)
{
    struct verify_answer a = { .index = index };
    CHECK_QUIET(ok(ledger_verify_entry(f->dir, "", say, NULL, r, &a)));
    return a;
}

static bool whole(const struct fixture *f, struct verify_result *r)
{
    CHECK_QUIET(ok(ledger_verify(f->dir, "", say, (void *)1, r)));
    return r->findings == 0;
}

static struct ledger *open_all(const struct fixture *f)
{
    struct ledger *l;
    char keys[128];
    struct buffer b = BUFFER(1u << 20);
    CHECK_QUIET(ok(fixture_open(f, &l)));
    snprintf(keys, sizeof keys, "%s/keys", f->root);
    CHECK_QUIET(ok(ledger_keys(l, keys)));
    for (uint64_t i = 0; i < ledger_size(l); i++) {
        struct ledger_entry e;
        if (!ok(ledger_read(l, i, &b, &e))) continue;
        if (e.kind == ENTRY_PRUNED || e.kind == ENTRY_ERASED) CHECK_QUIET(ok(ledger_replay(l, &e)));
    }
    buffer_deinit(&b);
    return l;
}

static bool proofs_hold(struct ledger *l)
{
    struct buffer b = BUFFER(PROOF_BYTES_MAX);
    struct proof_result r;
    bool good = true;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        b.n = 0;
        good = good && ok(proof_make(l, i, &b)) && ok(proof_verify(buffer_view(&b), "", &r)) && r.index == i;
    }
    buffer_deinit(&b);
    return good;
}

static void change_byte(const struct fixture *f, struct ledger *l, uint64_t index, bool zero)
{
    uint8_t record[FORMAT_LEAF];
    static uint8_t zeros[4096];
    struct leaf leaf;
    char name[32], path[FORMAT_PATH];
    int fd;
    struct segments *s = &l->readers[FILES_LEAVES];
    assert(ok(segments_read(s, segments_place(s, index * FORMAT_LEAF), record, sizeof record)));
    assert(ok(format_leaf_read(record, index, &leaf)));
    format_file_name(leaf.class, leaf.place.segment, name);
    assert(ok(format_path(f->dir, name, path)) && ok(port_file_open(path, false, &fd)));
    size_t n = zero ? format_frame_size(leaf.length) : 1;
    assert(ok(port_file_write(fd, leaf.place.offset + (zero ? 0 : FORMAT_FRAME + 3), bytes_of(zeros, n))));
    port_file_close(fd);
}

static uint64_t data_at(uint64_t k) /* the k-th data entry of the fixture's pattern */
{
    for (uint64_t i = 0;; i++)
        if (fixture_kind(i) == ENTRY_DATA && k-- == 0) return i;
}

/* One reading pruned, one erased, one missing, one changed: four answers. */
static void test_four(void)
{
    struct fixture f;
    struct verify_result r;
    struct ledger_prunable p;
    uint64_t sealed, index;
    fixture_init(&f, 1024, 16384);
    struct ledger *l = open_all(&f);
    CHECK_OK(fixture_append(l, ENTRIES));
    CHECK_OK(ledger_append_for(l, "meter-7", 5000, BYTES_LIT("personal"), &sealed));
    CHECK_OK(ledger_append_for(l, "meter-8", 5000, BYTES_LIT("also personal"), &index));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    struct ledger_prune order = { .rule = { .before_ms = 101 }, .rule_text = "test", .by = "root", .at_ms = 9000 };
    CHECK_OK(ledger_prune(l, &order, &p));
    CHECK(p.end > 5 && p.entries > 3);
    CHECK_OK(ledger_erase(l, "meter-7", "asked", "root", 9001));
    CHECK_IS(ledger_erase(l, "meter-7", "asked", "root", 9002), E_UNKNOWN);
    struct buffer b = BUFFER(1u << 20);
    struct ledger_entry e;
    CHECK_OK(ledger_read(l, sealed, &b, &e));
    CHECK(e.erased && !e.pruned && e.payload.n == 0);
    CHECK_OK(ledger_read(l, index, &b, &e));
    CHECK(!e.erased && bytes_equal_str(e.payload, "also personal"));
    CHECK_OK(ledger_read(l, data_at(0), &b, &e));
    CHECK(e.pruned && e.payload.n == 0);
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    CHECK(ledger_turn(l, 1000, false) > 0); /* the hold of a copy */
    ledger_turn(l, 1000 + PUNCH_HOLD_MS, false);
    CHECK(!l->punch_wanted && proofs_hold(l));
    ledger_close(l);
    CHECK(whole(&f, &r) && r.pruned == p.entries && r.erased == 1);
    l = open_all(&f);
    uint64_t missing = data_at(20), changed = data_at(25);
    change_byte(&f, l, missing, true);
    change_byte(&f, l, changed, false);
    struct verify_answer a = fate(&f, data_at(1), &r);
    CHECK(a.fate == VERIFY_PRUNED && a.by == ENTRIES + 2);
    a = fate(&f, sealed, &r);
    CHECK(a.fate == VERIFY_ERASED && a.by == ENTRIES + 3);
    CHECK(fate(&f, missing, &r).fate == VERIFY_MISSING);
    CHECK(fate(&f, changed, &r).fate == VERIFY_CHANGED && r.findings == 2);
    CHECK(fate(&f, index, &r).fate == VERIFY_WHOLE);
    CHECK(fate(&f, 5000, &r).fate == VERIFY_NO_SUCH);
    CHECK(proofs_hold(l)); /* of all: those four too */
    CHECK_IS(ledger_read(l, missing, &b, &e), E_MISSING);
    CHECK_IS(ledger_read(l, changed, &b, &e), E_CHANGED);
    ledger_close(l);
    buffer_deinit(&b);
    fixture_deinit(&f);
}

/* An entry that nobody signed excuses nothing. */
static void test_unsigned(void)
{
    struct fixture f;
    struct verify_result r;
    struct ledger_prunable p;
    fixture_init(&f, 1024, 16384);
    struct ledger *l = open_all(&f);
    CHECK_OK(fixture_append(l, ENTRIES));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    struct ledger_prune order = { .rule = { .before_ms = 101 }, .rule_text = "test", .by = "root", .at_ms = 9000 };
    CHECK_OK(ledger_prune(l, &order, &p));
    ledger_turn(l, 1000, false);
    ledger_turn(l, 1000 + PUNCH_HOLD_MS, false);
    CHECK(l->punch_wanted);
    CHECK(whole(&f, &r) && r.pruned == 0);
    change_byte(&f, l, data_at(1), true);
    CHECK(fate(&f, data_at(1), &r).fate == VERIFY_MISSING);
    ledger_close(l);
    fixture_deinit(&f);
}

/* Many files: whole ones go, what is kept stays readable, again and again, over starts. */
static void test_files(void)
{
    struct fixture f;
    struct verify_result r;
    struct ledger_prunable p;
    struct buffer b = BUFFER(1u << 20);
    struct ledger_entry e;
    char text[512], path[160];
    uint64_t kept[2] = { data_at(3), data_at(90) }, total = 0;
    fixture_init(&f, 1024, 4096);
    for (int round = 0; round < 4; round++) {
        struct ledger *l = open_all(&f);
        CHECK_OK(fixture_append(l, 200));
        CHECK_OK(ledger_sync(l));
        uint64_t live = ledger_data_bytes(l);
        struct ledger_prune order = { .rule = { .keep_bytes = 5000 }, .rule_text = "size", .by = "core", .kept = kept, .kept_n = 2,
            .at_ms = 9000 };
        CHECK(live > 5000);
        CHECK_OK(ledger_prune(l, &order, &p));
        total += p.entries;
        CHECK(ledger_data_bytes(l) <= 5000 && !p.more);
        CHECK_OK(fixture_publish(&f, l, 0, 0));
        if (round % 2) ledger_turn(l, 1, false);
        if (round % 2) ledger_turn(l, 1 + PUNCH_HOLD_MS, false);
        ledger_close(l);
        CHECK(whole(&f, &r) && r.pruned == total);
        l = open_all(&f); /* what a crash left undone is done now */
        ledger_turn(l, 1, false);
        CHECK(!l->punch_wanted && whole(&f, &r) && r.pruned == total);
        for (int k = 0; k < 2; k++) {
            CHECK_OK(ledger_read(l, kept[k], &b, &e));
            CHECK(!e.pruned && bytes_equal(e.payload, fixture_payload(kept[k], text)));
        }
        CHECK_IS(ledger_prune(l, &order, &p), E_UNKNOWN);
        CHECK(proofs_hold(l));
        ledger_close(l);
    }
    unsigned gone = 0;
    for (unsigned n = 0; n < 20; n++) {
        snprintf(path, sizeof path, "%s/data/%06u", f.dir, n);
        gone += access(path, F_OK) != 0;
    }
    CHECK(gone > 5);
    buffer_deinit(&b);
    fixture_deinit(&f);
}

/* A byte put where a pruned payload was is found; the kept one's loss is a loss. */
static void test_written_over(void)
{
    struct fixture f;
    struct verify_result r;
    struct ledger_prunable p;
    uint64_t kept[1] = { data_at(3) };
    fixture_init(&f, 1024, 16384);
    struct ledger *l = open_all(&f);
    CHECK_OK(fixture_append(l, ENTRIES));
    struct ledger_prune order = { .rule = { .before_ms = 401 }, .rule_text = "t", .by = "r", .kept = kept, .kept_n = 1, .at_ms = 9 };
    CHECK_OK(ledger_sync(l));
    CHECK_OK(ledger_prune(l, &order, &p));
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    ledger_turn(l, 1, false);
    ledger_turn(l, 1 + PUNCH_HOLD_MS, false);
    CHECK(whole(&f, &r) && r.pruned == p.entries);
    char path[160];
    int fd;
    snprintf(path, sizeof path, "%s/data/000000", f.dir);
    CHECK_OK(port_file_open(path, false, &fd));
    CHECK_OK(port_file_write(fd, 5, BYTES_LIT("x")));
    CHECK(!whole(&f, &r) && fate(&f, data_at(0), &r).fate == VERIFY_CHANGED);
    CHECK_OK(port_file_write(fd, 5, BYTES_LIT("\0")));
    CHECK(whole(&f, &r));
    port_file_close(fd);
    change_byte(&f, l, kept[0], true);
    CHECK(fate(&f, kept[0], &r).fate == VERIFY_MISSING && r.findings == 1);
    ledger_close(l);
    fixture_deinit(&f);
}

/* Sealed payloads: on disk no plain byte, one key a subject, a new one after erasure; keys survive a start. */
static void test_sealed(void)
{
    struct fixture f;
    struct buffer b = BUFFER(1u << 20), file;
    struct ledger_entry e;
    uint64_t i[4];
    char path[160];
    fixture_init(&f, 1024, 16384);
    struct ledger *l = open_all(&f);
    CHECK_OK(ledger_append_for(l, "meter-1", 1, BYTES_LIT("plain-words-1"), &i[0]));
    CHECK_OK(ledger_append_for(l, "meter-1", 1, BYTES_LIT("plain-words-2"), &i[1]));
    CHECK_OK(ledger_append_for(l, "meter-2", 1, BYTES_NONE, &i[2]));
    CHECK(keyring_count(l->keys) == 2);
    CHECK_OK(ledger_sync(l));
    CHECK_OK(ledger_erase(l, "meter-1", "r", "b", 2));
    CHECK_OK(ledger_append_for(l, "meter-1", 1, BYTES_LIT("plain-words-3"), &i[3]));
    CHECK_OK(ledger_sync(l));
    snprintf(path, sizeof path, "%s/data/000000", f.dir);
    CHECK_OK(port_file_load(path, 1 << 20, &file));
    CHECK(!memmem(file.at, file.n, "plain-words", 11));
    buffer_deinit(&file);
    for (int again = 0; again < 2; again++) {
        CHECK(ok(ledger_read(l, i[0], &b, &e)) && e.erased);
        CHECK(ok(ledger_read(l, i[1], &b, &e)) && e.erased);
        CHECK(ok(ledger_read(l, i[2], &b, &e)) && !e.erased && e.payload.n == 0);
        CHECK(ok(ledger_read(l, i[3], &b, &e)) && bytes_equal_str(e.payload, "plain-words-3"));
        ledger_close(l);
        l = open_all(&f);
        CHECK(keyring_count(l->keys) == 2);
    }
    ledger_close(l);
    buffer_deinit(&b);
    fixture_deinit(&f);
}

/* The k-th allocation fails while payloads are sealed, pruned and erased: refused or done, never half, never a crash. */
static void test_memory(void)
{
    size_t refused = 0, rounds = 0;
    for (uint64_t k = 1; k < 60; k++, rounds++) {
        struct fixture f;
        struct verify_result r;
        struct ledger_prunable p;
        uint64_t index;
        fixture_init(&f, 1024, 16384);
        struct ledger *l = open_all(&f);
        CHECK_QUIET(ok(fixture_append(l, 30)) && ok(ledger_sync(l)));
        struct ledger_prune order = { .rule = { .before_ms = 101 }, .rule_text = "t", .by = "r", .at_ms = 9 };
        mem_fail_at(k);
        bool all = ok(ledger_append_for(l, "meter-1", 5, BYTES_LIT("x"), &index));
        all = ok(ledger_prune(l, &order, &p)) && all;
        all = ok(ledger_erase(l, "meter-1", "r", "b", 6)) && all;
        mem_fail_at(0);
        refused += !all;
        CHECK_QUIET(ok(ledger_append_for(l, "meter-2", 5, BYTES_LIT("y"), &index)) && ok(ledger_sync(l)));
        CHECK_QUIET(ok(fixture_publish(&f, l, 0, 0)));
        ledger_close(l);
        CHECK_QUIET(whole(&f, &r));
        fixture_deinit(&f);
    }
    printf("# %zu of %zu runs were refused something\n", refused, rounds);
    CHECK(refused > 10);
}

int main(void)
{
    test_memory();
    test_four();
    test_unsigned();
    test_files();
    test_written_over();
    test_sealed();
    return TEST_END;
}
