/* Changes of a charter as trees, and documents signed by a passkey: its answer to the SHA-256 of exactly the bytes a key file
 * would sign. */
#include "assurance/document.h"
#include "assurance/passkey.h"

#include <stdio.h>

#include "base/test.h"
#include "base/time.h"
#include "crypto/init.h"

#define SITE "w"
#define NOW ((int64_t)1800000000000)

struct world {
    struct arena arena;
    struct charter charter;
    struct key *keys[CHARTER_ROLES + 2];
    char pems[CHARTER_ROLES + 2][1024];
};

static void w_init(struct world *w)
{
    const char *pems[CHARTER_ROLES];
    *w = (struct world) { .arena = ARENA(8 << 20) };
    for (size_t i = 0; i < CHARTER_ROLES + 2; i++) {
        struct buffer b = BUFFER(1000);
        CHECK_OK(key_new(i < CHARTER_ROLES ? KEY_ED25519 : KEY_P256, &w->keys[i]));
        CHECK_OK(key_write_public_pem(w->keys[i], &b));
        CHECK_OK(bytes_to_text(buffer_view(&b), w->pems[i], sizeof w->pems[i]));
        buffer_deinit(&b);
        if (i < CHARTER_ROLES) pems[i] = w->pems[i];
    }
    CHECK_OK(charter_read(charter_doc(&w->arena, SITE, pems, false), &w->charter));
}

static void w_deinit(struct world *w)
{
    charter_deinit(&w->charter);
    for (size_t i = 0; i < CHARTER_ROLES + 2; i++) key_free(w->keys[i]);
    arena_deinit(&w->arena);
}

static outcome changes(struct world *w, const struct charter_draft *d)
{
    struct charter_change n;
    const char *why;
    outcome o = charter_change_read(&w->charter, charter_change_doc(&w->arena, SITE, d), &n, &why);
    if (ok(o)) charter_change_apply(&w->charter, &n);
    return o;
}

static void changes_are_dated_and_keys_differ(struct world *w)
{
    struct charter_draft d = { .role = "executive", .key_pem = w->pems[3], .rp = "", .person = "p", .reason = "r", .at_ms = NOW };
    struct charter_draft twice = d, none = d;
    twice.key_pem = w->pems[0];
    none.person = "";
    CHECK_IS(changes(w, &twice), E_CONFLICT);
    CHECK_IS(changes(w, &none), E_MALFORMED);
    CHECK_OK(changes(w, &d));
    CHECK_IS(changes(w, &d), E_CONFLICT); /* the same date, the same key */
    d.key_pem = w->pems[2];
    CHECK_IS(changes(w, &d), E_CONFLICT);
    d.at_ms++;
    CHECK_OK(changes(w, &d));
}

