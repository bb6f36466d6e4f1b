#include "crypto/hash.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <unistd.h>

#include "base/test.h"
#include "crypto/init.h"

static bool hash_is(struct bytes b, const char *want)
{
    struct hash h;
    char text[65];
    hash_sha256(b, &h);
    hex_of(hash_view(&h), text);
    return strcmp(text, want) == 0;
}

/* FIPS 180-2 examples. */
static void test_known(void)
{
    static uint8_t many[1000000];
    memset(many, 'a', sizeof many);
    CHECK(hash_is(BYTES_NONE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    CHECK(hash_is(BYTES_LIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(hash_is(bytes_of(many, sizeof many),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

static void test_parts(void)
{
    const struct bytes parts[] = { BYTES_LIT("a"), BYTES_NONE, BYTES_LIT("bc") };
    struct hash whole, split;
    hash_sha256(BYTES_LIT("abc"), &whole);
    hash_sha256_parts(parts, 3, &split);
    CHECK(hash_equal(&whole, &split));
}

/* Every length around the blocks, whole and in parts, against the library's own streaming. */
static void test_lengths(void)
{
    static uint8_t data[1200];
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 11 + 3);
    for (size_t n = 0; n <= sizeof data; n++) {
        const struct bytes parts[] = { bytes_of(data, n / 3), bytes_of(data + n / 3, n - n / 3) };
        struct hash whole, split;
        uint8_t want[32];
        SHA256(data, n, want);
        hash_sha256(bytes_of(data, n), &whole);
        hash_sha256_parts(parts, 2, &split);
        wrong += memcmp(whole.at, want, 32) != 0 || !hash_equal(&whole, &split);
    }
    CHECK(wrong == 0);
}

static void test_file(void)
{
    static uint8_t data[40001]; /* over two blocks, not a multiple */
    char path[] = "/tmp/seki-hash-XXXXXX";
    struct hash whole, streamed;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, data, sizeof data) == (ssize_t)sizeof data);
    close(fd);
    hash_sha256(bytes_of(data, sizeof data), &whole);
    CHECK_OK(hash_sha256_file(path, &streamed));
    CHECK(hash_equal(&whole, &streamed));
    CHECK(truncate(path, 0) == 0);
    CHECK_OK(hash_sha256_file(path, &streamed));
    hash_sha256(BYTES_NONE, &whole);
    CHECK(hash_equal(&whole, &streamed));
    unlink(path);
    CHECK_IS(hash_sha256_file(path, &streamed), E_MISSING);
}

/* RFC 4231, cases 1, 2 and 6. */
static void hmac(void)
{
    static const uint8_t b[20] = { [0 ... 19] = 0x0b }, aa[131] = { [0 ... 130] = 0xaa };
    const struct { struct bytes key, data; const char *want; } rows[] = {
        { bytes_of(b, 20), BYTES_LIT("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { bytes_of(aa, 131), BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" } };
    for (size_t i = 0; i < 3; i++) {
        struct hash h;
        char hex[65];
        const struct bytes parts[] = { bytes_of(rows[i].data.at, 3), bytes_of(rows[i].data.at + 3, rows[i].data.n - 3) };
        hash_hmac_sha256(rows[i].key, parts, 2, &h);
        hex_of(hash_view(&h), hex);
        CHECK(strcmp(hex, rows[i].want) == 0);
    }
}

int main(void)
{
    CHECK_OK(crypto_init());
    test_known();
    test_parts();
    test_lengths();
    test_file();
    hmac();
    return TEST_END;
}
