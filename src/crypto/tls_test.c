/* Whole handshakes in memory: every word of enum tls_why, what the peer is told, and what the holder
 * of the server's key ever sees. */
#include "crypto/tls.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/port/port.h"
#include "base/test.h"
#include "base/time.h"
#include "crypto/init.h"
#include "crypto/tls_content.h"
#include "crypto/tls_context.h"

struct site {
    struct key *root, *issuing, *server, *device;
    struct buffer root_pem, issuing_pem, chain_pem, device_pem;
    struct hash root_id, issuing_id;
};

static void site_init(struct site *s, const char *name)
{
    static const char *const names[] = { "gate.example", "192.0.2.7" };
    const struct x509_names san = { names, 2 };
    struct buffer leaf = BUFFER(8192), spki = BUFFER(512), der = BUFFER(4096);
    *s = (struct site) { .root_pem = BUFFER(8192), .issuing_pem = BUFFER(8192), .chain_pem = BUFFER(32768),
        .device_pem = BUFFER(8192) };
    struct key **const keys[] = { &s->root, &s->issuing, &s->server, &s->device };
    for (size_t i = 0; i < 4; i++) CHECK_OK(key_new(KEY_P256, keys[i]));
    CHECK_OK(x509_make_root(s->root, name, 20, &s->root_pem));
    CHECK_OK(x509_make_issuing(s->root, buffer_view(&s->root_pem), s->issuing, name, 5, &s->issuing_pem));
    CHECK_OK(x509_make_server(s->issuing, buffer_view(&s->issuing_pem), s->server, &san, 90, &leaf));
    CHECK_OK(buffer_put(&s->chain_pem, buffer_view(&leaf)));
    CHECK_OK(buffer_put(&s->chain_pem, buffer_view(&s->issuing_pem)));
    CHECK_OK(buffer_put(&s->chain_pem, buffer_view(&s->root_pem)));
    CHECK_OK(key_write_public_der(s->device, &spki));
    CHECK_OK(x509_make_device(s->issuing, buffer_view(&s->issuing_pem), buffer_view(&spki), "gw-02", 7, &der));
    CHECK_OK(x509_der_to_pem(buffer_view(&der), &s->device_pem));
    CHECK_OK(key_id(s->root, &s->root_id));
    CHECK_OK(key_id(s->issuing, &s->issuing_id));
    buffer_deinit(&leaf), buffer_deinit(&spki), buffer_deinit(&der);
}

static void site_deinit(struct site *s)
{
    key_free(s->root), key_free(s->issuing), key_free(s->server), key_free(s->device);
    buffer_deinit(&s->root_pem), buffer_deinit(&s->issuing_pem), buffer_deinit(&s->chain_pem);
    buffer_deinit(&s->device_pem);
}

/* The holder of the server key, as the seal is: it builds what it signs. */
struct holder {
    const struct key *key;
    unsigned asked, asked_32, asked_48;
    bool refuses;
};

static outcome holder_sign(void *ctx, struct bytes hash, uint8_t *ret, size_t cap, size_t *ret_n)
{
    struct holder *h = ctx;
    uint8_t content[TLS_CONTENT_BYTES_MAX];
    struct out o = out_of(content, sizeof content);
    uint8_t signature[144];
    size_t n = 0;
    h->asked++;
    h->asked_32 += hash.n == 32;
    h->asked_48 += hash.n == 48;
    if (h->refuses) return REFUSE(E_CLOSED);
    TRY(tls_content_make(hash, &o));
    TRY(key_sign(h->key, out_view(&o), signature, sizeof signature, &n));
    if (n > cap) return REFUSE(E_TOO_LARGE);
    memcpy(ret, signature, n);
    *ret_n = n;
    return DONE;
}

struct pair {
    struct tls *client, *server;
    outcome client_end, server_end;
};

/* Moves all waiting bytes in pieces of at most step; true when there were any. */
static bool carry(struct tls *from, struct tls *to, size_t step)
{
    struct bytes b = tls_pending(from);
    if (b.n == 0) return false;
    size_t n = b.n < step ? b.n : step;
    (void)!ok(tls_feed(to, bytes_of(b.at, n)));
    tls_sent(from, n);
    return true;
}

