/* How a peer stands: its signed statements, taken, recorded, in force; expiry; replay. */
#include <stdio.h>

#include "node/peers.h"

enum { WRITE_EVERY_MS = 2 * 60 * 1000 };

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
    if (same) {
        p->statement = old->statement, p->said = old->said, p->result = old->result;
        p->kept = old->kept;
        p->theirs = old->theirs;
        (void)!ok(buffer_put(&p->held, buffer_view(&old->held))); /* without it they cannot be warned; nothing else is lost */
    }
    peer_stand(p);
}

bool peer_terms_hold(const struct peer_live *p)
{
    return !p->a.speaks || (p->said && strcmp(p->terms, p->statement.terms) == 0);
}

/* One that says what the one before said is written now and then, for its heads and its end. */
static bool worth_writing(const struct peer_live *p, const struct statement *s)
{
    const struct statement *b = &p->statement;
    bool same = p->said && s->within == b->within && s->claim_ppb == b->claim_ppb && memcmp(s->sl, b->sl, sizeof s->sl) == 0
        && strcmp(s->terms, b->terms) == 0 && strcmp(s->verdict, b->verdict) == 0;
    return !same || !p->written_ms || port_mono_ms() - p->written_ms > WRITE_EVERY_MS;
}

static MUST outcome write_statement(struct peer_live *p, const struct doc *envelope, bool proved, struct arena *a)
{
    struct doc *d = doc_map(a), *again = arena_new(a, sizeof *again);
    if (!d || !again) return REFUSE(E_MEMORY);
    *again = *envelope;
    again->next = NULL;
    doc_set_text(a, d, "what", "statement");
    doc_set_text(a, d, "peer", p->a.id);
    doc_set_bool(a, d, "proved", proved);
    doc_set(a, d, "envelope", again);
    p->written_ms = port_mono_ms();
    return core_write(p->core, ENTRY_STATEMENT, d, true);
}

static void in_force(struct peer_live *p, const struct statement *s)
{
    p->statement = *s;
    p->said = true;
    peer_stand(p);
    for (size_t i = 0; i < p->a.n; i++)
        if (!flow_open(p, i)) flow_unlink(p, i); /* other terms: nothing of ours is agreed any more */
    peer_judge(p, "statement");
    peer_verify(p);
}

/* A worse one is in force whatever the record says to it; a better one only once it is written. */
static MUST outcome take_statement(struct peer_live *p, const struct doc *envelope, const struct statement *s, bool proved, struct arena *a)
{
    bool worse = p->said && statement_worse(s, &p->statement), writes = worth_writing(p, s);
    outcome o = DONE;
    if (writes && !worse) o = write_statement(p, envelope, proved, a);
    if (ok(o) || worse) in_force(p, s);
    if (ok(o) && writes && worse) o = write_statement(p, envelope, proved, a);
    return o;
}

/* The statement that shows their newest head is what we show them, should they have lost it. */
static void hold(struct peer_live *p, struct bytes json)
{
    buffer_drop(&p->held, p->held.n);
    if (!ok(buffer_put(&p->held, json))) buffer_drop(&p->held, p->held.n);
}

/* message: NULL where a person brought the file. */
static MUST outcome read_and_take(struct peer_live *p, struct bytes json, const struct doc *message, char why[ASSURANCE_WHY])
{
    struct statement s;
    struct arena arena = ARENA(1 << 20);
    struct doc *envelope = NULL;
    enum statement_result r = statement_read(json, &p->a, p->said ? p->statement.at_ms : 0, port_wall_ms(), &s);
    if (r != STATEMENT_VALID) {
        core_counted(p->core, "statement-refused", p->a.id, statement_word(r), 1);
        snprintf(why, ASSURANCE_WHY, "statement-%s", statement_word(r));
        return REFUSE(r == STATEMENT_REPLAYED ? E_CONFLICT : r == STATEMENT_EXPIRED ? E_EXPIRED : E_DENIED);
    }
    p->result = r;
    bool proved = message && peer_heads(p, &s, message);
    if (proved) hold(p, json);
    outcome o = doc_read_json(json, &arena, &envelope);
    if (ok(o)) o = take_statement(p, envelope, &s, proved, &arena);
    arena_deinit(&arena);
    return o;
}

/* Authenticated by its link; believed by its signature alone. What is not a message is its peer's fault, and counted. */
void peer_told(struct peer_live *p, struct bytes message)
{
    struct arena arena = ARENA(1 << 20);
    struct buffer json = BUFFER(STATEMENT_BYTES_MAX);
    struct doc *d = NULL;
    char why[ASSURANCE_WHY] = "";
    outcome o = doc_read_json(message, &arena, &d);
    const struct doc *envelope = ok(o) ? doc_get(d, "statement") : NULL;
    if (ok(o)) o = envelope ? doc_write_json(envelope, &json) : REFUSE(E_MALFORMED);
    if (ok(o)) o = read_and_take(p, buffer_view(&json), d, why);
    if (!ok(o) && !why[0]) core_counted(p->core, "statement-refused", p->a.id, code_word(o.code), 1);
    buffer_deinit(&json);
    arena_deinit(&arena);
}

/* POST of a peer's statement. What is not valid changes nothing: a stranger must not be able to narrow a flow. */
outcome core_statement(void *ctx, const char *id, struct bytes json, char why[ASSURANCE_WHY])
{
    struct peer_live *p = peer_find(ctx, id);
    if (!p) return REFUSE(E_UNKNOWN);
    if (!p->a.statement_key[0]) {
        snprintf(why, ASSURANCE_WHY, "no-key: the agreement names no key for statements");
        return REFUSE(E_CONFLICT);
    }
    return read_and_take(p, json, NULL, why);
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
        if (doc_bool(d, "proved", false)) p->kept = s.head, hold(p, buffer_view(&b));
        peer_stand(p);
    }
    buffer_deinit(&b);
}
