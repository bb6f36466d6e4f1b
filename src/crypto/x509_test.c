/* The profiles are checked by reading the DER with a small reader of our own, not with the library
 * that wrote it. */
#include "crypto/x509.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/port/port.h"
#include "base/test.h"
#include "base/time.h"
#include "crypto/init.h"

struct authority {
    struct key *root, *issuing, *server;
    struct buffer root_pem, issuing_pem;
};

static void authority_init(struct authority *a)
{
    *a = (struct authority) { .root_pem = BUFFER(8192), .issuing_pem = BUFFER(8192) };
    CHECK_OK(key_new(KEY_P256, &a->root));
    CHECK_OK(key_new(KEY_P256, &a->issuing));
    CHECK_OK(key_new(KEY_P256, &a->server));
    CHECK_OK(x509_make_root(a->root, "水道局", 20, &a->root_pem));
    CHECK_OK(x509_make_issuing(a->root, buffer_view(&a->root_pem), a->issuing, "水道局", 5, &a->issuing_pem));
}

static void authority_deinit(struct authority *a)
{
    key_free(a->root), key_free(a->issuing), key_free(a->server);
    buffer_deinit(&a->root_pem), buffer_deinit(&a->issuing_pem);
}

/* --- a reader of DER: tag, length, content --- */

static outcome take_der(struct bytes *in, uint8_t *ret_tag, struct bytes *ret)
{
    uint8_t first = 0, b = 0;
    size_t n = 0;
    TRY(take_u8(in, ret_tag));
    TRY(take_u8(in, &first));
    if (first < 0x80) return take(in, first, ret);
    for (int i = 0; i < (first & 0x7f); i++) {
        TRY(take_u8(in, &b));
        n = n << 8 | b;
    }
    return take(in, n, ret);
}

static struct bytes der_of_pem(struct bytes pem, uint8_t *to, size_t cap)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END";
    const uint8_t *a = memmem(pem.at, pem.n, begin, sizeof begin - 1);
    const uint8_t *z = memmem(pem.at, pem.n, end, sizeof end - 1);
    size_t n = 0;
    CHECK(a && z);
    a += sizeof begin - 1;
    CHECK_OK(base64_to(bytes_of(a, (size_t)(z - a)), to, cap, &n));
    return bytes_of(to, n);
}

struct read_extension {
    struct bytes value;
    bool present, critical;
};

struct read_certificate {
    struct bytes serial, issuer, subject;
    struct read_extension extension[64]; /* by the last octet of 2.5.29.n */
    size_t extensions;
};

static outcome read_extensions(struct bytes in, struct read_certificate *c)
{
    uint8_t tag = 0;
    struct bytes list = BYTES_NONE;
    TRY(take_der(&in, &tag, &list));
    while (list.n) {
        struct bytes one, oid, part;
        TRY(take_der(&list, &tag, &one));
        TRY(take_der(&one, &tag, &oid));
        if (oid.n != 3 || oid.at[0] != 0x55 || oid.at[1] != 0x1d || oid.at[2] >= 64) return REFUSE(E_MALFORMED);
        struct read_extension *e = &c->extension[oid.at[2]];
        if (e->present) return REFUSE(E_CONFLICT);
        e->present = true;
        TRY(take_der(&one, &tag, &part));
        if (tag == 1) {
            e->critical = part.n == 1 && part.at[0] == 0xff;
            TRY(take_der(&one, &tag, &part));
        }
        e->value = part;
        c->extensions++;
    }
    return DONE;
}

