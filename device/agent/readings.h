/* What a machine can say about itself, and how a reading travels: JSON {"n":number,"t":ms,"u":unit,"v":value}; n where the
 * buffer gave it one.
 * A whole number is a JSON integer; a fraction is a string of decimals ("2.31"), exact to the digit. */
#ifndef DEVICE_AGENT_READINGS_H
#define DEVICE_AGENT_READINGS_H

#include "base/mem.h"

#define READING_NAME_MAX 32
#define READING_UNIT_MAX 16
#define READING_MAX 512

struct reading {
    char name[READING_NAME_MAX];
    char unit[READING_UNIT_MAX];
    int64_t scaled; /* value x 10^digits */
    int digits;     /* 0..3 */
    uint64_t n;     /* 0: none */
    char digest[65]; /* hex, "" = none: member "sha256" */
    bool simulated;  /* member "sim":true */
};

MUST outcome reading_write(const struct reading *r, int64_t wall_ms, char *text, size_t size);

/* Parsers of kernel texts; `text` is the whole file. */
MUST outcome reading_loadavg(struct bytes text, struct reading *ret);
MUST outcome reading_memory(struct bytes text, struct reading *ret);
MUST outcome reading_uptime(struct bytes text, struct reading *ret);
MUST outcome reading_temperature(struct bytes text, struct reading *ret);

/* Reads what this machine has; *ret_n of at most cap. Without packages. */
void readings_machine(struct reading *ret, size_t cap, size_t *ret_n);
/* Installed packages: count, and SHA-256 of dpkg's own status file. E_IO where there is none. */
MUST outcome reading_packages(const char *status_path, struct reading *ret);

#endif
