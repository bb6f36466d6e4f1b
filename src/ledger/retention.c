/* Giving payloads up: what may be pruned, the entries that say so, the space given back, keys destroyed.
 * Leaves and tree are never touched. On the caller's loop. */
#include "ledger/inside.h"

#include "base/port/port.h"

#define WALK_LEAVES 262144u /* looked at in one question */
#define WALK_BYTES 65536u

static uint64_t linear(const struct ledger *l, struct place at)
{
    return at.segment * l->identity.shape.segment_bytes + at.offset;
}

uint64_t ledger_data_bytes(const struct ledger *l)
{
    return linear(l, l->end[CLASS_DATA]) - linear(l, l->pruned_to);
}

uint64_t ledger_pruned_end(const struct ledger *l)
{
    return l->pruned.end;
}

static outcome leaf_at(struct ledger *l, uint64_t index, struct leaf *ret)
{
    uint8_t record[FORMAT_LEAF];
    struct segments *leaves = &l->readers[FILES_LEAVES];
    TRY(segments_read(leaves, segments_place(leaves, index * FORMAT_LEAF), record, sizeof record));
    return format_leaf_read(record, index, ret);
}

/* ---- what may be pruned ---- */

struct walk {
    struct ledger *l;
    const struct ledger_rule *rule;
    struct ledger_prunable found;
    uint64_t live; /* bytes before anything more is pruned */
    bool stop;
};

static void judge_leaf(struct walk *w, const struct leaf *leaf)
{
    const struct ledger_rule *r = w->rule;
    bool old = r->before_ms && leaf->at_ms < r->before_ms;
    bool over = r->keep_bytes && w->live - w->found.bytes > r->keep_bytes;
    if (leaf->class != CLASS_DATA) return;
    if (!old && !over) {
        w->stop = true;
        return;
    }
    w->found.end = leaf->index + 1;
    w->found.entries++;
    w->found.bytes += format_frame_size(leaf->length);
}

static outcome walk_block(struct walk *w, uint64_t first, const uint8_t *block, size_t n)
{
    struct leaf leaf;
    for (size_t i = 0; i < n && !w->stop; i++) {
        TRY(format_leaf_read(block + i * FORMAT_LEAF, first + i, &leaf));
        judge_leaf(w, &leaf);
    }
    return DONE;
}

static outcome walk_leaves(struct walk *w, uint8_t *block)
{
    struct segments *leaves = &w->l->readers[FILES_LEAVES];
    uint64_t at = w->l->pruned.end, durable = ledger_durable(w->l);
    uint64_t end = durable - at > WALK_LEAVES ? at + WALK_LEAVES : durable;
    while (at < end && !w->stop) {
        struct place place = segments_place(leaves, at * FORMAT_LEAF);
        uint64_t n = (leaves->shape.segment_bytes - place.offset) / FORMAT_LEAF;
        if (n > end - at) n = end - at;
        if (n > WALK_BYTES / FORMAT_LEAF) n = WALK_BYTES / FORMAT_LEAF;
        TRY(segments_read(leaves, place, block, n * FORMAT_LEAF));
        TRY(walk_block(w, at, block, n));
        at += n;
    }
    w->found.more = !w->stop && end < durable;
    return DONE;
}

outcome ledger_prunable(struct ledger *l, const struct ledger_rule *r, struct ledger_prunable *ret)
{
    struct walk w = { l, r, { .end = l->pruned.end }, ledger_data_bytes(l), false };
    uint8_t *block = mem_new(WALK_BYTES);
    if (!block) return REFUSE(E_MEMORY);
    outcome o = walk_leaves(&w, block);
    mem_free(block);
    if (ok(o)) *ret = w.found;
    return o;
}

/* ---- the mark ---- */

