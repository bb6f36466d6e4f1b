#include "risk/require.h"

static uint64_t all_of(size_t n)
{
    return n == 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
}

static int64_t cost_of(const struct risk_requirement *r, uint64_t set)
{
    int64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        if (set >> i & 1) sum = risk_add(sum, r->cost[i]);
    return sum;
}

/* Leaves out the dearest that can be spared, again and again; of equals the last. */
static uint64_t lean(const struct risk_requirement *r, uint64_t set)
{
    uint64_t kept = 0;
    for (;;) {
        size_t dearest = r->n;
        for (size_t i = 0; i < r->n; i++) {
            if (!((set & ~kept) >> i & 1)) continue;
            if (dearest == r->n || r->cost[i] >= r->cost[dearest]) dearest = i;
        }
        if (dearest == r->n) return set;
        uint64_t one = (uint64_t)1 << dearest;
        if (r->enough(r->ctx, set & ~one)) set &= ~one;
        else kept |= one;
    }
}

/* Depth first: those below `depth` are decided. Without the open ones it is enough, or with all of them it is
 * not: either way the branch ends. */
struct node {
    size_t depth;
    uint64_t set; /* chosen and open */
};

enum { ASKED_MAX = 20000 }; /* an answer in a second or two, if need be without the proof that it is the cheapest */

static uint64_t exact(const struct risk_requirement *r, uint64_t best, bool *ret_whole)
{
    size_t asked = 0;
    struct node stack[RISK_REQUIRE_EXACT + 2] = { { 0, all_of(r->n) } };
    size_t top = 1;
    int64_t least = cost_of(r, best);
    while (top) {
        struct node x = stack[--top];
        uint64_t decided = x.set & all_of(x.depth);
        int64_t cost = cost_of(r, decided);
        if (cost > least) continue;
        if (++asked > ASKED_MAX) break;
        if (!r->enough(r->ctx, x.set)) continue;
        bool fewer = cost < least || __builtin_popcountll(decided) < __builtin_popcountll(best);
        if (r->enough(r->ctx, decided)) {
            if (fewer) best = decided, least = cost;
            continue;
        }
        if (x.depth == r->n) continue;
        stack[top++] = (struct node) { x.depth + 1, x.set };
        stack[top++] = (struct node) { x.depth + 1, x.set & ~((uint64_t)1 << x.depth) };
    }
    *ret_whole = asked <= ASKED_MAX;
    return best;
}

outcome risk_require(const struct risk_requirement *r, uint64_t *ret_set, bool *ret_exact)
{
    if (r->n > RISK_REQUIRE_MAX) return REFUSE(E_TOO_LARGE);
    uint64_t set = all_of(r->n);
    if (!r->enough(r->ctx, set)) return REFUSE(E_UNKNOWN);
    set = lean(r, set);
    *ret_exact = false;
    *ret_set = r->n <= RISK_REQUIRE_EXACT ? exact(r, set, ret_exact) : set;
    return DONE;
}
