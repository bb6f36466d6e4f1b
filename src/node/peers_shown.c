/* Peers and flows for people: what passes, what is held back and why, what changed since the agreement. Judges nothing. */
#include "node/peers.h"

/* Only what can be a cause of a change; a reason an operator gave stands as it is. */
static const char *cause_ja(const char *cause)
{
    static const struct { const char *word, *ja; } rows[] = { { "reached", "接続を確認" }, { "statement", "連携先の表明" }, { "ended-or-expired", "期限" },
        { "self-test", "関所の段の自己試験" }, { "agreement", "合意" } };
    for (unsigned i = 0; i < SIGHT_COUNT; i++)
        if (strcmp(cause, sight_word((enum sight)i)) == 0) return sight_word_ja((enum sight)i);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(cause, rows[i].word) == 0) return rows[i].ja;
    return cause;
}

static struct doc *stages_doc(unsigned mask, struct arena *a)
{
    struct doc *list = doc_list(a);
    for (unsigned s = 0; s < STAGE_COUNT; s++) {
        if (!(mask >> s & 1)) continue;
        struct doc *row = doc_map(a);
        doc_set_text(a, row, "stage", stage_word((enum stage_id)s));
        doc_set_text(a, row, "stage_ja", stage_word_ja((enum stage_id)s));
        doc_add(list, row);
    }
    return list;
}

static struct doc *changes_doc(const struct flow_live *f, struct arena *a)
{
    struct doc *list = doc_list(a);
    for (size_t i = f->n_changes; i-- > 0;) {
        const struct flow_change *x = &f->changes[i];
        struct doc *row = doc_map(a);
        char at[TIME_TEXT];
        time_text(x->at_ms, at);
        doc_set_text(a, row, "at", at);
        doc_set_text(a, row, "state", flow_state_word(x->state));
        doc_set_text(a, row, "state_ja", flow_state_word_ja(x->state));
        doc_set_text(a, row, "verdict", x->verdict);
        doc_set_text(a, row, "cause", x->cause);
        doc_set_text(a, row, "cause_ja", cause_ja(x->cause));
        doc_set(a, row, "stages", stages_doc(x->verdict[0] ? x->stages : 0, a));
        doc_add(list, row);
    }
    return list;
}

static struct doc *flow_doc(const struct peer_live *p, size_t i, struct arena *a)
{
    const struct flow *def = &p->a.flows[i];
    const struct flow_live *f = &p->flows[i];
    const struct { const char *key, *text; } texts[] = { { "flow", def->id }, { "peer", p->a.id }, { "direction", flow_direction_word(def->direction) },
        { "local", def->local }, { "remote", def->remote }, { "label", def->label }, { "purpose", def->purpose }, { "state", flow_state_word(f->state) },
        { "state_ja", flow_state_word_ja(f->state) }, { "verdict", f->judged ? flow_verdict_word(f->j.verdict) : "" }, { "why", f->why },
        { "last_refusal", f->last_word }, { "fallback", def->fallback_pass ? "all-stages" : "deny" } };
    const struct { const char *key; int64_t n; } numbers[] = { { "passed", (int64_t)f->passed }, { "refused", (int64_t)f->refused },
        { "held", (int64_t)f->held }, { "peer_refused", (int64_t)f->peer_refused }, { "waiting", (int64_t)f->n_wait }, { "rate_used_ppb", f->j.rate_used_ppb },
        { "bypass_ppb", f->j.bypass_ppb }, { "added_yen", f->j.added_yen }, { "added_bare_yen", f->j.added_bare_yen }, { "tolerance_yen", def->tolerance_yen }, { "per_minute", def->per_minute }, { "bytes", def->bytes_max },
        { "since", f->j.since_ms }, { "last_refusal_at", f->last_word_ms } };
    struct doc *d = doc_map(a);
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) doc_set_text(a, d, texts[k].key, texts[k].text);
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) doc_set_int(a, d, numbers[k].key, numbers[k].n);
    doc_set_bool(a, d, "open", flow_open(p, i));
    doc_set_bool(a, d, "lattice", f->j.lattice);
    doc_set_bool(a, d, "tolerable", f->j.tolerable);
    doc_set_bool(a, d, "in_fallback", f->j.fallback);
    doc_set_bool(a, d, "tightened", f->j.human);
    doc_set(a, d, "stages", stages_doc(f->judged ? f->j.stages : 0, a));
    doc_set(a, d, "offered", stages_doc(def->offered, a));
    doc_set(a, d, "unproven", stages_doc(def->offered & ~f->proven, a));
    doc_set(a, d, "changes", changes_doc(f, a));
    doc_set_bool(a, d, "command", def->command);
    doc_set_text(a, d, "cause", f->cause);
    doc_set_text(a, d, "cause_ja", cause_ja(f->cause));
    return d;
}