/* Where the frame of the newest data entry before `end` ends. */
static outcome place_before(struct ledger *l, uint64_t end, struct place *ret)
{
    struct leaf leaf;
    *ret = (struct place) { 0 };
    if (end == 0) return DONE;
    TRY(leaf_at(l, end - 1, &leaf));
    if (leaf.class != CLASS_DATA) {
        if (leaf.prev_other == FORMAT_NONE) return DONE;
        TRY(leaf_at(l, leaf.prev_other, &leaf));
    }
    *ret = (struct place) { leaf.place.segment, leaf.place.offset + format_frame_size(leaf.length) };
    return DONE;
}

/* Takes p over. */
static outcome mark(struct ledger *l, struct pruned *p, uint64_t by)
{
    struct place to;
    outcome o = p->end > by ? REFUSE(E_CHANGED) : place_before(l, p->end, &to);
    if (!ok(o) || p->end < l->pruned.end) {
        pruned_deinit(p);
        return o;
    }
    pruned_deinit(&l->pruned);
    l->pruned = *p;
    l->pruned_to = to;
    l->pruned_by = by;
    l->punch_wanted = true;
    l->punch_since_ms = -1;
    return DONE;
}

/* Those of the caller's that lie before end and still have a payload. */
static outcome choose_kept(const struct ledger *l, const struct ledger_prune *p, struct pruned *to)
{
    if (p->kept_n == 0) return DONE;
    if (!(to->kept = mem_new_array(p->kept_n, sizeof *to->kept))) return REFUSE(E_MEMORY);
    for (size_t i = 0; i < p->kept_n && p->kept[i] < to->end; i++)
        if (!pruned_has(&l->pruned, p->kept[i])) to->kept[to->kept_n++] = p->kept[i];
    return to->kept_n > WITHHELD_KEPT_MAX ? REFUSE(E_TOO_LARGE) : DONE;
}

static outcome write_pruned(struct ledger *l, const struct ledger_prune *p, const struct pruned *to,
    struct ledger_prunable *found, uint64_t *ret_index)
{
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX);
    for (size_t i = 0; i < to->kept_n; i++)
        if (to->kept[i] >= l->pruned.end) found->entries--;
    struct pruned_order order = { to->end, found->entries, found->bytes, p->rule.before_ms, to->kept, to->kept_n,
        p->rule_text, p->by };
    outcome o = found->entries ? pruned_write(&order, &b) : REFUSE(E_UNKNOWN);
    if (ok(o)) o = ledger_append(l, ENTRY_PRUNED, p->at_ms, buffer_view(&b), ret_index);
    if (ok(o)) o = ledger_sync(l);
    buffer_deinit(&b);
    return o;
}

outcome ledger_prune(struct ledger *l, const struct ledger_prune *p, struct ledger_prunable *ret)
{
    struct ledger_prunable found;
    uint64_t index;
    TRY(ledger_prunable(l, &p->rule, &found));
    struct pruned to = { .end = found.end };
    outcome o = choose_kept(l, p, &to);
    if (ok(o)) o = write_pruned(l, p, &to, &found, &index);
    if (!ok(o)) {
        pruned_deinit(&to);
        return o;
    }
    TRY(mark(l, &to, index));
    *ret = found;
    return DONE;
}

/* ---- keys ---- */

outcome ledger_erase(struct ledger *l, const char *subject, const char *reason, const char *by, int64_t at_ms)
{
    uint8_t key[KEYRING_ID];
    uint64_t index;
    if (!l->keys) return REFUSE(E_UNKNOWN);
    TRY(keyring_id(l->keys, subject, key));
    struct buffer b = BUFFER(65536);
    outcome o = erased_write(&(struct erased_order) { key, subject, reason, by }, &b);
    if (ok(o)) o = ledger_append(l, ENTRY_ERASED, at_ms, buffer_view(&b), &index);
    buffer_deinit(&b);
    TRY(o);
    keyring_retire(l->keys, key, index); /* the entry may reach the disk even where the next call is refused */
    TRY(ledger_sync(l));
    return keyring_finish(l->keys, ledger_durable(l));
}

