/* Reading a pack: every byte is accounted for by the hash of the lines, every entry by the signed tree. */
#include "ledger/pack.h"

#include "base/time.h"
#include "ledger/tree.h"

#define LINE_MAX (8u << 20) /* a payload of 4 MiB in base64, and its leaf */

struct item {
    uint64_t index;
    struct hash leaf;
};

struct reading {
    struct bytes in;              /* what is not read yet */
    struct pack_result *r;
    struct note head;
    uint8_t key[32];
    struct item *items;
    size_t n, cap, at;            /* at: the next one the tree's walk meets */
    uint64_t previous;            /* index of the last control entry */
    struct leaf last;             /* the last entry read */
    bool closed, seen;
};

/* The rest of a line that begins with word; E_UNKNOWN (and nothing read) when it begins otherwise. */
static outcome line(struct reading *p, const char *word, struct bytes *ret)
{
    size_t n = strlen(word);
    const uint8_t *end = p->in.n ? memchr(p->in.at, '\n', p->in.n) : NULL;
    if (!end || (size_t)(end - p->in.at) > LINE_MAX) return REFUSE(E_MALFORMED);
    if ((size_t)(end - p->in.at) < n || memcmp(p->in.at, word, n) != 0) return REFUSE(E_UNKNOWN);
    struct bytes skipped;
    TRY(take(&p->in, n, &skipped));
    TRY(take(&p->in, (size_t)(end - skipped.at) - n, ret));
    TRY(take(&p->in, 1, &skipped));
    p->r->line++;
    return DONE;
}

static outcome need(outcome o)
{
    return o.code == E_UNKNOWN ? REFUSE(E_MALFORMED) : o;
}

/* Exactly n bytes. */
static outcome fixed(struct bytes text, uint8_t *ret, size_t n)
{
    size_t got = 0;
    TRY(base64_to(text, ret, n, &got));
    return got == n ? DONE : REFUSE(E_MALFORMED);
}

static outcome read_note(const struct reading *p, struct bytes text, struct note *ret)
{
    uint8_t raw[NOTE_BYTES_MAX];
    size_t n = 0;
    if (!ok(base64_to(text, raw, sizeof raw, &n))) return REFUSE(E_MALFORMED);
    return ok(note_read(bytes_of(raw, n), p->key, ret)) ? DONE : REFUSE(E_CRYPTO);
}

static outcome read_time(struct bytes *in, int64_t *ret)
{
    struct bytes text;
    char again[TIME_TEXT];
    TRY(take(in, TIME_TEXT - 1, &text));
    TRY(time_parse(text, ret));
    time_text(*ret, again);
    return bytes_equal_str(text, again) ? DONE : REFUSE(E_MALFORMED);
}

static outcome read_top(struct reading *p, const char *pin)
{
    struct bytes t, space;
    TRY(need(line(p, "sekimori-audit-pack/1", &t)));
    if (t.n) return REFUSE(E_MALFORMED);
    TRY(need(line(p, "key ", &t)));
    if (!ok(hex_to(t, p->key, 32))) return REFUSE(E_MALFORMED);
    if (pin[0] && !bytes_equal_str(t, pin)) return REFUSE(E_CRYPTO);
    hex_of(bytes_of(p->key, 32), p->r->key);
    TRY(need(line(p, "period ", &t)));
    TRY(read_time(&t, &p->r->from_ms));
    TRY(take(&t, 1, &space));
    TRY(read_time(&t, &p->r->to_ms));
    TRY(at_end(t));
    TRY(need(line(p, "entries ", &t)));
    p->r->whole = bytes_equal_str(t, "all");
    if (!p->r->whole && !bytes_equal_str(t, "chosen")) return REFUSE(E_MALFORMED);
    TRY(need(line(p, "head ", &t)));
    TRY(read_note(p, t, &p->head));
    p->r->size = p->head.size;
    memcpy(p->r->origin, p->head.origin, sizeof p->head.origin);
    hex_of(hash_view(&p->head.root), p->r->root);
    return p->r->size && p->r->from_ms < p->r->to_ms ? DONE : REFUSE(E_MALFORMED);
}

