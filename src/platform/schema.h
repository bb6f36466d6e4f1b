/* The declared form of a payload: fields, their types, units and ranges. Reads what devices say: bounded, no recursion, and
 * what it says of a message holds nothing of it but numbers as read. */
#ifndef PLATFORM_SCHEMA_H
#define PLATFORM_SCHEMA_H

#include "platform/registry.h"

enum { SCHEMA_TEXT = 160 };
enum breach { BREACH_NONE, BREACH_FORM, BREACH_MISSING, BREACH_OTHER, BREACH_TYPE, BREACH_UNIT, BREACH_RANGE, BREACHES };
const char *breach_word(enum breach b); /* "schema-range" ... */

/* text: what broke it, with field, unit and range; untouched where nothing did. A stream without fields takes anything. */
enum breach schema_judge(const struct stream *s, struct bytes payload, char text[SCHEMA_TEXT]);
/* A number out of a payload of this stream, in thousandths; *ret_unit: as declared. E_UNKNOWN: no such declared number,
 * or not there. */
MUST outcome schema_number(const struct stream *s, struct bytes payload, const char *field, int64_t *ret_milli, const char **ret_unit);
/* "-12.5 m"; size at least 40. */
const char *schema_milli(int64_t milli, const char *unit, char *text, size_t size);

#endif
