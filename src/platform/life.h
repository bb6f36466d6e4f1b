/* A device's two machines as tables: life (designed ... destroyed, lost) x trust. What is not in a
 * table cannot happen. */
#ifndef PLATFORM_LIFE_H
#define PLATFORM_LIFE_H

#include "base/outcome.h"

enum life { LIFE_NONE, LIFE_DESIGNED, LIFE_MADE, LIFE_EXPECTED, LIFE_ENROLLED, LIFE_TRANSFERRED,
    LIFE_RETIRED, LIFE_DESTROYED, LIFE_LOST, LIVES };
enum trust { TRUST_UNATTESTED, TRUST_ATTESTED, TRUST_DEGRADED, TRUST_QUARANTINED, TRUST_REVOKED, TRUSTS };

enum life_event { LIFE_INVITE, LIFE_ENROL, LIFE_TRANSFER, LIFE_RETIRE, LIFE_DESTROY, LIFE_LOSE, LIFE_EVENTS };
enum trust_event { TRUST_QUOTE_GOOD, TRUST_QUOTE_BAD, TRUST_QUOTE_OLD, TRUST_QUARANTINE, TRUST_RELEASE,
    TRUST_REVOKE, TRUST_EVENTS };

/* E_CONFLICT when the table has no such step. */
MUST outcome life_step(enum life now, enum life_event e, enum life *ret);
MUST outcome trust_step(enum trust now, enum trust_event e, enum trust *ret);
const char *life_word(enum life l);
const char *trust_word(enum trust t);
const char *life_word_ja(enum life l);
const char *trust_word_ja(enum trust t);
MUST outcome life_parse(const char *word, enum life *ret);
MUST outcome trust_parse(const char *word, enum trust *ret);
/* The words of events as entries carry them: "invite" ..., "quote-good" ... */
const char *life_event_word(enum life_event e);
const char *trust_event_word(enum trust_event e);
MUST outcome life_event_parse(const char *word, enum life_event *ret);
MUST outcome trust_event_parse(const char *word, enum trust_event *ret);

#endif
