/* What of the record stays readable: data sealed for its device, retained messages found again at start,
 * payloads given up by rule or order.
 *
 * `core/retained.index` beside the ledger is a cache, never truth: the indexes of the retained messages among the
 * first entries, and the root over those entries. Where it does not fit the ledger, all data is read instead:
 *   "SKR1" | size u64 | root 32 | count u32 | index u64 ... | SHA-256 of all before */
#include "node/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "ledger/data.h"

enum { CACHE_HEAD = 4 + 8 + 32 + 4, CACHE_MAX = CACHE_HEAD + 8 * 200000 + 32, CACHE_EVERY = 50000, PRUNE_EVERY_MS = 10000 };

static outcome beside(const struct core *c, const char *name, char path[600])
{
    int n = snprintf(path, 600, "%s/%s", c->state, name);
    return n < 0 || n >= 600 ? REFUSE(E_TOO_LARGE) : DONE;
}

outcome keep_open(struct core *c)
{
    char path[600];
    if (ok(own_key(c, "names.key", c->name_key))) c->access.name_key = bytes_of(c->name_key, sizeof c->name_key);
    TRY(beside(c, "data-keys", path));
    return ledger_keys(c->ledger, path);
}

/* The newest retained message of a topic is in this entry; value is false where it was removed. */
static outcome note_retained(struct core *c, struct bytes topic, uint64_t index, bool value)
{
    if (value) return map_put(&c->retained, topic, (void *)(uintptr_t)(index + 1));
    (void)map_take(&c->retained, topic);
    return DONE;
}

outcome keep_append(struct core *c, const struct data *d, uint64_t *ret_index)
{
    char id[ID_MAX];
    TRY(data_write(d, &c->scratch));
    TRY(bytes_to_text(d->from, id, sizeof id));
    struct bytes entry = buffer_view(&c->scratch);
    TRY(id[0] ? ledger_append_for(c->ledger, id, core_wall(c), entry, ret_index)
              : ledger_append(c->ledger, ENTRY_DATA, core_wall(c), entry, ret_index));
    return d->flags & DATA_RETAIN ? note_retained(c, d->topic, *ret_index, d->payload.n > 0) : DONE;
}

/* ---- retained messages at start ---- */

static outcome restore(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    struct data d;
    struct recorded r;
    bool readable = e->kind == ENTRY_DATA && !e->pruned && !e->erased;
    if (!readable || !ok(data_read(e->payload, &d)) || !(d.flags & DATA_RETAIN)) return DONE;
    TRY(note_retained(c, d.topic, e->index, d.payload.n > 0));
    if (!core_recorded(c, e, &r)) return DONE;
    outcome o = exchange_restore_recorded(c->exchange, e->index, &r);
    return o.code == E_MEMORY ? o : DONE; /* of an identity or bound that is no more: not delivered, still recorded */
}

struct cache { /* views */
    uint64_t size;
    struct hash root;
    struct bytes indexes;
};

static outcome cache_read(struct bytes in, struct cache *ret)
{
    struct bytes part;
    struct hash sum;
    uint32_t n;
    if (in.n < CACHE_HEAD + 32) return REFUSE(E_SHORT);
    hash_sha256(bytes_of(in.at, in.n - 32), &sum);
    if (memcmp(sum.at, in.at + in.n - 32, 32) != 0) return REFUSE(E_CHANGED);
    TRY(take(&in, 4, &part));
    if (!bytes_equal_str(part, "SKR1")) return REFUSE(E_MALFORMED);
    TRY(take_u64(&in, &ret->size));
    TRY(take(&in, 32, &part));
    memcpy(ret->root.at, part.at, 32);
    TRY(take_u32(&in, &n));
    TRY(take(&in, 8 * (size_t)n, &ret->indexes));
    TRY(take(&in, 32, &part));
    return at_end(in);
}

static outcome cache_fits(struct core *c, const struct cache *k)
{
    struct hash root;
    if (k->size > ledger_durable(c->ledger)) return REFUSE(E_CHANGED);
    TRY(ledger_root_at(c->ledger, k->size, &root));
    return hash_equal(&root, &k->root) ? DONE : REFUSE(E_CHANGED);
}

static outcome cache_use(struct core *c, const struct cache *k)
{
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 64);
    struct bytes in = k->indexes;
    uint64_t index;
    outcome o = cache_fits(c, k);
    while (ok(o) && in.n) {
        struct ledger_entry e;
        o = take_u64(&in, &index);
        if (ok(o)) o = ledger_read(c->ledger, index, &b, &e);
        if (ok(o)) o = restore(c, &e);
    }
    buffer_deinit(&b);
    return o;
}

outcome keep_replay(struct core *c)
{
    char path[600];
    struct buffer b;
    struct cache k = { 0 };
    TRY(beside(c, "core/retained.index", path));
    outcome o = port_file_load(path, CACHE_MAX, &b);
    if (ok(o)) {
        o = cache_read(buffer_view(&b), &k);
        if (ok(o)) o = cache_use(c, &k);
        buffer_deinit(&b);
    }
    c->cached_size = ok(o) ? k.size : 0;
    return ledger_scan(c->ledger, c->cached_size, CLASS_DATA, restore, c);
}