/* Runs both until neither moves; the client also reads, so that late alerts reach it. */
static void run(struct pair *p, size_t step)
{
    uint8_t scratch[64];
    size_t n = 0;
    bool moved = true;
    for (int i = 0; moved && i < 20000; i++) {
        p->client_end = tls_handshake(p->client);
        if (ok(p->client_end)) {
            outcome o = tls_read(p->client, scratch, sizeof scratch, &n);
            if (o.code != E_AGAIN) p->client_end = o;
        }
        moved = carry(p->client, p->server, step);
        p->server_end = tls_handshake(p->server);
        moved |= carry(p->server, p->client, step);
    }
}

static void pair_new(struct pair *p, struct tls_context *server, struct tls_context *client, const char *name)
{
    *p = (struct pair) { 0 };
    CHECK_OK(tls_new(server, NULL, &p->server));
    CHECK_OK(tls_new(client, name, &p->client));
}

static void pair_free(struct pair *p)
{
    tls_free(p->client);
    tls_free(p->server);
}

/* --- good connections --- */

static void check_data(struct pair *p)
{
    static uint8_t big[200000], back[200000];
    size_t n = 0, got = 0;
    for (size_t i = 0; i < sizeof big; i++) big[i] = (uint8_t)(i * 31 >> 3);
    CHECK_OK(tls_write(p->client, bytes_of(big, sizeof big)));
    CHECK_OK(tls_write(p->client, BYTES_NONE));
    while (carry(p->client, p->server, 4096))
        while (got < sizeof back && ok(tls_read(p->server, back + got, sizeof back - got, &n))) got += n;
    CHECK(got == sizeof big && memcmp(big, back, sizeof big) == 0);
    CHECK_IS(tls_read(p->server, back, 10, &n), E_AGAIN);
    CHECK_OK(tls_write(p->server, BYTES_LIT("reply")));
    tls_close(p->server);
    CHECK_IS(tls_write(p->server, BYTES_LIT("late")), E_CLOSED);
    while (carry(p->server, p->client, 7)) { }
    CHECK_OK(tls_read(p->client, back, 10, &n));
    CHECK(n == 5 && memcmp(back, "reply", 5) == 0);
    CHECK_IS(tls_read(p->client, back, 10, &n), E_CLOSED);
}

static void test_good(const struct site *s, enum tls_client_auth auth, size_t step)
{
    struct holder h = { .key = s->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *server = NULL, *client = NULL;
    struct pair p;
    struct x509_facts f;
    struct hash id;
    bool expired = true;
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), buffer_view(&s->issuing_pem), auth, &signer, &server));
    CHECK_OK(tls_client_new(buffer_view(&s->root_pem), NULL, buffer_view(&s->device_pem), s->device, &client));
    pair_new(&p, server, client, "gate.example");
    CHECK_IS(tls_write(p.client, BYTES_LIT("early")), E_CONFLICT);
    CHECK(!tls_peer(p.server, &f, &expired));
    run(&p, step);
    CHECK_OK(p.client_end);
    CHECK_OK(p.server_end);
    CHECK(h.asked == 1 && h.asked_32 == 1);
    CHECK(tls_why(p.server) == TLS_WHY_NONE && tls_why(p.client) == TLS_WHY_NONE);
    CHECK(tls_peer(p.server, &f, &expired) == (auth != TLS_AUTH_NONE));
    if (auth != TLS_AUTH_NONE) {
        CHECK_OK(key_id(s->device, &id));
        CHECK(memcmp(f.key_hash, id.at, 32) == 0 && strcmp(f.common_name, "gw-02") == 0 && !expired);
    }
    tls_context_free(server); /* counted: the pair keeps both */
    tls_context_free(client);
    check_data(&p);
    pair_free(&p);
}

/* A server keeps no session once the handshake is over. Key updates, data and a broken record (RFC 8446, 4.6.3 and 5.2)
 * must find all they need; and what is kept does not hold the peer's certificate any more. */
