/* What was judged a moment ago: verdicts of messages by topic, receiver and publisher, so that the same devices saying the
 * same things are not judged from the ground up each time. Never commands (their payload counts), filters, or what hangs
 * on a permit's window or a purpose; what hangs on the hour is good for its minute. One change of identities, streams, grants,
 * agreements, permits or limits makes every row stale at once. Inside access.c only. */
#ifndef PLATFORM_JUDGED_H
#define PLATFORM_JUDGED_H

#include "platform/access.h"

/* How long an answer stays: as long as nothing changes, this minute, not at all. */
enum varies { VARIES_NOT, VARIES_BY_MINUTE, VARIES_ALWAYS };

/* false: it has to be judged. */
bool judged_find(const struct access *a, const struct question *q, struct verdict *ret);
void judged_note(const struct access *a, const struct question *q, const struct verdict *v, enum varies varies);

#endif
