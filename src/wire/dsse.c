/* The DSSE envelope (v1.0). Nothing here says that a signature is good. */
#include "wire/dsse.h"

#define KEY_ID_N 64

static bool is_key_id(const char *s)
{
    return strlen(s) == KEY_ID_N && strspn(s, "0123456789abcdef") == KEY_ID_N;
}

/* The envelope carries nothing that no one has signed but what it needs. */
static MUST outcome only(const struct doc *map, const char *const *names, size_t n)
{
    if (!map || map->kind != DOC_MAP || map->count != n) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < n; i++)
        if (!doc_get(map, names[i])) return REFUSE(E_MALFORMED);
    return DONE;
}

static MUST outcome take_base64(const struct doc *map, const char *key, struct arena *a,
                                struct bytes *ret)
{
    const char *text = doc_text(map, key, NULL);
    if (!text) return REFUSE(E_MALFORMED);
    size_t cap = strlen(text) / 4 * 3 + 3, n;
    uint8_t *at = arena_new(a, cap);
    if (!at) return REFUSE(E_MEMORY);
    TRY(base64_to(bytes_str(text), at, cap, &n));
    *ret = bytes_of(at, n);
    return DONE;
}

static MUST outcome read_signature(const struct doc *row, struct arena *a, struct dsse *d)
{
    static const char *const names[] = { "keyid", "sig" };
    TRY(only(row, names, 2));
    const char *id = doc_text(row, "keyid", "");
    if (!is_key_id(id)) return REFUSE(E_MALFORMED);
    /* one key is one voice */
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->signatures[i].key_id, id) == 0) return REFUSE(E_MALFORMED);
    if (d->n == DSSE_SIGNATURES_MAX) return REFUSE(E_TOO_LARGE);
    TRY(take_base64(row, "sig", a, &d->signatures[d->n].signature));
    if (d->signatures[d->n].signature.n == 0) return REFUSE(E_MALFORMED);
    d->signatures[d->n++].key_id = id;
    return DONE;
}

outcome dsse_read(struct bytes json, struct arena *a, struct dsse *ret)
{
    static const char *const names[] = { "payload", "payloadType", "signatures" };
    struct doc *map;
    struct dsse d = { 0 };
    TRY(doc_read_json(json, a, &map));
    TRY(only(map, names, 3));
    d.type = doc_text(map, "payloadType", "");
    if (!*d.type) return REFUSE(E_MALFORMED);
    TRY(take_base64(map, "payload", a, &d.payload));
    const struct doc *rows = doc_get(map, "signatures");
    if (rows->kind != DOC_LIST) return REFUSE(E_MALFORMED);
    for (const struct doc *row = rows->first; row; row = row->next) TRY(read_signature(row, a, &d));
    if (d.n == 0) return REFUSE(E_MALFORMED);
    *ret = d;
    return DONE;
}

/* Base64 as a text of the arena; NULL when memory is out. */
static struct doc *base64_doc(struct arena *a, struct bytes b)
{
    char *text = arena_new(a, 4 * ((b.n + 2) / 3) + 1);
    struct doc *d = text ? doc_text_new(a, "") : NULL;
    if (!d) return NULL;
    base64_of(b, text);
    d->text = text;
    return d;
}

static struct doc *signatures_doc(const struct dsse *d, struct arena *a)
{
    struct doc *rows = doc_list(a);
    for (size_t i = 0; i < d->n; i++) {
        struct doc *row = doc_map(a);
        doc_set_text(a, row, "keyid", d->signatures[i].key_id);
        doc_set(a, row, "sig", base64_doc(a, d->signatures[i].signature));
        doc_add(rows, row);
    }
    return rows;
}

outcome dsse_write(const struct dsse *d, struct buffer *b)
{
    assert(d->n >= 1 && d->n <= DSSE_SIGNATURES_MAX && d->type && *d->type);
    for (size_t i = 0; i < d->n; i++) {
        assert(is_key_id(d->signatures[i].key_id));
        for (size_t k = 0; k < i; k++)
            if (strcmp(d->signatures[i].key_id, d->signatures[k].key_id) == 0)
                return REFUSE(E_CONFLICT);
    }
    size_t bytes = d->payload.n;
    for (size_t i = 0; i < d->n; i++) bytes += d->signatures[i].signature.n;
    struct arena a = ARENA(2 * bytes + 65536);
    struct doc *map = doc_map(&a);
    doc_set(&a, map, "payload", base64_doc(&a, d->payload));
    doc_set_text(&a, map, "payloadType", d->type);
    doc_set(&a, map, "signatures", signatures_doc(d, &a));
    outcome o = doc_write_json(map, b);
    arena_deinit(&a);
    return o;
}

outcome dsse_pae(const char *type, struct bytes payload, struct buffer *b)
{
    size_t before = b->n;
    outcome o = buffer_fmt(b, "DSSEv1 %zu %s %zu ", strlen(type), type, payload.n);
    if (ok(o)) o = buffer_put(b, payload);
    if (!ok(o)) b->n = before;
    return o;
}