static void test_at_rest(const struct site *s)
{
    struct holder h = { .key = s->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *server = NULL, *client = NULL;
    struct pair p;
    struct x509_facts f;
    bool expired;
    uint8_t got[16];
    size_t n = 0;
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), buffer_view(&s->issuing_pem), TLS_AUTH_REQUIRED, &signer, &server));
    CHECK_OK(tls_client_new(buffer_view(&s->root_pem), NULL, buffer_view(&s->device_pem), s->device, &client));
    pair_new(&p, server, client, "gate.example");
    run(&p, 65536);
    CHECK_OK(p.server_end);
    CHECK(SSL_get0_session(p.server->ssl) == NULL && SSL_get0_peer_certificate(p.server->ssl) == NULL);
    CHECK(SSL_get0_verified_chain(p.server->ssl) == NULL);
    CHECK(tls_peer(p.server, &f, &expired) && strcmp(f.common_name, "gw-02") == 0);
    for (int round = 0; round < 3; round++) {
        SSL *asks = round % 2 ? p.server->ssl : p.client->ssl;
        CHECK(SSL_key_update(asks, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(asks) == 1);
        CHECK_OK(tls_write(p.client, BYTES_LIT("up")));
        while (carry(p.client, p.server, 4096)) { }
        CHECK_OK(tls_read(p.server, got, sizeof got, &n));
        CHECK(n == 2 && memcmp(got, "up", 2) == 0);
        CHECK_OK(tls_write(p.server, BYTES_LIT("down")));
        while (carry(p.server, p.client, 4096)) { }
        CHECK_OK(tls_read(p.client, got, sizeof got, &n));
        CHECK(n == 4 && memcmp(got, "down", 4) == 0);
    }
    CHECK_OK(tls_feed(p.server, BYTES_LIT("\x17\x03\x03\x00\x14not what it seems at")));
    CHECK(!ok(tls_read(p.server, got, sizeof got, &n)) && tls_why(p.server) != TLS_WHY_NONE);
    CHECK(!tls_peer(p.server, &f, &expired));
    CHECK(carry(p.server, p.client, 4096)); /* it is told */
    CHECK(!ok(tls_read(p.client, got, sizeof got, &n)));
    tls_context_free(server);
    tls_context_free(client);
    pair_free(&p);
}

/* --- coming back --- */

struct again { /* one server, one client, and what is asked of each connection between them */
    const struct site *s;
    struct holder h;
    struct tls_context *server, *client;
};

static void again_init(struct again *a, const struct site *s)
{
    const struct tls_signer signer = { &a->h, holder_sign };
    *a = (struct again) { .s = s, .h = { .key = s->server } };
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), buffer_view(&s->issuing_pem), TLS_AUTH_REQUIRED, &signer, &a->server));
    CHECK_OK(tls_resumption(a->server));
    CHECK_OK(tls_client_new(buffer_view(&s->root_pem), NULL, buffer_view(&s->device_pem), s->device, &a->client));
}

/* One connection; whole or resumed, the server knows who it is and data goes both ways. */
static void connect_again(struct again *a, const char *name, bool resumed)
{
    struct pair p;
    struct x509_facts f = { 0 };
    bool expired = true;
    unsigned asked = a->h.asked;
    pair_new(&p, a->server, a->client, name);
    run(&p, 65536);
    CHECK(ok(p.server_end) && (ok(p.client_end) || p.client_end.code == E_AGAIN));
    CHECK(tls_resumed(p.server) == resumed && tls_resumed(p.client) == resumed && a->h.asked == asked + !resumed);
    CHECK(tls_peer(p.server, &f, &expired) && strcmp(f.common_name, "gw-02") == 0 && !expired);
    CHECK(SSL_get0_session(p.server->ssl) == NULL);
    check_data(&p);
    pair_free(&p);
}

static void age(struct again *a, int64_t by_ms, bool certificate)
{
    for (size_t i = 0; i < TLS_RESUME_ROWS; i++) {
        if (certificate) a->server->resume->rows[i].facts.not_after_ms = port_wall_ms() - by_ms;
        else a->server->resume->rows[i].proved_ms -= by_ms;
    }
}

static size_t kept(const struct again *a)
{
    size_t n = 0;
    for (size_t i = 0; i < TLS_RESUME_ROWS; i++) n += a->server->resume->rows[i].psk_n != 0;
    return n;
}

/* Who names a row and does not hold its secret is refused, and takes nothing from whom it belongs to. */
static void test_wrong_secret(struct again *a)
{
    struct pair p;
    const uint8_t guess[32] = { 1 };
    SSL_SESSION *mine = SSL_SESSION_dup(a->client->last), *wrong = SSL_SESSION_dup(a->client->last);
    CHECK(mine && wrong && SSL_SESSION_set1_master_key(wrong, guess, sizeof guess) == 1);
    SSL_SESSION_free(a->client->last);
    a->client->last = wrong;
    pair_new(&p, a->server, a->client, "gate.example");
    run(&p, 65536);
    CHECK(!ok(p.server_end) && !ok(p.client_end));
    pair_free(&p);
    CHECK(a->client->last == NULL);
    a->client->last = mine;
    connect_again(a, "gate.example", true);
}

