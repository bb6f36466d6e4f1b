#include "device/agent/controller.h"

#include <errno.h>
#include <modbus.h>
#include <stdio.h>

#include "base/port/port.h"

enum {
    ANSWER_MS = 300,
    PAUSE_MS = 2000,
};

struct controller {
    modbus_t *bus;
    bool up;
    int64_t pause_until_ms;
};

static MUST outcome address_split(const char *address, char *host, size_t size, char service[8])
{
    const char *colon = strrchr(address, ':');
    size_t n = colon != NULL ? (size_t)(colon - address) : strlen(address);
    if (n == 0) return REFUSE(E_USAGE);
    TRY(bytes_to_text(bytes_of(address, n), host, size));
    int wrote = snprintf(service, 8, "%s", colon != NULL ? colon + 1 : "502");
    return wrote > 0 && wrote < 8 ? DONE : REFUSE(E_USAGE);
}

outcome controller_new(const char *address, const struct map_file *map, struct controller **ret)
{
    char host[128], service[8];
    TRY(address_split(address, host, sizeof host, service));
    struct controller *c = mem_new(sizeof *c);
    if (c == NULL) return REFUSE(E_MEMORY);
    c->bus = modbus_new_tcp_pi(host, service);
    if (c->bus == NULL || modbus_set_slave(c->bus, map->station) != 0
        || modbus_set_response_timeout(c->bus, 0, ANSWER_MS * 1000) != 0) {
        controller_free(c);
        return REFUSE(E_USAGE);
    }
    *ret = c;
    return DONE;
}

void controller_free(struct controller *c)
{
    if (c == NULL) return;
    if (c->up) modbus_close(c->bus);
    if (c->bus != NULL) modbus_free(c->bus);
    mem_free(c);
}

static MUST outcome up(struct controller *c)
{
    if (c->up) return DONE;
    if (port_mono_ms() < c->pause_until_ms) return REFUSE(E_AGAIN);
    if (modbus_connect(c->bus) != 0) {
        c->pause_until_ms = port_mono_ms() + PAUSE_MS;
        return REFUSE_SYS(E_IO, errno);
    }
    c->up = true;
    return DONE;
}

/* An exception answer leaves the connection good; anything else ends it. */
static MUST outcome answered(struct controller *c, int count)
{
    int why = errno;
    if (count == 1) return DONE;
    if (why > MODBUS_ENOBASE && why < EMBBADCRC) return REFUSE_SYS(E_DENIED, why);
    modbus_close(c->bus);
    c->up = false;
    c->pause_until_ms = port_mono_ms() + PAUSE_MS;
    return REFUSE_SYS(E_IO, why);
}

outcome controller_read(struct controller *c, const struct map_read *row, uint16_t *ret)
{
    uint16_t word = 0;
    uint8_t bit = 0;
    int count = -1;
    TRY(up(c));
    switch (row->kind) {
    case MAP_COIL: count = modbus_read_bits(c->bus, row->address, 1, &bit); break;
    case MAP_DISCRETE: count = modbus_read_input_bits(c->bus, row->address, 1, &bit); break;
    case MAP_HOLDING: count = modbus_read_registers(c->bus, row->address, 1, &word); break;
    case MAP_INPUT: count = modbus_read_input_registers(c->bus, row->address, 1, &word); break;
    case MAP_KINDS: break;
    }
    TRY(answered(c, count));
    *ret = row->kind == MAP_COIL || row->kind == MAP_DISCRETE ? bit : word;
    return DONE;
}

outcome controller_write(struct controller *c, const struct map_write *row, uint16_t raw)
{
    outcome o = REFUSE(E_AGAIN);
    c->pause_until_ms = 0; /* a command does not wait out a reading's pause */
    for (int attempt = 0; attempt < 2 && !ok(o); attempt++) { /* once more on a connection gone stale */
        TRY(up(c));
        o = answered(c, row->kind == MAP_COIL ? modbus_write_bit(c->bus, row->address, raw)
                                              : modbus_write_register(c->bus, row->address, raw));
        if (o.code == E_DENIED) return o;
        if (attempt == 0) c->pause_until_ms = 0;
    }
    return o;
}
