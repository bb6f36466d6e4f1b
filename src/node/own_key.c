/* Keys that only the core knows, in its own folder: what aliases and pseudonyms are made with. */
#include "node/core.h"

#include <stdio.h>

outcome own_key(const struct core *c, const char *name, uint8_t ret[32])
{
    char path[600];
    struct buffer b;
    int n = snprintf(path, sizeof path, "%s/core/%s", c->state, name);
    if (n < 0 || (size_t)n >= sizeof path) return REFUSE(E_TOO_LARGE);
    if (ok(port_file_load(path, 64, &b))) {
        bool good = b.n == 32;
        if (good) memcpy(ret, b.at, 32);
        buffer_wipe(&b);
        return good ? DONE : REFUSE(E_MALFORMED);
    }
    port_random(ret, 32);
    return port_file_store(path, bytes_of(ret, 32), 0600);
}
