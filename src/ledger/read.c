/* Reading back: entries, scans, proofs. On the caller's loop, through its own descriptors. */
#include "ledger/inside.h"

#define SCAN_BYTES 65536u

static outcome stored_read(void *ctx, uint64_t stored, struct hash *ret)
{
    struct ledger *l = ctx;
    if (stored >= l->nodes_first + l->nodes_n) return REFUSE(E_RANGE);
    if (stored >= l->nodes_first) {
        *ret = l->nodes[stored - l->nodes_first];
        return DONE;
    }
    struct segments *tree = &l->readers[FILES_TREE];
    return segments_read(tree, segments_place(tree, stored * FORMAT_HASH), ret->at, FORMAT_HASH);
}

struct tree_reader ledger_tree_reader(struct ledger *l)
{
    return (struct tree_reader) { l, stored_read };
}

void ledger_root(const struct ledger *l, uint64_t *ret_size, struct hash *ret_root)
{
    struct ledger *mine = (struct ledger *)(uintptr_t)l; /* the lock only */
    pthread_mutex_lock(&mine->lock);
    struct tree_edge edge = l->edge;
    pthread_mutex_unlock(&mine->lock);
    *ret_size = edge.size;
    tree_edge_root(&edge, ret_root);
}

outcome ledger_root_at(struct ledger *l, uint64_t size, struct hash *ret)
{
    struct tree_reader r = ledger_tree_reader(l);
    pthread_mutex_lock(&l->lock);
    outcome o = size > l->edge.size ? REFUSE(E_RANGE) : tree_root(&r, size, ret);
    pthread_mutex_unlock(&l->lock);
    return o;
}

static outcome read_payload(struct ledger *l, const struct leaf *leaf, struct buffer *b)
{
    uint64_t size = format_frame_size(leaf->length);
    struct frame f;
    struct hash h;
    b->n = 0;
    TRY(buffer_reserve(b, size));
    TRY(segments_read(&l->readers[leaf->class], leaf->place, b->at, size));
    struct bytes payload = bytes_of(b->at + FORMAT_FRAME, leaf->length);
    if (format_is_zero(bytes_of(b->at, size))) return REFUSE(E_MISSING);
    format_payload_hash(leaf->salt, payload, &h);
    bool good = ok(format_frame_read(b->at, &f)) && f.index == leaf->index
        && f.length == leaf->length && hash_equal(&h, &leaf->payload);
    if (!good) return REFUSE(E_CHANGED);
    b->n = FORMAT_FRAME + (size_t)leaf->length;
    return DONE;
}

/* What was stored, opened where it is sealed; without its key it is erased. */
static outcome open_payload(struct ledger *l, struct buffer *b, struct ledger_entry *e)
{
    uint8_t id[KEYRING_ID];
    size_t n = b->n - FORMAT_FRAME;
    e->payload = bytes_of(b->at + FORMAT_FRAME, n);
    if (e->kind != ENTRY_DATA || !keyring_is_sealed(e->payload, id)) return DONE;
    outcome o = l->keys ? keyring_unseal(l->keys, e->index, b->at + FORMAT_FRAME, n, &e->payload) : REFUSE(E_UNKNOWN);
    if (o.code != E_UNKNOWN) return o;
    e->payload = BYTES_NONE;
    e->erased = true;
    return DONE;
}

static outcome read_entry(struct ledger *l, const uint8_t record[FORMAT_LEAF], uint64_t index,
    struct buffer *b, struct ledger_entry *ret)
{
    struct leaf leaf;
    TRY(format_leaf_read(record, index, &leaf));
    struct ledger_entry e = { .index = index, .at_ms = leaf.at_ms, .kind = (enum ledger_kind)leaf.kind };
    e.pruned = leaf.class == CLASS_DATA && pruned_has(&l->pruned, index);
    if (!e.pruned) {
        TRY(read_payload(l, &leaf, b));
        TRY(open_payload(l, b, &e));
    }
    *ret = e;
    return DONE;
}

outcome ledger_read(struct ledger *l, uint64_t index, struct buffer *b, struct ledger_entry *ret)
{
    uint8_t record[FORMAT_LEAF];
    struct segments *leaves = &l->readers[FILES_LEAVES];
    if (index >= ledger_durable(l)) return REFUSE(E_UNKNOWN);
    TRY(segments_read(leaves, segments_place(leaves, index * FORMAT_LEAF), record, sizeof record));
    return read_entry(l, record, index, b, ret);
}

struct scan {
    struct ledger *l;
    enum ledger_class class;
    outcome (*fn)(void *ctx, const struct ledger_entry *e);
    void *ctx;
    uint8_t *block; /* SCAN_BYTES */
    struct buffer payload;
};

