/* Signed heads of a ledger as text: a C2SP signed-note whose body is a tlog-checkpoint.
 *   <origin>\n<size>\n<base64 root>\n\n— <origin> <base64(key hash 4 || Ed25519 signature 64)>\n
 * The key's name is the origin. Pure: the seal writes with it, the stand-alone verifier reads. */
#ifndef CRYPTO_NOTE_H
#define CRYPTO_NOTE_H

#include "crypto/sign.h"

#define NOTE_ORIGIN_MAX 128
#define NOTE_BYTES_MAX 1024 /* longest note this room writes or reads */

struct note {
    char origin[NOTE_ORIGIN_MAX];
    uint64_t size;
    struct hash root;
};

/* 1 to 127 bytes of UTF-8 with no white space, control character or '+' (signed-note, key names). */
MUST outcome note_origin_check(struct bytes origin);
/* k: the ledger's private Ed25519 key. Appends to ret. */
MUST outcome note_make(const struct note *n, const struct key *k, struct buffer *ret);
/* Byte-exact: every byte of the note is accounted for. Exactly one signature, by this key. E_MALFORMED
 * when it is not such a note, E_UNKNOWN when it names another key, E_CHANGED when the signature fails. */
MUST outcome note_read(struct bytes text, const uint8_t public_key[32], struct note *ret);
/* The same form, whoever signed it and whether or not the signature holds: for who has no key and knows the giver
 * by other means. E_MALFORMED. */
MUST outcome note_peek(struct bytes text, struct note *ret);

#endif
