/* Who holds the roles, and the documents that change it. What is taken can be shown; what is refused leaves nothing. */
#include "assurance/charter.h"
#include "fuzz.h"

static void check_charter(const struct charter *c, struct arena *a)
{
    struct charter_signer s;
    HOLDS(c->n_deputies <= CHARTER_DEPUTIES && memchr(c->site, 0, sizeof c->site));
    for (size_t r = 0; r < CHARTER_ROLES; r++) {
        HOLDS(c->roles[r].key && ok(charter_signer(c, c->roles[r].key_id, 0, &s)));
        HOLDS(!s.deputy && s.rank == 5 && s.roles & 1u << r);
    }
    HOLDS(charter_view(c, a) != NULL);
}

/* A change against the charter of the same input: members "charter" and "change". */
static void check_change(struct charter *c, const struct doc *payload)
{
    struct charter_change n = { 0 };
    const char *why = NULL;
    outcome o = charter_change_read(c, payload, &n, &why);
    HOLDS(ok(o) || o.code == E_MEMORY || why);
    if (!ok(o)) return;
    HOLDS(n.role < CHARTER_ROLES && n.holder.key && n.at_ms > 0);
    HOLDS(n.kind == CHARTER_ROTATES || (n.deputy.until_ms > n.deputy.from_ms && n.deputy.rank >= 1 && n.deputy.rank <= 5));
    charter_change_apply(c, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(16 << 20);
    struct doc *d = NULL;
    struct charter c = { 0 };
    if (ok(doc_read_json(bytes_of(data, n), &a, &d)) && ok(charter_read(doc_get(d, "charter"), &c))) {
        check_charter(&c, &a);
        check_change(&c, doc_get(d, "change"));
        check_charter(&c, &a);
        charter_deinit(&c);
    }
    arena_deinit(&a);
    return 0;
}
