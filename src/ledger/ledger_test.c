#include <signal.h>
#include <sys/resource.h>

#include "ledger/data.h"
#include "ledger/fixture.h"
#include "ledger/tree.h"

static bool entry_right(struct ledger *l, uint64_t i, struct buffer *b)
{
    char text[512];
    struct ledger_entry e;
    return ok(ledger_read(l, i, b, &e)) && e.index == i && e.at_ms == (int64_t)i * 10 + 1
        && e.kind == fixture_kind(i) && bytes_equal(e.payload, fixture_payload(i, text));
}

struct seen {
    uint64_t n, next;
    enum ledger_class class;
    bool wrong;
};

static outcome see(void *ctx, const struct ledger_entry *e)
{
    struct seen *s = ctx;
    char text[512];
    while (ledger_kind_class(fixture_kind(s->next)) != s->class) s->next++;
    s->wrong |= e->index != s->next++ || !bytes_equal(e->payload, fixture_payload(e->index, text));
    s->n++;
    return DONE;
}

static void check_all(struct ledger *l, uint64_t n)
{
    struct buffer b = BUFFER(1 << 20);
    for (uint64_t i = 0; i < n; i++) CHECK_QUIET(entry_right(l, i, &b));
    struct ledger_entry e;
    CHECK_IS(ledger_read(l, n, &b, &e), E_UNKNOWN);
    struct seen control = { .class = CLASS_CONTROL }, data = { .class = CLASS_DATA };
    CHECK_OK(ledger_scan(l, 0, CLASS_CONTROL, see, &control));
    CHECK_OK(ledger_scan(l, 0, CLASS_DATA, see, &data));
    CHECK(control.n + data.n == n && !control.wrong && !data.wrong);
    buffer_deinit(&b);
}

static void test_write_read(void)
{
    struct fixture f;
    struct ledger *l;
    struct hash before, after;
    uint64_t size;
    fixture_init(&f, 4096, 16384);
    CHECK_IS(ledger_create_shaped(f.dir, &f.identity), E_CONFLICT);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_OK(fixture_append(l, 700));
    CHECK(ledger_size(l) == 700);
    CHECK_OK(ledger_sync(l));
    CHECK(ledger_durable(l) == 700);
    check_all(l, 700);
    ledger_root(l, &size, &before);
    ledger_close(l);
    CHECK_OK(fixture_open(&f, &l));
    ledger_root(l, &size, &after);
    CHECK(size == 700 && hash_equal(&before, &after));
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    CHECK_OK(fixture_append(l, 33));
    CHECK_OK(ledger_sync(l));
    check_all(l, 733);
    ledger_close(l);
    CHECK_OK(fixture_open(&f, &l));
    check_all(l, 733);
    CHECK(ledger_head(l).n > 0);
    ledger_close(l);
    fixture_deinit(&f);
}

static void test_turn(void)
{
    struct fixture f;
    struct ledger *l;
    fixture_init(&f, 4096, 16384);
    CHECK_OK(fixture_open(&f, &l));
    CHECK(ledger_turn(l, 1000, false) == -1);
    CHECK_OK(fixture_append(l, 1));
    CHECK(ledger_turn(l, 1000, false) == -1); /* alone: handed over at once */
    while (ledger_durable(l) == 0) usleep(100);
    CHECK_OK(fixture_append(l, 1));
    CHECK(ledger_turn(l, 1000, false) == 2); /* the next waits for the rest of the window */
    CHECK(ledger_turn(l, 1001, false) == 1);
    CHECK(ledger_durable(l) == 1);
    CHECK(ledger_turn(l, 1002, false) == -1);
    while (ledger_durable(l) == 1) usleep(100);
    CHECK_OK(fixture_append(l, 1));
    CHECK(ledger_turn(l, 1003, true) == -1);
    while (ledger_durable(l) == 2) usleep(100);
    ledger_close(l);
    fixture_deinit(&f);
}

static void test_refusals(void)
{
    struct fixture f;
    struct ledger *l;
    uint64_t index;
    static uint8_t big[LEDGER_PAYLOAD_MAX + 1];
    fixture_init(&f, 4096, 16384);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_IS(ledger_append(l, ENTRY_DATA, 0, bytes_of(big, sizeof big), &index), E_TOO_LARGE);
    CHECK_IS(ledger_append(l, ENTRY_DATA, 0, bytes_of(big, 16384), &index), E_TOO_LARGE);
    CHECK_OK(ledger_append(l, ENTRY_DATA, 0, bytes_of(big, 16384 - 32), &index));
    CHECK_OK(ledger_append(l, ENTRY_DATA, 0, BYTES_NONE, &index));
    outcome o = DONE;
    uint64_t n = 0;
    while (ok(o) && n < 100000) {
        o = ledger_append(l, ENTRY_DATA, 0, bytes_of(big, 1), &index);
        n++;
    }
    CHECK_IS(o, E_FULL);
    uint64_t size = ledger_size(l);
    CHECK_OK(ledger_sync(l));
    CHECK(ledger_durable(l) == size);
    CHECK_OK(ledger_append(l, ENTRY_DATA, 0, bytes_of(big, 1), &index));
    CHECK(index == size);
    ledger_close(l);
    fixture_deinit(&f);
}