/* The record only grew since an earlier head. */
static outcome read_earlier(struct reading *p)
{
    struct note old;
    struct bytes t;
    struct hash path[2 * TREE_LEVELS];
    size_t n = 0;
    outcome o = line(p, "earlier ", &t);
    if (o.code == E_UNKNOWN) return DONE;
    TRY(o);
    TRY(read_note(p, t, &old));
    while (ok(o = line(p, "step ", &t))) {
        if (n == sizeof path / sizeof *path) return REFUSE(E_MALFORMED);
        TRY(fixed(t, path[n++].at, sizeof path->at));
    }
    if (o.code != E_UNKNOWN) return o;
    if (strcmp(old.origin, p->head.origin) != 0) return REFUSE(E_CRYPTO);
    struct tree_head from = { old.size, old.root }, to = { p->head.size, p->head.root };
    TRY(tree_check_consistency(&from, &to, path, n));
    p->r->earlier = old.size;
    return DONE;
}

/* ---- entries ---- */

static outcome remember(struct reading *p, uint64_t index, const uint8_t record[FORMAT_LEAF])
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 1024;
        void *more = mem_grow(p->items, cap * sizeof *p->items);
        if (!more) return REFUSE(E_MEMORY);
        p->items = more;
        p->cap = cap;
    }
    p->items[p->n].index = index;
    tree_leaf_hash(bytes_of(record, FORMAT_LEAF), &p->items[p->n].leaf);
    p->n++;
    return DONE;
}

/* In the period: neither the one before it nor the one that closes it. */
static void count(struct reading *p, const struct leaf *l, bool hash_only)
{
    if (p->r->first == FORMAT_NONE) p->r->first = l->index;
    p->r->last = l->index;
    p->r->entries++;
    p->r->hashes += hash_only;
    p->r->kinds[l->kind]++;
}

/* One of those chosen: in the period, with its payload. */
static outcome link_chosen(struct reading *p, const struct leaf *l, bool hash_only)
{
    if (l->class != CLASS_CONTROL || hash_only || l->at_ms < p->r->from_ms || l->at_ms >= p->r->to_ms) return REFUSE(E_MALFORMED);
    count(p, l, false);
    return DONE;
}

/* Where the entry stands in the chain of control entries. The tree's last leaf is the last entry and need not be in it
 * once an entry after the period was there. */
static outcome link_entry(struct reading *p, const struct leaf *l, bool hash_only)
{
    bool tail = l->index == p->head.size - 1, data = l->class != CLASS_CONTROL;
    if (p->n && l->index <= p->last.index) return REFUSE(E_CHANGED);
    if (l->index >= p->head.size || (data && !tail)) return REFUSE(E_MALFORMED);
    p->last = *l;
    if (!p->r->whole) return tail && hash_only ? DONE : link_chosen(p, l, hash_only);
    if (p->closed) return tail ? DONE : REFUSE(E_MALFORMED);
    uint64_t before = data ? l->prev_other : l->prev_same;
    bool first = !p->seen, outside = l->at_ms < p->r->from_ms && !data;
    if (!(first ? before == FORMAT_NONE || outside : before == p->previous)) return REFUSE(E_MISSING);
    if (data) return DONE;
    p->seen = true;
    p->previous = l->index;
    p->closed = l->at_ms >= p->r->to_ms;
    if (!p->closed && !(first && outside)) count(p, l, hash_only);
    return DONE;
}

