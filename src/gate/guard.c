#include "gate/guard.h"

#include "base/mem.h"

struct guard_source {
    uint32_t n;
};

void guard_deinit(struct guard *g)
{
    size_t at = 0;
    struct bytes key;
    void *value;
    while (map_next(&g->sources, &at, &key, &value)) mem_free(value);
    map_deinit(&g->sources);
    *g = GUARD;
}

outcome guard_enter(struct guard *g, const char *key)
{
    if (g->connections >= g->caps.connections) return REFUSE(E_FULL);
    struct guard_source *s = map_get(&g->sources, bytes_str(key));
    if (s && s->n >= g->caps.per_source) return REFUSE(E_DENIED);
    if (!s) {
        s = mem_new(sizeof *s);
        if (!s) return REFUSE(E_MEMORY);
        outcome o = map_put(&g->sources, bytes_str(key), s);
        if (!ok(o)) {
            mem_free(s);
            return o;
        }
    }
    s->n++;
    g->connections++;
    return DONE;
}

void guard_leave(struct guard *g, const char *key)
{
    struct guard_source *s = map_get(&g->sources, bytes_str(key));
    assert(s && s->n && g->connections);
    g->connections--;
    if (--s->n) return;
    mem_free(map_take(&g->sources, bytes_str(key)));
}

bool guard_may_shake(const struct guard *g)
{
    return g->handshakes < g->caps.handshakes;
}

void guard_shake_begin(struct guard *g)
{
    g->handshakes++;
}

void guard_shake_end(struct guard *g)
{
    assert(g->handshakes);
    g->handshakes--;
}
