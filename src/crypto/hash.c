#include "crypto/hash.h"

#include <openssl/sha.h>

#include "base/port/port.h"

/* The low-level calls: no fetch, no allocation, nothing that could fail; the ledger hashes every
 * entry through here. */
void hash_sha256_parts(const struct bytes *parts, size_t n, struct hash *ret)
{
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
