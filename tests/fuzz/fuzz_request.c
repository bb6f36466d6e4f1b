/* What enrolment carries: a device's request (PKCS#10) as the service takes it, in base64 and as DER, and the certificates
 * (PKCS#7) as the agent takes them. */
#include "crypto/x509.h"
#include "fleet/enrol.h"
#include "fuzz.h"
#include "ledger/ledger.h"

static void check_request(struct bytes der)
{
    struct buffer spki = BUFFER(4096);
    char cn[65] = "";
    if (ok(x509_request_read(der, &spki, cn))) HOLDS(spki.n > 0 && memchr(cn, 0, sizeof cn) && bytes_is_utf8(bytes_str(cn)));
    buffer_deinit(&spki);
}

static void check_certificates(struct bytes der)
{
    struct buffer pem = BUFFER(1 << 20), again = BUFFER(1 << 20), third = BUFFER(1 << 20);
    if (ok(x509_pkcs7_to_pem(der, &pem)) && pem.n) {
        HOLDS(ok(x509_pkcs7_from_pem(buffer_view(&pem), &again)));
        HOLDS(ok(x509_pkcs7_to_pem(buffer_view(&again), &third)));
        HOLDS(bytes_equal(buffer_view(&pem), buffer_view(&third)));
    }
    buffer_deinit(&pem);
    buffer_deinit(&again);
    buffer_deinit(&third);
}

/* The body as a stranger posts it: nobody was invited, so no body enrols anybody. */
static void check_body(struct bytes body)
{
    static struct registry *empty;
    struct enrolment e = { .spki = BUFFER(2048), .ak_spki = BUFFER(2048) };
    const struct identity *who;
    struct buffer spki = BUFFER(2048);
    struct identity known = { .id = "gw-01", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED, .has_key = true };
    struct arena a = ARENA(1 << 16);
    if (!empty) {
        HOLDS(ok(registry_new(&empty)));
        HOLDS(ok(registry_apply(empty, ENTRY_IDENTITY, registry_doc_identity(&a, &known), 0)));
    }
    HOLDS(!ok(enrol_judge(empty, BYTES_LIT("AAAA"), body, body, 0, &e)));
    HOLDS(!ok(enrol_renew_judge(empty, "gw-01", body, &who, &spki))); /* not its key */
    buffer_deinit(&spki);
    buffer_deinit(&e.spki);
    buffer_deinit(&e.ak_spki);
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    static uint8_t der[65536];
    size_t der_n = 0;
    check_request(in);
    check_certificates(in);
    check_body(in);
    if (ok(base64_to(in, der, sizeof der, &der_n))) {
        check_request(bytes_of(der, der_n));
        check_certificates(bytes_of(der, der_n));
    }
    return 0;
}
