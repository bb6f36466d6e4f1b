#include "history/reading.h"

static const struct flat_member *main_of(const struct flat *f)
{
    const struct flat_member *v = flat_get(f, "v"), *value = flat_get(f, "value");
    if (v) return v->numeric ? v : NULL;
    return value && value->numeric ? value : NULL;
}

static void add(struct said *r, enum reading_kind kind, struct bytes field, int64_t milli)
{
    r->at[r->n++] = (struct reading_value) { kind, field, milli };
}

static void read_members(struct said *r)
{
    const struct flat_member *v = main_of(&r->flat), *t = flat_get(&r->flat, "t"), *u = flat_get(&r->flat, "u");
    if (t && t->numeric && t->milli > 0) r->measured_ms = t->milli / 1000;
    if (u && u->kind == FLAT_TEXT && u->text.n <= FLAT_NAME_MAX && bytes_is_utf8(u->text)) r->unit = u->text;
    if (v) add(r, READING_MAIN, v->name, v->milli);
    else add(r, READING_TEXT, BYTES_NONE, 0);
    for (size_t i = 0; i < r->flat.n && r->n < sizeof r->at / sizeof *r->at; i++) {
        const struct flat_member *m = &r->flat.at[i];
        if (m != v && m != t && m->numeric && bytes_is_utf8(m->name)) add(r, READING_FIELD, m->name, m->milli);
    }
}

void reading_of(struct bytes payload, int64_t recorded_ms, struct said *ret)
{
    int64_t milli;
    ret->measured_ms = recorded_ms;
    ret->unit = BYTES_NONE;
    ret->n = 0;
    if (ok(flat_decimal(payload, &milli))) add(ret, READING_MAIN, BYTES_NONE, milli);
    else if (ok(flat_read(payload, &ret->flat))) read_members(ret);
    else add(ret, READING_TEXT, BYTES_NONE, 0);
}

const struct reading_value *reading_get(const struct said *r, const char *field)
{
    if (!*field) return &r->at[0];
    for (size_t i = 0; i < r->n; i++)
        if (bytes_equal_str(r->at[i].field, field)) return &r->at[i];
    return NULL;
}
