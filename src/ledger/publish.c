/* Heads: kept in memory until their hold has passed, then the hashes they need go to the tree files
 * and the note into `checkpoint`, in place: the file never changes its identity, so that a copy of a
 * running directory holds a head no newer than the leaves copied with it. */
#include "ledger/inside.h"

#include "base/port/port.h"

outcome ledger_flush_tree(struct ledger *l, uint64_t size)
{
    assert(size <= l->edge.size);
    uint64_t target = tree_stored_count(size);
    if (target <= l->nodes_first) return DONE;
    uint64_t n = target - l->nodes_first;
    assert(n <= l->nodes_n);
    struct segments *tree = &l->writers[FILES_TREE];
    TRY(segments_write_linear(tree, l->nodes_first * FORMAT_HASH,
        bytes_of(l->nodes, n * sizeof *l->nodes)));
    TRY(segments_sync(tree));
    pthread_mutex_lock(&l->lock);
    memmove(l->nodes, l->nodes + n, (l->nodes_n - n) * sizeof *l->nodes);
    l->nodes_n -= n;
    l->nodes_first = target;
    pthread_mutex_unlock(&l->lock);
    return DONE;
}

outcome ledger_checkpoint_write(const struct ledger *l, struct bytes note)
{
    uint8_t file[FORMAT_CHECKPOINT] = { 0 };
    char path[FORMAT_PATH];
    int fd;
    for (size_t at = 0; at < sizeof file; at += FORMAT_CHECKPOINT_HALF) memcpy(file + at, note.at, note.n);
    TRY(format_path(l->dir, "checkpoint", path));
    TRY(port_file_open(path, false, &fd));
    outcome o = port_file_write(fd, 0, bytes_of(file, sizeof file));
    if (ok(o)) o = port_file_sync(fd);
    port_file_close(fd);
    return o;
}

outcome ledger_show(struct ledger *l, const struct signed_head *h)
{
    TRY(ledger_flush_tree(l, h->size));
    TRY(ledger_checkpoint_write(l, bytes_of(h->note, h->note_n)));
    atomic_store(&l->shown, h->size);
    return DONE;
}

/* The note is ours, signed, and over our own tree: a wrong head never reaches the file. */
static outcome judge(struct ledger *l, struct bytes note, uint64_t *ret_size)
{
    struct note n;
    struct hash root;
    TRY(note_read(note, l->identity.key, &n));
    if (strcmp(n.origin, l->identity.origin) != 0) return REFUSE(E_CONFLICT);
    if (n.size > ledger_durable(l)) return REFUSE(E_CONFLICT);
    if (l->head.note_n && n.size < l->head.size) return REFUSE(E_CONFLICT);
    struct tree_reader r = ledger_tree_reader(l);
    pthread_mutex_lock(&l->lock);
    outcome o = tree_root(&r, n.size, &root);
    pthread_mutex_unlock(&l->lock);
    TRY(o);
    if (!hash_equal(&root, &n.root)) return REFUSE(E_CHANGED);
    *ret_size = n.size;
    return DONE;
}

/* Hands a head to the log thread. Under lock. */
static void show_start(struct ledger *l, const struct signed_head *h)
{
    l->show = *h;
    l->show_wanted = true;
    pthread_cond_signal(&l->work);
}

static outcome show_now(struct ledger *l, const struct signed_head *h)
{
    pthread_mutex_lock(&l->lock);
    uint64_t failed = l->attempts_failed;
    show_start(l, h);
    outcome o = DONE;
    while (ok(o) && l->show_wanted) {
        ledger_await(l);
        if (l->show_wanted && l->attempts_failed != failed) o = l->trouble;
        failed = l->attempts_failed;
    }
    pthread_mutex_unlock(&l->lock);
    if (ok(o)) l->waiting_n = 0; /* all of them are older */
    return o;
}

outcome ledger_publish(struct ledger *l, struct bytes note, int64_t now_ms, int64_t hold_ms)
{
    struct signed_head h = { 
        .tree_ms = now_ms + hold_ms / 2, .due_ms = now_ms + hold_ms, .note_n = note.n };
    if (note.n == 0 || note.n > sizeof h.note) return REFUSE(E_MALFORMED);
    TRY(judge(l, note, &h.size));
    memcpy(h.note, note.at, note.n);
    l->head = h;
    if (hold_ms <= 0) return show_now(l, &h);
    /* Full: the newest waiting one gives way; the older ones keep their time. */
    if (l->waiting_n == HEADS_WAITING) l->waiting_n--;
    l->waiting[l->waiting_n++] = h;
    return DONE;
}

/* The hashes a head needs are in their files half its hold before the head is: a copy that misses
 * them in the tree misses the head too. */
static void flush_ahead(struct ledger *l, int64_t mono_ms)
{
    uint64_t size = 0;
    for (size_t i = 0; i < l->waiting_n && l->waiting[i].tree_ms <= mono_ms; i++) size = l->waiting[i].size;
    if (size <= l->flush_asked) return;
    l->flush_asked = size;
    pthread_mutex_lock(&l->lock);
    l->flush_size = size;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
}

/* The next moment something is to be done for a waiting head. */
static int64_t next_moment(const struct ledger *l)
{
    int64_t next = l->waiting[0].due_ms;
    for (size_t i = 0; i < l->waiting_n; i++) {
        const struct signed_head *h = &l->waiting[i];
        if (h->size > l->flush_asked && h->tree_ms < next) next = h->tree_ms;
    }
    return next;
}

int ledger_turn_heads(struct ledger *l, int64_t mono_ms)
{
    size_t due = 0;
    flush_ahead(l, mono_ms);
    while (due < l->waiting_n && l->waiting[due].due_ms <= mono_ms) due++;
    if (due) {
        pthread_mutex_lock(&l->lock);
        show_start(l, &l->waiting[due - 1]);
        pthread_mutex_unlock(&l->lock);
        l->waiting_n -= due;
        memmove(l->waiting, l->waiting + due, l->waiting_n * sizeof *l->waiting);
    }
    if (l->waiting_n == 0) return -1;
    int64_t left = next_moment(l) - mono_ms;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

struct bytes ledger_head(const struct ledger *l)
{
    return l->head.note_n ? bytes_of(l->head.note, l->head.note_n) : BYTES_NONE;
}

void ledger_key(const struct ledger *l, uint8_t ret[32])
{
    memcpy(ret, l->identity.key, sizeof l->identity.key);
}
