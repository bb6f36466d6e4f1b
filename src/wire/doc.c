/* The document tree: looking members up and building trees. No format here. */
#include "wire/doc.h"

#include "base/time.h"

const struct doc *doc_get(const struct doc *map, const char *key)
{
    if (!map || map->kind != DOC_MAP) return NULL;
    for (const struct doc *d = map->first; d; d = d->next)
        if (strcmp(d->key, key) == 0) return d;
    return NULL;
}

const char *doc_text(const struct doc *map, const char *key, const char *fallback)
{
    const struct doc *d = doc_get(map, key);
    return d && d->kind == DOC_TEXT ? d->text : fallback;
}

int64_t doc_int(const struct doc *map, const char *key, int64_t fallback)
{
    const struct doc *d = doc_get(map, key);
    return d && d->kind == DOC_INT ? d->number : fallback;
}

bool doc_bool(const struct doc *map, const char *key, bool fallback)
{
    const struct doc *d = doc_get(map, key);
    return d && d->kind == DOC_BOOL ? d->truth : fallback;
}

static struct doc *doc_new(struct arena *a, enum doc_kind kind)
{
    struct doc *d = arena_new(a, sizeof *d);
    if (d) d->kind = kind;
    return d;
}

struct doc *doc_map(struct arena *a)
{
    return doc_new(a, DOC_MAP);
}

struct doc *doc_list(struct arena *a)
{
    return doc_new(a, DOC_LIST);
}

struct doc *doc_text_new(struct arena *a, const char *text)
{
    struct doc *d = text ? doc_new(a, DOC_TEXT) : NULL;
    if (!d) return NULL;
    d->text = arena_text(a, bytes_str(text));
    return d->text ? d : NULL;
}

struct doc *doc_int_new(struct arena *a, int64_t v)
{
    struct doc *d = doc_new(a, DOC_INT);
    if (d) d->number = v;
    return d;
}

struct doc *doc_bool_new(struct arena *a, bool v)
{
    struct doc *d = doc_new(a, DOC_BOOL);
    if (d) d->truth = v;
    return d;
}

/* The tail may be unknown when another reader made the tree. */
static void append(struct doc *parent, struct doc *member)
{
    assert(!member->next && member != parent);
    struct doc *tail = parent->last ? parent->last : parent->first;
    while (tail && tail->next) tail = tail->next;
    if (tail) tail->next = member;
    else parent->first = member;
    parent->last = member;
    parent->count++;
}

void doc_add(struct doc *list, struct doc *member)
{
    if (!list) return;
    assert(list->kind == DOC_LIST);
    if (member) append(list, member);
    else list->lost = true;
}

void doc_set(struct arena *a, struct doc *map, const char *key, struct doc *member)
{
    if (!map) return;
    assert(map->kind == DOC_MAP);
    char *own = member ? arena_text(a, bytes_str(key)) : NULL;
    if (!own) {
        map->lost = true;
        return;
    }
    member->key = own;
    struct doc *before = NULL;
    for (struct doc *d = map->first; d; before = d, d = d->next) {
        if (strcmp(d->key, key) != 0) continue;
        assert(!member->next && member != d);
        member->next = d->next;
        if (before) before->next = member;
        else map->first = member;
        if (map->last == d) map->last = member;
        d->next = NULL;
        return;
    }
    append(map, member);
}

void doc_set_text(struct arena *a, struct doc *map, const char *key, const char *text)
{
    doc_set(a, map, key, doc_text_new(a, text));
}

void doc_set_int(struct arena *a, struct doc *map, const char *key, int64_t v)
{
    doc_set(a, map, key, doc_int_new(a, v));
}

void doc_set_bool(struct arena *a, struct doc *map, const char *key, bool v)
{
    doc_set(a, map, key, doc_bool_new(a, v));
}

void doc_set_time(struct arena *a, struct doc *map, const char *key, int64_t wall_ms)
{
    char text[TIME_TEXT] = "";
    if (wall_ms) time_text(wall_ms, text);
    doc_set_text(a, map, key, text);
}
