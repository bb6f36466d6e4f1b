/* What open does: the head is checked against the stored tree, the leaves after it are read and hashed,
 * what a crash left half written is cut. Work is in the entries after the head, not in the ledger's size.
 * Nothing at or before the head is ever cut. */
#include "ledger/inside.h"

#include "base/port/port.h"

#define BLOCK_BYTES 65536u

/* One of the two notes. */
static outcome half_read(struct ledger *l, const uint8_t *half, struct note *ret)
{
    size_t n = FORMAT_CHECKPOINT_HALF;
    while (n > 0 && half[n - 1] == 0) n--;
    outcome o = note_read(bytes_of(half, n), l->identity.key, ret);
    if (o.code == E_MEMORY) return o;
    if (!ok(o) || strcmp(ret->origin, l->identity.origin) != 0) return REFUSE(E_CHANGED);
    l->head.size = ret->size;
    atomic_store(&l->shown, ret->size);
    l->head.note_n = n;
    memcpy(l->head.note, half, n);
    return DONE;
}

/* No write of ours, however short, leaves anything where no note reaches. */
static bool reaches_no_further(struct bytes file)
{
    for (size_t at = NOTE_BYTES_MAX; at < file.n; at += FORMAT_CHECKPOINT_HALF)
        if (!format_is_zero(bytes_of(file.at + at, FORMAT_CHECKPOINT_HALF - NOTE_BYTES_MAX))) return false;
    return true;
}

/* The first note that is whole is the head. Where the other is not the same, a write ended early: that counts as cut. */
static outcome load_checkpoint(struct ledger *l, struct note *ret, uint64_t *cut)
{
    char path[FORMAT_PATH];
    struct buffer b;
    TRY(format_path(l->dir, "checkpoint", path));
    outcome o = port_file_load(path, FORMAT_CHECKPOINT, &b);
    if (!ok(o)) return o.code == E_TOO_LARGE ? REFUSE(E_CHANGED) : o;
    *ret = (struct note) { 0 };
    if (b.n != FORMAT_CHECKPOINT || !reaches_no_further(buffer_view(&b))) o = REFUSE(E_CHANGED);
    else if (!format_is_zero(buffer_view(&b))) {
        o = half_read(l, b.at, ret);
        if (o.code == E_CHANGED) o = half_read(l, b.at + FORMAT_CHECKPOINT_HALF, ret);
        if (memcmp(b.at, b.at + FORMAT_CHECKPOINT_HALF, FORMAT_CHECKPOINT_HALF) != 0) *cut = FORMAT_CHECKPOINT_HALF;
    }
    buffer_deinit(&b);
    return o;
}

static outcome read_leaf(struct ledger *l, uint64_t index, uint8_t record[FORMAT_LEAF], struct leaf *ret)
{
    struct segments *leaves = &l->readers[FILES_LEAVES];
    TRY(segments_read(leaves, segments_place(leaves, index * FORMAT_LEAF), record, FORMAT_LEAF));
    return format_leaf_read(record, index, ret);
}

/* The stored tree leads to the signed root, and the newest signed leaf is in it. */
static outcome load_head(struct ledger *l, const struct note *n)
{
    uint8_t record[FORMAT_LEAF];
    struct leaf leaf;
    struct hash root, have, stored;
    l->nodes_first = tree_stored_count(n->size);
    if (n->size == 0) return DONE;
    l->nodes_n = 0;
    struct tree_reader r = ledger_tree_reader(l);
    TRY(tree_edge_load(&r, n->size, &l->edge));
    tree_edge_root(&l->edge, &root);
    if (!hash_equal(&root, &n->root)) return REFUSE(E_CHANGED);
    TRY(read_leaf(l, n->size - 1, record, &leaf));
    tree_leaf_hash(bytes_of(record, sizeof record), &have);
    TRY(r.read(r.ctx, tree_stored_at(0, n->size - 1), &stored));
    return hash_equal(&have, &stored) ? DONE : REFUSE(E_CHANGED);
}