static outcome read_certificate(struct bytes der, struct read_certificate *ret)
{
    struct read_certificate c = { 0 };
    struct bytes whole, tbs, part;
    uint8_t tag = 0;
    TRY(take_der(&der, &tag, &whole));
    TRY(take_der(&whole, &tag, &tbs));
    TRY(take_der(&tbs, &tag, &part)); /* version */
    TRY(take_der(&tbs, &tag, &c.serial));
    TRY(take_der(&tbs, &tag, &part)); /* algorithm */
    TRY(take_der(&tbs, &tag, &c.issuer));
    TRY(take_der(&tbs, &tag, &part)); /* validity */
    TRY(take_der(&tbs, &tag, &c.subject));
    TRY(take_der(&tbs, &tag, &part)); /* key */
    TRY(take_der(&tbs, &tag, &part));
    if (tag != 0xa3) return REFUSE(E_MALFORMED);
    TRY(read_extensions(part, &c));
    *ret = c;
    return at_end(tbs);
}

enum { SKI = 14, USAGE = 15, SAN = 17, CONSTRAINTS = 19, AKI = 35, EXTENDED = 37 };

static bool has(const struct bytes b, struct bytes part)
{
    return memmem(b.at, b.n, part.at, part.n) != NULL;
}

static void check_profile(struct bytes der, struct bytes constraints, struct bytes usage, struct bytes extended)
{
    struct read_certificate c;
    CHECK_OK(read_certificate(der, &c));
    CHECK(c.serial.n == 16 && c.serial.at[0] < 0x80 && c.serial.at[0] >= 0x40);
    CHECK(has(c.subject, BYTES_LIT("水道局")) && has(c.issuer, BYTES_LIT("水道局")));
    CHECK(c.extension[CONSTRAINTS].critical && bytes_equal(c.extension[CONSTRAINTS].value, constraints));
    CHECK(c.extension[USAGE].critical && bytes_equal(c.extension[USAGE].value, usage));
    CHECK(c.extension[SKI].value.n == 22 && c.extension[AKI].value.n == 24);
    CHECK(c.extension[EXTENDED].present == (extended.n > 0));
    if (extended.n) CHECK(bytes_equal(c.extension[EXTENDED].value, extended));
    size_t others = 4 + (extended.n > 0) + c.extension[SAN].present;
    CHECK(c.extensions == others);
}

#define NOT_CA BYTES_LIT("\x30\x00")
#define SIGNATURE BYTES_LIT("\x03\x02\x07\x80")
#define CERT_AND_CRL_SIGN BYTES_LIT("\x03\x02\x01\x06")

static void test_profiles(const struct authority *a)
{
    static const char *const names[] = { "gate.example", "192.0.2.7", "2001:db8::1" };
    const struct x509_names san = { names, 3 };
    struct buffer pem = BUFFER(8192), device = BUFFER(8192), spki = BUFFER(512);
    uint8_t root[4096], issuing[4096], server[4096];
    CHECK_OK(x509_make_server(a->issuing, buffer_view(&a->issuing_pem), a->server, &san, 90, &pem));
    CHECK_OK(key_write_public_der(a->server, &spki));
    CHECK_OK(x509_make_device(a->issuing, buffer_view(&a->issuing_pem), buffer_view(&spki), "gw-02", 7, &device));
    struct bytes r = der_of_pem(buffer_view(&a->root_pem), root, sizeof root);
    struct bytes i = der_of_pem(buffer_view(&a->issuing_pem), issuing, sizeof issuing);
    struct bytes s = der_of_pem(buffer_view(&pem), server, sizeof server);
    check_profile(r, BYTES_LIT("\x30\x06\x01\x01\xff\x02\x01\x01"), CERT_AND_CRL_SIGN, BYTES_NONE);
    check_profile(i, BYTES_LIT("\x30\x06\x01\x01\xff\x02\x01\x00"), CERT_AND_CRL_SIGN, BYTES_NONE);
    check_profile(s, NOT_CA, SIGNATURE, BYTES_LIT("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"));
    check_profile(buffer_view(&device), NOT_CA, SIGNATURE,
        BYTES_LIT("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"));
    struct read_certificate cr, ci, cs;
    CHECK_OK(read_certificate(r, &cr));
    CHECK_OK(read_certificate(i, &ci));
    CHECK_OK(read_certificate(s, &cs));
    CHECK(bytes_equal(cr.issuer, cr.subject) && bytes_equal(ci.issuer, cr.subject) && bytes_equal(cs.issuer, ci.subject));
    CHECK(memcmp(cs.extension[AKI].value.at + 4, ci.extension[SKI].value.at + 2, 20) == 0);
    CHECK(memcmp(ci.extension[AKI].value.at + 4, cr.extension[SKI].value.at + 2, 20) == 0);
    CHECK(!cr.extension[SAN].present && !ci.extension[SAN].present);
    CHECK(bytes_equal(cs.extension[SAN].value,
        BYTES_LIT("\x30\x26\x82\x0cgate.example\x87\x04\xc0\x00\x02\x07"
                  "\x87\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")));
    buffer_deinit(&pem), buffer_deinit(&device), buffer_deinit(&spki);
}

