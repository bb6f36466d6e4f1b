/* The service through its one entry, with a port that remembers: who is let in at which door, links that
 * work once, guesses that are counted, enrolment that registers exactly what the invite says. */
#include "service/service_fixture.h"

static void strangers_get_nothing(struct world *w)
{
    static const char *const paths[] = { "/api/v1/me", "/api/v1/status", "/api/v1/devices", "/api/v1/devices/x", "/api/v1/readings",
        "/api/v1/mission", "/api/v1/missions/mizu/insight", "/api/v1/missions/mizu/what-if", "/api/v1/missions/mizu/curve", "/api/v1/decisions", "/api/v1/limits", "/api/v1/holds", "/api/v1/charter", "/api/v1/model",
        "/api/v1/ledger", "/api/v1/ledger/entries", "/api/v1/ledger/proofs/1", "/api/v1/why", "/api/v1/invites", "/events",
        "/api/v1/no-such-thing" };
    static const enum listener doors[] = { LISTENER_HTTPS, LISTENER_CONSOLE };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        for (size_t d = 0; d < 2; d++) {
            CHECK(ask(w, (struct asks) { doors[d], .path = paths[i] }) == 401 && !w->stream);
            CHECK_QUIET(ask(w, (struct asks) { doors[d], .path = paths[i], .fields = "Cookie: sekimori=" }) == 401);
        }
    CHECK(ask(w, (struct asks) { LISTENER_EST, .path = "/api/v1/status" }) == 401);
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, "POST", "/.well-known/est/simpleenroll" }) == 404);
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, .path = "/health" }) == 200);
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, .path = "/ready" }) == 200);
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, .path = "/public" }) == 404); /* open to all; none was approved */
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, .path = "/api/v1/public" }) == 404);
    CHECK(ask(w, (struct asks) { LISTENER_EST, .path = "/public" }) == 404);
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, .path = "/../etc/passwd" }) == 404);
    CHECK(w->written == 0);
}

static void a_link_works_once(struct world *w)
{
    char url[256], body[160], fields[160], wrong[160];
    CHECK_OK(service_login_new(w->s, "root", url, sizeof url));
    snprintf(body, sizeof body, "{\"token\":\"%s\"}", strchr(url, '#') + 1);
    struct asks start = { LISTENER_CONSOLE, "POST", "/api/v1/session", .body = body };
    CHECK(ask(w, start) == 200);
    CHECK(says(w, "\"who\":\"root\""));
    unsigned refused = w->refused;
    CHECK(ask(w, start) == 401 && w->refused == refused + 1);
    CHECK_OK(service_login_new(w->s, "root", url, sizeof url));
    snprintf(body, sizeof body, "{\"token\":\"%s\"}", strchr(url, '#') + 1);
    w->mono += 10 * MS_MINUTE;
    CHECK(ask(w, start) == 401); /* too late */
    sign_in(w, fields);
    CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, .path = "/api/v1/me", .fields = fields }) == 200);
    CHECK(says(w, "\"who\":\"root\"") && says(w, "\"site\":\"w\""));
    snprintf(wrong, sizeof wrong, "%s", fields);
    char *digit = strchr(wrong, '=') + 9;
    *digit = *digit == '0' ? '1' : '0';
    CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, .path = "/api/v1/me", .fields = wrong }) == 401);
    CHECK(ask(w, (struct asks) { LISTENER_EST, .path = "/api/v1/me", .fields = fields }) == 401);
    CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, .path = "/events", .fields = fields }) == 200 && w->stream);
    w->mono += 12 * MS_HOUR;
    CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, .path = "/api/v1/me", .fields = fields }) == 401); /* over */
}

static void a_session_sees_and_root_changes(struct world *w)
{
    char fields[160];
    const char *body = "{\"id\":\"gw-09\",\"role\":\"device\"}";
    sign_in(w, fields);
    unsigned written = w->written;
    static const char *const changes[] = { "/api/v1/invites", "/api/v1/streams", "/api/v1/documents/model", "/api/v1/login",
        "/api/v1/ledger/head", "/api/v1/devices/gw-09/revoke" };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        int code = ask(w, (struct asks) { LISTENER_CONSOLE, "POST", changes[i], .fields = fields, .body = body });
        CHECK(code >= 400 && code < 500 && w->written == written);
        CHECK_QUIET(ask(w, (struct asks) { LISTENER_HTTPS, "POST", changes[i], .fields = fields, .body = body }) >= 400);
    }
    CHECK(ask(w, (struct asks) { LISTENERS, "POST", "/api/v1/invites", .body = body }) == 200 && w->written == written + 1);
    CHECK(says(w, "https://localhost:8444/join#"));
    CHECK(ask(w, (struct asks) { LISTENERS, "POST", "/api/v1/invites", .body = "{\"id\":\"GW 9\"}" }) == 400);
    CHECK(ask(w, (struct asks) { LISTENERS, "POST", "/api/v1/invites", .body = "not json" }) == 400);
    CHECK(ask(w, (struct asks) { LISTENERS, "POST", "/api/v1/devices/nobody/revoke", .body = "{\"reason\":\"x\"}" }) == 404);
}

