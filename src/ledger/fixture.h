/* What the ledger's tests share: a folder of their own, a key, small files, signed heads. */
#ifndef LEDGER_FIXTURE_H
#define LEDGER_FIXTURE_H

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/port/port.h"
#include "base/test.h"
#include "ledger/format.h"

struct fixture {
    char root[64], dir[96];
    struct key *key;
    struct identity identity;
};

static inline int fixture_remove_(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s, (void)kind, (void)f;
    return remove(path);
}

static inline void fixture_remove(const char *path)
{
    nftw(path, fixture_remove_, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fixture_init_at(struct fixture *f, const char *place, uint64_t chunk, uint64_t segment)
{
    *f = (struct fixture) { 0 };
    snprintf(f->root, sizeof f->root, "%s/ledger-test-XXXXXX", place);
    assert(mkdtemp(f->root));
    snprintf(f->dir, sizeof f->dir, "%s/a", f->root);
    assert(ok(key_new(KEY_ED25519, &f->key)));
    assert(ok(key_write_ed25519_raw(f->key, f->identity.key)));
    snprintf(f->identity.origin, sizeof f->identity.origin, "water.example");
    f->identity.shape = (struct ledger_shape) { chunk, segment };
    assert(ok(ledger_create_shaped(f->dir, &f->identity)));
}

/* In memory where there is such a place: thousands of syncs are not what these tests are about. */
static inline void fixture_init(struct fixture *f, uint64_t chunk, uint64_t segment)
{
    fixture_init_at(f, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", chunk, segment);
}

static inline void fixture_deinit(struct fixture *f)
{
    fixture_remove(f->root);
    key_free(f->key);
}

static inline outcome fixture_open(const struct fixture *f, struct ledger **ret)
{
    uint64_t cut;
    return ledger_open(f->dir, (struct ledger_wake) { 0 }, 2, ret, &cut);
}

static inline outcome fixture_publish(const struct fixture *f, struct ledger *l, int64_t now, int64_t hold)
{
    struct note n = { 0 };
    struct buffer b = BUFFER(NOTE_BYTES_MAX);
    memcpy(n.origin, f->identity.origin, sizeof n.origin);
    ledger_root(l, &n.size, &n.root);
    outcome o = note_make(&n, f->key, &b);
    if (ok(o)) o = ledger_publish(l, buffer_view(&b), now, hold);
    buffer_deinit(&b);
    return o;
}

/* Payload of entry i: text of a length that varies, never with runs of zeros. */
static inline struct bytes fixture_payload(uint64_t i, char text[512])
{
    int n = snprintf(text, 512, "{\"n\":%llu,\"pad\":\"", (unsigned long long)i);
    size_t pad = (size_t)(i * 37 % 199);
    memset(text + n, 'x', pad);
    return bytes_of(text, (size_t)n + pad);
}

static inline enum ledger_kind fixture_kind(uint64_t i)
{
    return i % 3 == 1 ? ENTRY_AUDIT : ENTRY_DATA;
}

static inline outcome fixture_append(struct ledger *l, uint64_t n)
{
    char text[512];
    uint64_t index;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t next = ledger_size(l);
        TRY(ledger_append(l, fixture_kind(next), (int64_t)next * 10 + 1, fixture_payload(next, text), &index));
        assert(index == next);
    }
    return DONE;
}

#endif
