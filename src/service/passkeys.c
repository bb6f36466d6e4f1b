/* Passkeys: register one, sign in by one. A challenge is its own proof (random, time and a mark of this process) and is
 * remembered only once it was answered well, so that strangers can fill no table. */
#include <stdio.h>

#include "assurance/passkey.h"
#include "service/internal.h"

enum { CHALLENGE_BYTES = 32, CHALLENGE_MS = 5 * 60 * 1000, CARRIED_MS = 30 * 60 * 1000, NONCE_BYTES = 12, MARK_BYTES = 12 };

/* nonce, mono time, mark = SHA-256(secret, purpose, nonce, time): all of fixed length. */
static void mark_of(const struct service *s, const uint8_t *purpose, const uint8_t *challenge, uint8_t mark[MARK_BYTES])
{
    struct hash h;
    struct bytes parts[] = { bytes_of(s->challenge_secret, sizeof s->challenge_secret), bytes_of(purpose, 32),
        bytes_of(challenge, CHALLENGE_BYTES - MARK_BYTES) };
    hash_sha256_parts(parts, 3, &h);
    memcpy(mark, h.at, MARK_BYTES);
}

static void challenge_new(struct service *s, const uint8_t *purpose, uint8_t challenge[CHALLENGE_BYTES])
{
    struct out o = out_of(challenge + NONCE_BYTES, 8);
    port_random(challenge, NONCE_BYTES);
    put_u64(&o, (uint64_t)s->port.mono_ms(s->port.ctx));
    mark_of(s, purpose, challenge, challenge + CHALLENGE_BYTES - MARK_BYTES);
}

static struct answered *answered_find(struct service *s, const uint8_t *challenge)
{
    for (size_t i = 0; i < SERVICE_ANSWERED; i++)
        if (s->answered[i].until_ms && memcmp(s->answered[i].challenge, challenge, CHALLENGE_BYTES) == 0) return &s->answered[i];
    return NULL;
}

static MUST outcome challenge_good(struct service *s, const uint8_t *purpose, const uint8_t *challenge, int64_t good_ms)
{
    uint8_t mark[MARK_BYTES];
    uint64_t at;
    struct bytes time = bytes_of(challenge + NONCE_BYTES, 8);
    mark_of(s, purpose, challenge, mark);
    if (!bytes_equal_secret(bytes_of(mark, MARK_BYTES), bytes_of(challenge + CHALLENGE_BYTES - MARK_BYTES, MARK_BYTES))) return REFUSE(E_DENIED);
    TRY(take_u64(&time, &at));
    if (s->port.mono_ms(s->port.ctx) - (int64_t)at > good_ms) return REFUSE(E_EXPIRED);
    return answered_find(s, challenge) ? REFUSE(E_CONFLICT) : DONE;
}

/* Spent. Only good answers come here; the table holds more of them than can be in the time they are good. */
static MUST outcome challenge_spend(struct service *s, const uint8_t *challenge, int64_t good_ms)
{
    int64_t now = s->port.mono_ms(s->port.ctx);
    struct answered *free_row = NULL;
    for (size_t i = 0; i < SERVICE_ANSWERED && !free_row; i++)
        if (s->answered[i].until_ms < now) free_row = &s->answered[i];
    if (!free_row) return REFUSE(E_FULL);
    memcpy(free_row->challenge, challenge, CHALLENGE_BYTES);
    free_row->until_ms = now + good_ms + 1;
    return DONE;
}

/* The name the browser trusts, and the page it stands on. */
static const char *place_of(const struct service *s, const struct request *q, char *origin, size_t size)
{
    bool here = q->caller->listener == LISTENER_CONSOLE;
    struct bytes host = http_field(q->http, "host");
    snprintf(origin, size, "%s://%.*s", here ? "http" : "https", (int)host.n, (const char *)host.at);
    return here ? "localhost" : s->port.host;
}

