/* A data key is durable before anything it seals can be: directed, on the simulation's disk. Every subject is new, files
 * are small enough that segments turn, payloads are pruned and keys destroyed on the way; the power goes behind every
 * operation. Then the disk refuses while keys are made and destroyed, the process is killed, the power goes: what was
 * durable opens. Never: an entry, promised or not, under a key that is not there, unless the record says it was erased. */
#include <stdio.h>

#include "base/test.h"
#include "crypto/sign.h"
#include "ledger/inside.h"
#include "tests/sim/port_sim.h"

enum { MARK_PROMISE = 1, MARK_ERASED, ROUNDS = 24, DRAWS = 3, REFUSING_SEEDS = 400, REFUSED_ROUNDS = 6, SUBJECTS = 4 };

static struct ledger *opened(void)
{
    struct ledger *l = NULL;
    uint64_t cut;
    if (!ok(ledger_open_stepped("/s/ledger", &l, &cut)) || !ok(ledger_keys(l, "/s/keys"))) abort();
    return l;
}

static void made(uint64_t seed, const struct key *key)
{
    struct identity i = { .origin = "keys.example", .shape = { 1024, 2048 } };
    sim_reset(seed);
    if (!ok(key_write_ed25519_raw(key, i.key)) || !ok(ledger_create_shaped("/s/ledger", &i))) abort();
    sim_log_free(sim_take());
}

static outcome replay(void *ctx, const struct ledger_entry *e)
{
    return ledger_replay(ctx, e);
}

/* Entries no key opens, the first `erasable` left out. */
static size_t keyless(struct ledger *l, uint64_t erasable)
{
    struct buffer b = BUFFER(1u << 20);
    struct ledger_entry e;
    size_t n = 0;
    for (uint64_t i = 0; i < ledger_size(l); i++) n += !ok(ledger_read(l, i, &b, &e)) || (e.erased && i >= erasable);
    buffer_deinit(&b);
    return n;
}

static outcome seal_one(struct ledger *l, unsigned subject)
{
    char id[32], text[200];
    uint64_t index;
    snprintf(id, sizeof id, "meter-%u", subject);
    memset(text, 'x', sizeof text);
    return ledger_append_for(l, id, 1000 + (int64_t)ledger_size(l), bytes_of(text, sizeof text), &index);
}

/* ---- the power goes behind every operation ---- */

static struct sim_log *story(const struct key *key)
{
    struct ledger_prunable found;
    made(7, key);
    struct ledger *l = opened();
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned k = 0; k < 3; k++)
            if (!ok(seal_one(l, 3 * round + k))) abort();
        if (!ok(ledger_sync(l))) abort();
        sim_mark(MARK_PROMISE, ledger_durable(l), BYTES_NONE);
        struct ledger_prune order = { .rule = { .before_ms = 1000 + (int64_t)round }, .rule_text = "t", .by = "b", .at_ms = 5 };
        if (round % 6 == 3 && !ok(ledger_prune(l, &order, &found))) abort();
        if (round % 8 != 5) continue;
        sim_mark(MARK_ERASED, ledger_size(l), BYTES_NONE);
        if (!ok(ledger_erase(l, "meter-1", "r", "b", 5)) && round == 5) abort();
    }
    ledger_drop(l);
    return sim_take();
}

static uint64_t newest(const struct sim_log *log, size_t n, int kind)
{
    uint64_t newest = 0, value = 0;
    struct bytes text;
    for (size_t i = 0; i < n; i++)
        if (sim_log_mark(log, i, &value, &text) == kind) newest = value;
    return newest;
}

static bool cut_is_right(const struct sim_log *log, size_t n, uint64_t seed)
{
    sim_build(log, n, seed);
    struct ledger *l = opened();
    bool good = ok(ledger_scan_linked(l, CLASS_CONTROL, replay, l)) && ledger_durable(l) >= newest(log, n, MARK_PROMISE)
        && keyless(l, newest(log, n, MARK_ERASED)) == 0;
    if (!good) printf("# cut behind %zu, draw %llu: %zu without a key\n", n, (unsigned long long)seed, keyless(l, newest(log, n, MARK_ERASED)));
    ledger_drop(l);
    return good;
}

static void test_cuts(const struct key *key)
{
    struct sim_log *log = story(key);
    size_t n = sim_log_size(log), wrong = 0;
    for (size_t k = 0; k <= n; k++)
        for (uint64_t seed = 0; seed < DRAWS; seed++) wrong += !cut_is_right(log, k, 1000 * k + seed);
    printf("# %zu operations, the power went %d times behind each\n", n, DRAWS);
    CHECK(n > 500 && wrong == 0);
    sim_log_free(log);
}

/* ---- the disk refuses while keys are made and destroyed ---- */

/* Whatever is refused is refused; what was promised before the kill must open after kill and power cut. */
static bool refusing_is_right(uint64_t seed, const struct key *key, size_t *refused)
{
    struct draws d = { seed };
    uint64_t promised = 0, erasable = 0;
    made(seed, key);
    struct ledger *l = opened();
    for (unsigned round = 0; round < REFUSED_ROUNDS; round++) {
        sim_fail(draw(&d, 3) ? 1 + draw(&d, 5) : 0);
        for (unsigned k = 0; k < 4; k++) *refused += !ok(seal_one(l, (unsigned)draw(&d, SUBJECTS)));
        if (draw(&d, 2)) {
            bool gone = ok(ledger_erase(l, "meter-1", "r", "b", 5));
            *refused += !gone;
            erasable = ledger_size(l); /* an order that reached the record, refused or not, erases what was before it */
        }
        sim_fail(0);
        for (unsigned k = 0; k < SUBJECTS; k++) (void)!ok(seal_one(l, k)); /* the disk works again: nothing under a key that went */
        if (ok(ledger_sync(l))) promised = ledger_durable(l);
        sim_clock(2 * KEYS_AGAIN_MS, 2 * KEYS_AGAIN_MS);
        (void)ledger_turn(l, port_mono_ms(), false);
        if (keyring_retired(l->keys)) return false; /* what was refused is done once the disk works */
        if (draw(&d, 2)) continue;
        ledger_drop(l);
        sim_kill();
        l = opened();
        if (!ok(ledger_scan_linked(l, CLASS_CONTROL, replay, l))) return false;
    }
    ledger_drop(l);
    sim_cut(seed);
    l = opened();
    bool good = ok(ledger_scan_linked(l, CLASS_CONTROL, replay, l)) && ledger_durable(l) >= promised && keyless(l, erasable) == 0;
    if (!good) printf("# seed %llu: %zu of %llu do not open\n", (unsigned long long)seed, keyless(l, erasable), (unsigned long long)promised);
    ledger_drop(l);
    return good;
}

static void test_refusing(const struct key *key)
{
    size_t refused = 0, wrong = 0;
    for (uint64_t seed = 1; seed <= REFUSING_SEEDS; seed++) wrong += !refusing_is_right(seed, key, &refused);
    printf("# %d seeds, %zu orders refused\n", REFUSING_SEEDS, refused);
    CHECK(refused > REFUSING_SEEDS && wrong == 0);
}

int main(void)
{
    struct key *key = NULL;
    if (!ok(key_new(KEY_ED25519, &key))) return 1;
    test_cuts(key);
    test_refusing(key);
    key_free(key);
    return TEST_END;
}
