/* Strict `key = value` files: one pair a line, `#` comments. Names the line of a refusal. */
#ifndef DEVICE_AGENT_SETTINGS_H
#define DEVICE_AGENT_SETTINGS_H

#include "base/bytes.h"

typedef outcome (*settings_put)(void *ctx, struct bytes key, struct bytes value);

/* Calls each for every pair in order; its refusal ends the reading. *ret_line is where it ended. */
MUST outcome settings_read(struct bytes text, settings_put each, void *ctx, int *ret_line);

/* The next word of a value (blank-separated); E_SHORT when there is none. */
MUST outcome settings_word(struct bytes *in, struct bytes *ret);
/* A whole unsigned decimal number of at most max. */
MUST outcome settings_number(struct bytes text, uint32_t max, uint32_t *ret);

#endif
