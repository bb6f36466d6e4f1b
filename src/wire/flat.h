/* A flat JSON object as readings are: names with numbers, texts, truths. Nothing nested, no name twice, at most
 * FLAT_MAX members; numbers (also quoted ones: "1.25") become thousandths. Bytes of strangers: bounded, no recursion. */
#ifndef WIRE_FLAT_H
#define WIRE_FLAT_H

#include "base/bytes.h"

enum { FLAT_MAX = 24, FLAT_NAME_MAX = 32 };
enum flat_kind { FLAT_NUMBER, FLAT_TEXT, FLAT_TRUTH, FLAT_NULL };

struct flat_member {
    struct bytes name, raw;  /* views; raw: as written, a text with its quotes */
    struct bytes text;       /* of a text: between its quotes, escapes as written */
    enum flat_kind kind;
    bool numeric;            /* milli holds: a number, or a text that is one */
    int64_t milli;
};
struct flat {
    struct flat_member at[FLAT_MAX];
    size_t n;
};

/* E_MALFORMED, E_FULL, E_RANGE (a number beyond 9 x 10^12). */
MUST outcome flat_read(struct bytes json, struct flat *ret);
const struct flat_member *flat_get(const struct flat *f, const char *name); /* NULL if absent */
/* "-12.5" -> -12500; more than three places are cut. E_MALFORMED, E_RANGE. */
MUST outcome flat_decimal(struct bytes text, int64_t *ret_milli);

#endif
