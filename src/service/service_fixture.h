/* For tests of this room: the service through its one entry, with a port that remembers. */
#ifndef SERVICE_FIXTURE_H
#define SERVICE_FIXTURE_H

#include "service/internal.h"

#include <ftw.h>
#include <unistd.h>

#include "base/test.h"
#include "crypto/x509.h"

struct world {
    char folder[64];
    struct ledger *ledger;
    struct registry *registry;
    struct access access;
    struct exchange *exchange;
    struct users *users;
    struct assurance *assurance;
    struct service *s;
    unsigned pushed, closed;   /* later answers, links closed */
    unsigned user_entries;
    struct key *root, *issuing;
    struct buffer root_pem, issuing_pem, chain;
    int64_t mono, wall;
    unsigned written, refused, challenges, status_signed;
    enum code certify_code;
    char head[4096]; /* of the last answer */
    struct buffer answer;
    int status;
    bool stream;
};

static int64_t w_mono(void *ctx)
{
    return ((struct world *)ctx)->mono;
}

static int64_t w_wall(void *ctx)
{
    return ((struct world *)ctx)->wall;
}

static inline outcome w_write(void *ctx, unsigned kind, const struct doc *d, bool durable)
{
    struct world *w = ctx;
    (void)durable;
    TRY(registry_apply(w->registry, kind, d, w->wall));
    TRY(users_apply(w->users, kind, d));
    w->user_entries += kind == ENTRY_USER || kind == ENTRY_TOKEN;
    w->written++;
    return DONE;
}

static inline outcome w_certify(void *ctx, const char *id, struct bytes spki, struct buffer *ret_der)
{
    struct world *w = ctx;
    if (w->certify_code != OK) return REFUSE(w->certify_code);
    return x509_make_device(w->issuing, buffer_view(&w->issuing_pem), spki, id, 30, ret_der);
}

static inline outcome w_certify_status(void *ctx, unsigned which, bool ocsp, const struct x509_report *r, struct buffer *ret_der)
{
    struct world *w = ctx;
    if (which != 0) return REFUSE(E_RANGE);
    w->status_signed++;
    return (ocsp ? x509_make_ocsp : x509_make_crl)(w->issuing, buffer_view(&w->issuing_pem), r, ret_der);
}

static inline outcome w_challenge(void *ctx, const char *id)
{
    (void)id;
    ((struct world *)ctx)->challenges++;
    return DONE;
}

static inline void w_refused(void *ctx, enum listener l, enum link_refusal why, const char *source)
{
    (void)l, (void)source;
    ((struct world *)ctx)->refused += why == LINK_TOKEN;
}

static inline void w_push(void *ctx, uint32_t link, struct bytes b)
{
    struct world *w = ctx;
    CHECK_QUIET(link == 7 && ok(bytes_to_text(bytes_of(b.at, b.n < 4000 ? b.n : 4000), w->head, sizeof w->head)));
    w->pushed++;
}

static inline void w_close(void *ctx, uint32_t link)
{
    (void)link;
    ((struct world *)ctx)->closed++;
}

static inline void w_limits(void *ctx, const struct limits *limits)
{
    (void)ctx, (void)limits;
}

static inline void w_say(void *ctx, const char *event, const struct doc *d)
{
    (void)ctx, (void)event, (void)d;
}

static inline void w_wake(void *ctx)
{
    (void)ctx;
}

static inline void x_bytes(void *ctx, uint32_t link, struct bytes b)
{
    (void)ctx, (void)link, (void)b;
}

static inline void x_close(void *ctx, uint32_t link)
{
    (void)ctx, (void)link;
}

static inline void x_idle(void *ctx, uint32_t link, uint32_t idle_ms)
{
    (void)ctx, (void)link, (void)idle_ms;
}

static inline outcome x_record(void *ctx, const struct message *m, const struct stream *s, uint64_t *ret_index)
{
    (void)ctx, (void)m, (void)s, (void)ret_index;
    return REFUSE(E_UNSUPPORTED);
}

static inline void x_tell(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h)
{
    (void)ctx, (void)what, (void)m, (void)v, (void)h;
}