static MUST outcome answer_challenge(struct service *s, struct request *q, const uint8_t *purpose, struct doc *d)
{
    uint8_t challenge[CHALLENGE_BYTES];
    char text[2 * CHALLENGE_BYTES + 1], origin[200];
    challenge_new(s, purpose, challenge);
    hex_of(bytes_of(challenge, sizeof challenge), text);
    doc_set_text(&q->arena, d, "challenge", text);
    doc_set_text(&q->arena, d, "rp", place_of(s, q, origin, sizeof origin));
    return answer_doc(q, d);
}

static const uint8_t for_sign_in[32] = "sign-in", for_carrying[32] = "carried";

/* POST /api/v1/session/challenge */
outcome passkey_challenge(struct service *s, struct request *q)
{
    struct doc *in = NULL, *d = doc_map(&q->arena);
    bool carried = q->http->body.n && ok(doc_read_json(q->http->body, &q->arena, &in)) && doc_bool(in, "carried", false);
    if (carried) doc_set_text(&q->arena, d, "site", s->port.site);
    return answer_challenge(s, q, carried ? for_carrying : for_sign_in, d);
}

/* A member in hexadecimal as bytes in the arena. */
static MUST outcome member(struct request *q, const struct doc *d, const char *key, struct bytes *ret)
{
    const char *text = doc_text(d, key, "");
    size_t n = strlen(text) / 2;
    uint8_t *at = n ? arena_new(&q->arena, n) : NULL;
    if (!n || n > 8192 || strlen(text) % 2) return REFUSE(E_MALFORMED);
    if (!at) return REFUSE(E_MEMORY);
    *ret = bytes_of(at, n);
    return hex_to(bytes_str(text), at, n);
}

/* The question in the browser's own words, checked by its mark before anything is believed. */
static MUST outcome challenge_of(struct service *s, struct request *q, const uint8_t *purpose, const struct doc *d, struct bytes *ret)
{
    TRY(member(q, d, "challenge", ret));
    return ret->n == CHALLENGE_BYTES ? challenge_good(s, purpose, ret->at, purpose == for_carrying ? CARRIED_MS : CHALLENGE_MS) : REFUSE(E_MALFORMED);
}

static MUST outcome judge(struct service *s, struct request *q, const struct doc *d, struct user **ret_who, struct passkey **ret_key,
    const char **why)
{
    struct bytes id, challenge;
    struct webauthn_assertion a;
    struct webauthn_data data;
    char origin[200];
    const char *rp = place_of(s, q, origin, sizeof origin);
    TRY(challenge_of(s, q, for_sign_in, d, &challenge));
    TRY(member(q, d, "id", &id));
    TRY(member(q, d, "data", &a.data));
    TRY(member(q, d, "client", &a.client));
    TRY(member(q, d, "signature", &a.signature));
    *ret_who = users_by_passkey(s->port.users, id, ret_key);
    if (!*ret_who) return REFUSE(E_UNKNOWN);
    struct passkey_want want = { .challenge = challenge, .rp = rp, .origin = origin };
    TRY(passkey_check(&want, bytes_of((*ret_key)->spki, (*ret_key)->spki_n), &a, &data, why));
    *why = "counter"; /* 7.2, 21: one that does not rise was copied */
    if ((data.count || (*ret_key)->count) && data.count <= (*ret_key)->count) return REFUSE(E_DENIED);
    TRY(challenge_spend(s, challenge.at, CHALLENGE_MS));
    (*ret_key)->count = data.count;
    return DONE;
}

