#include "crypto/note.h"

#include <inttypes.h>

#define NOTE_MARK "\xe2\x80\x94 " /* em dash, space: begins a signature line */

struct stamp { /* what the last field of a signature line holds */
    uint8_t key_hash[4];
    uint8_t signature[64];
};

/* signed-note, "Signatures": SHA-256(name || 0x0A || 0x01 || public key)[:4] for Ed25519. */
static void note_key_hash(struct bytes name, const uint8_t public_key[32], uint8_t ret[4])
{
    const struct bytes parts[] = { name, BYTES_LIT("\n\x01"), bytes_of(public_key, 32) };
    struct hash h;
    hash_sha256_parts(parts, 3, &h);
    memcpy(ret, h.at, 4);
}

outcome note_origin_check(struct bytes origin)
{
    if (origin.n == 0 || origin.n >= NOTE_ORIGIN_MAX) return REFUSE(E_RANGE);
    for (size_t i = 0; i < origin.n; i++)
        if (origin.at[i] <= ' ' || origin.at[i] == '+' || origin.at[i] == 0x7f) return REFUSE(E_MALFORMED);
    return bytes_is_utf8(origin) ? DONE : REFUSE(E_MALFORMED);
}

static void note_body(const struct note *n, struct out *o)
{
    char root[48];
    base64_of(hash_view(&n->root), root);
    put_fmt(o, "%s\n%" PRIu64 "\n%s\n", n->origin, n->size, root);
}

static void note_seal(const struct note *n, const struct stamp *s, struct out *o)
{
    uint8_t raw[68];
    char text[96];
    memcpy(raw, s->key_hash, 4);
    memcpy(raw + 4, s->signature, 64);
    base64_of(bytes_of(raw, sizeof raw), text);
    put_fmt(o, "\n" NOTE_MARK "%s %s\n", n->origin, text);
}

outcome note_make(const struct note *n, const struct key *k, struct buffer *ret)
{
    uint8_t text[NOTE_BYTES_MAX], public_key[32], signature[144];
    struct out o = out_of(text, sizeof text);
    struct bytes origin = bytes_str(n->origin);
    struct stamp stamp;
    size_t signature_n = 0;
    TRY(note_origin_check(origin));
    TRY(key_write_ed25519_raw(k, public_key));
    note_key_hash(origin, public_key, stamp.key_hash);
    note_body(n, &o);
    TRY(out_done(&o));
    TRY(key_sign(k, out_view(&o), signature, sizeof signature, &signature_n));
    assert(signature_n == sizeof stamp.signature);
    memcpy(stamp.signature, signature, sizeof stamp.signature);
    note_seal(n, &stamp, &o);
    TRY(out_done(&o));
    return buffer_put(ret, out_view(&o));
}

/* Up to and without the next end byte, which is consumed. */
static outcome take_until(struct bytes *in, uint8_t end, struct bytes *ret)
{
    const uint8_t *found = in->n ? memchr(in->at, end, in->n) : NULL;
    if (!found) return REFUSE(E_MALFORMED);
    struct bytes skipped;
    TRY(take(in, (size_t)(found - in->at), ret));
    return take(in, 1, &skipped);
}

static outcome take_size(struct bytes *in, uint64_t *ret)
{
    struct bytes digits;
    uint64_t v = 0;
    TRY(take_until(in, '\n', &digits));
    if (digits.n == 0 || digits.n > 20) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9') return REFUSE(E_MALFORMED);
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digits.at[i] - '0', &v))
            return REFUSE(E_MALFORMED);
    }
    *ret = v;
    return DONE;
}

static outcome take_root(struct bytes *in, struct hash *ret)
{
    struct bytes text;
    size_t n = 0;
    TRY(take_until(in, '\n', &text));
    TRY(base64_to(text, ret->at, sizeof ret->at, &n));
    return n == sizeof ret->at ? DONE : REFUSE(E_MALFORMED);
}

static outcome take_stamp(struct bytes *in, struct stamp *ret)
{
    struct bytes text;
    uint8_t raw[68];
    size_t n = 0;
    TRY(take_until(in, '\n', &text));
    TRY(base64_to(text, raw, sizeof raw, &n));
    if (n != sizeof raw) return REFUSE(E_MALFORMED);
    memcpy(ret->key_hash, raw, 4);
    memcpy(ret->signature, raw + 4, 64);
    return DONE;
}

static outcome note_parse(struct bytes in, struct note *ret, struct stamp *ret_stamp)
{
    struct bytes origin, name, mark;
    TRY(take_until(&in, '\n', &origin));
    TRY(note_origin_check(origin));
    TRY(bytes_to_text(origin, ret->origin, sizeof ret->origin));
    TRY(take_size(&in, &ret->size));
    TRY(take_root(&in, &ret->root));
    TRY(take(&in, 1 + sizeof NOTE_MARK - 1, &mark));
    if (!bytes_equal(mark, BYTES_LIT("\n" NOTE_MARK))) return REFUSE(E_MALFORMED);
    TRY(take_until(&in, ' ', &name));
    if (!bytes_equal(name, origin)) return REFUSE(E_UNKNOWN);
    TRY(take_stamp(&in, ret_stamp));
    return at_end(in);
}

/* One note, one text: leading zeros, other base64 of the same bytes and the like are refused by
 * writing the note again and comparing. *ret_body_n: length of the signed part. */
static outcome note_is_exact(struct bytes text, const struct note *n, const struct stamp *s,
    size_t *ret_body_n)
{
    uint8_t again[NOTE_BYTES_MAX];
    struct out o = out_of(again, sizeof again);
    note_body(n, &o);
    *ret_body_n = o.n;
    note_seal(n, s, &o);
    TRY(out_done(&o));
    return bytes_equal(out_view(&o), text) ? DONE : REFUSE(E_MALFORMED);
}

outcome note_peek(struct bytes text, struct note *ret)
{
    struct note n = { 0 };
    struct stamp stamp;
    size_t body_n = 0;
    if (text.n > NOTE_BYTES_MAX || !ok(note_parse(text, &n, &stamp))) return REFUSE(E_MALFORMED);
    TRY(note_is_exact(text, &n, &stamp, &body_n));
    *ret = n;
    return DONE;
}

outcome note_read(struct bytes text, const uint8_t public_key[32], struct note *ret)
{
    struct note n = { 0 };
    struct stamp stamp;
    uint8_t key_hash[4];
    size_t body_n = 0;
    if (text.n > NOTE_BYTES_MAX) return REFUSE(E_MALFORMED);
    outcome parsed = note_parse(text, &n, &stamp);
    if (!ok(parsed)) return parsed.code == E_UNKNOWN ? parsed : REFUSE(E_MALFORMED);
    TRY(note_is_exact(text, &n, &stamp, &body_n));
    note_key_hash(bytes_str(n.origin), public_key, key_hash);
    if (memcmp(key_hash, stamp.key_hash, 4) != 0) return REFUSE(E_UNKNOWN);
    struct key *k = NULL;
    TRY(key_read_ed25519_raw(bytes_of(public_key, 32), &k));
    outcome good = key_verify(k, bytes_of(text.at, body_n), bytes_of(stamp.signature, 64));
    key_free(k);
    if (!ok(good)) return REFUSE(E_CHANGED);
    *ret = n;
    return DONE;
}