static void test_resumption(const struct site *s)
{
    struct again a, other;
    again_init(&a, s);
    again_init(&other, s);
    connect_again(&a, "gate.example", false);
    for (int i = 0; i < 3; i++) connect_again(&a, "gate.example", true);
    CHECK(kept(&a) == 1); /* each is good once, and leaves the next */
    SSL_SESSION *used = SSL_SESSION_dup(a.client->last);
    connect_again(&a, "gate.example", true);
    SSL_SESSION_free(a.client->last);
    a.client->last = used;
    connect_again(&a, "gate.example", false);
    test_wrong_secret(&a);
    connect_again(&a, "192.0.2.7", false); /* another name, another server for all the client knows */
    connect_again(&a, "gate.example", false);
    age(&a, TLS_RESUME_MS / 2, false);
    connect_again(&a, "gate.example", true);
    age(&a, TLS_RESUME_MS / 2, false); /* resuming does not prove the key anew: the hour is over */
    connect_again(&a, "gate.example", false);
    age(&a, 1, true); /* its certificate ended meanwhile (only for the table): the whole handshake judges */
    connect_again(&a, "gate.example", false);
    struct tls_context *client = other.client;
    other.client = a.client; /* trust was set anew: another context of the same server */
    a.client = client;
    connect_again(&other, "gate.example", false);
    tls_context_free(a.server), tls_context_free(a.client);
    tls_context_free(other.server), tls_context_free(other.client);
}

/* RFC 7301: none asked for, the right one, another. */
static void test_protocol(const struct site *s)
{
    static const char *const wishes[] = { NULL, "mqtt", "http/1.1" };
    struct holder h = { .key = s->server };
    const struct tls_signer signer = { &h, holder_sign };
    for (size_t i = 0; i < 3; i++) {
        struct tls_context *server = NULL, *client = NULL;
        struct pair p;
        CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), buffer_view(&s->issuing_pem), TLS_AUTH_REQUIRED, &signer, &server));
        CHECK_OK(tls_client_new(buffer_view(&s->root_pem), NULL, buffer_view(&s->device_pem), s->device, &client));
        CHECK_OK(tls_protocol(server, "mqtt"));
        if (wishes[i]) CHECK_OK(tls_protocol(client, wishes[i]));
        pair_new(&p, server, client, "gate.example");
        run(&p, 65536);
        CHECK(ok(p.server_end) == (i < 2) && ok(p.client_end) == (i < 2));
        CHECK(i < 2 || tls_why(p.server) == TLS_WHY_OTHER);
        tls_context_free(server);
        tls_context_free(client);
        pair_free(&p);
    }
}

/* --- refusals --- */

/* A certificate made by hand: what no profile of ours makes. */
struct odd {
    const struct key *by;
    struct bytes issuer_pem;
    const char *usage; /* extendedKeyUsage, NULL = none */
    int64_t from_ms, until_ms; /* from now */
    const char *digest;
};

static EVP_PKEY *pkey_of(const struct key *k)
{
    struct buffer pem = BUFFER(4096);
    CHECK_OK(key_write_private_pem(k, &pem));
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.n);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    buffer_deinit(&pem);
    return pkey;
}

static void odd_make(const struct odd *o, const struct key *subject, struct buffer *ret)
{
    BIO *in = BIO_new_mem_buf(o->issuer_pem.at, (int)o->issuer_pem.n), *out = BIO_new(BIO_s_mem());
    X509 *issuer = PEM_read_bio_X509(in, NULL, NULL, NULL), *x = X509_new();
    EVP_PKEY *by = pkey_of(o->by), *key = pkey_of(subject);
    time_t now = (time_t)(port_wall_ms() / MS_S);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 77);
    ASN1_TIME_set(X509_getm_notBefore(x), now + (time_t)(o->from_ms / MS_S));
    ASN1_TIME_set(X509_getm_notAfter(x), now + (time_t)(o->until_ms / MS_S));
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"gw-02", -1, -1, 0);
    X509_set_pubkey(x, key);
    X509_EXTENSION *e = o->usage ? X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, o->usage) : NULL;
    if (e) X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    CHECK(X509_sign(x, by, EVP_get_digestbyname(o->digest)) > 0);
    CHECK(PEM_write_bio_X509(out, x) == 1);
    char *at = NULL;
    long n = BIO_get_mem_data(out, &at);
    ret->n = 0;
    CHECK_OK(buffer_put(ret, bytes_of(at, (size_t)n)));
    X509_free(x), X509_free(issuer), EVP_PKEY_free(by), EVP_PKEY_free(key), BIO_free(in), BIO_free(out);
}

