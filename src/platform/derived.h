/* Derived streams: a declared stream that is computed from others, here and nowhere else. What its declaration must fulfil beside
 * the streams it names, and its label: the highest of its inputs, unless a reduction says lower. */
#ifndef PLATFORM_DERIVED_H
#define PLATFORM_DERIVED_H

#include "platform/grants.h"

enum { DERIVED_TEXT = 200 };
const char *derive_word(enum derive_how how); /* "mean" ...; "" for none */

/* NULL: good beside these streams. Else what is wrong, in text. A stream that is no derivation is wrong only where another hangs on it. */
const char *derived_wrong(const struct registry *r, const struct stream *s, char text[DERIVED_TEXT]);
/* The label it has now; inputs may have been declared anew. */
enum label derived_label(const struct registry *r, const struct stream *s);

/* What a derived message says of where it is from: user properties, kept with it in the record. */
#define DERIVED_BY "sk-derived"   /* the stream's name */
#define DERIVED_INPUTS "sk-inputs" /* "4711-4790 n=60 left-out=2": entries of the record, how many counted, how many were marked or no number */
struct derived_inputs { uint64_t first, last, n, left_out; };
MUST outcome derived_inputs_read(struct bytes text, struct derived_inputs *ret);

#endif
