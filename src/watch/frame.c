#include "watch/frame.h"

enum { LINK_NULL = 0, LINK_ETHERNET = 1, LINK_RAW_BSD = 12, LINK_RAW = 101, LINK_LOOP = 108, LINK_COOKED = 113, LINK_IP4 = 228,
    LINK_IP6 = 229, LINK_COOKED2 = 276 };
enum { ETHER_IP4 = 0x0800, ETHER_ARP = 0x0806, ETHER_VLAN = 0x8100, ETHER_QINQ = 0x88A8, ETHER_IP6 = 0x86DD, ETHER_LEAST = 0x0600,
    ETHER_PPPOE = 0x8864, PPP_IP4 = 0x21, PPP_IP6 = 0x57 };
enum { TAGS_MAX = 4, EXTENSIONS_MAX = 10 };
enum { NEXT_HOPS = 0, NEXT_ROUTE = 43, NEXT_FRAGMENT = 44, NEXT_OPTIONS = 60, NEXT_MOBILITY = 135 };

/* ---- RFC 9293, 768 ---- */

static MUST outcome tcp_read(struct bytes in, struct frame *f)
{
    struct bytes skipped;
    uint8_t offset = 0;
    size_t whole = in.n;
    TRY(take_u16(&in, &f->from_port));
    TRY(take_u16(&in, &f->to_port));
    TRY(take_u32(&in, &f->tcp_seq));
    TRY(take(&in, 4, &skipped));
    TRY(take_u8(&in, &offset));
    TRY(take_u8(&in, &f->tcp_flags));
    TRY(take(&in, 6, &skipped));
    size_t head = (size_t)(offset >> 4) * 4;
    if (head < 20) return REFUSE(E_MALFORMED);
    TRY(take(&in, head - (whole - in.n), &skipped));
    f->has_ports = true;
    f->payload = in;
    return DONE;
}

static MUST outcome udp_read(struct bytes in, struct frame *f)
{
    uint16_t n = 0, sum = 0;
    TRY(take_u16(&in, &f->from_port));
    TRY(take_u16(&in, &f->to_port));
    TRY(take_u16(&in, &n));
    TRY(take_u16(&in, &sum));
    if (n && n < 8) return REFUSE(E_MALFORMED);
    if (n && in.n > (size_t)n - 8) in.n = (size_t)n - 8;
    f->has_ports = true;
    f->payload = in;
    return DONE;
}

static MUST outcome transport_read(struct bytes in, struct frame *f)
{
    f->payload = in;
    if (f->fragment) return DONE;
    if (f->transport == TRANSPORT_TCP) return tcp_read(in, f);
    if (f->transport == TRANSPORT_UDP) return udp_read(in, f);
    return DONE;
}

/* ---- RFC 791, 8200 ---- */

static MUST outcome ip4_read(struct bytes in, struct frame *f)
{
    struct bytes skipped, from, to;
    uint8_t first = 0, service = 0, ttl = 0;
    uint16_t total = 0, id = 0, place = 0;
    size_t whole = in.n;
    TRY(take_u8(&in, &first));
    TRY(take_u8(&in, &service));
    TRY(take_u16(&in, &total));
    TRY(take_u16(&in, &id));
    TRY(take_u16(&in, &place));
    TRY(take_u8(&in, &ttl));
    TRY(take_u8(&in, &f->transport));
    TRY(take(&in, 2, &skipped));
    TRY(take(&in, 4, &from));
    TRY(take(&in, 4, &to));
    size_t head = (size_t)(first & 15) * 4;
    if (first >> 4 != 4 || head < 20 || (total && total < head)) return REFUSE(E_MALFORMED);
    TRY(take(&in, head - 20, &skipped));
    /* Behind the packet an Ethernet frame may be padded; a total of 0 is a sender's offload. */
    if (total && total < whole && in.n > total - head) in.n = total - head;
    memcpy(f->from.at, from.at, 4);
    memcpy(f->to.at, to.at, 4);
    f->from.family = f->to.family = 4;
    f->kind = FRAME_IP;
    f->fragment = (place & 0x1FFF) != 0;
    return transport_read(in, f);
}

/* One extension header; *next becomes what follows it. false: it is none, the payload begins here. */
static MUST outcome extension(struct bytes *in, uint8_t *next, struct frame *f, bool *ret_more)
{
    struct bytes skipped;
    uint8_t following = 0, n = 0;
    uint8_t now = *next;
    *ret_more = now == NEXT_HOPS || now == NEXT_ROUTE || now == NEXT_FRAGMENT || now == NEXT_OPTIONS || now == NEXT_MOBILITY
        || now == TRANSPORT_AH;
    if (!*ret_more) return DONE;
    TRY(take_u8(in, &following));
    TRY(take_u8(in, &n));
    size_t body = now == NEXT_FRAGMENT ? 8 : now == TRANSPORT_AH ? ((size_t)n + 2) * 4 : ((size_t)n + 1) * 8;
    TRY(take(in, body - 2, &skipped));
    if (now == NEXT_FRAGMENT && (skipped.at[0] || (skipped.at[1] & 0xF8))) f->fragment = true;
    *next = following;
    if (f->fragment) *ret_more = false;
    return DONE;
}