struct refusal {
    const char *claim;
    enum tls_client_auth auth;
    const struct odd *shown; /* NULL: no certificate */
    enum tls_why why;        /* NONE: lets in */
    enum code code;
    bool expired;
};

static void check_refusal(const struct site *s, const struct refusal *r)
{
    struct holder h = { .key = s->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *server = NULL, *client = NULL;
    struct buffer pem = BUFFER(8192);
    struct pair p;
    struct x509_facts f;
    bool expired = false;
    printf("# %s\n", r->claim);
    if (r->shown) odd_make(r->shown, s->device, &pem);
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), buffer_view(&s->issuing_pem), r->auth, &signer, &server));
    CHECK_OK(tls_client_new(buffer_view(&s->root_pem), NULL, buffer_view(&pem), r->shown ? s->device : NULL, &client));
    pair_new(&p, server, client, "gate.example");
    run(&p, 65536);
    CHECK(p.server_end.code == r->code);
    CHECK(tls_why(p.server) == r->why);
    CHECK(tls_why(p.client) == r->why); /* the alert says the same to the peer */
    CHECK(tls_peer(p.server, &f, &expired) == (r->why == TLS_WHY_NONE && r->shown));
    CHECK(expired == r->expired);
    if (r->why != TLS_WHY_NONE) CHECK(tls_handshake(p.server).code == r->code); /* stays refused */
    pair_free(&p);
    tls_context_free(server), tls_context_free(client);
    buffer_deinit(&pem);
}

static void test_refusals(const struct site *s, const struct site *other)
{
    struct bytes ours = buffer_view(&s->issuing_pem), theirs = buffer_view(&other->issuing_pem);
    const struct odd good = { s->issuing, ours, "clientAuth", -MS_DAY, MS_DAY, "SHA256" };
    const struct odd foreign = { other->issuing, theirs, "clientAuth", -MS_DAY, MS_DAY, "SHA256" };
    const struct odd forged = { other->issuing, ours, "clientAuth", -MS_DAY, MS_DAY, "SHA256" };
    const struct odd late = { s->issuing, ours, "clientAuth", -2 * MS_DAY, -MS_DAY, "SHA256" };
    const struct odd late_foreign = { other->issuing, theirs, "clientAuth", -2 * MS_DAY, -MS_DAY, "SHA256" };
    const struct odd late_server = { s->issuing, ours, "serverAuth", -2 * MS_DAY, -MS_DAY, "SHA256" };
    const struct odd early = { s->issuing, ours, "clientAuth", MS_DAY, 2 * MS_DAY, "SHA256" };
    const struct odd server = { s->issuing, ours, "serverAuth", -MS_DAY, MS_DAY, "SHA256" };
    const struct odd anything = { s->issuing, ours, NULL, -MS_DAY, MS_DAY, "SHA256" };
    const struct refusal rows[] = {
        { "good", TLS_AUTH_REQUIRED, &good, TLS_WHY_NONE, OK, false },
        { "none, required", TLS_AUTH_REQUIRED, NULL, TLS_WHY_NO_CERTIFICATE, E_DENIED, false },
        { "none, optional", TLS_AUTH_OPTIONAL, NULL, TLS_WHY_NONE, OK, false },
        { "foreign", TLS_AUTH_REQUIRED, &foreign, TLS_WHY_FOREIGN, E_DENIED, false },
        { "foreign, optional", TLS_AUTH_OPTIONAL, &foreign, TLS_WHY_FOREIGN, E_DENIED, false },
        { "forged under our name", TLS_AUTH_REQUIRED, &forged, TLS_WHY_BAD, E_CRYPTO, false },
        { "expired", TLS_AUTH_REQUIRED, &late, TLS_WHY_EXPIRED, E_EXPIRED, false },
        { "expired, optional", TLS_AUTH_OPTIONAL, &late, TLS_WHY_NONE, OK, true },
        { "expired and foreign, optional", TLS_AUTH_OPTIONAL, &late_foreign, TLS_WHY_FOREIGN, E_DENIED, false },
        { "expired and a server's, optional", TLS_AUTH_OPTIONAL, &late_server, TLS_WHY_BAD, E_CRYPTO, false },
        { "not yet valid", TLS_AUTH_REQUIRED, &early, TLS_WHY_BAD, E_CRYPTO, false },
        { "a server's certificate", TLS_AUTH_REQUIRED, &server, TLS_WHY_BAD, E_CRYPTO, false },
        { "no purpose named", TLS_AUTH_REQUIRED, &anything, TLS_WHY_BAD, E_CRYPTO, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_refusal(s, &rows[i]);
}

/* Another site that gave itself our name: told apart by key identifiers. */
static void test_twin(const struct site *s, const struct site *twin)
{
    struct holder h = { .key = s->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *server = NULL, *client = NULL;
    struct pair p;
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), buffer_view(&s->issuing_pem), TLS_AUTH_REQUIRED, &signer, &server));
    CHECK_OK(tls_client_new(buffer_view(&s->root_pem), NULL, buffer_view(&twin->device_pem), twin->device, &client));
    pair_new(&p, server, client, "gate.example");
    run(&p, 65536);
    CHECK(p.server_end.code == E_DENIED && tls_why(p.server) == TLS_WHY_FOREIGN && tls_why(p.client) == TLS_WHY_FOREIGN);
    pair_free(&p);
    tls_context_free(server), tls_context_free(client);
}

