#include "ledger/tile.h"

#include "ledger/inside.h"

static outcome take_until(struct bytes *in, char end, struct bytes *ret)
{
    const uint8_t *at = in->n ? memchr(in->at, end, in->n) : NULL;
    size_t n = at ? (size_t)(at - in->at) : in->n;
    struct bytes skipped;
    TRY(take(in, n, ret));
    return at ? take(in, 1, &skipped) : DONE;
}

/* Decimal without leading zeros, or exactly `digits` digits. */
static outcome number(struct bytes text, size_t digits, uint64_t *ret)
{
    uint64_t v = 0;
    if (text.n == 0 || text.n > 3 || (digits && text.n != digits)) return REFUSE(E_MALFORMED);
    if (!digits && text.n > 1 && text.at[0] == '0') return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (uint64_t)(text.at[i] - '0');
    }
    *ret = v;
    return DONE;
}

/* "x001/x234/067": groups of three digits, all but the last behind an x. */
static outcome take_index(struct bytes *in, uint64_t *ret)
{
    uint64_t v = 0, group;
    for (int k = 0; k < 6; k++) {
        struct bytes part, all;
        bool more = in->n && in->at[0] == 'x';
        if (more) TRY(take(in, 1, &part));
        size_t n = 0;
        while (n < in->n && in->at[n] != '/' && in->at[n] != '.') n++;
        TRY(take(in, n, &part));
        TRY(number(part, 3, &group));
        v = v * 1000 + group;
        if (k == 0 && more && group == 0) return REFUSE(E_MALFORMED); /* one form for each number */
        if (!more) {
            *ret = v;
            return DONE;
        }
        TRY(take(in, 1, &all));
        if (all.at[0] != '/') return REFUSE(E_MALFORMED);
    }
    return REFUSE(E_MALFORMED);
}

outcome tile_parse(struct bytes path, struct tile *ret)
{
    struct tile t = { .width = TILE_WIDTH };
    struct bytes part;
    uint64_t v = 0;
    TRY(take_until(&path, '/', &part));
    t.entries = bytes_equal_str(part, "entries");
    if (!t.entries) TRY(number(part, 0, &v));
    if (v > 5) return REFUSE(E_MALFORMED);
    t.level = (unsigned)v;
    TRY(take_index(&path, &t.number));
    if (path.n) {
        TRY(take_until(&path, '/', &part));
        if (!bytes_equal_str(part, ".p")) return REFUSE(E_MALFORMED);
        TRY(number(path, 0, &v));
        if (v == 0 || v >= TILE_WIDTH) return REFUSE(E_MALFORMED);
        t.width = (unsigned)v;
    }
    *ret = t;
    return DONE;
}

static outcome write_hashes(struct ledger *l, const struct tile *t, struct buffer *b)
{
    struct tree_reader r = ledger_tree_reader(l);
    struct hash h;
    outcome o = DONE;
    pthread_mutex_lock(&l->lock);
    for (uint64_t k = 0; ok(o) && k < t->width; k++) {
        o = r.read(r.ctx, tree_stored_at(8 * t->level, t->number * TILE_WIDTH + k), &h);
        if (ok(o)) o = buffer_put(b, hash_view(&h));
    }
    pthread_mutex_unlock(&l->lock);
    return o;
}

static outcome write_entries(struct ledger *l, const struct tile *t, struct buffer *b)
{
    struct segments *leaves = &l->readers[FILES_LEAVES];
    uint8_t row[2 + FORMAT_LEAF] = { 0, FORMAT_LEAF };
    for (uint64_t k = 0; k < t->width; k++) {
        uint64_t index = t->number * TILE_WIDTH + k;
        TRY(segments_read(leaves, segments_place(leaves, index * FORMAT_LEAF), row + 2, FORMAT_LEAF));
        TRY(buffer_put(b, bytes_of(row, sizeof row)));
    }
    return DONE;
}

outcome tile_write(struct ledger *l, const struct tile *t, struct buffer *b)
{
    uint64_t have = l->head.note_n ? l->head.size >> (8 * t->level) : 0; /* whole subtrees of this level */
    if (t->number >= have / TILE_WIDTH + 1 || t->number * TILE_WIDTH + t->width > have) return REFUSE(E_UNKNOWN);
    return t->entries ? write_entries(l, t, b) : write_hashes(l, t, b);
}
