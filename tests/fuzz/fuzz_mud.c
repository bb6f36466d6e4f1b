/* A maker's profile: compiled or refused with a reason; what is compiled can be judged by. */
#include "fuzz.h"
#include "watch/mud.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(16 << 20);
    struct doc *d = NULL;
    struct mud_profile m = { 0 };
    char why[MUD_TEXT];
    if (ok(doc_read_json(bytes_of(data, n), &a, &d))) {
        outcome o = mud_compile(d, &a, &m, why);
        HOLDS(ok(o) || o.code == E_MEMORY || why[0]);
        HOLDS(!why[0] || bytes_is_utf8(bytes_str(why)));
        struct mud_world w = { 0 };
        struct mud_packet p = { .from_device = true, .ethertype = 0x0800, .protocol = 6, .peer.family = 4 };
        const struct mud_rule *r = ok(o) ? mud_allows(&m, &w, &p) : NULL;
        HOLDS(m.n <= MUD_RULES_MAX && (!r || (r >= m.rules && r < m.rules + m.n)));
    }
    arena_deinit(&a);
    return 0;
}
