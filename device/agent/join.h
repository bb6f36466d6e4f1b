/* Becoming a member: own key, certificate by EST, everything kept in the state folder. */
#ifndef DEVICE_AGENT_JOIN_H
#define DEVICE_AGENT_JOIN_H

#include "device/agent/est.h"
#include "device/agent/state.h"
#include "device/agent/tpm.h"

/* t may be NULL (no TPM); tcti is kept for later, "" without. E_CONFLICT when somebody joined here.
 * The certificate must be for our own key; its CN is the id. */
MUST outcome join_site(const char *url, const char *dir, struct tpm *t, const char *tcti);
/* The certificate a site issued for s's key and id, in memory and on disk; s stays as it was where it is not one. */
MUST outcome join_certificate_keep(struct state *s, const struct est_answer *a);
/* Whom the site says to trust, in memory and on disk. E_CRYPTO: nobody of them was trusted so far; s stays as it was. */
MUST outcome join_anchors_keep(struct state *s, const struct est_answer *a);

#endif
