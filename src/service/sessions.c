/* Sign-in by one-time link, sessions by cookie, and the limit on guesses. Tokens are kept as hashes. */
#include <stdio.h>

#include "service/internal.h"

enum { TOKEN_BYTES = 32, ONCE_MS = 10 * 60 * 1000, SESSION_MS = 12 * 3600 * 1000, GUESSES_A_MINUTE = 10 };

static void token_new(char text[65])
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
static struct session *make(struct service *s, const char *who, bool once, const char *token)
{
    struct session *best = &s->sessions[0];
    struct hash h;
    for (size_t i = 1; i < SERVICE_SESSIONS_MAX; i++)
        if (s->sessions[i].until_ms < best->until_ms) best = &s->sessions[i];
    hash_sha256(bytes_str(token), &h);
    *best = (struct session) { .once = once, .until_ms = s->port.mono_ms(s->port.ctx) + (once ? ONCE_MS : SESSION_MS) };
    memcpy(best->token_hash, h.at, sizeof h.at);
    snprintf(best->who, sizeof best->who, "%s", who);
    return best;
}

const struct session *session_for(struct service *s, const struct http_request *r)
{
    return find(s, http_cookie(r, "sekimori"), false);
}

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

outcome service_login_new(struct service *s, const char *who, char *ret_url, size_t size)
{
    char token[65];
    token_new(token);
    make(s, who, true, token);
    int n = snprintf(ret_url, size, "http://localhost:%u/start#%s", s->port.console_port, token);
    explicit_bzero(token, sizeof token);
    return n > 0 && (size_t)n < size ? DONE : REFUSE(E_TOO_LARGE);
}

outcome handle_login(struct service *s, struct request *q)
{
    char url[256];
    struct doc *d = doc_map(&q->arena);
    TRY(service_login_new(s, q->caller->name, url, sizeof url));
    doc_set_text(&q->arena, d, "url", url);
    doc_set_int(&q->arena, d, "minutes", ONCE_MS / 60000);
    return answer_doc(q, d);
}

/* POST /api/v1/session {"token"}: the page took it from the link's fragment, which no request line carries. */
outcome handle_start(struct service *s, struct request *q)
{
    struct doc *d;
    char token[65];
    if (!guess_allowed(s, q->caller->source)) return answer_problem(q, 429, "SK-1429", "too-many-guesses", NULL);
    TRY(doc_read_json(q->http->body, &q->arena, &d));
    struct session *once = find(s, bytes_str(doc_text(d, "token", "")), true);
    if (!once) {
        guess_wrong(s, q->caller->source);
        s->port.refused(s->port.ctx, q->caller->listener, LINK_TOKEN, q->caller->source);
        return answer_problem(q, 401, "SK-1420", "link-used-or-expired", NULL);
    }
    char who[sizeof once->who]; /* the link's row may become the session's */
    snprintf(who, sizeof who, "%s", once->who);
    once->until_ms = 0;
    token_new(token);
    make(s, who, false, token);
    bool plain = q->caller->listener == LISTENER_CONSOLE;
    snprintf(q->fields, sizeof q->fields, "Set-Cookie: sekimori=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%d%s\r\n", token,
        SESSION_MS / 1000, plain ? "" : "; Secure");
    explicit_bzero(token, sizeof token);
    struct doc *answer = doc_map(&q->arena);
    doc_set_text(&q->arena, answer, "who", who);
    return answer_doc(q, answer);
}

outcome handle_me(struct service *s, struct request *q)
{
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "who", q->caller->name);
    doc_set_text(&q->arena, d, "site", s->port.site);
    doc_set_text(&q->arena, d, "title_ja", s->port.site_name_ja);
    doc_set_text(&q->arena, d, "title_en", s->port.site_name_en);
    return answer_doc(q, d);
}
