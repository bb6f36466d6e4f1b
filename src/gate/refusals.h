/* Who was turned away and why, told to the core sparingly: the first of each (listener, reason,
 * source as link_source_key has it) at once, the rest as one count a minute. Bounded: past REFUSALS_MAX sources the rest
 * are counted under "other". Pure; time comes in. */
#ifndef GATE_REFUSALS_H
#define GATE_REFUSALS_H

#include "wire/link.h"

#define REFUSALS_MAX 1024
#define REFUSALS_EVERY_MS 60000

struct refusal_row {
    bool used;
    enum listener listener;
    enum link_refusal why;
    char source[LINK_ADDRESS_MAX];
    uint32_t count;  /* not yet told */
    int64_t next_ms; /* may be told again from then on */
};

struct refusals {
    struct refusal_row rows[REFUSALS_MAX + LISTENERS * LINK_REFUSAL_COUNT]; /* the last ones: "other" */
    uint32_t owed;    /* rows with a count */
    int64_t due_ms;   /* no row is due before */
};

void refusals_note(struct refusals *r, enum listener l, enum link_refusal why, const char *source,
    int64_t now_ms);
/* The next row that may be told now, already written as told; NULL when none. The caller that
 * could not pass it on gives it back with refusals_return. */
const struct refusal_row *refusals_next(struct refusals *r, int64_t now_ms, uint32_t *ret_count);
void refusals_return(struct refusals *r, const struct refusal_row *row, uint32_t count);
/* Milliseconds until something may be told, -1 when nothing is owed. */
int refusals_wait_ms(const struct refusals *r, int64_t now_ms);

#endif
