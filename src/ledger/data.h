/* The payload of an ENTRY_DATA: one recorded message, as it was authorised. */
#ifndef LEDGER_DATA_H
#define LEDGER_DATA_H

#include "base/mem.h"

/* After the topic, with DATA_SESSION: field16 client id and u16 packet identifier, so that a QoS 2 message and
 * what makes it once only are one entry; with DATA_PROPERTIES: field16 of an MQTT 5 property list. */
enum { DATA_RETAIN = 1, DATA_FLAGGED = 2, DATA_JSON = 4, DATA_PROPERTIES = 8, DATA_SESSION = 16 };

struct data {
    uint8_t flags;
    uint8_t qos;
    struct bytes from;    /* registry id of the publisher */
    struct bytes topic;
    struct bytes payload;
    struct bytes session; /* client id, DATA_SESSION */
    uint16_t packet_id;
    struct bytes properties; /* DATA_PROPERTIES */
};
MUST outcome data_write(const struct data *d, struct buffer *b); /* clears b first */
MUST outcome data_read(struct bytes in, struct data *ret);

#endif
