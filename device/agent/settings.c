#include "device/agent/settings.h"

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(struct bytes b)
{
    while (b.n > 0 && blank(b.at[0])) b = bytes_of(b.at + 1, b.n - 1);
    while (b.n > 0 && blank(b.at[b.n - 1])) b.n--;
    return b;
}

/* Up to and without the line end; the rest stays in *in. */
static struct bytes line_take(struct bytes *in)
{
    const uint8_t *end = memchr(in->at, '\n', in->n);
    size_t n = end != NULL ? (size_t)(end - in->at) : in->n;
    struct bytes line = bytes_of(in->at, n);
    size_t used = end != NULL ? n + 1 : n;
    *in = bytes_of(in->at + used, in->n - used);
    return line;
}

outcome settings_read(struct bytes text, settings_put each, void *ctx, int *ret_line)
{
    for (*ret_line = 1; text.n > 0; (*ret_line)++) {
        struct bytes line = trim(line_take(&text));
        if (line.n == 0 || line.at[0] == '#') continue;
        const uint8_t *equals = memchr(line.at, '=', line.n);
        if (equals == NULL) return REFUSE(E_CONFIG);
        struct bytes key = trim(bytes_of(line.at, (size_t)(equals - line.at)));
        struct bytes value = trim(bytes_of(equals + 1, line.n - (size_t)(equals + 1 - line.at)));
        if (key.n == 0) return REFUSE(E_CONFIG);
        TRY(each(ctx, key, value));
    }
    return DONE;
}

outcome settings_word(struct bytes *in, struct bytes *ret)
{
    struct bytes rest = trim(*in);
    size_t n = 0;
    while (n < rest.n && !blank(rest.at[n])) n++;
    if (n == 0) return REFUSE(E_SHORT);
    *ret = bytes_of(rest.at, n);
    *in = trim(bytes_of(rest.at + n, rest.n - n));
    return DONE;
}

outcome settings_number(struct bytes text, uint32_t max, uint32_t *ret)
{
    uint64_t v = 0;
    if (text.n == 0 || text.n > 10) return REFUSE(E_RANGE);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (v > max) return REFUSE(E_RANGE);
    *ret = (uint32_t)v;
    return DONE;
}
