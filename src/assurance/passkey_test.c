/* A passkey's answer made here by OpenSSL's keys, and everything that may be wrong with one. */
#include "assurance/passkey.h"

#include <stdio.h>

#include "base/test.h"
#include "crypto/init.h"

struct answer {
    enum key_kind kind;
    const char *type, *origin, *rp;
    uint8_t flags;
    bool other_challenge, other_key, cross;
};

static const uint8_t question[32] = { 7, 7, 7 }, another[32] = { 8 };

static outcome judged(const struct answer *t, const char *origin, const char **why)
{
    struct key *k, *stranger;
    struct buffer spki = BUFFER(512);
    uint8_t data[64], signature[160], both[128];
    size_t n;
    char client[400], challenge[64];
    struct hash rp, h;
    struct out o = out_of(data, sizeof data), message = out_of(both, sizeof both);
    CHECK_QUIET(ok(key_new(t->kind, &k)) && ok(key_new(t->kind, &stranger)) && ok(key_write_public_der(t->other_key ? stranger : k, &spki)));
    hash_sha256(bytes_str(t->rp), &rp);
    put(&o, hash_view(&rp));
    put_u8(&o, t->flags);
    put_u32(&o, 9);
    webauthn_base64url(bytes_of(t->other_challenge ? another : question, 32), challenge);
    snprintf(client, sizeof client, "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\",\"crossOrigin\":%s}", t->type, challenge, t->origin,
        t->cross ? "true" : "false");
    hash_sha256(bytes_str(client), &h);
    put(&message, out_view(&o));
    put(&message, hash_view(&h));
    CHECK_QUIET(ok(key_sign(k, out_view(&message), signature, sizeof signature, &n)));
    struct webauthn_assertion a = { out_view(&o), bytes_str(client), bytes_of(signature, n) };
    struct webauthn_data d;
    struct passkey_want want = { .challenge = bytes_of(question, 32), .rp = "localhost", .origin = origin };
    outcome result = passkey_check(&want, buffer_view(&spki), &a, &d, why);
    CHECK_QUIET(!ok(result) || d.count == 9);
    buffer_deinit(&spki);
    key_free(k);
    key_free(stranger);
    return result;
}

int main(void)
{
    enum { BOTH = WEBAUTHN_PRESENT | WEBAUTHN_VERIFIED };
    static const char here[] = "http://localhost:8480";
    static const struct { struct answer t; enum code want; const char *why; } rows[] = {
        { { KEY_P256, "webauthn.get", here, "localhost", BOTH }, OK, "" },
        { { KEY_ED25519, "webauthn.get", here, "localhost", BOTH }, OK, "" },
        { { KEY_P256, "webauthn.create", here, "localhost", BOTH }, E_DENIED, "type" },
        { { KEY_P256, "webauthn.get", here, "localhost", BOTH, .other_challenge = true }, E_DENIED, "challenge" },
        { { KEY_P256, "webauthn.get", "http://evil.example", "localhost", BOTH }, E_DENIED, "origin" },
        { { KEY_P256, "webauthn.get", here, "localhost", BOTH, .cross = true }, E_DENIED, "origin" },
        { { KEY_P256, "webauthn.get", here, "evil.example", BOTH }, E_DENIED, "another site's passkey" },
        { { KEY_P256, "webauthn.get", here, "localhost", WEBAUTHN_VERIFIED }, E_DENIED, "user not present" },
        { { KEY_P256, "webauthn.get", here, "localhost", WEBAUTHN_PRESENT }, E_DENIED, "user not verified" },
        { { KEY_P256, "webauthn.get", here, "localhost", BOTH, .other_key = true }, E_CRYPTO, "signature" },
        { { KEY_ED25519, "webauthn.get", here, "localhost", BOTH, .other_key = true }, E_CRYPTO, "signature" },
    };
    CHECK_OK(crypto_init());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = "";
        outcome o = judged(&rows[i].t, here, &why);
        if (o.code != rows[i].want) printf("# row %zu: %s %s\n", i, code_word(o.code), why);
        CHECK(o.code == rows[i].want && (ok(o) || strcmp(why, rows[i].why) == 0));
    }
    static const struct { const char *origin; bool good; } places[] = { { "http://localhost:1", true }, { "http://localhost", true },
        { "http://localhost.evil.example", false }, { "http://localhosts:1", false }, { "localhost", false }, { "ftp://localhost", false } };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) { /* a document: any page of the host */
        const char *why;
        struct answer t = { KEY_P256, "webauthn.get", places[i].origin, "localhost", BOTH };
        CHECK(ok(judged(&t, NULL, &why)) == places[i].good);
    }
    return TEST_END;
}
