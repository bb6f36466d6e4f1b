/* What rooms state about themselves and others: who measured what about whom, when, how, with
 * what result, authenticated by whom. Facts go into a sink; assurance makes figures, conditions
 * and limits of them. No room but assurance judges a fact. */
#ifndef BASE_FACT_H
#define BASE_FACT_H

#include "base/outcome.h"

enum fact_result { FACT_NONE, FACT_PASS, FACT_FAIL, FACT_ERROR, FACT_RESULTS };

/* How it was seen; sets the trust tau of risk-method.md section 2. */
enum fact_method {
    FACT_BY_GATE,        /* seen or enforced by our own gate or core: 1.00 */
    FACT_BY_QUOTE,       /* TPM quote: 1.00 */
    FACT_BY_AGENT,       /* signed agent report: 0.90 */
    FACT_BY_THIRD,       /* third-party report: 0.85 */
    FACT_BY_PEER,        /* peer statement: 0.70 */
    FACT_BY_DECLARATION, /* human declaration: 0.50 */
    FACT_METHODS
};

#define FACT_CONTROL_MAX 16
#define FACT_ASSET_MAX 64
#define FACT_DETAIL_MAX 160

struct fact {
    char control[FACT_CONTROL_MAX]; /* catalogue id: "C5", "C8b" */
    char asset[FACT_ASSET_MAX];     /* device id, stream, "site" */
    enum fact_result result;
    enum fact_method method;
    bool authenticated; /* false: shown, but never alone tightens a limit */
    bool confirmed;     /* a confirmed adverse event (tier B), not only a failed check */
    int64_t at_ms;      /* wall clock */
    char detail[FACT_DETAIL_MAX]; /* stable English word or reason code, e.g. "pcr-mismatch" */
};

struct fact_sink {
    void *ctx;
    void (*put)(void *ctx, const struct fact *fact);
};

static inline void fact_put(const struct fact_sink *s, const struct fact *f)
{
    s->put(s->ctx, f);
}

#endif
