/* Resumption (RFC 8446, 2.2): what a server keeps of a finished handshake so that the same client may come back without
 * certificate and signature, and what a client keeps to do so. The server's part is a bounded table outside OpenSSL: 32
 * random bytes name a row, nothing about a client leaves the process. A row is good once, and only within an hour of the last
 * handshake in which the client proved its key; the certificate's end is looked at again here, and whether it is
 * revoked by whoever judges the link: it is told the same facts as after a whole handshake. */
#include "base/port/port.h"
#include "base/time.h"
#include "crypto/tls_context.h"

enum { ROWS = TLS_RESUME_ROWS, WAYS = 4 };

static struct tls *tls_of(SSL *ssl)
{
    struct tls *t = SSL_get_app_data(ssl);
    assert(t);
    return t;
}

static struct tls_resume_row *set_of(struct tls_resume *r, const uint8_t *id)
{
    uint32_t at;
    memcpy(&at, id, sizeof at); /* random as it is */
    return &r->rows[at % (ROWS / WAYS) * WAYS];
}

static struct tls_resume_row *find(struct tls_resume *r, const uint8_t *id)
{
    struct tls_resume_row *set = set_of(r, id);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].psk_n && CRYPTO_memcmp(set[i].id, id, TLS_RESUME_ID) == 0) return &set[i];
    return NULL;
}

static void wipe(struct tls_resume_row *row)
{
    OPENSSL_cleanse(row, sizeof *row);
}

/* A free row, or the oldest of its set. */
static struct tls_resume_row *room_for(struct tls_resume *r, const uint8_t *id)
{
    struct tls_resume_row *set = set_of(r, id), *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].psk_n) return &set[i];
        if (set[i].made_ms < oldest->made_ms) oldest = &set[i];
    }
    wipe(oldest);
    return oldest;
}

/* The facts of the peer this handshake has shown, or of the row it resumes. */
static bool facts_of(struct tls *t)
{
    if (SSL_session_reused(t->ssl)) return t->resume.offered;
    const X509 *x = SSL_get0_peer_certificate(t->ssl);
    if (!x || !ok(certificate_facts(x, &t->facts))) return false;
    t->resume.proved_ms = port_mono_ms();
    return true;
}

/* A ticket is being written, the handshake is complete: its name and secret are in the session. */
static int keep(SSL *ssl, SSL_SESSION *session)
{
    struct tls *t = tls_of(ssl);
    unsigned n = 0;
    const uint8_t *id = SSL_SESSION_get_id(session, &n);
    size_t psk_n = SSL_SESSION_get_master_key(session, NULL, 0);
    if (n != TLS_RESUME_ID || !psk_n || psk_n > TLS_RESUME_PSK || !facts_of(t)) return 0;
    struct tls_resume_row *row = room_for(t->context->resume, id);
    memcpy(row->id, id, n);
    row->psk_n = (uint8_t)SSL_SESSION_get_master_key(session, row->psk, sizeof row->psk);
    row->cipher = SSL_SESSION_get0_cipher(session);
    row->proved_ms = t->resume.proved_ms;
    row->made_ms = port_mono_ms();
    row->facts = t->facts;
    return 0; /* nothing of the session itself is kept */
}

static bool is_good(const struct tls_resume_row *row)
{
    int64_t age_ms = port_mono_ms() - row->proved_ms;
    return age_ms >= 0 && age_ms < TLS_RESUME_MS && row->facts.not_after_ms > port_wall_ms();
}

static SSL_SESSION *session_of(const struct tls_resume_row *row)
{
    SSL_SESSION *s = SSL_SESSION_new();
    bool good = s && SSL_SESSION_set1_id(s, row->id, TLS_RESUME_ID) == 1
        && SSL_SESSION_set1_id_context(s, (const uint8_t *)TLS_SESSION_CONTEXT, sizeof TLS_SESSION_CONTEXT) == 1
        && SSL_SESSION_set1_master_key(s, row->psk, row->psk_n) == 1 && SSL_SESSION_set_cipher(s, row->cipher) == 1
        && SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1;
    if (good) return s;
    SSL_SESSION_free(s);
    return NULL;
}

/* The peer names a row. That it holds the row's secret is seen later (its binder, RFC 8446, 4.2.11.2); until then the
 * facts are offered only, and the row stays. */
static SSL_SESSION *offer(SSL *ssl, const unsigned char *id, int n, int *ret_counted)
{
    struct tls *t = tls_of(ssl);
    *ret_counted = 0;
    t->resume.offered = false;
    struct tls_resume_row *row = n == TLS_RESUME_ID ? find(t->context->resume, id) : NULL;
    if (!row) return NULL;
    if (!is_good(row)) {
        wipe(row);
        return NULL;
    }
    SSL_SESSION *s = session_of(row);
    if (!s) return NULL;
    t->resume.offered = true;
    t->resume.proved_ms = row->proved_ms;
    memcpy(t->resume.id, row->id, sizeof row->id);
    t->facts = row->facts;
    return s;
}

outcome tls_resumption(struct tls_context *c)
{
    assert(c->server && c->auth == TLS_AUTH_REQUIRED && !c->resume);
    c->resume = mem_new(sizeof *c->resume);
    if (!c->resume) return REFUSE(E_MEMORY);
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_new_cb(c->ctx, keep);
    SSL_CTX_sess_set_get_cb(c->ctx, offer);
    SSL_CTX_set_timeout(c->ctx, TLS_RESUME_MS / MS_S);
    return SSL_CTX_set_num_tickets(c->ctx, 1) == 1 ? DONE : REFUSE_CLEAN(E_CRYPTO);
}

bool tls_resume_taken(struct tls *t)
{
    if (!SSL_session_reused(t->ssl) || !t->resume.offered) return false;
    struct tls_resume_row *row = find(t->context->resume, t->resume.id);
    if (row) wipe(row);
    return true;
}

void tls_resume_free(struct tls_resume *r)
{
    if (!r) return;
    OPENSSL_cleanse(r, sizeof *r);
    mem_free(r);
}

/* ---- a client ---- */

/* The name or address the server had to prove. */
static bool expected_name(SSL *ssl, char *ret, size_t cap)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
    const char *host = X509_VERIFY_PARAM_get0_host(p, 0);
    char *address = host ? NULL : X509_VERIFY_PARAM_get1_ip_asc(p);
    bool known = host || address;
    bool fits = known && ok(bytes_to_text(bytes_str(host ? host : address), ret, cap));
    OPENSSL_free(address);
    return fits;
}

static int remember(SSL *ssl, SSL_SESSION *session)
{
    struct tls_context *c = tls_of(ssl)->context;
    if (!expected_name(ssl, c->last_name, sizeof c->last_name)) return 0;
    SSL_SESSION_free(c->last);
    c->last = session;
    return 1;
}

void tls_resume_client(struct tls_context *c)
{
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ctx, remember);
}

void tls_resume_try(struct tls *t, const char *server_name)
{
    struct tls_context *c = t->context;
    if (!c->last || strcmp(c->last_name, server_name) != 0) return;
    if (SSL_set_session(t->ssl, c->last) != 1) ERR_clear_error(); /* a whole handshake then */
    SSL_SESSION_free(c->last); /* once: should it fail, the next is whole */
    c->last = NULL;
}
