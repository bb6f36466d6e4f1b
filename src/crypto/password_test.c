/* Passwords: made, verified, and whatever is not exactly ours refused. */
#include "crypto/password.h"

#include <argon2.h>
#include <stdio.h>

#include "base/test.h"

static const uint8_t salt[PASSWORD_SALT_BYTES] = { 1, 2, 3, 4 };

static void made_and_verified(void)
{
    char v[PASSWORD_VERIFIER_MAX];
    uint8_t again[PASSWORD_HASH_BYTES];
    struct bytes good = BYTES_LIT("correct horse battery");
    CHECK_OK(password_make(good, salt, v));
    CHECK(password_verifier_good(v));
    CHECK_OK(password_verify(v, good));
    CHECK(password_verify(v, BYTES_LIT("correct horse batterz")).code == E_CRYPTO);
    CHECK(password_verify(v, BYTES_NONE).code == E_CRYPTO);
    CHECK(argon2id_hash_raw(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, 1, good.at, good.n, salt, sizeof salt, again, sizeof again) == ARGON2_OK);
    char text[2 * PASSWORD_HASH_BYTES];
    base64_of(bytes_of(again, sizeof again), text);
    CHECK(strncmp(strrchr(v, '$') + 1, text, 43) == 0); /* exactly the function of RFC 9106 with these parameters */
}

static void too_short_or_long(void)
{
    char v[PASSWORD_VERIFIER_MAX], longest[PASSWORD_BYTES_MAX + 1];
    memset(longest, 'x', sizeof longest);
    CHECK(password_make(BYTES_LIT("elevenchars"), salt, v).code == E_RANGE);
    CHECK(password_make(bytes_of(longest, sizeof longest), salt, v).code == E_RANGE);
}

static void other_verifiers_are_none(void)
{
    char v[PASSWORD_VERIFIER_MAX], weak[PASSWORD_VERIFIER_MAX];
    CHECK_OK(password_make(BYTES_LIT("correct horse battery"), salt, v));
    CHECK(argon2id_hash_encoded(1, 64, 1, "correct horse battery", 21, salt, sizeof salt, 32, weak, sizeof weak) == ARGON2_OK);
    CHECK(password_verify(weak, BYTES_LIT("correct horse battery")).code == E_MALFORMED);
    for (size_t n = 0; n < strlen(v); n++) {
        char cut[PASSWORD_VERIFIER_MAX];
        snprintf(cut, sizeof cut, "%.*s", (int)n, v);
        CHECK_QUIET(!password_verifier_good(cut));
        snprintf(cut, sizeof cut, "%s", v);
        cut[n] = '!';
        CHECK_QUIET(!password_verifier_good(cut));
    }
}

int main(void)
{
    made_and_verified();
    too_short_or_long();
    other_verifiers_are_none();
    return TEST_END;
}
