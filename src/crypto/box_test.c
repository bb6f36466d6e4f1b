#include "crypto/box.h"

#include "base/test.h"
#include "crypto/init.h"

static struct key *holder, *stranger, *signer;

static bool opens(const struct key *k, const char *purpose, struct bytes box, struct buffer *ret)
{
    ret->n = 0;
    return ok(box_open(k, purpose, box, ret));
}

static void test_there_and_back(void)
{
    static uint8_t plain[100000];
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 100000 };
    for (size_t i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buffer box = BUFFER(1 << 20), got = BUFFER(1 << 20);
        CHECK_OK(box_seal(holder, "test/1", bytes_of(plain, sizes[i]), &box));
        CHECK(box.n == sizes[i] + BOX_OVERHEAD);
        CHECK(opens(holder, "test/1", buffer_view(&box), &got) && bytes_equal(buffer_view(&got), bytes_of(plain, sizes[i])));
        buffer_deinit(&box);
        buffer_deinit(&got);
    }
}

static void test_nobody_else(void)
{
    struct buffer box = BUFFER(4096), got = BUFFER(4096), again = BUFFER(4096);
    CHECK_OK(box_seal(holder, "test/1", BYTES_LIT("the root of all"), &box));
    CHECK(!opens(stranger, "test/1", buffer_view(&box), &got));
    CHECK(!opens(holder, "test/2", buffer_view(&box), &got));
    CHECK(!opens(signer, "test/1", buffer_view(&box), &got)); /* Ed25519 opens nothing */
    CHECK(!ok(box_seal(signer, "test/1", BYTES_LIT("x"), &again)) && again.n == 0);
    CHECK_OK(box_seal(holder, "test/1", BYTES_LIT("the root of all"), &again));
    CHECK(memcmp(box.at + 90, again.at + 90, 20) != 0); /* never the same box twice */
    for (size_t i = 0; i < box.n; i++) {
        box.at[i] ^= 1;
        CHECK_QUIET(!opens(holder, "test/1", buffer_view(&box), &got));
        box.at[i] ^= 1;
        CHECK_QUIET(!opens(holder, "test/1", bytes_of(box.at, i), &got));
    }
    CHECK(opens(holder, "test/1", buffer_view(&box), &got));
    buffer_deinit(&box);
    buffer_deinit(&got);
    buffer_deinit(&again);
}

int main(void)
{
    CHECK_OK(crypto_init());
    CHECK_OK(key_new(KEY_P256, &holder));
    CHECK_OK(key_new(KEY_P256, &stranger));
    CHECK_OK(key_new(KEY_ED25519, &signer));
    test_there_and_back();
    test_nobody_else();
    key_free(holder);
    key_free(stranger);
    key_free(signer);
    return TEST_END;
}
