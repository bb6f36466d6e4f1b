/* struct doc -> canonical JSON: what is hashed and signed, so that one document has one text.
 * Iterative; refuses what it could not read back. */
#include <stdlib.h>

#include "wire/doc.h"

/* One list or map being written. Members of a map are visited in the order of their keys. */
struct level {
    const struct doc *from;
    const struct doc *member;   /* list: the next one */
    const struct doc **sorted;  /* map: all of them; owned */
    size_t i;
};

static int by_key(const void *a, const void *b)
{
    const struct doc *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static MUST outcome sort_members(const struct doc *map, const struct doc ***ret)
{
    if (!map->first) {
        *ret = NULL;
        return DONE;
    }
    const struct doc **rows = mem_new_array(map->count, sizeof *rows);
    if (!rows) return REFUSE(E_MEMORY);
    size_t n = 0;
    for (const struct doc *d = map->first; d; d = d->next) {
        assert(n < map->count && d->key);
        rows[n++] = d;
    }
    assert(n == map->count);
    qsort(rows, n, sizeof *rows, by_key);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(rows[i - 1]->key, rows[i]->key) != 0) continue;
        mem_free(rows);
        return REFUSE(E_CONFLICT);
    }
    *ret = rows;
    return DONE;
}

/* RFC 8785, 3.2.2.2: the two-letter escapes, \u00xx for other controls, the rest as it is. */
static MUST outcome write_escape(uint8_t c, struct buffer *b)
{
    static const char letters[128] = {
        ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
        ['\r'] = 'r',
    };
    if (letters[c]) return buffer_fmt(b, "\\%c", letters[c]);
    return buffer_fmt(b, "\\u%04x", c);
}

static MUST outcome write_text(const char *text, struct buffer *b)
{
    struct bytes rest = bytes_str(text);
    if (!bytes_is_utf8(rest)) return REFUSE(E_MALFORMED);
    TRY(buffer_put(b, BYTES_LIT("\"")));
    while (rest.n > 0) {
        size_t plain = 0;
        while (plain < rest.n && rest.at[plain] >= 0x20 && rest.at[plain] != '"'
               && rest.at[plain] != '\\')
            plain++;
        struct bytes run;
        TRY(take(&rest, plain, &run));
        TRY(buffer_put(b, run));
        uint8_t c;
        if (!ok(take_u8(&rest, &c))) break;
        TRY(write_escape(c, b));
    }
    return buffer_put(b, BYTES_LIT("\""));
}

static MUST outcome write_scalar(const struct doc *d, struct buffer *b)
{
    switch (d->kind) {
    case DOC_NULL: return buffer_put(b, BYTES_LIT("null"));
    case DOC_BOOL: return buffer_put(b, bytes_str(d->truth ? "true" : "false"));
    case DOC_INT: return buffer_fmt(b, "%lld", (long long)d->number);
    case DOC_TEXT: return write_text(d->text, b);
    case DOC_LIST:
    case DOC_MAP: break;
    }
    assert(false && "a list or map is no scalar");
    return REFUSE(E_MALFORMED);
}

static bool is_container(const struct doc *d)
{
    return d->kind == DOC_LIST || d->kind == DOC_MAP;
}

static MUST outcome level_open(const struct doc *d, struct level *ret, struct buffer *b)
{
    if (d->lost) return REFUSE(E_MEMORY);
    struct level l = { .from = d, .member = d->first };
    TRY(buffer_put(b, bytes_str(d->kind == DOC_MAP ? "{" : "[")));
    if (d->kind == DOC_MAP) TRY(sort_members(d, &l.sorted));
    *ret = l;
    return DONE;
}

static const struct doc *level_next(struct level *l)
{
    if (l->from->kind == DOC_MAP) return l->i < l->from->count ? l->sorted[l->i++] : NULL;
    const struct doc *d = l->member;
    if (d) l->member = d->next;
    l->i++;
    return d;
}

static MUST outcome write_member_head(const struct level *l, const struct doc *d, struct buffer *b)
{
    if (l->i > 1) TRY(buffer_put(b, BYTES_LIT(",")));
    if (l->from->kind != DOC_MAP) return DONE;
    TRY(write_text(d->key, b));
    return buffer_put(b, BYTES_LIT(":"));
}

/* *depth says how many levels of the stack the caller has to release. */
static MUST outcome write_all(const struct doc *root, struct level *stack, size_t *depth,
                              struct buffer *b)
{
    if (!is_container(root)) return write_scalar(root, b);
    TRY(level_open(root, &stack[0], b));
    *depth = 1;
    while (*depth > 0) {
        struct level *l = &stack[*depth - 1];
        const struct doc *d = level_next(l);
        if (!d) {
            TRY(buffer_put(b, bytes_str(l->from->kind == DOC_MAP ? "}" : "]")));
            mem_free(l->sorted);
            (*depth)--;
            continue;
        }
        TRY(write_member_head(l, d, b));
        if (!is_container(d)) {
            TRY(write_scalar(d, b));
            continue;
        }
        if (*depth == DOC_DEPTH_MAX) return REFUSE(E_RANGE);
        TRY(level_open(d, &stack[*depth], b));
        (*depth)++;
    }
    return DONE;
}

outcome doc_write_json(const struct doc *d, struct buffer *b)
{
    if (!d) return REFUSE(E_MEMORY);
    struct level stack[DOC_DEPTH_MAX];
    size_t depth = 0, before = b->n;
    outcome o = write_all(d, stack, &depth, b);
    while (depth > 0) mem_free(stack[--depth].sorted);
    if (!ok(o)) b->n = before;
    return o;
}
