/* An audit pack (監査資料): every control entry of a period with its proofs in one file of lines, checked with nothing but a key:
 *
 *   sekimori-audit-pack/1
 *   key HEX                          the ledger's Ed25519 key
 *   period FROM TO                   which entries: FROM <= time < TO
 *   entries all|chosen               whether it must be complete, see below
 *   head BASE64                      the signed head all of it is proved under
 *   earlier BASE64 / step BASE64 ... a head signed before (of last year's pack), and the proof that the record only grew since
 *   entry BASE64 BASE64|-            a leaf record and its payload, or only its hash
 *   node BASE64 ...                  what the Merkle tree needs beside these leaves, from left to right, outer before inner
 *   sha256 HEX                       of all lines before
 *
 * all: each control leaf names the one before it; the pack begins with the last before the period (or the first of
 * all) and goes on without a gap to the first after it, or to the newest, which the tree's last leaf names. That last leaf
 * is always the last entry. A pack that leaves one out does not verify. chosen:
 * where that would be too many (each has a line), only entries whose payloads are wanted; each is proved, but whether
 * one was left out, only the whole record tells. Bounded and keyless: it is read before anything
 * is believed of it. */
#ifndef LEDGER_PACK_H
#define LEDGER_PACK_H

#include "ledger/format.h"

#define PACK_BYTES_MAX (1u << 30)

struct pack_request {
    const char *dir;              /* a ledger directory, also of a running site or a copy */
    int64_t from_ms, to_ms;
    struct bytes earlier;         /* an earlier pack, or BYTES_NONE */
    bool (*wanted)(unsigned kind); /* whose payload is in it; of others the hash */
    size_t entries_max;            /* up to so many it is complete, beyond it chosen */
};
/* Appends to ret. E_UNKNOWN: no signed head. E_CRYPTO: the earlier pack is another record's. E_CHANGED, E_MISSING: the record. */
MUST outcome pack_make(const struct pack_request *q, struct buffer *ret);

struct pack_result {
    char origin[NOTE_ORIGIN_MAX], key[65], root[65];
    int64_t from_ms, to_ms;
    uint64_t size;                /* of the tree under the head */
    uint64_t entries, hashes;     /* in the period; of how many only the hash */
    uint64_t first, last;         /* their indexes; FORMAT_NONE when there is none */
    bool whole;                   /* all, not chosen */
    bool closed;                  /* an entry after the period is there: none can be added to it any more */
    uint64_t earlier;             /* size of the earlier head, FORMAT_NONE when there is none */
    uint64_t kinds[256];          /* entries of each kind */
    uint64_t line;                /* on a refusal: the line it was found in, or 0 */
};
/* key_hex: pin, or "" for the pack's own. E_MALFORMED, E_CHANGED (a byte, a payload, a leaf, the tree), E_MISSING (an entry
 * left out), E_CRYPTO (a head). */
MUST outcome pack_verify(struct bytes text, const char *key_hex, struct pack_result *ret);
/* Sizes and root of the newest head in a pack's lines, its signature checked under `key`. */
MUST outcome pack_head(struct bytes text, const uint8_t key[32], struct note *ret);

#endif
