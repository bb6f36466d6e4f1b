/* The invite as text, "https://host:port/join#TOKEN@CAHASH": the site makes it, a device's agent reads it. Token and CA key hash are 32
 * bytes each in base64url without padding (RFC 4648, 5 and 3.2). The fragment never travels in a request line. */
#ifndef WIRE_INVITE_H
#define WIRE_INVITE_H

#include "base/bytes.h"

#define INVITE_TOKEN_BYTES 32
#define INVITE_URL_MAX 320
#define INVITE_HOST_MAX 128

struct invite_url {
    char host[INVITE_HOST_MAX];   /* a DNS name, IPv4 or IPv6 address, without brackets */
    uint16_t port;
    uint8_t token[INVITE_TOKEN_BYTES];
    uint8_t ca_key_hash[32];      /* SHA-256 of the SPKI of the only authority the device is to believe */
};

/* E_RANGE: a host or port that no URL can carry. */
MUST outcome invite_url_make(const struct invite_url *i, char url[INVITE_URL_MAX]);
/* Trusts nothing in it but its form. E_MALFORMED, E_RANGE (port), E_TOO_LARGE. */
MUST outcome invite_url_read(struct bytes url, struct invite_url *ret);
/* The token alone, as an enrolment's password carries it: 43 characters, or 44 with the padding. E_MALFORMED. */
MUST outcome invite_token_read(struct bytes text, uint8_t ret[INVITE_TOKEN_BYTES]);

#endif
