#include "risk/words.h"

#include "base/test.h"

int main(void)
{
    int64_t f[3];
    CHECK_OK(risk_frequency("F4", f));
    CHECK(f[0] == RISK_PPB && f[1] == 4 * RISK_PPB && f[2] == 12 * RISK_PPB);
    CHECK_OK(risk_frequency("F1", f));
    CHECK(f[0] == 10000000 && f[1] == 30000000 && f[2] == 100000000);
    CHECK_IS(risk_frequency("F6", f), E_UNKNOWN);
    CHECK_IS(risk_frequency("f1", f), E_UNKNOWN);

    struct risk_strength s;
    CHECK_OK(risk_strength("medium", &s));
    CHECK(s.mid == 700000000 && s.lo == 500000000 && s.hi == 850000000);
    CHECK_OK(risk_strength("none", &s));
    CHECK(s.mid == 0);
    CHECK_IS(risk_strength("Strong", &s), E_UNKNOWN);

    CHECK(risk_trust(RISK_BY_GATE) == RISK_PPB && risk_trust(RISK_BY_AGENT) == 900000000);
    CHECK(risk_trust(RISK_BY_DECLARATION) == 500000000 && risk_trust(RISK_BY_THIRD) == 850000000);

    /* rank: every product of three levels 1..3 */
    static const int64_t rate[] = { 0, 99999999, 100000000, 999999999, 1000000000 };
    static const int rate_level[] = { 1, 1, 2, 2, 3 };
    static const int64_t v[] = { 99999999, 100000000, 499999999, 500000000 };
    static const int v_level[] = { 1, 2, 2, 3 };
    static const int64_t yen[] = { 9, 10, 99, 100 };
    static const int yen_level[] = { 1, 2, 2, 3 };
    static const int rank_of[28] = { [1] = 1, [2] = 1, [3] = 2, [4] = 2, [6] = 3, [8] = 3, [9] = 3, [12] = 4, [18] = 5,
        [27] = 5 };
    for (int a = 0; a < 5; a++)
        for (int b = 0; b < 4; b++)
            for (int c = 0; c < 4; c++)
                CHECK(risk_rank(rate[a], v[b], yen[c], 100, false) == rank_of[rate_level[a] * v_level[b] * yen_level[c]]);
    CHECK(risk_rank(0, 0, 0, 100, true) == 2);

    /* NIST SP 800-30 I-2: 25 cells by count, and the corners */
    int count[5] = { 0 };
    for (int l = 0; l < 5; l++)
        for (int i = 0; i < 5; i++) count[risk_nist_level(l, i)]++;
    CHECK(count[0] + count[1] + count[2] + count[3] + count[4] == 25);
    CHECK(risk_nist_level(4, 4) == 4 && risk_nist_level(0, 4) == 1 && risk_nist_level(4, 0) == 0);
    CHECK(risk_nist_level(1, 4) == 2 && risk_nist_level(2, 4) == 3 && risk_nist_level(2, 2) == 2);
    for (int l = 0; l < 5; l++)
        for (int i = 0; i < 4; i++) {
            CHECK(risk_nist_level(l, i) <= risk_nist_level(l, i + 1));
            CHECK(risk_nist_level(i, l) <= risk_nist_level(i + 1, l));
        }
    return TEST_END;
}
