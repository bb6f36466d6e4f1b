/* The record for third-party tools: C2SP tlog-tiles, and consistency between two sizes. Read-only. */
#include <stdio.h>

#include "ledger/tile.h"
#include "service/internal.h"

outcome get_checkpoint(struct service *s, struct request *q)
{
    struct bytes head = ledger_head(s->port.ledger);
    return head.n ? answer_text(q, "text/plain; charset=utf-8", head) : REFUSE(E_UNKNOWN);
}

outcome get_tile(struct service *s, struct request *q)
{
    struct tile t;
    if (!ok(tile_parse(bytes_str(q->arg[0]), &t))) return REFUSE(E_UNKNOWN);
    struct buffer b = BUFFER(TILE_BYTES_MAX);
    outcome o = tile_write(s->port.ledger, &t, &b);
    if (ok(o)) o = answer_text(q, "application/octet-stream", buffer_view(&b));
    buffer_deinit(&b);
    return o;
}

static outcome size_of(struct request *q, const char *name, uint64_t *ret)
{
    struct bytes b = http_query(q->http, name);
    uint64_t v = 0;
    if (b.n == 0 || b.n > 18) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < b.n; i++) {
        if (b.at[i] < '0' || b.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (uint64_t)(b.at[i] - '0');
    }
    *ret = v;
    return DONE;
}

static outcome set_root(struct service *s, struct request *q, struct doc *d, const char *key, uint64_t size)
{
    struct hash root;
    char hex[65];
    TRY(ledger_root_at(s->port.ledger, size, &root));
    hex_of(hash_view(&root), hex);
    doc_set_text(&q->arena, d, key, hex);
    return DONE;
}

/* GET /api/v1/ledger/consistency?old=N&new=M -> {"old","new","old_root","new_root","path"}, RFC 9162 2.1.4.
 * Both within what is durable; the caller holds heads of its own to compare the roots with. */
outcome get_consistency(struct service *s, struct request *q)
{
    uint64_t old_size, size;
    struct hash path[64];
    size_t n;
    char hex[65];
    TRY(size_of(q, "old", &old_size));
    TRY(size_of(q, "new", &size));
    struct doc *d = doc_map(&q->arena), *list = doc_list(&q->arena);
    outcome o = ledger_prove_consistency(s->port.ledger, old_size, size, path, 64, &n);
    if (o.code == E_RANGE) return answer_problem(q, 400, "SK-1401", "old, new: expected sizes, old <= new <= the record's", NULL);
    TRY(o);
    for (size_t i = 0; i < n; i++) {
        hex_of(hash_view(&path[i]), hex);
        doc_add(list, doc_text_new(&q->arena, hex));
    }
    doc_set_int(&q->arena, d, "old", (int64_t)old_size);
    doc_set_int(&q->arena, d, "new", (int64_t)size);
    TRY(set_root(s, q, d, "old_root", old_size));
    TRY(set_root(s, q, d, "new_root", size));
    doc_set(&q->arena, d, "path", list);
    return answer_doc(q, d);
}
