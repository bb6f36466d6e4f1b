/* Who asks: sessions by cookie, one-time links, tokens of programs, and the limit on guesses. Sessions and links are kept
 * as hashes, in memory only: a restart signs everybody out. */
#include <stdio.h>

#include "service/internal.h"

enum { TOKEN_BYTES = 32, SESSION_MS = 12 * 3600 * 1000, GUESSES_A_MINUTE = 10 };

void session_text(char text[65])
{
    uint8_t token[TOKEN_BYTES];
    port_random(token, sizeof token);
    hex_of(bytes_of(token, sizeof token), text);
    explicit_bzero(token, sizeof token);
}

static struct session *find(struct service *s, struct bytes token, bool once)
{
    struct hash h;
    int64_t now = s->port.mono_ms(s->port.ctx);
    if (token.n != 2 * TOKEN_BYTES) return NULL;
    hash_sha256(token, &h);
    for (size_t i = 0; i < SERVICE_SESSIONS_MAX; i++) {
        struct session *x = &s->sessions[i];
        if (x->until_ms > now && x->once == once && bytes_equal_secret(bytes_of(x->token_hash, 32), hash_view(&h))) return x;
    }
    return NULL;
}

/* A free row, else the one that ends first: strangers cannot make rows, so this bounds only ourselves. */
static struct session *make(struct service *s, const struct session *as, const char *token, int64_t lasts_ms)
{
    struct session *best = &s->sessions[0];
    struct session made = *as;
    struct hash h;
    for (size_t i = 1; i < SERVICE_SESSIONS_MAX; i++)
        if (s->sessions[i].until_ms < best->until_ms) best = &s->sessions[i];
    hash_sha256(bytes_str(token), &h);
    made.until_ms = s->port.mono_ms(s->port.ctx) + lasts_ms;
    memcpy(made.token_hash, h.at, sizeof h.at);
    *best = made;
    return best;
}

/* A person's session lives as long as the person may. */
static bool alive(struct service *s, const struct session *x)
{
    if (!x->person) return true;
    const struct user *who = users_find(s->port.users, x->who);
    return who && !who->revoked;
}

const struct session *session_for(struct service *s, const struct http_request *r)
{
    const struct session *x = find(s, http_cookie(r, "sekimori"), false);
    return x && alive(s, x) ? x : NULL;
}

struct session *session_by_hash(struct service *s, const uint8_t hash[32])
{
    int64_t now = s->port.mono_ms(s->port.ctx);
    for (size_t i = 0; i < SERVICE_SESSIONS_MAX; i++) {
        struct session *x = &s->sessions[i];
        if (!x->once && x->until_ms > now && memcmp(x->token_hash, hash, 32) == 0) return alive(s, x) ? x : NULL;
    }
    return NULL;
}

void sessions_end(struct service *s, const char *who, const uint8_t *but)
{
    for (size_t i = 0; i < SERVICE_SESSIONS_MAX; i++) {
        struct session *x = &s->sessions[i];
        if (x->person && strcmp(x->who, who) == 0 && !(but && memcmp(x->token_hash, but, 32) == 0)) x->until_ms = 0;
    }
    events_sweep(s);
}

/* "Authorization: Bearer TOKEN" of a program. */
static void name_token(struct service *s, struct caller *c, struct bytes field)
{
    struct user *who;
    if (!bytes_starts(field, BYTES_LIT("Bearer "))) return;
    const struct token *t = users_token(s->port.users, bytes_of(field.at + 7, field.n - 7), s->port.wall_ms(s->port.ctx), &who);
    if (!t) {
        s->port.refused(s->port.ctx, c->listener, LINK_TOKEN, c->source);
        return;
    }
    c->kind = CALLER_TOKEN;
    c->roles = who->roles;
    c->scopes = t->scopes;
    snprintf(c->name, sizeof c->name, "%s", who->id);
    snprintf(c->token, sizeof c->token, "%s", t->name);
}