static outcome add_leaf(struct ledger *l, const uint8_t record[FORMAT_LEAF])
{
    struct hash leaf, stored[TREE_LEVELS];
    TRY(ledger_nodes_reserve(l, TREE_LEVELS));
    tree_leaf_hash(bytes_of(record, FORMAT_LEAF), &leaf);
    unsigned n = tree_append(&l->edge, &leaf, stored);
    memcpy(l->nodes + l->nodes_n, stored, n * sizeof *stored);
    l->nodes_n += n;
    return DONE;
}

/* A record that is whole but wrong was changed; one that is half there was being written, and lies
 * within one batch of the end. */
static outcome judge_leaf(struct ledger *l, const uint8_t record[FORMAT_LEAF], uint64_t index, bool *end)
{
    struct leaf leaf;
    struct bytes b = bytes_of(record, FORMAT_LEAF);
    if (!*end && ok(format_leaf_read(record, index, &leaf))) return add_leaf(l, record);
    *end = true;
    if (format_is_zero(b)) return DONE;
    if (index - l->edge.size >= FORMAT_BATCH_ENTRIES) return REFUSE(E_CHANGED);
    bool half = format_is_torn(b) || format_leaf_is_short(record);
    return ok(format_leaf_read(record, index, &leaf)) || half ? DONE : REFUSE(E_CHANGED);
}

/* Reads the leaves after the head, block by block, to the end of the last file or to `bound`. */
static outcome read_tail(struct ledger *l, uint8_t *block, uint64_t bound)
{
    struct segments *leaves = &l->readers[FILES_LEAVES];
    uint64_t chunk = l->identity.shape.chunk_bytes, index = l->edge.size;
    bool end = false;
    for (;;) {
        struct place at = segments_place(leaves, index * FORMAT_LEAF);
        uint64_t room = chunk - at.offset % chunk;
        size_t n = room < BLOCK_BYTES ? (size_t)room : BLOCK_BYTES;
        outcome o = segments_read(leaves, at, block, n);
        if (o.code == E_MISSING) return DONE;
        TRY(o);
        for (size_t k = 0; k < n && index < bound; k += FORMAT_LEAF)
            TRY(judge_leaf(l, block + k, index++, &end));
        if (index == bound) return DONE;
    }
}

static void end_of(struct ledger *l, uint64_t index, const struct leaf *leaf)
{
    l->last[leaf->class] = index;
    l->end[leaf->class] = (struct place) { leaf->place.segment,
        leaf->place.offset + format_frame_size(leaf->length) };
}

/* The last leaf tells where its class's frames end and which leaf does for the other class. */
static outcome find_ends(struct ledger *l)
{
    uint8_t record[FORMAT_LEAF];
    struct leaf leaf;
    for (unsigned c = 0; c < CLASSES; c++) l->last[c] = FORMAT_NONE;
    l->size = l->edge.size;
    atomic_store(&l->durable, l->size);
    if (l->size == 0) return DONE;
    TRY(read_leaf(l, l->size - 1, record, &leaf));
    end_of(l, l->size - 1, &leaf);
    uint64_t other = leaf.prev_other;
    if (other == FORMAT_NONE) return DONE;
    if (other >= l->size) return REFUSE(E_CHANGED);
    TRY(read_leaf(l, other, record, &leaf));
    end_of(l, other, &leaf);
    return DONE;
}

/* ---- a copy ---- */

/* Whether the payload of an entry after the head is not there at all, or not wholly. One that was changed is there. */
static bool is_unheld(struct ledger *l, const struct leaf *leaf, struct buffer *b)
{
    uint64_t size = format_frame_size(leaf->length);
    b->n = 0;
    if (leaf->length > LEDGER_PAYLOAD_MAX || !ok(buffer_reserve(b, size))) return false;
    outcome o = segments_read(&l->readers[leaf->class], leaf->place, b->at, size);
    if (o.code == E_MISSING) return true;
    return ok(o) && !format_frame_good(b->at, bytes_of(b->at + FORMAT_FRAME, leaf->length)) && format_is_torn(bytes_of(b->at, size));
}

