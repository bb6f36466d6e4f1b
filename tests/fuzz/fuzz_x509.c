/* Certificates, requests, keys and certificate bundles from strangers. What is taken has a name that is
 * text, a key we accept, and reads back the same. */
#include "crypto/x509.h"
#include "fuzz.h"

static void check_certificate(struct bytes in)
{
    struct x509_facts f, g;
    struct buffer pem = BUFFER(1 << 20);
    if (!ok(x509_facts_der(in, &f))) return;
    HOLDS(f.serial_n >= 1 && f.serial_n <= sizeof f.serial && memchr(f.common_name, 0, sizeof f.common_name));
    HOLDS(ok(x509_der_to_pem(in, &pem)) && ok(x509_facts_pem(buffer_view(&pem), &g)));
    HOLDS(memcmp(f.key_hash, g.key_hash, sizeof f.key_hash) == 0);
    buffer_deinit(&pem);
}

static void check_request(struct bytes in)
{
    struct buffer spki = BUFFER(1 << 20);
    char name[65];
    if (ok(x509_request_read(in, &spki, name))) HOLDS(spki.n > 0 && memchr(name, 0, sizeof name));
    else HOLDS(spki.n == 0);
    buffer_deinit(&spki);
}

static void check_key(struct bytes in)
{
    struct key *k = NULL;
    struct hash id;
    if (!ok(key_read_public_der(in, &k))) return;
    HOLDS(ok(key_id(k, &id)));
    HOLDS(!ok(key_verify(k, BYTES_LIT("message"), in)));
    key_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    struct buffer pem = BUFFER(1 << 20);
    check_certificate(in);
    check_request(in);
    check_key(in);
    if (ok(x509_pkcs7_to_pem(in, &pem))) HOLDS(pem.n > 0);
    buffer_deinit(&pem);
    return 0;
}
