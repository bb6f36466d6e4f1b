#include "platform/reduce.h"

#include "crypto/hash.h"
#include "platform/schema.h"
#include "wire/flat.h"

uint8_t reduce_choose(const struct stream *s, enum label upto)
{
    uint8_t best = 0;
    for (uint8_t i = 0; s && i < s->n_reductions; i++) {
        if (s->reductions[i].to > upto) continue;
        if (!best || s->reductions[i].to > s->reductions[best - 1].to) best = (uint8_t)(i + 1);
    }
    return best;
}

/* Its place among the declared ones; STREAM_FIELDS: none. */
static size_t field_at(const struct stream *s, struct bytes name)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (s->fields[i].name[0] && bytes_equal_str(name, s->fields[i].name)) return i;
    return STREAM_FIELDS;
}

/* A member that says the unit of a field that stays. */
static bool says_unit(const struct stream *s, const struct reduction *r, const struct flat_member *m)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct stream_field *f = &s->fields[i];
        bool stays = !(r->drop & 1u << i);
        if (stays && f->unit_in[0] && bytes_equal_str(m->name, f->unit_in)) return m->kind == FLAT_TEXT && bytes_equal_str(m->text, f->unit);
    }
    return false;
}

static int64_t coarse(int64_t milli, int64_t step)
{
    int64_t over = milli % step;
    return over < 0 ? milli - over - step : milli - over;
}

static bool of_type(const struct stream_field *f, const struct flat_member *m)
{
    switch (f->type) {
    case FORM_TEXT: return m->kind == FLAT_TEXT;
    case FORM_BOOL: return m->kind == FLAT_TRUTH;
    case FORM_INTEGER: return m->numeric && m->milli % 1000 == 0;
    default: return m->numeric;
    }
}

/* The same for the same value of the same field, and nothing to who has not the key. */
static MUST outcome put_name(const struct stream_field *f, const struct flat_member *m, struct bytes key, struct buffer *b)
{
    struct hash h;
    char text[2 * REDUCE_NAME_BYTES + 1];
    struct bytes parts[] = { bytes_str(f->name), BYTES_LIT("\0"), m->kind == FLAT_TEXT ? m->text : m->raw };
    if (key.n == 0) return REFUSE(E_UNSUPPORTED);
    hash_hmac_sha256(key, parts, sizeof parts / sizeof *parts, &h);
    hex_of(bytes_of(h.at, REDUCE_NAME_BYTES), text);
    return buffer_fmt(b, "\"n-%s\"", text);
}

struct reducing {
    const struct stream *s;
    const struct reduction *r;
    struct bytes key;
    struct buffer *out;
};

static MUST outcome put_value(const struct reducing *k, size_t at, const struct flat_member *m)
{
    const struct stream_field *f = &k->s->fields[at];
    char text[48];
    if (!of_type(f, m)) return REFUSE(E_MALFORMED);
    if (k->r->alias & 1u << at) return put_name(f, m, k->key, k->out);
    if (!k->r->step_milli[at]) return buffer_put(k->out, m->raw);
    return buffer_put(k->out, bytes_str(schema_milli(coarse(m->milli, k->r->step_milli[at]), "", text, sizeof text)));
}

static MUST outcome put_member(const struct reducing *k, const struct flat_member *m)
{
    size_t at = field_at(k->s, m->name);
    bool field = at < STREAM_FIELDS;
    bool stays = field ? !(k->r->drop & 1u << at) : says_unit(k->s, k->r, m);
    if (!stays) return DONE;
    TRY(buffer_fmt(k->out, "%s\"%.*s\":", k->out->n > 1 ? "," : "", (int)m->name.n, (const char *)m->name.at));
    return field ? put_value(k, at, m) : buffer_put(k->out, m->raw);
}

outcome reduce_form(const struct stream *s, const struct reduction *r, struct bytes payload, struct bytes key, struct buffer *ret)
{
    struct flat flat UNSET;
    struct reducing k = { s, r, key, ret };
    int64_t milli;
    char text[48];
    ret->n = 0;
    if (!s->n_fields) return REFUSE(E_MALFORMED);
    if (!s->fields[0].name[0]) { /* the payload is the number */
        if (!ok(flat_decimal(payload, &milli)) || !r->step_milli[0]) return REFUSE(E_MALFORMED);
        return buffer_put(ret, bytes_str(schema_milli(coarse(milli, r->step_milli[0]), "", text, sizeof text)));
    }
    if (!ok(flat_read(payload, &flat))) return REFUSE(E_MALFORMED);
    TRY(buffer_put(ret, BYTES_LIT("{")));
    for (size_t i = 0; i < flat.n; i++) TRY(put_member(&k, &flat.at[i]));
    return buffer_put(ret, BYTES_LIT("}"));
}

static bool any_step(const struct reduction *r)
{
    for (size_t i = 0; i < STREAM_FIELDS; i++)
        if (r->step_milli[i]) return true;
    return false;
}

const char *reduce_words(const struct reduction *r)
{
    static const char *const words[] = { "", "drop", "coarsen", "drop,coarsen", "pseudonym", "drop,pseudonym", "coarsen,pseudonym",
        "drop,coarsen,pseudonym" };
    return words[(r->drop ? 1 : 0) | (any_step(r) ? 2 : 0) | (r->alias ? 4 : 0)];
}

const char *reduce_text(const struct stream *s, const struct reduction *r, char text[REDUCE_TEXT])
{
    char step[48];
    struct out o = out_of(text, REDUCE_TEXT - 1);
    put_fmt(&o, "%s:", label_word((enum label)r->to));
    for (size_t i = 0; i < s->n_fields; i++) {
        const char *name = s->fields[i].name[0] ? s->fields[i].name : "payload";
        if (r->drop & 1u << i) put_fmt(&o, " -%s", name);
        else if (r->alias & 1u << i) put_fmt(&o, " %s=n-...", name);
        else if (r->step_milli[i]) put_fmt(&o, " %s/%s", name, schema_milli(r->step_milli[i], s->fields[i].unit, step, sizeof step));
    }
    text[o.n] = 0;
    return text;
}