/* --- other clients, straight from the library --- */

static enum tls_why meet(const struct site *s, struct holder *h, int version, const char *suites, int *ret_reason)
{
    const struct tls_signer signer = { h, holder_sign };
    struct tls_context *context = NULL;
    struct tls *server = NULL;
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c, version), SSL_CTX_set_max_proto_version(c, version);
    if (suites) CHECK(SSL_CTX_set_ciphersuites(c, suites) == 1);
    SSL *ssl = SSL_new(c);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, out);
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), BYTES_NONE, TLS_AUTH_NONE, &signer, &context));
    CHECK_OK(tls_new(context, NULL, &server));
    *ret_reason = 0;
    for (int i = 0; i < 10; i++) {
        uint8_t b[16384];
        if (SSL_connect(ssl) <= 0 && ERR_peek_error()) *ret_reason = ERR_GET_REASON(ERR_get_error());
        int n = BIO_read(out, b, sizeof b);
        if (n > 0) (void)!ok(tls_feed(server, bytes_of(b, (size_t)n)));
        (void)!ok(tls_handshake(server));
        struct bytes p = tls_pending(server);
        BIO_write(in, p.at, (int)p.n);
        tls_sent(server, p.n);
    }
    enum tls_why why = tls_why(server);
    CHECK((SSL_is_init_finished(ssl) == 1) == (why == TLS_WHY_NONE));
    SSL_free(ssl), SSL_CTX_free(c);
    tls_free(server), tls_context_free(context);
    return why;
}

static void test_strangers(const struct site *s)
{
    struct holder h = { .key = s->server };
    int reason = 0;
    CHECK(meet(s, &h, TLS1_2_VERSION, NULL, &reason) == TLS_WHY_VERSION);
    CHECK(reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION && h.asked == 0);
    CHECK(meet(s, &h, TLS1_3_VERSION, NULL, &reason) == TLS_WHY_NONE && h.asked_32 == 1);
    CHECK(meet(s, &h, TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", &reason) == TLS_WHY_NONE && h.asked_48 == 1);
    h.refuses = true; /* the seal is away: this handshake ends, the process does not */
    CHECK(meet(s, &h, TLS1_3_VERSION, NULL, &reason) == TLS_WHY_OTHER && h.asked == 3);
}

static void test_noise(const struct site *s)
{
    struct holder h = { .key = s->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *context = NULL;
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), BYTES_NONE, TLS_AUTH_NONE, &signer, &context));
    static const char *const noise[] = { "GET / HTTP/1.1\r\n\r\n", "\x10\x0c\0\4MQTT\5\2\0\0\0\0\0", "\x80\x2e\1\0\2\0\x15" };
    for (size_t i = 0; i < 3; i++) {
        struct tls *t = NULL;
        uint8_t block[1024] = { 0 };
        CHECK_OK(tls_new(context, NULL, &t));
        memcpy(block, noise[i], 8);
        CHECK_OK(tls_feed(t, bytes_of(block, sizeof block)));
        outcome o = tls_handshake(t);
        CHECK(!ok(o) && o.code != E_AGAIN && tls_why(t) != TLS_WHY_NONE);
        tls_free(t);
    }
    /* endless small handshake records never fill memory: refused at the declared bound */
    struct tls *t = NULL;
    uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff };
    CHECK_OK(tls_new(context, NULL, &t));
    outcome o = REFUSE(E_AGAIN);
    for (int i = 0; i < 100 && o.code == E_AGAIN; i++) {
        CHECK_OK(tls_feed(t, bytes_of(record, sizeof record)));
        o = tls_handshake(t);
        memset(record + 5, 0, 4);
    }
    CHECK(o.code == E_MALFORMED && tls_why(t) == TLS_WHY_OTHER);
    CHECK(h.asked == 0);
    tls_free(t);
    tls_context_free(context);
}

