/* Which measures a design cannot do without: the cheapest set for which a condition holds that only gets
 * better with more of them. Exact for up to 20, otherwise a set from which nothing can be left out. */
#ifndef RISK_REQUIRE_H
#define RISK_REQUIRE_H

#include "risk/engine.h"

#define RISK_REQUIRE_MAX 64
#define RISK_REQUIRE_EXACT 20

struct risk_requirement {
    size_t n;                       /* measures */
    const int64_t *cost;            /* of each, >= 0 */
    bool (*enough)(void *ctx, uint64_t set); /* monotone: a superset of an enough set is enough */
    void *ctx;
};
/* E_UNKNOWN when not even all are enough; E_TOO_LARGE over RISK_REQUIRE_MAX. *ret_exact: no cheaper set exists. */
MUST outcome risk_require(const struct risk_requirement *r, uint64_t *ret_set, bool *ret_exact);

#endif
