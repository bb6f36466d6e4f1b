#include "crypto/tls_context.h"

#include <openssl/pem.h>

/* 128-bit first: what a device can do in hardware, and half the transcript for the seal. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

static outcome context_method(struct tls_context *c)
{
    c->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7f, "sekimori memory");
    if (!c->method || BIO_meth_set_read(c->method, tls_bio_read) != 1
        || BIO_meth_set_write(c->method, tls_bio_write) != 1
        || BIO_meth_set_ctrl(c->method, tls_bio_control) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    return DONE;
}

/* TLS 1.3; nothing outlives a connection, but what tls_resume.c keeps where it was asked for. */
static outcome context_settings(struct tls_context *c, const SSL_METHOD *method)
{
    SSL_CTX *s = c->ctx = SSL_CTX_new_ex(c->far.library, NULL, method);
    if (!s || SSL_CTX_set_min_proto_version(s, TLS1_3_VERSION) != 1
        || SSL_CTX_set_max_proto_version(s, TLS1_3_VERSION) != 1
        || SSL_CTX_set_ciphersuites(s, SUITES) != 1
        || SSL_CTX_set1_groups_list(s, "X25519:P-256") != 1
        || SSL_CTX_set_num_tickets(s, 0) != 1)
        return REFUSE_CLEAN(E_CRYPTO);
    SSL_CTX_set_options(s, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
            | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_security_level(s, 2);
    SSL_CTX_set_verify_depth(s, TLS_DEPTH_MAX);
    SSL_CTX_set_max_cert_list(s, TLS_CHAIN_BYTES_MAX);
    SSL_CTX_set_default_passwd_cb(s, pem_no_passphrase);
    return DONE;
}

/* The method of TLS 1.3 alone has no name of its own in public; an SSL bound to that version tells it. */
static outcome context_rest(struct tls_context *c)
{
    c->rest = SSL_CTX_new_ex(c->far.library, NULL, TLS_server_method());
    return c->rest ? DONE : REFUSE_CLEAN(E_MEMORY);
}

static outcome context_new(bool server, struct tls_context **ret)
{
    struct tls_context *c = mem_new(sizeof *c);
    if (!c) return REFUSE(E_MEMORY);
    atomic_init(&c->uses, 1);
    c->server = server;
    outcome o = server ? far_library_init(&c->far) : DONE;
    if (ok(o)) o = context_method(c);
    if (ok(o)) o = context_settings(c, server ? TLS_server_method() : TLS_client_method());
    if (ok(o) && server) o = context_rest(c);
    if (ok(o)) *ret = c;
    else tls_context_free(c);
    return o;
}

void tls_context_free(struct tls_context *c)
{
    if (!c || atomic_fetch_sub(&c->uses, 1) != 1) return;
    SSL_CTX_free(c->ctx);
    SSL_SESSION_free(c->last);
    tls_resume_free(c->resume);
    SSL_CTX_free(c->rest);
    BIO_meth_free(c->method);
    if (c->server) far_library_deinit(&c->far);
    mem_free(c);
}

/* Leaf first; the rest is sent as it stands, the root too when it is there. */
static outcome context_chain(struct tls_context *c, struct bytes chain_pem, const struct tls_signer *signer,
    const struct key *key)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    AUTO(pkey) EVP_PKEY *pkey = NULL;
    TRY(certificates_read(chain_pem, c->far.library, &list));
    X509 *leaf = sk_X509_value(list, 0);
    if (signer) TRY(far_key_new(&c->far, leaf, signer, &pkey));
    if (SSL_CTX_use_certificate(c->ctx, leaf) != 1) return REFUSE_CLEAN(E_CRYPTO);
    for (int i = 1; i < sk_X509_num(list); i++)
        if (SSL_CTX_add1_chain_cert(c->ctx, sk_X509_value(list, i)) != 1) return REFUSE_CLEAN(E_MEMORY);
    if (SSL_CTX_use_PrivateKey(c->ctx, signer ? pkey : key->pkey) != 1) return REFUSE_CLEAN(E_CRYPTO);
    return DONE;
}