static void test_heads(void)
{
    struct fixture f;
    struct ledger *l;
    char path[128];
    struct buffer b;
    uint8_t other[4096];
    fixture_init(&f, 4096, 16384);
    snprintf(path, sizeof path, "%s/checkpoint", f.dir);
    CHECK_OK(fixture_open(&f, &l));
    CHECK(ledger_head(l).n == 0);
    CHECK_OK(fixture_append(l, 10));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(fixture_publish(&f, l, 100, 5000));
    CHECK(ledger_head(l).n > 0);
    CHECK(ledger_turn(l, 101, false) == 2499); /* its hashes come half way */
    CHECK(ledger_turn(l, 2600, false) == 2500);
    CHECK(ledger_turn(l, 5099, false) == 1);
    CHECK_OK(port_file_load(path, 4096, &b));
    CHECK(format_is_zero(buffer_view(&b)));
    buffer_deinit(&b);
    CHECK(ledger_turn(l, 5100, false) == -1);
    CHECK_OK(fixture_publish(&f, l, 5200, 0)); /* waits for the one before too */
    CHECK_OK(port_file_load(path, 4096, &b));
    CHECK(b.n == 4096 && bytes_starts(buffer_view(&b), ledger_head(l)));
    memcpy(other, b.at, sizeof other);
    buffer_deinit(&b);
    /* A head that is not over our tree, by our key, or goes back, is refused. */
    other[40] ^= 1;
    CHECK(!ok(ledger_publish(l, bytes_of(other, ledger_head(l).n), 0, 0)));
    struct fixture stranger = f;
    CHECK_OK(key_new(KEY_ED25519, &stranger.key));
    CHECK(!ok(fixture_publish(&stranger, l, 0, 0)));
    key_free(stranger.key);
    struct note n = { .size = 11 };
    struct buffer text = BUFFER(1024);
    memcpy(n.origin, f.identity.origin, sizeof n.origin);
    CHECK_OK(note_make(&n, f.key, &text));
    CHECK_IS(ledger_publish(l, buffer_view(&text), 0, 0), E_CONFLICT);
    text.n = 0;
    n.size = 10;
    CHECK_OK(note_make(&n, f.key, &text));
    CHECK_IS(ledger_publish(l, buffer_view(&text), 0, 0), E_CHANGED);
    text.n = 0;
    n.size = 9;
    CHECK_OK(note_make(&n, f.key, &text));
    CHECK_IS(ledger_publish(l, buffer_view(&text), 0, 0), E_CONFLICT);
    buffer_deinit(&text);
    ledger_close(l);
    fixture_deinit(&f);
}

static void test_proofs(void)
{
    struct fixture f;
    struct ledger *l;
    struct hash path[64], leaf;
    struct tree_head heads[4] = { 0 };
    size_t n;
    fixture_init(&f, 4096, 16384);
    CHECK_OK(fixture_open(&f, &l));
    for (int k = 0; k < 4; k++) {
        CHECK_OK(fixture_append(l, 77));
        CHECK_OK(ledger_sync(l));
        ledger_root(l, &heads[k].size, &heads[k].root);
        if (k % 2) CHECK_OK(fixture_publish(&f, l, 0, 0)); /* hashes partly in files, partly in memory */
    }
    for (int k = 0; k < 4; k++) {
        for (uint64_t i = 0; i < heads[k].size; i++) {
            CHECK_QUIET(ok(ledger_prove(l, i, heads[k].size, path, 64, &n, &leaf)));
            CHECK_QUIET(ok(tree_check(i, heads[k].size, &leaf, path, n, &heads[k].root)));
        }
        for (int j = 0; j <= k; j++) {
            CHECK_OK(ledger_prove_consistency(l, heads[j].size, heads[k].size, path, 64, &n));
            CHECK_OK(tree_check_consistency(&heads[j], &heads[k], path, n));
        }
    }
    CHECK_IS(ledger_prove(l, 0, 309, path, 64, &n, &leaf), E_RANGE);
    ledger_close(l);
    fixture_deinit(&f);
}

