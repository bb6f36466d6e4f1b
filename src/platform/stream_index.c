#include "platform/stream_index.h"

#include "base/port/port.h"
#include "wire/mqtt.h"

enum { HEAD_LEVELS = 4 };

/* The first four levels; nothing when there are fewer. "a/b/c/d/#" meets "a/b/c/d" as well: both have this head. */
static struct bytes head_of(struct bytes topic)
{
    size_t levels = 1;
    for (size_t i = 0; i < topic.n; i++)
        if (topic.at[i] == '/' && levels++ == HEAD_LEVELS) return bytes_of(topic.at, i);
    return levels == HEAD_LEVELS ? topic : BYTES_NONE;
}

static bool plain(struct bytes head)
{
    return head.n && !memchr(head.at, '+', head.n) && !memchr(head.at, '#', head.n);
}

void stream_index_deinit(struct stream_index *x)
{
    mem_free(x->heads);
    mem_free(x->next);
    *x = (struct stream_index) { 0 };
}

outcome stream_index_build(struct stream_index *x, void *const *rows, size_t n)
{
    stream_index_deinit(x);
    for (x->size = 64; x->size < 2 * n;) x->size *= 2;
    x->heads = mem_new_array(x->size, sizeof *x->heads);
    x->next = mem_new_array(n + 1, sizeof *x->next);
    if (!x->heads || !x->next) {
        stream_index_deinit(x);
        return REFUSE(E_MEMORY);
    }
    port_random(&x->seed, sizeof x->seed);
    x->n = n;
    for (size_t i = n; i-- > 0;) { /* backwards: the most specific comes to stand first in its chain */
        struct bytes head = head_of(bytes_str(((const struct stream *)rows[i])->pattern));
        uint32_t *chain = plain(head) ? &x->heads[topic_hash(x->seed, head) % x->size] : &x->loose;
        x->next[i] = *chain;
        *chain = (uint32_t)i + 1;
    }
    return DONE;
}

static size_t first_of(const struct stream_index *x, uint32_t chain, void *const *rows, struct bytes topic)
{
    for (uint32_t at = chain; at; at = x->next[at - 1])
        if (mqtt_matches(bytes_str(((const struct stream *)rows[at - 1])->pattern), topic)) return at - 1;
    return SIZE_MAX;
}

const struct stream *stream_index_find(const struct stream_index *x, void *const *rows, struct bytes topic)
{
    if (!x->n) return NULL;
    struct bytes head = head_of(topic);
    size_t one = head.n ? first_of(x, x->heads[topic_hash(x->seed, head) % x->size], rows, topic) : SIZE_MAX;
    size_t other = first_of(x, x->loose, rows, topic);
    size_t best = one < other ? one : other;
    return best == SIZE_MAX ? NULL : rows[best];
}
