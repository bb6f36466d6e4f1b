#include "crypto/hash.h"

#include <fcntl.h>
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

int main(void)
{
    CHECK_OK(crypto_init());
    test_known();
    test_parts();
    test_file();
    return TEST_END;
}