/* ---- the cache ---- */

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Of all retained messages, rising; NULL when there are none or memory is out (*ret_n is their number). */
static uint64_t *retained_indexes(const struct core *c, size_t *ret_n)
{
    struct bytes topic;
    void *value;
    size_t n = 0;
    *ret_n = c->retained.n;
    uint64_t *list = c->retained.n ? mem_new_array(c->retained.n, sizeof *list) : NULL;
    if (!list) return NULL;
    for (size_t at = 0; map_next(&c->retained, &at, &topic, &value);) list[n++] = (uint64_t)(uintptr_t)value - 1;
    qsort(list, n, sizeof *list, by_number);
    return list;
}

static outcome cache_write(const struct cache *k, const uint64_t *list, size_t n, struct buffer *b)
{
    struct hash sum;
    TRY(buffer_reserve(b, CACHE_HEAD + 8 * n + 32));
    struct out o = out_of(b->at, CACHE_HEAD + 8 * n + 32);
    put_str(&o, "SKR1");
    put_u64(&o, k->size);
    put(&o, hash_view(&k->root));
    put_u32(&o, (uint32_t)n);
    for (size_t i = 0; i < n; i++) put_u64(&o, list[i]);
    hash_sha256(out_view(&o), &sum);
    put(&o, hash_view(&sum));
    b->n = o.n;
    return out_done(&o);
}

/* All of it durable first: a message that a crash takes back must not hide the one before it. */
outcome keep_save(struct core *c)
{
    char path[600];
    size_t n;
    struct cache k;
    TRY(ledger_sync(c->ledger));
    ledger_root(c->ledger, &k.size, &k.root);
    uint64_t *list = retained_indexes(c, &n);
    if (n && !list) return REFUSE(E_MEMORY);
    struct buffer b = BUFFER(CACHE_MAX);
    outcome o = cache_write(&k, list, n, &b);
    if (ok(o)) o = beside(c, "core/retained.index", path);
    if (ok(o)) o = port_file_store(path, buffer_view(&b), 0600);
    buffer_deinit(&b);
    mem_free(list);
    if (ok(o)) c->cached_size = k.size;
    return o;
}

/* ---- giving payloads up ---- */

/* What is retained now stays: whoever subscribes next gets it, whatever its age. */
outcome keep_prune(struct core *c, const struct ledger_rule *rule, const char *why, const char *by, struct ledger_prunable *ret)
{
    if (incidents_open(&c->incidents)) return REFUSE(E_CONFLICT); /* evidence stays until it is closed */
    struct ledger_prune p = { .rule = *rule, .rule_text = why, .by = by, .at_ms = core_wall(c) };
    uint64_t *kept = retained_indexes(c, &p.kept_n);
    if (p.kept_n && !kept) return REFUSE(E_MEMORY);
    p.kept = kept;
    outcome o = ledger_prune(c->ledger, &p, ret);
    mem_free(kept);
    return o;
}

static outcome forget_retained(struct core *c, uint64_t index, const char *id, struct buffer *b)
{
    struct ledger_entry e;
    struct data d;
    TRY(ledger_read(c->ledger, index, b, &e));
    if (e.pruned || e.erased || !ok(data_read(e.payload, &d)) || !bytes_equal_str(d.from, id)) return DONE;
    (void)map_take(&c->retained, d.topic);
    return exchange_restore_retained(c->exchange, d.from, d.topic, BYTES_NONE, 0); /* an empty one removes */
}

/* Its retained messages are delivered to nobody any more; then the key goes. */
outcome keep_erase(struct core *c, const char *id, const char *reason, const char *by)
{
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 64);
    size_t n;
    TRY(ledger_sync(c->ledger));
    uint64_t *list = retained_indexes(c, &n);
    if (n && !list) return REFUSE(E_MEMORY);
    for (size_t i = 0; i < n; i++) (void)!ok(forget_retained(c, list[i], id, &b)); /* unreadable is forgotten already */
    mem_free(list);
    buffer_deinit(&b);
    if (c->history) history_erase(c->history, id);
    return ledger_erase(c->ledger, id, reason, by, core_wall(c));
}

void keep_turn(struct core *c, int64_t mono_ms)
{
    struct ledger_rule rule = { .keep_bytes = (uint64_t)c->config.keep_mib << 20 };
    struct ledger_prunable done;
    if (ledger_durable(c->ledger) >= c->cached_size + CACHE_EVERY && ok(ledger_health(c->ledger))) {
        c->cached_size = ledger_durable(c->ledger); /* also when it fails: the next try is as far away */
        (void)!ok(keep_save(c));
    }
    if (mono_ms < c->prune_next_ms) return;
    c->prune_next_ms = mono_ms + PRUNE_EVERY_MS;
    if (c->config.keep_days) rule.before_ms = core_wall(c) - c->config.keep_days * MS_DAY;
    if (!rule.before_ms && !rule.keep_bytes) return;
    outcome o = keep_prune(c, &rule, "retention", "core", &done);
    if (ok(o) && done.more) c->prune_next_ms = mono_ms;
}
