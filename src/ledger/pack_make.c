/* Making a pack from a ledger directory as it lies there: nothing is opened for writing, and a running site is not asked. */
#include "base/port/port.h"
#include "base/time.h"
#include "ledger/pack.h"
#include "ledger/segment.h"
#include "ledger/tree.h"

struct making {
    const struct pack_request *q;
    struct buffer *b;
    struct identity id;
    struct note head;
    struct bytes note;            /* its text, in `checkpoint` */
    struct buffer checkpoint;
    struct segments leaves, control, tree;
    uint64_t *indexes;            /* falling: the last leaf first */
    size_t n, cap;
    bool chosen;                  /* too many for all */
};

static outcome load(const char *dir, const char *name, size_t max, struct buffer *ret)
{
    char path[FORMAT_PATH];
    TRY(format_path(dir, name, path));
    return port_file_load(path, max, ret);
}

static outcome load_head(struct making *m)
{
    struct buffer b;
    TRY(load(m->q->dir, "ledger", FORMAT_IDENTITY_MAX, &b));
    outcome o = format_identity_read(buffer_view(&b), &m->id);
    buffer_deinit(&b);
    TRY(o);
    TRY(load(m->q->dir, "checkpoint", FORMAT_CHECKPOINT, &m->checkpoint));
    for (size_t at = 0; at + FORMAT_CHECKPOINT_HALF <= m->checkpoint.n; at += FORMAT_CHECKPOINT_HALF) {
        const uint8_t *text = m->checkpoint.at + at, *end = memchr(text, 0, FORMAT_CHECKPOINT_HALF);
        m->note = bytes_of(text, end ? (size_t)(end - text) : 0);
        if (m->note.n && ok(note_read(m->note, m->id.key, &m->head)) && m->head.size) return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

static outcome read_leaf(struct making *m, uint64_t index, uint8_t record[FORMAT_LEAF], struct leaf *ret)
{
    TRY(segments_read(&m->leaves, segments_place(&m->leaves, index * FORMAT_LEAF), record, FORMAT_LEAF));
    return format_leaf_read(record, index, ret);
}

/* ---- which entries ---- */

static outcome add_index(struct making *m, uint64_t index)
{
    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 1024;
        void *more = mem_grow(m->indexes, cap * sizeof *m->indexes);
        if (!more) return REFUSE(E_MEMORY);
        m->indexes = more;
        m->cap = cap;
    }
    m->indexes[m->n++] = index;
    return DONE;
}

static bool is_chosen(const struct making *m, const struct leaf *l)
{
    return l->at_ms >= m->q->from_ms && l->at_ms < m->q->to_ms && m->q->wanted(l->kind);
}

/* Those found so far, and from here on, are the chosen ones. */
static outcome begin_choosing(struct making *m)
{
    uint8_t record[FORMAT_LEAF];
    struct leaf l;
    size_t n = m->n;
    m->chosen = true;
    m->n = 1;
    for (size_t i = 1; i < n; i++) {
        TRY(read_leaf(m, m->indexes[i], record, &l));
        if (is_chosen(m, &l)) m->indexes[m->n++] = l.index;
    }
    return DONE;
}

/* Back along the links, up to the first before the period. Of what lies after it, the oldest is kept: it closes the period. */
static outcome choose(struct making *m)
{
    uint8_t record[FORMAT_LEAF];
    struct leaf l;
    uint64_t tail = m->head.size - 1, next = tail;
    TRY(add_index(m, tail));
    TRY(read_leaf(m, tail, record, &l));
    if (l.class != CLASS_CONTROL) next = l.prev_other;
    while (next != FORMAT_NONE) {
        TRY(read_leaf(m, next, record, &l));
        if (l.at_ms >= m->q->to_ms) m->n = 1;
        if (next != tail && (!m->chosen || is_chosen(m, &l))) TRY(add_index(m, next));
        if (!m->chosen && m->n > m->q->entries_max) TRY(begin_choosing(m));
        next = l.at_ms < m->q->from_ms ? FORMAT_NONE : l.prev_same;
    }
    return DONE;
}

/* ---- lines ---- */

static outcome put_base64(struct buffer *b, const char *before, struct bytes raw)
{
    size_t n = 4 * ((raw.n + 2) / 3) + 1;
    TRY(buffer_put(b, bytes_str(before)));
    TRY(buffer_reserve(b, n));
    base64_of(raw, (char *)b->at + b->n);
    b->n += n - 1;
    return DONE;
}

static outcome put_payload(struct making *m, const struct leaf *l)
{
    struct buffer raw = BUFFER(LEDGER_PAYLOAD_MAX);
    struct place at = { l->place.segment, l->place.offset + FORMAT_FRAME };
    outcome o = buffer_reserve(&raw, l->length ? l->length : 1);
    if (ok(o)) o = segments_read(&m->control, at, raw.at, l->length);
    if (ok(o)) o = put_base64(m->b, " ", bytes_of(raw.at, l->length));
    buffer_deinit(&raw);
    return o;
}

static outcome put_entries(struct making *m)
{
    for (size_t i = m->n; i-- > 0;) {
        uint8_t record[FORMAT_LEAF];
        struct leaf l;
        TRY(read_leaf(m, m->indexes[i], record, &l));
        TRY(put_base64(m->b, "entry ", bytes_of(record, sizeof record)));
        bool in = m->chosen ? is_chosen(m, &l) : m->q->wanted(l.kind);
        if (l.class == CLASS_CONTROL && in) TRY(put_payload(m, &l));
        else TRY(buffer_put(m->b, BYTES_LIT(" -")));
        TRY(buffer_put(m->b, BYTES_LIT("\n")));
    }
    return DONE;
}

/* A whole subtree: as stored, else (the newest are not stored yet) from what is below it. */
static outcome subtree(struct making *m, unsigned level, uint64_t n, struct hash *ret)
{
    static const struct hash zero;
    struct hash left, right;
    uint8_t record[FORMAT_LEAF];
    struct leaf l;
    if (level == 0) {
        TRY(read_leaf(m, n, record, &l));
        tree_leaf_hash(bytes_of(record, sizeof record), ret);
        return DONE;
    }
    struct place at = segments_place(&m->tree, tree_stored_at(level, n) * FORMAT_HASH);
    if (ok(segments_read(&m->tree, at, ret->at, sizeof ret->at)) && !hash_equal(ret, &zero)) return DONE;
    TRY(subtree(m, level - 1, 2 * n, &left));
    TRY(subtree(m, level - 1, 2 * n + 1, &right));
    tree_node_hash(&left, &right, ret);
    return DONE;
}

/* The parts without an entry, as pack.c's walk asks for them; each is whole, as the last leaf is always an entry. */
static outcome put_nodes(struct making *m, size_t *left_over, uint64_t lo, uint64_t size)
{
    struct hash h;
    if (*left_over == 0 || m->indexes[*left_over - 1] >= lo + size) {
        unsigned level = (unsigned)__builtin_ctzll(size);
        assert(size == 1ull << level);
        TRY(subtree(m, level, lo >> level, &h));
        TRY(put_base64(m->b, "node ", hash_view(&h)));
        return buffer_put(m->b, BYTES_LIT("\n"));
    }
    if (size == 1) {
        --*left_over;
        return DONE;
    }
    uint64_t half = 1ull << (63 - __builtin_clzll(size - 1));
    TRY(put_nodes(m, left_over, lo, half));
    return put_nodes(m, left_over, lo + half, size - half);
}

/* For the proof of consistency: any stored hash by its position. */
static outcome read_stored(void *ctx, uint64_t stored, struct hash *ret)
{
    struct making *m = ctx;
    uint64_t low = 0, high = m->head.size; /* the last leaf whose hash is stored at or before this one */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (tree_stored_at(0, middle) <= stored) low = middle;
        else high = middle;
    }
    unsigned level = (unsigned)(stored - tree_stored_at(0, low));
    return subtree(m, level, low >> level, ret);
}

