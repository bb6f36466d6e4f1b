#include "platform/values.h"

#include "base/mem.h"

struct values {
    struct map topics, sources;
    char said[VALUES_SAID];
};

outcome values_new(struct values **ret)
{
    struct values *v = mem_new(sizeof *v);
    if (!v) return REFUSE(E_MEMORY);
    *ret = v;
    return DONE;
}

char *values_said(struct values *v)
{
    return v ? v->said : NULL;
}

static void map_free(struct map *m)
{
    struct bytes key;
    void *value;
    for (size_t at = 0; map_next(m, &at, &key, &value);) mem_free(value);
    map_deinit(m);
}

void values_free(struct values *v)
{
    if (!v) return;
    map_free(&v->topics);
    map_free(&v->sources);
    mem_free(v);
}

struct value *values_find(const struct values *v, struct bytes topic)
{
    return v ? map_get(&v->topics, topic) : NULL;
}

/* A row of size bytes; NULL when out of memory. */
static void *row(struct map *m, struct bytes key, size_t size)
{
    void *r = map_get(m, key);
    if (r) return r;
    r = mem_new(size);
    if (!r || ok(map_put(m, key, r))) return r;
    mem_free(r);
    return NULL;
}

struct value *values_make(struct values *v, struct bytes topic, const char *from)
{
    struct value *found = values_find(v, topic);
    if (found || !v || v->topics.n >= VALUES_MAX) return found;
    struct value_source *s = row(&v->sources, bytes_str(from), sizeof *s);
    if (!s || s->topics >= VALUES_EACH) return NULL;
    struct value *made = row(&v->topics, topic, sizeof *made);
    if (!made) return NULL;
    made->source = s;
    made->index = UINT64_MAX;
    s->topics++;
    return made;
}
