/* Inside declared*.c only: the pieces of a declaration that have a file of their own, and how they complain. */
#ifndef PLATFORM_DECLARED_PARTS_H
#define PLATFORM_DECLARED_PARTS_H

#include "platform/declared.h"

/* E_MALFORMED, always. w may be NULL. */
MUST outcome declared_wrong_at(struct declared_wrong *w, const struct doc *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A whole number, or a decimal as text; into thousandths. */
MUST outcome declared_milli(const struct doc *m, const char *key, struct declared_wrong *w, int64_t *ret);

/* declared_reduce.c: "reduce". The stream's label and fields were read. */
MUST outcome declared_reductions(const struct doc *d, struct stream *s, struct declared_wrong *w);
struct doc *declared_reductions_doc(struct arena *a, const struct stream *s);

/* declared_derive.c: "derive". Makes the form of what is derived. */
MUST outcome declared_derivation(const struct doc *d, struct stream *s, struct declared_wrong *w);
struct doc *declared_derivation_doc(struct arena *a, const struct stream *s);

#endif
