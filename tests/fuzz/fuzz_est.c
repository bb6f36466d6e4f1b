/* The enrolment door as strangers and devices meet it, the first byte saying which: a request with an invite that holds
 * (base64 of PKCS#10), the pre-step for genuine hardware (JSON), a renewal under a certificate, a made-up password, and any
 * bytes at all as an HTTP request. Whatever comes: one whole answer, and nobody is enrolled but under the invite's own name. */
#include "fuzz.h"
#include "service/service_fixture.h"
#include "wire/invite.h"

static const char token_text[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
static struct world w;
static unsigned enrolled, made;

/* As core's, and nothing is kept: each input meets the same site. */
static outcome judged(void *ctx, unsigned kind, const struct doc *d, bool durable)
{
    (void)ctx, (void)durable;
    if (!d) return REFUSE(E_MEMORY);
    TRY(registry_judge(w.registry, kind, d));
    if (kind != ENTRY_IDENTITY) return DONE;
    HOLDS(strcmp(doc_text(d, "id", ""), "gw-new") == 0 || strcmp(doc_text(d, "id", ""), "gw-01") == 0);
    enrolled++;
    return DONE;
}

static outcome certified(void *ctx, const char *id, struct bytes spki, struct buffer *ret_der)
{
    made++;
    return w_certify(ctx, id, spki, ret_der);
}

static void begin(void)
{
    struct arena a = ARENA(1 << 16);
    struct invite v = { .id = "gw-new", .role = ROLE_DEVICE, .until_ms = INT64_MAX / 2 };
    struct identity known = { .id = "gw-01", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED, .has_key = true };
    uint8_t token[INVITE_TOKEN_BYTES];
    struct hash hash;
    HOLDS(ok(invite_token_read(bytes_str(token_text), token)));
    hash_sha256(bytes_of(token, sizeof token), &hash);
    memcpy(v.token_hash, hash.at, sizeof v.token_hash);
    HOLDS(ok(registry_apply(w.registry, ENTRY_INVITE, registry_doc_invite(&a, &v), w.wall)));
    HOLDS(ok(registry_apply(w.registry, ENTRY_IDENTITY, registry_doc_identity(&a, &known), w.wall)));
    w.s->port.write = judged;
    w.s->port.certify = certified;
    w.s->port.tpm_roots_pem = buffer_view(&w.root_pem);
    arena_deinit(&a);
}

static void judge(const struct buffer *b)
{
    const char *end = b->n ? memmem(b->at, b->n, "\r\n\r\n", 4) : NULL;
    HOLDS(end && bytes_starts(buffer_view(b), BYTES_LIT("HTTP/1.1 ")) && memcmp(b->at + 9, "500", 3) != 0);
    HOLDS(enrolled <= made && enrolled <= 1);
}

static void answer(const struct caller *c, const struct http_request *r)
{
    bool stream = false, shut = false;
    w.answer.n = 0;
    enrolled = made = 0;
    w.wall = port_wall_ms();
    memset(w.s->guesses, 0, sizeof w.s->guesses);
    HOLDS(ok(service_request(w.s, c, 7, r, &w.answer, &stream, &shut)));
    if (w.answer.n) judge(&w.answer);
}

static void ask_body(struct bytes body, const char *path, const char *password, const char *device)
{
    static const char *const user = "x:";
    char plain[512], basic[700], head[1200];
    struct http_request r;
    struct buffer text = BUFFER(1u << 20);
    struct caller c = { .kind = device ? CALLER_DEVICE : CALLER_NOBODY, .listener = LISTENER_EST, .source = "192.0.2.7" };
    snprintf(c.name, sizeof c.name, "%s", device ? device : "");
    int n = snprintf(plain, sizeof plain, "%s%s", user, password);
    base64_of(bytes_of(plain, (size_t)n), basic);
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\nContent-Length: %zu\r\n\r\n", path, basic, body.n);
    HOLDS(ok(buffer_put(&text, bytes_str(head))) && ok(buffer_put(&text, body)));
    if (ok(http_read(buffer_view(&text), 65536, &r)) && (!r.body_n || r.body.at)) answer(&c, &r);
    buffer_deinit(&text);
}

static void ask_raw(struct bytes in)
{
    struct http_request r;
    struct caller c = { .kind = CALLER_NOBODY, .listener = LISTENER_EST, .source = "192.0.2.7" };
    if (ok(http_read(in, 65536, &r)) && (!r.body_n || r.body.at)) answer(&c, &r);
}

/* Up to a line's end: a password that proves something, or a made-up one; the body after it. */
static void ask_secret(struct bytes in, const char *begins)
{
    char password[256];
    const uint8_t *line = in.n ? memchr(in.at, '\n', in.n) : NULL;
    size_t n = line ? (size_t)(line - in.at) : in.n;
    if (n > 180) return;
    snprintf(password, sizeof password, "%s%.*s", begins, (int)n, n ? (const char *)in.at : "");
    ask_body(line ? bytes_of(line + 1, in.n - n - 1) : BYTES_NONE, "/.well-known/est/simpleenroll", password, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!w.s) {
        w_init(&w);
        begin();
    }
    if (n == 0) return 0;
    struct bytes in = bytes_of(data + 1, n - 1);
    switch (data[0] % 6) {
    case 0: ask_body(in, "/.well-known/est/simpleenroll", token_text, NULL); break;
    case 1: ask_body(in, "/.well-known/sekimori/endorse", token_text, NULL); break;
    case 2: ask_body(in, "/.well-known/est/simplereenroll", "", "gw-01"); break;
    case 3: ask_secret(in, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA."); break;
    case 4: ask_secret(in, ""); break;
    default: ask_raw(in);
    }
    return 0;
}
