#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/port/port.h"

#define SHORT_BLOCKS 16u
#define BLOCK 64u

/* Short ones, as all the record's are: gathered and padded (FIPS 180-4, 5.1.1), so that the library runs over all
 * blocks in one call and has nothing left to keep, pad or copy. */
static void sha256_short(const struct bytes *parts, size_t n, size_t total, struct hash *ret)
{
    uint8_t blocks[SHORT_BLOCKS * BLOCK] UNSET;
    size_t size = (total + 9 + BLOCK - 1) / BLOCK * BLOCK;
    SHA256_CTX c UNSET;
    struct out o = out_of(blocks, sizeof blocks), words = out_of(ret->at, sizeof ret->at);
    for (size_t i = 0; i < n; i++) put(&o, parts[i]);
    put_u8(&o, 0x80);
    assert(!o.over && o.n <= size - 8);
    memset(blocks + o.n, 0, size - 8 - o.n);
    o.n = size - 8;
    put_u64(&o, (uint64_t)total * 8);
    int good = SHA256_Init(&c) & SHA256_Update(&c, blocks, size);
    assert(good == 1 && c.num == 0 && !o.over);
    for (size_t i = 0; i < 8; i++) put_u32(&words, c.h[i]);
    OPENSSL_cleanse(blocks, size);
}

/* The low-level calls: no fetch, no allocation, nothing that could fail; the ledger hashes every
 * entry through here. */
void hash_sha256_parts(const struct bytes *parts, size_t n, struct hash *ret)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += parts[i].n;
    if (total <= SHORT_BLOCKS * BLOCK - 9) {
        sha256_short(parts, n, total, ret);
        return;
    }
    SHA256_CTX c;
    int good = SHA256_Init(&c);
    for (size_t i = 0; i < n; i++)
        if (parts[i].n) good &= SHA256_Update(&c, parts[i].at, parts[i].n);
    good &= SHA256_Final(ret->at, &c);
    assert(good == 1);
}

void hash_sha256(struct bytes b, struct hash *ret)
{
    hash_sha256_parts(&b, 1, ret);
}

void hash_hmac_sha256(struct bytes key, const struct bytes *parts, size_t n, struct hash *ret)
{
    enum { PARTS = 8 };
    uint8_t pad[2][BLOCK] = { { 0 } };
    struct bytes all[1 + PARTS];
    struct hash inner, short_key;
    assert(n <= PARTS);
    if (key.n > BLOCK) {
        hash_sha256(key, &short_key);
        key = hash_view(&short_key);
    }
    for (size_t i = 0; i < BLOCK; i++) {
        uint8_t k = i < key.n ? key.at[i] : 0;
        pad[0][i] = k ^ 0x36;
        pad[1][i] = k ^ 0x5C;
    }
    all[0] = bytes_of(pad[0], BLOCK);
    for (size_t i = 0; i < n; i++) all[1 + i] = parts[i];
    hash_sha256_parts(all, 1 + n, &inner);
    hash_sha256_parts((struct bytes[]) { bytes_of(pad[1], BLOCK), hash_view(&inner) }, 2, ret);
    explicit_bzero(pad, sizeof pad);
}

void hash_sha1_parts(const struct bytes *parts, size_t n, uint8_t ret[20])
{
    SHA_CTX c;
    int good = SHA1_Init(&c);
    for (size_t i = 0; i < n; i++)
        if (parts[i].n) good &= SHA1_Update(&c, parts[i].at, parts[i].n);
    good &= SHA1_Final(ret, &c);
    assert(good == 1);
}

static outcome hash_open_file(int fd, struct hash *ret)
{
    uint8_t block[16384];
    uint64_t size = 0;
    TRY(port_file_size(fd, &size));
    SHA256_CTX c;
    int good = SHA256_Init(&c);
    for (uint64_t at = 0; at < size; at += sizeof block) {
        size_t n = size - at < sizeof block ? (size_t)(size - at) : sizeof block;
        TRY(port_file_read(fd, at, block, n));
        good &= SHA256_Update(&c, block, n);
    }
    good &= SHA256_Final(ret->at, &c);
    assert(good == 1);
    return DONE;
}

outcome hash_sha256_file(const char *path, struct hash *ret)
{
    int fd = -1;
    struct hash h;
    TRY(port_file_open_read(path, &fd));
    outcome o = hash_open_file(fd, &h);
    port_file_close(fd);
    if (ok(o)) *ret = h;
    return o;
}
