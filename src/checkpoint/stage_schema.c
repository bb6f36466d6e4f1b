/* Schema and range: exactly the declared fields, of their kind, within their bounds. */
#include "checkpoint/stage.h"

static bool declared(const struct flow *f, struct bytes name)
{
    for (size_t i = 0; i < f->n_fields; i++)
        if (bytes_equal_str(name, f->fields[i].name)) return true;
    return false;
}

enum stage_result stage_schema(struct stage_case *c)
{
    if (!c->flat) return stage_refuse(c, "schema");
    for (size_t i = 0; i < c->flat->n; i++)
        if (!declared(c->flow, c->flat->at[i].name)) return stage_refuse(c, "schema");
    for (size_t i = 0; i < c->flow->n_fields; i++) {
        const struct flow_field *want = &c->flow->fields[i];
        const struct flat_member *got = flat_get(c->flat, want->name);
        if (!got || (want->number && !got->numeric)) return stage_refuse(c, "schema");
        if (want->ranged && (got->milli < want->low_milli || got->milli > want->high_milli)) return stage_refuse(c, "range");
    }
    return STAGE_PASSES;
}

/* A field too many; and each bounded field just above its bound, the others at theirs. */
bool stage_schema_sample(const struct flow *f)
{
    struct flat flat = { .n = 1 };
    struct stage_case c = { .flow = f, .flat = &flat };
    flat.at[0].name = BYTES_LIT("not agreed");
    if (stage_schema(&c) != STAGE_REFUSES) return false;
    for (size_t bad = 0; bad < f->n_fields; bad++) {
        flat.n = f->n_fields;
        for (size_t i = 0; i < f->n_fields; i++)
            flat.at[i] = (struct flat_member) { .name = bytes_str(f->fields[i].name), .kind = FLAT_NUMBER, .numeric = true,
                .milli = f->fields[i].ranged ? f->fields[i].high_milli + (i == bad) : 0 };
        if (f->fields[bad].ranged && stage_schema(&c) != STAGE_REFUSES) return false;
    }
    return true;
}
