/* A tree of topic levels, used twice: filters that a topic looks up, and topics that a filter looks up. All
 * walks are loops over explicit stacks; their depth is MQTT_LEVELS_MAX, their length the number of nodes. */
#include "platform/exchange_internal.h"

#define STACK (2 * (MQTT_LEVELS_MAX + 2))

struct levels {
    struct bytes at[MQTT_LEVELS_MAX];
    size_t n;
};

static bool split(struct bytes path, struct levels *ret)
{
    struct bytes rest = path;
    ret->n = 0;
    while (ret->n < MQTT_LEVELS_MAX) {
        const uint8_t *slash = rest.n ? memchr(rest.at, '/', rest.n) : NULL;
        size_t n = slash ? (size_t)(slash - rest.at) : rest.n;
        ret->at[ret->n++] = bytes_of(rest.at, n);
        if (!slash) return true;
        rest = bytes_of(slash + 1, rest.n - n - 1);
    }
    return false;
}

static bool is(struct bytes level, char c)
{
    return level.n == 1 && level.at[0] == (uint8_t)c;
}

static bool dollar(struct bytes level)
{
    return level.n > 0 && level.at[0] == '$';
}

outcome tree_init(struct tree *t, uint32_t max)
{
    *t = (struct tree) { .max = max, .free = NONE, .version = 1 };
    t->nodes = mem_new_array(16, sizeof *t->nodes);
    if (!t->nodes) return REFUSE(E_MEMORY);
    t->cap = 16;
    t->n = 1;
    t->nodes[0] = (struct tree_node) { .parent = NONE, .first_child = NONE, .next = NONE, .prev = NONE, .plus = NONE,
        .hash = NONE, .head = NONE };
    return DONE;
}

void tree_deinit(struct tree *t)
{
    for (uint32_t i = 0; i < t->n; i++) mem_free(t->nodes[i].level);
    mem_free(t->nodes);
    mem_free(t->memo);
    map_deinit(&t->children);
}

static struct bytes key_of(uint32_t parent, struct bytes level, uint8_t *key)
{
    struct out o = out_of(key, 4 + MQTT_TOPIC_MAX);
    put_u32(&o, parent);
    put(&o, level);
    assert(!o.over);
    return out_view(&o);
}

static uint32_t child(const struct tree *t, uint32_t parent, struct bytes level)
{
    uint8_t key[4 + MQTT_TOPIC_MAX] UNSET;
    if (t->nodes[parent].first_child == NONE || level.n > MQTT_TOPIC_MAX) return NONE;
    uintptr_t found = (uintptr_t)map_get(&t->children, key_of(parent, level, key));
    return found ? (uint32_t)(found - 1) : NONE;
}

static MUST outcome node_new(struct tree *t, uint32_t *ret)
{
    t->version++;
    if (t->free != NONE) {
        *ret = t->free;
        t->free = t->nodes[*ret].next;
        return DONE;
    }
    if (t->n >= t->max) return REFUSE(E_FULL);
    if (t->n == t->cap) {
        struct tree_node *nodes = mem_grow(t->nodes, (size_t)t->cap * 2 * sizeof *nodes);
        if (!nodes) return REFUSE(E_MEMORY);
        t->nodes = nodes;
        t->cap *= 2;
    }
    *ret = t->n++;
    t->nodes[*ret] = (struct tree_node) { 0 };
    return DONE;
}

static void node_free(struct tree *t, uint32_t node)
{
    t->version++;
    mem_free(t->nodes[node].level);
    t->nodes[node] = (struct tree_node) { .next = t->free };
    t->free = node;
}

static MUST outcome add_child(struct tree *t, uint32_t parent, struct bytes level, uint32_t *ret)
{
    uint8_t key[4 + MQTT_TOPIC_MAX] UNSET;
    uint32_t node = NONE;
    TRY(node_new(t, &node));
    char *text = mem_text(level);
    outcome o = text ? map_put(&t->children, key_of(parent, level, key), (void *)((uintptr_t)node + 1)) : REFUSE(E_MEMORY);
    if (!ok(o)) {
        mem_free(text);
        node_free(t, node);
        return o;
    }
    struct tree_node *p = &t->nodes[parent];
    t->nodes[node] = (struct tree_node) { .parent = parent, .first_child = NONE, .next = p->first_child, .prev = NONE,
        .plus = NONE, .hash = NONE, .head = NONE, .level = text, .level_n = level.n };
    if (p->first_child != NONE) t->nodes[p->first_child].prev = node;
    p->first_child = node;
    if (is(level, '+')) p->plus = node;
    if (is(level, '#')) p->hash = node;
    *ret = node;
    return DONE;
}

