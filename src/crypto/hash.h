/* Hashes and key identifiers. The only room that names a crypto library is this one. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/mem.h"

struct hash {
    uint8_t at[32];
};

void hash_sha256(struct bytes b, struct hash *ret);
/* Over the concatenation of parts. */
void hash_sha256_parts(const struct bytes *parts, size_t n, struct hash *ret);
/* HMAC-SHA256 (RFC 2104) over the concatenation of at most 8 parts. */
void hash_hmac_sha256(struct bytes key, const struct bytes *parts, size_t n, struct hash *ret);
/* Of a file's content, streamed. */
MUST outcome hash_sha256_file(const char *path, struct hash *ret);
/* SHA-1, broken as a hash: only where a protocol's greeting is defined with it (RFC 6455, 4.2.2). */
void hash_sha1_parts(const struct bytes *parts, size_t n, uint8_t ret[20]);
static inline struct bytes hash_view(const struct hash *h)
{
    return (struct bytes) { h->at, sizeof h->at };
}
static inline bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->at, b->at, sizeof a->at) == 0;
}

#endif