/* --- client side --- */

struct judged {
    const char *claim, *name;
    const struct hash *pin; /* else ca */
    struct bytes ca;
    bool good;
    enum tls_why why;
};

static void test_client(const struct site *s, const struct site *other)
{
    struct hash leaf_id;
    CHECK_OK(key_id(s->server, &leaf_id));
    struct bytes ca = buffer_view(&s->root_pem), foreign = buffer_view(&other->root_pem);
    struct bytes issuing = buffer_view(&s->issuing_pem);
    const struct judged rows[] = {
        { "root", "gate.example", NULL, ca, true, TLS_WHY_NONE },
        { "issuing alone", "gate.example", NULL, issuing, true, TLS_WHY_NONE },
        { "by address", "192.0.2.7", NULL, ca, true, TLS_WHY_NONE },
        { "other address", "192.0.2.8", NULL, ca, false, TLS_WHY_BAD },
        { "other name", "gate2.example", NULL, ca, false, TLS_WHY_BAD },
        { "common name is no name", "Gate", NULL, ca, false, TLS_WHY_BAD },
        { "foreign", "gate.example", NULL, foreign, false, TLS_WHY_FOREIGN },
        { "pinned root", "gate.example", &s->root_id, BYTES_NONE, true, TLS_WHY_NONE },
        { "pinned issuing", "192.0.2.7", &s->issuing_id, BYTES_NONE, true, TLS_WHY_NONE },
        { "pinned, other name", "gate2.example", &s->root_id, BYTES_NONE, false, TLS_WHY_BAD },
        { "pin of another site", "gate.example", &other->root_id, BYTES_NONE, false, TLS_WHY_FOREIGN },
        { "pin of the leaf", "gate.example", &leaf_id, BYTES_NONE, false, TLS_WHY_FOREIGN },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct holder h = { .key = s->server };
        const struct tls_signer signer = { &h, holder_sign };
        struct tls_context *server = NULL, *client = NULL;
        struct buffer chain = BUFFER(32768), want = BUFFER(32768);
        struct pair p;
        printf("# client: %s\n", rows[i].claim);
        CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), BYTES_NONE, TLS_AUTH_NONE, &signer, &server));
        CHECK_OK(tls_client_new(rows[i].ca, rows[i].pin, BYTES_NONE, NULL, &client));
        pair_new(&p, server, client, rows[i].name);
        run(&p, 65536);
        CHECK(ok(p.client_end) == rows[i].good && tls_why(p.client) == rows[i].why);
        CHECK(ok(p.server_end) == rows[i].good && ok(tls_peer_chain_pem(p.client, &chain)) == rows[i].good);
        CHECK_OK(buffer_put(&want, buffer_view(&s->issuing_pem)));
        CHECK_OK(buffer_put(&want, buffer_view(&s->root_pem)));
        if (rows[i].good) CHECK(bytes_equal(buffer_view(&chain), buffer_view(&want)));
        pair_free(&p);
        tls_context_free(server), tls_context_free(client);
        buffer_deinit(&chain), buffer_deinit(&want);
    }
}