static struct doc *peer_doc(const struct peer_live *p, struct arena *a)
{
    struct doc *d = doc_map(a), *flows = doc_list(a), *seen = doc_list(a);
    char until[TIME_TEXT], signed_at[TIME_TEXT];
    time_text(p->a.until_ms, until);
    time_text(p->at_ms, signed_at);
    const struct { const char *key, *text; } texts[] = { { "peer", p->a.id }, { "name_ja", p->a.name_ja }, { "name_en", p->a.name_en },
        { "contact", p->a.contact }, { "boundary", p->a.boundary }, { "retention", p->a.retention }, { "host", p->a.host },
        { "transport", p->a.plaintext ? "plaintext-loopback" : "tls" }, { "link", p->up ? "up" : "down" }, { "link_why", p->down_why },
        { "until", until }, { "signed_at", signed_at }, { "agreement", p->hash } };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) doc_set_text(a, d, texts[k].key, texts[k].text);
    if (p->a.statement_key[0]) {
        char code[25] = "", said_until[TIME_TEXT] = "", said_at[TIME_TEXT] = "";
        (void)!ok(statement_key_code(p->a.statement_key, code));
        if (p->said) time_text(p->statement.until_ms, said_until), time_text(p->statement.at_ms, said_at);
        doc_set_text(a, d, "statement", statement_word(p->result));
        doc_set_text(a, d, "statement_ja", statement_word_ja(p->result));
        doc_set_text(a, d, "statement_site", p->a.statement_site);
        doc_set_text(a, d, "statement_until", said_until);
        doc_set_text(a, d, "statement_at", said_at);
        doc_set_bool(a, d, "statement_within", p->said && p->statement.within);
        doc_set_text(a, d, "key_code", code);
        doc_set_text(a, d, "statement_verdict", p->said ? p->statement.verdict : "");
        doc_set_text(a, d, "terms", !p->a.speaks ? "" : !p->said ? "awaited" : peer_terms_hold(p) ? "equal" : "differ");
        doc_set_int(a, d, "their_record", (int64_t)p->kept.size);
        doc_set_int(a, d, "our_record_seen", (int64_t)p->theirs);
    }
    doc_set_bool(a, d, "inbound", p->a.inbound);
    doc_set_int(a, d, "port", p->a.port);
    doc_set_int(a, d, "unlisted", (int64_t)p->unlisted);
    for (unsigned s = 0; s < SIGHT_COUNT; s++) {
        if (!(p->sights >> s & 1)) continue;
        struct doc *row = doc_map(a);
        doc_set_text(a, row, "sight", sight_word((enum sight)s));
        doc_set_text(a, row, "sight_ja", sight_word_ja((enum sight)s));
        doc_add(seen, row);
    }
    for (size_t i = 0; i < p->a.n; i++) doc_add(flows, flow_doc(p, i, a));
    doc_set(a, d, "seen", seen);
    doc_set(a, d, "flows", flows);
    return d;
}

struct doc *core_peers(void *ctx, struct arena *arena)
{
    const struct core *c = ctx;
    struct doc *list = doc_list(arena);
    for (size_t i = 0; c->peers && i < COURIER_PEERS_MAX; i++)
        if (c->peers->at[i]) doc_add(list, peer_doc(c->peers->at[i], arena));
    return list;
}
