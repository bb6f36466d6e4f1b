/* Passwords: argon2id (RFC 9106) and its usual text form, "$argon2id$v=19$m=..,t=..,p=..$salt$hash".
 * Costs some 50 ms and 46 MiB by intent: callers bound how many run at once. */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include "base/mem.h"

/* OWASP's first choice of 2024: 46 MiB, one pass; one lane, because one thread does the work. RFC 9106's second choice (64 MiB,
 * three passes) costs four times as much, which a small site's one helper thread would feel at eight sign-ins at once. */
enum { PASSWORD_MEMORY_KIB = 47104, PASSWORD_PASSES = 1, PASSWORD_LANES = 1, PASSWORD_SALT_BYTES = 16, PASSWORD_HASH_BYTES = 32,
    PASSWORD_VERIFIER_MAX = 160, PASSWORD_BYTES_MIN = 12, PASSWORD_BYTES_MAX = 256 };

/* E_RANGE: shorter or longer than allowed. E_MEMORY. */
MUST outcome password_make(struct bytes password, const uint8_t salt[PASSWORD_SALT_BYTES], char ret[PASSWORD_VERIFIER_MAX]);
/* E_CRYPTO: not this password. E_MALFORMED: not a verifier of exactly our parameters (a weaker one is none). */
MUST outcome password_verify(const char *verifier, struct bytes password);
/* Has the form and parameters of what password_make writes; says nothing about its password. */
bool password_verifier_good(const char *verifier);

#endif
