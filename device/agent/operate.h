/* Operations at the device itself, by a person: `sekimori-agent operate` proves who it is and hands the operation to the running
 * agent over a socket in the state folder (0600; the peer must be the same user or root), one packet each way. The agent carries
 * it out within the map, as it does a command, and puts e/operation into the buffer: {"n","t","person","identity","what",
 * "value"?,"result"}. A wrong PIN is told in the same way ("refused-pin"), and nothing is carried out. What `person check`
 * found goes the same way. */
#ifndef DEVICE_AGENT_OPERATE_H
#define DEVICE_AGENT_OPERATE_H

#include "device/agent/person.h"
#include "device/agent/station.h"

#define OPERATION_MAX 1024
#define OPERATION_VALUE_MAX 12

struct pollfd;

struct operation {
    char person[PERSON_NAME_MAX];
    bool declared;        /* by the shift list; else the person's PIN was checked */
    bool wrong_pin;       /* only to be told */
    char name[READING_NAME_MAX], act[MAP_DO_MAX], value[OPERATION_VALUE_MAX]; /* value "" = none */
};

/* "pump.start", "pump.set" with a value; value NULL = none. E_USAGE. */
MUST outcome operation_of(const char *what, const char *value, struct operation *ret);
/* The packet to the agent, and back; E_MALFORMED for anything else. */
MUST outcome operation_write(const struct operation *o, struct buffer *ret);
MUST outcome operation_read(struct bytes packet, struct operation *ret);
/* The row for the record. n 0: without a number. */
MUST outcome operation_row(const struct operation *o, const char *result, uint64_t n, int64_t wall_ms, struct buffer *ret);

/* What `sekimori-agent person check` found, for the record: e/people {"n","t","persons","default_pin"}. */
struct people_probe {
    uint32_t persons, default_pin; /* how many there are, and of them with a common or empty PIN */
};
MUST outcome people_probe_read(struct bytes packet, struct people_probe *ret); /* E_MALFORMED */
MUST outcome people_probe_row(const struct people_probe *p, uint64_t n, int64_t wall_ms, struct buffer *ret);

struct local {
    int listener, asker; /* -1: none; one asks at a time */
    int64_t asker_until_ms;
    char path[AGENT_PATH_MAX + 32];
};
/* The folder must be claimed: a socket left there is nobody's. */
MUST outcome local_open(const char *dir, struct local *ret);
void local_close(struct local *l);
void local_poll(const struct local *l, struct pollfd *ret);
int local_wait_ms(const struct local *l, int64_t now_ms);
void local_turn(struct local *l, struct station *s, short revents, int64_t now_ms);

/* From the command: hands it over, the agent's word for what became of it. E_CLOSED: no agent runs here; E_TIMEOUT:
 * it took it and did not answer, which may mean carried out. */
MUST outcome local_ask(const char *dir, const struct operation *o, char ret_result[32]);
MUST outcome local_tell(const char *dir, const struct people_probe *p); /* E_CLOSED the same */

#endif
