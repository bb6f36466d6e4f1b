/* See agreement_terms: one text for both sides, whoever looks. */
#include <stdio.h>
#include <stdlib.h>

#include "checkpoint/agreement.h"
#include "crypto/hash.h"

enum { TERMS_BYTES_MAX = 65536 };

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const struct flow *const *)a)->id, (*(const struct flow *const *)b)->id);
}

/* A field to itself: no text can end another's. */
static void put_text(struct out *o, const char *text)
{
    put_field16(o, bytes_str(text));
}

static void put_flow(struct out *o, const struct agreement *a, const struct flow *f)
{
    bool out = f->direction == FLOW_OUT;
    put_text(o, f->id);
    put_text(o, out ? a->site : a->statement_site);
    put_text(o, out ? a->statement_site : a->site);
    put_text(o, f->remote);
    put_text(o, f->label);
    put_text(o, f->purpose);
    put_u32(o, f->per_minute);
    put_u32(o, f->bytes_max);
}

outcome agreement_terms(const struct agreement *a, char ret_hex[65])
{
    const struct flow *sorted[AGREEMENT_FLOWS_MAX];
    struct hash h;
    if (!a->statement_site[0]) return REFUSE(E_MISSING);
    uint8_t *room = mem_new(TERMS_BYTES_MAX);
    if (!room) return REFUSE(E_MEMORY);
    struct out o = out_of(room, TERMS_BYTES_MAX);
    bool first = strcmp(a->site, a->statement_site) < 0;
    for (size_t i = 0; i < a->n; i++) sorted[i] = &a->flows[i];
    qsort(sorted, a->n, sizeof *sorted, by_id);
    put_text(&o, "sekimori-terms/1");
    put_text(&o, first ? a->site : a->statement_site);
    put_text(&o, first ? a->statement_site : a->site);
    put_u64(&o, (uint64_t)a->until_ms);
    for (size_t i = 0; i < a->n; i++) put_flow(&o, a, sorted[i]);
    outcome done = out_done(&o);
    if (ok(done)) {
        hash_sha256(out_view(&o), &h);
        hex_of(hash_view(&h), ret_hex);
    }
    mem_free(room);
    return done;
}
