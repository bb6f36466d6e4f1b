/* Open addressing, linear probing, deletion by back-shift; load kept under 3/4. */
#include "base/map.h"

#include "base/mem.h"
#include "base/port/port.h"

struct map_slot {
    uint8_t *key;
    size_t key_n;
    uint64_t hash;
    void *value; /* NULL = empty */
};

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    return h ^ h >> 33;
}

static uint64_t hash_of(const struct map *m, struct bytes key)
{
    uint64_t h = m->seed ^ key.n;
    size_t i = 0;
    for (; i + 8 <= key.n; i += 8) {
        uint64_t w;
        memcpy(&w, key.at + i, 8);
        h = mix(h ^ w) + 0x9e3779b97f4a7c15ULL;
    }
    uint64_t tail = 0;
    for (; i < key.n; i++) tail = tail << 8 | key.at[i];
    return mix(h ^ tail);
}

static bool slot_is(const struct map_slot *s, uint64_t hash, struct bytes key)
{
    return s->hash == hash && bytes_equal(bytes_of(s->key, s->key_n), key);
}

static struct map_slot *find(const struct map *m, uint64_t hash, struct bytes key)
{
    size_t mask = m->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *s = &m->slots[i];
        if (!s->value || slot_is(s, hash, key)) return s;
    }
}

void *map_get(const struct map *m, struct bytes key)
{
    return m->n ? find(m, hash_of(m, key), key)->value : NULL;
}

static outcome grow(struct map *m)
{
    struct map bigger = { 0, m->n, m->cap ? m->cap * 2 : 16, m->seed };
    bigger.slots = mem_new_array(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots) return REFUSE(E_MEMORY);
    if (!m->cap) port_random(&bigger.seed, sizeof bigger.seed);
    size_t mask = bigger.cap - 1;
    for (size_t i = 0; i < m->cap; i++) {
        if (!m->slots[i].value) continue;
        size_t k = m->slots[i].hash & mask;
        while (bigger.slots[k].value) k = (k + 1) & mask;
        bigger.slots[k] = m->slots[i];
    }
    mem_free(m->slots);
    *m = bigger;
    return DONE;
}

outcome map_put(struct map *m, struct bytes key, void *value)
{
    assert(value);
    if (m->cap == 0 || m->n + 1 > m->cap / 4 * 3) TRY(grow(m));
    uint64_t hash = hash_of(m, key);
    struct map_slot *s = find(m, hash, key);
    if (!s->value) {
        uint8_t *copy = mem_new(key.n + 1);
        if (!copy) return REFUSE(E_MEMORY);
        if (key.n) memcpy(copy, key.at, key.n);
        *s = (struct map_slot) { copy, key.n, hash, NULL };
        m->n++;
    }
    s->value = value;
    return DONE;
}

void *map_take(struct map *m, struct bytes key)
{
    if (!m->n) return NULL;
    struct map_slot *s = find(m, hash_of(m, key), key);
    void *value = s->value;
    if (!value) return NULL;
    mem_free(s->key);
    size_t mask = m->cap - 1, hole = (size_t)(s - m->slots);
    for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct map_slot) { 0 };
    m->n--;
    return value;
}

bool map_next(const struct map *m, size_t *at, struct bytes *ret_key, void **ret_value)
{
    for (; *at < m->cap; (*at)++) {
        const struct map_slot *s = &m->slots[*at];
        if (!s->value) continue;
        *ret_key = bytes_of(s->key, s->key_n);
        *ret_value = s->value;
        (*at)++;
        return true;
    }
    return false;
}

void map_deinit(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].value) mem_free(m->slots[i].key);
    mem_free(m->slots);
    *m = MAP;
}
