/* One device's session with its site: topics, challenges, commands, readings. `run` has one, `run
 * --sim` many. The caller polls, lends the TPM, and says when to measure. */
#ifndef DEVICE_AGENT_STATION_H
#define DEVICE_AGENT_STATION_H

#include "client/mqtt_client.h"
#include "device/agent/command.h"
#include "device/agent/controller.h"
#include "device/agent/deliver.h"
#include "device/agent/evidence.h"
#include "device/agent/head.h"
#include "device/agent/renew.h"
#include "device/agent/state.h"

#define STATION_TOPIC_MAX 256

enum station_told { STATION_SESSION, STATION_DOWN, STATION_EVIDENCE, STATION_NO_EVIDENCE, STATION_COMMAND,
    STATION_REFUSED, STATION_RENEWED, STATION_NOT_RENEWED, STATION_HEAD_BACK, STATION_NOT_KEPT, STATION_ALONE, STATION_OPERATED };

struct station_setup {
    const char *version;            /* of the device's image */
    const char *suffix;             /* "/attest" for a second session of one identity, "" else */
    bool simulated;
    bool commands;                  /* subscribe cmd/+ and carry out */
    bool challenges;                /* subscribe att/challenge */
    bool renews;                    /* looks after its certificate */
    bool witness;                   /* keeps the record's heads */
    uint64_t buffer_bytes;          /* readings go by the buffer on disk (deliver.h); 0: from memory, as they come */
    uint32_t sync_ms;               /* of that buffer */
    const struct map_file *map;     /* NULL: no controller */
    struct controller *controller;
    void *ctx;
    /* What people may want to know; the caller decides whether to print. detail is one word or "". */
    void (*tell)(void *ctx, const char *device, enum station_told what, const char *detail);
};

struct station {
    struct station_setup setup;
    struct state state;
    struct tls_context *tls;
    struct mqtt_client mqtt;
    struct renewal renewal;
    struct deliver deliver;         /* .spool NULL: no buffer */
    int64_t alone_since_ms;         /* monotonic; 0 while there is a session */
    bool away;                      /* the map's declared settings were written */
    char client_id[96], filter_command[STATION_TOPIC_MAX], filter_challenge[STATION_TOPIC_MAX], filter_head[STATION_TOPIC_MAX], filter_renew[STATION_TOPIC_MAX];
    int64_t head_next_ms;           /* monotonic: when to show the kept head again */
    struct command_seen seen;
    bool challenged;
    struct challenge challenge;
    uint32_t evidence_ticket;       /* of the last evidence sent */
    bool evidence_acknowledged;
    int64_t next_ms;                /* monotonic: when to measure next */
    int64_t simulated_level;        /* state of a simulated device */
    bool simulated_pump;
};

/* Takes over *state, also when refusing. `s` must not move afterwards. */
MUST outcome station_init(struct station *s, struct state *state, const struct station_setup *setup);
void station_deinit(struct station *s);
/* tail: "m/level-upper" and so on, under sk/v1/<site>/<device>/ . */
MUST outcome station_publish(struct station *s, const char *tail, struct bytes payload, bool retain);
MUST outcome station_reading(struct station *s, const struct reading *r, int64_t wall_ms);
/* Within the map's rows and bounds, whoever asks: the site's command or a person at the device. */
enum command_result station_execute(struct station *s, const struct command *c);
#define STATION_FDS 3
struct pollfd;
/* Fills STATION_FDS entries to poll; after that, one turn with what they found. */
void station_polls(const struct station *s, struct pollfd *ret);
int station_wait_ms(const struct station *s, int64_t now_ms);
void station_turn(struct station *s, const struct pollfd *polled, int64_t now_ms);
/* Answers the waiting challenge with a quote of t. */
void station_answer(struct station *s, struct tpm *t);

#endif
