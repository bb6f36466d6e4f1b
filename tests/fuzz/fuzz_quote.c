/* What a TPM (or somebody pretending to be one) made, and an invite URL. */
#include "fleet/appraise.h"
#include "fleet/enrol.h"
#include "fleet/quote.h"
#include "fuzz.h"

static void check_url(struct bytes in)
{
    char url[INVITE_URL_MAX + 8], again[INVITE_URL_MAX], host[128];
    uint8_t token[32], token_again[32];
    struct hash ca, ca_again;
    uint16_t port, port_again;
    if (!ok(bytes_to_text(in, url, sizeof url)) || !ok(invite_url_read(url, host, &port, token, &ca))) return;
    HOLDS(ok(invite_url_make(host, port, token, &ca, again)));
    HOLDS(ok(invite_url_read(again, host, &port_again, token_again, &ca_again)));
    HOLDS(port == port_again && memcmp(token, token_again, 32) == 0 && hash_equal(&ca, &ca_again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    struct quote q;
    uint8_t der[QUOTE_DER_MAX];
    size_t der_n = 0;
    if (ok(quote_read(in, &q))) {
        HOLDS(fuzz_inside(q.nonce, in) && fuzz_inside(q.pcr_digest, in));
        HOLDS(q.pcrs != 0 && q.pcr_digest.n == 32);
    }
    if (ok(quote_signature_der(in, der, &der_n))) HOLDS(der_n >= 8 && der_n <= 72 && der[1] == der_n - 2);
    check_url(in);
    static const struct identity nobody = { .has_ak = true };
    static const uint8_t nonce[32] = { 0 };
    struct appraised a;
    appraise(&nobody, in, nonce, NULL, 0, &a);
    HOLDS(a.result != APPRAISE_GOOD);
    return 0;
}
