/* Who wants what: filters in a tree, one short list of subscriptions at each. */
#include "platform/exchange_internal.h"

static MUST outcome sub_new(struct exchange *x, uint32_t *ret)
{
    if (x->subs_free != NONE) {
        *ret = x->subs_free;
        x->subs_free = x->subs[*ret].own_next;
        return DONE;
    }
    if (x->subs_n >= x->bounds.subscriptions + TAPS_MAX) return REFUSE(E_FULL);
    if (x->subs_n == x->subs_cap) {
        uint32_t cap = x->subs_cap ? x->subs_cap * 2 : 64;
        struct sub *subs = mem_grow(x->subs, cap * sizeof *subs);
        if (!subs) return REFUSE(E_MEMORY);
        x->subs = subs;
        x->subs_cap = cap;
    }
    *ret = x->subs_n++;
    return DONE;
}

/* A new subscription at the filter's node; not yet in its owner's list. */
static MUST outcome sub_add(struct exchange *x, struct bytes filter, const struct sub *like, uint32_t *ret)
{
    uint32_t node = NONE, sub = NONE;
    TRY(tree_put(&x->filters, filter, &node));
    outcome o = sub_new(x, &sub);
    if (!ok(o)) {
        tree_trim(&x->filters, node);
        return o;
    }
    struct tree_node *n = &x->filters.nodes[node];
    x->subs[sub] = *like;
    x->subs[sub].used = true;
    x->subs[sub].node = node;
    x->subs[sub].prev = x->subs[sub].own_prev = x->subs[sub].own_next = NONE;
    x->subs[sub].next = n->head;
    if (n->head != NONE) x->subs[n->head].prev = sub;
    n->head = sub;
    x->counts.subscriptions++;
    *ret = sub;
    return DONE;
}

/* "$share/name/filter" -> name and filter; name is empty when it is not shared. The filter is valid. */
static struct bytes share_of(struct bytes *filter)
{
    struct bytes share = BYTES_LIT("$share/");
    if (!bytes_starts(*filter, share)) return BYTES_NONE;
    struct bytes rest = bytes_of(filter->at + share.n, filter->n - share.n);
    const uint8_t *slash = memchr(rest.at, '/', rest.n);
    assert(slash);
    struct bytes name = bytes_of(rest.at, (size_t)(slash - rest.at));
    *filter = bytes_of(slash + 1, rest.n - name.n - 1);
    return name;
}

struct bytes sub_asked(struct bytes filter)
{
    (void)share_of(&filter);
    return filter;
}

uint32_t sub_find(const struct exchange *x, const struct session *s, struct bytes filter)
{
    struct bytes name = share_of(&filter);
    uint32_t node = tree_find(&x->filters, filter);
    if (node == NONE || node == 0) return NONE;
    struct handle h = session_handle(x, s);
    for (uint32_t i = x->filters.nodes[node].head; i != NONE; i = x->subs[i].next)
        if (!x->subs[i].tap && x->subs[i].owner.index == h.index && x->subs[i].owner.generation == h.generation
            && bytes_equal(bytes_str(x->subs[i].share), name)) return i;
    return NONE;
}

outcome sub_put(struct exchange *x, struct session *s, struct bytes filter, const struct sub *options, bool *ret_new)
{
    uint32_t found = sub_find(x, s, filter);
    if (found != NONE) {
        /* MQTT 5, 3.8.4-3: in its place, so that nothing is lost meanwhile */
        struct sub *old = &x->subs[found];
        s->ids_n += (options->id != 0) - (old->id != 0);
        old->id = options->id;
        old->qos = options->qos;
        old->no_local = options->no_local;
        old->as_published = options->as_published;
        *ret_new = false;
        return DONE;
    }
    if (s->subs_n >= SESSION_SUBSCRIPTIONS_MAX) return REFUSE(E_FULL);
    if (x->counts.subscriptions >= x->bounds.subscriptions) return REFUSE(E_FULL);
    struct sub like = *options;
    uint32_t sub = NONE;
    struct bytes name = share_of(&filter);
    like.owner = session_handle(x, s);
    like.tap = false;
    like.share = name.n ? mem_text(name) : NULL;
    if (name.n && !like.share) return REFUSE(E_MEMORY);
    outcome o = sub_add(x, filter, &like, &sub);
    if (!ok(o)) {
        mem_free(like.share);
        return o;
    }
    x->subs[sub].own_next = s->subs;
    if (s->subs != NONE) x->subs[s->subs].own_prev = sub;
    s->subs = sub;
    s->subs_n++;
    s->ids_n += like.id != 0;
    x->counts.shared += name.n != 0;
    *ret_new = true;
    return DONE;
}

outcome sub_put_tap(struct exchange *x, uint32_t tap, struct bytes filter)
{
    struct sub like = { .owner = { tap, x->taps[tap].generation }, .tap = true, .qos = 1, .as_published = true };
    return sub_add(x, filter, &like, &x->taps[tap].sub);
}