outcome sign_in_by_passkey(struct service *s, struct request *q, const struct doc *d)
{
    struct user *who = NULL;
    struct passkey *key = NULL;
    const char *why = "unknown";
    outcome o = judge(s, q, d, &who, &key, &why);
    if (!ok(o)) {
        guess_wrong(s, q->caller->source);
        s->port.refused(s->port.ctx, q->caller->listener, LINK_TOKEN, q->caller->source);
        if (who && strcmp(why, "counter") == 0) TRY(audit_named(s, q, "passkey-copied", who->id, "its counter did not rise"));
        return answer_problem(q, 401, "SK-1426", "passkey-refused", NULL);
    }
    struct session as = { .person = true, .strong = true };
    snprintf(as.who, sizeof as.who, "%s", who->id);
    if (key->count) { /* the counter outlives us */
        struct user_change c = { "passkey-used", who->id, q->caller->source, "signed in" };
        struct doc *entry = user_entry(&q->arena, &c, NULL, user_doc(&q->arena, who));
        TRY(s->port.write(s->port.ctx, ENTRY_USER, entry, true));
    }
    TRY(audit_named(s, q, "signed-in", as.who, "passkey"));
    return session_begin(s, q, &as);
}

/* ---- carried to the key and back ---- */

static unsigned role_bit(const char *word)
{
    return strcmp(word, "mission-owner") == 0 ? USER_BIT(USER_MISSION_OWNER) : strcmp(word, "asset-owner") == 0 ? USER_BIT(USER_ASSET_OWNER)
        : strcmp(word, "executive") == 0      ? USER_BIT(USER_EXECUTIVE)
                                              : 0;
}

/* A document "login" signed by the charter's key of the one signing role this person has. */
static MUST outcome judge_carried(struct service *s, struct request *q, const struct doc *d, const struct user **ret_who)
{
    struct assurance_signed signed_by;
    struct buffer json = BUFFER(65536);
    struct bytes challenge = BYTES_NONE;
    char why[ASSURANCE_WHY];
    outcome o = doc_write_json(doc_get(d, "answer"), &json);
    if (ok(o)) o = assurance_verify(s->port.assurance, "login", buffer_view(&json), s->port.wall_ms(s->port.ctx), &q->arena, &signed_by, why);
    buffer_deinit(&json);
    TRY(o);
    TRY(challenge_of(s, q, for_carrying, signed_by.payload, &challenge));
    const struct user *who = users_find(s->port.users, doc_text(signed_by.payload, "user", ""));
    if (!who || who->revoked || !(who->roles & role_bit(signed_by.role))) return REFUSE(E_DENIED);
    *ret_who = who;
    return challenge_spend(s, challenge.at, CARRIED_MS);
}

outcome sign_in_offline(struct service *s, struct request *q, const struct doc *d)
{
    const struct user *who = NULL;
    outcome o = judge_carried(s, q, d, &who);
    if (!ok(o)) {
        guess_wrong(s, q->caller->source);
        s->port.refused(s->port.ctx, q->caller->listener, LINK_TOKEN, q->caller->source);
        return answer_problem(q, 401, "SK-1427", "answer-refused", NULL);
    }
    struct session as = { .person = true };
    snprintf(as.who, sizeof as.who, "%s", who->id);
    TRY(audit_named(s, q, "signed-in", as.who, "carried challenge"));
    return session_begin(s, q, &as);
}

/* ---- registration ---- */

/* A passkey is added from a one-time link or by a person who came by a passkey, never by a password alone. */
static const struct session *may_register(struct service *s, const struct request *q)
{
    const struct session *x = session_by_hash(s, q->caller->session);
    return x && x->strong ? x : NULL;
}

/* POST /api/v1/me/passkeys/challenge */
outcome passkey_register_challenge(struct service *s, struct request *q)
{
    const struct user *who = users_find(s->port.users, q->caller->name);
    struct doc *d = doc_map(&q->arena), *known = doc_list(&q->arena);
    char id[2 * ID_MAX + 1];
    if (!who || !may_register(s, q)) return answer_problem(q, 403, "SK-1427", "a passkey is added from a one-time link or another passkey", NULL);
    for (size_t i = 0; i < who->n_keys; i++) {
        char text[2 * PASSKEY_ID_MAX + 1];
        hex_of(bytes_of(who->keys[i].id, who->keys[i].id_n), text);
        doc_add(known, doc_text_new(&q->arena, text));
    }
    hex_of(bytes_str(who->id), id);
    doc_set_text(&q->arena, d, "user", id);
    doc_set_text(&q->arena, d, "name", who->id);
    doc_set_text(&q->arena, d, "display", who->name);
    doc_set(&q->arena, d, "exclude", known);
    return answer_challenge(s, q, q->caller->session, d);
}

