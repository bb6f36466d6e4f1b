#include "wire/flat.h"

static void space(struct bytes *in)
{
    while (in->n && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) in->at++, in->n--;
}

static bool next_is(struct bytes *in, char c)
{
    space(in);
    if (!in->n || *in->at != (uint8_t)c) return false;
    in->at++, in->n--;
    return true;
}

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

outcome flat_decimal(struct bytes t, int64_t *ret_milli)
{
    int64_t v = 0;
    size_t i = 0, places = 0, digits = 0;
    bool minus = t.n && t.at[0] == '-', point = false;
    for (i = minus; i < t.n; i++) {
        if (t.at[i] == '.' && !point && digits) {
            point = true;
            continue;
        }
        if (!digit(t.at[i])) return REFUSE(E_MALFORMED);
        digits++;
        if (point && places++ >= 3) continue;
        v = v * 10 + (t.at[i] - '0');
        if (v > INT64_C(9000000000000000)) return REFUSE(E_RANGE);
    }
    if (!digits || t.at[t.n - 1] == '.') return REFUSE(E_MALFORMED);
    for (size_t have = places < 3 ? places : 3; have < 3; have++) v *= 10;
    if (v > INT64_C(9000000000000000)) return REFUSE(E_RANGE);
    *ret_milli = minus ? -v : v;
    return DONE;
}

/* After the opening quote; ret without quotes. */
static MUST outcome text(struct bytes *in, struct bytes *ret)
{
    static const char escapes[] = "\"\\/bfnrtu";
    for (size_t i = 0; i < in->n; i++) {
        uint8_t c = in->at[i];
        if (c < ' ') return REFUSE(E_MALFORMED);
        if (c == '"') {
            *ret = bytes_of(in->at, i);
            *in = bytes_of(in->at + i + 1, in->n - i - 1);
            return DONE;
        }
        if (c == '\\' && (++i >= in->n || !in->at[i] || !strchr(escapes, in->at[i]))) return REFUSE(E_MALFORMED);
    }
    return REFUSE(E_MALFORMED);
}

static MUST outcome word(struct bytes *in, struct flat_member *m)
{
    static const struct { const char *word; enum flat_kind kind; } rows[] = { { "true", FLAT_TRUTH }, { "false", FLAT_TRUTH }, { "null", FLAT_NULL } };
    size_t n = 0;
    while (n < in->n && !strchr(",} \t\r\n", in->at[n])) n++; /* a NUL ends it too: strchr finds the terminator */
    m->raw = bytes_of(in->at, n);
    *in = bytes_of(in->at + n, in->n - n);
    for (size_t i = 0; i < 3; i++) {
        m->kind = rows[i].kind;
        if (bytes_equal_str(m->raw, rows[i].word)) return DONE;
    }
    m->kind = FLAT_NUMBER;
    m->numeric = true;
    return flat_decimal(m->raw, &m->milli);
}

static MUST outcome value(struct bytes *in, struct flat_member *m)
{
    space(in);
    if (!in->n) return REFUSE(E_MALFORMED);
    if (*in->at != '"') return word(in, m);
    const uint8_t *from = in->at;
    in->at++, in->n--;
    TRY(text(in, &m->text));
    m->raw = bytes_of(from, m->text.n + 2);
    m->kind = FLAT_TEXT;
    m->numeric = ok(flat_decimal(m->text, &m->milli));
    return DONE;
}

static bool twice(const struct flat *f, struct bytes name)
{
    for (size_t i = 0; i < f->n; i++)
        if (bytes_equal(f->at[i].name, name)) return true;
    return false;
}

outcome flat_read(struct bytes in, struct flat *ret)
{
    ret->n = 0;
    if (!bytes_is_utf8(in) || !next_is(&in, '{')) return REFUSE(E_MALFORMED);
    if (!next_is(&in, '}')) {
        do {
            struct flat_member m = { 0 };
            if (ret->n == FLAT_MAX) return REFUSE(E_FULL);
            if (!next_is(&in, '"')) return REFUSE(E_MALFORMED);
            TRY(text(&in, &m.name));
            if (m.name.n == 0 || twice(ret, m.name) || memchr(m.name.at, '\\', m.name.n)) return REFUSE(E_MALFORMED);
            if (!next_is(&in, ':')) return REFUSE(E_MALFORMED);
            TRY(value(&in, &m));
            ret->at[ret->n++] = m;
        } while (next_is(&in, ',')); /* each round takes a member */
        if (!next_is(&in, '}')) return REFUSE(E_MALFORMED);
    }
    space(&in);
    return at_end(in);
}

const struct flat_member *flat_get(const struct flat *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (bytes_equal_str(f->at[i].name, name)) return &f->at[i];
    return NULL;
}
