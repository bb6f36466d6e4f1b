#include "risk/golden_test.h"
#include "risk/peering.h"

int main(void)
{
    const char *at = strstr(golden_text("worked-example.json"), "\"interconnection\"");
    static const char *const names[RISK_CLAIMS] = { "\"none\"", "\"self-declared\"", "\"third-party\"" };
    static const int64_t checks[] = { 700000000, 700000000 };
    for (int c = 0; c < RISK_CLAIMS; c++) {
        at = strstr(at, names[c]);
        CHECK(at != NULL);
        int64_t rate = risk_peer_rate(100000000, 2000000000, (enum risk_claim)c);
        struct risk_inbound in = { rate, 300000000, 500000000, 39060064, checks, 0 };
        CHECK(rate == GOLDEN(at, "rate_used_ppb"));
        CHECK(risk_inbound_yen(&in) == GOLDEN(at, "added_yen_no_check"));
        in.n_checks = 2;
        CHECK(risk_inbound_yen(&in) == GOLDEN(at, "added_yen_schema_and_range"));
    }
    CHECK(risk_peer_rate(3000000000, 2000000000, RISK_CLAIM_NONE) == 3000000000); /* a bad claim is believed */
    CHECK(risk_checkpoint_bypass(checks, 0) == RISK_PPB);
    return TEST_END;
}
