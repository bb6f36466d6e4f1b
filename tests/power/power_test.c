/* The power goes at every point of a short run, and at drawn points of many: the disk is rebuilt with unflushed
 * writes there, absent or torn; then the record opens, holds all it promised, proves consistent with the last head
 * anybody saw, verifies, and goes on. With RELEASE=1 500 more cuts at drawn points of drawn runs. SEED=n. */
#include <stdio.h>

#include "base/test.h"
#include "crypto/sign.h"
#include "ledger/inside.h"
#include "ledger/verify.h"
#include "tests/sim/port_sim.h"

enum { MARK_PROMISE = 1, MARK_HEAD, MARK_PRUNE, MARK_ERASE };
enum { SHORT_ROUNDS = 60, LONG_ROUNDS = 120, CUTS = 10, CUTS_RELEASE = 500 };

static struct key *ledger_key_pair(void)
{
    struct key *k = NULL;
    assert(ok(key_new(KEY_ED25519, &k)));
    return k;
}

static struct bytes payload_of(uint64_t i, char text[512])
{
    int n = snprintf(text, 512, "{\"n\":%llu,\"pad\":\"", (unsigned long long)i);
    memset(text + n, 'x', (size_t)(i * 37 % 299));
    return bytes_of(text, (size_t)n + (size_t)(i * 37 % 299));
}

