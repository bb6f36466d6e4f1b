/* The stored hashes against those of the leaves, and the root against the signed head. */
#include "ledger/verify_inside.h"

static struct spot tree_spot(const struct verify *v, uint64_t stored)
{
    return (struct spot) { FILES_TREE, rows_place(&v->rows[FILES_TREE], stored * FORMAT_HASH), FORMAT_NONE };
}

/* NULL when the files hold nothing there: absent, zero, or half written. */
static const uint8_t *stored_hash(struct verify *v, uint64_t stored)
{
    const uint8_t *b;
    struct rows *r = &v->rows[FILES_TREE];
    size_t n = rows_get(r, rows_place(r, stored * FORMAT_HASH), FORMAT_HASH, &b);
    if (n < FORMAT_HASH) return NULL;
    bool zero = format_is_zero(bytes_of(b, n));
    if (!zero) v->tree_used = (stored + 1) * FORMAT_HASH;
    return zero || format_is_torn(bytes_of(b, n)) ? NULL : b;
}

bool verify_tree_stored_leaf(struct verify *v, uint64_t index, struct hash *ret)
{
    const uint8_t *b = stored_hash(v, tree_stored_at(0, index));
    if (b) memcpy(ret->at, b, FORMAT_HASH);
    return b != NULL;
}

/* A wrong hash under a leaf may be the leaf's fault: the root decides, at the end. */
static void judge_stored(struct verify *v, uint64_t stored, const struct hash *want, uint64_t leaf)
{
    const uint8_t *b = stored_hash(v, stored);
    if (!b) {
        if (v->tree_gap == FORMAT_NONE) v->tree_gap = stored;
        return;
    }
    if (v->tree_gap != FORMAT_NONE && v->tree_gap < tree_stored_count(v->head.size)) {
        verify_report(v, E_MISSING, tree_spot(v, v->tree_gap), "a stored hash is gone");
        v->tree_gap = FORMAT_NONE;
    }
    if (memcmp(b, want->at, FORMAT_HASH) == 0) return;
    if (v->mismatches < MISMATCH_MAX) v->mismatch[v->mismatches] = (struct mismatch) { stored, leaf };
    v->mismatches++;
}

void verify_tree_add(struct verify *v, uint64_t index, const struct hash *leaf)
{
    struct hash stored[TREE_LEVELS], root;
    uint64_t first = tree_stored_count(index);
    unsigned n = tree_append(&v->edge, leaf, stored);
    for (unsigned k = 0; k < n; k++) judge_stored(v, first + k, &stored[k], k == 0 ? index : FORMAT_NONE);
    if (!v->head_good || v->edge.size != v->head.size) return;
    tree_edge_root(&v->edge, &root);
    v->root_seen = true;
    v->root_good = v->root_known && hash_equal(&root, &v->head.root);
}

static void report_mismatches(struct verify *v)
{
    size_t n = v->mismatches < MISMATCH_MAX ? v->mismatches : MISMATCH_MAX, leaves = 0;
    bool leaf_fault = v->root_seen && v->root_known && !v->root_good;
    for (size_t i = 0; i < n; i++) {
        const struct mismatch *m = &v->mismatch[i];
        bool blame_leaf = leaf_fault && m->leaf < v->head.size;
        struct spot at = { FILES_LEAVES, rows_place(&v->rows[FILES_LEAVES], m->leaf * FORMAT_LEAF), m->leaf };
        if (blame_leaf) verify_report(v, E_CHANGED, at, "an entry differs from what was signed");
        else if (!leaf_fault) verify_report(v, E_CHANGED, tree_spot(v, m->stored), "a stored hash is not that of its entries");
        leaves += blame_leaf;
    }
    if (v->mismatches > n)
        verify_report(v, E_CHANGED, tree_spot(v, v->mismatch[n - 1].stored), "and many hashes after this one");
    if (leaf_fault && leaves == 0)
        verify_report(v, E_CHANGED, (struct spot) { FILES_LEAVES, { 0, 0 }, FORMAT_NONE },
            "the entries do not lead to the signed root");
}

void verify_tree_end(struct verify *v)
{
    struct rows *r = &v->rows[FILES_TREE];
    uint64_t count = tree_stored_count(v->edge.size), whole = tree_stored_count(v->head.size);
    report_mismatches(v);
    if (v->head_good && v->tree_gap < whole && !v->tail_seen)
        verify_report(v, E_MISSING, tree_spot(v, v->tree_gap), "stored hashes of signed entries are gone");
    struct place end = rows_place(r, count * FORMAT_HASH);
    for (uint32_t n = end.segment; n < r->count; n++)
        if (rows_turn(r, n))
            verify_zero(v, FILES_TREE, (struct place) { n, n == end.segment ? end.offset : 0 },
                "bytes after the last stored hash");
    uint64_t used = v->tree_used, segment = r->shape.segment_bytes;
    uint64_t known = whole < count ? whole * FORMAT_HASH : count * FORMAT_HASH;
    uint64_t signed_used = v->tail_seen && v->tree_gap < whole ? v->tree_gap * FORMAT_HASH : known;
    if (used < signed_used) used = signed_used;
    uint32_t last = used ? (uint32_t)((used - 1) / segment) : 0;
    for (uint32_t n = 0; n <= last; n++) {
        uint64_t from = n * segment;
        uint64_t s = signed_used < from ? 0 : signed_used - from, u = used - from;
        if (rows_turn(r, n)) verify_size(v, FILES_TREE, n, s < segment ? s : segment, u < segment ? u : segment);
        else if (s > 0 || n == 0)
            verify_report(v, E_MISSING, (struct spot) { FILES_TREE, { n, 0 }, FORMAT_NONE }, "a file is gone");
    }
    for (uint32_t n = last + 1; n < r->count; n++)
        if (!(v->tail_seen && n == last + 1) && rows_turn(r, n))
            verify_report(v, E_CONFLICT, (struct spot) { FILES_TREE, { n, 0 }, FORMAT_NONE }, "a file that has no place here");
}
