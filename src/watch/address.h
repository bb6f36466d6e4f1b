/* Addresses as packets carry them, and foreign text made safe to show. Pure. */
#ifndef WATCH_ADDRESS_H
#define WATCH_ADDRESS_H

#include "base/bytes.h"

struct address {
    uint8_t family; /* 4, 6; 0 = none */
    uint8_t at[16]; /* IPv4 uses the first 4, the rest is zero */
};

#define ADDRESS_TEXT 46
#define MAC_TEXT 18

bool address_equal(const struct address *a, const struct address *b);
void address_text(const struct address *a, char text[ADDRESS_TEXT]); /* "" for none */
/* Dotted IPv4 or IPv6; E_MALFORMED. */
MUST outcome address_parse(const char *text, struct address *ret);
/* One host, as people and plants number them: not multicast, broadcast, loopback's "any" or none. */
bool address_host(const struct address *a);
/* Of this site or link: RFC 1918, 3927, 4193, 4291 link-local, loopback (and RFC 6598). */
bool address_inside(const struct address *a);
bool address_many(const struct address *a); /* multicast, or 255.255.255.255 */

void mac_text(const uint8_t mac[6], char text[MAC_TEXT]);
/* Six pairs of digits, with : - . or nothing between. */
MUST outcome mac_parse(const char *text, uint8_t ret[6]);

/* Whatever somebody else chose, as printable UTF-8 in text[size]: control characters (C0, C1, DEL), characters that
 * turn the line's direction or show as nothing, the backslash, and what is not UTF-8 become \xNN for each byte (N60).
 * Cut at a whole character when it does not fit. Returns the length. */
size_t text_shown(struct bytes raw, char *text, size_t size);

#endif