static void only_our_own_page(struct world *w)
{
    char fields[400], cookie[160];
    sign_in(w, cookie);
    static const struct { const char *host, *origin; int status; } rows[] = { { "localhost:8480", "http://localhost:8480", 200 },
        { "127.0.0.1:8480", "http://127.0.0.1:8480", 200 }, { "localhost:8480", "http://evil.example", 403 },
        { "localhost:8480", "https://localhost:8480", 403 }, { "evil.example:8480", "http://evil.example:8480", 403 },
        { "localhost:8480", "null", 403 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(fields, sizeof fields, "%sOrigin: %s\r\n", cookie, rows[i].origin);
        CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, .path = "/api/v1/me", .fields = fields, .host = rows[i].host }) == rows[i].status);
    }
    CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, .path = "/health", .host = "rebound.example" }) == 403);
}

/* ---- enrolment ---- */

/* A request for a certificate of this key and name, base64. */
static void request_of(const struct key *k, const char *name, char *to, size_t size)
{
    struct buffer der = BUFFER(4096);
    CHECK_OK(x509_request_make(k, name, &der));
    assert(4 * ((der.n + 2) / 3) < size);
    base64_of(buffer_view(&der), to);
    buffer_deinit(&der);
}

static void new_request(char *to, size_t size)
{
    struct key *k = NULL;
    CHECK_OK(key_new(KEY_P256, &k));
    request_of(k, "whatever", to, size);
    key_free(k);
}

static int enrol(struct world *w, const char *token, const char *source)
{
    char body[2048], plain[128], basic[200], fields[300];
    new_request(body, sizeof body);
    snprintf(plain, sizeof plain, "x:%s", token);
    base64_of(bytes_str(plain), basic);
    snprintf(fields, sizeof fields, "Authorization: Basic %s\r\nContent-Type: application/pkcs10\r\n", basic);
    return ask(w, (struct asks) { LISTENER_EST, "POST", "/.well-known/est/simpleenroll", fields, body, source });
}

static void invited(struct world *w, const char *id, char token[48])
{
    char body[100];
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"role\":\"device\",\"group\":\"pumps\"}", id);
    CHECK(ask(w, (struct asks) { LISTENERS, "POST", "/api/v1/invites", .body = body }) == 200);
    const char *at = strstr(w->head, "join#");
    snprintf(token, 48, "%.43s", at ? at + 5 : "");
}

static void invites_enrol_once(struct world *w)
{
    char token[48], wrong[48];
    invited(w, "gw-01", token);
    snprintf(wrong, sizeof wrong, "%s", token);
    wrong[20] = wrong[20] == 'A' ? 'B' : 'A';
    unsigned refused = w->refused, written = w->written;
    CHECK(enrol(w, wrong, "198.51.100.1") == 401 && says(w, "WWW-Authenticate"));
    CHECK(w->refused == refused + 1 && w->written == written);
    CHECK(ask(w, (struct asks) { LISTENER_EST, "POST", "/.well-known/est/simpleenroll", .source = "198.51.100.1" }) == 401);
    w->certify_code = E_CLOSED; /* no seal: no certificate, nothing registered, the invite stays good */
    CHECK(enrol(w, token, "198.51.100.1") == 503 && w->written == written);
    w->certify_code = OK;
    CHECK(enrol(w, token, "198.51.100.1") == 200 && says(w, "Sekimori-Site: w"));
    const struct identity *who = registry_identity(w->registry, "gw-01");
    CHECK(who && who->life == LIFE_ENROLLED && who->role == ROLE_DEVICE && who->has_key && strcmp(who->group, "pumps") == 0);
    CHECK(who && registry_by_key(w->registry, who->key_hash) == who);
    CHECK(enrol(w, token, "198.51.100.1") == 401 && says(w, "invite-used"));
}

static int renews(struct world *w, const char *who, const char *body)
{
    return ask(w, (struct asks) { LISTENER_EST, "POST", "/.well-known/est/simplereenroll", .body = body, .device = who });
}

