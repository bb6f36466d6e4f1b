#include "ledger/origin.h"

#include <stdio.h>

#include "base/map.h"
#include "wire/cose.h"
#include "wire/doc.h"

enum { BATCH_MAX = 96 << 10, GAPS_MAX = 256, BITS_MAX = 1 << 27 };

outcome origin_open(struct bytes in, struct origin_batch *ret, struct hash *ret_key)
{
    struct cose_sign1 c;
    struct origin_batch b;
    struct key *k = NULL;
    struct buffer tbs = BUFFER(BATCH_MAX);
    TRY(cose_read(in, &c));
    if (c.algorithm != COSE_ES256) return REFUSE(E_UNSUPPORTED);
    TRY(origin_read(c.payload, &b));
    hash_sha256(c.spki, ret_key);
    if (!bytes_equal(c.kid, hash_view(ret_key))) return REFUSE(E_CRYPTO);
    outcome o = key_read_public_der(c.spki, &k);
    if (ok(o)) o = cose_signed(c.protected, c.payload, &tbs);
    if (ok(o)) o = key_verify_p256(k, buffer_view(&tbs), c.signature);
    if (ok(o)) *ret = b;
    key_free(k);
    buffer_deinit(&tbs);
    return o;
}

void origin_leaf(uint64_t n, struct bytes tail, struct bytes payload, struct hash *ret)
{
    static _Thread_local uint8_t head[ORIGIN_LEAF_HEAD];
    struct out o = out_of(head, sizeof head);
    origin_put_leaf_head(&o, n, tail, payload.n);
    assert(!o.over); /* a topic has at most 65,535 bytes */
    struct bytes parts[2] = { out_view(&o), payload };
    hash_sha256_parts(parts, 2, ret);
}

/* ---- the check ---- */

struct item { /* a number that is not settled: signed and not here yet, or here and not signed yet */
    uint64_t n, entry;
    bool here;
    struct hash leaf;
};
struct device {
    struct origin_device shown;
    char id[65];
    struct map open;           /* n (8 bytes) -> item */
    uint8_t *settled;          /* a bit a number: signed and here */
    size_t settled_bytes;
    uint64_t first_here;       /* 0: none */
    uint64_t last_signed;
    struct { uint64_t from, to; } gaps[GAPS_MAX]; /* named as lost */
    size_t gaps_n;
};
struct origin_check {
    void (*fn)(void *ctx, const struct origin_finding *f);
    void *ctx;
    struct map keys;           /* id 00 key hash -> 1 */
    struct map ids;
    struct device **devices;
    size_t n, cap;
    struct origin_answer *answer;
};

outcome origin_check_new(void (*fn)(void *ctx, const struct origin_finding *f), void *ctx, struct origin_check **ret)
{
    struct origin_check *c = mem_new(sizeof *c);
    if (c == NULL) return REFUSE(E_MEMORY);
    *c = (struct origin_check) { .fn = fn, .ctx = ctx, .keys = MAP, .ids = MAP };
    *ret = c;
    return DONE;
}

static void device_free(struct device *d)
{
    size_t at = 0;
    struct bytes key;
    void *item;
    while (map_next(&d->open, &at, &key, &item)) mem_free(item);
    map_deinit(&d->open);
    mem_free(d->settled);
    mem_free(d);
}

void origin_check_free(struct origin_check *c)
{
    if (c == NULL) return;
    for (size_t i = 0; i < c->n; i++) device_free(c->devices[i]);
    mem_free(c->devices);
    map_deinit(&c->keys);
    map_deinit(&c->ids);
    mem_free(c);
}

static void tell(struct origin_check *c, const struct device *d, struct origin_finding f)
{
    f.device = d->id;
    c->fn(c->ctx, &f);
}

static MUST outcome device_of(struct origin_check *c, struct bytes id, struct device **ret)
{
    *ret = map_get(&c->ids, id);
    if (*ret != NULL) return DONE;
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 16;
        struct device **grown = mem_grow(c->devices, cap * sizeof *grown);
        if (grown == NULL) return REFUSE(E_MEMORY);
        c->devices = grown;
        c->cap = cap;
    }
    struct device *d = mem_new(sizeof *d);
    if (d == NULL) return REFUSE(E_MEMORY);
    d->open = MAP;
    d->shown.id = d->id;
    outcome o = bytes_to_text(id, d->id, sizeof d->id);
    if (ok(o)) o = map_put(&c->ids, id, d);
    if (!ok(o)) {
        mem_free(d);
        return o;
    }
    *ret = c->devices[c->n++] = d;
    return DONE;
}

