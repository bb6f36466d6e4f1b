#include <sys/socket.h>

#include "gate/inside.h"

enum { INDEX_BITS = 20, INDEX_MASK = (1 << INDEX_BITS) - 1 };

static bool table_grow(struct gate *g)
{
    size_t n = g->n_slots ? 2 * g->n_slots : 64;
    if (n > GATE_PEERS_MAX) return false;
    struct peer **peers = mem_grow(g->peers, n * sizeof(struct peer *));
    if (peers) g->peers = peers;
    uint16_t *generations = mem_grow(g->generations, n * sizeof *generations);
    if (generations) g->generations = generations;
    uint32_t *vacant = mem_grow(g->vacant, n * sizeof *vacant);
    if (vacant) g->vacant = vacant;
    if (!peers || !generations || !vacant) return false;
    for (size_t i = n; i > g->n_slots; i--) {
        g->peers[i - 1] = 0;
        g->generations[i - 1] = 0;
        g->vacant[g->n_vacant++] = (uint32_t)(i - 1);
    }
    g->n_slots = n;
    return true;
}

struct peer *table_new(struct gate *g)
{
    if (!g->n_vacant && !table_grow(g)) return 0;
    struct peer *p = mem_new(sizeof *p);
    if (!p) return 0;
    uint32_t index = g->vacant[--g->n_vacant];
    /* Generation 0 is skipped, so that no handle is 0: that one is the channel itself. */
    uint16_t generation = (uint16_t)((g->generations[index] + 1) % GATE_GENERATIONS);
    g->generations[index] = generation ? generation : 1;
    p->handle = index | (uint32_t)g->generations[index] << INDEX_BITS;
    p->fd = -1;
    g->peers[index] = p;
    return p;
}

struct peer *table_get(struct gate *g, uint32_t handle)
{
    uint32_t index = handle & INDEX_MASK;
    struct peer *p = index < g->n_slots ? g->peers[index] : 0;
    return p && p->handle == handle ? p : 0;
}

void table_free(struct gate *g, struct peer *p)
{
    uint32_t index = p->handle & INDEX_MASK;
    assert(g->peers[index] == p);
    for (int q = 0; q < QUEUES; q++) queue_take(g, (enum peer_queue)q, p);
    g->peers[index] = 0;
    g->vacant[g->n_vacant++] = index;
    buffer_deinit(&p->in);
    buffer_deinit(&p->out);
    mem_free(p);
}

void table_deinit(struct gate *g)
{
    for (size_t i = 0; i < g->n_slots; i++)
        if (g->peers[i]) table_free(g, g->peers[i]);
    mem_free(g->peers);
    mem_free(g->generations);
    mem_free(g->vacant);
}

void queue_add(struct gate *g, enum peer_queue q, struct peer *p)
{
    struct queue_hook *hook = &p->in_queue[q];
    struct queue *list = &g->queues[q];
    if (hook->in) return;
    *hook = (struct queue_hook) { list->last, 0, true };
    if (list->last) list->last->in_queue[q].after = p;
    else list->first = p;
    list->last = p;
}

void queue_add_first(struct gate *g, enum peer_queue q, struct peer *p)
{
    struct queue_hook *hook = &p->in_queue[q];
    struct queue *list = &g->queues[q];
    if (hook->in) return;
    *hook = (struct queue_hook) { 0, list->first, true };
    if (list->first) list->first->in_queue[q].before = p;
    else list->last = p;
    list->first = p;
}

void queue_take(struct gate *g, enum peer_queue q, struct peer *p)
{
    struct queue_hook *hook = &p->in_queue[q];
    struct queue *list = &g->queues[q];
    if (!hook->in) return;
    if (hook->before) hook->before->in_queue[q].after = hook->after;
    else list->first = hook->after;
    if (hook->after) hook->after->in_queue[q].before = hook->before;
    else list->last = hook->before;
    *hook = (struct queue_hook) { 0, 0, false };
}

void timer_set(struct gate *g, struct peer *p, int64_t at_ms)
{
    p->deadline_ms = at_ms;
    if (!at_ms || (p->timer_ms && p->timer_ms <= at_ms)) return;
    /* Without memory for the row the peer would live without a deadline: its socket is shut
     * instead, and it ends by the event that follows. */
    if (ok(deadlines_add(&g->deadlines, at_ms, p->handle))) p->timer_ms = at_ms;
    else if (p->fd >= 0) shutdown(p->fd, SHUT_RDWR);
}

struct peer *timer_due(struct gate *g)
{
    struct deadline row;
    while (ok(deadlines_take(&g->deadlines, g->now_ms, &row))) {
        struct peer *p = table_get(g, row.handle);
        if (!p || p->timer_ms != row.at_ms) continue;
        p->timer_ms = 0;
        if (!p->deadline_ms) continue;
        if (p->deadline_ms <= g->now_ms) return p;
        timer_set(g, p, p->deadline_ms);
    }
    return 0;
}
