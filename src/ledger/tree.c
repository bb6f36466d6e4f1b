#include "ledger/tree.h"

void tree_leaf_hash(struct bytes leaf, struct hash *ret)
{
    struct bytes parts[2] = { BYTES_LIT("\0"), leaf };
    hash_sha256_parts(parts, 2, ret);
}

void tree_node_hash(const struct hash *left, const struct hash *right, struct hash *ret)
{
    uint8_t b[65] = { 1 };
    memcpy(b + 1, left->at, 32);
    memcpy(b + 33, right->at, 32);
    hash_sha256(bytes_of(b, sizeof b), ret);
}

void tree_empty_root(struct hash *ret)
{
    hash_sha256(BYTES_NONE, ret);
}

/* As in Go's golang.org/x/mod/sumdb/tlog: the parent of (level, n) is completed by its right child. */
uint64_t tree_stored_at(unsigned level, uint64_t n)
{
    uint64_t at = 0;
    for (unsigned l = level; l > 0; l--) n = 2 * n + 1;
    for (; n > 0; n >>= 1) at += n;
    return at + level;
}

uint64_t tree_stored_count(uint64_t size)
{
    return 2 * size - (uint64_t)__builtin_popcountll(size);
}

unsigned tree_append(struct tree_edge *e, const struct hash *leaf, struct hash stored[TREE_LEVELS])
{
    unsigned n = 0;
    stored[n++] = *leaf;
    for (uint64_t s = e->size; s & 1; s >>= 1) {
        assert(e->n > 0 && n < TREE_LEVELS);
        tree_node_hash(&e->peaks[--e->n], &stored[n - 1], &stored[n]);
        n++;
    }
    assert(e->n < TREE_LEVELS);
    e->peaks[e->n++] = stored[n - 1];
    e->size++;
    return n;
}

void tree_edge_root(const struct tree_edge *e, struct hash *ret)
{
    if (e->n == 0) {
        tree_empty_root(ret);
        return;
    }
    struct hash h = e->peaks[e->n - 1];
    for (unsigned i = e->n - 1; i > 0; i--) tree_node_hash(&e->peaks[i - 1], &h, &h);
    *ret = h;
}