static void key_name(struct bytes id, const uint8_t hash[32], struct out *o)
{
    put(o, id);
    put_u8(o, 0);
    put(o, bytes_of(hash, 32));
}

outcome origin_check_key(struct origin_check *c, struct bytes id, const uint8_t key_hash[32])
{
    uint8_t name[128];
    struct out o = out_of(name, sizeof name);
    key_name(id, key_hash, &o);
    TRY(out_done(&o));
    return map_put(&c->keys, out_view(&o), c);
}

static bool is_settled(const struct device *d, uint64_t n)
{
    return n / 8 < d->settled_bytes && d->settled[n / 8] >> n % 8 & 1;
}

/* Judged: whatever comes under this number from here on is a repetition. */
static MUST outcome settle(struct device *d, const struct item *i)
{
    size_t need = (size_t)(i->n / 8) + 1;
    assert(need <= BITS_MAX);
    if (need > d->settled_bytes) {
        size_t bytes = need + need / 2 + 64;
        uint8_t *grown = mem_grow(d->settled, bytes);
        if (grown == NULL) return REFUSE(E_MEMORY);
        memset(grown + d->settled_bytes, 0, bytes - d->settled_bytes);
        d->settled = grown;
        d->settled_bytes = bytes;
    }
    d->settled[i->n / 8] |= (uint8_t)(1u << i->n % 8);
    return DONE;
}

static void proved(struct origin_check *c, struct device *d, const struct item *i)
{
    d->shown.proved++;
    if (d->shown.first == 0 || i->n < d->shown.first) d->shown.first = i->n;
    if (i->n > d->shown.last) d->shown.last = i->n;
    if (c->answer && c->answer->entry == i->entry) c->answer->proved = true;
}

/* One side of a number: the message, or the word of a batch. Both there: settled, or changed. */
static MUST outcome meet(struct origin_check *c, struct device *d, const struct item *side)
{
    uint8_t raw[8];
    struct out o = out_of(raw, sizeof raw);
    put_u64(&o, side->n);
    struct bytes name = out_view(&o);
    if (is_settled(d, side->n)) {
        if (side->here) tell(c, d, (struct origin_finding) { .what = ORIGIN_REPEATED, .n = side->n, .last = side->n, .entry = side->entry });
        return DONE; /* the same batch a second time says nothing new */
    }
    struct item *other = map_get(&d->open, name);
    if (other != NULL && other->here == side->here) {
        if (side->here) tell(c, d, (struct origin_finding) { .what = ORIGIN_REPEATED, .n = side->n, .last = side->n, .entry = side->entry });
        return DONE;
    }
    if (other == NULL) {
        struct item *i = mem_new(sizeof *i);
        if (i == NULL) return REFUSE(E_MEMORY);
        *i = *side;
        outcome put = map_put(&d->open, name, i);
        if (!ok(put)) mem_free(i);
        return put;
    }
    struct item both = { side->n, side->here ? side->entry : other->entry, true, side->leaf };
    bool same = hash_equal(&other->leaf, &side->leaf);
    mem_free(map_take(&d->open, name));
    TRY(settle(d, &both));
    if (same) proved(c, d, &both);
    else tell(c, d, (struct origin_finding) { .what = ORIGIN_CHANGED, .n = both.n, .last = both.n, .entry = both.entry });
    return DONE;
}

static MUST outcome batch_in(struct origin_check *c, struct device *d, uint64_t entry, struct bytes payload, uint64_t *ret_n)
{
    struct origin_batch b;
    struct hash key;
    uint8_t name[128];
    struct out o = out_of(name, sizeof name);
    outcome opened = origin_open(payload, &b, &key);
    if (opened.code == E_MEMORY) return opened;
    key_name(bytes_str(d->id), key.at, &o);
    bool own = ok(opened) && bytes_equal_str(b.device, d->id) && (b.first + b.count) / 8 < BITS_MAX && map_get(&c->keys, out_view(&o)) != NULL;
    if (!own) {
        tell(c, d, (struct origin_finding) { .what = ORIGIN_FOREIGN, .n = ok(opened) ? b.first : 0, .last = ok(opened) ? b.first : 0, .entry = entry });
        return DONE;
    }
    d->shown.batches++;
    if (b.first + b.count > d->last_signed + 1) d->last_signed = b.first + b.count - 1;
    for (uint64_t i = 0; i < b.count; i++) {
        struct item side = { .n = b.first + i, .entry = UINT64_MAX };
        memcpy(side.leaf.at, b.leaves.at + i * ORIGIN_LEAF, ORIGIN_LEAF);
        TRY(meet(c, d, &side));
    }
    *ret_n = b.first + b.count;
    return DONE;
}

