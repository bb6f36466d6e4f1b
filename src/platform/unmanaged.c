#include "platform/unmanaged.h"

static const struct { const char *key; size_t at; } texts[] = {
#define X(key) { #key, offsetof(struct unmanaged, key) },
    UNMANAGED_TEXTS(X)
#undef X
};
enum { TEXTS = sizeof texts / sizeof *texts };

static MUST outcome read_text(const struct doc *m, char *to, size_t size)
{
    if (m->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
    for (const char *p = m->text; *p; p++)
        if ((uint8_t)*p < ' ' || *p == 0x7F) return REFUSE(E_MALFORMED);
    if (strlen(m->text) >= size || !bytes_is_utf8(bytes_str(m->text))) return REFUSE(E_MALFORMED);
    return bytes_to_text(bytes_str(m->text), to, size);
}

static MUST outcome read_member(const struct doc *m, struct unmanaged *u)
{
    if (strcmp(m->key, "id") == 0) return read_text(m, u->id, sizeof u->id);
    if (strcmp(m->key, "gone") == 0) {
        u->gone = m->truth;
        return m->kind == DOC_BOOL ? DONE : REFUSE(E_MALFORMED);
    }
    for (size_t i = 0; i < TEXTS; i++)
        if (strcmp(m->key, texts[i].key) == 0) return read_text(m, (char *)u + texts[i].at, UNMANAGED_TEXT_MAX);
    return REFUSE(E_MALFORMED);
}

static MUST outcome unmanaged_read(const struct doc *d, struct unmanaged *ret)
{
    struct unmanaged u = { 0 };
    if (!d || d->kind != DOC_MAP) return REFUSE(E_MALFORMED);
    for (const struct doc *m = d->first; m; m = m->next) TRY(read_member(m, &u));
    if (!u.id[0]) return REFUSE(E_MALFORMED);
    *ret = u;
    return DONE;
}

outcome unmanaged_judge(const struct doc *d)
{
    struct unmanaged u;
    return unmanaged_read(d, &u);
}

const struct unmanaged *unmanaged_find(const struct unmanaged_list *l, const char *id)
{
    return map_get(&l->ids, bytes_str(id));
}

bool unmanaged_same(const struct unmanaged_list *l, const struct doc *d)
{
    struct unmanaged u;
    if (!ok(unmanaged_read(d, &u))) return false;
    const struct unmanaged *now = unmanaged_find(l, u.id);
    if (!now || now->gone != u.gone) return false;
    for (size_t i = 0; i < TEXTS; i++)
        if (strcmp((const char *)now + texts[i].at, (const char *)&u + texts[i].at) != 0) return false;
    return true;
}

static MUST outcome reserve(struct unmanaged_list *l)
{
    if (l->n == UNMANAGED_MAX) return REFUSE(E_FULL);
    if (l->n < l->cap) return DONE;
    size_t cap = l->cap ? 2 * l->cap : 64;
    struct unmanaged **at = mem_grow(l->at, cap * sizeof *at);
    if (!at) return REFUSE(E_MEMORY);
    l->at = at;
    l->cap = cap;
    return DONE;
}

outcome unmanaged_apply(struct unmanaged_list *l, const struct doc *d, int64_t at_ms)
{
    struct unmanaged u;
    TRY(unmanaged_read(d, &u));
    u.changed_ms = at_ms;
    struct unmanaged *mine = map_get(&l->ids, bytes_str(u.id));
    if (mine) {
        *mine = u;
        return DONE;
    }
    TRY(reserve(l));
    mine = mem_new(sizeof *mine);
    if (!mine) return REFUSE(E_MEMORY);
    *mine = u;
    outcome o = map_put(&l->ids, bytes_str(u.id), mine);
    if (ok(o)) l->at[l->n++] = mine;
    else mem_free(mine);
    return o;
}

void unmanaged_deinit(struct unmanaged_list *l)
{
    for (size_t i = 0; i < l->n; i++) mem_free(l->at[i]);
    mem_free(l->at);
    map_deinit(&l->ids);
    *l = UNMANAGED_LIST;
}

struct doc *unmanaged_doc(struct arena *a, const struct unmanaged *u)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", u->id);
    for (size_t i = 0; i < TEXTS; i++) doc_set_text(a, d, texts[i].key, (const char *)u + texts[i].at);
    if (u->gone) doc_set_bool(a, d, "gone", true);
    return d;
}