static uint64_t power_below(uint64_t n)
{
    assert(n > 1);
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* MTH(D[lo:hi]) for lo a multiple of the largest power of two not over hi - lo. */
static outcome range_root(const struct tree_reader *r, uint64_t lo, uint64_t hi, struct hash *ret)
{
    struct tree_edge e = { 0 };
    while (lo < hi) {
        unsigned level = (unsigned)(63 - __builtin_clzll(hi - lo));
        TRY(r->read(r->ctx, tree_stored_at(level, lo >> level), &e.peaks[e.n++]));
        lo += (uint64_t)1 << level;
    }
    tree_edge_root(&e, ret);
    return DONE;
}

outcome tree_edge_load(const struct tree_reader *r, uint64_t size, struct tree_edge *ret)
{
    struct tree_edge e = { .size = size };
    uint64_t lo = 0;
    while (lo < size) {
        unsigned level = (unsigned)(63 - __builtin_clzll(size - lo));
        TRY(r->read(r->ctx, tree_stored_at(level, lo >> level), &e.peaks[e.n++]));
        lo += (uint64_t)1 << level;
    }
    *ret = e;
    return DONE;
}

outcome tree_root(const struct tree_reader *r, uint64_t size, struct hash *ret)
{
    return range_root(r, 0, size, ret);
}

static void reverse(struct hash *path, size_t n)
{
    for (size_t i = 0; i + i + 1 < n; i++) {
        struct hash h = path[i];
        path[i] = path[n - 1 - i];
        path[n - 1 - i] = h;
    }
}

/* RFC 6962, 2.1.1: PATH(m, D[n]), from the root down, then turned round. */
outcome tree_prove(const struct tree_reader *r, uint64_t index, uint64_t size, struct hash *path,
    size_t cap, size_t *ret_n)
{
    uint64_t lo = 0, hi = size;
    size_t n = 0;
    if (index >= size) return REFUSE(E_RANGE);
    while (hi - lo > 1) {
        uint64_t middle = lo + power_below(hi - lo);
        bool left = index < middle;
        if (n == cap) return REFUSE(E_TOO_LARGE);
        TRY(left ? range_root(r, middle, hi, &path[n++]) : range_root(r, lo, middle, &path[n++]));
        if (left) hi = middle;
        else lo = middle;
    }
    reverse(path, n);
    *ret_n = n;
    return DONE;
}

/* RFC 6962, 2.1.2: SUBPROOF(m, D[n], b). */
outcome tree_prove_consistency(const struct tree_reader *r, uint64_t old_size, uint64_t size,
    struct hash *path, size_t cap, size_t *ret_n)
{
    uint64_t lo = 0, hi = size;
    size_t n = 0;
    if (old_size > size) return REFUSE(E_RANGE);
    if (old_size == 0 || old_size == size) {
        *ret_n = 0;
        return DONE;
    }
    while (old_size != hi) {
        uint64_t middle = lo + power_below(hi - lo);
        bool left = old_size <= middle;
        if (n == cap) return REFUSE(E_TOO_LARGE);
        TRY(left ? range_root(r, middle, hi, &path[n++]) : range_root(r, lo, middle, &path[n++]));
        if (left) hi = middle;
        else lo = middle;
    }
    if (n == cap) return REFUSE(E_TOO_LARGE);
    if (lo > 0) TRY(range_root(r, lo, hi, &path[n++]));
    reverse(path, n);
    *ret_n = n;
    return DONE;
}

outcome tree_check(uint64_t index, uint64_t size, const struct hash *leaf, const struct hash *path,
    size_t n, const struct hash *root)
{
    if (index >= size) return REFUSE(E_CHANGED);
    uint64_t fn = index, sn = size - 1;
    struct hash h = *leaf;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0) return REFUSE(E_CHANGED);
        if ((fn & 1) || fn == sn) {
            tree_node_hash(&path[i], &h, &h);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tree_node_hash(&h, &path[i], &h);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && hash_equal(&h, root) ? DONE : REFUSE(E_CHANGED);
}

/* RFC 9162, 2.1.4.2, from step 3 on; *first is the path's first hash. */
static outcome consistency_walk(const struct tree_head *old_head, const struct tree_head *head,
    const struct hash *path, size_t n)
{
    uint64_t fn = old_head->size - 1, sn = head->size - 1;
    size_t i = 0;
    bool whole = (old_head->size & (old_head->size - 1)) == 0;
    if (!whole && n == 0) return REFUSE(E_CHANGED);
    struct hash fr = whole ? old_head->root : path[i++], sr = fr;
    for (; fn & 1; fn >>= 1) sn >>= 1;
    for (; i < n; i++) {
        if (sn == 0) return REFUSE(E_CHANGED);
        if ((fn & 1) || fn == sn) {
            tree_node_hash(&path[i], &fr, &fr);
            tree_node_hash(&path[i], &sr, &sr);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tree_node_hash(&sr, &path[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    bool good = sn == 0 && hash_equal(&fr, &old_head->root) && hash_equal(&sr, &head->root);
    return good ? DONE : REFUSE(E_CHANGED);
}

outcome tree_check_consistency(const struct tree_head *old_head, const struct tree_head *head,
    const struct hash *path, size_t n)
{
    struct hash empty;
    if (old_head->size > head->size) return REFUSE(E_CHANGED);
    tree_empty_root(&empty);
    if (old_head->size == 0)
        return n == 0 && hash_equal(&old_head->root, &empty) ? DONE : REFUSE(E_CHANGED);
    if (old_head->size == head->size)
        return n == 0 && hash_equal(&old_head->root, &head->root) ? DONE : REFUSE(E_CHANGED);
    return consistency_walk(old_head, head, path, n);
}
