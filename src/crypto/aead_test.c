#include "crypto/aead.h"

#include "base/test.h"

/* The GCM specification (McGrew, Viega), test case 16. */
static void test_known(void)
{
    uint8_t key[AEAD_KEY], nonce[AEAD_NONCE], plain[60], want[60 + AEAD_TAG], got[60 + AEAD_TAG], bound[20];
    CHECK_OK(hex_to(BYTES_LIT("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"), key, sizeof key));
    CHECK_OK(hex_to(BYTES_LIT("cafebabefacedbaddecaf888"), nonce, sizeof nonce));
    CHECK_OK(hex_to(BYTES_LIT("feedfacedeadbeeffeedfacedeadbeefabaddad2"), bound, sizeof bound));
    CHECK_OK(hex_to(BYTES_LIT("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
                              "b16aedf5aa0de657ba637b39"), plain, sizeof plain));
    CHECK_OK(hex_to(BYTES_LIT("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
                              "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"), want, sizeof want));
    struct aead a = { key, nonce, bytes_of(bound, sizeof bound) };
    CHECK_OK(aead_seal(&a, bytes_of(plain, sizeof plain), got));
    CHECK(memcmp(got, want, sizeof want) == 0);
    CHECK_OK(aead_open(&a, bytes_of(got, sizeof got), got)); /* in place */
    CHECK(memcmp(got, plain, sizeof plain) == 0);
}

static void test_changed(void)
{
    uint8_t key[AEAD_KEY] = { 7 }, nonce[AEAD_NONCE] = { 9 }, sealed[5 + AEAD_TAG], copy[sizeof sealed], out[8];
    struct aead a = { key, nonce, BYTES_LIT("bound") };
    CHECK_OK(aead_seal(&a, BYTES_LIT("hello"), sealed));
    for (size_t i = 0; i < sizeof sealed; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(copy, sealed, sizeof copy);
            copy[i] ^= (uint8_t)(1u << bit);
            CHECK_IS(aead_open(&a, bytes_of(copy, sizeof copy), out), E_CHANGED);
        }
    for (size_t n = 0; n < sizeof sealed; n++) CHECK(!ok(aead_open(&a, bytes_of(sealed, n), out)));
    a.bound = BYTES_LIT("bounD");
    CHECK_IS(aead_open(&a, bytes_of(sealed, sizeof sealed), out), E_CHANGED);
    a.bound = BYTES_LIT("bound");
    CHECK_OK(aead_open(&a, bytes_of(sealed, sizeof sealed), out));
    CHECK(memcmp(out, "hello", 5) == 0);
    uint8_t nothing[AEAD_TAG];
    CHECK_OK(aead_seal(&a, BYTES_NONE, nothing));
    CHECK_OK(aead_open(&a, bytes_of(nothing, sizeof nothing), out));
}

/* One sealer, keys in turn, the empty payload, after forgetting: the same bytes as each by itself. */
static void test_sealer(void)
{
    struct aead_sealer *s = NULL;
    CHECK_OK(aead_sealer_new(&s));
    for (uint8_t i = 0; s && i < 24; i++) {
        uint8_t key[AEAD_KEY] = { (uint8_t)(i / 2) }, nonce[AEAD_NONCE] = { i }, one[40 + AEAD_TAG], two[40 + AEAD_TAG];
        struct aead a = { key, nonce, i % 3 ? BYTES_LIT("bound") : BYTES_NONE };
        struct bytes plain = bytes_of("0123456789012345678901234567890123456789", i % 5 * 10u);
        CHECK_OK(aead_seal(&a, plain, one));
        CHECK_OK(aead_sealer_seal(s, &a, plain, two));
        CHECK(memcmp(one, two, plain.n + AEAD_TAG) == 0);
        if (i % 7 == 6) aead_sealer_forget(s);
    }
    aead_sealer_free(s);
}

/* Many keys in turn, some of which share a place, each again and again. */
static void test_sealer_turns(void)
{
    struct aead_sealer *s = NULL;
    CHECK_OK(aead_sealer_new(&s));
    unsigned wrong = 0;
    for (unsigned i = 0; s && i < 4000; i++) {
        uint8_t key[AEAD_KEY] = { (uint8_t)(i % 300), (uint8_t)(i % 300 / 256), 3 }, one[8 + AEAD_TAG], two[8 + AEAD_TAG];
        uint8_t nonce[AEAD_NONCE] = { (uint8_t)i, (uint8_t)(i >> 8) };
        struct aead a = { key, nonce, BYTES_LIT("bound") };
        if (!ok(aead_seal(&a, BYTES_LIT("in turn."), one)) || !ok(aead_sealer_seal(s, &a, BYTES_LIT("in turn."), two))) wrong++;
        else wrong += memcmp(one, two, sizeof one) != 0;
        if (i == 2000) aead_sealer_forget(s);
    }
    CHECK(wrong == 0);
    aead_sealer_free(s);
}

int main(void)
{
    test_known();
    test_changed();
    test_sealer();
    test_sealer_turns();
    return TEST_END;
}
