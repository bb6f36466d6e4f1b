#include "crypto/init.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <time.h>

outcome crypto_init(void)
{
    uint8_t seed[32];
    tzset(); /* the first gmtime_r of a process opens a file; certificates' times call it later */
    uint64_t how = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_CIPHERS
        | OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
    if (OPENSSL_init_crypto(how, NULL) != 1) return REFUSE(E_CRYPTO);
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) != 1)
        return REFUSE(E_CRYPTO);
    if (RAND_bytes(seed, sizeof seed) != 1 || RAND_priv_bytes(seed, sizeof seed) != 1)
        return REFUSE(E_CRYPTO);
    OPENSSL_cleanse(seed, sizeof seed);
    return DONE;
}
