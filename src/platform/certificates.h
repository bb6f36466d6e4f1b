/* Every certificate a device was given and that is not over by its date: which of them somebody who asks (a CRL, OCSP) must
 * be told is no longer good, since when and why. Part of the registry's fold; admission itself goes by the key. */
#ifndef PLATFORM_CERTIFICATES_H
#define PLATFORM_CERTIFICATES_H

#include "base/map.h"

enum { CERTIFICATE_SERIAL = 20, CERTIFICATE_AUTHORITY = 8,
    CERTIFICATES_EACH = 16 }; /* good at one time for one device: more renewals wait for the oldest to end */

/* RFC 5280, 5.3.1 */
enum ended { ENDED_UNSPECIFIED = 0, ENDED_KEY = 1, ENDED_AFFILIATION = 3, ENDED_SUPERSEDED = 4, ENDED_CESSATION = 5 };

struct certificate {
    uint8_t serial[CERTIFICATE_SERIAL];
    uint8_t serial_n;
    char id[64];
    uint8_t key_hash[32];
    uint8_t authority[CERTIFICATE_AUTHORITY]; /* the issuer's key; zeros: of a record that did not say */
    int64_t not_after_ms;
    int64_t ended_ms;         /* 0: good; once ended it stays so */
    enum ended reason;
    struct certificate *next; /* of the same device */
};

struct certificates {
    struct map serials, heads; /* heads: id -> its newest */
};
#define CERTIFICATES ((struct certificates) { MAP, MAP })

struct identity;
/* The certificate that i names, if it is new; those of the same device that ended before at_ms are forgotten. E_MEMORY. */
MUST outcome certificates_add(struct certificates *c, const struct identity *i, int64_t at_ms);
/* What i's state ends, ends. */
void certificates_end(struct certificates *c, const struct identity *i, int64_t at_ms);
const struct certificate *certificates_find(const struct certificates *c, struct bytes serial);
/* How many of a device's are good at this time. */
size_t certificates_good(const struct certificates *c, const char *id, int64_t at_ms);
/* In no order; start with *at = 0. NULL: no more. */
const struct certificate *certificates_next(const struct certificates *c, size_t *at);
void certificates_deinit(struct certificates *c);

#endif
