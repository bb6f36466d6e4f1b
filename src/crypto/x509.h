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
    uint8_t key_id[8], by_key_id[8]; /* first octets of subject and authority key identifiers; zeros: none */
};
MUST outcome x509_facts_der(struct bytes der, struct x509_facts *ret);
MUST outcome x509_facts_pem(struct bytes pem, struct x509_facts *ret); /* first certificate */
/* Of each in turn; E_TOO_LARGE: more than cap. */
MUST outcome x509_facts_all(struct bytes pem, struct x509_facts *ret, size_t cap, size_t *ret_n);

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
/* All but the last one, as it stands: a chain without its root. */
struct bytes x509_pem_but_last(struct bytes pem);
/* The first certificate in pem carries by's signature. E_CRYPTO. Says nothing about its dates. */
MUST outcome x509_pem_signed_by(struct bytes pem, const struct key *by);

/* ---- what became of certificates: RFC 5280, 5 (CRL) and RFC 6960 (OCSP) ---- */

enum x509_state { STATUS_GOOD, STATUS_REVOKED, STATUS_UNKNOWN, STATUS_STATES };
struct x509_status {
    uint8_t serial[20], serial_n;
    enum x509_state state;
    uint8_t reason;       /* RFC 5280, 5.3.1; 0 is not written */
    int64_t at_ms;        /* revoked since */
    bool sha256;          /* OCSP: how the question named the issuer; else SHA-1 */
};
enum { X509_NONCE_MAX = 32 }; /* RFC 8954 */
struct x509_report {
    int64_t at_ms, next_ms; /* said when; the next is said by then */
    const struct x509_status *rows;
    size_t n;
    struct bytes nonce;   /* OCSP: of the question */
};
/* Both by the issuer itself. The list names rows that are revoked, numbered by its time; the answer names every row. DER. */
MUST outcome x509_make_crl(const struct key *issuing, struct bytes issuing_pem, const struct x509_report *r, struct buffer *ret);
MUST outcome x509_make_ocsp(const struct key *issuing, struct bytes issuing_pem, const struct x509_report *r, struct buffer *ret);

enum { X509_QUESTIONS = 8, X509_QUESTION_MAX = 2048 };
struct x509_question {
    unsigned authority;   /* which of the given issuers all of them are about */
    struct x509_status rows[X509_QUESTIONS]; /* serial and sha256 are set */
    size_t n;
    uint8_t nonce[X509_NONCE_MAX];
    size_t nonce_n;
};
/* An OCSP request, DER. issuers_pem: whose certificates may be asked about. E_UNKNOWN: somebody else's; E_MALFORMED, E_TOO_LARGE. */
MUST outcome x509_ocsp_read(struct bytes der, struct bytes issuers_pem, struct x509_question *ret);
/* DER as PEM under this label ("X509 CRL"). */
MUST outcome x509_pem_of(const char *label, struct bytes der, struct buffer *ret);

#endif
