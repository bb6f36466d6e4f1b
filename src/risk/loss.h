/* The two places where floating point is allowed: making an input from what a person answered. The
 * result is rounded once and stored; nothing downstream sees a real number. */
#ifndef RISK_LOSS_H
#define RISK_LOSS_H

#include "risk/engine.h"

/* Mean of the lognormal with these 5 % and 95 % points, to the yen. E_RANGE unless 0 < low <= high <= 1e15. */
MUST outcome risk_loss_mean(int64_t low_yen, int64_t high_yen, int64_t *ret_yen);
/* Rate after `events` authenticated events in `days` days, from the 90 % interval lo, mid, hi (gamma prior
 * matched to the lognormal's moments). ppb a year. E_RANGE unless 0 < lo < hi and mid > 0. */
MUST outcome risk_rate_update(const int64_t prior_ppb[3], uint32_t events, uint32_t days, int64_t *ret_ppb);
/* The same as a whole interval: the mean in the middle (the printed figures), the 95 % point of the matched
 * lognormal above, never below the mean; the 5 % point below. */
MUST outcome risk_rate_live(const int64_t prior_ppb[3], uint32_t events, uint32_t days, int64_t ret_ppb[3]);

#endif
