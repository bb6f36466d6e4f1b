/* The log thread: makes batches durable, in the order payloads, sync, leaves, sync; only then is the
 * durable index raised. After a failure the same bytes are written and synced again until it works. */
#include "ledger/inside.h"

#include <time.h>

#include "base/port/port.h"

#define SALTS 64u

outcome ledger_nodes_reserve(struct ledger *l, uint64_t n)
{
    uint64_t want = l->nodes_n + n, cap = l->nodes_cap ? l->nodes_cap : 4096;
    if (want <= l->nodes_cap) return DONE;
    while (cap < want) cap *= 2;
    struct hash *grown = mem_grow(l->nodes, cap * sizeof *grown);
    if (!grown) return REFUSE(E_MEMORY);
    l->nodes = grown;
    l->nodes_cap = cap;
    return DONE;
}

/* Hashes and headers, away from the caller's loop. */
static void prepare(struct ledger *l, struct batch *b)
{
    uint8_t salts[SALTS][16];
    for (size_t i = 0; i < b->n; i++) {
        struct pending *p = &b->rows[i];
        uint8_t *frame = b->frames[p->leaf.class].at + p->at;
        struct bytes payload = bytes_of(frame + FORMAT_FRAME, p->leaf.length);
        if (i % SALTS == 0) port_random(salts, 16 * (b->n - i < SALTS ? b->n - i : SALTS));
        memcpy(p->leaf.salt, salts[i % SALTS], 16);
        format_payload_hash(p->leaf.salt, payload, &p->leaf.payload);
        format_frame_write(p->leaf.index, payload, frame);
        format_leaf_write(&p->leaf, l->leaves + i * FORMAT_LEAF);
    }
    b->prepared = true;
}

/* Frames that lie one behind the other go out in one write. */
static outcome write_frames(struct ledger *l, const struct batch *b, unsigned class)
{
    struct place start = { 0 };
    size_t from = 0, to = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct pending *p = &b->rows[i];
        if (p->leaf.class != class) continue;
        bool next = to > from && p->leaf.place.segment == start.segment;
        if (!next) {
            TRY(to > from ? segments_write(&l->writers[class], start,
                    bytes_of(b->frames[class].at + from, to - from)) : DONE);
            start = p->leaf.place;
            from = p->at;
        }
        to = p->at + format_frame_size(p->leaf.length);
    }
    TRY(to > from ? segments_write(&l->writers[class], start,
            bytes_of(b->frames[class].at + from, to - from)) : DONE);
    return segments_sync(&l->writers[class]);
}

static outcome write_batch(struct ledger *l, const struct batch *b)
{
    for (unsigned c = 0; c < CLASSES; c++)
        if (b->frames[c].n) TRY(write_frames(l, b, c));
    struct segments *leaves = &l->writers[FILES_LEAVES];
    TRY(segments_write_linear(leaves, b->rows[0].leaf.index * FORMAT_LEAF,
        bytes_of(l->leaves, b->n * FORMAT_LEAF)));
    return segments_sync(leaves);
}

/* The batch's stored hashes go behind those in memory; readers see them only when nodes_n is raised. */
static uint64_t hash_batch(struct ledger *l, const struct batch *b, struct tree_edge *edge)
{
    uint64_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct hash leaf, stored[TREE_LEVELS];
        tree_leaf_hash(bytes_of(l->leaves + i * FORMAT_LEAF, FORMAT_LEAF), &leaf);
        unsigned k = tree_append(edge, &leaf, stored);
        assert(l->nodes_n + n + k <= l->nodes_cap);
        memcpy(&l->nodes[l->nodes_n + n], stored, k * sizeof *stored);
        n += k;
    }
    return n;
}

static outcome commit(struct ledger *l)
{
    struct batch *b = l->flush;
    if (!b->prepared) prepare(l, b);
    pthread_mutex_lock(&l->lock);
    outcome o = ledger_nodes_reserve(l, 2 * b->n + TREE_LEVELS);
    pthread_mutex_unlock(&l->lock);
    TRY(o);
    TRY(write_batch(l, b));
    struct tree_edge edge = l->edge; /* only this thread changes it */
    uint64_t n = hash_batch(l, b, &edge);
    pthread_mutex_lock(&l->lock);
    l->edge = edge;
    l->nodes_n += n;
    atomic_store(&l->durable, edge.size);
    pthread_mutex_unlock(&l->lock);
    b->n = 0;
    b->prepared = false;
    for (unsigned c = 0; c < CLASSES; c++) b->frames[c].n = 0;
    return DONE;
}

/* Without heads the hashes in memory would grow without end. */
static outcome keep_tree_short(struct ledger *l)
{
    uint64_t held = l->nodes_n / 2;
    return held > 2 * TREE_LAG ? ledger_flush_tree(l, l->edge.size - TREE_LAG) : DONE;
}

static void wait_for_work(struct ledger *l)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (atomic_load(&l->failing)) pthread_cond_timedwait(&l->work, &l->lock, &until);
    else pthread_cond_wait(&l->work, &l->lock);
}

/* Under lock. A batch that failed stays in flush and is tried before anything newer. */
static bool take_work(struct ledger *l, struct signed_head *ret_show, uint64_t *ret_flush_size)
{
    if (l->flush->n == 0 && l->commit_wanted) {
        struct batch *full = l->fill;
        l->fill = l->flush;
        l->flush = full;
        l->commit_wanted = false;
    }
    ret_show->note_n = 0;
    if (l->show_wanted) *ret_show = l->show;
    *ret_flush_size = l->flush_size;
    return l->flush->n > 0 || l->show_wanted || l->flush_size > 0;
}

/* Outside the lock; says how it went in the ledger's state. */
static void work(struct ledger *l, const struct signed_head *show, uint64_t flush_size)
{
    bool had_batch = l->flush->n > 0;
    outcome o = had_batch ? commit(l) : DONE;
    if (ok(o)) o = keep_tree_short(l);
    if (ok(o) && flush_size) o = ledger_flush_tree(l, flush_size);
    bool shown = ok(o) && show->note_n > 0;
    if (shown) o = ledger_show(l, show);
    pthread_mutex_lock(&l->lock);
    if (ok(o) && shown && l->show.size == show->size) l->show_wanted = false;
    if (ok(o) && l->flush_size == flush_size) l->flush_size = 0;
    if (!ok(o)) l->attempts_failed++;
    l->trouble = o;
    atomic_store(&l->failing, !ok(o));
    pthread_cond_broadcast(&l->done);
    pthread_mutex_unlock(&l->lock);
    if (l->wake.durable && (had_batch || !ok(o))) l->wake.durable(l->wake.ctx);
}

bool ledger_step(struct ledger *l)
{
    struct signed_head show;
    uint64_t flush_size;
    assert(!l->running);
    pthread_mutex_lock(&l->lock);
    bool some = take_work(l, &show, &flush_size);
    pthread_mutex_unlock(&l->lock);
    if (some) work(l, &show, flush_size);
    return some;
}

void ledger_await(struct ledger *l)
{
    if (l->running) {
        pthread_cond_wait(&l->done, &l->lock);
        return;
    }
    pthread_mutex_unlock(&l->lock);
    (void)ledger_step(l);
    pthread_mutex_lock(&l->lock);
}

void *ledger_log_thread(void *ctx)
{
    struct ledger *l = ctx;
    struct signed_head show;
    uint64_t flush_size;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        if (!take_work(l, &show, &flush_size)) {
            wait_for_work(l);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        work(l, &show, flush_size);
        pthread_mutex_lock(&l->lock);
        if (atomic_load(&l->failing) && !l->stop) wait_for_work(l);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}
