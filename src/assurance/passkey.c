/* See passkey.h; numbers are steps of WebAuthn level 2, 7.1 and 7.2. */
#include "assurance/passkey.h"

#define PASSKEY_CLIENT_MAX 4096
#define PASSKEY_CHALLENGE_MAX 64

/* scheme "://" host [":" port] */
static bool origin_of(const char *origin, const char *rp)
{
    const char *host = strstr(origin, "://");
    size_t n = strlen(rp);
    if (!host) return false;
    host += 3;
    if (strncmp(host, rp, n) != 0 || (host[n] && host[n] != ':')) return false;
    return strncmp(origin, "https://", 8) == 0 || (strncmp(origin, "http://", 7) == 0 && strcmp(rp, "localhost") == 0);
}

static MUST outcome client_check(const struct passkey_want *w, struct bytes json, const char **why)
{
    struct arena a = ARENA(65536);
    struct webauthn_client c;
    char challenge[PASSKEY_CHALLENGE_MAX * 2];
    *why = "client data";
    if (json.n > PASSKEY_CLIENT_MAX || w->challenge.n > PASSKEY_CHALLENGE_MAX) return REFUSE(E_TOO_LARGE);
    outcome o = webauthn_read_client(json, &a, &c);
    webauthn_base64url(w->challenge, challenge);
    const char *wrong = NULL;
    if (ok(o) && strcmp(c.type, w->create ? "webauthn.create" : "webauthn.get") != 0) wrong = "type";            /* 7.2, 11 */
    else if (ok(o) && !bytes_equal_secret(bytes_str(c.challenge), bytes_str(challenge))) wrong = "challenge";     /* 12 */
    else if (ok(o) && (c.cross_origin || (w->origin ? strcmp(c.origin, w->origin) != 0 : !origin_of(c.origin, w->rp)))) wrong = "origin"; /* 13 */
    arena_deinit(&a);
    if (wrong) *why = wrong;
    return wrong ? REFUSE(E_DENIED) : o;
}

static MUST outcome signature_check(struct bytes spki, const struct webauthn_assertion *a)
{
    struct buffer b = BUFFER(65536);
    struct hash h;
    struct key *k = NULL;
    hash_sha256(a->client, &h);
    outcome o = key_read_public_der(spki, &k);
    if (ok(o)) o = buffer_put(&b, a->data);
    if (ok(o)) o = buffer_put(&b, hash_view(&h));
    if (ok(o)) o = key_verify(k, buffer_view(&b), a->signature); /* 20 */
    key_free(k);
    buffer_deinit(&b);
    return o;
}

outcome passkey_check(const struct passkey_want *w, struct bytes spki, const struct webauthn_assertion *a, struct webauthn_data *ret,
    const char **ret_why)
{
    struct webauthn_data d;
    struct hash rp;
    TRY(client_check(w, a->client, ret_why));
    *ret_why = "authenticator data";
    TRY(webauthn_read_data(a->data, &d));
    hash_sha256(bytes_str(w->rp), &rp);
    *ret_why = "another site's passkey";
    if (!bytes_equal(d.rp_hash, hash_view(&rp))) return REFUSE(E_DENIED); /* 15 */
    *ret_why = "user not present";
    if (!(d.flags & WEBAUTHN_PRESENT)) return REFUSE(E_DENIED); /* 16 */
    *ret_why = "user not verified";
    if (!(d.flags & WEBAUTHN_VERIFIED)) return REFUSE(E_DENIED); /* 17 */
    *ret_why = "signature";
    if (w->create ? !(d.flags & WEBAUTHN_HAS_KEY) : false) return REFUSE(E_MALFORMED);
    if (!w->create) TRY(signature_check(spki, a));
    *ret = d;
    return DONE;
}
