/* Reduction, outbound: only the agreed fields leave, names that point at things become aliases, and not every message
 * leaves. An alias is the same for the same value (it can be counted by), and says nothing without our key. */
#include "checkpoint/stage.h"
#include "crypto/hash.h"

enum { ALIAS_HEX = 12 };

static bool in_list(char (*list)[FLOW_WORD], struct bytes name)
{
    for (size_t i = 0; i < FLOW_FIELDS; i++)
        if (list[i][0] && bytes_equal_str(name, list[i])) return true;
    return false;
}

static MUST outcome put_alias(struct stage_case *c, struct bytes raw)
{
    uint8_t keyed[32 + 4096];
    struct out o = out_of(keyed, sizeof keyed);
    struct hash h;
    char text[65];
    put(&o, bytes_of(c->alias_key, 32));
    put(&o, raw);
    TRY(out_done(&o));
    hash_sha256(out_view(&o), &h);
    hex_of(hash_view(&h), text);
    return buffer_fmt(c->out, "\"%.*s\"", ALIAS_HEX, text);
}

static MUST outcome rewrite(struct stage_case *c)
{
    struct flow *f = (struct flow *)(uintptr_t)c->flow;
    c->out->n = 0;
    TRY(buffer_put(c->out, BYTES_LIT("{")));
    for (size_t i = 0; i < c->flat->n; i++) {
        const struct flat_member *m = &c->flat->at[i];
        bool alias = in_list(f->alias, m->name);
        if (!alias && !in_list(f->keep, m->name)) continue;
        TRY(buffer_fmt(c->out, "%s\"%.*s\":", c->out->n > 1 ? "," : "", (int)m->name.n, (const char *)m->name.at));
        TRY(alias ? put_alias(c, m->raw) : buffer_put(c->out, m->raw));
    }
    return buffer_put(c->out, BYTES_LIT("}"));
}

enum stage_result stage_reduce(struct stage_case *c)
{
    if (!c->flat) return stage_refuse(c, "schema");
    if (c->memory->left_at_ms && c->mono_ms - c->memory->left_at_ms < (int64_t)c->flow->every_s * 1000) return stage_refuse(c, "thinned");
    if (!ok(rewrite(c))) return stage_refuse(c, "too-large");
    c->memory->left_at_ms = c->mono_ms;
    return STAGE_PASSES;
}

bool stage_reduce_sample(const struct flow *f)
{
    static const uint8_t key[32] = { 1 };
    struct bytes json = BYTES_LIT("{\"not agreed\":\"secret-value\"}");
    struct flow_memory memory = { 0 };
    struct flat flat;
    struct buffer out = BUFFER(65536);
    struct stage_case c = { .flow = f, .memory = &memory, .payload = json, .flat = &flat, .mono_ms = 1, .alias_key = key, .out = &out };
    bool good = ok(flat_read(json, &flat)) && stage_reduce(&c) == STAGE_PASSES && bytes_equal_str(buffer_view(&out), "{}");
    buffer_deinit(&out);
    return good;
}