static MUST outcome read_new(struct service *s, struct request *q, const struct doc *d, struct passkey *ret, const char **why)
{
    struct bytes attestation, challenge;
    struct webauthn_assertion a = { 0 };
    struct webauthn_data data;
    char origin[200];
    const char *rp = place_of(s, q, origin, sizeof origin);
    TRY(challenge_of(s, q, q->caller->session, d, &challenge));
    TRY(member(q, d, "attestation", &attestation));
    TRY(member(q, d, "client", &a.client));
    TRY(webauthn_read_attestation(attestation, &a.data));
    struct passkey_want want = { .create = true, .challenge = challenge, .rp = rp, .origin = origin };
    TRY(passkey_check(&want, BYTES_NONE, &a, &data, why));
    struct passkey k = { .id_n = data.credential.n, .spki_n = data.spki_n, .count = data.count };
    struct key *usable = NULL;
    TRY(key_read_public_der(bytes_of(data.spki, data.spki_n), &usable)); /* a point that is none is refused now */
    key_free(usable);
    memcpy(k.id, data.credential.at, k.id_n);
    memcpy(k.spki, data.spki, k.spki_n);
    snprintf(k.rp, sizeof k.rp, "%s", rp);
    TRY(bytes_to_text(bytes_str(doc_text(d, "label", "")), k.label, sizeof k.label));
    TRY(challenge_spend(s, challenge.at, CHALLENGE_MS));
    *ret = k;
    return DONE;
}

/* POST /api/v1/me/passkeys {"challenge","attestation","client","label"} */
outcome passkey_register(struct service *s, struct request *q)
{
    struct doc *d;
    const struct user *who = users_find(s->port.users, q->caller->name);
    struct passkey k;
    const char *why = "form";
    if (!who || !may_register(s, q)) return answer_problem(q, 403, "SK-1427", "a passkey is added from a one-time link or another passkey", NULL);
    if (who->n_keys == PASSKEYS_MAX) return answer_problem(q, 409, "SK-1428", "six passkeys are enough: remove one first", NULL);
    TRY(body_of(q, &d));
    TRY(only_members(s, q, d, (const char *const[]) { "challenge", "attestation", "client", "label", NULL }));
    if (q->status != 200) return DONE;
    outcome o = read_new(s, q, d, &k, &why);
    if (!ok(o)) return answer_problem(q, 400, "SK-1426", "passkey-refused", why);
    struct user after = *who;
    after.keys[after.n_keys++] = k;
    TRY(person_change(s, q, "passkey", k.label, who, &after));
    return q->status == 200 ? handle_me(s, q) : DONE;
}

/* POST /api/v1/me/passkeys/remove {"id"} */
outcome passkey_remove(struct service *s, struct request *q)
{
    struct doc *d;
    struct bytes id;
    const struct user *who = users_find(s->port.users, q->caller->name);
    TRY(body_of(q, &d));
    TRY(member(q, d, "id", &id));
    if (!who || !may_register(s, q)) return answer_problem(q, 403, "SK-1427", "a passkey is removed from a one-time link or another passkey", NULL);
    struct user after = *who;
    after.n_keys = 0;
    for (size_t i = 0; i < who->n_keys; i++)
        if (!bytes_equal(bytes_of(who->keys[i].id, who->keys[i].id_n), id)) after.keys[after.n_keys++] = who->keys[i];
    if (after.n_keys == who->n_keys) return REFUSE(E_UNKNOWN);
    TRY(person_change(s, q, "passkey-removed", "", who, &after));
    return q->status == 200 ? handle_me(s, q) : DONE;
}
