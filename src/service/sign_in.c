/* Passwords: asked, checked by the helper thread, answered when it is done. A name nobody has takes the same way, the
 * same time and the same answers as one somebody has, locks included. */
#include <stdio.h>

#include "service/internal.h"

enum { WRONG_IN_A_ROW = 5, LOCK_MS = 15 * 60 * 1000 };

/* A verifier no password meets: what an unknown name is checked against. */
static void any_verifier(char text[PASSWORD_VERIFIER_MAX])
{
    snprintf(text, PASSWORD_VERIFIER_MAX, "$argon2id$v=19$m=%d,t=%d,p=%d$c2VraW1vcmktbm9ib2R5IQ$%s", PASSWORD_MEMORY_KIB, PASSWORD_PASSES,
        PASSWORD_LANES, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

/* The row that counts wrong passwords of this name: a known person's stays, others share a bounded table. */
static struct named_guess *row_of(struct service *s, const char *name)
{
    struct named_guess *oldest = NULL;
    struct hash h;
    hash_sha256(bytes_str(name), &h);
    for (size_t i = 0; i < SERVICE_GUESS_NAMES; i++) {
        if (s->names[i].wrong && memcmp(s->names[i].name_hash, h.at, 32) == 0) return &s->names[i];
        bool person = s->names[i].user[0] && users_find(s->port.users, s->names[i].user);
        if (!person && (!oldest || s->names[i].at_ms < oldest->at_ms)) oldest = &s->names[i];
    }
    assert(oldest); /* there are fewer people than rows */
    *oldest = (struct named_guess) { 0 };
    memcpy(oldest->name_hash, h.at, 32);
    snprintf(oldest->user, sizeof oldest->user, "%s", users_find(s->port.users, name) ? name : "");
    return oldest;
}

static bool locked(const struct service *s, const struct named_guess *g)
{
    return g->wrong >= WRONG_IN_A_ROW && s->port.mono_ms(s->port.ctx) - g->at_ms < LOCK_MS;
}

/* Counted before the answer is known, so that many at once are no way around. */
static void count(struct service *s, struct request *q, struct named_guess *g)
{
    int64_t now = s->port.mono_ms(s->port.ctx);
    if (now - g->at_ms >= LOCK_MS) g->wrong = 0;
    g->wrong++;
    g->at_ms = now;
    guess_wrong(s, q->caller->source);
    if (g->wrong == WRONG_IN_A_ROW && g->user[0]) (void)!ok(audit_named(s, q, "account-locked", g->user, "five wrong passwords in a row"));
}

static MUST outcome hand_over(struct service *s, struct request *q, struct hashing_work *w)
{
    w->link = q->link;
    w->listener = q->caller->listener;
    snprintf(w->source, sizeof w->source, "%s", q->caller->source);
    outcome o = hashing_put(s->hashing, w);
    explicit_bzero(w, sizeof *w);
    if (!ok(o)) return answer_problem(q, 503, "SK-1502", "busy", NULL);
    q->later = true;
    return DONE;
}

outcome sign_in_by_password(struct service *s, struct request *q, const struct doc *d)
{
    const char *name = doc_text(d, "user", ""), *password = doc_text(d, "password", "");
    struct hashing_work w = { .kind = HASHING_SIGN_IN, .now_n = strlen(password) };
    if (!name[0] || strlen(name) >= sizeof w.user || w.now_n > sizeof w.now) return REFUSE(E_MALFORMED);
    struct named_guess *g = row_of(s, name);
    if (locked(s, g)) return answer_problem(q, 429, "SK-1429", "too-many-guesses", NULL);
    count(s, q, g);
    const struct user *who = users_find(s->port.users, name);
    const char *verifier = who && !who->revoked ? users_verifier(s->port.users, who) : NULL;
    w.real = verifier != NULL;
    if (verifier) snprintf(w.verifier, sizeof w.verifier, "%s", verifier);
    else any_verifier(w.verifier);
    snprintf(w.user, sizeof w.user, "%s", name);
    memcpy(w.now, password, w.now_n);
    return hand_over(s, q, &w);
}

static outcome signed_in(struct service *s, struct request *q, const struct hashing_work *w)
{
    const struct user *who = users_find(s->port.users, w->user);
    if (!ok(w->result) || !who || who->revoked) {
        s->port.refused(s->port.ctx, w->listener, LINK_TOKEN, w->source);
        return answer_problem(q, 401, "SK-1422", "wrong-name-or-password", NULL);
    }
    row_of(s, w->user)->wrong = 0;
    guess_right(s, w->source);
    struct session as = { .person = true };
    snprintf(as.who, sizeof as.who, "%s", who->id);
    TRY(audit_named(s, q, "signed-in", who->id, "password"));
    return session_begin(s, q, &as);
}

/* ---- changing one ---- */

/* Too easily guessed: one character over and over, or the person's own name. */
static bool poor(const char *password, const struct user *who)
{
    size_t n = strlen(password);
    return n < PASSWORD_BYTES_MIN || n > PASSWORD_BYTES_MAX || strspn(password, (char[]) { password[0], 0 }) == n || strstr(password, who->id)
        || strstr(password, who->name);
}

/* POST /api/v1/me/password {"password", "now"}: now is not asked of a session that began with a one-time link. */
outcome change_password(struct service *s, struct request *q)
{
    struct doc *d;
    const struct user *who = users_find(s->port.users, q->caller->name);
    const struct session *x = session_by_hash(s, q->caller->session);
    TRY(body_of(q, &d));
    TRY(only_members(s, q, d, (const char *const[]) { "password", "now", NULL }));
    if (q->status != 200 || !who || !x) return DONE;
    const char *next = doc_text(d, "password", ""), *now = doc_text(d, "now", "");
    struct hashing_work w = { .kind = HASHING_CHANGE, .now_n = strlen(now), .next_n = strlen(next), .real = true };
    if (poor(next, who)) return answer_problem(q, 400, "SK-1423", "password: 12 to 256 bytes, not your name, not one letter over and over", NULL);
    if (w.now_n > sizeof w.now) return REFUSE(E_MALFORMED);
    if (!x->fresh) {
        const char *verifier = users_verifier(s->port.users, who);
        if (!verifier) return answer_problem(q, 403, "SK-1424", "a first password is set from a one-time link", NULL);
        if (!guess_allowed(s, q->caller->source)) return answer_problem(q, 429, "SK-1429", "too-many-guesses", NULL);
        guess_wrong(s, q->caller->source);
        snprintf(w.verifier, sizeof w.verifier, "%s", verifier);
    }
    memcpy(w.now, now, w.now_n);
    memcpy(w.next, next, w.next_n);
    memcpy(w.session, x->token_hash, sizeof w.session);
    snprintf(w.user, sizeof w.user, "%s", who->id);
    port_random(w.salt, sizeof w.salt);
    return hand_over(s, q, &w);
}

static outcome changed(struct service *s, struct request *q, const struct hashing_work *w)
{
    struct user *who = users_find(s->port.users, w->user);
    struct session *x = session_by_hash(s, w->session);
    if (w->result.code == E_CRYPTO) return answer_problem(q, 403, "SK-1425", "the password now is another", NULL);
    TRY(w->result);
    if (!who || who->revoked || !x) return answer_problem(q, 401, "SK-1401", "not-signed-in", NULL);
    guess_right(s, w->source);
    struct user after = *who;
    TRY(users_verifier_put(s->port.users, who->id, w->made, after.verifier_hash));
    after.has_password = true;
    TRY(person_change(s, q, "password", "", who, &after));
    x->fresh = false;
    sessions_end(s, w->user, w->session);
    return answer_doc(q, doc_map(&q->arena));
}

/* ---- results ---- */

static void answer_later(struct service *s, struct hashing_work *w)
{
    struct http_request r = { .close = true };
    struct caller c = { .kind = w->kind == HASHING_CHANGE ? CALLER_SESSION : CALLER_NOBODY, .listener = w->listener };
    struct request q = { .caller = &c, .http = &r, .link = w->link, .arena = ARENA(1 << 20), .status = 200, .body = BUFFER(65536) };
    struct buffer b = BUFFER(1 << 20);
    bool close;
    snprintf(c.source, sizeof c.source, "%s", w->source);
    snprintf(c.name, sizeof c.name, "%s", w->user);
    outcome o = w->kind == HASHING_CHANGE ? changed(s, &q, w) : signed_in(s, &q, w);
    if (!ok(o)) {
        q.doc = NULL;
        o = answer_outcome(&q, o, NULL, NULL);
    }
    if (ok(o)) o = answer_write(&q, &b, &close);
    if (ok(o)) s->port.push(s->port.ctx, w->link, buffer_view(&b));
    s->port.close(s->port.ctx, w->link);
    buffer_deinit(&b);
    buffer_deinit(&q.body);
    arena_deinit(&q.arena);
}

void sign_in_turn(struct service *s)
{
    struct hashing_work w;
    while (ok(hashing_take(s->hashing, &w)))
        if (!w.gone) answer_later(s, &w);
}
