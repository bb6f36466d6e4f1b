/* The payload of an ENTRY_DATA: one recorded message, as it was authorised. */
#ifndef LEDGER_DATA_H
#define LEDGER_DATA_H

#include "base/mem.h"

enum { DATA_RETAIN = 1, DATA_FLAGGED = 2, DATA_JSON = 4 };

struct data {
    uint8_t flags;
    uint8_t qos;
    struct bytes from;    /* registry id of the publisher */
    struct bytes topic;
    struct bytes payload;
};
MUST outcome data_write(const struct data *d, struct buffer *b); /* clears b first */
MUST outcome data_read(struct bytes in, struct data *ret);

#endif
