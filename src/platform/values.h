/* The newest good value of each topic whose stream declares a form: what readers keep while a bad one comes (hold-last), and
 * what interlocks look at. In memory; after a start found again in the record (exchange_restore_value), as old as it is there. */
#ifndef PLATFORM_VALUES_H
#define PLATFORM_VALUES_H

#include "base/map.h"
#include "base/time.h"
#include "platform/registry.h"

/* Topics kept: of all, and of one publisher, so that nobody fills the table for others. Longer payloads are not kept. */
enum { VALUES_MAX = 16384, VALUES_EACH = 64, VALUE_BYTES = 1024 };

struct value {
    char since[TIME_TEXT];   /* wall, of the good value */
    int64_t wall_ms;
    uint64_t index;          /* its entry; UINT64_MAX: not recorded */
    char entry[24];          /* the same as text */
    bool known;              /* there was a good one */
    bool marked;             /* the newest message was flagged: by a limit or a quarantine */
    bool bad;                /* the newest message broke the form */
    size_t n;
    uint8_t payload[VALUE_BYTES];
    struct value_source *source;
};

struct value_source {        /* a publisher */
    uint32_t topics, bad;    /* kept; now bad */
    bool heard;              /* a good one was told */
};

struct values;
/* Room for what a verdict says of a message; good until the next one. v may be NULL: NULL. */
char *values_said(struct values *v);
enum { VALUES_SAID = 256 };
MUST outcome values_new(struct values **ret);
void values_free(struct values *v);
/* NULL: none; v may be NULL. */
struct value *values_find(const struct values *v, struct bytes topic);
/* NULL: over a bound, or memory. from: the publisher's id. */
struct value *values_make(struct values *v, struct bytes topic, const char *from);

#endif
