/* Views and bounded cursors. A view never owns. All reading of foreign bytes goes through take_*,
 * all building of messages through put_*, so that a bounds check cannot be forgotten. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <string.h>

#include "base/outcome.h"

/* A view of bytes somebody else owns. */
struct bytes {
    const uint8_t *at;
    size_t n;
};

#define BYTES_NONE ((struct bytes) { 0, 0 })
/* View of a string literal or array without its terminator. */
#define BYTES_LIT(s) ((struct bytes) { (const uint8_t *)("" s), sizeof(s) - 1 })

static inline struct bytes bytes_of(const void *at, size_t n)
{
    return (struct bytes) { (const uint8_t *)at, n };
}
static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes) { (const uint8_t *)s, s ? strlen(s) : 0 };
}
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}
bool bytes_equal_str(struct bytes a, const char *s);
bool bytes_starts(struct bytes a, struct bytes prefix);
/* Order as memcmp, shorter first on a tie. */
int bytes_compare(struct bytes a, struct bytes b);
/* Equal in time that depends on n only. */
bool bytes_equal_secret(struct bytes a, struct bytes b);
/* Copies into text[size] with a terminator; E_TOO_LARGE when it does not fit, E_MALFORMED on NUL. */
MUST outcome bytes_to_text(struct bytes b, char *text, size_t size);
/* Well-formed UTF-8 without NUL and surrogates (MQTT 5, 1.5.4). */
bool bytes_is_utf8(struct bytes b);

/* Readers: advance *in only on success, else E_SHORT. Multi-byte integers are big-endian. In the header, because
 * every byte of every message passes them. */
MUST static inline outcome take(struct bytes *in, size_t n, struct bytes *ret)
{
    if (in->n < n) return REFUSE(E_SHORT);
    *ret = (struct bytes) { in->at, n };
    if (n) in->at += n; /* a none view has no address to move */
    in->n -= n;
    return DONE;
}
MUST static inline outcome take_u8(struct bytes *in, uint8_t *ret)
{
    if (in->n < 1) return REFUSE(E_SHORT);
    *ret = *in->at++;
    in->n--;
    return DONE;
}
MUST static inline outcome take_u16(struct bytes *in, uint16_t *ret)
{
    struct bytes b;
    TRY(take(in, sizeof *ret, &b));
    memcpy(ret, b.at, sizeof *ret);
    *ret = be16toh(*ret);
    return DONE;
}
MUST static inline outcome take_u32(struct bytes *in, uint32_t *ret)
{
    struct bytes b;
    TRY(take(in, sizeof *ret, &b));
    memcpy(ret, b.at, sizeof *ret);
    *ret = be32toh(*ret);
    return DONE;
}
MUST static inline outcome take_u64(struct bytes *in, uint64_t *ret)
{
    struct bytes b;
    TRY(take(in, sizeof *ret, &b));
    memcpy(ret, b.at, sizeof *ret);
    *ret = be64toh(*ret);
    return DONE;
}
/* 2-byte length, then that many bytes. */
MUST outcome take_field16(struct bytes *in, struct bytes *ret);
/* 4-byte length, then that many bytes. */
MUST outcome take_field32(struct bytes *in, struct bytes *ret);
/* E_MALFORMED unless nothing is left. */
MUST outcome at_end(struct bytes in);

/* A bounded writer into somebody else's memory. Once it overflows it stays `over` and n stops. */
struct out {
    uint8_t *at;
    size_t n, cap;
    bool over;
};

static inline struct out out_of(void *at, size_t cap)
{
    return (struct out) { (uint8_t *)at, 0, cap, false };
}
static inline struct bytes out_view(const struct out *o)
{
    return (struct bytes) { o->at, o->n };
}
static inline void put(struct out *o, struct bytes b)
{
    if (o->over || b.n > o->cap - o->n) {
        o->over = true;
        return;
    }
    if (b.n) memcpy(o->at + o->n, b.at, b.n);
    o->n += b.n;
}
static inline void put_str(struct out *o, const char *s)
{
    put(o, bytes_str(s));
}
static inline void put_u8(struct out *o, uint8_t v)
{
    put(o, bytes_of(&v, sizeof v));
}
static inline void put_u16(struct out *o, uint16_t v)
{
    v = htobe16(v);
    put(o, bytes_of(&v, sizeof v));
}
static inline void put_u32(struct out *o, uint32_t v)
{
    v = htobe32(v);
    put(o, bytes_of(&v, sizeof v));
}
static inline void put_u64(struct out *o, uint64_t v)
{
    v = htobe64(v);
    put(o, bytes_of(&v, sizeof v));
}
void put_field16(struct out *o, struct bytes b);
void put_field32(struct out *o, struct bytes b);
void put_fmt(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* E_TOO_LARGE when anything did not fit. */
MUST outcome out_done(const struct out *o);

/* Lower-case hexadecimal. text must hold 2n + 1. */
void hex_of(struct bytes b, char *text);
/* Exactly 2 * n digits, either case. */
MUST outcome hex_to(struct bytes text, uint8_t *ret, size_t n);
/* RFC 4648 base64 without line breaks; cap must hold 4 * ((n + 2) / 3) + 1. */
void base64_of(struct bytes b, char *text);
/* Accepts white space and line breaks; url = the URL alphabet without padding also accepted. */
MUST outcome base64_to(struct bytes text, uint8_t *ret, size_t cap, size_t *ret_n);

#endif
