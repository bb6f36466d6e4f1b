/* What people sign: an envelope of any type as anybody may hand it in, and the decision within. Without a charter nothing
 * verifies; a decision that is read is written as a document that reads as the same one. */
#include "assurance/decision.h"
#include "fuzz.h"

static void check_decision(const struct doc *payload, struct arena *a)
{
    struct decision d = { 0 }, again = { 0 };
    const char *bad = NULL;
    char one[65], other[65];
    outcome o = decision_read(payload, &d, &bad);
    HOLDS(ok(o) || bad);
    if (!ok(o)) return;
    HOLDS(d.rank >= 1 && d.rank <= 5 && d.n_rules <= DECISION_RULES_MAX && d.expires_ms > d.at_ms && d.dwell_ms >= 0);
    for (size_t i = 0; i < d.n_rules; i++) HOLDS(d.rules[i].mode > LIMIT_NONE && d.rules[i].mode < LIMIT_MODES);
    const struct doc *written = decision_doc(&d, a);
    HOLDS(written && ok(decision_read(written, &again, &bad)) && again.n_rules == d.n_rules);
    HOLDS(ok(document_hash(written, one)) && ok(document_hash(decision_doc(&again, a), other)) && strcmp(one, other) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = ARENA(32 << 20);
    struct doc *bare = NULL;
    struct document d = { 0 };
    char why[DOCUMENT_WHY] = "";
    outcome o = document_open_why(bytes_of(data, n), &a, &d, why);
    HOLDS(ok(o) || (why[0] && bytes_is_utf8(bytes_str(why))));
    if (ok(o)) {
        static const struct charter nobody;
        HOLDS(d.type < DOCUMENT_KINDS && d.payload && d.envelope.n <= DSSE_SIGNATURES_MAX);
        HOLDS(!ok(document_verify(&nobody, d.type, &d, why)) && why[0]);
        check_decision(d.payload, &a);
    }
    if (ok(doc_read_json(bytes_of(data, n), &a, &bare))) check_decision(bare, &a);
    arena_deinit(&a);
    return 0;
}
