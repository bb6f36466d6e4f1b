/* The invite as the device reads it: ready for the request that enrols. */
#ifndef DEVICE_AGENT_INVITE_H
#define DEVICE_AGENT_INVITE_H

#include "crypto/hash.h"
#include "wire/invite.h"

#define AGENT_HOST_MAX INVITE_HOST_MAX

struct invitation {
    char host[AGENT_HOST_MAX];
    uint16_t port;
    char token[48];          /* base64url as it stood: the HTTP Basic password */
    char secret[48];         /* what an endorsed TPM gave back, base64; "" without */
    struct hash ca_key_hash; /* the only authority this device will believe */
};

MUST outcome invitation_read(struct bytes url, struct invitation *ret);

#endif
