/* TLS 1.3 only, over memory: the caller moves bytes between socket and struct tls. Server side for
 * the gate (its private key lives in the seal: a callback signs), client side for agents. */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "crypto/x509.h"

struct tls_context;
struct tls;

/* Signs the TLS 1.3 server CertificateVerify for this transcript hash; DER ECDSA signature. */
struct tls_signer {
    void *ctx;
    outcome (*sign)(void *ctx, struct bytes transcript_hash, uint8_t *ret, size_t cap, size_t *ret_n);
};

enum tls_client_auth { TLS_AUTH_NONE, TLS_AUTH_OPTIONAL, TLS_AUTH_REQUIRED };

/* server chain: leaf first. client CA: trusted for clientAuth. OPTIONAL also lets an expired
 * certificate of our CA through, marked. */
MUST outcome tls_server_new(struct bytes chain_pem, struct bytes client_ca_pem, enum tls_client_auth auth,
    const struct tls_signer *signer, struct tls_context **ret);
/* Keeps the last session with a server that offers resumption, and tries it once; one thread. key NULL = no client certificate. ca_key_hash: pin of some CA certificate in the presented chain
 * (joining); else ca_pem verifies. */
MUST outcome tls_client_new(struct bytes ca_pem, const struct hash *ca_key_hash, struct bytes chain_pem,
    const struct key *key, struct tls_context **ret);
/* RFC 7301. A server then takes this protocol where one is asked for and refuses a peer that asks for others only;
 * who asks for none is let through. A client asks for it. protocol: a literal. */
MUST outcome tls_protocol(struct tls_context *c, const char *protocol);
/* A server that requires certificates: its peers may come back without one (TLS 1.3, PSK with a fresh key exchange) within an hour of the
 * last handshake in which they proved their key. tls_peer() says the same of them; revocation is the caller's to ask again.
 * What is kept goes with the context: other trust, other handshakes. At most 16,384 are kept. */
MUST outcome tls_resumption(struct tls_context *c);
void tls_context_free(struct tls_context *c); /* counted: live struct tls keep it */

MUST outcome tls_new(struct tls_context *c, const char *server_name, struct tls **ret);
void tls_free(struct tls *t);
/* Gives received bytes to the machine (all are taken; bounded by the caller's read size). */
MUST outcome tls_feed(struct tls *t, struct bytes in);
/* Drives the handshake. OK when complete, E_AGAIN when it needs bytes, else the refusal. */
MUST outcome tls_handshake(struct tls *t);
/* Plaintext out. E_AGAIN when there is none, E_CLOSED after close_notify. */
MUST outcome tls_read(struct tls *t, uint8_t *to, size_t cap, size_t *ret_n);
/* Plaintext in: takes all (output accumulates in memory, see tls_pending). */
MUST outcome tls_write(struct tls *t, struct bytes b);
void tls_close(struct tls *t); /* queues close_notify */
/* Ciphertext waiting to be sent; drop what was written. */
struct bytes tls_pending(struct tls *t);
void tls_sent(struct tls *t, size_t n);

enum tls_why { TLS_WHY_NONE, TLS_WHY_NO_CERTIFICATE, TLS_WHY_FOREIGN, TLS_WHY_EXPIRED, TLS_WHY_BAD,
    TLS_WHY_VERSION, TLS_WHY_OTHER };
enum tls_why tls_why(const struct tls *t);
/* The handshake took up an earlier one. */
bool tls_resumed(const struct tls *t);
/* After the handshake; has = false when the peer showed none. */
bool tls_peer(const struct tls *t, struct x509_facts *ret, bool *ret_expired);
/* Presented CA chain as PEM (client side, to keep after a pinned join). */
MUST outcome tls_peer_chain_pem(const struct tls *t, struct buffer *ret);

#endif
