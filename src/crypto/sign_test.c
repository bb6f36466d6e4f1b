#include "crypto/sign.h"

#include "base/test.h"
#include "crypto/init.h"

static const struct bytes message = BYTES_LIT("open the valve");

static void test_round(enum key_kind kind)
{
    struct key *k = NULL, *again = NULL, *public_pem = NULL, *public_der = NULL, *other = NULL;
    struct buffer pem = BUFFER(4096), spki = BUFFER(4096), private_pem = BUFFER(4096);
    uint8_t signature[144];
    size_t n = 0;
    CHECK_OK(key_new(kind, &k));
    CHECK_OK(key_new(kind, &other));
    CHECK_OK(key_write_private_pem(k, &private_pem));
    CHECK_OK(key_write_public_pem(k, &pem));
    CHECK_OK(key_write_public_der(k, &spki));
    CHECK_OK(key_read_private_pem(buffer_view(&private_pem), &again));
    CHECK_OK(key_read_public_pem(buffer_view(&pem), &public_pem));
    CHECK_OK(key_read_public_der(buffer_view(&spki), &public_der));
    CHECK_OK(key_sign(again, message, signature, sizeof signature, &n));
    CHECK(kind == KEY_ED25519 ? n == 64 : n >= 68 && n <= 72);
    const struct key *const readers[] = { k, again, public_pem, public_der };
    struct hash id, want;
    hash_sha256(buffer_view(&spki), &want);
    for (size_t i = 0; i < 4; i++) {
        CHECK_OK(key_verify(readers[i], message, bytes_of(signature, n)));
        CHECK_OK(key_id(readers[i], &id));
        CHECK(hash_equal(&id, &want));
    }
    CHECK_IS(key_verify(other, message, bytes_of(signature, n)), E_CRYPTO);
    CHECK_IS(key_verify(k, BYTES_LIT("open the valvf"), bytes_of(signature, n)), E_CRYPTO);
    for (size_t i = 0; i < n; i++) {
        CHECK_QUIET(!ok(key_verify(k, message, bytes_of(signature, i)))); /* every prefix */
        signature[i] ^= 1;
        CHECK_QUIET(!ok(key_verify(k, message, bytes_of(signature, n)))); /* every byte */
        signature[i] ^= 1;
    }
    CHECK_OK(key_verify(k, message, bytes_of(signature, n)));
    CHECK_IS(key_sign(public_pem, message, signature, sizeof signature, &n), E_DENIED);
    for (size_t i = 0; i < spki.n; i++) {
        struct key *cut = NULL;
        CHECK_QUIET(!ok(key_read_public_der(bytes_of(spki.at, i), &cut)));
    }
    CHECK_OK(buffer_put(&spki, BYTES_LIT("x")));
    struct key *extra = NULL;
    CHECK_IS(key_read_public_der(buffer_view(&spki), &extra), E_MALFORMED);
    key_free(k), key_free(again), key_free(public_pem), key_free(public_der), key_free(other);
    buffer_deinit(&pem), buffer_deinit(&spki), buffer_deinit(&private_pem);
}

