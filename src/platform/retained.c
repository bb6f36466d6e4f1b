/* The last message of each topic that asked to be kept. Never a command. */
#include "platform/exchange_internal.h"

static void drop(struct exchange *x, uint32_t node)
{
    parcel_drop(x, x->topics.nodes[node].item);
    x->topics.nodes[node].item = NULL;
    x->retained_n--;
    tree_trim(&x->topics, node);
}

/* When the store is full: those that have expired make room. */
static void sweep(struct exchange *x)
{
    int64_t now = mono(x);
    for (uint32_t i = 1; i < x->topics.n; i++) {
        const struct parcel *p = x->topics.nodes[i].item;
        if (p && p->expires_ms <= now) drop(x, i);
    }
}

outcome retained_put(struct exchange *x, struct cargo *c)
{
    assert(!c->command);
    uint32_t node = tree_find(&x->topics, c->m.topic);
    bool there = node != NONE && x->topics.nodes[node].item;
    if (c->m.payload.n == 0) { /* MQTT 5, 3.3.1-6 */
        if (there) drop(x, node);
        return DONE;
    }
    /* MQTT 5, 3.3.1-5; MQTT 5, 3.3.1-7: never an empty one; MQTT 5, 3.3.1-8: only what asked for it comes here */
    if (!there && x->retained_n >= x->bounds.retained) sweep(x);
    if (!there && x->retained_n >= x->bounds.retained) return REFUSE(E_FULL);
    struct parcel *p = cargo_keep(x, c);
    if (!p) return REFUSE(E_MEMORY);
    TRY(tree_put(&x->topics, c->m.topic, &node));
    struct tree_node *n = &x->topics.nodes[node];
    if (n->item) parcel_drop(x, n->item);
    else x->retained_n++;
    n->item = parcel_share(p);
    return DONE;
}