static void say(void *ctx, const struct verify_finding *f)
{
    printf("# %s: %s %s:%llu %s\n", (const char *)ctx, code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static void publish(struct ledger *l, const struct key *key, int64_t hold_ms)
{
    struct note n = { 0 };
    struct buffer b = BUFFER(NOTE_BYTES_MAX);
    snprintf(n.origin, sizeof n.origin, "power.example");
    ledger_root(l, &n.size, &n.root);
    if (!ok(note_make(&n, key, &b))) abort();
    if (ok(ledger_publish(l, buffer_view(&b), port_mono_ms(), hold_ms))) sim_mark(MARK_HEAD, n.size, hash_view(&n.root));
    buffer_deinit(&b);
}

static outcome append_some(struct ledger *l, struct draws *d)
{
    char text[512];
    for (uint64_t n = 1 + draw(d, 6); n > 0; n--) {
        uint64_t index, i = ledger_size(l);
        struct bytes payload = payload_of(i, text);
        if (draw(d, 4) == 0) TRY(ledger_append(l, ENTRY_AUDIT, 1000 + (int64_t)i, payload, &index));
        else if (draw(d, 2)) TRY(ledger_append_for(l, draw(d, 2) ? "meter-1" : "meter-2", 1000 + (int64_t)i, payload, &index));
        else TRY(ledger_append(l, ENTRY_DATA, 1000 + (int64_t)i, payload, &index));
    }
    return DONE;
}

static void give_up(struct ledger *l, struct draws *d, uint64_t round)
{
    struct ledger_prunable found;
    struct ledger_prune order = { .rule = { .before_ms = 1000 + (int64_t)(ledger_size(l) / 3) }, .rule_text = "t", .by = "b", .at_ms = 5 };
    if (round % 5 == 2) {
        sim_mark(MARK_PRUNE, ledger_size(l), BYTES_NONE);
        (void)!ok(ledger_prune(l, &order, &found));
    }
    if (round % 7 == 4) {
        sim_mark(MARK_ERASE, ledger_size(l), BYTES_NONE);
        (void)!ok(ledger_erase(l, draw(d, 2) ? "meter-1" : "meter-2", "r", "b", 5));
    }
}

/* One run, recorded. What is durable is promised at once. */
static struct sim_log *run(uint64_t seed, uint64_t rounds, const struct key *key)
{
    struct draws d = { seed };
    struct ledger *l;
    uint64_t cut;
    struct identity i = { .origin = "power.example", .shape = { 1024, 8192 } };
    sim_reset(seed);
    assert(ok(key_write_ed25519_raw(key, i.key)));
    if (!ok(ledger_create_shaped("/s/ledger", &i)) || !ok(ledger_open_stepped("/s/ledger", &l, &cut))) abort();
    publish(l, key, 0); /* as init does; from here on the power may go */
    sim_log_free(sim_take());
    if (!ok(ledger_keys(l, "/s/keys"))) abort();
    for (uint64_t round = 0; round < rounds; round++) {
        if (!ok(append_some(l, &d)) || !ok(ledger_sync(l))) abort();
        sim_mark(MARK_PROMISE, ledger_durable(l), BYTES_NONE);
        if (round % 3 == 1) publish(l, key, draw(&d, 2) ? 0 : 40);
        give_up(l, &d, round);
        sim_clock(30, draw(&d, 8) == 0 ? PUNCH_HOLD_MS : 30);
        (void)ledger_turn(l, port_mono_ms(), false);
        while (ledger_step(l)) { }
    }
    ledger_drop(l);
    return sim_take();
}

struct promised {
    uint64_t durable, head_size, may_prune, may_erase;
    struct bytes head_root;
};

static struct promised promised_at(const struct sim_log *log, size_t n)
{
    struct promised p = { 0 };
    for (size_t i = 0; i < n; i++) {
        uint64_t value = 0;
        struct bytes text;
        switch (sim_log_mark(log, i, &value, &text)) {
        case MARK_PROMISE: p.durable = value; break;
        case MARK_HEAD: p.head_size = value, p.head_root = text; break;
        case MARK_PRUNE: p.may_prune = value; break;
        case MARK_ERASE: p.may_erase = value; break;
        }
    }
    return p;
}

static outcome replay(void *ctx, const struct ledger_entry *e)
{
    return ledger_replay(ctx, e);
}

static bool entries_there(struct ledger *l, const struct promised *p)
{
    struct buffer b = BUFFER(1u << 20);
    char text[512];
    bool good = true;
    for (uint64_t i = 0; good && i < p->durable; i++) {
        struct ledger_entry e;
        good = ok(ledger_read(l, i, &b, &e));
        if (!good || e.kind == ENTRY_PRUNED || e.kind == ENTRY_ERASED) continue;
        if (e.pruned) good = i < p->may_prune;
        else if (e.erased) good = i < p->may_erase;
        else good = bytes_equal(e.payload, payload_of(i, text));
    }
    buffer_deinit(&b);
    return good;
}

static bool head_consistent(struct ledger *l, const struct promised *p)
{
    struct hash root;
    if (p->head_size == 0) return true;
    return ok(ledger_root_at(l, p->head_size, &root)) && bytes_equal(hash_view(&root), p->head_root);
}

/* After a start: all of it, and it goes on. NULL, or what was wrong. */
static const char *judge(const struct promised *p, const char *where)
{
    struct ledger *l;
    struct verify_result r;
    struct draws d = { 3 };
    uint64_t cut;
    if (!ok(ledger_open_stepped("/s/ledger", &l, &cut))) return "it does not start";
    const char *wrong = NULL;
    if (!ok(ledger_keys(l, "/s/keys")) || !ok(ledger_scan_linked(l, CLASS_CONTROL, replay, l))) wrong = "no replay";
    else if (ledger_durable(l) < p->durable) wrong = "what was promised is lost";
    else if (!entries_there(l, p)) wrong = "an entry that was promised is not as it was";
    else if (!head_consistent(l, p)) wrong = "not consistent with a head that was seen";
    else if (!ok(ledger_verify("/s/ledger", "", say, (void *)(uintptr_t)where, &r)) || r.findings) wrong = "not whole after the start";
    else if (!ok(append_some(l, &d)) || !ok(ledger_sync(l))) wrong = "it does not go on";
    else if (!ok(ledger_verify("/s/ledger", "", say, (void *)(uintptr_t)where, &r)) || r.findings) wrong = "not whole after going on";
    ledger_drop(l);
    return wrong;
}

static size_t cut_at(const struct sim_log *log, size_t n, uint64_t seed)
{
    char where[64];
    struct promised p = promised_at(log, n);
    snprintf(where, sizeof where, "cut behind %zu, draw %llu", n, (unsigned long long)seed);
    sim_build(log, n, seed);
    const char *wrong = judge(&p, where);
    if (wrong) printf("# %s: %s\n", where, wrong);
    /* and power gone again in the middle of the start's own repairs */
    sim_build(log, n, seed);
    struct ledger *l;
    uint64_t cut;
    if (ok(ledger_open_stepped("/s/ledger", &l, &cut))) ledger_drop(l);
    sim_cut(seed + 1);
    const char *twice = judge(&p, where);
    if (twice) printf("# %s, twice: %s\n", where, twice);
    return (wrong != NULL) + (twice != NULL);
}

int main(void)
{
    const char *given = getenv("SEED"), *release = getenv("RELEASE");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20261123;
    struct key *key = ledger_key_pair();
    struct draws d = { seed };
    size_t wrong = 0, cuts = release ? CUTS_RELEASE : CUTS;
    struct sim_log *log = run(seed, SHORT_ROUNDS, key);
    size_t n = sim_log_size(log);
    for (size_t k = 0; k <= n; k++) wrong += cut_at(log, k, seed + k);
    printf("# seed %llu: the power went behind each of %zu operations, twice\n", (unsigned long long)seed, n);
    sim_log_free(log);
    CHECK(n > 300);
    CHECK(wrong == 0);
    for (size_t k = 0; k < cuts; k++) {
        log = run(seed + k + 1, LONG_ROUNDS, key);
        wrong += cut_at(log, (size_t)draw(&d, sim_log_size(log) + 1), draw(&d, UINT64_MAX));
        sim_log_free(log);
    }
    printf("# and %zu times at a drawn point of a drawn run\n", cuts);
    CHECK(wrong == 0);
    key_free(key);
    return TEST_END;
}