static void test_facts(const struct authority *a)
{
    struct buffer device = BUFFER(8192), pem = BUFFER(8192), spki = BUFFER(512);
    struct x509_facts f, g;
    struct hash id;
    int64_t now_ms = port_wall_ms();
    CHECK_OK(key_write_public_der(a->server, &spki));
    CHECK_OK(x509_make_device(a->issuing, buffer_view(&a->issuing_pem), buffer_view(&spki), "gw-02", 7, &device));
    CHECK_OK(x509_facts_der(buffer_view(&device), &f));
    CHECK_OK(key_id(a->server, &id));
    CHECK(memcmp(f.key_hash, id.at, 32) == 0);
    CHECK(strcmp(f.common_name, "gw-02") == 0 && f.serial_n == 16);
    CHECK(f.not_before_ms <= now_ms - 5 * MS_MINUTE + 2 * MS_S && f.not_before_ms > now_ms - 6 * MS_MINUTE);
    CHECK(f.not_after_ms > now_ms + 7 * MS_DAY - MS_MINUTE && f.not_after_ms <= now_ms + 7 * MS_DAY + MS_MINUTE);
    CHECK_OK(x509_der_to_pem(buffer_view(&device), &pem));
    CHECK_OK(x509_facts_pem(buffer_view(&pem), &g));
    CHECK(memcmp(&f, &g, sizeof f) == 0);
    for (size_t i = 0; i < device.n; i++)
        CHECK_QUIET(!ok(x509_facts_der(bytes_of(device.at, i), &g)));
    CHECK_OK(buffer_put(&device, BYTES_LIT("x")));
    CHECK_IS(x509_facts_der(buffer_view(&device), &g), E_MALFORMED);
    CHECK_OK(x509_pem_key_hash(buffer_view(&a->root_pem), &id));
    struct hash want;
    CHECK_OK(key_id(a->root, &want));
    CHECK(hash_equal(&id, &want));
    CHECK_IS(x509_facts_pem(BYTES_LIT("no certificate here"), &g), E_MALFORMED);
    buffer_deinit(&device), buffer_deinit(&pem), buffer_deinit(&spki);
}

static void test_refusals(const struct authority *a)
{
    static const struct { const char *claim, *name; } bad[] = {
        { "empty", "" }, { "wildcard", "*.example" }, { "space", "a b" }, { "injection", "a,DNS:b" },
    };
    struct buffer b = BUFFER(8192), spki = BUFFER(512);
    struct bytes issuing = buffer_view(&a->issuing_pem);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct x509_names names = { &bad[i].name, 1 };
        printf("# %s\n", bad[i].claim);
        CHECK(!ok(x509_make_server(a->issuing, issuing, a->server, &names, 90, &b)));
    }
    CHECK_OK(key_write_public_der(a->server, &spki));
    struct bytes key = buffer_view(&spki);
    CHECK_IS(x509_make_device(a->root, issuing, key, "d", 7, &b), E_CRYPTO); /* not the issuer's key */
    CHECK_IS(x509_make_device(a->issuing, issuing, key, "", 7, &b), E_RANGE);
    CHECK_IS(x509_make_device(a->issuing, issuing, key, "d", 0, &b), E_RANGE);
    CHECK_IS(x509_make_device(a->issuing, issuing, BYTES_NONE, "d", 7, &b), E_MALFORMED);
    CHECK_IS(x509_make_root(a->root, "s", 31, &b), E_RANGE);
    CHECK(b.n == 0);
    buffer_deinit(&b), buffer_deinit(&spki);
}

