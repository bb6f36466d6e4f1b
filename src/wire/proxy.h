/* The PROXY protocol, version 2, binary: what a load balancer says before the first byte of its client. Only the
 * client's address is used; extensions are skipped. Bounded; pure. (haproxy, proxy-protocol.txt, 2.2) */
#ifndef WIRE_PROXY_H
#define WIRE_PROXY_H

#include "wire/link.h"

#define PROXY_MAX 536u /* 16 of head and what 2.2 asks a receiver to take */

/* ret_n: bytes of the header. ret_source: the client's numeric address, "" for the balancer's own checks (LOCAL).
 * E_SHORT until it is whole; E_MALFORMED; E_TOO_LARGE over PROXY_MAX; E_UNSUPPORTED: neither TCP over IPv4 nor IPv6. */
MUST outcome proxy_take(struct bytes in, size_t *ret_n, char ret_source[LINK_ADDRESS_MAX]);

#endif
