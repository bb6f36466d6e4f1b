/* Certificates: our fixed profiles, requests, and what admission needs to know of one. */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include "crypto/sign.h"

struct x509_names { /* subjectAltName of a server certificate */
    const char *const *names; /* DNS names and numeric addresses, told apart by their form */
    size_t n;
};

/* Each makes one certificate by a fixed profile; PEM out. P-256 keys. */
MUST outcome x509_make_root(const struct key *root, const char *site, int years, struct buffer *ret);
MUST outcome x509_make_issuing(const struct key *root, struct bytes root_pem, const struct key *issuing,
    const char *site, int years, struct buffer *ret);
MUST outcome x509_make_server(const struct key *issuing, struct bytes issuing_pem,
    const struct key *server, const struct x509_names *names, int days, struct buffer *ret);
/* The server certificate once more: key and names of the old one, new serial and days. */
MUST outcome x509_make_server_again(const struct key *issuing, struct bytes issuing_pem, struct bytes old_pem,
    int days, struct buffer *ret);
/* Client profile: CN = id, clientAuth only, notBefore now - 5 min; DER out. */
MUST outcome x509_make_device(const struct key *issuing, struct bytes issuing_pem, struct bytes spki,
    const char *id, int days, struct buffer *ret);

struct x509_facts {
    uint8_t key_hash[32]; /* SHA-256 of SPKI */
    uint8_t serial[20];
    size_t serial_n;
    int64_t not_before_ms, not_after_ms;
    char common_name[65];
};
MUST outcome x509_facts_der(struct bytes der, struct x509_facts *ret);
MUST outcome x509_facts_pem(struct bytes pem, struct x509_facts *ret); /* first certificate */

/* PKCS#10: self-signature verified; key P-256/P-384/RSA >= 2048/Ed25519; returns SPKI DER and CN ("" if none). */
MUST outcome x509_request_read(struct bytes der, struct buffer *ret_spki, char ret_cn[65]);
/* A request with CN = id signed by key (device side). sign may be a TPM key, see tls.h. DER. */
MUST outcome x509_request_make(const struct key *k, const char *id, struct buffer *ret);
/* A request to another authority for a server's certificate: these names, the first one as CN. PEM. */
MUST outcome x509_request_make_server(const struct key *k, const struct x509_names *names, struct buffer *ret);
/* The names (subjectAltName: DNS and addresses) of the first certificate in pem, appended, one space between two. E_MISSING. */
MUST outcome x509_pem_names(struct bytes pem, struct buffer *ret);
/* Degenerate PKCS#7 (certs-only) DER from PEM certificates (EST cacerts, simpleenroll). */
MUST outcome x509_pkcs7_from_pem(struct bytes pem, struct buffer *ret);
MUST outcome x509_pkcs7_to_pem(struct bytes der, struct buffer *ret);
MUST outcome x509_der_to_pem(struct bytes der, struct buffer *ret);
/* SHA-256 of the SPKI of the first certificate in pem: the "CA key hash" of an invite. */
MUST outcome x509_pem_key_hash(struct bytes pem, struct hash *ret);
/* That key itself, SPKI DER, appended. */
MUST outcome x509_pem_key(struct bytes pem, struct buffer *ret);
/* The first certificate in pem carries by's signature. E_CRYPTO. Says nothing about its dates. */
MUST outcome x509_pem_signed_by(struct bytes pem, const struct key *by);

#endif
