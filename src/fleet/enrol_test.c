#include "fleet/enrol.h"

#include "base/test.h"
#include "ledger/ledger.h"

static const uint8_t token[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252, 253, 254, 255 };

static void apply(struct registry *r, unsigned kind, const struct doc *d)
{
    CHECK(d != NULL);
    CHECK_OK(registry_apply(r, kind, d, 1000));
}

static size_t request(uint8_t *to, size_t cap, struct hash *ret_key)
{
    struct key *k = NULL;
    struct buffer der = BUFFER(4096);
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_OK(x509_request_make(k, "device", &der));
    CHECK_OK(key_id(k, ret_key));
    CHECK(4 * ((der.n + 2) / 3) + 1 <= cap);
    base64_of(buffer_view(&der), (char *)to);
    buffer_deinit(&der);
    key_free(k);
    return strlen((char *)to);
}

static struct invite invite_of(const char *id, uint8_t first, bool used)
{
    struct invite i = { .role = ROLE_DEVICE, .until_ms = 50000, .used = used };
    uint8_t t[32];
    struct hash h;
    memcpy(t, token, 32);
    t[0] = first;
    hash_sha256(bytes_of(t, 32), &h);
    memcpy(i.token_hash, h.at, 32);
    CHECK_OK(bytes_to_text(bytes_str(id), i.id, sizeof i.id));
    return i;
}

static outcome judge(const struct registry *r, uint8_t first, struct bytes body, struct bytes ak, int64_t now,
    struct enrolment *ret)
{
    char text[48];
    uint8_t t[32];
    memcpy(t, token, 32);
    t[0] = first;
    base64_of(bytes_of(t, 32), text);
    for (char *c = text; *c != 0; c++) *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    text[43] = 0; /* no padding */
    return enrol_judge(r, bytes_str(text), body, ak, now, ret);
}

static void test_judge(void)
{
    struct registry *r = NULL;
    struct arena a = ARENA(1 << 20);
    struct enrolment e = { 0 };
    struct hash key, spki;
    uint8_t body[4096];
    size_t n = request(body, sizeof body, &key);
    struct bytes csr = bytes_of(body, n);
    CHECK_OK(registry_new(&r));
    struct invite fresh = invite_of("gw-02", 1, false), spent = invite_of("gw-03", 2, true);
    apply(r, ENTRY_INVITE, registry_doc_invite(&a, &fresh));
    apply(r, ENTRY_INVITE, registry_doc_invite(&a, &spent));

    CHECK_OK(judge(r, 1, csr, BYTES_NONE, 1000, &e));
    CHECK(e.invite != NULL && strcmp(e.invite->id, "gw-02") == 0 && e.ak_spki.n == 0);
    hash_sha256(buffer_view(&e.spki), &spki);
    CHECK(hash_equal(&spki, &key)); /* the key asked for is the key that signed the request */
    char ak[256];
    base64_of(buffer_view(&e.spki), ak);
    buffer_deinit(&e.spki);
    CHECK_OK(judge(r, 1, csr, bytes_str(ak), 1000, &e));
    CHECK(bytes_equal(buffer_view(&e.spki), buffer_view(&e.ak_spki)));
    buffer_deinit(&e.spki);
    buffer_deinit(&e.ak_spki);

    CHECK_IS(judge(r, 7, csr, BYTES_NONE, 1000, &e), E_UNKNOWN);
    CHECK_IS(judge(r, 2, csr, BYTES_NONE, 1000, &e), E_CONFLICT);
    CHECK_IS(judge(r, 1, csr, BYTES_NONE, 50000, &e), E_EXPIRED);
    CHECK_IS(enrol_judge(r, BYTES_LIT("short"), csr, BYTES_NONE, 1000, &e), E_UNKNOWN);
    CHECK_IS(enrol_judge(r, BYTES_NONE, csr, BYTES_NONE, 1000, &e), E_UNKNOWN);
    CHECK_IS(judge(r, 1, csr, BYTES_LIT("AAAA"), 1000, &e), E_CRYPTO);
    CHECK(!ok(judge(r, 1, BYTES_NONE, BYTES_NONE, 1000, &e)));
    body[n / 2] ^= 2;
    CHECK(!ok(judge(r, 1, csr, BYTES_NONE, 1000, &e)));
    arena_deinit(&a);
    registry_free(r);
}

static void enrolled(struct registry *r, struct arena *a, const char *id, uint8_t key, enum life life, enum trust trust)
{
    struct identity who = { .role = ROLE_DEVICE, .life = life, .trust = trust, .has_key = true, .not_after_ms = 9000 };
    CHECK_OK(bytes_to_text(bytes_str(id), who.id, sizeof who.id));
    memset(who.key_hash, key, 32);
    apply(r, ENTRY_IDENTITY, registry_doc_identity(a, &who));
}

static void test_admit(void)
{
    struct registry *r = NULL;
    struct arena a = ARENA(1 << 20);
    CHECK_OK(registry_new(&r));
    enrolled(r, &a, "gw-01", 1, LIFE_ENROLLED, TRUST_UNATTESTED);
    enrolled(r, &a, "gw-02", 2, LIFE_ENROLLED, TRUST_QUARANTINED);
    enrolled(r, &a, "gw-03", 3, LIFE_ENROLLED, TRUST_REVOKED);
    enrolled(r, &a, "gw-04", 4, LIFE_RETIRED, TRUST_UNATTESTED);
    static const struct {
        uint8_t key;
        int64_t not_after, now;
        enum admission want;
    } rows[] = {
        { 1, 9000, 1000, ADMIT },
        { 2, 9000, 1000, ADMIT }, /* no refusal for bad firmware: its commands are what is limited */
        { 3, 9000, 1000, ADMIT_REVOKED },
        { 4, 9000, 1000, ADMIT_LIFE },
        { 5, 9000, 1000, ADMIT_UNREGISTERED },
        { 1, 9000, 9000, ADMIT_EXPIRED },
        { 3, 9000, 9999, ADMIT_REVOKED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct identity *who = NULL;
        uint8_t key[32];
        memset(key, rows[i].key, 32);
        CHECK(enrol_admit(r, key, rows[i].not_after, rows[i].now, &who) == rows[i].want);
        CHECK((who == NULL) == (rows[i].want == ADMIT_UNREGISTERED));
    }
    arena_deinit(&a);
    registry_free(r);
}

int main(void)
{
    test_judge();
    test_admit();
    return TEST_END;
}
