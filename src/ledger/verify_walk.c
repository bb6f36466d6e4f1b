/* The entries in order. Up to the signed size every byte must be right; after it whole records must be
 * right, and half-written ones are the end of what the writer had done. */
#include "ledger/verify_inside.h"

static struct spot leaf_spot(const struct verify *v, uint64_t index)
{
    return (struct spot) { FILES_LEAVES, rows_place(&v->rows[FILES_LEAVES], index * FORMAT_LEAF), index };
}

static void check_links(struct verify *v, const struct leaf *l)
{
    unsigned other = l->class == CLASS_CONTROL ? CLASS_DATA : CLASS_CONTROL;
    bool good = l->prev_same == v->last[l->class] && l->prev_other == v->last[other];
    if (!good && !v->links_lost)
        verify_report(v, E_CHANGED, leaf_spot(v, l->index), "an entry does not follow the one before");
    v->last[l->class] = l->index;
}

static void add_good(struct verify *v, const uint8_t *record, const struct leaf *l)
{
    struct hash h;
    tree_leaf_hash(bytes_of(record, FORMAT_LEAF), &h);
    v->leaves_used = (l->index + 1) * FORMAT_LEAF;
    v->result->entries++;
    if (l->index >= v->head.size) v->tail_seen = true;
    check_links(v, l);
    verify_frame(v, l);
    verify_tree_add(v, l->index, &h);
}

/* A signed leaf that is not whole: the stored hash stands in for it, so that the rest can be judged. */
static void add_bad(struct verify *v, const uint8_t *record, uint64_t index)
{
    struct hash h = { { 0 } };
    bool zero = format_is_zero(bytes_of(record, FORMAT_LEAF));
    verify_report(v, zero ? E_MISSING : E_CHANGED, leaf_spot(v, index),
        zero ? "a signed entry is gone" : "an entry differs from its own hash");
    v->links_lost = true;
    v->leaves_used = (index + 1) * FORMAT_LEAF;
    if (!verify_tree_stored_leaf(v, index, &h)) v->root_known = false;
    verify_frame_orphan(v, index);
    verify_tree_add(v, index, &h);
}

/* After the first record that is not there: nothing, whole entries, or half ones; never wrong ones. */
static void judge_after(struct verify *v, const uint8_t *record, uint64_t index)
{
    struct leaf l;
    struct bytes b = bytes_of(record, FORMAT_LEAF);
    if (format_is_zero(b)) return;
    bool whole = ok(format_leaf_read(record, index, &l));
    if (whole || format_is_torn(b)) v->tail_seen = true;
    else verify_report(v, E_CHANGED, leaf_spot(v, index), "bytes after the last entry");
    v->leaves_used = (index + 1) * FORMAT_LEAF;
}

static void walk_records(struct verify *v)
{
    struct rows *r = &v->rows[FILES_LEAVES];
    const uint8_t *record;
    struct leaf l;
    bool after = false;
    uint64_t index = 0;
    for (;; index++) {
        size_t n = rows_get(r, rows_place(r, index * FORMAT_LEAF), FORMAT_LEAF, &record);
        if (n < FORMAT_LEAF) break;
        if (after) judge_after(v, record, index);
        else if (ok(format_leaf_read(record, index, &l))) add_good(v, record, &l);
        else if (index < v->head.size) add_bad(v, record, index);
        else judge_after(v, record, index);
        after = after || v->edge.size == index;
    }
    if (index < v->head.size)
        verify_report(v, E_MISSING, leaf_spot(v, index), "signed entries from here on are gone");
}

static void leaves_files(struct verify *v)
{
    struct rows *r = &v->rows[FILES_LEAVES];
    uint64_t segment = r->shape.segment_bytes, signed_used = v->head.size * FORMAT_LEAF;
    uint64_t used = v->leaves_used > signed_used ? v->leaves_used : signed_used;
    uint32_t last = used ? (uint32_t)((used - 1) / segment) : 0;
    for (uint32_t n = 0; n <= last; n++) {
        uint64_t from = n * segment, u = used - from;
        uint64_t s = signed_used < from ? 0 : signed_used - from;
        if (rows_turn(r, n)) verify_size(v, FILES_LEAVES, n, s < segment ? s : segment, u < segment ? u : segment);
        else verify_report(v, E_MISSING, (struct spot) { FILES_LEAVES, { n, 0 }, FORMAT_NONE }, "a file is gone");
    }
    for (uint32_t n = last + 1; n < r->count; n++) {
        bool next = v->tail_seen && n == last + 1 && rows_turn(r, n)
            && verify_zero(v, FILES_LEAVES, (struct place) { n, 0 }, "bytes after the last entry");
        if (!next && rows_turn(r, n))
            verify_report(v, E_CONFLICT, (struct spot) { FILES_LEAVES, { n, 0 }, FORMAT_NONE }, "a file that has no place here");
    }
}

void verify_walk(struct verify *v)
{
    walk_records(v);
    for (unsigned c = 0; c < CLASSES; c++) verify_frames_end(v, c);
    verify_tree_end(v);
    leaves_files(v);
    for (unsigned c = 0; c < CLASSES; c++) verify_frames_size(v, c);
}