outcome tree_put(struct tree *t, struct bytes path, uint32_t *ret_node)
{
    struct levels l UNSET;
    if (!split(path, &l)) return REFUSE(E_TOO_LARGE);
    uint32_t at = 0;
    for (size_t i = 0; i < l.n; i++) {
        uint32_t next = child(t, at, l.at[i]);
        if (next == NONE) {
            outcome o = add_child(t, at, l.at[i], &next);
            if (!ok(o)) {
                tree_trim(t, at);
                return o;
            }
        }
        at = next;
    }
    *ret_node = at;
    return DONE;
}

uint32_t tree_find(const struct tree *t, struct bytes path)
{
    struct levels l UNSET;
    if (!split(path, &l)) return NONE;
    uint32_t at = 0;
    for (size_t i = 0; i < l.n && at != NONE; i++) at = child(t, at, l.at[i]);
    return at;
}

void tree_trim(struct tree *t, uint32_t node)
{
    uint8_t key[4 + MQTT_TOPIC_MAX] UNSET;
    while (node != 0) {
        struct tree_node *n = &t->nodes[node];
        if (n->head != NONE || n->item || n->first_child != NONE) return;
        uint32_t parent = n->parent;
        struct tree_node *p = &t->nodes[parent];
        (void)map_take(&t->children, key_of(parent, bytes_of(n->level, n->level_n), key));
        if (n->prev != NONE) t->nodes[n->prev].next = n->next;
        else p->first_child = n->next;
        if (n->next != NONE) t->nodes[n->next].prev = n->prev;
        if (p->plus == node) p->plus = NONE;
        if (p->hash == node) p->hash = NONE;
        node_free(t, node);
        node = parent;
    }
}

struct place {
    uint32_t node;
    uint32_t depth;
    bool siblings; /* this node and those after it */
};

void tree_match_topic(const struct tree *t, struct bytes topic, tree_visit fn, void *ctx)
{
    struct levels l UNSET;
    struct place stack[STACK] UNSET;
    size_t n = 0;
    if (!split(topic, &l)) return;
    stack[n++] = (struct place) { 0, 0, false };
    while (n) {
        struct place at = stack[--n];
        const struct tree_node *node = &t->nodes[at.node];
        bool wild = at.depth > 0 || !dollar(l.at[0]); /* MQTT 5, 4.7.2-1 */
        if (node->hash != NONE && wild) fn(ctx, node->hash); /* MQTT 5, 4.7.1.2: the parent level too */
        if (at.depth == l.n) {
            fn(ctx, at.node);
            continue;
        }
        assert(n + 2 <= STACK);
        if (node->plus != NONE && wild) stack[n++] = (struct place) { node->plus, at.depth + 1, false };
        uint32_t next = child(t, at.node, l.at[at.depth]);
        if (next != NONE) stack[n++] = (struct place) { next, at.depth + 1, false };
    }
}

/* The node and everything below it. */
static void visit_below(const struct tree *t, uint32_t top, tree_visit fn, void *ctx)
{
    uint32_t at = top;
    while (true) {
        fn(ctx, at);
        if (t->nodes[at].first_child != NONE) {
            at = t->nodes[at].first_child;
            continue;
        }
        while (at != top && t->nodes[at].next == NONE) at = t->nodes[at].parent;
        if (at == top) return;
        at = t->nodes[at].next;
    }
}

static bool node_dollar(const struct tree *t, uint32_t node)
{
    return dollar(bytes_of(t->nodes[node].level, t->nodes[node].level_n));
}

void tree_match_filter(const struct tree *t, struct bytes filter, tree_visit fn, void *ctx)
{
    struct levels l UNSET;
    struct place stack[STACK] UNSET;
    size_t n = 0;
    if (!split(filter, &l)) return;
    stack[n++] = (struct place) { 0, 0, false };
    while (n) {
        struct place at = stack[--n];
        const struct tree_node *node = &t->nodes[at.node];
        assert(n + 2 <= STACK);
        if (at.siblings && node->next != NONE) stack[n++] = (struct place) { node->next, at.depth, true };
        if (at.siblings && at.depth == 1 && node_dollar(t, at.node)) continue;
        if (at.depth == l.n) {
            fn(ctx, at.node);
        } else if (is(l.at[at.depth], '#') && at.depth > 0) {
            visit_below(t, at.node, fn, ctx);
        } else if (is(l.at[at.depth], '#')) {
            for (uint32_t c = node->first_child; c != NONE; c = t->nodes[c].next)
                if (!node_dollar(t, c)) visit_below(t, c, fn, ctx);
        } else if (is(l.at[at.depth], '+')) {
            if (node->first_child != NONE) stack[n++] = (struct place) { node->first_child, at.depth + 1, true };
        } else {
            uint32_t next = child(t, at.node, l.at[at.depth]);
            if (next != NONE) stack[n++] = (struct place) { next, at.depth + 1, false };
        }
    }
}