static void certificates_renew(struct world *w)
{
    struct key *own, *other;
    struct hash id;
    char mine[2048], another[2048], renamed[2048];
    struct arena a = ARENA(1 << 16);
    struct identity who = { .id = "gw-07", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_QUARANTINED, .has_key = true,
        .not_after_ms = w->wall - 1, .ordered = true, .group = "pumps" };
    CHECK_OK(key_new(KEY_P256, &own));
    CHECK_OK(key_new(KEY_P256, &other));
    CHECK_OK(key_id(own, &id));
    memcpy(who.key_hash, id.at, 32);
    CHECK_OK(registry_apply(w->registry, ENTRY_IDENTITY, registry_doc_identity(&a, &who), w->wall));
    request_of(own, "gw-07", mine, sizeof mine);
    request_of(other, "gw-07", another, sizeof another);
    request_of(own, "gw-08", renamed, sizeof renamed);
    unsigned written = w->written;
    CHECK(renews(w, NULL, mine) == 401);
    CHECK(renews(w, "gw-07", another) == 403 && renews(w, "gw-07", renamed) == 403 && renews(w, "gw-07", "AAAA") == 400);
    CHECK(renews(w, "nobody", mine) == 404 && w->written == written);
    CHECK(renews(w, "gw-07", mine) == 200 && says(w, "pkcs7-mime") && w->written == written + 1); /* though it was over */
    const struct identity *now = registry_identity(w->registry, "gw-07");
    CHECK(now->not_after_ms > w->wall + 29 * MS_DAY && now->serial_n > 0 && memcmp(now->key_hash, id.at, 32) == 0);
    CHECK(now->trust == TRUST_QUARANTINED && now->ordered && strcmp(now->group, "pumps") == 0); /* releases nobody */
    CHECK(renews(w, "gw-07", mine) == 429 && says(w, "Retry-After") && w->written == written + 1);
    who.trust = TRUST_REVOKED;
    CHECK_OK(registry_apply(w->registry, ENTRY_IDENTITY, registry_doc_identity(&a, &who), w->wall));
    CHECK(renews(w, "gw-07", mine) == 403 && w->written == written + 1);
    CHECK(ask(w, (struct asks) { LISTENER_EST, "GET", "/.well-known/est/csrattrs" }) == 200 && says(w, "MAoGCCqGSM49BAMC"));
    key_free(own);
    key_free(other);
    arena_deinit(&a);
}

/* Whoever shows a certificate of ours, or may see the site, is told; nobody else. Made anew only when something changed. */
static void what_became_of_certificates(struct world *w)
{
    char token[48], fields[160];
    struct asks crl = { LISTENER_EST, "GET", "/.well-known/sekimori/crl" }, ocsp = { LISTENER_EST, "POST", "/.well-known/sekimori/ocsp", .body = "?" };
    CHECK(ask(w, crl) == 401 && ask(w, ocsp) == 401);
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, "GET", "/api/v1/crl" }) == 401 && ask(w, (struct asks) { LISTENER_HTTPS, "GET", "/api/v1/authorities" }) == 401);
    crl.device = ocsp.device = "gw-01";
    unsigned signed_before = w->status_signed;
    CHECK(ask(w, crl) == 200 && says(w, "application/pkix-crl") && w->status_signed == signed_before + 1);
    CHECK(ask(w, crl) == 200 && w->status_signed == signed_before + 1); /* nothing changed */
    invited(w, "gw-09", token);
    CHECK(ask(w, crl) == 200 && w->status_signed == signed_before + 2);
    w->wall += 2 * MS_HOUR;
    CHECK(ask(w, crl) == 200 && w->status_signed == signed_before + 3);
    crl.path = "/.well-known/sekimori/crl/0000000000000000";
    CHECK(ask(w, crl) == 404);
    CHECK(ask(w, ocsp) == 200 && says(w, "application/ocsp-response") && w->status_signed == signed_before + 3); /* no question, no signature */
    sign_in(w, fields);
    CHECK(ask(w, (struct asks) { LISTENER_CONSOLE, "GET", "/api/v1/authorities", fields }) == 200 && says(w, "BEGIN X509 CRL") && says(w, "\"issues\":true"));
}

static void guesses_are_few(struct world *w)
{
    char token[48];
    invited(w, "gw-02", token);
    for (int i = 0; i < 10; i++) CHECK(enrol(w, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "203.0.113.5") == 401);
    CHECK(enrol(w, token, "203.0.113.5") == 429); /* even the right one */
    CHECK(ask(w, (struct asks) { LISTENER_HTTPS, "POST", "/api/v1/session", .body = "{}", .source = "203.0.113.5" }) == 429);
    CHECK(enrol(w, token, "203.0.113.6") == 200); /* others are not held up */
    invited(w, "gw-03", token);
    w->mono += MS_MINUTE;
    CHECK(enrol(w, token, "203.0.113.5") == 200);
}

static void people_give_reasons(struct world *w)
{
    char token[48];
    invited(w, "gw-04", token);
    CHECK(enrol(w, token, "198.51.100.4") == 200);
    struct asks revoke = { LISTENERS, "POST", "/api/v1/devices/gw-04/revoke", .body = "{}" };
    CHECK(ask(w, revoke) == 400);
    CHECK(registry_identity(w->registry, "gw-04")->trust == TRUST_UNATTESTED);
    revoke.body = "{\"reason\":\"lost\"}";
    CHECK(ask(w, revoke) == 200 && registry_identity(w->registry, "gw-04")->trust == TRUST_REVOKED);
    CHECK(ask(w, revoke) == 409);
    CHECK(ask(w, (struct asks) { LISTENERS, "POST", "/api/v1/devices/gw-01/attest", .body = "{}" }) == 200 && w->challenges == 1);
}

int main(void)
{
    static struct world w;
    w_init(&w);
    strangers_get_nothing(&w);
    a_link_works_once(&w);
    a_session_sees_and_root_changes(&w);
    only_our_own_page(&w);
    invites_enrol_once(&w);
    certificates_renew(&w);
    what_became_of_certificates(&w);
    guesses_are_few(&w);
    people_give_reasons(&w);
    w_deinit(&w);
    return TEST_END;
}
