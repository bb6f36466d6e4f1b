/* Hash map from byte strings to pointers. Keys are copied; values are the caller's. SipHash-free:
 * a per-map random seed from port_random keeps strangers from choosing collisions. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/bytes.h"

struct map {
    struct map_slot *slots;
    size_t n, cap;
    uint64_t seed;
};
#define MAP ((struct map) { 0, 0, 0, 0 })

/* NULL when absent. */
void *map_get(const struct map *m, struct bytes key);
/* Replaces; E_MEMORY. value must not be NULL. */
MUST outcome map_put(struct map *m, struct bytes key, void *value);
/* The value that was there, or NULL. */
void *map_take(struct map *m, struct bytes key);
/* Iteration in no particular order: start with *at = 0; false at the end. No changes meanwhile. */
bool map_next(const struct map *m, size_t *at, struct bytes *ret_key, void **ret_value);
void map_deinit(struct map *m);

#endif