static outcome check_payload(const struct leaf *l, struct bytes text)
{
    struct hash h;
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 4);
    size_t n = 0;
    outcome o = l->length <= LEDGER_PAYLOAD_MAX ? buffer_reserve(&b, (size_t)l->length + 4) : REFUSE(E_CHANGED);
    if (ok(o)) o = base64_to(text, b.at, (size_t)l->length + 4, &n);
    if (ok(o)) format_payload_hash(l->salt, bytes_of(b.at, n), &h);
    bool good = ok(o) && n == l->length && hash_equal(&h, &l->payload);
    buffer_deinit(&b);
    if (o.code == E_MEMORY) return o;
    return good ? DONE : REFUSE(E_CHANGED);
}

static outcome read_entry(struct reading *p, struct bytes t)
{
    struct leaf l;
    struct bytes half, space;
    uint8_t record[FORMAT_LEAF];
    enum { LEAF_TEXT = (FORMAT_LEAF + 2) / 3 * 4 };
    TRY(take(&t, LEAF_TEXT, &half));
    TRY(fixed(half, record, sizeof record));
    TRY(take(&t, 1, &space));
    struct bytes number = bytes_of(record + 8, 8);
    uint64_t index;
    TRY(take_u64(&number, &index));
    TRY(format_leaf_read(record, index, &l));
    bool hash_only = bytes_equal_str(t, "-");
    TRY(link_entry(p, &l, hash_only));
    if (!hash_only) TRY(check_payload(&l, t));
    return remember(p, index, record);
}

static outcome read_entries(struct reading *p)
{
    struct bytes t;
    outcome o;
    while (ok(o = line(p, "entry ", &t))) TRY(read_entry(p, t));
    if (o.code != E_UNKNOWN) return o;
    p->r->closed = p->closed;
    return p->n && p->items[p->n - 1].index == p->head.size - 1 ? DONE : REFUSE(E_MISSING);
}

/* ---- the tree ---- */

/* The root over size leaves from lo on; a part without an entry is one line. Depth: 64 at most. */
static outcome walk(struct reading *p, uint64_t lo, uint64_t size, struct hash *ret)
{
    struct hash left, right;
    struct bytes t;
    if (p->at >= p->n || p->items[p->at].index >= lo + size) {
        TRY(need(line(p, "node ", &t)));
        return fixed(t, ret->at, sizeof ret->at);
    }
    if (size == 1) {
        *ret = p->items[p->at++].leaf;
        return DONE;
    }
    uint64_t half = 1ull << (63 - __builtin_clzll(size - 1));
    TRY(walk(p, lo, half, &left));
    TRY(walk(p, lo + half, size - half, &right));
    tree_node_hash(&left, &right, ret);
    return DONE;
}

static outcome read_end(struct reading *p, struct bytes all)
{
    struct bytes t;
    struct hash h, root;
    char text[65];
    TRY(walk(p, 0, p->head.size, &root));
    hash_sha256(bytes_of(all.at, all.n - p->in.n), &h);
    hex_of(hash_view(&h), text);
    TRY(need(line(p, "sha256 ", &t)));
    TRY(at_end(p->in));
    if (!bytes_equal_str(t, text)) return REFUSE(E_CHANGED);
    return hash_equal(&root, &p->head.root) ? DONE : REFUSE(E_CHANGED);
}

outcome pack_verify(struct bytes text, const char *key_hex, struct pack_result *ret)
{
    *ret = (struct pack_result) { .first = FORMAT_NONE, .last = FORMAT_NONE, .earlier = FORMAT_NONE };
    struct reading p = { .in = text, .r = ret };
    outcome o = read_top(&p, key_hex);
    if (ok(o)) o = read_earlier(&p);
    if (ok(o)) o = read_entries(&p);
    if (ok(o)) o = read_end(&p, text);
    mem_free(p.items);
    return o.code == E_SHORT ? REFUSE(E_MALFORMED) : o;
}

outcome pack_head(struct bytes text, const uint8_t key[32], struct note *ret)
{
    struct pack_result r = { 0 };
    struct reading p = { .in = text, .r = &r };
    TRY(read_top(&p, ""));
    if (memcmp(p.key, key, 32) != 0) return REFUSE(E_CRYPTO);
    *ret = p.head;
    return DONE;
}
