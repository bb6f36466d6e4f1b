/* Views and bounded cursors. A view never owns. All reading of foreign bytes goes through take_*,
 * all building of messages through put_*, so that a bounds check cannot be forgotten. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

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

/* Readers: advance *in only on success, else E_SHORT. Multi-byte integers are big-endian. */
MUST outcome take(struct bytes *in, size_t n, struct bytes *ret);
MUST outcome take_u8(struct bytes *in, uint8_t *ret);
MUST outcome take_u16(struct bytes *in, uint16_t *ret);
MUST outcome take_u32(struct bytes *in, uint32_t *ret);
MUST outcome take_u64(struct bytes *in, uint64_t *ret);
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
void put(struct out *o, struct bytes b);
void put_str(struct out *o, const char *s);
void put_u8(struct out *o, uint8_t v);
void put_u16(struct out *o, uint16_t v);
void put_u32(struct out *o, uint32_t v);
void put_u64(struct out *o, uint64_t v);
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