void session_name_caller(struct service *s, struct caller *c, const struct http_request *r)
{
    struct bytes bearer = http_field(r, "authorization");
    if (c->kind != CALLER_NOBODY || c->listener == LISTENER_EST) return;
    if (bearer.n) { /* never both: a page cannot add this field for a person unseen */
        name_token(s, c, bearer);
        return;
    }
    const struct session *x = session_for(s, r);
    if (!x) return;
    const struct user *who = x->person ? users_find(s->port.users, x->who) : NULL;
    c->kind = CALLER_SESSION;
    c->person = who != NULL;
    c->roles = who ? who->roles : 0;
    memcpy(c->session, x->token_hash, sizeof c->session);
    snprintf(c->name, sizeof c->name, "%s", x->who);
}

/* ---- guesses ---- */

bool guess_allowed(struct service *s, const char *address)
{
    char source[LINK_ADDRESS_MAX];
    link_source_key(address, source);
    int64_t now = s->port.mono_ms(s->port.ctx);
    for (size_t i = 0; i < SERVICE_GUESS_SOURCES; i++)
        if (s->guesses[i].wrong >= GUESSES_A_MINUTE && now - s->guesses[i].since_ms < MS_MINUTE
            && strcmp(s->guesses[i].source, source) == 0)
            return false;
    return true;
}

void guess_wrong(struct service *s, const char *address)
{
    char source[LINK_ADDRESS_MAX];
    link_source_key(address, source);
    int64_t now = s->port.mono_ms(s->port.ctx);
    size_t oldest = 0, i = 0;
    for (; i < SERVICE_GUESS_SOURCES; i++) {
        if (s->guesses[i].wrong && strcmp(s->guesses[i].source, source) == 0) break;
        if (s->guesses[i].since_ms < s->guesses[oldest].since_ms) oldest = i;
    }
    if (i == SERVICE_GUESS_SOURCES || now - s->guesses[i].since_ms >= MS_MINUTE) {
        if (i == SERVICE_GUESS_SOURCES) i = oldest;
        s->guesses[i].wrong = 0;
        s->guesses[i].since_ms = now;
        snprintf(s->guesses[i].source, sizeof s->guesses[i].source, "%s", source);
    }
    s->guesses[i].wrong++;
}

void guess_right(struct service *s, const char *address)
{
    char source[LINK_ADDRESS_MAX];
    link_source_key(address, source);
    for (size_t i = 0; i < SERVICE_GUESS_SOURCES; i++)
        if (s->guesses[i].wrong && strcmp(s->guesses[i].source, source) == 0) s->guesses[i].wrong--;
}

/* ---- one-time links ---- */

outcome service_link_new(struct service *s, const char *who, bool person, struct service_link *ret)
{
    char token[65];
    struct session as = { .once = true, .person = person };
    snprintf(as.who, sizeof as.who, "%s", who);
    ret->minutes = person ? LINK_PERSON_MINUTES : LINK_ROOT_MINUTES;
    session_text(token);
    make(s, &as, token, ret->minutes * MS_MINUTE);
    snprintf(ret->here, sizeof ret->here, "http://localhost:%u/start#%s", s->port.console_port, token);
    snprintf(ret->site, sizeof ret->site, "https://%s:%u/start#%s", s->port.host, s->port.https_port, token);
    explicit_bzero(token, sizeof token);
    return DONE;
}

outcome service_login_new(struct service *s, const char *who, char *ret_url, size_t size)
{
    struct service_link l;
    TRY(service_link_new(s, who, false, &l));
    int n = snprintf(ret_url, size, "%s", l.here);
    return n > 0 && (size_t)n < size ? DONE : REFUSE(E_TOO_LARGE);
}

outcome handle_login(struct service *s, struct request *q)
{
    char url[256];
    struct doc *d = doc_map(&q->arena);
    TRY(service_login_new(s, q->caller->name, url, sizeof url));
    doc_set_text(&q->arena, d, "url", url);
    doc_set_int(&q->arena, d, "minutes", LINK_ROOT_MINUTES);
    return answer_doc(q, d);
}

/* ---- beginning and end ---- */

