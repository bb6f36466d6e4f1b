/* What a device keeps: a folder of mode 0700 with its key (0600), certificate, its site's authority
 * and where to connect. Secrets are wiped from memory when it is freed. */
#ifndef DEVICE_AGENT_STATE_H
#define DEVICE_AGENT_STATE_H

#include "crypto/x509.h"
#include "device/agent/invite.h"

#define AGENT_PATH_MAX 256
#define AGENT_ID_MAX 64

struct state {
    char dir[AGENT_PATH_MAX];
    char device[AGENT_ID_MAX]; /* from the certificate: the invite decided it */
    char site[AGENT_ID_MAX];
    char host[AGENT_HOST_MAX];
    uint16_t mqtt_port, est_port;
    char tcti[128];            /* "" = no TPM */
    struct key *key;
    struct buffer certificate; /* PEM, leaf first */
    struct buffer authority;   /* PEM, what the invite's hash pinned */
    struct buffer ak;          /* attestation key blob, empty without a TPM */
    struct buffer head;        /* newest signed head of the site's record, empty before the first */
    int64_t not_after_ms;
};

#define STATE_BUFFER "buffer" /* folder of what waits to be sent (spool.h) */

/* E_UNKNOWN when nobody joined here. */
MUST outcome state_load(const char *dir, struct state *ret);
void state_free(struct state *s);
/* Writes all of it; the certificate last, so that what loads is complete. */
MUST outcome state_store(const struct state *s);
/* The certificate alone, for a renewal: whole or as it was. */
MUST outcome state_store_certificate(const struct state *s);
/* s->head alone. */
MUST outcome state_store_authority(const struct state *s);
/* One agent at a time for a folder; held until the process ends. E_FULL: another one runs there. */
MUST outcome state_claim(const char *dir);
MUST outcome state_store_head(const struct state *s);
bool state_exists(const char *dir);
/* Overwrites and removes key, attestation key blob, certificate and settings. */
MUST outcome state_wipe(const char *dir);
/* /var/lib/sekimori-agent for root, else under $XDG_STATE_HOME or ~/.local/state. */
MUST outcome state_default_dir(char ret[AGENT_PATH_MAX]);

#endif
