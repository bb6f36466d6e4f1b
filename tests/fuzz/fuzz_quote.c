/* What a TPM (or somebody pretending to be one) made, and an invite URL. */
#include "fleet/appraise.h"
#include "fleet/quote.h"
#include "fuzz.h"
#include "wire/invite.h"

static void check_url(struct bytes in)
{
    char again[INVITE_URL_MAX];
    struct invite_url u, v;
    if (!ok(invite_url_read(in, &u))) return;
    HOLDS(ok(invite_url_make(&u, again)));
    HOLDS(ok(invite_url_read(bytes_str(again), &v)));
    HOLDS(u.port == v.port && strcmp(u.host, v.host) == 0 && memcmp(u.token, v.token, 32) == 0 && memcmp(u.ca_key_hash, v.ca_key_hash, 32) == 0);
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
