/* What an unmanaged controller's registers mean: a small reviewed file.
 *   station = 1                                  Modbus unit id (1 when not said)
 *   read.level-upper = input 0 100 m             kind address divisor unit
 *   command.pump.start = coil 0 1                kind address value: written as it is
 *   command.pump.set = set 2 10 0 50 Hz          address divisor lowest highest unit: the value given
 *   away = 3600 pump stop                        after so many seconds without a site: that fixed command, once
 * Kinds: coil discrete holding input; divisors 1 10 100 1000. */
#ifndef DEVICE_AGENT_MAP_FILE_H
#define DEVICE_AGENT_MAP_FILE_H

#include "device/agent/readings.h"

#define MAP_ROWS_MAX 64
#define MAP_DO_MAX 16

enum map_kind { MAP_COIL, MAP_DISCRETE, MAP_HOLDING, MAP_INPUT, MAP_KINDS };

struct map_read {
    char name[READING_NAME_MAX];
    enum map_kind kind;
    uint16_t address;
    int digits; /* divisor = 10^digits */
    char unit[READING_UNIT_MAX];
};

struct map_write {
    char name[READING_NAME_MAX];
    char act[MAP_DO_MAX];
    enum map_kind kind; /* MAP_COIL or MAP_HOLDING */
    uint16_t address;
    bool given; /* the command carries the value, within low..high, scaled by 10^digits */
    uint16_t value;
    uint32_t low, high;
    int digits;
};

struct map_file {
    int station;
    size_t reads, writes;
    uint32_t away_s; /* 0: nothing declared; what was set last stays set */
    char away_name[READING_NAME_MAX], away_act[MAP_DO_MAX];
    struct map_read read[MAP_ROWS_MAX];
    struct map_write write[MAP_ROWS_MAX];
};

/* E_CONFIG, E_RANGE, E_UNKNOWN (key), E_CONFLICT (twice), ... with the line. */
MUST outcome map_file_read(struct bytes text, struct map_file *ret, int *ret_line);
/* NULL when the map does not know it. */
const struct map_write *map_file_write_find(const struct map_file *m, const char *name, const char *act);
/* A value in thousandths to the register's number; E_RANGE outside low..high or finer than a step. */
MUST outcome map_file_raw(const struct map_write *w, int64_t value_milli, uint16_t *ret);

#endif