static outcome put_earlier(struct making *m)
{
    struct note old;
    struct hash path[2 * TREE_LEVELS];
    struct tree_reader r = { m, read_stored };
    struct bytes lines = m->q->earlier;
    size_t n = 0;
    if (!lines.n) return DONE;
    TRY(pack_head(lines, m->id.key, &old));
    if (old.size > m->head.size) return REFUSE(E_RANGE);
    const uint8_t *at = memmem(lines.at, lines.n, "\nhead ", 6), *end = at ? memchr(at + 1, '\n', lines.n - (size_t)(at + 1 - lines.at)) : NULL;
    if (!end) return REFUSE(E_MALFORMED);
    TRY(tree_prove_consistency(&r, old.size, m->head.size, path, sizeof path / sizeof *path, &n));
    TRY(buffer_put(m->b, BYTES_LIT("earlier ")));
    TRY(buffer_put(m->b, bytes_of(at + 6, (size_t)(end - at) - 6)));
    TRY(buffer_put(m->b, BYTES_LIT("\n")));
    for (size_t i = 0; i < n; i++) {
        TRY(put_base64(m->b, "step ", hash_view(&path[i])));
        TRY(buffer_put(m->b, BYTES_LIT("\n")));
    }
    return DONE;
}

static outcome put_top(struct making *m)
{
    char key[65], from[TIME_TEXT], to[TIME_TEXT];
    hex_of(bytes_of(m->id.key, 32), key);
    time_text(m->q->from_ms, from);
    time_text(m->q->to_ms, to);
    TRY(buffer_fmt(m->b, "sekimori-audit-pack/1\nkey %s\nperiod %s %s\nentries %s\n", key, from, to, m->chosen ? "chosen" : "all"));
    TRY(put_base64(m->b, "head ", m->note));
    return buffer_put(m->b, BYTES_LIT("\n"));
}

static outcome make(struct making *m)
{
    struct hash h;
    char text[65];
    size_t start = m->b->n;
    TRY(load_head(m));
    segments_init(&m->leaves, m->q->dir, FILES_LEAVES, m->id.shape, false);
    segments_init(&m->control, m->q->dir, CLASS_CONTROL, m->id.shape, false);
    segments_init(&m->tree, m->q->dir, FILES_TREE, m->id.shape, false);
    TRY(choose(m));
    TRY(put_top(m));
    TRY(put_earlier(m));
    TRY(put_entries(m));
    size_t left_over = m->n;
    TRY(put_nodes(m, &left_over, 0, m->head.size));
    hash_sha256(bytes_of(m->b->at + start, m->b->n - start), &h);
    hex_of(hash_view(&h), text);
    return buffer_fmt(m->b, "sha256 %s\n", text);
}

outcome pack_make(const struct pack_request *q, struct buffer *ret)
{
    struct making m = { .q = q, .b = ret, .checkpoint = BUFFER(FORMAT_CHECKPOINT), .leaves.fd = -1, .control.fd = -1, .tree.fd = -1 };
    outcome o = make(&m);
    segments_deinit(&m.leaves);
    segments_deinit(&m.control);
    segments_deinit(&m.tree);
    buffer_deinit(&m.checkpoint);
    mem_free(m.indexes);
    return o;
}
