/* RFC 6962 section 2: leaf and node hashes, roots, audit paths. Pure: stored hashes come through a
 * reader. Stored order is post-order (a leaf, then each subtree it completes), append only. */
#ifndef LEDGER_TREE_H
#define LEDGER_TREE_H

#include "crypto/hash.h"

#define TREE_LEVELS 64

void tree_leaf_hash(struct bytes leaf, struct hash *ret);
void tree_node_hash(const struct hash *left, const struct hash *right, struct hash *ret);
void tree_empty_root(struct hash *ret);

/* Position of node n of a level (0 = leaves) in the stored order; hashes stored for size leaves. */
uint64_t tree_stored_at(unsigned level, uint64_t n);
uint64_t tree_stored_count(uint64_t size);

/* The roots of the whole subtrees of a tree being built, left to right. */
struct tree_edge {
    uint64_t size;
    unsigned n;
    struct hash peaks[TREE_LEVELS];
};
/* Adds a leaf hash; stored (TREE_LEVELS) gets the hashes to append, the leaf's first. Returns how many. */
unsigned tree_append(struct tree_edge *e, const struct hash *leaf, struct hash stored[TREE_LEVELS]);
void tree_edge_root(const struct tree_edge *e, struct hash *ret);

struct tree_reader {
    void *ctx;
    outcome (*read)(void *ctx, uint64_t stored, struct hash *ret);
};
MUST outcome tree_edge_load(const struct tree_reader *r, uint64_t size, struct tree_edge *ret);
MUST outcome tree_root(const struct tree_reader *r, uint64_t size, struct hash *ret);
/* cap >= TREE_LEVELS. E_RANGE unless index < size, old <= size. */
MUST outcome tree_prove(const struct tree_reader *r, uint64_t index, uint64_t size, struct hash *path,
    size_t cap, size_t *ret_n);
MUST outcome tree_prove_consistency(const struct tree_reader *r, uint64_t old_size, uint64_t size,
    struct hash *path, size_t cap, size_t *ret_n);

/* E_CHANGED when the proof does not lead to root. RFC 9162, 2.1.3.2 and 2.1.4.2. */
MUST outcome tree_check(uint64_t index, uint64_t size, const struct hash *leaf, const struct hash *path,
    size_t n, const struct hash *root);
struct tree_head {
    uint64_t size;
    struct hash root;
};
MUST outcome tree_check_consistency(const struct tree_head *old_head, const struct tree_head *head,
    const struct hash *path, size_t n);

#endif
