/* Brings what the buffer keeps to the site: in order, each once (MQTT QoS 2, a session of its own that outlives links,
 * identifiers that follow from the rows' numbers), and says by number what the buffer had to give up. Nothing is sent
 * before it is synced, and no identifier is freed before the buffer remembers it. */
#ifndef DEVICE_AGENT_DELIVER_H
#define DEVICE_AGENT_DELIVER_H

#include "client/mqtt_client.h"
#include "device/agent/origin.h"
#include "device/agent/spool.h"

#define DELIVER_WINDOW 32
#define DELIVER_TOPIC_MAX 256

enum deliver_stage { DELIVER_SENT, DELIVER_TAKEN, DELIVER_RELEASED };

struct deliver {
    struct spool *spool;
    struct mqtt_client mqtt;
    struct origin origin;       /* of what is not signed yet */
    const struct key *key;      /* signs batches; not owned */
    const char *site, *device;
    char prefix[DELIVER_TOPIC_MAX - SPOOL_TAIL_MAX]; /* sk/v1/<site>/<device>/ */
    char client_id[96];
    uint32_t sync_ms;
    int64_t sync_at_ms;         /* monotonic; 0: nothing waits for it */
    uint64_t synced, sent;      /* rows up to here are on the disk / were sent in this session */
    uint64_t again_to;          /* rows up to here may have been sent in an earlier one */
    struct { uint64_t n; enum deliver_stage stage; } under_way[2 * DELIVER_WINDOW]; /* in order */
    size_t under_way_n;
    uint64_t refused;           /* by the site, which has recorded so */
    int64_t down_since_ms;      /* monotonic; 0 while there is a session */
    bool was_up;
};

struct deliver_setup {
    struct tls_context *tls;    /* not owned */
    const char *host, *site, *device;
    const struct key *key;      /* not owned; P-256, else nothing is signed */
    uint16_t port;
    uint32_t sync_ms;
};

/* Takes over the spool, also when refusing. d must not move afterwards. */
MUST outcome deliver_init(struct deliver *d, struct spool *s, const struct deliver_setup *setup);
void deliver_deinit(struct deliver *d);
/* The number of what is put next, then putting it. */
static inline uint64_t deliver_next(const struct deliver *d)
{
    return spool_next(d->spool);
}
MUST outcome deliver_put(struct deliver *d, const char *tail, struct bytes payload, int64_t wall_ms);
int deliver_wait_ms(const struct deliver *d, int64_t now_ms);
void deliver_turn(struct deliver *d, short revents, int64_t now_ms);
/* Seconds without a session. */
int64_t deliver_alone_ms(const struct deliver *d, int64_t now_ms);

#endif