/* A chain with the pinned certificate pasted in, but signed by somebody else. */
static void test_pin_pasted(const struct site *s, const struct site *other)
{
    struct holder h = { .key = other->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *server = NULL, *client = NULL;
    struct buffer chain = BUFFER(32768);
    struct pair p;
    CHECK_OK(buffer_put(&chain, buffer_view(&other->chain_pem)));
    CHECK_OK(buffer_put(&chain, buffer_view(&s->root_pem)));
    CHECK_OK(tls_server_new(buffer_view(&chain), BYTES_NONE, TLS_AUTH_NONE, &signer, &server));
    CHECK_OK(tls_client_new(BYTES_NONE, &s->root_id, BYTES_NONE, NULL, &client));
    pair_new(&p, server, client, "gate.example");
    run(&p, 65536);
    CHECK(!ok(p.client_end) && tls_why(p.client) != TLS_WHY_NONE);
    pair_free(&p);
    tls_context_free(server), tls_context_free(client);
    buffer_deinit(&chain);
}

static void test_content(void)
{
    uint8_t hash[48] = { 7 }, content[TLS_CONTENT_BYTES_MAX + 1];
    struct bytes back;
    static const size_t lengths[] = { 32, 48 };
    for (size_t i = 0; i < 2; i++) {
        struct out o = out_of(content, sizeof content);
        CHECK_OK(tls_content_make(bytes_of(hash, lengths[i]), &o));
        CHECK_OK(tls_content_read(out_view(&o), &back));
        CHECK(back.n == lengths[i] && o.n == 98 + lengths[i]);
        for (size_t k = 0; k < 98; k++) {
            content[k] ^= 1;
            CHECK_QUIET(!ok(tls_content_read(out_view(&o), &back)));
            content[k] ^= 1;
        }
        for (size_t n = 0; n < o.n; n++)
            CHECK_QUIET(n == 98 + 32 || !ok(tls_content_read(bytes_of(content, n), &back)));
    }
    struct out o = out_of(content, sizeof content);
    CHECK_IS(tls_content_make(bytes_of(hash, 20), &o), E_MALFORMED);
}

/* A signature that is wrong must not go unnoticed by a client: the key the holder has is not the
 * certificate's. */
static void test_wrong_holder(const struct site *s, const struct site *other)
{
    struct holder h = { .key = other->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *server = NULL, *client = NULL;
    struct pair p;
    CHECK_OK(tls_server_new(buffer_view(&s->chain_pem), BYTES_NONE, TLS_AUTH_NONE, &signer, &server));
    CHECK_OK(tls_client_new(buffer_view(&s->root_pem), NULL, BYTES_NONE, NULL, &client));
    pair_new(&p, server, client, "gate.example");
    run(&p, 65536);
    CHECK(!ok(p.client_end) && tls_why(p.client) == TLS_WHY_BAD && !ok(p.server_end));
    pair_free(&p);
    tls_context_free(server), tls_context_free(client);
}

static void test_wrong_settings(const struct site *s)
{
    struct holder h = { .key = s->server };
    const struct tls_signer signer = { &h, holder_sign };
    struct tls_context *c = NULL;
    struct bytes chain = buffer_view(&s->chain_pem);
    CHECK_IS(tls_server_new(BYTES_NONE, BYTES_NONE, TLS_AUTH_NONE, &signer, &c), E_MALFORMED);
    CHECK_IS(tls_server_new(chain, BYTES_NONE, TLS_AUTH_REQUIRED, &signer, &c), E_MALFORMED);
    CHECK_IS(tls_server_new(chain, buffer_view(&s->device_pem), TLS_AUTH_REQUIRED, &signer, &c), E_CRYPTO);
    CHECK_IS(tls_client_new(BYTES_NONE, NULL, BYTES_NONE, NULL, &c), E_MALFORMED);
    CHECK_IS(tls_client_new(buffer_view(&s->root_pem), NULL, buffer_view(&s->device_pem), s->server, &c), E_CRYPTO);
    CHECK(c == NULL);
}

/* From here on, opening any file is death, as it is in the gate's sandbox. */
static bool forbid_files(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 2, 0),
#ifdef SYS_open
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 1, 0),
#else
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
#endif
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* In a child forked right after crypto_init: contexts, handshakes, refusals and certificates are all
 * made for the first time where no file can be opened. */
static void test_sandboxed(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct site s, other;
        if (!forbid_files()) _exit(99);
        site_init(&s, "site");
        site_init(&other, "other");
        test_good(&s, TLS_AUTH_REQUIRED, 65536);
        test_refusals(&s, &other);
        test_client(&s, &other);
        test_resumption(&s);
        fflush(stdout);
        _exit(test_failed_ ? 1 : 0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    struct site s, other, twin;
    CHECK_OK(crypto_init());
    test_sandboxed();
    site_init(&s, "site");
    site_init(&other, "other");
    site_init(&twin, "site");
    test_good(&s, TLS_AUTH_REQUIRED, 65536);
    test_good(&s, TLS_AUTH_OPTIONAL, 1);
    test_good(&s, TLS_AUTH_NONE, 100);
    test_at_rest(&s);
    test_protocol(&s);
    test_resumption(&s);
    test_refusals(&s, &other);
    test_twin(&s, &twin);
    test_strangers(&s);
    test_noise(&s);
    test_client(&s, &other);
    test_pin_pasted(&s, &other);
    test_wrong_holder(&s, &other);
    test_wrong_settings(&s);
    test_content();
    site_deinit(&s);
    site_deinit(&other);
    site_deinit(&twin);
    return TEST_END;
}
