/* Interlocks: what a command may be given under, by the newest good value of another stream. Pure but for the values it reads. */
#ifndef PLATFORM_INTERLOCK_H
#define PLATFORM_INTERLOCK_H

#include "platform/values.h"

enum interlock_state { INTERLOCK_GOOD, INTERLOCK_BROKEN, INTERLOCK_UNKNOWN };
enum { INTERLOCK_TEXT = 256 };

/* Is it about this order ("do" of the command)? */
bool interlock_meets(const struct interlock *k, const char *order);
/* UNKNOWN: never heard, too old, marked or broken in its form, or in another unit. ret: what was seen and what is wanted. */
enum interlock_state interlock_judge(const struct interlock *k, const struct registry *r, const struct values *v, int64_t now_ms,
    char ret[INTERLOCK_TEXT]);

#endif
