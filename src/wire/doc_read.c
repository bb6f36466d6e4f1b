/* JSON -> struct doc, through jansson. Stricter than RFC 8259: no reals, no duplicate keys, no
 * U+0000, at most DOC_DEPTH_MAX levels. jansson itself recurses, so the depth is measured first. */
#include <jansson.h>

#include "wire/doc.h"

/* Counts brackets outside strings. Whether they pair up is for the parser to say. */
static MUST outcome depth_check(struct bytes text)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.at[i];
        if (quoted && c == '\\') i++;
        else if (c == '"') quoted = !quoted;
        else if (quoted) continue;
        else if (c == '[' || c == '{') depth++;
        else if ((c == ']' || c == '}') && depth > 0) depth--;
        if (depth > DOC_DEPTH_MAX) return REFUSE(E_MALFORMED);
    }
    return DONE;
}

/* One container being converted. */
struct level {
    json_t *from;
    void *member; /* iterator of an object */
    size_t index; /* of an array */
    struct doc *to;
};

static MUST outcome convert_one(json_t *from, struct arena *a, struct doc **ret)
{
    struct doc *d = NULL;
    switch (json_typeof(from)) {
    case JSON_OBJECT: d = doc_map(a); break;
    case JSON_ARRAY: d = doc_list(a); break;
    case JSON_STRING: d = doc_text_new(a, json_string_value(from)); break;
    case JSON_INTEGER: d = doc_int_new(a, json_integer_value(from)); break;
    case JSON_REAL: return REFUSE(E_MALFORMED);
    case JSON_TRUE:
    case JSON_FALSE: d = doc_bool_new(a, json_is_true(from)); break;
    case JSON_NULL: d = arena_new(a, sizeof *d); break; /* DOC_NULL is zero */
    }
    if (!d) return REFUSE(E_MEMORY);
    *ret = d;
    return DONE;
}

/* The next member of a container, or NULL at its end. */
static json_t *level_next(struct level *l, const char **ret_key)
{
    *ret_key = NULL;
    if (json_is_array(l->from)) return json_array_get(l->from, l->index++);
    void *at = l->member;
    if (!at) return NULL;
    *ret_key = json_object_iter_key(at);
    l->member = json_object_iter_next(l->from, at);
    return json_object_iter_value(at);
}

static struct level level_of(json_t *from, struct doc *to)
{
    void *member = json_is_object(from) ? json_object_iter(from) : NULL;
    return (struct level) { .from = from, .member = member, .to = to };
}

static void attach(struct doc *to, struct doc *d)
{
    if (to->last) to->last->next = d;
    else to->first = d;
    to->last = d;
    to->count++;
}

/* Depth first with a stack of its own; depth_check bounds it. */
static MUST outcome convert(json_t *root, struct arena *a, struct doc **ret)
{
    struct level stack[DOC_DEPTH_MAX];
    size_t depth = 0;
    struct doc *top;
    TRY(convert_one(root, a, &top));
    if (json_is_object(root) || json_is_array(root)) stack[depth++] = level_of(root, top);
    while (depth > 0) {
        struct level *l = &stack[depth - 1];
        const char *key;
        json_t *from = level_next(l, &key);
        if (!from) {
            depth--;
            continue;
        }
        struct doc *d;
        TRY(convert_one(from, a, &d));
        if (key && !(d->key = arena_text(a, bytes_str(key)))) return REFUSE(E_MEMORY);
        attach(l->to, d);
        if (!json_is_object(from) && !json_is_array(from)) continue;
        if (depth == DOC_DEPTH_MAX) return REFUSE(E_MALFORMED);
        stack[depth++] = level_of(from, d);
    }
    *ret = top;
    return DONE;
}

outcome doc_read_json(struct bytes text, struct arena *a, struct doc **ret)
{
    TRY(depth_check(text));
    if (text.n == 0) return REFUSE(E_MALFORMED);
    json_error_t why;
    json_t *root = json_loadb((const char *)text.at, text.n,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!root)
        return json_error_code(&why) == json_error_out_of_memory ? REFUSE(E_MEMORY)
                                                                 : REFUSE(E_MALFORMED);
    struct doc *d = NULL;
    outcome o = convert(root, a, &d);
    json_decref(root);
    TRY(o);
    *ret = d;
    return DONE;
}