/* Each certificate is trusted by itself: an issuing CA suffices without its root. */
static outcome context_trust(struct tls_context *c, struct bytes ca_pem)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    TRY(certificates_read(ca_pem, c->far.library, &list));
    X509_STORE *store = SSL_CTX_get_cert_store(c->ctx);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    for (int i = 0; i < sk_X509_num(list); i++) {
        X509 *ca = sk_X509_value(list, i);
        if (X509_check_ca(ca) != 1) return REFUSE_CLEAN(E_CRYPTO);
        if (X509_STORE_add_cert(store, ca) != 1) return REFUSE_CLEAN(E_MEMORY);
        if (c->server && SSL_CTX_add_client_CA(c->ctx, ca) != 1) return REFUSE_CLEAN(E_MEMORY);
    }
    return DONE;
}

static outcome server_fill(struct tls_context *c, struct bytes chain_pem, struct bytes client_ca_pem,
    const struct tls_signer *signer)
{
    static const int modes[] = {
        [TLS_AUTH_NONE] = SSL_VERIFY_NONE,
        [TLS_AUTH_OPTIONAL] = SSL_VERIFY_PEER,
        [TLS_AUTH_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    TRY(context_chain(c, chain_pem, signer, NULL));
    if (c->auth != TLS_AUTH_NONE) TRY(context_trust(c, client_ca_pem));
    SSL_CTX_set_verify(c->ctx, modes[c->auth], tls_judge_client);
    SSL_CTX_set_cert_verify_callback(c->ctx, tls_judge_chain, NULL);
    if (SSL_CTX_set_session_id_context(c->ctx, (const uint8_t *)TLS_SESSION_CONTEXT, sizeof TLS_SESSION_CONTEXT) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    return DONE;
}

outcome tls_server_new(struct bytes chain_pem, struct bytes client_ca_pem, enum tls_client_auth auth,
    const struct tls_signer *signer, struct tls_context **ret)
{
    struct tls_context *c = NULL;
    assert(signer && signer->sign);
    TRY(context_new(true, &c));
    c->auth = auth;
    outcome o = server_fill(c, chain_pem, client_ca_pem, signer);
    if (ok(o)) *ret = c;
    else tls_context_free(c);
    return o;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offers, unsigned n,
    void *at)
{
    const struct tls_context *c = at;
    struct bytes in = bytes_of(offers, n), one;
    uint8_t length;
    (void)ssl;
    while (in.n && ok(take_u8(&in, &length)) && ok(take(&in, length, &one))) {
        if (!bytes_equal_str(one, c->protocol)) continue;
        *ret = one.at;
        *ret_n = length;
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

outcome tls_protocol(struct tls_context *c, const char *protocol)
{
    uint8_t wish[64];
    struct out o = out_of(wish, sizeof wish);
    c->protocol = protocol;
    if (c->server) {
        SSL_CTX_set_alpn_select_cb(c->ctx, choose_protocol, c);
        return DONE;
    }
    put_u8(&o, (uint8_t)strlen(protocol));
    put_str(&o, protocol);
    TRY(out_done(&o));
    return SSL_CTX_set_alpn_protos(c->ctx, o.at, (unsigned)o.n) == 0 ? DONE : REFUSE_CLEAN(E_MEMORY);
}

outcome tls_client_new(struct bytes ca_pem, const struct hash *ca_key_hash, struct bytes chain_pem,
    const struct key *key, struct tls_context **ret)
{
    struct tls_context *c = NULL;
    TRY(context_new(false, &c));
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, tls_judge_server);
    outcome o = DONE;
    if (ca_key_hash) {
        c->pinned = true;
        c->pin = *ca_key_hash;
        SSL_CTX_set_cert_verify_callback(c->ctx, tls_judge_pinned, c);
    } else {
        tls_resume_client(c);
        o = context_trust(c, ca_pem);
    }
    if (ok(o) && key) o = key->private ? context_chain(c, chain_pem, NULL, key) : REFUSE(E_DENIED);
    if (ok(o)) *ret = c;
    else tls_context_free(c);
    return o;
}
