#include "ledger/withheld.h"

#include "base/time.h"
#include "wire/doc.h"

#define ARENA_BYTES (64u << 20)

bool pruned_has(const struct pruned *p, uint64_t index)
{
    size_t lo = 0, hi = p->kept_n;
    if (index >= p->end) return false;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (p->kept[middle] == index) return false;
        if (p->kept[middle] < index) lo = middle + 1;
        else hi = middle;
    }
    return true;
}

void pruned_deinit(struct pruned *p)
{
    mem_free(p->kept);
    *p = (struct pruned) { 0 };
}

outcome pruned_write(const struct pruned_order *p, struct buffer *b)
{
    struct arena a = ARENA(ARENA_BYTES);
    struct doc *d = doc_map(&a), *kept = doc_list(&a);
    char before[TIME_TEXT];
    assert(p->kept_n <= WITHHELD_KEPT_MAX);
    for (size_t i = 0; i < p->kept_n; i++) doc_add(kept, doc_int_new(&a, (int64_t)p->kept[i]));
    time_text(p->before_ms, before);
    if (p->before_ms) doc_set_text(&a, d, "before", before);
    doc_set_text(&a, d, "by", p->by);
    doc_set_int(&a, d, "bytes", (int64_t)p->bytes);
    doc_set_text(&a, d, "class", "data");
    doc_set_int(&a, d, "end", (int64_t)p->end);
    doc_set_int(&a, d, "entries", (int64_t)p->entries);
    doc_set(&a, d, "kept", kept);
    doc_set_text(&a, d, "rule", p->rule);
    outcome o = d && kept ? doc_write_json(d, b) : REFUSE(E_MEMORY);
    arena_deinit(&a);
    return o;
}

static outcome read_kept(const struct doc *list, int64_t end, struct pruned *ret)
{
    int64_t last = -1;
    size_t n = 0;
    if (!list || list->kind != DOC_LIST || list->count > WITHHELD_KEPT_MAX) return REFUSE(E_MALFORMED);
    for (const struct doc *m = list->first; m; m = m->next) {
        if (m->kind != DOC_INT || m->number <= last || m->number >= end) return REFUSE(E_MALFORMED);
        last = m->number;
    }
    uint64_t *kept = list->count ? mem_new_array(list->count, sizeof *kept) : NULL;
    if (list->count && !kept) return REFUSE(E_MEMORY);
    for (const struct doc *m = list->first; m; m = m->next) kept[n++] = (uint64_t)m->number;
    *ret = (struct pruned) { (uint64_t)end, kept, n };
    return DONE;
}

outcome pruned_read(struct bytes json, struct pruned *ret)
{
    struct arena a = ARENA(ARENA_BYTES);
    struct doc *d = NULL;
    outcome o = doc_read_json(json, &a, &d);
    int64_t end = ok(o) ? doc_int(d, "end", -1) : -1;
    if (ok(o)) o = end < 0 ? REFUSE(E_MALFORMED) : read_kept(doc_get(d, "kept"), end, ret);
    arena_deinit(&a);
    return o;
}

outcome erased_write(const struct erased_order *e, struct buffer *b)
{
    struct arena a = ARENA(65536);
    struct doc *d = doc_map(&a);
    char key[2 * KEYRING_ID + 1];
    hex_of(bytes_of(e->key, KEYRING_ID), key);
    doc_set_text(&a, d, "by", e->by);
    doc_set_text(&a, d, "key", key);
    doc_set_text(&a, d, "reason", e->reason);
    doc_set_text(&a, d, "subject", e->subject);
    outcome o = doc_write_json(d, b);
    arena_deinit(&a);
    return o;
}

outcome erased_read(struct bytes json, uint8_t ret_key[KEYRING_ID])
{
    struct arena a = ARENA(1u << 20);
    struct doc *d = NULL;
    outcome o = doc_read_json(json, &a, &d);
    if (ok(o)) o = hex_to(bytes_str(doc_text(d, "key", "")), ret_key, KEYRING_ID);
    arena_deinit(&a);
    return o;
}
