/* Devices that will never run our code: known by the inventory of the people who own them, graded, and owned by somebody.
 * First-class, but powerless: nothing here lets anything in. A fold over ENTRY_UNMANAGED, kept by the registry. */
#ifndef PLATFORM_UNMANAGED_H
#define PLATFORM_UNMANAGED_H

#include "base/map.h"
#include "wire/doc.h"

enum { UNMANAGED_ID_MAX = 64, UNMANAGED_TEXT_MAX = 128, UNMANAGED_MAX = 20000 };

/* key in documents */
#define UNMANAGED_TEXTS(X)                                                                                                  \
    X(name) X(address) X(mac) X(place) X(kind) X(connection) X(owner) X(gateway) X(function) X(grade) X(maker) X(model)

struct unmanaged {
    char id[UNMANAGED_ID_MAX]; /* as people number it: any text, 設備番号 */
#define X(key) char key[UNMANAGED_TEXT_MAX];
    UNMANAGED_TEXTS(X)
#undef X
    bool gone;                 /* taken out of the list; stays readable */
    int64_t changed_ms;
};

struct unmanaged_list {
    struct map ids;
    struct unmanaged **at;
    size_t n, cap;
};
#define UNMANAGED_LIST ((struct unmanaged_list) { .at = 0 })

/* E_MALFORMED: unknown keys, no id, a text that is too long, is not UTF-8 or has control characters. */
MUST outcome unmanaged_judge(const struct doc *d);
/* Whole or not at all; E_FULL over UNMANAGED_MAX, E_MEMORY. A later entry of the same id replaces the earlier. */
MUST outcome unmanaged_apply(struct unmanaged_list *l, const struct doc *d, int64_t at_ms);
void unmanaged_deinit(struct unmanaged_list *l);
const struct unmanaged *unmanaged_find(const struct unmanaged_list *l, const char *id);
/* Whether applying d would change nothing. */
bool unmanaged_same(const struct unmanaged_list *l, const struct doc *d);
struct doc *unmanaged_doc(struct arena *a, const struct unmanaged *u);

#endif