static outcome first_unheld(struct ledger *l, uint64_t from, struct buffer *b, uint64_t *ret)
{
    uint8_t record[FORMAT_LEAF];
    struct leaf leaf;
    for (*ret = from; *ret < l->size; ++*ret) {
        TRY(read_leaf(l, *ret, record, &leaf));
        if (is_unheld(l, &leaf, b)) return DONE;
    }
    return DONE;
}

/* The newest entry of each class tells: frames lie in the order of their leaves. */
static outcome ends_are_held(struct ledger *l, uint64_t head, struct buffer *b, bool *ret)
{
    uint8_t record[FORMAT_LEAF];
    struct leaf leaf;
    *ret = true;
    for (unsigned c = 0; c < CLASSES; c++) {
        if (l->last[c] == FORMAT_NONE || l->last[c] < head) continue;
        TRY(read_leaf(l, l->last[c], record, &leaf));
        *ret = *ret && !is_unheld(l, &leaf, b);
    }
    return DONE;
}

/* A copy of a record that was being written may hold entries after its head whose payloads it missed. A crash leaves none:
 * payloads are on disk before their leaves. The copy ends before the first such; what it never held is not claimed. */
static outcome end_where_held(struct ledger *l, const struct note *n, uint8_t *block)
{
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 2 * FORMAT_FRAME);
    uint64_t end = 0;
    bool held = true;
    outcome o = ends_are_held(l, n->size, &b, &held);
    if (ok(o) && !held) o = first_unheld(l, n->size, &b, &end);
    buffer_deinit(&b);
    if (!ok(o) || held || end == l->size) return o;
    l->edge = (struct tree_edge) { 0 };
    l->nodes_n = 0;
    TRY(load_head(l, n));
    TRY(read_tail(l, block, end));
    return find_ends(l);
}

/* A full segment's end is in that segment; the next file is made when it is needed. */
static struct place linear_end(const struct segments *s, uint64_t linear)
{
    struct place at = segments_place(s, linear);
    if (at.offset == 0 && at.segment > 0)
        return (struct place) { at.segment - 1, s->shape.segment_bytes };
    return at;
}

/* A killed writer may have left whole records that were never synced: they are kept, so sync them. */
static outcome settle(struct segments *s, struct place end, uint64_t *ret_cut)
{
    uint8_t byte;
    TRY(segments_cut(s, end, ret_cut));
    for (uint32_t n = end.segment > 0 ? end.segment - 1 : 0; n <= end.segment; n++) {
        TRY(segments_read(s, (struct place) { n, 0 }, &byte, 1));
        s->dirty = true;
        TRY(segments_sync(s));
    }
    return DONE;
}

outcome ledger_recover_files(struct ledger *l, uint64_t *ret_cut)
{
    struct note n;
    uint64_t tree_cut = 0, head_cut = 0; /* hashes are made again, nothing is lost */
    TRY(load_checkpoint(l, &n, &head_cut));
    TRY(load_head(l, &n));
    uint8_t *block = mem_new(BLOCK_BYTES);
    if (!block) return REFUSE(E_MEMORY);
    outcome o = read_tail(l, block, FORMAT_NONE);
    if (ok(o)) o = find_ends(l);
    if (ok(o)) o = end_where_held(l, &n, block);
    mem_free(block);
    TRY(o);
    struct segments *w = l->writers;
    for (unsigned c = 0; c < CLASSES; c++) TRY(settle(&w[c], l->end[c], ret_cut));
    TRY(settle(&w[FILES_LEAVES], linear_end(&w[FILES_LEAVES], l->size * FORMAT_LEAF), ret_cut));
    TRY(settle(&w[FILES_TREE], linear_end(&w[FILES_TREE], l->nodes_first * FORMAT_HASH), &tree_cut));
    *ret_cut += head_cut;
    return head_cut ? ledger_checkpoint_write(l, bytes_of(l->head.note, l->head.note_n)) : DONE;
}
