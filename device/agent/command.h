/* Commands as they arrive, whether they may be carried out, and the receipt that says what happened.
 * cmd/<name>: {"do":"start|stop|set|...","value":N or "decimal","id":"...","expires":ms}.
 * cmd/<name>/reply: DSSE over {"at","command","device","do","id","payload_sha256","result"}. */
#ifndef DEVICE_AGENT_COMMAND_H
#define DEVICE_AGENT_COMMAND_H

#include "crypto/sign.h"
#include "device/agent/map_file.h"

#define COMMAND_ID_MAX 64
#define COMMAND_SEEN_MAX 64
#define COMMAND_PAYLOAD_MAX 4096
#define RECEIPT_TYPE "application/vnd.sekimori.receipt+json"

struct command {
    char name[READING_NAME_MAX];
    char act[MAP_DO_MAX];   /* "do" */
    char id[COMMAND_ID_MAX]; /* "" when none */
    bool has_value;
    int64_t value_milli;
    int64_t expires_ms;     /* 0 = not said: the server's bound holds */
    uint8_t payload_hash[32];
};

#define COMMAND_RESULTS(X)                                                                         \
    X(COMMAND_DONE, "done") X(COMMAND_EXPIRED, "refused-expired")                                  \
    X(COMMAND_DUPLICATE, "refused-duplicate") X(COMMAND_UNKNOWN, "refused-unknown")                \
    X(COMMAND_RANGE, "refused-out-of-range") X(COMMAND_MALFORMED, "refused-malformed")             \
    X(COMMAND_FAILED, "failed-controller")
enum command_result {
#define X(name, word) name,
    COMMAND_RESULTS(X)
#undef X
};
const char *command_result_word(enum command_result r);

struct command_seen { /* the last ids carried out; a redelivery is answered, not repeated */
    char ids[COMMAND_SEEN_MAX][COMMAND_ID_MAX];
    size_t next;
};

/* name: the topic level after cmd/. Fills what it could (name, payload_hash) even when refusing. */
MUST outcome command_read(struct bytes name, struct bytes payload, struct command *ret);
/* COMMAND_DONE = carry it out. The safe direction ("stop") is never too late and never a duplicate. */
enum command_result command_judge(const struct command *c, struct command_seen *seen, int64_t now_ms);
MUST outcome receipt_write(const struct command *c, enum command_result result, const char *device,
    const struct key *key, int64_t now_ms, struct buffer *ret);

#endif
