/* The outside probe: tries at a listener what it must refuse - plaintext MQTT, TLS 1.2, TLS 1.3 without a
 * certificate - from another place than the listener's owner. Reports what was seen, judges nothing. */
#ifndef DEVICE_AGENT_PROBE_H
#define DEVICE_AGENT_PROBE_H

#include "base/mem.h"

enum probe_seen { PROBE_REFUSED, PROBE_ANSWERED, PROBE_UNREACHABLE };

struct probe {
    char host[128];
    uint16_t port;
    enum probe_seen plain, tls12, anonymous;
};

/* "host:port"; E_USAGE. */
MUST outcome probe_target(const char *text, struct probe *ret);
/* Three short connections, each at most a second and a half. authority: the site's CA, PEM. */
void probe_run(struct probe *p, struct bytes authority);
/* {"anonymous","plain","t","target","tls12"}; words refused, answered, unreachable. */
MUST outcome probe_write(const struct probe *p, int64_t wall_ms, char *text, size_t size);
/* What a first answer to one of the two raw attempts means; for tests. */
enum probe_seen probe_plain_answer(struct bytes answer);
enum probe_seen probe_tls12_answer(struct bytes answer);

#endif
