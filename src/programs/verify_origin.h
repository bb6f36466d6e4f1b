/* `sekimori-verify origin`: what of a record its devices themselves signed. */
#ifndef PROGRAMS_VERIFY_ORIGIN_H
#define PROGRAMS_VERIFY_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

struct origin_request {
    const char *path, *keys, *key; /* keys NULL: data-keys beside the record; key "": the record's own */
    bool ja, one;
    uint64_t index; /* the entry asked for, when `one` */
};
/* The exit code of sekimori-verify. */
int verify_origin(const struct origin_request *r);

#endif
