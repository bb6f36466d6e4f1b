/* Signatures that entries rest on, verified again at replay. */
#include "node/core.h"

outcome core_signed_then(struct core *c, const char *type, const struct doc *entry, const struct signed_then *t)
{
    char why[ASSURANCE_WHY];
    struct buffer b = BUFFER(1u << 20);
    const struct doc *envelope = doc_get(entry, "envelope");
    outcome o = envelope ? doc_write_json(envelope, &b) : REFUSE(E_DENIED);
    if (ok(o)) o = assurance_verify(c->assurance, type, buffer_view(&b), t->at_ms, t->arena, t->ret, why);
    buffer_deinit(&b);
    return ok(o) || o.code == E_MEMORY ? o : REFUSE(E_DENIED);
}
