/* Who may enrol and who may come in. Reads and judges; the caller writes the entry, the seal builds
 * the certificate. A token is compared by its hash, which the map looks up: no secret is compared. */
#include "fleet/enrol.h"

#include "wire/invite.h"

enum { REQUEST_MAX = 8192 }; /* PKCS#10, decoded */

void enrol_password(struct bytes password, struct bytes *ret_token, struct bytes *ret_secret)
{
    const uint8_t *dot = password.n > 0 ? memchr(password.at, '.', password.n) : NULL;
    size_t n = dot != NULL ? (size_t)(dot - password.at) : password.n;
    *ret_token = bytes_of(password.at, n);
    *ret_secret = dot != NULL ? bytes_of(dot + 1, password.n - n - 1) : BYTES_NONE;
}

outcome enrol_invite(const struct registry *r, struct bytes text, int64_t now_ms, const struct invite **ret)
{
    uint8_t token[INVITE_TOKEN_BYTES];
    struct hash hash;
    if (!ok(invite_token_read(text, token))) return REFUSE(E_UNKNOWN);
    hash_sha256(bytes_of(token, sizeof token), &hash);
    const struct invite *i = registry_invite(r, hash.at);
    if (i == NULL) return REFUSE(E_UNKNOWN);
    if (i->used) return REFUSE(E_CONFLICT);
    if (now_ms >= i->until_ms) return REFUSE(E_EXPIRED);
    *ret = i;
    return DONE;
}

static MUST outcome request_read(struct bytes body, struct buffer *ret_spki, char cn[65])
{
    uint8_t der[REQUEST_MAX];
    size_t n = 0;
    if (body.n > 2 * REQUEST_MAX) return REFUSE(E_TOO_LARGE);
    TRY(base64_to(body, der, sizeof der, &n));
    return x509_request_read(bytes_of(der, n), ret_spki, cn);
}

/* The attestation key must be one we could verify with later, in the registry's bound. */
static MUST outcome ak_read(struct bytes ak, struct buffer *ret_spki)
{
    uint8_t der[sizeof((struct identity *)0)->ak_spki];
    size_t n = 0;
    struct key *k = NULL;
    if (ak.n == 0) return DONE;
    TRY(base64_to(ak, der, sizeof der, &n));
    if (!ok(key_read_public_der(bytes_of(der, n), &k))) return REFUSE(E_CRYPTO);
    key_free(k);
    return buffer_put(ret_spki, bytes_of(der, n));
}

outcome enrol_judge(const struct registry *r, struct bytes token, struct bytes body, struct bytes ak,
    int64_t now_ms, struct enrolment *ret)
{
    struct enrolment e = { NULL, BUFFER(1024), BUFFER(1024) };
    TRY(enrol_invite(r, token, now_ms, &e.invite));
    char cn[65]; /* not looked at: the invite decides the id */
    outcome o = request_read(body, &e.spki, cn);
    if (ok(o)) o = ak_read(ak, &e.ak_spki);
    if (!ok(o)) {
        buffer_deinit(&e.spki);
        buffer_deinit(&e.ak_spki);
        return o;
    }
    *ret = e;
    return DONE;
}

static MUST outcome renews(const struct identity *who, struct bytes spki, const char *name)
{
    struct hash key;
    hash_sha256(spki, &key);
    bool same = who->has_key && memcmp(key.at, who->key_hash, sizeof who->key_hash) == 0;
    return same && strcmp(name, who->id) == 0 ? DONE : REFUSE(E_DENIED);
}

outcome enrol_renew_judge(const struct registry *r, const char *id, struct bytes body, const struct identity **ret_who,
    struct buffer *ret_spki)
{
    struct buffer spki = BUFFER(1024);
    char name[65];
    const struct identity *who = registry_identity(r, id);
    if (who == NULL) return REFUSE(E_UNKNOWN);
    if (who->trust == TRUST_REVOKED || who->life != LIFE_ENROLLED) return REFUSE(E_REVOKED);
    outcome o = request_read(body, &spki, name);
    if (ok(o)) o = renews(who, buffer_view(&spki), name);
    if (!ok(o)) {
        buffer_deinit(&spki);
        return o;
    }
    *ret_who = who;
    *ret_spki = spki;
    return DONE;
}

enum admission enrol_admit(const struct registry *r, const uint8_t key_hash[32], int64_t not_after_ms,
    int64_t now_ms, const struct identity **ret)
{
    const struct identity *who = registry_by_key(r, key_hash);
    *ret = who;
    if (who == NULL) return ADMIT_UNREGISTERED;
    if (who->trust == TRUST_REVOKED) return ADMIT_REVOKED;
    if (who->life != LIFE_ENROLLED) return ADMIT_LIFE;
    if (now_ms >= not_after_ms) return ADMIT_EXPIRED;
    return ADMIT;
}
