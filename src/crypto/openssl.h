/* Inside this room only: the library's types, with owners that free themselves. */
#ifndef CRYPTO_OPENSSL_H
#define CRYPTO_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/x509.h"

struct key {
    EVP_PKEY *pkey;
    bool private;
};

/* AUTO(bio) BIO *b = NULL; freed at the end of its block whatever the way out. */
#define AUTO(name) __attribute__((cleanup(auto_##name)))
#define AUTO_OF(name, type, free_it)                                                               \
    static inline void auto_##name(type **p)                                                       \
    {                                                                                              \
        if (*p) free_it(*p);                                                                       \
    }
AUTO_OF(bio, BIO, BIO_free_all)
AUTO_OF(pkey, EVP_PKEY, EVP_PKEY_free)
AUTO_OF(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
AUTO_OF(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
AUTO_OF(x509, X509, X509_free)
AUTO_OF(req, X509_REQ, X509_REQ_free)
static inline void auto_certificates(STACK_OF(X509) **p)
{
    sk_X509_pop_free(*p, X509_free);
}

/* Bytes the library allocated. */
static inline void auto_text(uint8_t **p)
{
    OPENSSL_free(*p);
}
#define AUTO_TEXT AUTO(text)

/* A refusal that leaves nothing behind in the library's per-thread error queue. */
#define REFUSE_CLEAN(c) (ERR_clear_error(), REFUSE(c))

#define PEM_BYTES_MAX (64u * 1024)
#define CERTIFICATES_MAX 8

/* A read-only view as a BIO; NULL when memory is out or the view is over PEM_BYTES_MAX. */
static inline BIO *bio_view(struct bytes b)
{
    return b.n && b.n <= PEM_BYTES_MAX ? BIO_new_mem_buf(b.at, (int)b.n) : NULL;
}
MUST outcome bio_to_buffer(BIO *bio, struct buffer *ret);
/* The key as OpenSSL's callbacks want it: never asks a terminal. */
int pem_no_passphrase(char *buf, int size, int rwflag, void *ctx);

/* Only what we sign or verify with: Ed25519, named P-256, P-384. */
MUST outcome key_policy(const EVP_PKEY *pkey);
/* What may stand in a device's certificate: the same, and RSA of 2048 to 8192 bits. */
MUST outcome key_policy_certificate(const EVP_PKEY *pkey);
/* NULL for Ed25519; else SHA-256, or SHA-384 for P-384. */
const EVP_MD *key_digest(const EVP_PKEY *pkey);

/* 1 to CERTIFICATES_MAX certificates in order; library NULL = the default one. */
MUST outcome certificates_read(struct bytes pem, OSSL_LIB_CTX *library, STACK_OF(X509) **ret);
MUST outcome certificate_write(const X509 *x, struct buffer *ret);
MUST outcome certificate_facts(const X509 *x, struct x509_facts *ret);
MUST outcome certificate_key_hash(const X509 *x, struct hash *ret);

#endif
