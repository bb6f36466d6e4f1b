/* What numbers a recorded message holds: one way of reading for whoever indexes and whoever reads the record itself. Pure. */
#ifndef HISTORY_READING_H
#define HISTORY_READING_H

#include "wire/flat.h"

/* Kinds of series; ids are on disk. OTHER: messages of a subject that has too many series, found by reading them. */
enum reading_kind { READING_MAIN, READING_FIELD, READING_TEXT, READING_OTHER };
enum { READING_FIELDS = 8, READING_TEXT_MOST = 256 };

struct reading_value {
    enum reading_kind kind;
    struct bytes field; /* its name; "" for a payload that is one number, and for READING_TEXT */
    int64_t milli;      /* 0 for READING_TEXT */
};
struct said {
    struct flat flat;    /* what the views point into, with the payload */
    int64_t measured_ms; /* its own time ("t", milliseconds), else when it was recorded */
    struct bytes unit;   /* "u", or none */
    struct reading_value at[1 + READING_FIELDS]; /* the first is READING_MAIN or READING_TEXT: one for each message */
    size_t n;
};
/* MAIN: "v", else "value", else the whole payload as a number. FIELD: the first other numbers by name. */
void reading_of(struct bytes payload, int64_t recorded_ms, struct said *ret);
/* The value asked for: by name, or "" for the first one. NULL: it has none. */
const struct reading_value *reading_get(const struct said *r, const char *field);

#endif