static void deputies_have_dates_and_places(struct world *w)
{
    char from[TIME_TEXT], until[TIME_TEXT], id[8];
    struct charter_signer s;
    struct hash h;
    char key_id_text[65];
    time_text(NOW + MS_DAY, from);
    time_text(NOW + 2 * MS_DAY, until);
    struct charter_draft d = { .role = "executive", .key_pem = w->pems[4], .rp = "", .person = "p", .reason = "r", .deputy_id = "DP-1", .from = from,
        .until = until, .rank = "R2", .at_ms = NOW + 10 };
    CHECK_OK(changes(w, &d));
    CHECK_OK(key_id(w->keys[4], &h));
    hex_of(hash_view(&h), key_id_text);
    static const struct { int64_t at; bool good; } rows[] = { { 0, false }, { NOW + MS_DAY - 1, false }, { NOW + MS_DAY, true },
        { NOW + 2 * MS_DAY - 1, true }, { NOW + 2 * MS_DAY, false }, { INT64_MAX, false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) CHECK(ok(charter_signer(&w->charter, key_id_text, rows[i].at, &s)) == rows[i].good);
    CHECK(ok(charter_signer(&w->charter, key_id_text, NOW + MS_DAY, &s)) && s.deputy && s.rank == 2 && s.role == CHARTER_EXECUTIVE);
    for (int i = 2; i <= CHARTER_DEPUTIES + 1; i++) { /* every place taken; then one whose time is over makes room */
        struct key *k;
        struct buffer b = BUFFER(1000);
        char pem[1024];
        CHECK_QUIET(ok(key_new(KEY_ED25519, &k)) && ok(key_write_public_pem(k, &b)) && ok(bytes_to_text(buffer_view(&b), pem, sizeof pem)));
        snprintf(id, sizeof id, "DP-%d", i);
        d.deputy_id = id;
        d.key_pem = pem;
        d.at_ms++;
        CHECK_QUIET(changes(w, &d).code == (i <= CHARTER_DEPUTIES ? OK : E_FULL));
        d.at_ms = i <= CHARTER_DEPUTIES ? d.at_ms : NOW + 3 * MS_DAY;
        if (i > CHARTER_DEPUTIES) CHECK_OK(changes(w, &d));
        buffer_deinit(&b);
        key_free(k);
    }
    CHECK(w->charter.n_deputies == CHARTER_DEPUTIES);
}

/* What Chromium would answer to this question, and the envelope with it. */
static void sign_by_passkey(struct world *w, struct buffer *envelope, const struct key *k, struct bytes question, const char *rp)
{
    uint8_t data[64], signature[160], both[128], blob[1024];
    char client[300], challenge[64], id[65];
    struct hash rp_hash, h, kid;
    struct out o = out_of(data, sizeof data), message = out_of(both, sizeof both), all = out_of(blob, sizeof blob);
    struct dsse d;
    size_t n;
    hash_sha256(bytes_str(rp), &rp_hash);
    put(&o, hash_view(&rp_hash));
    put_u8(&o, WEBAUTHN_PRESENT | WEBAUTHN_VERIFIED);
    put_u32(&o, 1);
    webauthn_base64url(question, challenge);
    snprintf(client, sizeof client, "{\"type\":\"webauthn.get\",\"challenge\":\"%s\",\"origin\":\"http://%s:8480\"}", challenge, rp);
    hash_sha256(bytes_str(client), &h);
    put(&message, out_view(&o));
    put(&message, hash_view(&h));
    CHECK_OK(key_sign(k, out_view(&message), signature, sizeof signature, &n));
    webauthn_put_assertion(&all, &(struct webauthn_assertion) { out_view(&o), bytes_str(client), bytes_of(signature, n) });
    CHECK_OK(key_id(k, &kid));
    hex_of(hash_view(&kid), id);
    CHECK_OK(dsse_read(buffer_view(envelope), &w->arena, &d));
    d.signatures[d.n].key_id = id;
    d.signatures[d.n++].signature = out_view(&all);
    envelope->n = 0;
    CHECK_OK(dsse_write(&d, envelope));
}

static outcome judged(struct world *w, struct bytes json)
{
    struct document d;
    char why[DOCUMENT_WHY];
    TRY(document_open(json, &w->arena, &d));
    d.judged_ms = NOW;
    return document_verify(&w->charter, DOCUMENT_LOOSEN, &d, why);
}

static void a_passkey_signs_the_hash_of_the_bytes(struct world *w)
{
    struct buffer draft = BUFFER(65536), one = BUFFER(65536), pae = BUFFER(65536), two = BUFFER(65536);
    struct charter_draft c = { .role = "executive", .key_pem = w->pems[3], .rp = "localhost", .person = "p", .reason = "r", .at_ms = NOW + 9 * MS_DAY };
    struct document d;
    struct hash question;
    CHECK_OK(changes(w, &c));
    CHECK_OK(doc_write_json(document_loosen_new(&w->arena, SITE, "L-1", NOW), &draft));
    CHECK_OK(document_sign(buffer_view(&draft), w->keys[0], &one));
    CHECK_OK(document_open(buffer_view(&one), &w->arena, &d));
    CHECK_OK(dsse_pae(d.envelope.type, d.envelope.payload, &pae));
    hash_sha256(buffer_view(&pae), &question);
    CHECK_OK(buffer_put(&two, buffer_view(&one)));
    sign_by_passkey(w, &two, w->keys[3], hash_view(&question), "localhost");
    CHECK_OK(judged(w, buffer_view(&two)));
    struct { const struct key *k; uint8_t flip; const char *rp; enum code want; } rows[] = { { w->keys[3], 1, "localhost", E_CRYPTO },
        { w->keys[3], 0, "evil.example", E_CRYPTO }, { w->keys[4], 0, "localhost", E_DENIED } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) { /* another document, another site's passkey, another key (a deputy's, too late) */
        struct hash other = question;
        other.at[0] ^= rows[i].flip;
        two.n = 0;
        CHECK_OK(buffer_put(&two, buffer_view(&one)));
        sign_by_passkey(w, &two, rows[i].k, hash_view(&other), rows[i].rp);
        CHECK_IS(judged(w, buffer_view(&two)), rows[i].want);
    }
    two.n = 0;
    CHECK_OK(document_sign(buffer_view(&one), w->keys[3], &two)); /* the key without its authenticator */
    CHECK_IS(judged(w, buffer_view(&two)), E_CRYPTO);
    buffer_deinit(&draft);
    buffer_deinit(&one);
    buffer_deinit(&two);
    buffer_deinit(&pae);
}

int main(void)
{
    static struct world w;
    CHECK_OK(crypto_init());
    w_init(&w);
    changes_are_dated_and_keys_differ(&w);
    deputies_have_dates_and_places(&w);
    a_passkey_signs_the_hash_of_the_bytes(&w);
    w_deinit(&w);
    return TEST_END;
}