void sub_drop(struct exchange *x, uint32_t sub)
{
    struct sub *s = &x->subs[sub];
    assert(s->used);
    struct session *owner = s->tap ? NULL : &x->sessions[s->owner.index];
    if (s->own_prev != NONE) x->subs[s->own_prev].own_next = s->own_next;
    else if (owner) owner->subs = s->own_next;
    if (s->own_next != NONE) x->subs[s->own_next].own_prev = s->own_prev;
    if (owner) owner->subs_n--;
    if (owner) owner->ids_n -= s->id != 0;
    x->counts.shared -= s->share != NULL;
    if (s->prev != NONE) x->subs[s->prev].next = s->next;
    else x->filters.nodes[s->node].head = s->next;
    if (s->next != NONE) x->subs[s->next].prev = s->prev;
    uint32_t node = s->node;
    mem_free(s->share);
    *s = (struct sub) { .own_next = x->subs_free };
    x->subs_free = sub;
    x->counts.subscriptions--;
    tree_trim(&x->filters, node);
}

bool sub_take(struct exchange *x, struct session *s, struct bytes filter)
{
    uint32_t sub = sub_find(x, s, filter);
    if (sub == NONE) return false;
    sub_drop(x, sub);
    return true;
}

struct bytes sub_filter(const struct exchange *x, uint32_t sub, char *text)
{
    const struct tree_node *levels[MQTT_LEVELS_MAX];
    size_t n = 0;
    for (uint32_t at = x->subs[sub].node; at != 0; at = x->filters.nodes[at].parent) levels[n++] = &x->filters.nodes[at];
    struct out o = out_of(text, MQTT_TOPIC_MAX);
    if (x->subs[sub].share) put_fmt(&o, "$share/%s/", x->subs[sub].share);
    while (n) {
        n--;
        put(&o, bytes_of(levels[n]->level, levels[n]->level_n));
        if (n) put_u8(&o, '/');
    }
    assert(!o.over);
    return out_view(&o);
}

struct collecting {
    struct exchange *x;
    struct handle source;
};

static bool destination_room(struct exchange *x)
{
    if (x->destinations_n < x->destinations_cap) return true;
    uint32_t cap = x->destinations_cap ? x->destinations_cap * 2 : 64;
    struct destination *d = mem_grow(x->destinations, cap * sizeof *d);
    if (!d) return false;
    x->destinations = d;
    x->destinations_cap = cap;
    return true;
}

static void add(struct exchange *x, const struct destination *d)
{
    if (destination_room(x)) x->destinations[x->destinations_n++] = *d;
    else x->collect_failed = true;
}

static void collect_one(struct exchange *x, const struct sub *s)
{
    struct session *session = s->tap ? NULL : session_of(x, s->owner);
    if (!s->tap && (!session || (session->doomed && !session->expiry_s))) return;
    if (session && session->mark == x->mark) { /* MQTT 5, 3.3.4-2: overlapping filters, one copy at the highest QoS */
        struct destination *d = &x->destinations[session->mark_at];
        if (s->qos > d->qos) d->qos = s->qos;
        if (s->since < d->since) d->since = s->since;
        d->as_published |= s->as_published;
        return;
    }
    if (session) {
        session->mark = x->mark;
        session->mark_at = x->destinations_n;
    }
    struct destination d = { .owner = s->owner, .share = NONE, .since = s->since, .tap = s->tap,
        .as_published = s->as_published, .qos = s->qos };
    add(x, &d);
    if (x->collect_failed && session) session->mark = 0;
}

/* MQTT 5, 4.8.2: each share gets one copy, besides what its members get for themselves. */
static void collect_share(struct exchange *x, uint32_t sub)
{
    const struct sub *s = &x->subs[sub];
    for (uint32_t i = 0; i < x->destinations_n; i++) {
        uint32_t other = x->destinations[i].share;
        if (other != NONE && x->subs[other].node == s->node && strcmp(x->subs[other].share, s->share) == 0) return;
    }
    struct destination d = { .share = sub };
    add(x, &d);
}

static void collect_node(void *ctx, uint32_t node)
{
    struct collecting *c = ctx;
    struct exchange *x = c->x;
    for (uint32_t i = x->filters.nodes[node].head; i != NONE; i = x->subs[i].next) {
        const struct sub *s = &x->subs[i];
        bool own = !s->tap && s->owner.index == c->source.index && s->owner.generation == c->source.generation;
        if (s->share) collect_share(x, i);
        /* MQTT 5, 3.8.3-3 */
        else if (!(s->no_local && own)) collect_one(x, s);
    }
}

outcome sub_collect(struct exchange *x, struct bytes topic, struct handle source)
{
    struct collecting c = { x, source };
    x->mark++;
    x->destinations_n = 0;
    x->collect_failed = false;
    /* MQTT 5, 3.3.2-3 and 4.5.0-1 */
    tree_match_again(&x->filters, topic, collect_node, &c);
    return x->collect_failed ? REFUSE(E_MEMORY) : DONE;
}
