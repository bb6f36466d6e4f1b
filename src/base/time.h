/* Time as people and records write it. All in UTC, milliseconds. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/bytes.h"

#define MS_S ((int64_t)1000)
#define MS_MINUTE (60 * MS_S)
#define MS_HOUR (60 * MS_MINUTE)
#define MS_DAY (24 * MS_HOUR)

/* "2026-11-22T23:46:55.123Z"; text must hold 25. */
#define TIME_TEXT 25
void time_text(int64_t wall_ms, char *text);
/* RFC 3339 with Z; fraction optional. */
MUST outcome time_parse(struct bytes text, int64_t *ret_ms);

#endif
