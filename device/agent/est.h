/* Enrolment over EST (RFC 7030, RFC 8951), device side: one request, one answer. */
#ifndef DEVICE_AGENT_EST_H
#define DEVICE_AGENT_EST_H

#include "device/agent/invite.h"

struct est_answer {
    int status;               /* HTTP */
    char site[64];            /* Sekimori-Site */
    uint16_t mqtt_port;       /* Sekimori-MQTT; 0 when not said */
    struct bytes body;        /* view into the response */
    size_t total;             /* bytes of the whole response */
};

/* POST /.well-known/est/simpleenroll, or simplereenroll where i has no token; ak_spki empty = no TPM. */
MUST outcome est_request_write(const struct invitation *i, struct bytes csr_der, struct bytes ak_spki,
    struct buffer *ret);
/* The step before simpleenroll for a device with an endorsed TPM (src/fleet/endorse.h): certificate DER, key TPM2B_PUBLIC. */
MUST outcome est_endorse_write(const struct invitation *i, struct bytes certificate, struct bytes ak, struct buffer *ret);
/* GET /.well-known/est/cacerts, on a connection that goes on. */
MUST outcome est_anchors_write(const struct invitation *i, struct buffer *ret);
/* E_SHORT until whole. Content-Length is required. */
MUST outcome est_answer_read(struct bytes in, struct est_answer *ret);
/* The refusal a status stands for: 401 E_DENIED .sys = 401, 409 E_CONFLICT, 410 E_EXPIRED, 429/503 E_AGAIN, ... */
MUST outcome est_status_outcome(int status);

#endif
