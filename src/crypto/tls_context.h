/* Inside this room only: what tls_context.c makes and tls.c drives. */
#ifndef CRYPTO_TLS_CONTEXT_H
#define CRYPTO_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "crypto/tls_far_key.h"

struct tls_context {
    atomic_uint uses; /* the maker's and one for each live struct tls */
    bool server;
    enum tls_client_auth auth;
    bool pinned;
    struct hash pin;
    const char *protocol; /* ALPN, NULL = not looked at */
    struct far_library far; /* server only */
    BIO_METHOD *method;
    struct tls_resume *resume; /* server: NULL = every handshake is a whole one */
    SSL_SESSION *last;    /* client: to come back with, once; NULL = none */
    char last_name[256];  /* the server it is for */
    SSL_CTX *ctx, *rest; /* rest: of links past their handshake; holds no key and no certificate; server only */
};

/* Bytes a peer may make us read before its handshake is complete: ClientHello and a bounded chain. */
#define TLS_HANDSHAKE_BYTES_MAX (48u * 1024)
#define TLS_CHAIN_BYTES_MAX (16u * 1024)
#define TLS_DEPTH_MAX 3
#define TLS_IN_BYTES_MAX (8u << 20)
#define TLS_OUT_BYTES_MAX (64u << 20)

#define TLS_SESSION_CONTEXT "sekimori"
#define TLS_RESUME_ID 32
#define TLS_RESUME_MS (60 * 60 * 1000) /* since the peer last proved its key */

struct tls {
    struct tls_context *context;
    SSL *ssl;
    struct buffer in, out;
    size_t in_at, out_at;    /* consumed, sent */
    size_t handshake_bytes;  /* read before completion */
    enum tls_why why;
    bool expired;            /* let through in OPTIONAL mode */
    bool failed, closing;
    bool settled;            /* server: what the handshake left behind is given back, facts are the peer's */
    bool has_facts, resumed;
    struct x509_facts facts;
    struct {
        bool offered;        /* facts are those of the row the peer named */
        int64_t proved_ms;
        uint8_t id[TLS_RESUME_ID];
    } resume;                /* server */
};

/* tls.c: how OpenSSL reaches the bytes of a struct tls (its data). */
int tls_bio_read(BIO *bio, char *to, int n);
int tls_bio_write(BIO *bio, const char *from, int n);
long tls_bio_control(BIO *bio, int command, long number, void *at);

/* What a server keeps of a handshake: tls_resume.c. */
enum { TLS_RESUME_PSK = 48, TLS_RESUME_ROWS = 1 << 14 };
struct tls_resume_row {
    uint8_t id[TLS_RESUME_ID];
    uint8_t psk[TLS_RESUME_PSK];
    uint8_t psk_n;            /* 0: free */
    const SSL_CIPHER *cipher; /* a row of the library's own table */
    int64_t proved_ms, made_ms; /* monotonic: the last whole handshake, and this one */
    struct x509_facts facts;
};
struct tls_resume {
    struct tls_resume_row rows[TLS_RESUME_ROWS];
};

/* tls_resume.c. Taken: this handshake resumed a row, facts are the peer's; the row is used up. */
bool tls_resume_taken(struct tls *t);
void tls_resume_free(struct tls_resume *r);
/* A client keeps the last session of a context, for the same name, and tries it once. */
void tls_resume_client(struct tls_context *c);
void tls_resume_try(struct tls *t, const char *server_name);

/* tls_judge.c: certificate verification and why it failed. */
int tls_judge_client(int good, X509_STORE_CTX *store);
int tls_judge_server(int good, X509_STORE_CTX *store);
int tls_judge_pinned(X509_STORE_CTX *store, void *context);
/* The library's own judgement with tls_judge_client; of a good chain nothing is kept in the SSL. */
int tls_judge_chain(X509_STORE_CTX *store, void *context);
/* Reads and empties the error queue. */
enum tls_why tls_judge_failure(void);

#endif