/* e/gap: {"n","t","from","to",...} */
static void gap_in(struct device *d, struct bytes payload)
{
    struct arena a = ARENA(16 << 10);
    struct doc *doc = NULL;
    int64_t from = 0, to = 0;
    if (ok(doc_read_json(payload, &a, &doc)) && doc->kind == DOC_MAP) {
        from = doc_int(doc, "from", 0);
        to = doc_int(doc, "to", 0);
    }
    arena_deinit(&a);
    if (from < 1 || to < from || d->gaps_n == GAPS_MAX) return;
    d->gaps[d->gaps_n].from = (uint64_t)from;
    d->gaps[d->gaps_n++].to = (uint64_t)to;
}

outcome origin_check_message(struct origin_check *c, uint64_t entry, struct bytes topic, struct bytes payload)
{
    struct bytes site, id, tail;
    struct device *d;
    uint64_t n = 0;
    if (!origin_topic(topic, &site, &id, &tail) || id.n > 64) return DONE;
    bool batch = bytes_equal_str(tail, ORIGIN_TAIL);
    if (!batch && !origin_number(payload, &n)) return DONE;
    TRY(device_of(c, id, &d));
    if (batch) TRY(batch_in(c, d, entry, payload, &n));
    if (n == 0) return DONE;
    if (bytes_equal_str(tail, "e/gap")) gap_in(d, payload);
    if (d->first_here == 0 || n < d->first_here) d->first_here = n;
    if (c->answer && c->answer->entry == entry) {
        snprintf(c->answer->device, sizeof c->answer->device, "%s", d->id);
        c->answer->n = n;
    }
    struct item side = { .n = n, .entry = entry, .here = true };
    origin_leaf(n, tail, payload, &side.leaf);
    return meet(c, d, &side);
}

static bool is_lost(const struct device *d, uint64_t n)
{
    for (size_t i = 0; i < d->gaps_n; i++)
        if (n >= d->gaps[i].from && n <= d->gaps[i].to) return true;
    return false;
}

static bool is_here(const struct device *d, uint64_t n)
{
    uint8_t raw[8];
    struct out o = out_of(raw, sizeof raw);
    put_u64(&o, n);
    const struct item *i = map_get(&d->open, out_view(&o));
    return is_settled(d, n) || (i != NULL && i->here);
}

/* Numbers up to the last that was signed: batches follow each other without a hole, so one that is nowhere is gone. */
static void end_of(struct origin_check *c, struct device *d)
{
    size_t at = 0;
    struct bytes key;
    void *value;
    uint64_t run = 0, n = d->first_here, last = d->last_signed;
    while (map_next(&d->open, &at, &key, &value)) d->shown.waiting += ((const struct item *)value)->here;
    for (size_t i = 0; i < d->gaps_n; i++) d->shown.lost += d->gaps[i].to - d->gaps[i].from + 1;
    for (; n != 0 && n <= last + 1; n++) {
        bool missing = n <= last && !is_here(d, n) && !is_lost(d, n);
        if (missing && run == 0) run = n;
        if (missing || run == 0) continue;
        tell(c, d, (struct origin_finding) { .what = ORIGIN_MISSING, .n = run, .last = n - 1, .entry = UINT64_MAX });
        run = 0;
    }
}

void origin_check_end(struct origin_check *c)
{
    for (size_t i = 0; i < c->n; i++) end_of(c, c->devices[i]);
}

const struct origin_device *origin_check_device(const struct origin_check *c, size_t i)
{
    return i < c->n ? &c->devices[i]->shown : NULL;
}

void origin_check_ask(struct origin_check *c, struct origin_answer *answer)
{
    c->answer = answer;
}
