#include "base/test.h"
#include "ledger/tree.h"

enum { SIZES = 131 };

/* RFC 6962 as it is written: recursive, over all leaves. */
static void naive_root(const struct hash *leaves, size_t n, struct hash *ret)
{
    if (n == 0) {
        hash_sha256(BYTES_NONE, ret);
        return;
    }
    if (n == 1) {
        *ret = leaves[0];
        return;
    }
    size_t k = 1;
    while (k * 2 < n) k *= 2;
    struct hash left, right;
    naive_root(leaves, k, &left);
    naive_root(leaves + k, n - k, &right);
    uint8_t b[65] = { 1 };
    memcpy(b + 1, left.at, 32);
    memcpy(b + 33, right.at, 32);
    hash_sha256(bytes_of(b, sizeof b), ret);
}

static size_t naive_path(const struct hash *leaves, size_t n, size_t m, struct hash *path)
{
    if (n == 1) return 0;
    size_t k = 1;
    while (k * 2 < n) k *= 2;
    size_t at = m < k ? naive_path(leaves, k, m, path) : naive_path(leaves + k, n - k, m - k, path);
    if (m < k) naive_root(leaves + k, n - k, &path[at]);
    else naive_root(leaves, k, &path[at]);
    return at + 1;
}

static size_t naive_subproof(const struct hash *leaves, size_t n, size_t m, bool whole, struct hash *path)
{
    if (m == n) {
        if (whole) return 0;
        naive_root(leaves, n, &path[0]);
        return 1;
    }
    size_t k = 1;
    while (k * 2 < n) k *= 2;
    size_t at = m <= k ? naive_subproof(leaves, k, m, whole, path)
                       : naive_subproof(leaves + k, n - k, m - k, false, path);
    if (m <= k) naive_root(leaves + k, n - k, &path[at]);
    else naive_root(leaves, k, &path[at]);
    return at + 1;
}

struct store {
    struct hash leaves[SIZES], stored[2 * SIZES], roots[SIZES + 1];
    uint64_t n;
};

static outcome store_read(void *ctx, uint64_t at, struct hash *ret)
{
    struct store *s = ctx;
    if (at >= s->n) return REFUSE(E_RANGE);
    *ret = s->stored[at];
    return DONE;
}

static void fill(struct store *s)
{
    struct tree_edge e = { 0 };
    for (size_t i = 0; i < SIZES; i++) {
        uint8_t data[4] = { (uint8_t)i, 1, 2, 3 };
        struct hash stored[TREE_LEVELS], root;
        naive_root(s->leaves, i, &s->roots[i]);
        tree_edge_root(&e, &root);
        CHECK_QUIET(hash_equal(&root, &s->roots[i]));
        CHECK_QUIET(tree_stored_count(i) == s->n && tree_stored_at(0, i) == s->n);
        tree_leaf_hash(bytes_of(data, 4), &s->leaves[i]);
        unsigned n = tree_append(&e, &s->leaves[i], stored);
        for (unsigned k = 0; k < n; k++) {
            CHECK_QUIET(tree_stored_at(k, i >> k) == s->n);
            s->stored[s->n++] = stored[k];
        }
    }
}

static void test_inclusion(struct store *s, const struct tree_reader *r)
{
    size_t pairs = 0;
    for (size_t size = 1; size < SIZES; size++)
        for (size_t i = 0; i < size; i++, pairs++) {
            struct hash want[64], path[64];
            size_t n, want_n = naive_path(s->leaves, size, i, want);
            CHECK_QUIET(ok(tree_prove(r, i, size, path, 64, &n)) && n == want_n);
            CHECK_QUIET(memcmp(path, want, n * sizeof *path) == 0);
            CHECK_QUIET(ok(tree_check(i, size, &s->leaves[i], path, n, &s->roots[size])));
            CHECK_QUIET(!ok(tree_check(i, size, &s->leaves[(i + 1) % SIZES], path, n, &s->roots[size])));
            if (n) CHECK_QUIET(!ok(tree_check(i, size, &s->leaves[i], path, n - 1, &s->roots[size])));
            if (n) path[n / 2].at[7] ^= 1;
            if (n) CHECK_QUIET(!ok(tree_check(i, size, &s->leaves[i], path, n, &s->roots[size])));
        }
    CHECK(pairs == 130 * 131 / 2);
}

static void test_consistency(struct store *s, const struct tree_reader *r)
{
    size_t pairs = 0;
    for (size_t size = 1; size < SIZES; size++)
        for (size_t old = 1; old <= size; old++, pairs++) {
            struct hash want[64], path[64];
            size_t n, want_n = naive_subproof(s->leaves, size, old, true, want);
            struct tree_head a = { old, s->roots[old] }, b = { size, s->roots[size] };
            CHECK_QUIET(ok(tree_prove_consistency(r, old, size, path, 64, &n)) && n == want_n);
            CHECK_QUIET(memcmp(path, want, n * sizeof *path) == 0);
            CHECK_QUIET(ok(tree_check_consistency(&a, &b, path, n)));
            a.root.at[3] ^= 4;
            CHECK_QUIET(!ok(tree_check_consistency(&a, &b, path, n)));
            a.root.at[3] ^= 4;
            b.root.at[31] ^= 128;
            CHECK_QUIET(!ok(tree_check_consistency(&a, &b, path, n)));
            b.root.at[31] ^= 128;
            if (n) path[0].at[0] ^= 1;
            if (n) CHECK_QUIET(!ok(tree_check_consistency(&a, &b, path, n)));
        }
    CHECK(pairs == 130 * 131 / 2);
}

int main(void)
{
    static struct store s;
    struct tree_reader r = { &s, store_read };
    struct hash root;
    char text[65];
    size_t n;
    fill(&s);
    for (size_t size = 0; size <= SIZES - 1; size++)
        CHECK_QUIET(ok(tree_root(&r, size, &root)) && hash_equal(&root, &s.roots[size]));
    tree_empty_root(&root);
    hex_of(hash_view(&root), text);
    CHECK(strcmp(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0);
    /* Certificate Transparency's own vector: the leaf of no bytes. */
    tree_leaf_hash(BYTES_NONE, &root);
    hex_of(hash_view(&root), text);
    CHECK(strcmp(text, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d") == 0);
    test_inclusion(&s, &r);
    test_consistency(&s, &r);
    CHECK_IS(tree_prove(&r, 5, 5, &root, 1, &n), E_RANGE);
    CHECK_IS(tree_prove_consistency(&r, 6, 5, &root, 1, &n), E_RANGE);
    CHECK_IS(tree_prove(&r, 0, 100, &root, 1, &n), E_TOO_LARGE);
    return TEST_END;
}