/* The file system refuses to grow: nothing is claimed; when there is room again, all arrives. */
static void test_no_space(void)
{
    struct fixture f;
    struct ledger *l;
    uint64_t index;
    struct rlimit was, small = { 8192, 0 };
    fixture_init(&f, 4096, 65536);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_OK(fixture_append(l, 10));
    CHECK_OK(ledger_sync(l));
    getrlimit(RLIMIT_FSIZE, &was);
    small.rlim_max = was.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    CHECK_OK(fixture_append(l, 200));
    CHECK_IS(ledger_sync(l), E_IO);
    CHECK(ledger_durable(l) == 10);
    CHECK_IS(ledger_health(l), E_IO);
    CHECK_IS(ledger_append(l, ENTRY_DATA, 0, BYTES_NONE, &index), E_IO);
    CHECK_IS(ledger_sync(l), E_IO);
    CHECK(ledger_durable(l) == 10);
    setrlimit(RLIMIT_FSIZE, &was);
    CHECK_OK(ledger_sync(l));
    CHECK(ledger_durable(l) == 210);
    CHECK_OK(ledger_health(l));
    check_all(l, 210);
    /* And without success before the end: what was not durable is not there afterwards. */
    setrlimit(RLIMIT_FSIZE, &small);
    CHECK_OK(fixture_append(l, 400));
    ledger_close(l);
    setrlimit(RLIMIT_FSIZE, &was);
    CHECK_OK(fixture_open(&f, &l));
    CHECK(ledger_size(l) >= 210);
    check_all(l, ledger_size(l));
    ledger_close(l);
    fixture_deinit(&f);
}

/* A leaf completes up to as many hashes as the tree is high. The sizes are those at which a batch needs
 * more than two an entry, and memory (4096 hashes at first) ends inside it. */
static void test_node_room(void)
{
    static const struct {
        uint64_t before, batch;
    } rows[] = { { 2047, 3 }, { 2045, 5 }, { 2044, 8 }, { 2030, 20 }, { 2000, 50 }, { 1950, 100 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct ledger *l;
        fixture_init(&f, 65536, 1 << 20);
        CHECK_QUIET(ok(fixture_open(&f, &l)) && ok(fixture_append(l, rows[i].before)) && ok(ledger_sync(l)));
        CHECK_QUIET(ok(fixture_append(l, rows[i].batch)) && ok(ledger_sync(l)));
        CHECK(ledger_durable(l) == rows[i].before + rows[i].batch);
        ledger_close(l);
        fixture_deinit(&f);
    }
}

/* Memory runs out at every allocation of open, append, read, prove in turn: refused, nothing worse (N58). */
static void test_no_memory(void)
{
    struct fixture f;
    struct ledger *l;
    fixture_init(&f, 4096, 16384);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_OK(fixture_append(l, 50));
    ledger_close(l);
    size_t refused = 0, opened = 0;
    for (uint64_t k = 1; k <= 40; k++) {
        mem_fail_at(k);
        outcome o = fixture_open(&f, &l);
        refused += o.code == E_MEMORY;
        CHECK_QUIET(ok(o) || o.code == E_MEMORY);
        if (!ok(o)) continue;
        opened++;
        struct buffer b = BUFFER(4096);
        struct ledger_entry e;
        o = ledger_read(l, 3, &b, &e);
        CHECK_QUIET(ok(o) || o.code == E_MEMORY);
        buffer_deinit(&b);
        mem_fail_at(0);
        ledger_close(l);
    }
    mem_fail_at(0);
    CHECK(refused > 5 && opened > 5);
    CHECK_OK(fixture_open(&f, &l));
    check_all(l, 50);
    ledger_close(l);
    fixture_deinit(&f);
}

static void test_data(void)
{
    struct buffer b = BUFFER(1000);
    struct data d = { DATA_RETAIN | DATA_JSON, 1, BYTES_LIT("gw-02"), BYTES_LIT("sk/v1/a/b/m/level"),
        BYTES_LIT("{\"v\":1}") }, r;
    CHECK_OK(data_write(&d, &b));
    CHECK_OK(data_read(buffer_view(&b), &r));
    CHECK(r.flags == d.flags && r.qos == 1 && bytes_equal(r.from, d.from));
    CHECK(bytes_equal(r.topic, d.topic) && bytes_equal(r.payload, d.payload));
    for (size_t n = 0; n < 6 + d.from.n + d.topic.n; n++)
        CHECK_QUIET(!ok(data_read(bytes_of(b.at, n), &r)));
    b.at[1] = 3;
    CHECK_IS(data_read(buffer_view(&b), &r), E_MALFORMED);
    buffer_deinit(&b);
}

int main(void)
{
    test_write_read();
    test_turn();
    test_refusals();
    test_heads();
    test_proofs();
    test_no_space();
    test_node_room();
    test_no_memory();
    test_data();
    return TEST_END;
}
