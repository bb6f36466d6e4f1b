/* One captured frame, down to the payload of TCP or UDP: Ethernet, VLAN tags, ARP, IPv4 with fragments, IPv6 with
 * extension headers. Pure and bounded; a header that lies about lengths is refused, a cut packet is read as far as
 * it goes. Views into the packet. */
#ifndef WATCH_FRAME_H
#define WATCH_FRAME_H

#include "watch/address.h"

enum frame_kind { FRAME_OTHER, FRAME_ARP, FRAME_IP };
enum { TRANSPORT_ICMP = 1, TRANSPORT_TCP = 6, TRANSPORT_UDP = 17, TRANSPORT_GRE = 47, TRANSPORT_ESP = 50, TRANSPORT_AH = 51,
    TRANSPORT_ICMP6 = 58 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct frame {
    enum frame_kind kind;
    bool has_mac;
    uint8_t mac_from[6], mac_to[6];
    uint16_t vlan;       /* innermost tag; 0 = none */
    uint16_t ethertype;
    struct address from, to; /* ARP: sender's and target's */
    bool arp_request;
    uint8_t transport;   /* protocol number behind all extension headers */
    bool fragment;       /* not the first: transport known, ports not */
    bool has_ports;
    uint16_t from_port, to_port;
    uint8_t tcp_flags;
    uint32_t tcp_seq;
    struct bytes payload;
};

/* link: LINKTYPE_ number of the capture. E_UNSUPPORTED: a link type we do not read. E_SHORT, E_MALFORMED. */
MUST outcome frame_read(uint16_t link, struct bytes packet, struct frame *ret);

#endif
