/* See password.h. */
#include "crypto/password.h"

#include <argon2.h>
#include <stdio.h>

static outcome outcome_of(int code)
{
    if (code == ARGON2_OK) return DONE;
    if (code == ARGON2_VERIFY_MISMATCH) return REFUSE(E_CRYPTO);
    return code == ARGON2_MEMORY_ALLOCATION_ERROR ? REFUSE(E_MEMORY) : REFUSE(E_MALFORMED);
}

static size_t head_of(char *room, size_t size)
{
    return (size_t)snprintf(room, size, "$argon2id$v=19$m=%d,t=%d,p=%d$", PASSWORD_MEMORY_KIB, PASSWORD_PASSES, PASSWORD_LANES);
}

/* Unpadded base64 characters of n bytes. */
static size_t letters(size_t n)
{
    return (n * 4 + 2) / 3;
}

static bool all_letters(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool letter = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9');
        if (!letter && p[i] != '+' && p[i] != '/') return false;
    }
    return true;
}

bool password_verifier_good(const char *verifier)
{
    char head[64];
    size_t n = head_of(head, sizeof head), salt = letters(PASSWORD_SALT_BYTES), hash = letters(PASSWORD_HASH_BYTES);
    if (strlen(verifier) != n + salt + 1 + hash || strncmp(verifier, head, n) != 0) return false;
    return all_letters(verifier + n, salt) && verifier[n + salt] == '$' && all_letters(verifier + n + salt + 1, hash);
}

outcome password_make(struct bytes password, const uint8_t salt[PASSWORD_SALT_BYTES], char ret[PASSWORD_VERIFIER_MAX])
{
    char text[PASSWORD_VERIFIER_MAX];
    if (password.n < PASSWORD_BYTES_MIN || password.n > PASSWORD_BYTES_MAX) return REFUSE(E_RANGE);
    TRY(outcome_of(argon2id_hash_encoded(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, PASSWORD_LANES, password.at, password.n, salt,
        PASSWORD_SALT_BYTES, PASSWORD_HASH_BYTES, text, sizeof text)));
    memcpy(ret, text, sizeof text);
    return DONE;
}

outcome password_verify(const char *verifier, struct bytes password)
{
    if (!password_verifier_good(verifier)) return REFUSE(E_MALFORMED);
    if (password.n > PASSWORD_BYTES_MAX) return REFUSE(E_CRYPTO);
    return outcome_of(argon2id_verify(verifier, password.at, password.n));
}