/* RFC 8032, 7.1, test 3. */
static void test_ed25519_known(void)
{
    uint8_t raw[32], back[32], signature[64];
    struct key *k = NULL;
    CHECK_OK(hex_to(BYTES_LIT("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), raw, 32));
    CHECK_OK(hex_to(BYTES_LIT("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                              "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"), signature, 64));
    CHECK_OK(key_read_ed25519_raw(bytes_of(raw, 32), &k));
    CHECK_OK(key_verify(k, BYTES_LIT("\xaf\x82"), bytes_of(signature, 64)));
    CHECK_IS(key_verify(k, BYTES_LIT("\xaf\x83"), bytes_of(signature, 64)), E_CRYPTO);
    CHECK_OK(key_write_ed25519_raw(k, back));
    CHECK(memcmp(raw, back, 32) == 0);
    key_free(k);
    CHECK_IS(key_read_ed25519_raw(bytes_of(raw, 31), &k), E_MALFORMED);
}

/* A verifier must read P-384 (some device makers' keys); RFC 6979, A.2.6, "sample", SHA-384. */
static void test_p384_known(void)
{
    static const char spki_hex[] =
        "3076301006072a8648ce3d020106052b8104002203620004"
        "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
        "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720";
    static const char signature_hex[] =
        "306602310094edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
        "02310099ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8";
    uint8_t spki[120], signature[104];
    struct key *k = NULL;
    CHECK_OK(hex_to(bytes_str(spki_hex), spki, sizeof spki));
    CHECK_OK(hex_to(bytes_str(signature_hex), signature, sizeof signature));
    CHECK_OK(key_read_public_der(bytes_of(spki, sizeof spki), &k));
    CHECK_OK(key_verify(k, BYTES_LIT("sample"), bytes_of(signature, sizeof signature)));
    CHECK_IS(key_verify(k, BYTES_LIT("Sample"), bytes_of(signature, sizeof signature)), E_CRYPTO);
    key_free(k);
}

/* RFC 9052, C.2.1: a signature in the fixed form. */
static void test_fixed_form(void)
{
    static const char said[] = "846a5369676e61747572653143a101264054546869732069732074686520636f6e74656e742e";
    static const char x[] = "bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff";
    static const char y[] = "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e";
    static const char by[] = "8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36";
    uint8_t text[38], spki[KEY_P256_SPKI], point[64], signature[64];
    struct key *k = NULL;
    CHECK_OK(hex_to(bytes_str(said), text, sizeof text));
    CHECK_OK(hex_to(bytes_str(x), point, 32));
    CHECK_OK(hex_to(bytes_str(y), point + 32, 32));
    CHECK_OK(hex_to(bytes_str(by), signature, 64));
    CHECK_OK(key_p256_spki(bytes_of(point, 32), bytes_of(point + 32, 32), spki));
    CHECK_OK(key_read_public_der(bytes_of(spki, sizeof spki), &k));
    CHECK_OK(key_verify_p256(k, bytes_of(text, sizeof text), bytes_of(signature, 64)));
    text[9] ^= 1;
    CHECK_IS(key_verify_p256(k, bytes_of(text, sizeof text), bytes_of(signature, 64)), E_CRYPTO);
    CHECK_IS(key_verify_p256(k, bytes_of(text, sizeof text), bytes_of(signature, 63)), E_CRYPTO);
    key_free(k);
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_OK(key_sign_p256(k, bytes_of(text, sizeof text), signature));
    CHECK_OK(key_verify_p256(k, bytes_of(text, sizeof text), bytes_of(signature, 64)));
    key_free(k);
    CHECK_OK(key_new(KEY_ED25519, &k));
    CHECK_IS(key_sign_p256(k, bytes_of(text, sizeof text), signature), E_UNSUPPORTED);
    key_free(k);
}

static void test_refused(void)
{
    /* secp256k1: well-formed, not ours */
    static const char k1_hex[] =
        "3056301006072a8648ce3d020106052b8104000a03420004"
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
    uint8_t spki[88];
    struct key *k = NULL;
    struct buffer pem = BUFFER(4096);
    CHECK_OK(hex_to(bytes_str(k1_hex), spki, sizeof spki));
    CHECK_IS(key_read_public_der(bytes_of(spki, sizeof spki), &k), E_UNSUPPORTED);
    CHECK_IS(key_read_public_der(BYTES_NONE, &k), E_MALFORMED);
    CHECK_IS(key_read_private_pem(BYTES_LIT("-----BEGIN PRIVATE KEY-----\n"), &k), E_MALFORMED);
    CHECK_IS(key_read_public_pem(BYTES_NONE, &k), E_MALFORMED);
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_OK(key_write_public_pem(k, &pem));
    struct key *none = NULL;
    uint8_t raw[32];
    CHECK_IS(key_read_private_pem(buffer_view(&pem), &none), E_MALFORMED);
    CHECK_IS(key_write_ed25519_raw(k, raw), E_UNSUPPORTED);
    CHECK(none == NULL);
    key_free(k);
    buffer_deinit(&pem);
}

int main(void)
{
    CHECK_OK(crypto_init());
    test_round(KEY_ED25519);
    test_round(KEY_P256);
    test_ed25519_known();
    test_p384_known();
    test_fixed_form();
    test_refused();
    return TEST_END;
}
