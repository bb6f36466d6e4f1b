/* An unmanaged controller behind this gateway, over Modbus TCP. It never needs us: its own loop
 * runs on. A controller that does not answer costs at most one short wait, then a pause. */
#ifndef DEVICE_AGENT_CONTROLLER_H
#define DEVICE_AGENT_CONTROLLER_H

#include "device/agent/map_file.h"

struct controller;

/* address: "HOST:PORT" or "HOST" (port 502). Connects at first use. */
MUST outcome controller_new(const char *address, const struct map_file *map, struct controller **ret);
void controller_free(struct controller *c);
/* One row's raw value. E_IO when it is not reachable (and E_AGAIN during the pause after that). */
MUST outcome controller_read(struct controller *c, const struct map_read *row, uint16_t *ret);
MUST outcome controller_write(struct controller *c, const struct map_write *row, uint16_t raw);

#endif
