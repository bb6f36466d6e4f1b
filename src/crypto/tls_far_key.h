/* Inside this room only: a server key whose private half is elsewhere. OpenSSL sees an EC key of a
 * small provider of ours that can do one thing: sign a TLS 1.3 server CertificateVerify by sending
 * its transcript hash, and nothing else, to whoever holds the key. */
#ifndef CRYPTO_TLS_FAR_KEY_H
#define CRYPTO_TLS_FAR_KEY_H

#include "crypto/openssl.h"
#include "crypto/tls.h"

/* A library context of its own, with the default provider and ours; nothing is read from files. */
struct far_library {
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *usual, *ours;
};
MUST outcome far_library_init(struct far_library *l);
void far_library_deinit(struct far_library *l);

/* leaf: read within l. E_UNSUPPORTED unless its key is P-256. */
MUST outcome far_key_new(const struct far_library *l, const X509 *leaf, const struct tls_signer *signer,
    EVP_PKEY **ret);

#endif
