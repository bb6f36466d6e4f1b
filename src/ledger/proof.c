#include "ledger/proof.h"

#include "base/port/port.h"
#include "ledger/format.h"
#include "ledger/tree.h"
#include "wire/doc.h"

struct proof {
    struct hash leaf, path[TREE_LEVELS];
    size_t path_n;
    uint64_t index, size;
    struct note head;
};

static outcome read_key(const struct doc *d, const char *pin, uint8_t ret[32])
{
    const char *text = pin[0] ? pin : doc_text(d, "key", "");
    return ok(hex_to(bytes_str(text), ret, 32)) ? DONE : REFUSE(E_MALFORMED);
}

static outcome read_leaf(const struct doc *d, struct hash *ret)
{
    struct bytes text = bytes_str(doc_text(d, "leaf", ""));
    uint8_t record[FORMAT_LEAF];
    if (ok(hex_to(text, ret->at, 32))) return DONE;
    if (!ok(hex_to(text, record, sizeof record))) return REFUSE(E_MALFORMED);
    tree_leaf_hash(bytes_of(record, sizeof record), ret);
    return DONE;
}

static outcome read_path(const struct doc *d, struct proof *p)
{
    const struct doc *list = doc_get(d, "path");
    if (!list || list->kind != DOC_LIST || list->count > TREE_LEVELS) return REFUSE(E_MALFORMED);
    for (const struct doc *m = list->first; m; m = m->next) {
        if (m->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
        if (!ok(hex_to(bytes_str(m->text), p->path[p->path_n++].at, 32))) return REFUSE(E_MALFORMED);
    }
    return DONE;
}

static outcome read_proof(const struct doc *d, const char *pin, struct proof *p)
{
    uint8_t key[32];
    if (d->kind != DOC_MAP) return REFUSE(E_MALFORMED);
    int64_t index = doc_int(d, "index", -1), size = doc_int(d, "size", -1);
    if (index < 0 || size < 0) return REFUSE(E_MALFORMED);
    p->index = (uint64_t)index;
    p->size = (uint64_t)size;
    TRY(read_key(d, pin, key));
    TRY(read_leaf(d, &p->leaf));
    TRY(read_path(d, p));
    outcome o = note_read(bytes_str(doc_text(d, "note", "")), key, &p->head);
    if (o.code == E_MALFORMED || o.code == E_MEMORY) return o;
    if (!ok(o) || strcmp(p->head.origin, doc_text(d, "origin", "")) != 0) return REFUSE(E_CRYPTO);
    return DONE;
}

outcome proof_verify(struct bytes json, const char *key_hex, struct proof_result *ret)
{
    struct arena a = ARENA(1 << 20);
    struct doc *d;
    struct proof p = { 0 };
    outcome o = json.n > PROOF_BYTES_MAX ? REFUSE(E_MALFORMED) : doc_read_json(json, &a, &d);
    if (ok(o)) o = read_proof(d, key_hex, &p);
    arena_deinit(&a);
    TRY(o);
    if (p.size != p.head.size) return REFUSE(E_CHANGED);
    TRY(tree_check(p.index, p.size, &p.leaf, p.path, p.path_n, &p.head.root));
    *ret = (struct proof_result) { .index = p.index, .size = p.size };
    memcpy(ret->origin, p.head.origin, sizeof p.head.origin);
    return DONE;
}

outcome proof_verify_file(const char *path, const char *key_hex, struct proof_result *ret)
{
    struct buffer b;
    outcome o = port_file_load(path, PROOF_BYTES_MAX, &b);
    if (o.code == E_TOO_LARGE) return REFUSE(E_MALFORMED);
    TRY(o);
    o = proof_verify(buffer_view(&b), key_hex, ret);
    buffer_deinit(&b);
    return o;
}

static void set_hex(struct arena *a, struct doc *d, const char *key, struct bytes b)
{
    char text[65];
    hex_of(b, text);
    doc_set_text(a, d, key, text);
}

static outcome write_proof(const struct proof *p, struct bytes note, struct bytes key, struct buffer *b)
{
    struct arena a = ARENA(1 << 20);
    struct doc *d = doc_map(&a), *path = doc_list(&a);
    char text[65], *note_text = arena_text(&a, note);
    for (size_t i = 0; i < p->path_n; i++) {
        hex_of(hash_view(&p->path[i]), text);
        doc_add(path, doc_text_new(&a, text));
    }
    doc_set_int(&a, d, "index", (int64_t)p->index);
    doc_set_int(&a, d, "size", (int64_t)p->size);
    doc_set_text(&a, d, "origin", p->head.origin);
    set_hex(&a, d, "key", key);
    set_hex(&a, d, "leaf", hash_view(&p->leaf));
    doc_set(&a, d, "path", path);
    if (note_text) doc_set_text(&a, d, "note", note_text);
    outcome o = d && path && note_text ? doc_write_json(d, b) : REFUSE(E_MEMORY);
    arena_deinit(&a);
    return o;
}

outcome proof_make(struct ledger *l, uint64_t index, struct buffer *b)
{
    struct proof p = { .index = index };
    struct bytes note = ledger_head(l);
    uint8_t key[32];
    if (note.n == 0) return REFUSE(E_UNKNOWN);
    ledger_key(l, key);
    TRY(note_read(note, key, &p.head));
    p.size = p.head.size;
    TRY(ledger_prove(l, index, p.size, p.path, TREE_LEVELS, &p.path_n, &p.leaf));
    return write_proof(&p, note, bytes_of(key, 32), b);
}
