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

/* "90s", "30m", "24h", "7d"; more than 0. E_MALFORMED, E_RANGE. */
MUST outcome time_length(struct bytes text, int64_t *ret_ms);

/* The wall clock as what expires must see it: it follows the machine's forward and never goes back; set back, it goes on
 * by the monotonic clock, a tenth slower until the machine's has caught up. Zero is its start. */
#define CLOCK_JUMP_MS MS_MINUTE
struct steady {
    bool started;
    int64_t wall_ms, mono_ms;         /* what it said, and when */
    int64_t machine_ms, machine_mono; /* the machine's clock at the last look */
};
/* ret_jump_ms: by how much the machine's clock jumped since the last look, when that is CLOCK_JUMP_MS or more, else 0. */
int64_t steady_look(struct steady *s, int64_t wall_ms, int64_t mono_ms, int64_t *ret_jump_ms);

#endif
