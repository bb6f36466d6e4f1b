/* The reduced form of a message: what a reader below its stream's label gets where the stream declares one. Fields left out,
 * numbers and times made coarser, names replaced by keyed stable ones. Pure. What is not declared never passes, and a payload
 * that is not of its declared form has no reduced form: nobody knows what stands in it. */
#ifndef PLATFORM_REDUCE_H
#define PLATFORM_REDUCE_H

#include "platform/grants.h"

enum { REDUCE_TEXT = 240, REDUCE_NAME_BYTES = 8 };

/* Which reduction + 1 says the most of those not above `upto`; 0: none. s may be NULL. */
uint8_t reduce_choose(const struct stream *s, enum label upto);
/* key: 32 bytes, or none. ret is cleared first. E_MALFORMED: not of the declared form; E_UNSUPPORTED: it needs the key;
 * E_MEMORY, E_TOO_LARGE. */
MUST outcome reduce_form(const struct stream *s, const struct reduction *r, struct bytes payload, struct bytes key, struct buffer *ret);
/* "drop,coarsen,pseudonym": what was done, a literal. */
const char *reduce_words(const struct reduction *r);
/* For people: "internal: without note; v to 0.5 m; meter by another name". Returns text. */
const char *reduce_text(const struct stream *s, const struct reduction *r, char text[REDUCE_TEXT]);

#endif