outcome session_begin(struct service *s, struct request *q, const struct session *as)
{
    char token[65];
    session_text(token);
    struct session *made = make(s, as, token, SESSION_MS);
    bool plain = q->caller->listener == LISTENER_CONSOLE;
    snprintf(q->fields, sizeof q->fields, "Set-Cookie: sekimori=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%d%s\r\n", token,
        SESSION_MS / 1000, plain ? "" : "; Secure");
    explicit_bzero(token, sizeof token);
    struct doc *answer = doc_map(&q->arena);
    doc_set_text(&q->arena, answer, "who", made->who);
    doc_set_bool(&q->arena, answer, "fresh", made->fresh);
    return answer_doc(q, answer);
}

static outcome by_link(struct service *s, struct request *q, const char *token)
{
    struct session *once = find(s, bytes_str(token), true);
    if (!once || !alive(s, once)) {
        guess_wrong(s, q->caller->source);
        s->port.refused(s->port.ctx, q->caller->listener, LINK_TOKEN, q->caller->source);
        return answer_problem(q, 401, "SK-1420", "link-used-or-expired", NULL);
    }
    struct session as = { .person = once->person, .fresh = once->person, .strong = once->person };
    snprintf(as.who, sizeof as.who, "%s", once->who); /* the link's row may become the session's */
    once->until_ms = 0;
    if (as.person) TRY(audit_named(s, q, "signed-in", as.who, "one-time-link"));
    return session_begin(s, q, &as);
}

/* POST /api/v1/session {"token"}: the page took it from the link's fragment, which no request line carries; or {"user",
 * "password"}; or a passkey's answer {"challenge", "id", "data", "client", "signature"}. */
outcome handle_start(struct service *s, struct request *q)
{
    struct doc *d;
    if (!guess_allowed(s, q->caller->source)) return answer_problem(q, 429, "SK-1429", "too-many-guesses", NULL);
    TRY(doc_read_json(q->http->body, &q->arena, &d));
    if (doc_get(d, "password")) return sign_in_by_password(s, q, d);
    if (doc_get(d, "signature")) return sign_in_by_passkey(s, q, d);
    if (doc_get(d, "answer")) return sign_in_offline(s, q, d);
    return by_link(s, q, doc_text(d, "token", ""));
}

/* POST /api/v1/session/end */
outcome handle_end(struct service *s, struct request *q)
{
    struct session *x = session_by_hash(s, q->caller->session);
    if (x) x->until_ms = 0;
    events_sweep(s);
    TRY(audit_named(s, q, "signed-out", q->caller->name, ""));
    snprintf(q->fields, sizeof q->fields, "Set-Cookie: sekimori=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0\r\n");
    return answer_doc(q, doc_map(&q->arena));
}

outcome handle_me(struct service *s, struct request *q)
{
    struct doc *d = doc_map(&q->arena);
    const struct user *who = q->caller->person || q->caller->kind == CALLER_TOKEN ? users_find(s->port.users, q->caller->name) : NULL;
    const struct session *x = q->caller->kind == CALLER_SESSION ? session_by_hash(s, q->caller->session) : NULL;
    doc_set_text(&q->arena, d, "who", q->caller->name);
    doc_set_text(&q->arena, d, "name", who ? who->name : "");
    doc_set(&q->arena, d, "roles", user_roles_doc(&q->arena, who ? who->roles : 0));
    doc_set_bool(&q->arena, d, "person", q->caller->person);
    doc_set_bool(&q->arena, d, "fresh", x && x->fresh);
    doc_set_bool(&q->arena, d, "strong", x && x->strong);
    doc_set_bool(&q->arena, d, "password", who && who->has_password);
    doc_set_int(&q->arena, d, "passkeys", who ? (int64_t)who->n_keys : 0);
    doc_set_text(&q->arena, d, "site", s->port.site);
    doc_set_text(&q->arena, d, "title_ja", s->port.site_name_ja);
    doc_set_text(&q->arena, d, "title_en", s->port.site_name_en);
    return answer_doc(q, d);
}
