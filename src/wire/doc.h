/* One tree for every structured document a person or program writes: the YAML reader (cli) and the
 * JSON reader (here) both make it, so that a model has one validator and its errors name file:line.
 * Numbers are integers only; a fraction is written as a string with its unit. */
#ifndef WIRE_DOC_H
#define WIRE_DOC_H

#include "base/mem.h"

enum doc_kind { DOC_NULL, DOC_BOOL, DOC_INT, DOC_TEXT, DOC_LIST, DOC_MAP };

struct doc {
    enum doc_kind kind;
    int line;               /* 1-based; 0 when unknown (JSON from the wire) */
    bool truth;             /* DOC_BOOL */
    int64_t number;         /* DOC_INT */
    const char *text;       /* DOC_TEXT */
    const char *key;        /* within a DOC_MAP: this member's key */
    struct doc *first;      /* DOC_LIST, DOC_MAP: members in order */
    struct doc *next;
    size_t count;
    struct doc *last;       /* the builders' tail; readers of trees may leave it NULL */
    bool lost;              /* a builder could not add a member: writing refuses with E_MEMORY */
};

#define DOC_DEPTH_MAX 32    /* lists and maps inside one another */

/* Everything lives in the arena. Duplicate keys, depth > DOC_DEPTH_MAX, reals and NUL are
 * E_MALFORMED. Any JSON value is a text; callers check the kind. */
MUST outcome doc_read_json(struct bytes text, struct arena *a, struct doc **ret);
/* Canonical JSON: keys sorted by their bytes, no white space, integers, minimal escapes, UTF-8
 * (for hashing). Appends; b is unchanged on refusal. E_MALFORMED: a text is not UTF-8; E_CONFLICT:
 * two equal keys; E_RANGE: too deep; E_MEMORY: also when d is NULL or a builder lost a member. */
MUST outcome doc_write_json(const struct doc *d, struct buffer *b);

/* NULL when absent, and when map is NULL or not a map. */
const struct doc *doc_get(const struct doc *map, const char *key);
/* "" / fallback when absent or of another kind. */
const char *doc_text(const struct doc *map, const char *key, const char *fallback);
int64_t doc_int(const struct doc *map, const char *key, int64_t fallback);
bool doc_bool(const struct doc *map, const char *key, bool fallback);

/* Builders, for documents we make ourselves. NULL arguments (out of memory) pass through; the loss
 * is remembered and doc_write_json refuses, so that no incomplete document is ever signed.
 * doc_set replaces a member of the same key. A member belongs to one list or map only. */
struct doc *doc_map(struct arena *a);
struct doc *doc_list(struct arena *a);
struct doc *doc_text_new(struct arena *a, const char *text);
struct doc *doc_int_new(struct arena *a, int64_t v);
struct doc *doc_bool_new(struct arena *a, bool v);
void doc_add(struct doc *list, struct doc *member);
void doc_set(struct arena *a, struct doc *map, const char *key, struct doc *member);
void doc_set_text(struct arena *a, struct doc *map, const char *key, const char *text);
void doc_set_int(struct arena *a, struct doc *map, const char *key, int64_t v);
void doc_set_bool(struct arena *a, struct doc *map, const char *key, bool v);
/* RFC 3339 in UTC; "" for 0: never, or no end. */
void doc_set_time(struct arena *a, struct doc *map, const char *key, int64_t wall_ms);

#endif
