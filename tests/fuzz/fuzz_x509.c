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

/* The issuer that the corpus asks about; its key is nobody's. */
static const char issuer[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBojCCAUegAwIBAgIUSWkmQbfrbB5E64oN5hjDGQZVLvswCgYIKoZIzj0EAwIw\n"
    "JTEOMAwGA1UECgwFd2F0ZXIxEzARBgNVBAMMCklzc3VpbmcgQ0EwIBcNMjYxMTI4\n"
    "MTU0NTQ5WhgPMjEyNjExMDQxNTQ1NDlaMCUxDjAMBgNVBAoMBXdhdGVyMRMwEQYD\n"
    "VQQDDApJc3N1aW5nIENBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhwbiWeOR\n"
    "hKBBdHRVFnrVS0bqvs7wKE9MKegMAffJ5h4grBtatYgyYwIHnN/wxdXPP4MsP/cw\n"
    "VhdHYAWpCV5yH6NTMFEwHQYDVR0OBBYEFMd6D7PZ7xhJ9SsuvFUNdEa1/RmLMB8G\n"
    "A1UdIwQYMBaAFMd6D7PZ7xhJ9SsuvFUNdEa1/RmLMA8GA1UdEwEB/wQFMAMBAf8w\n"
    "CgYIKoZIzj0EAwIDSQAwRgIhAL0W9l6YaGiWe9u0iDMJMBde7zh6vvV3RjvtqcK8\n"
    "QshYAiEA146pVFrY0KFRaH54ip93vWzbJ5fiQd6JiFdQSX2UPuQ=\n"
    "-----END CERTIFICATE-----\n";

static void check_question(struct bytes in)
{
    struct x509_question q;
    if (!ok(x509_ocsp_read(in, bytes_str(issuer), &q))) return;
    HOLDS(q.n >= 1 && q.n <= X509_QUESTIONS && q.authority == 0 && q.nonce_n <= sizeof q.nonce);
    for (size_t i = 0; i < q.n; i++) HOLDS(q.rows[i].serial_n >= 1 && q.rows[i].serial_n <= sizeof q.rows[i].serial);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    struct buffer pem = BUFFER(1 << 20);
    check_certificate(in);
    check_request(in);
    check_key(in);
    check_question(in);
    if (ok(x509_pkcs7_to_pem(in, &pem))) HOLDS(pem.n > 0);
    buffer_deinit(&pem);
    return 0;
}
