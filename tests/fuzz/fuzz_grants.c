/* A policy: taken whole or refused with every mistake said; what is taken can be written, read again and asked. */
#include "fuzz.h"
#include "platform/grants.h"

enum { SHOWN = 8 };

static struct grants *read_policy(const struct doc *d)
{
    struct grants *g = NULL;
    struct grants_error errors[SHOWN];
    size_t n = 0;
    outcome o = grants_read(d, &g, errors, SHOWN, &n);
    HOLDS(ok(o) == (g != NULL) && (ok(o) || o.code == E_MEMORY || n > 0));
    for (size_t i = 0; i < n && i < SHOWN; i++) HOLDS(memchr(errors[i].text, 0, sizeof errors[i].text) && bytes_is_utf8(bytes_str(errors[i].text)));
    return g;
}

static void check_rows(const struct grants *g)
{
    size_t n;
    const struct grant *rows = grants_rows(g, &n);
    HOLDS(n > 0 && n <= GRANTS_MAX);
    for (size_t i = 0; i < n; i++) {
        HOLDS(rows[i].actions != 0 && rows[i].upto < LABELS && rows[i].days < 128);
        HOLDS(!rows[i].timed || (rows[i].from_min <= 1440 && rows[i].to_min <= 1440));
        HOLDS(rows[i].prefix <= strlen(rows[i].pattern) && (rows[i].stream[0] || rows[i].pattern[0]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(64 << 20);
    struct doc *d = NULL;
    struct grants *g = ok(doc_read_json(bytes_of(data, n), &a, &d)) ? read_policy(d) : NULL;
    if (g) {
        check_rows(g);
        struct grants *again = read_policy(grants_doc(g, grants_site(g), &a));
        HOLDS(again && grants_count(again) == grants_count(g) && grants_zone(again) == grants_zone(g));
        grants_free(again);
    }
    grants_free(g);
    arena_deinit(&a);
    return 0;
}
