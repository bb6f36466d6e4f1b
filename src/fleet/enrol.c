/* Who may enrol and who may come in. Reads and judges; the caller writes the entry, the seal builds
 * the certificate. A token is compared by its hash, which the map looks up: no secret is compared. */
#include "fleet/enrol.h"

#define TOKEN_TEXT (4 * ((INVITE_TOKEN_BYTES + 2) / 3) + 1)
enum {
    REQUEST_MAX = 8192, /* PKCS#10, decoded */
    HOST_MAX = 127,
};

/* base64url without padding (RFC 4648, 5 and 3.2). */
static void put_base64url(struct out *o, const uint8_t b[32])
{
    char text[TOKEN_TEXT];
    base64_of(bytes_of(b, 32), text);
    for (const char *c = text; *c != 0 && *c != '='; c++)
        put_u8(o, (uint8_t)(*c == '+' ? '-' : *c == '/' ? '_' : *c));
}

/* A DNS name, IPv4 or IPv6 address (without brackets). */
static bool host_valid(struct bytes host)
{
    if (host.n == 0 || host.n > HOST_MAX) return false;
    for (size_t i = 0; i < host.n; i++) {
        uint8_t c = host.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
            || c == '.' || c == '-' || c == ':' || c == '_';
        if (!good) return false;
    }
    return true;
}

outcome invite_url_make(const char *host, uint16_t port, const uint8_t token[32],
    const struct hash *ca_key_hash, char url[INVITE_URL_MAX])
{
    if (!host_valid(bytes_str(host)) || port == 0) return REFUSE(E_RANGE);
    bool v6 = strchr(host, ':') != NULL;
    struct out o = out_of(url, INVITE_URL_MAX - 1);
    put_fmt(&o, v6 ? "https://[%s]:%u/join#" : "https://%s:%u/join#", host, port);
    put_base64url(&o, token);
    put_u8(&o, '@');
    put_base64url(&o, ca_key_hash->at);
    TRY(out_done(&o));
    url[o.n] = 0;
    return DONE;
}

/* Takes up to the first `end`, which is consumed too. */
static MUST outcome take_until(struct bytes *in, char end, struct bytes *ret)
{
    const uint8_t *at = in->n > 0 ? memchr(in->at, end, in->n) : NULL;
    struct bytes skipped;
    if (at == NULL) return REFUSE(E_MALFORMED);
    TRY(take(in, (size_t)(at - in->at), ret));
    return take(in, 1, &skipped);
}

static MUST outcome take_literal(struct bytes *in, struct bytes literal)
{
    struct bytes found;
    if (!bytes_starts(*in, literal)) return REFUSE(E_MALFORMED);
    return take(in, literal.n, &found);
}

static MUST outcome take_port(struct bytes text, uint16_t *ret)
{
    uint32_t v = 0;
    if (text.n == 0 || text.n > 5) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (uint32_t)(text.at[i] - '0');
    }
    if (v == 0 || v > 65535) return REFUSE(E_RANGE);
    *ret = (uint16_t)v;
    return DONE;
}

/* 32 bytes from 43 characters of base64url. */
static MUST outcome token_read(struct bytes text, uint8_t ret[32])
{
    uint8_t raw[48];
    size_t n = 0;
    if (text.n < 43 || text.n > 44) return REFUSE(E_MALFORMED);
    TRY(base64_to(text, raw, sizeof raw, &n));
    if (n != 32) return REFUSE(E_MALFORMED);
    memcpy(ret, raw, 32);
    return DONE;
}

outcome invite_url_read(const char *url, char host[128], uint16_t *ret_port, uint8_t ret_token[32],
    struct hash *ret_ca_key_hash)
{
    struct bytes in = bytes_str(url), name, port, token;
    if (in.n >= INVITE_URL_MAX) return REFUSE(E_TOO_LARGE);
    TRY(take_literal(&in, BYTES_LIT("https://")));
    if (bytes_starts(in, BYTES_LIT("["))) {
        TRY(take_literal(&in, BYTES_LIT("[")));
        TRY(take_until(&in, ']', &name));
        TRY(take_literal(&in, BYTES_LIT(":")));
    } else {
        TRY(take_until(&in, ':', &name));
    }
    if (!host_valid(name)) return REFUSE(E_MALFORMED);
    TRY(take_until(&in, '/', &port));
    TRY(take_literal(&in, BYTES_LIT("join#")));
    TRY(take_until(&in, '@', &token));
    uint8_t token_raw[32], hash_raw[32];
    uint16_t number;
    TRY(take_port(port, &number));
    TRY(token_read(token, token_raw));
    TRY(token_read(in, hash_raw));
    TRY(bytes_to_text(name, host, 128));
    *ret_port = number;
    memcpy(ret_token, token_raw, 32);
    memcpy(ret_ca_key_hash->at, hash_raw, 32);
    return DONE;
}

void enrol_password(struct bytes password, struct bytes *ret_token, struct bytes *ret_secret)
{
    const uint8_t *dot = password.n > 0 ? memchr(password.at, '.', password.n) : NULL;
    size_t n = dot != NULL ? (size_t)(dot - password.at) : password.n;
    *ret_token = bytes_of(password.at, n);
    *ret_secret = dot != NULL ? bytes_of(dot + 1, password.n - n - 1) : BYTES_NONE;
}

outcome enrol_invite(const struct registry *r, struct bytes text, int64_t now_ms, const struct invite **ret)
{
    uint8_t token[32];
    struct hash hash;
    if (!ok(token_read(text, token))) return REFUSE(E_UNKNOWN);
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
