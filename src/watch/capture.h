/* Files of captured packets: pcap and pcapng, read by our own bounded reader, because all it has to do is to find
 * records and a link type; libpcap would bring a filter compiler and device handling into the process that reads
 * what strangers sent. Pure: the caller hands over bytes as they come. Sources: draft-ietf-opsawg-pcap,
 * draft-ietf-opsawg-pcapng. */
#ifndef WATCH_CAPTURE_H
#define WATCH_CAPTURE_H

#include "base/bytes.h"

enum { CAPTURE_RECORD_MAX = 1 << 20, CAPTURE_INTERFACES_MAX = 64 };

struct capture {
    enum { CAPTURE_START, CAPTURE_PCAP, CAPTURE_PCAPNG } kind;
    bool swapped;       /* of the other byte order */
    uint32_t ticks_s;   /* pcap: fractions of a second in a time stamp */
    uint32_t n_interfaces;
    struct {
        uint16_t link;
        uint8_t resolution; /* if_tsresol */
    } interfaces[CAPTURE_INTERFACES_MAX];
};
#define CAPTURE ((struct capture) { 0 })

struct captured {
    uint16_t link;       /* LINKTYPE_ number */
    int64_t at_ms;       /* wall clock */
    uint32_t wire_bytes; /* as it was sent; the view may be shorter */
    struct bytes packet;
};

/* The next packet in *in, which advances past it. E_SHORT: not whole yet; what was read over is gone from *in, so that
 * no more than CAPTURE_RECORD_MAX bytes ever need to be kept. E_MALFORMED, E_TOO_LARGE: give the file up. E_UNSUPPORTED:
 * not a capture file. */
MUST outcome capture_next(struct capture *c, struct bytes *in, struct captured *ret);

#endif
