#include "platform/certificates.h"

#include "platform/registry.h"

static struct bytes serial_of(const struct certificate *k)
{
    return bytes_of(k->serial, k->serial_n);
}

/* Those of one device whose date is over say nothing any more. */
static struct certificate *forget_over(struct certificates *c, struct certificate *first, int64_t at_ms)
{
    struct certificate **at = &first;
    while (*at) {
        struct certificate *k = *at;
        if (k->not_after_ms >= at_ms) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        (void)map_take(&c->serials, serial_of(k));
        mem_free(k);
    }
    return first;
}

outcome certificates_add(struct certificates *c, const struct identity *i, int64_t at_ms)
{
    struct bytes id = bytes_str(i->id);
    if (!i->has_key || !i->serial_n || map_get(&c->serials, bytes_of(i->serial, i->serial_n))) return DONE;
    struct certificate *k = mem_new(sizeof *k), *others = map_get(&c->heads, id);
    if (!k) return REFUSE(E_MEMORY);
    *k = (struct certificate) { .serial_n = i->serial_n, .not_after_ms = i->not_after_ms };
    memcpy(k->serial, i->serial, sizeof k->serial);
    memcpy(k->id, i->id, sizeof k->id);
    memcpy(k->key_hash, i->key_hash, sizeof k->key_hash);
    memcpy(k->authority, i->authority, sizeof k->authority);
    outcome o = map_put(&c->serials, serial_of(k), k);
    if (ok(o)) {
        o = map_put(&c->heads, id, k);
        if (!ok(o)) (void)map_take(&c->serials, serial_of(k));
    }
    if (ok(o)) k->next = forget_over(c, others, at_ms);
    else mem_free(k);
    return o;
}

/* Why a device's certificate is no longer good; false: it is. */
static bool is_over(const struct identity *i, const struct certificate *k, enum ended *ret)
{
    static const struct { bool over; enum ended reason; } by_life[] = { [LIFE_TRANSFERRED] = { true, ENDED_AFFILIATION },
        [LIFE_RETIRED] = { true, ENDED_CESSATION }, [LIFE_DESTROYED] = { true, ENDED_CESSATION }, [LIFE_LOST] = { true, ENDED_KEY } };
    *ret = ENDED_UNSPECIFIED;
    if (i->trust == TRUST_REVOKED) return true;
    *ret = ENDED_SUPERSEDED;
    if (!i->has_key || memcmp(i->key_hash, k->key_hash, sizeof k->key_hash) != 0) return true;
    if ((size_t)i->life >= sizeof by_life / sizeof *by_life) return false;
    *ret = by_life[i->life].reason;
    return by_life[i->life].over;
}

void certificates_end(struct certificates *c, const struct identity *i, int64_t at_ms)
{
    enum ended reason;
    for (struct certificate *k = map_get(&c->heads, bytes_str(i->id)); k; k = k->next) {
        if (k->ended_ms || !is_over(i, k, &reason)) continue;
        k->ended_ms = at_ms;
        k->reason = reason;
    }
}

const struct certificate *certificates_find(const struct certificates *c, struct bytes serial)
{
    return map_get(&c->serials, serial);
}

size_t certificates_good(const struct certificates *c, const char *id, int64_t at_ms)
{
    size_t n = 0;
    for (const struct certificate *k = map_get(&c->heads, bytes_str(id)); k; k = k->next) n += !k->ended_ms && k->not_after_ms > at_ms;
    return n;
}

const struct certificate *certificates_next(const struct certificates *c, size_t *at)
{
    struct bytes key;
    void *value;
    return map_next(&c->serials, at, &key, &value) ? value : NULL;
}

void certificates_deinit(struct certificates *c)
{
    size_t at = 0;
    struct bytes key;
    void *value;
    while (map_next(&c->serials, &at, &key, &value)) mem_free(value);
    map_deinit(&c->serials);
    map_deinit(&c->heads);
}
