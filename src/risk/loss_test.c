#include "risk/loss.h"

#include "base/test.h"

int main(void)
{
    int64_t yen;
    CHECK_OK(risk_loss_mean(10000, 1000000, &yen)); /* section 8: mean 266,398.01 */
    CHECK(yen == 266398);
    CHECK_OK(risk_loss_mean(7800000, 184000000, &yen)); /* JNSA: mean 60.19 M to the interval's digits */
    CHECK(yen > 59000000 && yen < 61500000);
    CHECK_OK(risk_loss_mean(500, 500, &yen));
    CHECK(yen == 500);
    CHECK_IS(risk_loss_mean(0, 5, &yen), E_RANGE);
    CHECK_IS(risk_loss_mean(6, 5, &yen), E_RANGE);
    CHECK_IS(risk_loss_mean(1, 1000000000000001, &yen), E_RANGE);

    static const int64_t f4[3] = { 1000000000, 4000000000, 12000000000 };
    int64_t rate;
    CHECK_OK(risk_rate_update(f4, 0, 0, &rate));
    CHECK(rate > 5320000000 && rate < 5322000000); /* a / b = 1.2999 / 0.2443 = 5.3209 */
    /* half a year is 182.5 days: between 182 and 183 */
    int64_t more;
    CHECK_OK(risk_rate_update(f4, 0, 183, &rate));
    CHECK_OK(risk_rate_update(f4, 0, 182, &more));
    CHECK(rate < 1746500000 && more > 1745500000 && more - rate < 8000000);
    CHECK_OK(risk_rate_update(f4, 3, 183, &rate));
    CHECK_OK(risk_rate_update(f4, 3, 182, &more));
    CHECK(rate < 5777500000 && more > 5776500000 && more - rate < 24000000);
    CHECK_IS(risk_rate_update((int64_t[3]) { 5, 5, 5 }, 0, 1, &rate), E_RANGE);
    return TEST_END;
}