/* Keys whose end was refused: tried again. Returns ms until then. */
int ledger_turn_keys(struct ledger *l, int64_t mono_ms)
{
    if (!l->keys || keyring_retired(l->keys) == 0) return -1;
    if (mono_ms >= l->keys_next_ms) {
        l->keys_next_ms = mono_ms + KEYS_AGAIN_MS;
        (void)!ok(keyring_finish(l->keys, ledger_durable(l)));
    }
    return keyring_retired(l->keys) ? (int)(l->keys_next_ms - mono_ms) : -1;
}

outcome ledger_replay(struct ledger *l, const struct ledger_entry *e)
{
    uint8_t key[KEYRING_ID];
    struct pruned p = { 0 };
    if (e->kind == ENTRY_ERASED && l->keys) {
        TRY(erased_read(e->payload, key));
        return keyring_destroy(l->keys, key);
    }
    if (e->kind != ENTRY_PRUNED) return DONE;
    TRY(pruned_read(e->payload, &p));
    TRY(mark(l, &p, e->index));
    l->punch_since_ms = INT64_MIN / 2; /* no copy outlives a start: no hold */
    return DONE;
}

/* ---- space ---- */

static outcome data_path(const struct ledger *l, uint32_t segment, char path[FORMAT_PATH])
{
    char name[32];
    format_file_name(CLASS_DATA, segment, name);
    return format_path(l->dir, name, path);
}

/* from..to of one file; whole files but the last two go altogether. Fine when it was done before. */
static outcome punch_file(struct ledger *l, uint32_t segment, uint64_t from, uint64_t to)
{
    char path[FORMAT_PATH];
    int fd;
    uint64_t size = 0;
    TRY(data_path(l, segment, path));
    if (from == 0 && to == l->identity.shape.segment_bytes && segment + 1 < l->pruned_to.segment) {
        outcome gone = port_file_remove(path);
        return gone.code == E_MISSING ? DONE : gone;
    }
    outcome o = port_file_open(path, false, &fd);
    if (o.code == E_MISSING) return DONE;
    TRY(o);
    o = port_file_size(fd, &size);
    if (to > size) to = size;
    if (ok(o) && from < to) o = port_file_punch(fd, from, to - from);
    if (ok(o)) o = port_file_sync(fd);
    port_file_close(fd);
    return o;
}

static outcome punch_range(struct ledger *l, struct place from, struct place to)
{
    for (uint32_t n = from.segment; n <= to.segment; n++) {
        uint64_t a = n == from.segment ? from.offset : 0;
        uint64_t b = n == to.segment ? to.offset : l->identity.shape.segment_bytes;
        if (a < b) TRY(punch_file(l, n, a, b));
    }
    return DONE;
}

static outcome punch(struct ledger *l)
{
    struct place at = { 0 };
    struct leaf leaf;
    char dir[FORMAT_PATH];
    for (size_t i = 0; i < l->pruned.kept_n; i++) {
        TRY(leaf_at(l, l->pruned.kept[i], &leaf));
        TRY(punch_range(l, at, leaf.place));
        at = (struct place) { leaf.place.segment, leaf.place.offset + format_frame_size(leaf.length) };
    }
    TRY(punch_range(l, at, l->pruned_to));
    TRY(format_path(l->dir, format_files_word(CLASS_DATA), dir));
    return port_dir_sync(dir);
}

int ledger_turn_punch(struct ledger *l, int64_t mono_ms)
{
    if (!l->punch_wanted || atomic_load(&l->shown) <= l->pruned_by) return -1;
    if (l->punch_since_ms == -1) l->punch_since_ms = mono_ms;
    int64_t left = l->punch_since_ms + PUNCH_HOLD_MS - mono_ms;
    if (left > 0) return (int)left;
    l->punch_wanted = !ok(punch(l));
    l->punch_since_ms = mono_ms; /* what failed is tried again after a hold */
    return l->punch_wanted ? PUNCH_HOLD_MS : -1;
}
