/* How a peer stands: its signed statements, taken, recorded, in force; expiry; replay. */
#include <stdio.h>

#include "node/peers.h"

bool peer_lapsed(const struct peer_live *p, int64_t wall_ms)
{
    return wall_ms >= p->a.until_ms || (p->said && wall_ms >= p->statement.until_ms);
}

void peer_stand(struct peer_live *p)
{
    statement_stand(&p->a, p->vouched, p->said ? &p->statement : NULL);
}

void peer_stand_as(struct peer_live *p, const struct peer_live *old)
{
    bool same = old && p->a.statement_key[0] && strcmp(p->a.statement_key, old->a.statement_key) == 0
        && strcmp(p->a.statement_site, old->a.statement_site) == 0;
    if (same) p->statement = old->statement, p->said = old->said, p->result = old->result;
    peer_stand(p);
}

/* A worse one is in force whatever the record says to it; a better one only once it is written. */
static MUST outcome take_statement(struct peer_live *p, struct bytes json, const struct statement *s)
{
    struct arena arena = ARENA(1 << 20);
    struct doc *envelope = NULL, *d = doc_map(&arena);
    outcome o = doc_read_json(json, &arena, &envelope);
    doc_set_text(&arena, d, "what", "statement");
    doc_set_text(&arena, d, "peer", p->a.id);
    doc_set(&arena, d, "envelope", envelope);
    bool worse = p->said && statement_worse(s, &p->statement);
    if (ok(o) && !worse) o = core_write(p->core, ENTRY_STATEMENT, d, true);
    if (ok(o) || worse) {
        p->statement = *s;
        p->said = true;
        peer_stand(p);
        peer_judge(p, "statement");
    }
    if (ok(o) && worse) o = core_write(p->core, ENTRY_STATEMENT, d, true);
    arena_deinit(&arena);
    return o;
}

/* POST of a peer's statement. What is not valid changes nothing: a stranger must not be able to narrow a flow. */
outcome core_statement(void *ctx, const char *id, struct bytes json, char why[ASSURANCE_WHY])
{
    struct statement s;
    struct peer_live *p = peer_find(ctx, id);
    if (!p) return REFUSE(E_UNKNOWN);
    if (!p->a.statement_key[0]) {
        snprintf(why, ASSURANCE_WHY, "no-key: the agreement names no key for statements");
        return REFUSE(E_CONFLICT);
    }
    enum statement_result r = statement_read(json, &p->a, p->said ? p->statement.at_ms : 0, port_wall_ms(), &s);
    if (r != STATEMENT_VALID) {
        core_counted(p->core, "statement-refused", p->a.id, statement_word(r), 1);
        snprintf(why, ASSURANCE_WHY, "statement-%s", statement_word(r));
        return REFUSE(r == STATEMENT_REPLAYED ? E_CONFLICT : r == STATEMENT_EXPIRED ? E_EXPIRED : E_DENIED);
    }
    p->result = r;
    return take_statement(p, json, &s);
}

/* Of the record: verified again, whatever the date is now; its end is judged by peer_lapsed. */
void core_statement_replay(struct core *c, const struct doc *d, int64_t at_ms)
{
    struct statement s;
    struct buffer b = BUFFER(STATEMENT_BYTES_MAX);
    struct peer_live *p = peer_find(c, doc_text(d, "peer", ""));
    const struct doc *envelope = doc_get(d, "envelope");
    if (p && envelope && ok(doc_write_json(envelope, &b))
        && statement_read(buffer_view(&b), &p->a, p->said ? p->statement.at_ms : 0, at_ms, &s) == STATEMENT_VALID) {
        p->statement = s;
        p->said = true;
        p->result = STATEMENT_VALID;
        peer_stand(p);
    }
    buffer_deinit(&b);
}