static MUST outcome ip6_read(struct bytes in, struct frame *f)
{
    struct bytes skipped, from, to;
    uint16_t n = 0;
    uint8_t next = 0;
    TRY(take(&in, 4, &skipped));
    if (skipped.at[0] >> 4 != 6) return REFUSE(E_MALFORMED);
    TRY(take_u16(&in, &n));
    TRY(take_u8(&in, &next));
    TRY(take(&in, 1, &from));
    TRY(take(&in, 16, &from));
    TRY(take(&in, 16, &to));
    if (n && in.n > n) in.n = n;
    memcpy(f->from.at, from.at, 16);
    memcpy(f->to.at, to.at, 16);
    f->from.family = f->to.family = 6;
    f->kind = FRAME_IP;
    bool more = true;
    for (int i = 0; more; i++) {
        if (i == EXTENSIONS_MAX) return REFUSE(E_MALFORMED);
        TRY(extension(&in, &next, f, &more));
    }
    f->transport = next;
    return transport_read(in, f);
}

/* ---- RFC 826 ---- */

static MUST outcome arp_read(struct bytes in, struct frame *f)
{
    static const uint8_t ether_ip4[] = { 0, 1, 8, 0, 6, 4 };
    struct bytes head, mac, from, to;
    uint16_t what = 0;
    TRY(take(&in, 6, &head));
    f->kind = FRAME_OTHER;
    if (!bytes_equal(head, bytes_of(ether_ip4, sizeof ether_ip4))) return DONE;
    TRY(take_u16(&in, &what));
    TRY(take(&in, 6, &mac));
    TRY(take(&in, 4, &from));
    TRY(take(&in, 6, &head));
    TRY(take(&in, 4, &to));
    f->kind = FRAME_ARP;
    f->arp_request = what == 1;
    memcpy(f->mac_from, mac.at, 6);
    f->has_mac = true;
    memcpy(f->from.at, from.at, 4);
    memcpy(f->to.at, to.at, 4);
    f->from.family = f->to.family = 4;
    return DONE;
}

static MUST outcome pppoe_read(struct bytes in, struct frame *f)
{
    struct bytes skipped;
    uint16_t protocol = 0;
    TRY(take(&in, 6, &skipped));
    TRY(take_u16(&in, &protocol));
    if (protocol == PPP_IP4) return ip4_read(in, f);
    return protocol == PPP_IP6 ? ip6_read(in, f) : DONE;
}

static MUST outcome ether_payload(uint16_t type, struct bytes in, struct frame *f)
{
    f->ethertype = type;
    if (type == ETHER_IP4) return ip4_read(in, f);
    if (type == ETHER_IP6) return ip6_read(in, f);
    if (type == ETHER_ARP) return arp_read(in, f);
    if (type == ETHER_PPPOE) return pppoe_read(in, f);
    return DONE;
}

static MUST outcome tagged(struct bytes in, uint16_t type, struct frame *f)
{
    for (int i = 0; type == ETHER_VLAN || type == ETHER_QINQ; i++) {
        uint16_t tag = 0;
        if (i == TAGS_MAX) return REFUSE(E_MALFORMED);
        TRY(take_u16(&in, &tag));
        TRY(take_u16(&in, &type));
        f->vlan = tag & 0x0FFF;
    }
    return ether_payload(type, in, f);
}

static MUST outcome ethernet_read(struct bytes in, struct frame *f)
{
    struct bytes to, from;
    uint16_t type = 0;
    TRY(take(&in, 6, &to));
    TRY(take(&in, 6, &from));
    TRY(take_u16(&in, &type));
    memcpy(f->mac_to, to.at, 6);
    memcpy(f->mac_from, from.at, 6);
    f->has_mac = true;
    if (type < ETHER_LEAST) return DONE; /* IEEE 802.3 with a length: spanning tree and the like */
    return tagged(in, type, f);
}

static MUST outcome cooked_read(struct bytes in, struct frame *f)
{
    struct bytes skipped, mac;
    uint16_t n = 0, type = 0;
    TRY(take(&in, 4, &skipped));
    TRY(take_u16(&in, &n));
    TRY(take(&in, 8, &mac));
    TRY(take_u16(&in, &type));
    f->has_mac = n == 6;
    if (f->has_mac) memcpy(f->mac_from, mac.at, 6);
    return tagged(in, type, f);
}

static MUST outcome cooked2_read(struct bytes in, struct frame *f)
{
    struct bytes skipped, mac;
    uint16_t type = 0;
    uint8_t n = 0;
    TRY(take_u16(&in, &type));
    TRY(take(&in, 9, &skipped));
    TRY(take_u8(&in, &n));
    TRY(take(&in, 8, &mac));
    f->has_mac = n == 6;
    if (f->has_mac) memcpy(f->mac_from, mac.at, 6);
    return tagged(in, type, f);
}

static MUST outcome raw_read(struct bytes in, struct frame *f)
{
    if (!in.n) return REFUSE(E_SHORT);
    return in.at[0] >> 4 == 6 ? ip6_read(in, f) : ip4_read(in, f);
}

/* Four bytes say the family in the numbers of the machine that captured; IP says it as well. */
static MUST outcome null_read(struct bytes in, struct frame *f)
{
    struct bytes family;
    TRY(take(&in, 4, &family));
    return raw_read(in, f);
}

outcome frame_read(uint16_t link, struct bytes packet, struct frame *ret)
{
    static const struct { uint16_t link; outcome (*read)(struct bytes in, struct frame *f); } rows[] = {
        { LINK_ETHERNET, ethernet_read }, { LINK_COOKED, cooked_read }, { LINK_COOKED2, cooked2_read }, { LINK_NULL, null_read },
        { LINK_LOOP, null_read }, { LINK_RAW, raw_read }, { LINK_RAW_BSD, raw_read }, { LINK_IP4, ip4_read }, { LINK_IP6, ip6_read },
    };
    struct frame f = { 0 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].link != link) continue;
        TRY(rows[i].read(packet, &f));
        *ret = f;
        return DONE;
    }
    return REFUSE(E_UNSUPPORTED);
}
