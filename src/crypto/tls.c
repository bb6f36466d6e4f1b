#include "crypto/tls.h"

#include <arpa/inet.h>

#include "crypto/tls_context.h"

/* --- the machine's two ends in memory --- */

int tls_bio_read(BIO *bio, char *to, int n)
{
    struct tls *t = BIO_get_data(bio);
    size_t there = t->in.n - t->in_at, take_n = n > 0 ? (size_t)n : 0;
    BIO_clear_retry_flags(bio);
    if (take_n > there) take_n = there;
    if (take_n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, t->in.at + t->in_at, take_n);
    t->in_at += take_n;
    if (!SSL_is_init_finished(t->ssl)) t->handshake_bytes += take_n;
    return (int)take_n;
}

int tls_bio_write(BIO *bio, const char *from, int n)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (n <= 0 || !ok(buffer_put(&t->out, bytes_of(from, (size_t)n)))) return -1;
    return n;
}

long tls_bio_control(BIO *bio, int command, long number, void *at)
{
    (void)bio, (void)number, (void)at;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* --- life --- */

/* DNS name or numeric address; the certificate must carry it as a subjectAltName. */
static outcome tls_expect(SSL *ssl, const char *name)
{
    uint8_t raw[16];
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(p, name) == 1 ? DONE : REFUSE_CLEAN(E_MEMORY);
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (name[0] == 0 || X509_VERIFY_PARAM_set1_host(p, name, 0) != 1
        || SSL_set_tlsext_host_name(ssl, name) != 1)
        return REFUSE_CLEAN(E_RANGE);
    return DONE;
}

static outcome tls_join_up(struct tls *t, const char *server_name)
{
    BIO *bio = BIO_new(t->context->method);
    t->ssl = SSL_new(t->context->ctx);
    if (!bio || !t->ssl) {
        BIO_free(bio);
        return REFUSE_CLEAN(E_MEMORY);
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio); /* one reference for both */
    SSL_set_app_data(t->ssl, t);
    if (t->context->server) {
        SSL_set_accept_state(t->ssl);
        return DONE;
    }
    SSL_set_connect_state(t->ssl);
    tls_resume_try(t, server_name);
    return tls_expect(t->ssl, server_name);
}

outcome tls_new(struct tls_context *c, const char *server_name, struct tls **ret)
{
    assert(c->server || server_name);
    struct tls *t = mem_new(sizeof *t);
    if (!t) return REFUSE(E_MEMORY);
    atomic_fetch_add(&c->uses, 1);
    t->context = c;
    t->in = BUFFER(TLS_IN_BYTES_MAX);
    t->out = BUFFER(TLS_OUT_BYTES_MAX);
    outcome o = tls_join_up(t, server_name);
    if (ok(o)) *ret = t;
    else tls_free(t);
    return o;
}

void tls_free(struct tls *t)
{
    if (!t) return;
    /* A link that was cut short is what resumption is for: without this OpenSSL would spoil the session. */
    if (t->ssl && !t->failed && SSL_is_init_finished(t->ssl)) SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    buffer_deinit(&t->in);
    buffer_deinit(&t->out);
    tls_context_free(t->context);
    mem_free(t);
    ERR_clear_error();
}

/* --- driving it --- */

static outcome refusal_of(enum tls_why why)
{
    static const enum code codes[] = {
        [TLS_WHY_NO_CERTIFICATE] = E_DENIED,
        [TLS_WHY_FOREIGN] = E_DENIED,
        [TLS_WHY_EXPIRED] = E_EXPIRED,
        [TLS_WHY_BAD] = E_CRYPTO,
        [TLS_WHY_VERSION] = E_UNSUPPORTED,
        [TLS_WHY_OTHER] = E_MALFORMED,
    };
    assert(why != TLS_WHY_NONE);
    return REFUSE(codes[why]);
}

static outcome tls_fail(struct tls *t, enum tls_why why)
{
    t->failed = true;
    if (t->why == TLS_WHY_NONE) t->why = why;
    return refusal_of(t->why);
}

/* r: what SSL_do_handshake, SSL_read_ex or SSL_write_ex returned when it was not success. */
static outcome tls_not_done(struct tls *t, int r)
{
    switch (SSL_get_error(t->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        ERR_clear_error();
        return REFUSE(E_AGAIN);
    case SSL_ERROR_ZERO_RETURN:
        ERR_clear_error();
        return REFUSE(E_CLOSED);
    default:
        return tls_fail(t, tls_judge_failure());
    }
}

#define IDLE_BYTES 512u /* what an idle connection may keep of each buffer */

/* Consumed bytes are dropped when all of them are, or when they are the larger part; an idle connection
 * gives its memory back. */
static void tls_compact(struct buffer *b, size_t *at)
{
    if (*at == b->n) b->n = *at = 0;
    if (b->n == 0 && b->cap > IDLE_BYTES) buffer_deinit(b);
    if (*at <= b->n / 2) return;
    buffer_drop(b, *at);
    *at = 0;
}

outcome tls_feed(struct tls *t, struct bytes in)
{
    if (t->failed) return refusal_of(t->why);
    tls_compact(&t->in, &t->in_at);
    return buffer_put(&t->in, in);
}

/* Another context first, whose method is already what the handshake settled on: SSL_set_session would else begin anew. */
static bool let_go_of_session(struct tls *t)
{
    SSL_CTX *rest = t->context->rest;
    if (SSL_CTX_get_ssl_method(rest) != SSL_get_ssl_method(t->ssl)
        && SSL_CTX_set_ssl_version(rest, SSL_get_ssl_method(t->ssl)) != 1)
        return false;
    return SSL_set_SSL_CTX(t->ssl, rest) == rest && SSL_set_session(t->ssl, NULL) == 1;
}

/* A server's handshake is complete and the peer judged: of its certificate a few facts are wanted, never the chain again.
 * With the session go the parsed certificates and their keys, a third of what a link at rest holds. Nothing of TLS 1.3
 * reads the session any more: what resumption needs is kept elsewhere, and records hang on the traffic secrets. */
static outcome tls_settle(struct tls *t)
{
    bool again = tls_resume_taken(t);
    const X509 *x = again ? NULL : SSL_get0_peer_certificate(t->ssl);
    if (x && !ok(certificate_facts(x, &t->facts))) return tls_fail(t, TLS_WHY_BAD);
    t->has_facts = again || x;
    if (!t->has_facts && t->context->auth == TLS_AUTH_REQUIRED) return tls_fail(t, TLS_WHY_NO_CERTIFICATE);
    t->resumed = again;
    t->settled = true;
    if (!let_go_of_session(t)) ERR_clear_error(); /* the chain stays: more memory, nothing else */
    return DONE;
}

outcome tls_handshake(struct tls *t)
{
    if (t->failed) return refusal_of(t->why);
    ERR_clear_error();
    int r = SSL_do_handshake(t->ssl);
    if (r == 1) return t->context->server && !t->settled ? tls_settle(t) : DONE;
    outcome o = tls_not_done(t, r);
    if (o.code == E_AGAIN && t->handshake_bytes > TLS_HANDSHAKE_BYTES_MAX) return tls_fail(t, TLS_WHY_OTHER);
    return o;
}

outcome tls_read(struct tls *t, uint8_t *to, size_t cap, size_t *ret_n)
{
    if (t->failed) return refusal_of(t->why);
    /* Nothing came since it was last asked: not worth asking OpenSSL again, which is not cheap. */
    if (t->in_at == t->in.n && SSL_is_init_finished(t->ssl) && !SSL_has_pending(t->ssl)
        && !(SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN))
        return REFUSE(E_AGAIN);
    ERR_clear_error();
    int r = SSL_read_ex(t->ssl, to, cap, ret_n);
    if (r == 1) return DONE;
    tls_compact(&t->in, &t->in_at);
    return tls_not_done(t, r);
}

outcome tls_write(struct tls *t, struct bytes b)
{
    size_t written = 0;
    if (t->failed) return refusal_of(t->why);
    if (t->closing) return REFUSE(E_CLOSED);
    if (!SSL_is_init_finished(t->ssl)) return REFUSE(E_CONFLICT);
    if (b.n == 0) return DONE;
    if (b.n > TLS_OUT_BYTES_MAX - t->out.n || b.n / 16 > TLS_OUT_BYTES_MAX - t->out.n - b.n)
        return REFUSE(E_TOO_LARGE); /* records add less than a sixteenth */
    ERR_clear_error();
    int r = SSL_write_ex(t->ssl, b.at, b.n, &written);
    if (r != 1) return tls_not_done(t, r);
    assert(written == b.n);
    return DONE;
}

void tls_close(struct tls *t)
{
    if (t->failed || t->closing || !SSL_is_init_finished(t->ssl)) return;
    t->closing = true;
    (void)SSL_shutdown(t->ssl); /* 0: queued, not yet answered, which is all that was asked */
    ERR_clear_error();
}

struct bytes tls_pending(struct tls *t)
{
    return bytes_of(t->out.at + t->out_at, t->out.n - t->out_at);
}

void tls_sent(struct tls *t, size_t n)
{
    assert(n <= t->out.n - t->out_at);
    t->out_at += n;
    tls_compact(&t->out, &t->out_at);
}

enum tls_why tls_why(const struct tls *t)
{
    return t->why;
}

bool tls_resumed(const struct tls *t)
{
    return t->settled ? t->resumed : SSL_session_reused(t->ssl);
}

bool tls_peer(const struct tls *t, struct x509_facts *ret, bool *ret_expired)
{
    if (t->failed || !SSL_is_init_finished(t->ssl)) return false;
    if (t->settled && !t->has_facts) return false;
    const X509 *x = t->settled ? NULL : SSL_get0_peer_certificate(t->ssl);
    if (t->settled) *ret = t->facts;
    else if (!x || !ok(certificate_facts(x, ret))) return false;
    *ret_expired = t->expired;
    return true;
}

outcome tls_peer_chain_pem(const struct tls *t, struct buffer *ret)
{
    const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(t->ssl);
    if (t->failed || !SSL_is_init_finished(t->ssl) || sk_X509_num(chain) < 2) return REFUSE(E_MISSING);
    if (sk_X509_num(chain) > CERTIFICATES_MAX) return REFUSE(E_TOO_LARGE);
    for (int i = 1; i < sk_X509_num(chain); i++) TRY(certificate_write(sk_X509_value(chain, i), ret));
    return DONE;
}