/* A record names its class at byte 5; one of another class is not looked at further (see verify). */
static outcome scan_block(struct scan *s, uint64_t first, size_t n)
{
    struct ledger_entry e;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *record = s->block + i * FORMAT_LEAF;
        if (record[5] != s->class) continue;
        TRY(read_entry(s->l, record, first + i, &s->payload, &e));
        TRY(s->fn(s->ctx, &e));
    }
    return DONE;
}

static outcome scan_all(struct scan *s, uint64_t first)
{
    struct segments *leaves = &s->l->readers[FILES_LEAVES];
    uint64_t end = ledger_durable(s->l);
    while (first < end) {
        struct place at = segments_place(leaves, first * FORMAT_LEAF);
        uint64_t n = (leaves->shape.segment_bytes - at.offset) / FORMAT_LEAF;
        if (n > end - first) n = end - first;
        if (n > SCAN_BYTES / FORMAT_LEAF) n = SCAN_BYTES / FORMAT_LEAF;
        TRY(segments_read(leaves, at, s->block, n * FORMAT_LEAF));
        TRY(scan_block(s, first, n));
        first += n;
    }
    return DONE;
}

outcome ledger_scan(struct ledger *l, uint64_t first, enum ledger_class class,
    outcome (*fn)(void *ctx, const struct ledger_entry *e), void *ctx)
{
    struct scan s = { l, class, fn, ctx, mem_new(SCAN_BYTES),
        BUFFER(format_frame_size(LEDGER_PAYLOAD_MAX)) };
    if (!s.block) return REFUSE(E_MEMORY);
    outcome o = scan_all(&s, first);
    buffer_deinit(&s.payload);
    mem_free(s.block);
    return o;
}

/* Indexes of a class's entries, newest first; E_FULL when they are so many that reading all leaves is less work. */
static outcome collect(struct ledger *l, uint64_t index, size_t most, struct buffer *b)
{
    struct segments *leaves = &l->readers[FILES_LEAVES];
    uint8_t record[FORMAT_LEAF];
    struct leaf leaf;
    for (size_t n = 0; index != FORMAT_NONE; n++) {
        if (n == most) return REFUSE(E_FULL);
        TRY(segments_read(leaves, segments_place(leaves, index * FORMAT_LEAF), record, sizeof record));
        TRY(format_leaf_read(record, index, &leaf));
        TRY(buffer_put(b, bytes_of(&index, sizeof index)));
        if (leaf.prev_same != FORMAT_NONE && leaf.prev_same >= index) return REFUSE(E_CHANGED);
        index = leaf.prev_same;
    }
    return DONE;
}

outcome ledger_scan_linked(struct ledger *l, enum ledger_class class,
    outcome (*fn)(void *ctx, const struct ledger_entry *e), void *ctx)
{
    size_t most = (size_t)(ledger_durable(l) / 8);
    struct buffer list = BUFFER(most * sizeof(uint64_t) + 64), payload = BUFFER(format_frame_size(LEDGER_PAYLOAD_MAX));
    TRY(ledger_sync(l)); /* the newest link is of what was appended last */
    outcome o = collect(l, l->last[class], most, &list);
    for (size_t at = list.n; ok(o) && at > 0;) {
        struct ledger_entry e;
        uint64_t index;
        memcpy(&index, list.at + (at -= sizeof index), sizeof index);
        o = ledger_read(l, index, &payload, &e);
        if (ok(o)) o = fn(ctx, &e);
    }
    bool dense = o.code == E_FULL && list.n == most * sizeof(uint64_t);
    buffer_deinit(&list);
    buffer_deinit(&payload);
    return dense ? ledger_scan(l, 0, class, fn, ctx) : o;
}

outcome ledger_prove(struct ledger *l, uint64_t index, uint64_t size, struct hash *path, size_t cap,
    size_t *ret_n, struct hash *ret_leaf)
{
    struct tree_reader r = ledger_tree_reader(l);
    pthread_mutex_lock(&l->lock);
    outcome o = size > l->edge.size ? REFUSE(E_RANGE) : tree_prove(&r, index, size, path, cap, ret_n);
    if (ok(o)) o = stored_read(l, tree_stored_at(0, index), ret_leaf);
    pthread_mutex_unlock(&l->lock);
    return o;
}

outcome ledger_prove_consistency(struct ledger *l, uint64_t old_size, uint64_t size, struct hash *path,
    size_t cap, size_t *ret_n)
{
    struct tree_reader r = ledger_tree_reader(l);
    pthread_mutex_lock(&l->lock);
    outcome o = size > l->edge.size ? REFUSE(E_RANGE)
                                    : tree_prove_consistency(&r, old_size, size, path, cap, ret_n);
    pthread_mutex_unlock(&l->lock);
    return o;
}