/* A request with an RSA key, by the library: our own maker has no such keys. */
static void rsa_request(unsigned bits, const EVP_MD *md, struct buffer *ret)
{
    EVP_PKEY *k = EVP_RSA_gen(bits);
    X509_REQ *r = X509_REQ_new();
    uint8_t *der = NULL;
    CHECK(k && r && X509_REQ_set_pubkey(r, k) == 1 && X509_REQ_sign(r, k, md) > 0);
    int n = i2d_X509_REQ(r, &der);
    CHECK(n > 0);
    ret->n = 0;
    CHECK_OK(buffer_put(ret, bytes_of(der, (size_t)n)));
    OPENSSL_free(der);
    X509_REQ_free(r);
    EVP_PKEY_free(k);
}

static void test_requests(void)
{
    struct key *k = NULL;
    struct buffer der = BUFFER(8192), spki = BUFFER(4096), want = BUFFER(4096);
    char cn[65];
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_OK(x509_request_make(k, "gw-02", &der));
    CHECK_OK(x509_request_read(buffer_view(&der), &spki, cn));
    CHECK_OK(key_write_public_der(k, &want));
    CHECK(strcmp(cn, "gw-02") == 0 && bytes_equal(buffer_view(&spki), buffer_view(&want)));
    spki.n = 0;
    for (size_t i = 0; i < der.n; i++) {
        CHECK_QUIET(!ok(x509_request_read(bytes_of(der.at, i), &spki, cn)));
        der.at[i] ^= 1;
        CHECK_QUIET(!ok(x509_request_read(buffer_view(&der), &spki, cn)));
        der.at[i] ^= 1;
    }
    CHECK(spki.n == 0);
    rsa_request(2048, EVP_sha256(), &der);
    CHECK_OK(x509_request_read(buffer_view(&der), &spki, cn));
    CHECK(cn[0] == 0);
    rsa_request(2048, EVP_sha1(), &der);
    CHECK_IS(x509_request_read(buffer_view(&der), &spki, cn), E_UNSUPPORTED);
    rsa_request(1024, EVP_sha256(), &der);
    CHECK_IS(x509_request_read(buffer_view(&der), &spki, cn), E_UNSUPPORTED);
    key_free(k);
    buffer_deinit(&der), buffer_deinit(&spki), buffer_deinit(&want);
}

static void test_pkcs7(const struct authority *a)
{
    struct buffer both = BUFFER(16384), der = BUFFER(16384), back = BUFFER(16384);
    CHECK_OK(buffer_put(&both, buffer_view(&a->issuing_pem)));
    CHECK_OK(buffer_put(&both, buffer_view(&a->root_pem)));
    CHECK_OK(x509_pkcs7_from_pem(buffer_view(&both), &der));
    CHECK_OK(x509_pkcs7_to_pem(buffer_view(&der), &back));
    CHECK(bytes_equal(buffer_view(&both), buffer_view(&back)));
    for (size_t i = 0; i < der.n; i++) {
        back.n = 0;
        CHECK_QUIET(!ok(x509_pkcs7_to_pem(bytes_of(der.at, i), &back)));
    }
    CHECK_IS(x509_pkcs7_from_pem(BYTES_NONE, &der), E_MALFORMED);
    buffer_deinit(&both), buffer_deinit(&der), buffer_deinit(&back);
}

int main(void)
{
    struct authority a;
    CHECK_OK(crypto_init());
    authority_init(&a);
    test_profiles(&a);
    test_facts(&a);
    test_refusals(&a);
    test_requests();
    test_pkcs7(&a);
    authority_deinit(&a);
    return TEST_END;
}
