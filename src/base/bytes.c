#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

bool bytes_equal_str(struct bytes a, const char *s)
{
    return bytes_equal(a, bytes_str(s));
}

bool bytes_starts(struct bytes a, struct bytes prefix)
{
    return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.at, prefix.at, prefix.n) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    if (order) return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
    if (a.n != b.n) return false;
    volatile uint8_t differ = 0;
    for (size_t i = 0; i < a.n; i++) differ = (uint8_t)(differ | (a.at[i] ^ b.at[i]));
    return differ == 0;
}

outcome bytes_to_text(struct bytes b, char *text, size_t size)
{
    if (b.n >= size) return REFUSE(E_TOO_LARGE);
    if (b.n && memchr(b.at, 0, b.n)) return REFUSE(E_MALFORMED);
    if (b.n) memcpy(text, b.at, b.n);
    text[b.n] = 0;
    return DONE;
}

/* Bytes of the sequence that starts with lead, 0 when it cannot start one; *low = smallest code point. */
static size_t utf8_length(uint8_t lead, uint32_t *low)
{
    if (lead < 0x80) return *low = 1, 1;
    if (lead >= 0xC2 && lead <= 0xDF) return *low = 0x80, 2;
    if (lead >= 0xE0 && lead <= 0xEF) return *low = 0x800, 3;
    if (lead >= 0xF0 && lead <= 0xF4) return *low = 0x10000, 4;
    return 0;
}

/* Eight bytes of ASCII, none of them NUL. */
static bool ascii8(const uint8_t *at)
{
    uint64_t w;
    memcpy(&w, at, sizeof w);
    return !((w | (w - 0x0101010101010101u)) & 0x8080808080808080u);
}

bool bytes_is_utf8(struct bytes b)
{
    static const uint8_t lead_mask[5] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    for (size_t i = 0; i < b.n;) {
        if (b.n - i >= 8 && ascii8(b.at + i)) {
            i += 8;
            continue;
        }
        uint32_t low = 0;
        size_t n = utf8_length(b.at[i], &low);
        if (n == 0 || b.n - i < n) return false;
        uint32_t point = b.at[i] & lead_mask[n];
        for (size_t k = 1; k < n; k++) {
            if ((b.at[i + k] & 0xC0) != 0x80) return false;
            point = point << 6 | (b.at[i + k] & 0x3F);
        }
        if (point < low || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
        i += n;
    }
    return true;
}

outcome take_field16(struct bytes *in, struct bytes *ret)
{
    struct bytes rest = *in;
    uint16_t n;
    TRY(take_u16(&rest, &n));
    TRY(take(&rest, n, ret));
    *in = rest;
    return DONE;
}

outcome take_field32(struct bytes *in, struct bytes *ret)
{
    struct bytes rest = *in;
    uint32_t n;
    TRY(take_u32(&rest, &n));
    TRY(take(&rest, n, ret));
    *in = rest;
    return DONE;
}

outcome at_end(struct bytes in)
{
    return in.n == 0 ? DONE : REFUSE(E_MALFORMED);
}

void put_field16(struct out *o, struct bytes b)
{
    if (b.n > UINT16_MAX) {
        o->over = true;
        return;
    }
    put_u16(o, (uint16_t)b.n);
    put(o, b);
}

void put_field32(struct out *o, struct bytes b)
{
    if (b.n > UINT32_MAX) {
        o->over = true;
        return;
    }
    put_u32(o, (uint32_t)b.n);
    put(o, b);
}

void put_fmt(struct out *o, const char *fmt, ...)
{
    va_list args;
    size_t room = o->cap - o->n;
    if (o->over) return;
    va_start(args, fmt);
    int n = vsnprintf((char *)o->at + o->n, room, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room) o->over = true;
    else o->n += (size_t)n;
}

outcome out_done(const struct out *o)
{
    return o->over ? REFUSE(E_TOO_LARGE) : DONE;
}

void hex_of(struct bytes b, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < b.n; i++) {
        text[2 * i] = digits[b.at[i] >> 4];
        text[2 * i + 1] = digits[b.at[i] & 15];
    }
    text[2 * b.n] = 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

outcome hex_to(struct bytes text, uint8_t *ret, size_t n)
{
    if (text.n != 2 * n) return REFUSE(E_RANGE);
    for (size_t i = 0; i < text.n; i++)
        if (hex_digit(text.at[i]) < 0) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < n; i++)
        ret[i] = (uint8_t)(hex_digit(text.at[2 * i]) << 4 | hex_digit(text.at[2 * i + 1]));
    return DONE;
}

void base64_of(struct bytes b, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    for (size_t i = 0; i < b.n; i += 3) {
        size_t n = b.n - i < 3 ? b.n - i : 3;
        uint32_t v = (uint32_t)b.at[i] << 16;
        if (n > 1) v |= (uint32_t)b.at[i + 1] << 8;
        if (n > 2) v |= b.at[i + 2];
        text[at++] = digits[v >> 18];
        text[at++] = digits[v >> 12 & 63];
        text[at++] = n > 1 ? digits[v >> 6 & 63] : '=';
        text[at++] = n > 2 ? digits[v & 63] : '=';
    }
    text[at] = 0;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

outcome base64_to(struct bytes text, uint8_t *ret, size_t cap, size_t *ret_n)
{
    uint32_t v = 0;
    size_t bits = 0, n = 0, pads = 0, digits = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.at[i];
        if (is_space(c)) continue;
        if (c == '=') {
            pads++;
            continue;
        }
        int d = base64_digit(c);
        if (d < 0 || pads) return REFUSE(E_MALFORMED);
        digits++;
        v = v << 6 | (uint32_t)d;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        if (n >= cap) return REFUSE(E_TOO_LARGE);
        ret[n++] = (uint8_t)(v >> bits);
        v &= (1u << bits) - 1;
    }
    bool whole = pads == 0 || (digits + pads) % 4 == 0;
    if (digits % 4 == 1 || pads > 2 || !whole || v != 0) return REFUSE(E_MALFORMED);
    *ret_n = n;
    return DONE;
}
