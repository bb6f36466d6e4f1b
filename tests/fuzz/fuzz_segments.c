/* N31: the record's folder as it lies on a disk somebody had: the input is a list of changes to a small real record (bytes,
 * lengths, whole leaf records made valid again), then the verifier walks it and the writer opens and reads it. Whatever was
 * changed: neither leaves its bounds; what the verifier calls whole reads as it was written; nothing wrong is handed out
 * as a signed entry's payload. */
#include <stdio.h>

#include "crypto/sign.h"
#include "fuzz.h"
#include "ledger/format.h"
#include "ledger/verify.h"
#include "tests/sim/port_sim.h"
#include "tests/sim/record_sim.h"

enum { SIGNED = 40, ALL = 52, CHANGES_MAX = 12, PAYLOAD_MAX = 256, OPENED = 16 };

static const char *const names[] = { "ledger", "checkpoint", "leaves/000000", "leaves/000001", "tree/000000", "control/000000",
    "data/000000", "data/000001", "data/000002", "leaves/000002", "data/000009", "stray" };
enum { NAMES = sizeof names / sizeof *names };

static struct bytes payload_of(uint64_t i, char text[PAYLOAD_MAX])
{
    int n = snprintf(text, PAYLOAD_MAX, "{\"n\":%llu}", (unsigned long long)i);
    memset(text + n, 'x', (size_t)(i * 37 % 190));
    return bytes_of(text, (size_t)n + (size_t)(i * 37 % 190));
}

static void append(struct ledger *l, uint64_t to)
{
    char text[PAYLOAD_MAX];
    uint64_t index;
    for (uint64_t i = ledger_size(l); i < to; i++)
        HOLDS(ok(ledger_append(l, i % 4 == 1 ? ENTRY_AUDIT : ENTRY_DATA, 1000 + (int64_t)i, payload_of(i, text), &index)));
    HOLDS(ok(ledger_sync(l)));
}

/* The disk every input begins with: the base of the log this returns. */
static struct sim_log *made(void)
{
    struct ledger *l;
    struct key *key;
    struct note n = { .origin = "fuzz.example" };
    struct buffer b = BUFFER(NOTE_BYTES_MAX);
    sim_reset(5);
    HOLDS(ok(key_new(KEY_ED25519, &key)) && ok(sim_record_make("/s/ledger", "fuzz.example", key, 4096)) && ok(sim_record_open("/s/ledger", &l)));
    append(l, SIGNED);
    ledger_root(l, &n.size, &n.root);
    HOLDS(ok(note_make(&n, key, &b)) && ok(ledger_publish(l, buffer_view(&b), 0, 0)));
    while (sim_record_step(l)) { }
    append(l, ALL);
    sim_record_drop(l);
    key_free(key);
    buffer_deinit(&b);
    sim_log_free(sim_take());
    return sim_take();
}

/* ---- changes ---- */

static bool path_of(uint8_t which, char path[64])
{
    snprintf(path, 64, "/s/ledger/%s", names[which % NAMES]);
    return true;
}

static void change_bytes(int fd, struct bytes *in)
{
    uint16_t at;
    uint8_t n;
    struct bytes part;
    uint64_t size = 0;
    if (!ok(take_u16(in, &at)) || !ok(take_u8(in, &n)) || !ok(take(in, n < in->n ? n : in->n, &part)) || !ok(port_file_size(fd, &size))) return;
    if (part.n) (void)!ok(port_file_write(fd, size ? at % size : 0, part));
}

static void change_length(int fd, struct bytes *in)
{
    uint16_t to;
    if (ok(take_u16(in, &to))) (void)!ok(port_file_truncate(fd, to));
}

/* A leaf with fields of the input's choice and a check that fits: what only a deliberate hand can make. */
static void change_leaf(int fd, struct bytes *in)
{
    uint8_t record[FORMAT_LEAF], k, kind, class;
    struct leaf leaf;
    uint64_t size = 0;
    if (!ok(take_u8(in, &k)) || !ok(port_file_size(fd, &size)) || size < FORMAT_LEAF) return;
    uint64_t at = k % (size / FORMAT_LEAF) * FORMAT_LEAF, index = 0;
    if (!ok(port_file_read(fd, at, record, sizeof record))) return;
    for (size_t i = 8; i < 16; i++) index = index << 8 | record[i];
    if (!ok(format_leaf_read(record, index, &leaf))) return;
    struct bytes whole = *in;
    bool good = ok(take_u8(in, &kind)) && ok(take_u8(in, &class)) && ok(take_u32(in, &leaf.place.segment)) && ok(take_u32(in, &leaf.length))
        && ok(take_u64(in, &leaf.place.offset)) && ok(take_u64(in, &leaf.prev_same)) && ok(take_u64(in, &leaf.prev_other));
    if (!good) *in = whole;
    if (!good) return;
    leaf.kind = kind;
    leaf.class = class % CLASSES;
    format_leaf_write(&leaf, record);
    (void)!ok(port_file_write(fd, at, bytes_of(record, sizeof record)));
}

static void change(struct bytes *in)
{
    char path[64];
    uint8_t which, how;
    int fd;
    if (!ok(take_u8(in, &which)) || !ok(take_u8(in, &how)) || !path_of(which, path)) return;
    if (how % 8 == 7) {
        (void)!ok(port_file_remove(path));
        return;
    }
    if (!ok(port_file_open(path, how % 8 == 6, &fd))) return;
    if (how % 8 < 3 || how % 8 == 6) change_bytes(fd, in);
    else if (how % 8 == 3) change_length(fd, in);
    else change_leaf(fd, in);
    port_file_close(fd);
}

/* ---- what must hold ---- */

static void count(void *ctx, const struct verify_finding *f)
{
    HOLDS(memchr(f->file, 0, sizeof f->file) && memchr(f->what, 0, sizeof f->what) && f->what[0]);
    ++*(size_t *)ctx;
}

static void read_all(struct ledger *l, bool whole)
{
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 64);
    struct ledger_entry e;
    char text[PAYLOAD_MAX];
    for (uint64_t i = 0; i < ledger_size(l) && i < 2 * ALL; i++) {
        outcome o = ledger_read(l, i, &b, &e);
        if (i >= SIGNED) continue;
        if (ok(o) && !e.pruned && !e.erased) HOLDS(bytes_equal(e.payload, payload_of(i, text)));
        else HOLDS(!whole);
    }
    buffer_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct sim_log *fresh;
    struct bytes in = bytes_of(data, n);
    struct verify_result r;
    struct verify_answer a = { .index = n ? data[0] : 0 };
    struct ledger *l;
    size_t said = 0;
    if (!fresh) fresh = made();
    sim_build(fresh, 0, 0);
    for (int i = 0; i < CHANGES_MAX && in.n; i++) change(&in);
    outcome o = ledger_verify_entry("/s/ledger", "", count, &said, &r, &a);
    HOLDS(ok(o) && said == r.findings && a.fate <= VERIFY_CHANGED);
    bool whole = r.findings == 0 && r.signed_size == SIGNED;
    if (whole) HOLDS(r.entries >= SIGNED);
    if (n == 0) HOLDS(whole && r.entries == ALL && r.tail == ALL - SIGNED);
    if (!whole && data[n - 1] % OPENED) return 0; /* a writer's rooms cost a hundred walks */
    o = sim_record_open("/s/ledger", &l);
    if (!ok(o)) HOLDS(!whole); /* what verifies can be started from */
    if (!ok(o)) return 0;
    read_all(l, whole);
    sim_record_drop(l);
    return 0;
}