static inline void ledger_new(struct world *w)
{
    char dir[80];
    uint8_t key[32] = { 7 };
    uint64_t cut;
    snprintf(w->folder, sizeof w->folder, "%s/service-test-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert(mkdtemp(w->folder));
    snprintf(dir, sizeof dir, "%s/ledger", w->folder);
    CHECK_OK(ledger_create(dir, "w", bytes_of(key, sizeof key)));
    CHECK_OK(ledger_open(dir, (struct ledger_wake) { 0 }, 2, &w->ledger, &cut));
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st, (void)kind, (void)f;
    return remove(path);
}

static inline void w_init(struct world *w)
{
    *w = (struct world) { .wall = port_wall_ms(), .mono = 1000000, .root_pem = BUFFER(8192), .issuing_pem = BUFFER(8192),
        .chain = BUFFER(16384), .answer = BUFFER(1 << 20) };
    ledger_new(w);
    CHECK_OK(key_new(KEY_P256, &w->root));
    CHECK_OK(key_new(KEY_P256, &w->issuing));
    CHECK_OK(x509_make_root(w->root, "w", 5, &w->root_pem));
    CHECK_OK(x509_make_issuing(w->root, buffer_view(&w->root_pem), w->issuing, "w", 3, &w->issuing_pem));
    CHECK_OK(buffer_put(&w->chain, buffer_view(&w->issuing_pem)));
    CHECK_OK(buffer_put(&w->chain, buffer_view(&w->root_pem)));
    CHECK_OK(registry_new(&w->registry));
    char passwords[100], why[USER_WHY];
    CHECK_OK(users_new(&w->users));
    snprintf(passwords, sizeof passwords, "%s/passwords", w->folder);
    CHECK_OK(users_passwords_open(w->users, passwords, why));
    w->access = (struct access) { .registry = w->registry, .site = "w" };
    struct exchange_port xp = { w, x_bytes, x_close, x_idle, x_record, x_tell, w_mono, w_wall };
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    CHECK_OK(exchange_new(&w->access, &xp, &bounds, &w->exchange));
    struct assurance_port ap = { w, w_write, w_limits, w_say };
    CHECK_OK(assurance_new(&ap, &w->assurance));
    struct service_port p = { .ctx = w, .ledger = w->ledger, .assurance = w->assurance, .registry = w->registry, .exchange = w->exchange,
        .access = &w->access, .site = "w", .site_name_ja = "水", .site_name_en = "Water", .host = "localhost", .est_port = 8444,
        .mqtt_port = 8883, .console_port = 8480, .ca_chain = &w->chain, .console_dir = "", .wall_ms = w_wall,
        .mono_ms = w_mono, .write = w_write, .certify = w_certify, .certify_status = w_certify_status, .challenge = w_challenge, .push = w_push, .close = w_close, .wake = w_wake,
        .users = w->users, .https_port = 8443,
        .refused = w_refused };
    CHECK_OK(service_new(&p, &w->s));
}

static inline void w_deinit(struct world *w)
{
    service_free(w->s);
    assurance_free(w->assurance);
    exchange_free(w->exchange);
    registry_free(w->registry);
    users_free(w->users);
    ledger_close(w->ledger);
    nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    key_free(w->root);
    key_free(w->issuing);
    buffer_deinit(&w->root_pem);
    buffer_deinit(&w->issuing_pem);
    buffer_deinit(&w->chain);
    buffer_deinit(&w->answer);
}

struct asks {
    enum listener door; /* LISTENERS: the local socket */
    const char *method, *path, *fields, *body, *source, *host;
    const char *device; /* whose certificate the link showed */
};

/* The status of the answer; the answer itself stays in w. */
static inline int ask(struct world *w, struct asks a)
{
    char text[8192];
    struct http_request r;
    bool close = false;
    const char *host = a.host ? a.host : a.door == LISTENER_CONSOLE ? "localhost:8480" : "localhost";
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n\r\n%s", a.method ? a.method : "GET",
        a.path, host, a.fields ? a.fields : "", a.body ? strlen(a.body) : 0, a.body ? a.body : "");
    struct caller c = { .kind = a.door == LISTENERS ? CALLER_LOCAL_ROOT : CALLER_NOBODY, .listener = a.door, .name = "" };
    snprintf(c.source, sizeof c.source, "%s", a.source ? a.source : "192.0.2.7");
    if (a.device) {
        c.kind = CALLER_DEVICE;
        snprintf(c.name, sizeof c.name, "%s", a.device);
    }
    w->answer.n = 0;
    w->status = 0;
    CHECK_QUIET(n > 0 && (size_t)n < sizeof text && ok(http_read(bytes_str(text), 65536, &r)));
    CHECK_QUIET(ok(service_request(w->s, &c, 7, &r, &w->answer, &w->stream, &close)));
    size_t shown = w->answer.n < 4000 ? w->answer.n : 4000;
    for (size_t i = 0; i < shown; i++) w->head[i] = w->answer.at[i] ? (char)w->answer.at[i] : '?';
    w->head[shown] = 0;
    if (!w->answer.n) return 0; /* later */
    return w->status = (w->head[9] - '0') * 100 + (w->head[10] - '0') * 10 + w->head[11] - '0';
}

static inline bool says(const struct world *w, const char *text)
{
    return strstr(w->head, text) != NULL;
}

/* The session cookie of a fresh one-time link, as a header line. */
static inline void sign_in(struct world *w, char fields[160])
{
    char url[256], body[160];
    CHECK_OK(service_login_new(w->s, "root", url, sizeof url));
    snprintf(body, sizeof body, "{\"token\":\"%s\"}", strchr(url, '#') + 1);
    CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, "POST", "/api/v1/session", .body = body }) == 200);
    const char *at = strstr(w->head, "sekimori=");
    CHECK(at && says(w, "HttpOnly; SameSite=Strict"));
    snprintf(fields, 160, "Cookie: %.73s\r\n", at ? at : "");
}

#endif
