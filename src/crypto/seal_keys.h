/* The site's private keys and everything that may be done with them, for the one process that holds
 * them. Each verb builds what it signs from its few arguments; nothing here signs bytes it was handed.
 *
 * SITE_DIR/keys/ holds: site (the site's name, one line), issuing.key, server.key, ledger.key (PEM; not
 * readable by group or others), issuing.pem, root.pem, server.pem, where the site brought one web.pem (key and chain of the
 * certificate browsers see; one file, so that the two change together), while the CA rolls over next.pem (key and certificate
 * of who issues now, in one file; issuing.* is then the former one, which is trusted and speaks of its own certificates, and
 * issues none), and head.mark, which this file owns:
 * the newest head ever signed, written durably before the signature leaves. After seal_keys_open nothing
 * is opened any more. */
#ifndef CRYPTO_SEAL_KEYS_H
#define CRYPTO_SEAL_KEYS_H

#include "crypto/note.h"
#include "crypto/x509.h"

#define SEAL_DEVICE_DAYS_MAX 90
#define SEAL_SERVER_DAYS 90
#define SEAL_ID_MAX 63

struct seal_keys {
    char site[NOTE_ORIGIN_MAX];
    struct key *issuing, *server, *ledger, *web; /* web NULL: the site brought no certificate of its own, or a broken one */
    struct key *former;       /* NULL: nobody issued before */
    struct buffer chain_pem;  /* issuing, the former one, root */
    struct buffer former_pem;
    struct buffer issuing_pem, server_pem, web_pem;
    const char *web_why;      /* why web.pem was left aside; NULL: it was not. Without it people are still served */
    uint8_t ledger_public[32];
    struct note mark;         /* newest head signed */
    int mark_fd;
    unsigned mark_slot;       /* the next one to write */
};

/* E_DENIED: a key file others may read. E_CONFIG: keys and certificates do not belong together.
 * E_CHANGED: the mark cannot be read. E_MISSING, E_MALFORMED. *ret_what names the file, a literal. */
MUST outcome seal_keys_open(const char *site_dir, struct seal_keys *ret, const char **ret_what);
void seal_keys_close(struct seal_keys *k);

/* A signed head. E_CONFLICT: a smaller size than before, or another root of the same size. */
MUST outcome seal_keys_head(struct seal_keys *k, uint64_t size, const struct hash *root, struct buffer *ret);
/* A device's certificate, DER. id: [a-z0-9][a-z0-9-]{0,62}; days 1 to 90. */
MUST outcome seal_keys_device(const struct seal_keys *k, struct bytes id, struct bytes spki, unsigned days,
    struct buffer *ret);
/* The server's certificate again, PEM: same key, same names, 90 days; kept as server_pem. */
MUST outcome seal_keys_server(struct seal_keys *k);
/* How this site stands, to one reader (checkpoint/statement.h): JSON built here of few words and numbers, with the newest
 * head ever signed here, so that a statement cannot tell of another record than the heads do. E_RANGE: a word or time that
 * no statement has. */
struct seal_statement {
    struct bytes to, verdict;
    int64_t at_ms, until_ms;
    uint32_t claimed;
    uint8_t levels[7], terms[32];
    uint64_t seen_size;
    uint8_t seen_root[32];
};
MUST outcome seal_keys_statement(const struct seal_keys *k, const struct seal_statement *s, struct buffer *ret_payload, uint8_t ret_signature[64]);
/* What became of certificates of authority `which` (0: the one that issues), as a list or, ocsp, as an answer; DER.
 * E_RANGE: said for longer than seven days, or no such authority. */
MUST outcome seal_keys_status(const struct seal_keys *k, unsigned which, bool ocsp, const struct x509_report *r, struct buffer *ret);
/* Signature over the TLS 1.3 server CertificateVerify of this transcript hash, DER. cap >= 144. by: k's server or web;
 * NULL: E_MISSING. */
MUST outcome seal_keys_handshake(const struct key *by, struct bytes transcript_hash, uint8_t *ret, size_t cap, size_t *ret_n);
/* web.pem or next.pem: the private key (P-256) and the chain that begins with its certificate. E_CONFIG: they do not
 * belong together. E_UNSUPPORTED: another kind of key. */
MUST outcome seal_keys_pair(struct bytes pem, struct key **ret_key, struct bytes *ret_chain);

#endif
