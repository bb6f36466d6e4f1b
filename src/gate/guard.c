#include "gate/guard.h"

#include <arpa/inet.h>

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

void guard_source_key(const char *text, char ret_key[LINK_ADDRESS_MAX])
{
    struct in6_addr a;
    struct out o = out_of(ret_key, LINK_ADDRESS_MAX - 1);
    if (inet_pton(AF_INET6, text, &a) == 1) {
        memset(a.s6_addr + 8, 0, 8);
        char network[INET6_ADDRSTRLEN];
        put_str(&o, inet_ntop(AF_INET6, &a, network, sizeof network));
        put_str(&o, "/64");
    } else {
        put(&o, bytes_of(text, strnlen(text, LINK_ADDRESS_MAX - 1)));
    }
    ret_key[o.n] = 0;
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
